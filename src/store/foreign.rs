//! Entries that lead from the derived ids of owners and accounts to their names, the same in both stores.

use crate::token::{Owner, OwnerIds, OwnerKey, StoreError, derived_account_uuid, parse_hex12};

/// Key and value of one entry.
pub(crate) type Entry = (Vec<u8>, Vec<u8>);

/// The key of an owner's id: a letter for its kind, and its bytes.
pub(crate) fn owner_key(key: OwnerKey) -> Vec<u8> {
    match key {
        OwnerKey::Uuid(uuid) => [b"u", &uuid.as_bytes()[..]].concat(),
        OwnerKey::Number(number) => [b"n", &number.to_be_bytes()[..]].concat(),
        OwnerKey::Hex(hex) => [b"x", &hex[..]].concat(),
    }
}

/// The key of an account's UUID.
pub(crate) fn account_key(uuid: uuid::Uuid) -> Vec<u8> {
    [b"a", &uuid.as_bytes()[..]].concat()
}

/// What is kept of an owner and its account. The first entry is the number, the only one short enough to clash by chance.
pub(crate) fn entries(owner: &Owner) -> Result<[Entry; 4], StoreError> {
    let ids = OwnerIds::derived(owner);
    let name = pack_owner(owner);
    let hex = parse_hex12(&ids.hex)
        .map_err(|_| StoreError::Corrupt("the hex id of an owner does not have 24 digits".to_owned()))?;
    let account = derived_account_uuid(&owner.account);
    Ok([
        (owner_key(OwnerKey::Number(ids.number)), name.clone()),
        (owner_key(OwnerKey::Uuid(ids.uuid)), name.clone()),
        (owner_key(OwnerKey::Hex(hex)), name),
        (account_key(account), owner.account.clone().into_bytes()),
    ])
}

/// An owner as one text: sorts by account, then name, since neither holds control characters.
pub(crate) fn pack_owner(owner: &Owner) -> Vec<u8> {
    [owner.account.as_bytes(), b"\0", owner.name.as_bytes()].concat()
}

/// Reads what [`pack_owner`] packed.
pub(crate) fn parse_owner(packed: &[u8]) -> Result<Owner, StoreError> {
    let wrong = || StoreError::Corrupt("the name of an owner cannot be read".to_owned());
    let text = std::str::from_utf8(packed).map_err(|_| wrong())?;
    let (account, name) = text.split_once('\0').ok_or_else(wrong)?;
    Ok(Owner::new(account, name))
}

/// Reads the name of an account.
pub(crate) fn parse_account(packed: &[u8]) -> Result<String, StoreError> {
    let wrong = |_| StoreError::Corrupt("the name of an account cannot be read".to_owned());
    String::from_utf8(packed.to_vec()).map_err(wrong)
}
