//! Owners and accounts by the ids derived from their names. Nothing is ever taken out.

use redb::{ReadTransaction, ReadableTable};

use super::db::{Fault, OWNERS, Tables};
use crate::store::foreign;
use crate::token::{Owner, OwnerKey, StoreError};

/// Notes an owner and its account under their ids; an id that is noted already stays with whom it is. Refused with
/// `check_number` if the number is another owner's.
pub(super) fn note(tables: &mut Tables<'_>, owner: &Owner, check_number: bool) -> Result<(), Fault> {
    let entries = foreign::entries(owner)?;
    let [(number, name), ..] = &entries;
    if check_number && tables.owners.get(number.as_slice())?.is_some_and(|kept| kept.value() != name.as_slice()) {
        return Err(StoreError::owner_clash(owner).into());
    }
    for (key, value) in &entries {
        if tables.owners.get(key.as_slice())?.is_none() {
            tables.owners.insert(key.as_slice(), value.as_slice())?;
        }
    }
    Ok(())
}

/// The owner of an id.
pub(super) fn owner(transaction: &ReadTransaction, key: OwnerKey) -> Result<Option<Owner>, Fault> {
    let kept = transaction.open_table(OWNERS)?.get(foreign::owner_key(key).as_slice())?;
    Ok(kept.map(|value| foreign::parse_owner(value.value())).transpose()?)
}

/// The account of a UUID.
pub(super) fn account(transaction: &ReadTransaction, uuid: uuid::Uuid) -> Result<Option<String>, Fault> {
    let kept = transaction.open_table(OWNERS)?.get(foreign::account_key(uuid).as_slice())?;
    Ok(kept.map(|value| foreign::parse_account(value.value())).transpose()?)
}
