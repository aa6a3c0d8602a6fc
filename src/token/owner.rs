//! Owners and accounts: names, and the ids other dialects expect of them.
//!
//! Tollgate is no user directory. An owner is a name within an account; its ids are cut from a hash of the names, so
//! they are the same on every sidecar without being stored. `[[user]]` sections pin what must match a vendor's.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// Namespace of the version-5 UUIDs of owners and accounts (RFC 9562 section 5.5). Drawn once; never change it.
const NAMESPACE: uuid::Uuid = uuid::Uuid::from_bytes([
    0x6f, 0x1c, 0x5d, 0x0e, 0x93, 0x4a, 0x4b, 0x62, 0x8e, 0x37, 0xd1, 0x58, 0x0a, 0xc4, 0x29, 0xb6,
]);

/// An owner: a name within an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Owner {
    /// The wall: calls of one account never see another's tokens.
    pub account: String,
    /// Name within the account.
    pub name: String,
}

impl Owner {
    /// Longest owner or account name, in bytes.
    pub const MAX_LENGTH: usize = 255;

    /// An owner by names.
    pub fn new(account: impl Into<String>, name: impl Into<String>) -> Self {
        Self { account: account.into(), name: name.into() }
    }

    /// Whether a text can name an owner or an account: 1 to 255 bytes without control characters.
    pub fn is_valid_name(name: &str) -> bool {
        !name.is_empty() && name.len() <= Self::MAX_LENGTH && !name.chars().any(char::is_control)
    }
}

impl Default for Owner {
    fn default() -> Self {
        Self::new("default", "default")
    }
}

/// The ids of an owner as the dialects show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerIds {
    /// Version-5 UUID of the names, or the pinned one.
    pub uuid: uuid::Uuid,
    /// 53 bits, safe in JavaScript (XMS).
    pub number: u64,
    /// 24 hex digits (Losant).
    pub hex: String,
}

impl OwnerIds {
    /// The ids cut from the names alone.
    pub fn derived(owner: &Owner) -> Self {
        let name = format!("owner\0{}\0{}", owner.account, owner.name);
        let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        let mut word = [0; 8];
        word.copy_from_slice(&digest[..8]);
        let hex = super::hex(&digest[8..20]);
        Self { uuid: uuid::Uuid::new_v5(&NAMESPACE, name.as_bytes()), number: u64::from_be_bytes(word) >> 11, hex }
    }
}

/// The UUID of an account, version 5 of its name alone.
pub fn derived_account_uuid(account: &str) -> uuid::Uuid {
    uuid::Uuid::new_v5(&NAMESPACE, format!("account\0{account}").as_bytes())
}

/// One `[[user]]` section: an owner known by name, with what must match a vendor's system.
#[derive(Clone, Debug, PartialEq)]
pub struct PinnedUser {
    /// The owner it speaks of.
    pub owner: Owner,
    /// Overrides the derived UUID.
    pub uuid: Option<uuid::Uuid>,
    /// Overrides the derived number.
    pub number: Option<u64>,
    /// Overrides the derived hex id.
    pub hex: Option<String>,
    /// Groups that hold it (Astra).
    pub groups: Vec<uuid::Uuid>,
    /// Scopes of tokens made for this owner by somebody else without naming scopes.
    pub scopes: Vec<super::Scope>,
    /// Plan of tokens made for this owner without naming a plan.
    pub plan: Option<String>,
}

/// One `[[account]]` section.
#[derive(Clone, Debug, PartialEq)]
pub struct PinnedAccount {
    /// Its name.
    pub name: String,
    /// Overrides the derived UUID.
    pub uuid: Option<uuid::Uuid>,
    /// Ids of its environments (Dynatrace); [`ANY_ENVIRONMENT`] accepts any.
    pub environments: Vec<String>,
}

/// Stands for every environment id.
pub const ANY_ENVIRONMENT: &str = "*";

/// What the configuration says about owners and accounts.
#[derive(Clone, Debug, Default)]
pub struct OwnerDirectory {
    users: HashMap<Owner, Arc<PinnedUser>>,
    accounts: HashMap<String, PinnedAccount>,
    by_uuid: HashMap<uuid::Uuid, Owner>,
    by_number: HashMap<u64, Owner>,
    by_hex: HashMap<String, Owner>,
    account_by_uuid: HashMap<uuid::Uuid, String>,
    derived: DerivedIds,
}

/// Ids that were derived lately: a list shows the same owner a thousand times, and each derivation hashes twice.
#[derive(Clone, Default)]
struct DerivedIds(dashmap::DashMap<Owner, OwnerIds>);

impl DerivedIds {
    /// Owners remembered at once; all are forgotten when there are more.
    const MOST: usize = 10_000;

    fn of(&self, owner: &Owner) -> OwnerIds {
        if let Some(ids) = self.0.get(owner) {
            return ids.clone();
        }
        let ids = OwnerIds::derived(owner);
        if self.0.len() >= Self::MOST {
            self.0.clear();
        }
        self.0.insert(owner.clone(), ids.clone());
        ids
    }
}

impl std::fmt::Debug for DerivedIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DerivedIds")
    }
}

impl OwnerDirectory {
    /// From the `[[user]]` and `[[account]]` sections. Of users that share an id, the configuration refuses all but one.
    pub fn new(users: impl IntoIterator<Item = PinnedUser>, accounts: impl IntoIterator<Item = PinnedAccount>) -> Self {
        let mut directory = Self {
            users: users.into_iter().map(|user| (user.owner.clone(), Arc::new(user))).collect(),
            accounts: accounts.into_iter().map(|account| (account.name.clone(), account)).collect(),
            ..Self::default()
        };
        for owner in directory.users.keys().cloned().collect::<Vec<_>>() {
            let ids = directory.ids(&owner);
            directory.by_uuid.insert(ids.uuid, owner.clone());
            directory.by_number.insert(ids.number, owner.clone());
            directory.by_hex.insert(ids.hex, owner);
        }
        let named = directory.accounts.keys().chain(directory.users.keys().map(|owner| &owner.account));
        let accounts = named.map(|name| (directory.account_uuid(name), name.clone())).collect();
        Self { account_by_uuid: accounts, ..directory }
    }

    /// The configured owner with this UUID.
    pub fn by_uuid(&self, uuid: &uuid::Uuid) -> Option<&Owner> {
        self.by_uuid.get(uuid)
    }

    /// The configured owner with this number.
    pub fn by_number(&self, number: u64) -> Option<&Owner> {
        self.by_number.get(&number)
    }

    /// The configured owner with these 24 hex digits, in lower case.
    pub fn by_hex(&self, hex: &str) -> Option<&Owner> {
        self.by_hex.get(hex)
    }

    /// The name of the configured account with this UUID.
    pub fn account_by_uuid(&self, uuid: &uuid::Uuid) -> Option<&str> {
        self.account_by_uuid.get(uuid).map(String::as_str)
    }

    /// Whether an account has an environment of this id.
    pub fn has_environment(&self, account: &str, id: &str) -> bool {
        let environments =
            self.accounts.get(account).map(|account| account.environments.as_slice()).unwrap_or_default();
        environments.iter().any(|own| own == id || own == ANY_ENVIRONMENT)
    }

    /// The section of an owner, if the configuration has one.
    pub fn user(&self, owner: &Owner) -> Option<&PinnedUser> {
        self.users.get(owner).map(Arc::as_ref)
    }

    /// The ids of an owner: pinned where pinned, else derived.
    pub fn ids(&self, owner: &Owner) -> OwnerIds {
        let mut ids = self.derived.of(owner);
        if let Some(user) = self.user(owner) {
            ids.uuid = user.uuid.unwrap_or(ids.uuid);
            ids.number = user.number.unwrap_or(ids.number);
            if let Some(hex) = &user.hex {
                ids.hex.clone_from(hex);
            }
        }
        ids
    }

    /// The UUID of an account: pinned where pinned, else derived.
    pub fn account_uuid(&self, account: &str) -> uuid::Uuid {
        let pinned = self.accounts.get(account).and_then(|account| account.uuid);
        pinned.unwrap_or_else(|| derived_account_uuid(account))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_distinct_and_safe_in_javascript() {
        let a = OwnerIds::derived(&Owner::new("default", "mira"));
        assert_eq!(a, OwnerIds::derived(&Owner::new("default", "mira")));
        let b = OwnerIds::derived(&Owner::new("default\0mira", ""));
        assert_ne!(a.uuid, b.uuid);
        assert!(a.number < 1 << 53);
        assert_eq!(a.hex.len(), 24);
        assert_eq!(a.uuid.get_version_num(), 5);
    }

    #[test]
    fn pinned_values_win() {
        let owner = Owner::new("acme", "mira");
        let pinned = PinnedUser {
            owner: owner.clone(),
            uuid: None,
            number: Some(3),
            hex: None,
            groups: vec![],
            scopes: vec![],
            plan: None,
        };
        let account = PinnedAccount { name: "acme".into(), uuid: None, environments: vec!["abc12345".into()] };
        let directory = OwnerDirectory::new([pinned], [account]);
        assert_eq!(directory.by_number(3), Some(&owner));
        assert_eq!(
            directory.by_number(OwnerIds::derived(&owner).number),
            None,
            "the pinned number replaces the derived one"
        );
        assert_eq!(directory.by_uuid(&OwnerIds::derived(&owner).uuid), Some(&owner));
        assert_eq!(directory.account_by_uuid(&directory.account_uuid("acme")), Some("acme"));
        assert!(directory.has_environment("acme", "abc12345") && !directory.has_environment("acme", "other"));
        assert!(!directory.has_environment("default", "abc12345"));
        assert_eq!(directory.ids(&owner).number, 3);
        assert_eq!(directory.ids(&owner).uuid, OwnerIds::derived(&owner).uuid);
    }
}
