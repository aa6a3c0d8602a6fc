//! NetApp Astra Control's tokens: those of a user of an account, below the user or below a group that holds it.
//!
//! Everything else below `/accounts` is a collection that is not there: the vendor's SDK asks for one after each failure.

mod base64;
mod described;
mod errors;
mod filter;
mod handlers;
mod headers;
mod list;
mod wire;

use http::Method;

use self::errors::{Problem, ProblemOutput};
use crate::admin::dialect::{Answer, Call, Dialect, Refusal, Reply};
use crate::admin::endpoint::Endpoint;
use crate::admin::problem;
use crate::admin::spec::{Media, Parameter, Spec, Value, shape};
use crate::auth::Source;

/// The dialect.
pub(super) struct Astra;

const CREATE: &str = "createToken";
const LIST: &str = "listTokens";
const RETRIEVE: &str = "getToken";
const MODIFY: &str = "updateToken";
const DELETE: &str = "deleteToken";

const TOKENS: &str = "/accounts/{account_id}/core/v1/users/{user_id}/tokens";
const ITEM: &str = "/accounts/{account_id}/core/v1/users/{user_id}/tokens/{token_id}";
const GROUP_TOKENS: &str = "/accounts/{account_id}/core/v1/groups/{group_id}/users/{user_id}/tokens";
const GROUP_ITEM: &str = "/accounts/{account_id}/core/v1/groups/{group_id}/users/{user_id}/tokens/{token_id}";

/// Rights depend on whether the user is the caller, so no scope stands in the table.
const fn row(method: Method, path: &'static str, operation: &'static str, spec: Spec) -> Endpoint {
    Endpoint::new(method, path, operation, &[], spec)
}

static ENDPOINTS: [Endpoint; 10] = [
    row(Method::POST, TOKENS, CREATE, CREATE_SPEC),
    row(Method::GET, TOKENS, LIST, LIST_SPEC),
    row(Method::GET, ITEM, RETRIEVE, RETRIEVE_SPEC),
    row(Method::PUT, ITEM, MODIFY, MODIFY_SPEC),
    row(Method::DELETE, ITEM, DELETE, DELETE_SPEC),
    row(Method::POST, GROUP_TOKENS, CREATE, CREATE_SPEC),
    row(Method::GET, GROUP_TOKENS, LIST, LIST_SPEC),
    row(Method::GET, GROUP_ITEM, RETRIEVE, RETRIEVE_SPEC),
    row(Method::PUT, GROUP_ITEM, MODIFY, MODIFY_SPEC),
    row(Method::DELETE, GROUP_ITEM, DELETE, DELETE_SPEC),
];

const BODIES: &[&str] = &[headers::TOKEN_JSON, headers::JSON];

const CREATE_SPEC: Spec = Spec {
    summary: "Makes a token for the user; the answer alone shows its secret.",
    parameters: &[],
    body: Some(Media { types: BODIES, schema: shape::<described::Create> }),
    answers: &[(201, Some(Media { types: headers::SPOKEN, schema: shape::<wire::NewTokenOutput<'static>> }))],
    refusals: &[405, 406, 409],
};

const LIST_SPEC: Spec = Spec {
    summary: "The user's tokens, oldest first.",
    parameters: &[
        Parameter::query(
            "include",
            Value::Pattern("^([0-9a-zA-Z]+)(,[0-9a-zA-Z]+)*$"),
            "Which of type, version, id, name, userID and metadata each item is an array of.",
        ),
        Parameter::query(
            "filter",
            Value::Texts,
            "FIELD eq|lt|gt|lte|gte|in 'VALUE', with commas between; all must hold.",
        ),
        Parameter::query(
            "orderBy",
            Value::Pattern("^(id|name|userID|type|version)( desc)?$"),
            "What the tokens are sorted by; those that are equal, and all by default, by creation.",
        ),
        Parameter::query("limit", Value::Pattern("^[1-9][0-9]*$"), "At most so many; all by default."),
        Parameter::query("skip", Value::Pattern("^[1-9][0-9]*$"), "Passes over so many; none by default."),
        Parameter::query("count", Value::Pattern("^true$"), "Tells how many there are before skip and limit."),
        Parameter::query("continue", Value::Text, "Goes on where metadata.continue of an answer points; before skip."),
    ],
    body: None,
    answers: &[(200, Some(Media::json(shape::<wire::ListOutput>)))],
    refusals: &[405, 406],
};

const RETRIEVE_SPEC: Spec = Spec {
    summary: "One token, without its secret.",
    parameters: &[],
    body: None,
    answers: &[(200, Some(Media { types: headers::SPOKEN, schema: shape::<wire::TokenOutput> }))],
    refusals: &[405, 406],
};

const fn condition(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, header: true, required: false, value: Value::Text, about }
}

const MODIFY_SPEC: Spec = Spec {
    summary: "Changes the name or the labels of a token.",
    parameters: &[
        condition("If-Match", "The ETag that the token must have, with or without quotes, or *."),
        condition("If-Unmodified-Since", "Only if the token was not changed since."),
        condition("If-Modified-Since", "Only if the token was changed since."),
    ],
    body: Some(Media { types: BODIES, schema: shape::<described::Change> }),
    answers: &[(204, None)],
    refusals: &[405, 406, 409, 412],
};

const DELETE_SPEC: Spec =
    Spec { summary: "Deletes a token.", parameters: &[], body: None, answers: &[(204, None)], refusals: &[405, 406] };

impl Dialect for Astra {
    fn name(&self) -> &'static str {
        "astra"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/accounts"]
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &ENDPOINTS
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Bearer]
    }

    /// Problems name the request in a member that is a UUID.
    fn takes_request_id(&self, id: &str) -> bool {
        wire::identifier(id).is_some()
    }

    fn refuse(&self, refusal: &Refusal<'_>) -> Reply {
        let changes = refusal.endpoint.is_some_and(|endpoint| [MODIFY, DELETE].contains(&endpoint.operation));
        Problem::of_fault(refusal.fault, changes).reply(refusal.request_id)
    }

    fn error_body(&self, _: u16) -> Media {
        Media { types: &[problem::MEDIA], schema: shape::<ProblemOutput> }
    }

    fn call<'c>(&'c self, call: Call<'c>) -> Answer<'c> {
        Box::pin(async move {
            let done = match call.endpoint.operation {
                CREATE => handlers::create(&call).await,
                LIST => handlers::list(&call).await,
                RETRIEVE => handlers::retrieve(&call).await,
                MODIFY => handlers::modify(&call).await,
                _ => handlers::delete(&call).await,
            };
            done.or_else(|refused| refused.end(|problem| problem.reply(call.request_id)))
        })
    }
}
