//! Losant's user API tokens, and those of applications and instances: one set of handlers over an owner.
//!
//! Contract in docs/dialects/losant.md. Applications and instances are owners named `application:<hex>` and `instance:<hex>`.

mod body;
mod errors;
mod handlers;
mod place;
mod query;
mod wire;

use http::Method;

use self::errors::{ErrorBody, Problem, refuse};
use self::wire::{ApiToken, ApiTokenPatch, ApiTokenPost, ApiTokens, Success};
use crate::admin::dialect::{Answer, Call, Dialect, Refusal, Reply};
use crate::admin::endpoint::Endpoint;
use crate::admin::spec::{Media, Parameter, Spec, Value, shape};
use crate::auth::Source;

/// The dialect.
pub(super) struct Losant;

/// The operations: five for each family.
static ENDPOINTS: [Endpoint; 15] = [
    Endpoint::new(
        Method::GET,
        "/me/tokens/?",
        "userApiTokens.get",
        &[
            "all.User",
            "all.User.bounded",
            "all.User.read",
            "only.User",
            "only.User.bounded",
            "only.User.read",
            "userApiTokens.*",
            "userApiTokens.get",
        ],
        LIST,
    ),
    Endpoint::new(
        Method::POST,
        "/me/tokens/?",
        "userApiTokens.post",
        &["all.User", "only.User", "userApiTokens.*", "userApiTokens.post"],
        CREATE,
    ),
    Endpoint::new(
        Method::GET,
        "/me/tokens/{apiTokenId}/?",
        "userApiToken.get",
        &[
            "all.User",
            "all.User.bounded",
            "all.User.read",
            "only.User",
            "only.User.bounded",
            "only.User.read",
            "userApiToken.*",
            "userApiToken.get",
        ],
        GET,
    ),
    Endpoint::new(
        Method::PATCH,
        "/me/tokens/{apiTokenId}/?",
        "userApiToken.patch",
        &["all.User", "only.User", "userApiToken.*", "userApiToken.patch"],
        UPDATE,
    ),
    Endpoint::new(
        Method::DELETE,
        "/me/tokens/{apiTokenId}/?",
        "userApiToken.delete",
        &["all.User", "only.User", "userApiToken.*", "userApiToken.delete"],
        DELETE,
    ),
    Endpoint::new(
        Method::GET,
        "/applications/{applicationId}/tokens/?",
        "applicationApiTokens.get",
        &[
            "all.Application",
            "all.Application.bounded",
            "all.Application.read",
            "all.Organization",
            "all.Organization.bounded",
            "all.Organization.read",
            "all.User",
            "all.User.bounded",
            "all.User.read",
            "applicationApiTokens.*",
            "applicationApiTokens.get",
        ],
        LIST,
    ),
    Endpoint::new(
        Method::POST,
        "/applications/{applicationId}/tokens/?",
        "applicationApiTokens.post",
        &["all.Application", "all.Organization", "all.User", "applicationApiTokens.*", "applicationApiTokens.post"],
        CREATE,
    ),
    Endpoint::new(
        Method::GET,
        "/applications/{applicationId}/tokens/{apiTokenId}/?",
        "applicationApiToken.get",
        &[
            "all.Application",
            "all.Application.bounded",
            "all.Application.read",
            "all.Organization",
            "all.Organization.bounded",
            "all.Organization.read",
            "all.User",
            "all.User.bounded",
            "all.User.read",
            "applicationApiToken.*",
            "applicationApiToken.get",
        ],
        GET,
    ),
    Endpoint::new(
        Method::PATCH,
        "/applications/{applicationId}/tokens/{apiTokenId}/?",
        "applicationApiToken.patch",
        &["all.Application", "all.Organization", "all.User", "applicationApiToken.*", "applicationApiToken.patch"],
        UPDATE,
    ),
    Endpoint::new(
        Method::DELETE,
        "/applications/{applicationId}/tokens/{apiTokenId}/?",
        "applicationApiToken.delete",
        &["all.Application", "all.Organization", "all.User", "applicationApiToken.*", "applicationApiToken.delete"],
        DELETE,
    ),
    Endpoint::new(
        Method::GET,
        "/instances/{instanceId}/tokens/?",
        "instanceApiTokens.get",
        &[
            "all.Instance",
            "all.Instance.bounded",
            "all.Instance.read",
            "all.User",
            "all.User.bounded",
            "all.User.read",
            "instanceApiTokens.*",
            "instanceApiTokens.get",
        ],
        LIST,
    ),
    Endpoint::new(
        Method::POST,
        "/instances/{instanceId}/tokens/?",
        "instanceApiTokens.post",
        &["all.Instance", "all.User", "instanceApiTokens.*", "instanceApiTokens.post"],
        CREATE,
    ),
    Endpoint::new(
        Method::GET,
        "/instances/{instanceId}/tokens/{apiTokenId}/?",
        "instanceApiToken.get",
        &[
            "all.Instance",
            "all.Instance.bounded",
            "all.Instance.read",
            "all.User",
            "all.User.bounded",
            "all.User.read",
            "instanceApiToken.*",
            "instanceApiToken.get",
        ],
        GET,
    ),
    Endpoint::new(
        Method::PATCH,
        "/instances/{instanceId}/tokens/{apiTokenId}/?",
        "instanceApiToken.patch",
        &["all.Instance", "all.User", "instanceApiToken.*", "instanceApiToken.patch"],
        UPDATE,
    ),
    Endpoint::new(
        Method::DELETE,
        "/instances/{instanceId}/tokens/{apiTokenId}/?",
        "instanceApiToken.delete",
        &["all.Instance", "all.User", "instanceApiToken.*", "instanceApiToken.delete"],
        DELETE,
    ),
];

const ACTIONS: Parameter =
    Parameter::query("_actions", Value::Text, "Whether `_actions` is sent: true, 1 or yes; true when absent.");
const LINKS: Parameter =
    Parameter::query("_links", Value::Text, "Whether `_links` is sent: true, 1 or yes; true when absent.");
const EMBEDDED: Parameter = Parameter::query("_embedded", Value::Text, "Accepted; there is nothing to embed.");
const DOMAIN: Parameter = Parameter {
    name: "losantdomain",
    header: true,
    required: false,
    value: Value::Text,
    about: "Accepted and ignored.",
};

const HEX: &str = "^[A-Fa-f0-9]{24}$";
const TOKEN_ID: Parameter = Parameter::variable("apiTokenId", HEX, "Of the token: 24 hex digits, either case.");
const APPLICATION: Parameter = Parameter::variable("applicationId", HEX, "Of the application that owns the tokens.");
const INSTANCE: Parameter = Parameter::variable("instanceId", HEX, "Of the instance that owns the tokens.");

const LIST: Spec = Spec {
    summary: "The tokens of one owner, sorted, filtered and in pages.",
    parameters: &[
        Parameter::query("sortField", Value::Word(query::SORT_FIELDS), "What to sort by; `name` by default."),
        Parameter::query(
            "sortDirection",
            Value::Pattern("^([aA][sS][cC]|[dD][eE][sS][cC])?$"),
            "`asc`, the default, or `desc`. Names sort without case, ties by id; tokens without a date come last.",
        ),
        Parameter::query("page", Value::Pattern("^(0|[1-9][0-9]{0,14})?$"), "Which page, from 0, the default."),
        Parameter::query("perPage", Value::Pattern("^([1-9][0-9]{0,2}|1000)?$"), "1 to 1000; 100 by default."),
        Parameter::query("filterField", Value::Word(query::FILTER_FIELDS), "What `filter` looks at."),
        Parameter::query(
            "filter",
            Value::Text,
            "A glob over the whole value, without case: `*` any run, `?` one character.",
        ),
        ACTIONS,
        LINKS,
        EMBEDDED,
        DOMAIN,
        APPLICATION,
        INSTANCE,
    ],
    body: None,
    answers: &[(200, Some(Media::json(shape::<ApiTokens>)))],
    refusals: &[405],
};

const CREATE: Spec = Spec {
    summary: "Makes a token; the answer alone shows its secret.",
    parameters: &[ACTIONS, LINKS, EMBEDDED, DOMAIN, APPLICATION, INSTANCE],
    body: Some(Media::json(shape::<ApiTokenPost>)),
    answers: &[(201, Some(Media::json(shape::<ApiToken>)))],
    refusals: &[405, 409],
};

const GET: Spec = Spec {
    summary: "One token.",
    parameters: &[ACTIONS, LINKS, EMBEDDED, DOMAIN, APPLICATION, INSTANCE, TOKEN_ID],
    body: None,
    answers: &[(200, Some(Media::json(shape::<ApiToken>)))],
    refusals: &[405],
};

const UPDATE: Spec = Spec {
    summary: "Changes what the body names.",
    parameters: &[ACTIONS, LINKS, EMBEDDED, DOMAIN, APPLICATION, INSTANCE, TOKEN_ID],
    body: Some(Media::json(shape::<ApiTokenPatch>)),
    answers: &[(200, Some(Media::json(shape::<ApiToken>)))],
    refusals: &[405, 409],
};

const DELETE: Spec = Spec {
    summary: "Deletes a token for good; it stops working at once.",
    parameters: &[ACTIONS, LINKS, EMBEDDED, DOMAIN, APPLICATION, INSTANCE, TOKEN_ID],
    body: None,
    answers: &[(200, Some(Media::json(shape::<Success>)))],
    refusals: &[405],
};

impl Dialect for Losant {
    fn name(&self) -> &'static str {
        "losant"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/me", "/applications", "/instances"]
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &ENDPOINTS
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Bearer, Source::Scheme("jwt")]
    }

    fn refuse(&self, refusal: &Refusal<'_>) -> Reply {
        refuse(refusal.fault)
    }

    fn error_body(&self, _status: u16) -> Media {
        Media::json(shape::<ErrorBody<'_>>)
    }

    fn call<'c>(&'c self, call: Call<'c>) -> Answer<'c> {
        Box::pin(async move { handlers::serve(&call).await.or_else(|refused| refused.end(Problem::reply)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use place::FAMILIES;

    #[test]
    fn each_family_has_the_five_actions() {
        for family in &FAMILIES {
            let of = |resource: &str| -> Vec<&str> {
                let own = ENDPOINTS.iter().filter_map(|endpoint| endpoint.operation.split_once('.'));
                own.filter(|(name, _)| *name == resource).map(|(_, action)| action).collect()
            };
            assert_eq!(of(family.many), ["get", "post"]);
            assert_eq!(of(family.one), ["get", "patch", "delete"]);
        }
        for endpoint in &ENDPOINTS {
            let (resource, action) = endpoint.operation.split_once('.').expect("resource and action");
            assert_eq!(endpoint.method.as_str().to_lowercase(), action);
            assert!(endpoint.scopes.contains(&endpoint.operation));
            assert!(endpoint.scopes.contains(&format!("{resource}.*").as_str()));
            // Only reading is open to the narrower groups.
            let narrow = endpoint.scopes.iter().any(|scope| scope.ends_with(".read") || scope.ends_with(".bounded"));
            assert_eq!(narrow, action == "get", "{}", endpoint.operation);
        }
    }
}
