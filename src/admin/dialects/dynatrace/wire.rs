//! Dynatrace's JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::modified;
use crate::token::{LastUse, PlainSecret, Status, TokenRecord};

/// A member of a token that a list can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    Name,
    Enabled,
    Owner,
    CreationDate,
    PersonalAccessToken,
    ExpirationDate,
    LastUsedDate,
    LastUsedIpAddress,
    ModifiedDate,
    Scopes,
    AdditionalMetadata,
}

impl Field {
    /// Every member by its name.
    pub(super) const ALL: [(&'static str, Self); 12] = [
        ("id", Self::Id),
        ("name", Self::Name),
        ("enabled", Self::Enabled),
        ("owner", Self::Owner),
        ("creationDate", Self::CreationDate),
        ("personalAccessToken", Self::PersonalAccessToken),
        ("expirationDate", Self::ExpirationDate),
        ("lastUsedDate", Self::LastUsedDate),
        ("lastUsedIpAddress", Self::LastUsedIpAddress),
        ("modifiedDate", Self::ModifiedDate),
        ("scopes", Self::Scopes),
        ("additionalMetadata", Self::AdditionalMetadata),
    ];
}

/// A set of members; always holds `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fields(u16);

impl Fields {
    /// Every member: what get and lookup show.
    pub(super) const ALL: Self = Self((1 << Field::ALL.len()) - 1);
    /// `id` alone.
    pub(super) const ID: Self = Self(1);
    /// What a list shows unasked: `id,name,enabled,owner,creationDate`.
    pub(super) const DEFAULT: Self = Self(0b1_1111);

    pub(super) fn has(self, field: Field) -> bool {
        self.0 & (1 << field as u16) != 0
    }

    /// With `field`, or without it; `id` stays.
    pub(super) fn with(self, field: Field, present: bool) -> Self {
        let bit = 1 << field as u16;
        Self(if present { self.0 | bit } else { self.0 & !bit } | Self::ID.0)
    }

    /// Whether the last use has to be known.
    pub(super) fn tell_use(self) -> bool {
        self.has(Field::LastUsedDate) || self.has(Field::LastUsedIpAddress)
    }
}

/// A token. Dates are RFC 3339 in UTC with milliseconds; a date that there is none of is left out, as is `additionalMetadata`,
/// which the vendor gives to tokens of its dashboards and reports only.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DynatraceApiToken)]
pub(super) struct ApiToken {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    personal_access_token: Option<bool>,
    /// In the order they were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scopes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    creation_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expiration_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_used_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_used_ip_address: Option<String>,
    /// When name or scopes last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    modified_date: Option<String>,
}

impl ApiToken {
    pub(super) fn new(record: &TokenRecord, last_use: Option<LastUse>, fields: Fields) -> Self {
        let has = |field| fields.has(field);
        let last_use = last_use.as_ref();
        Self {
            id: record.id.dynatrace(),
            name: has(Field::Name).then(|| record.name.clone()),
            enabled: has(Field::Enabled).then_some(record.status == Status::Enabled),
            owner: has(Field::Owner).then(|| record.owner.name.clone()),
            personal_access_token: has(Field::PersonalAccessToken).then_some(record.personal),
            scopes: has(Field::Scopes).then(|| record.scopes.iter().map(ToString::to_string).collect()),
            creation_date: has(Field::CreationDate).then(|| record.created_at.to_string()),
            expiration_date: record.expires_at.filter(|_| has(Field::ExpirationDate)).map(|end| end.to_string()),
            last_used_date: last_use.filter(|_| has(Field::LastUsedDate)).map(|last| last.at.to_string()),
            last_used_ip_address: last_use
                .filter(|_| has(Field::LastUsedIpAddress))
                .map(|last| last.address.to_string()),
            modified_date: modified::date(record).filter(|_| has(Field::ModifiedDate)).map(|at| at.to_string()),
        }
    }
}

/// A new token with its secret, which is shown here and never again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DynatraceApiTokenCreated)]
pub(super) struct ApiTokenCreated<'s> {
    id: String,
    token: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expiration_date: Option<String>,
}

impl<'s> ApiTokenCreated<'s> {
    pub(super) fn new(record: &TokenRecord, secret: &'s PlainSecret) -> Self {
        Self {
            id: record.id.dynatrace(),
            token: secret.expose(),
            expiration_date: record.expires_at.map(|end| end.to_string()),
        }
    }
}

/// A page of tokens.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DynatraceApiTokenList)]
pub(super) struct ApiTokenList {
    /// Of all pages.
    pub(super) total_count: u64,
    pub(super) page_size: u16,
    /// Null on the last page.
    #[schema(required = true)]
    pub(super) next_page_key: Option<String>,
    pub(super) api_tokens: Vec<ApiToken>,
}

/// The body of create, for the document: it is read member by member, so that each mistake can be told. Members that are not
/// listed are ignored.
#[derive(ToSchema)]
#[allow(dead_code, reason = "described here, read by Body")]
#[schema(as = DynatraceApiTokenCreate, rename_all = "camelCase")]
pub(super) struct ApiTokenCreate {
    /// Not blank; need not be unique.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// Names that the vendor or the configuration knows; the caller must hold them.
    #[schema(min_items = 1, max_items = 256)]
    scopes: Vec<String>,
    /// False by default.
    personal_access_token: Option<bool>,
    /// In the future: UTC milliseconds, a date, or `now+14d`; never by default.
    expiration_date: Option<String>,
}

/// The body of update, for the document; what is absent or null stays as it is.
#[derive(ToSchema)]
#[allow(dead_code, reason = "described here, read by Body")]
#[schema(as = DynatraceApiTokenUpdate, rename_all = "camelCase")]
pub(super) struct ApiTokenUpdate {
    /// Not blank.
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    enabled: Option<bool>,
    /// All that the token has from now on.
    #[schema(min_items = 1, max_items = 256)]
    scopes: Option<Vec<String>>,
}

/// The body of lookup, for the document.
#[derive(ToSchema)]
#[allow(dead_code, reason = "described here, read by Body")]
#[schema(as = DynatraceApiTokenLookup)]
pub(super) struct ApiTokenLookup {
    /// The whole secret.
    #[schema(min_length = 1)]
    token: String,
}
