//! Bodies as the OpenAPI document describes them; [`Input`](super::wire::Input) reads them.
#![allow(dead_code, reason = "described here, read by Input")]

use utoipa::ToSchema;

/// The only `type`.
#[derive(serde::Deserialize, ToSchema)]
#[schema(as = AstraTokenType)]
enum Kind {
    #[serde(rename = "application/astra-token")]
    Token,
}

/// The only `version`.
#[derive(serde::Deserialize, ToSchema)]
#[schema(as = AstraVersion)]
enum Version {
    #[serde(rename = "1.0")]
    One,
}

/// A token to make.
#[derive(serde::Deserialize, ToSchema)]
#[schema(as = AstraTokenCreate)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    #[schema(inline)]
    r#type: Kind,
    #[schema(inline)]
    version: Version,
    #[schema(min_length = 1, max_length = 63)]
    name: String,
    #[schema(nullable = false)]
    metadata: Option<Metadata>,
}

/// A change to a token.
#[derive(serde::Deserialize, ToSchema)]
#[schema(as = AstraTokenChange)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    #[schema(inline)]
    r#type: Kind,
    #[schema(inline)]
    version: Version,
    #[schema(nullable = false)]
    id: Option<String>,
    #[serde(rename = "userID")]
    #[schema(nullable = false)]
    user: Option<String>,
    #[schema(nullable = false)]
    name: Option<String>,
    #[schema(nullable = false)]
    metadata: Option<Metadata>,
}

/// Metadata of a body; labels count, the rest is ignored.
#[derive(serde::Deserialize, ToSchema)]
#[schema(as = AstraInputMetadata)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Metadata {
    #[schema(nullable = false)]
    labels: Option<Vec<Label>>,
    #[schema(nullable = false)]
    creation_timestamp: Option<String>,
    #[schema(nullable = false)]
    modification_timestamp: Option<String>,
    #[schema(nullable = false)]
    created_by: Option<String>,
    #[schema(nullable = false)]
    modified_by: Option<String>,
}

#[derive(serde::Deserialize, ToSchema)]
#[schema(as = AstraInputLabel)]
#[serde(deny_unknown_fields)]
struct Label {
    name: String,
    value: String,
}
