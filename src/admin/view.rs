//! A record as programs see it: the JSON of the native API and of `token … --json`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::token::{Form, LastUse, OwnerDirectory, PlainSecret, Status, TokenRecord};

/// A token as JSON. Dates are RFC 3339 in UTC with milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = TollgateToken)]
pub(crate) struct TokenView {
    /// Canonical UUID.
    pub(crate) id: String,
    /// Number of the record (XMS).
    pub(crate) serial: u64,
    /// 24 hex digits.
    pub(crate) losant_id: String,
    /// `dt0c01.` and the public part.
    pub(crate) dynatrace_id: String,
    /// Display name.
    pub(crate) name: String,
    /// Free text.
    pub(crate) description: String,
    /// Who the token acts for.
    pub(crate) owner: OwnerView,
    /// The account it belongs to.
    pub(crate) account: AccountView,
    /// Grants; bundles unexpanded.
    pub(crate) scopes: Vec<String>,
    /// Name of its plan.
    pub(crate) plan: String,
    /// `enabled` or `disabled`.
    #[schema(value_type = StatusWord)]
    pub(crate) status: Status,
    /// Made by a person for themselves.
    pub(crate) personal: bool,
    /// Empty = any.
    pub(crate) region: String,
    /// Empty = any.
    pub(crate) networks: Vec<String>,
    /// Free labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// Fields of one dialect that the others do not know.
    #[schema(value_type = Object)]
    pub(crate) metadata: serde_json::Map<String, serde_json::Value>,
    /// The shape of its secrets.
    #[schema(value_type = FormWord)]
    pub(crate) form: Form,
    /// When it was made.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    pub(crate) updated_at: String,
    /// From then on it is refused.
    #[schema(required = true, format = DateTime)]
    pub(crate) expires_at: Option<String>,
    /// Last request that it authenticated, as far as batches have been written.
    #[schema(required = true)]
    pub(crate) last_used: Option<LastUsedView>,
    /// Who made it.
    pub(crate) created_by: String,
    /// Who changed it last.
    pub(crate) modified_by: String,
    /// Live secrets, newest first.
    pub(crate) secrets: Vec<SecretView>,
    /// The secret itself, at creation and rotation only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub(crate) secret: Option<SecretText>,
}

/// An owner with the ids that dialects expect.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = TollgateOwner)]
pub(crate) struct OwnerView {
    /// Name within the account.
    pub(crate) name: String,
    /// Astra.
    pub(crate) uuid: String,
    /// XMS.
    pub(crate) number: u64,
    /// Losant.
    pub(crate) hex: String,
}

/// An account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = TollgateAccount)]
pub(crate) struct AccountView {
    /// Its name.
    pub(crate) name: String,
    /// Astra.
    pub(crate) uuid: String,
}

/// When and from where a token was last used.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = TollgateLastUsed)]
pub(crate) struct LastUsedView {
    /// Time of the request.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// Client address.
    pub(crate) address: String,
}

/// One live secret, without the secret.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = TollgateSecret)]
pub(crate) struct SecretView {
    /// When it was made or imported.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// End of the overlap after a rotation.
    #[schema(required = true, format = DateTime)]
    pub(crate) expires_at: Option<String>,
}

/// The words of [`Status`], as they are described.
#[derive(ToSchema)]
#[schema(as = TollgateStatus, rename_all = "lowercase")]
#[allow(dead_code, reason = "described here, written by Status")]
pub(crate) enum StatusWord {
    Enabled,
    Disabled,
}

/// The words of [`Form`], as they are described.
#[derive(ToSchema)]
#[schema(as = TollgateForm, rename_all = "lowercase")]
#[allow(dead_code, reason = "described here, written by Form")]
pub(crate) enum FormWord {
    Tg,
    Xms,
    Dynatrace,
    Astra,
}

impl TokenView {
    /// The view of a record; `secret` only for the answer to its creation or rotation.
    pub(crate) fn of(
        record: &TokenRecord,
        directory: &OwnerDirectory,
        last_used: Option<LastUse>,
        secret: Option<&PlainSecret>,
    ) -> Self {
        let ids = directory.ids(&record.owner);
        Self {
            id: record.id.to_string(),
            serial: record.serial,
            losant_id: record.id.losant(),
            dynatrace_id: record.id.dynatrace(),
            name: record.name.clone(),
            description: record.description.clone(),
            owner: OwnerView {
                name: record.owner.name.clone(),
                uuid: ids.uuid.to_string(),
                number: ids.number,
                hex: ids.hex,
            },
            account: AccountView {
                name: record.owner.account.clone(),
                uuid: directory.account_uuid(&record.owner.account).to_string(),
            },
            scopes: record.scopes.iter().map(ToString::to_string).collect(),
            plan: record.plan.clone(),
            status: record.status,
            personal: record.personal,
            region: record.region.clone(),
            networks: record.networks.iter().map(ToString::to_string).collect(),
            labels: record.labels.clone(),
            metadata: record.metadata.clone(),
            form: record.form,
            created_at: record.created_at.to_string(),
            updated_at: record.updated_at.to_string(),
            expires_at: record.expires_at.as_ref().map(Timestamp::to_string),
            last_used: last_used
                .map(|used| LastUsedView { at: used.at.to_string(), address: used.address.to_string() }),
            created_by: record.created_by.clone(),
            modified_by: record.modified_by.clone(),
            secrets: record
                .secrets
                .iter()
                .map(|slot| SecretView {
                    created_at: slot.created_at.to_string(),
                    expires_at: slot.expires_at.as_ref().map(Timestamp::to_string),
                })
                .collect(),
            secret: secret.map(|secret| SecretText::new(secret.expose())),
        }
    }
}

/// A secret on its way to the one reader it is for. Serialises in the clear, prints as `[secret]`, is wiped when dropped.
#[derive(Clone)]
pub(crate) struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes a copy.
    pub(crate) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The secret in the clear.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::service::memory::service;
    use crate::admin::service::{Actor, Draft, Policy};

    #[tokio::test]
    async fn the_json_has_every_id_and_the_secret_once() {
        let policy = Policy { bundles: Default::default(), plans: Default::default(), directory: Default::default() };
        let (service, ..) = service(policy);
        let draft = Draft { name: "nightly".into(), owner: Some("mira".into()), ..Draft::default() };
        let (record, secret) = service.create(&Actor::operator(), draft).await.expect("made");
        let used = LastUse { at: record.created_at, address: "192.0.2.7".parse().expect("an address") };
        let shown = TokenView::of(&record, &OwnerDirectory::default(), Some(used), Some(&secret));
        let json = serde_json::to_value(&shown).expect("JSON");
        assert_eq!(json["id"], record.id.to_string());
        assert_eq!(json["serial"], 1);
        assert_eq!(json["losant_id"].as_str().map(str::len), Some(24));
        assert_eq!(json["dynatrace_id"].as_str().map(str::len), Some(31));
        assert_eq!(json["owner"]["name"], "mira");
        assert!(json["owner"]["number"].is_u64() && json["owner"]["hex"].is_string());
        assert_eq!(json["account"]["name"], "default");
        assert_eq!(json["created_at"], "2030-03-17T17:46:40.000Z");
        assert_eq!(json["expires_at"], serde_json::Value::Null);
        assert_eq!(json["last_used"], serde_json::json!({"at": "2030-03-17T17:46:40.000Z", "address": "192.0.2.7"}));
        assert_eq!((&json["status"], &json["form"]), (&"enabled".into(), &"tg".into()));
        assert_eq!(json["secret"], secret.expose());
        assert!(!format!("{shown:?}").contains(secret.expose()));
        let again =
            serde_json::to_string(&TokenView::of(&record, &OwnerDirectory::default(), None, None)).expect("JSON");
        assert!(!again.contains("\"secret\":") && !again.contains(secret.expose()));
    }
}
