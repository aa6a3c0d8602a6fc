//! XSKY XMS's access tokens (docs/dialects/xms.md).

mod errors;
mod handlers;
mod list;
mod names;
mod wire;

use http::Method;
use http::header::HeaderName;

use self::errors::{Problem, Refused};
use crate::admin::dialect::{Answer, Call, Dialect, Refusal, Reply};
use crate::admin::endpoint::Endpoint;
use crate::admin::spec::{Media, Parameter, Spec, Value, shape};
use crate::auth::Source;
use crate::token::PlainSecret;

/// What a handler returns.
type Outcome = Result<Reply, Refused>;

/// The dialect.
pub(super) struct Xms;

const CREATE: &str = "create_access_token";
const LIST: &str = "list_access_tokens";
const GET: &str = "get_access_token";
const UPDATE: &str = "update_access_token";
const DELETE: &str = "delete_access_token";
const REGENERATE: &str = "regenerate_access_token";
const VALIDATE: &str = "validate_access_token";

/// Reads tokens of other users of the account.
const READ_ALL: &str = "xms.tokens.read_all";
/// Makes and changes tokens.
const WRITE: &str = "xms.tokens.write";

/// The variable of the paths of one token.
const ID: &str = "access_token_id";
/// The parameter that holds the secret to be validated.
const SUBJECT: &str = "subject_access_token";

/// The fixed end of a path that has the number of a token before it.
const REGENERATE_END: &str = ":regenerate";

const fn row(method: Method, path: &'static str, operation: &'static str, spec: Spec) -> Endpoint {
    Endpoint::new(method, path, operation, &[], spec)
}

const fn change(method: Method, path: &'static str, operation: &'static str, spec: Spec) -> Endpoint {
    Endpoint::new(method, path, operation, &[WRITE], spec)
}

static ENDPOINTS: [Endpoint; 14] = [
    row(Method::GET, "/v1/access-tokens/?", LIST, LIST_SPEC),
    change(Method::POST, "/v1/access-tokens/?", CREATE, CREATE_SPEC),
    row(Method::GET, "/v1/access-tokens/{access_token_id}", GET, GET_SPEC),
    change(Method::PATCH, "/v1/access-tokens/{access_token_id}", UPDATE, UPDATE_SPEC),
    change(Method::DELETE, "/v1/access-tokens/{access_token_id}", DELETE, DELETE_SPEC),
    change(Method::POST, "/v1/access-tokens/{access_token_id}:regenerate", REGENERATE, REGENERATE_SPEC),
    row(Method::POST, "/v1/access-tokens:validate", VALIDATE, VALIDATE_SPEC),
    row(Method::GET, "/api/v1/access-tokens/?", LIST, LIST_SPEC),
    change(Method::POST, "/api/v1/access-tokens/?", CREATE, CREATE_SPEC),
    row(Method::GET, "/api/v1/access-tokens/{access_token_id}", GET, GET_SPEC),
    change(Method::PATCH, "/api/v1/access-tokens/{access_token_id}", UPDATE, UPDATE_SPEC),
    change(Method::DELETE, "/api/v1/access-tokens/{access_token_id}", DELETE, DELETE_SPEC),
    change(Method::POST, "/api/v1/access-tokens/{access_token_id}:regenerate", REGENERATE, REGENERATE_SPEC),
    row(Method::POST, "/api/v1/access-tokens:validate", VALIDATE, VALIDATE_SPEC),
];

const LIST_SPEC: Spec = Spec {
    summary: "The caller's own tokens, or those of others, by number.",
    parameters: &[
        Parameter::query("limit", Value::Integer(1, list::MOST), "Most tokens to answer with; all by default."),
        Parameter::query("offset", Value::Integer(0, i64::MAX), "Tokens to leave out at the start; 0 by default."),
        Parameter::query("user_id", Value::Integer(i64::MIN, i64::MAX), "Only tokens of this user."),
        Parameter::query("role", Value::Text, "Only tokens with exactly this role."),
        Parameter::query("all", Value::Boolean, "Tokens of every user of the account; false by default."),
    ],
    body: None,
    answers: &[(200, Some(Media::json(shape::<wire::AccessTokens>)))],
    refusals: &[405],
};

const CREATE_SPEC: Spec = Spec {
    summary: "Makes a token of the caller's user; its secret is in this answer alone.",
    parameters: &[],
    body: Some(Media::json(shape::<wire::CreateReq>)),
    answers: &[(201, Some(Media::json(shape::<wire::CreateResp<'_>>)))],
    refusals: &[405, 409],
};

const GET_SPEC: Spec = Spec {
    summary: "One token, by its number or by its secret of 32 hexadecimal digits.",
    parameters: &[],
    body: None,
    answers: &[(200, Some(Media::json(shape::<wire::AccessTokenResp>)))],
    refusals: &[405],
};

const UPDATE_SPEC: Spec = Spec {
    summary: "Renames a token; without a body nothing changes.",
    parameters: &[],
    body: Some(Media::json(shape::<wire::UpdateReq>)),
    answers: &[(200, Some(Media::json(shape::<wire::AccessTokenResp>)))],
    refusals: &[405, 409],
};

const DELETE_SPEC: Spec = Spec {
    summary: "Deletes a token for good.",
    parameters: &[],
    body: None,
    answers: &[(204, None)],
    refusals: &[405],
};

const REGENERATE_SPEC: Spec = Spec {
    summary: "Gives a token a new secret; the one it had stops working at once.",
    parameters: &[],
    body: None,
    answers: &[(200, Some(Media::json(shape::<wire::CreateResp<'_>>)))],
    refusals: &[405, 409],
};

const VALIDATE_SPEC: Spec = Spec {
    summary: "The live token that a secret belongs to.",
    parameters: &[Parameter {
        name: SUBJECT,
        header: false,
        required: true,
        value: Value::Text,
        about: "The secret, of any form.",
    }],
    body: None,
    answers: &[(200, Some(Media::json(shape::<wire::AccessTokenResp>)))],
    refusals: &[405],
};

impl Dialect for Xms {
    fn name(&self) -> &'static str {
        "xms"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/v1", "/api/v1"]
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &ENDPOINTS
    }

    fn sources(&self) -> Vec<Source> {
        vec![
            Source::Header(HeaderName::from_static("xms-auth-token")),
            Source::Query("token".to_owned()),
            Source::Header(HeaderName::from_static("xms_auth_token")),
            Source::Cookie("XMS_AUTH_TOKEN"),
        ]
    }

    fn secret_parameters(&self) -> &'static [&'static str] {
        &[SUBJECT]
    }

    fn is_secret_segment(&self, segment: &str) -> bool {
        // Whatever is long enough to be a secret; numbers of tokens and the fixed segments are shorter.
        let id = segment.strip_suffix(REGENERATE_END).unwrap_or(segment);
        id.len() >= PlainSecret::MIN_IMPORT_LENGTH && id != "access-tokens:validate"
    }

    fn refuse(&self, refusal: &Refusal<'_>) -> Reply {
        errors::refuse(refusal)
    }

    fn error_body(&self, _: u16) -> Media {
        Media::json(shape::<errors::ErrorBody<'_>>)
    }

    fn call<'c>(&'c self, call: Call<'c>) -> Answer<'c> {
        Box::pin(async move {
            let done = match call.endpoint.operation {
                CREATE => handlers::create(&call).await,
                LIST => list::list(&call).await,
                GET => handlers::get(&call).await,
                UPDATE => handlers::update(&call).await,
                DELETE => handlers::delete(&call).await,
                REGENERATE => handlers::regenerate(&call).await,
                _ => handlers::validate(&call).await,
            };
            done.or_else(|refused| refused.end(Problem::reply))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_a_secret_is_masked_in_paths() {
        for shown in ["", "v1", "access-tokens", "access-tokens:validate", "41", "123456789:regenerate", "abc"] {
            assert!(!Xms.is_secret_segment(shown), "{shown}");
        }
        for masked in
            ["5f0c9d1be2a84736b8c1d2e3f4a59607", "5f0c9d1be2a84736b8c1d2e3f4a59607:regenerate", "tg_0123456789abcdef"]
        {
            assert!(Xms.is_secret_segment(masked), "{masked}");
        }
    }
}
