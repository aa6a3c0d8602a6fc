//! The one record behind every dialect.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Form, Owner, Scope, SecretHash, TokenId};
use crate::clock::Timestamp;

/// Everything Tollgate knows of a token, except its secrets in the clear and its counters.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenRecord {
    /// Canonical id; never changes.
    pub id: TokenId,
    /// Number of the record, given by the store, from 1, never reused.
    pub serial: u64,
    /// Grows by one with every change; fences cached copies.
    pub generation: u64,
    /// Display name.
    pub name: String,
    /// Free text, may be empty.
    pub description: String,
    /// Who the token acts for.
    pub owner: Owner,
    /// Grants, in the order given; bundles stay unexpanded.
    pub scopes: Vec<Scope>,
    /// Whether it may be used.
    pub status: Status,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// From this moment on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Who made it, as an owner name.
    pub created_by: String,
    /// The token that made it; `None` if nobody's token did.
    pub made_with: Option<MadeWith>,
    /// Who changed it last.
    pub modified_by: String,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Fields of one dialect that the others do not know, kept as they came.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// Made by a person for themselves.
    pub personal: bool,
    /// Name of the plan that limits it.
    pub plan: String,
    /// The region it is valid in; empty = any.
    pub region: String,
    /// Client addresses it may be used from; empty = any.
    pub networks: Vec<IpNet>,
    /// The shape of its secrets.
    pub form: Form,
    /// Live secrets, newest first: one, or two while it is being rotated.
    pub secrets: Vec<SecretSlot>,
}

impl TokenRecord {
    /// The most live secrets a token can have.
    pub const MAX_SECRETS: usize = 2;

    /// Whether the token is past its date at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether it literally holds [`Scope::ALL_ADMIN`]; a bundle with it does not count.
    pub fn is_privileged(&self) -> bool {
        self.scopes.iter().any(|scope| scope.as_str() == Scope::ALL_ADMIN)
    }

    /// The slot of the secret with this hash.
    pub fn secret(&self, hash: &SecretHash) -> Option<&SecretSlot> {
        self.secrets.iter().find(|slot| slot.hash == *hash)
    }
}

/// A token that another one was made with, as it was then.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MadeWith {
    /// Its id.
    pub id: TokenId,
    /// Its name.
    pub name: String,
}

/// One live secret of a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SecretSlot {
    /// Keyed hash of the secret.
    pub hash: SecretHash,
    /// When this secret was made or imported.
    pub created_at: Timestamp,
    /// End of the overlap after a rotation; `None` = lives as long as the token.
    pub expires_at: Option<Timestamp>,
}

/// Whether a token may be used. Revoked tokens have no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It may be used.
    #[default]
    Enabled,
    /// Switched off until somebody enables it again.
    Disabled,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        })
    }
}

/// When and from where a token was last used; written with the activity batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// Time of the request.
    pub at: Timestamp,
    /// Client address after the trusted-proxy rules.
    pub address: IpAddr,
}
