//! Losant's JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};

use crate::admin::view::SecretText;
use crate::token::{Status, TokenRecord};

/// An API Token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LosantApiToken)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiToken {
    pub(super) id: String,
    /// The same as `id`.
    pub(super) api_token_id: String,
    pub(super) owner_id: String,
    #[schema(inline)]
    pub(super) owner_type: OwnerType,
    pub(super) creator_id: String,
    #[schema(inline)]
    pub(super) creator_type: CreatorType,
    pub(super) creator_name: String,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) description: Option<String>,
    #[schema(inline)]
    pub(super) status: StatusWord,
    /// UTC, three decimals.
    #[schema(format = DateTime)]
    pub(super) creation_date: String,
    /// UTC, three decimals.
    #[schema(format = DateTime)]
    pub(super) last_updated: String,
    /// Absent: it never expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    pub(super) expiration_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) default_role: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) org_roles: Option<Vec<OrgRole>>,
    pub(super) scope: Vec<String>,
    /// The secret; in the answer to its creation only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) token: Option<SecretText>,
    #[serde(flatten)]
    pub(super) hypermedia: Hypermedia,
}

/// A page of API Tokens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LosantApiTokens)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiTokens {
    /// Length of `items`.
    pub(super) count: usize,
    /// Matches before paging.
    pub(super) total_count: usize,
    pub(super) items: Vec<ApiToken>,
    pub(super) page: u64,
    pub(super) per_page: u64,
    pub(super) sort_field: &'static str,
    pub(super) sort_direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) filter_field: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) filter: Option<String>,
    pub(super) owner_id: String,
    #[schema(inline)]
    pub(super) owner_type: OwnerType,
    #[serde(flatten)]
    pub(super) hypermedia: Hypermedia,
}

/// What every entity carries beside its own members.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LosantHypermedia)]
pub(super) struct Hypermedia {
    /// Name of the resource.
    #[serde(rename = "_type")]
    pub(super) kind: &'static str,
    /// By relation, always with `self`.
    #[serde(rename = "_links", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) links: Option<BTreeMap<String, Link>>,
    /// By action; those that the caller may use.
    #[serde(rename = "_actions", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) actions: Option<BTreeMap<String, Action>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LosantLink)]
pub(super) struct Link {
    pub(super) href: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LosantAction)]
pub(super) struct Action {
    pub(super) href: String,
    pub(super) method: &'static str,
}

/// The answer to a deletion.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LosantSuccess)]
pub(super) struct Success {
    pub(super) success: bool,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema, PartialEq, Eq)]
#[schema(as = LosantOwnerType)]
#[serde(rename_all = "camelCase")]
pub(super) enum OwnerType {
    Application,
    User,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema, PartialEq, Eq)]
#[schema(as = LosantCreatorType)]
#[serde(rename_all = "camelCase")]
pub(super) enum CreatorType {
    ApiToken,
    User,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema, PartialEq, Eq)]
#[schema(as = LosantStatus)]
#[serde(rename_all = "camelCase")]
pub(super) enum StatusWord {
    Active,
    Inactive,
}

impl From<Status> for StatusWord {
    fn from(status: Status) -> Self {
        match status {
            Status::Enabled => Self::Active,
            Status::Disabled => Self::Inactive,
        }
    }
}

impl From<StatusWord> for Status {
    fn from(word: StatusWord) -> Self {
        match word {
            StatusWord::Active => Self::Enabled,
            StatusWord::Inactive => Self::Disabled,
        }
    }
}

/// The word that lists are sorted and filtered by.
pub(super) fn status_word(status: Status) -> &'static str {
    match status {
        Status::Enabled => "active",
        Status::Disabled => "inactive",
    }
}

/// Kept, and without meaning here.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema, PartialEq, Eq)]
#[schema(as = LosantRole)]
#[serde(rename_all = "camelCase")]
pub(super) enum Role {
    Admin,
    Edit,
    Collaborate,
    View,
    None,
}

/// Kept, and without meaning here.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, PartialEq, Eq)]
#[schema(as = LosantOrgRole)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OrgRole {
    #[schema(pattern = "^([A-Fa-f0-9]{24}|sandbox)$")]
    org_id: String,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false, max_items = 100)]
    application_roles: Option<Vec<ResourceRole>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false, max_items = 100)]
    dashboard_roles: Option<Vec<ResourceRole>>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, PartialEq, Eq)]
#[schema(as = LosantResourceRole)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ResourceRole {
    #[schema(pattern = "^[A-Fa-f0-9]{24}$")]
    resource_id: String,
    #[schema(inline)]
    role: ResourceWord,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema, PartialEq, Eq)]
#[schema(as = LosantResourceWord)]
#[serde(rename_all = "camelCase")]
pub(super) enum ResourceWord {
    Collaborate,
    View,
    None,
}

/// What a token is made of.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = LosantApiTokenPost)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ApiTokenPost {
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    pub(super) name: String,
    #[schema(
        nullable = false,
        max_length = 32767,
        pattern = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
    )]
    pub(super) description: Option<String>,
    /// In the future; absent: it never expires.
    #[schema(nullable = false, format = DateTime)]
    pub(super) expiration_date: Option<String>,
    #[schema(nullable = false)]
    pub(super) default_role: Option<Role>,
    /// At most 16 KiB together with what else is kept of the token.
    #[schema(nullable = false, max_items = 25)]
    pub(super) org_roles: Option<Vec<OrgRole>>,
    /// Names that the caller holds; absent: the caller's own.
    #[schema(schema_with = scope_names, required = false)]
    pub(super) scope: Option<Vec<String>>,
    #[schema(nullable = false, inline)]
    pub(super) status: Option<StatusWord>,
}

/// Names of two segments or more; `*` stands for a last one.
fn scope_names() -> Schema {
    // Segments are of visible ASCII without the quotation mark, the asterisk, the comma, the point and the backslash.
    const SCOPE: &str = r"^[!#-)+\-/-\[\]-~]+(\.[!#-)+\-/-\[\]-~]+)*\.([!#-)+\-/-\[\]-~]+|\*)$";
    let name =
        ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).max_length(Some(255)).pattern(Some(SCOPE));
    Schema::Array(ArrayBuilder::new().items(name).unique_items(true).max_items(Some(256)).build())
}

/// What is changed of a token; absent members stay.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = LosantApiTokenPatch)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ApiTokenPatch {
    #[schema(nullable = false, min_length = 1, max_length = 255, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    pub(super) name: Option<String>,
    #[schema(
        nullable = false,
        max_length = 32767,
        pattern = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
    )]
    pub(super) description: Option<String>,
    #[schema(nullable = false)]
    pub(super) default_role: Option<Role>,
    /// At most 16 KiB together with what else is kept of the token.
    #[schema(nullable = false, max_items = 25)]
    pub(super) org_roles: Option<Vec<OrgRole>>,
    #[schema(nullable = false, inline)]
    pub(super) status: Option<StatusWord>,
}

/// What only this vendor knows of a token, kept in the metadata under [`Own::KEY`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) default_role: Option<Role>,
    pub(super) org_roles: Option<Vec<OrgRole>>,
}

impl Own {
    /// Its key in the metadata.
    pub(super) const KEY: &'static str = "losant";

    /// What a record keeps. Metadata can be written by other means too: what has another shape counts as absent.
    pub(super) fn of(record: &TokenRecord) -> Self {
        let Some(kept) = record.metadata.get(Self::KEY) else { return Self::default() };
        Self {
            default_role: kept.get("defaultRole").and_then(|role| Role::deserialize(role).ok()),
            org_roles: kept.get("orgRoles").and_then(|roles| Vec::deserialize(roles).ok()),
        }
    }

    /// Metadata with these members in it; all else there stays, except for what stands under the key in another shape.
    pub(super) fn merged(metadata: &Map<String, Value>, members: &Map<String, Value>) -> Map<String, Value> {
        let mut merged = metadata.clone();
        match merged.entry(Self::KEY).or_insert_with(|| Map::new().into()) {
            Value::Object(own) => own.extend(members.clone()),
            other => *other = members.clone().into(),
        }
        merged
    }

    /// The members to keep; those that are absent are left out.
    pub(super) fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        // Plain enums and structs: always JSON.
        let roles = [
            ("defaultRole", self.default_role.as_ref().map(serde_json::to_value)),
            ("orgRoles", self.org_roles.as_ref().map(serde_json::to_value)),
        ];
        for (name, value) in roles {
            if let Some(Ok(value)) = value {
                members.insert(name.to_owned(), value);
            }
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_of_its_own_are_set_and_all_else_stays() {
        let object = |value: Value| value.as_object().cloned().expect("an object");
        let role = object(json!({"defaultRole": "edit"}));
        for (before, after) in [
            (json!({}), json!({"losant": {"defaultRole": "edit"}})),
            (
                json!({"losant": {"defaultRole": "view", "orgRoles": []}, "other": {"a": 1}}),
                json!({"losant": {"defaultRole": "edit", "orgRoles": []}, "other": {"a": 1}}),
            ),
            (json!({"losant": 5}), json!({"losant": {"defaultRole": "edit"}})),
        ] {
            assert_eq!(Value::from(Own::merged(&object(before), &role)), after);
        }
    }
}
