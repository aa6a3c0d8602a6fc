//! The table of the native API's endpoints.

use http::Method;

use super::wire;
use crate::admin::endpoint::Endpoint;
use crate::admin::spec::{Media, Parameter, Spec, Value, shape};
use crate::admin::view::TokenView;

/// Needed for reading.
const READ: &[&str] = &["admin.read"];
/// Needed for changes.
const WRITE: &[&str] = &["admin.write"];

const TOKEN: Option<Media> = Some(Media::json(shape::<TokenView>));
const NOTHING: Option<Media> = Some(Media::json(shape::<wire::Nothing>));

const LIST_SPEC: Spec = Spec {
    summary: "Lists the tokens of an account or of one owner.",
    parameters: &[
        Parameter::query(
            "account",
            Value::Text,
            "Name of the account; the caller's by default. Others need all.admin.",
        ),
        Parameter::query("owner", Value::Text, "Name of one owner of the account; all of them by default."),
        Parameter::query(
            "q",
            Value::Text,
            "Part of the name, or with * and ? a pattern of the whole name; case does not count.",
        ),
        Parameter::query(
            "sort",
            Value::Word(super::list::SORTS),
            "Order; -created by default. -name, updated, -updated, expires and -expires need an owner.",
        ),
        Parameter::query("limit", Value::Integer(1, 1000), "Tokens of a page; 100 by default."),
        Parameter::query(
            "cursor",
            Value::Pattern("^[0-9a-f]{16,}$"),
            "next_cursor of the page before, with the other parameters unchanged.",
        ),
    ],
    body: None,
    answers: &[(200, Some(Media::json(shape::<wire::TokenPage>)))],
    refusals: &[405],
};

const IF_MATCH: Parameter = Parameter {
    name: "If-Match",
    header: true,
    required: false,
    value: Value::Pattern("^(\\*|\"[!#-~]*\")$"),
    about: "ETag of the token as it was read; 412 if it was changed since.",
};

const fn on_token(summary: &'static str, body: Option<Media>, answers: &'static [(u16, Option<Media>)]) -> Spec {
    Spec { summary, parameters: &[IF_MATCH], body, answers, refusals: &[405, 409, 412] }
}

const fn make(summary: &'static str, body: Media) -> Spec {
    Spec { summary, parameters: &[], body: Some(body), answers: &[(201, TOKEN)], refusals: &[405, 409] }
}

const fn read(summary: &'static str, answers: &'static [(u16, Option<Media>)]) -> Spec {
    Spec { summary, parameters: &[], body: None, answers, refusals: &[405] }
}

const PATCH_SPEC: Spec = on_token(
    "Changes a token by a merge patch (RFC 7396).",
    Some(Media { types: &["application/merge-patch+json", "application/json"], schema: shape::<wire::TokenPatch> }),
    &[(200, TOKEN)],
);

const DELETE_SPEC: Spec = Spec {
    parameters: &[
        IF_MATCH,
        Parameter::query("reason", Value::Text, "Why, for its tombstone and the audit trail; at most 512 characters."),
    ],
    ..on_token("Revokes a token for good.", None, &[(204, None)])
};

const ROTATE_SPEC: Spec = on_token(
    "Gives a token a new secret, which this answer alone shows.",
    Some(Media::json(shape::<wire::RotateToken>)),
    &[(200, TOKEN)],
);

const ACTIVITY_SPEC: Spec = Spec {
    parameters: &[
        Parameter::query("skip", Value::Integer(0, 1_000_000), "Newest events to pass over; 0 by default."),
        Parameter::query("limit", Value::Integer(1, 1000), "Events of the answer; 100 by default."),
    ],
    ..read(
        "What a token did and what was done to it, newest first.",
        &[(200, Some(Media::json(shape::<wire::Activity>)))],
    )
};

const LOOKUP_SPEC: Spec = Spec {
    body: Some(Media::json(shape::<wire::LookupToken>)),
    ..read("Finds the token of a secret.", &[(200, TOKEN)])
};

const EXPLAIN_SPEC: Spec = Spec {
    body: Some(Media::json(shape::<wire::Hypothetical>)),
    ..read(
        "What would become of a request on the proxy port, step by step; nothing is sent or charged.",
        &[(200, Some(Media::json(shape::<wire::Explanation>)))],
    )
};

/// Every endpoint.
pub(super) static ENDPOINTS: [Endpoint; 14] = [
    Endpoint::new(Method::GET, "/admin/v1/tokens", "listTokens", READ, LIST_SPEC),
    Endpoint::new(
        Method::POST,
        "/admin/v1/tokens",
        "createToken",
        WRITE,
        make("Makes a token; its secret is in this answer alone.", Media::json(shape::<wire::NewToken>)),
    ),
    Endpoint::new(Method::POST, "/admin/v1/tokens/lookup", "lookupToken", READ, LOOKUP_SPEC),
    Endpoint::new(
        Method::POST,
        "/admin/v1/tokens/import",
        "importToken",
        WRITE,
        make("Makes a token that has a secret already.", Media::json(shape::<wire::ImportToken>)),
    ),
    Endpoint::new(Method::GET, "/admin/v1/tokens/{id}", "getToken", READ, read("One token.", &[(200, TOKEN)])),
    Endpoint::new(Method::PATCH, "/admin/v1/tokens/{id}", "patchToken", WRITE, PATCH_SPEC),
    Endpoint::new(Method::DELETE, "/admin/v1/tokens/{id}", "revokeToken", WRITE, DELETE_SPEC),
    Endpoint::new(Method::POST, "/admin/v1/tokens/{id}/rotate", "rotateToken", WRITE, ROTATE_SPEC),
    Endpoint::new(
        Method::POST,
        "/admin/v1/tokens/{id}/disable",
        "disableToken",
        WRITE,
        on_token("Switches a token off.", NOTHING, &[(200, TOKEN)]),
    ),
    Endpoint::new(
        Method::POST,
        "/admin/v1/tokens/{id}/enable",
        "enableToken",
        WRITE,
        on_token("Switches a token on again.", NOTHING, &[(200, TOKEN)]),
    ),
    Endpoint::new(Method::GET, "/admin/v1/tokens/{id}/activity", "tokenActivity", READ, ACTIVITY_SPEC),
    Endpoint::new(
        Method::GET,
        "/admin/v1/tokens/{id}/usage",
        "tokenUsage",
        READ,
        read("What is used up of a token's limits.", &[(200, Some(Media::json(shape::<wire::UsageView>)))]),
    ),
    Endpoint::new(
        Method::GET,
        "/admin/v1/fleet",
        "fleet",
        READ,
        read("The sidecars that are alive.", &[(200, Some(Media::json(shape::<wire::Fleet>)))]),
    ),
    Endpoint::new(Method::POST, "/admin/v1/explain", "explain", READ, EXPLAIN_SPEC),
];
