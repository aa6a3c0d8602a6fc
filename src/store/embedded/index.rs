//! The orders in which tokens are listed, and how many there are.

use redb::{ReadTransaction, ReadableTable};

use super::db::{BY_ACCOUNT, BY_DATE, BY_NAME, COUNTS, Fault, RECORDS, Tables};
use super::tokens::sortable;
use crate::store::codec;
use crate::token::{Counts, Listing, Owner, Page, SortBy, StoreError, TokenRecord, hex, parse_hex};

/// Adds a token to every order and count.
pub(super) fn insert(tables: &mut Tables<'_>, record: &TokenRecord) -> Result<(), Fault> {
    tables.by_name.insert(name_key(record).as_slice(), ())?;
    tables.by_date.insert(date_key(record).as_slice(), ())?;
    tables.by_account.insert(account_key(record).as_slice(), ())?;
    change_counts(tables, record, |count, by| count.saturating_add(by))
}

/// Takes a token out of every order and count.
pub(super) fn remove(tables: &mut Tables<'_>, record: &TokenRecord) -> Result<(), Fault> {
    tables.by_name.remove(name_key(record).as_slice())?;
    tables.by_date.remove(date_key(record).as_slice())?;
    tables.by_account.remove(account_key(record).as_slice())?;
    change_counts(tables, record, u64::saturating_sub)
}

fn change_counts(tables: &mut Tables<'_>, record: &TokenRecord, change: impl Fn(u64, u64) -> u64) -> Result<(), Fault> {
    let account = record.owner.account.as_bytes();
    let (all, privileged) = tables.counts.get(account)?.map(|value| value.value()).unwrap_or_default();
    let counts = (change(all, 1), change(privileged, u64::from(record.is_privileged())));
    if counts == (0, 0) {
        tables.counts.remove(account)?;
    } else {
        tables.counts.insert(account, counts)?;
    }
    Ok(())
}

/// Fills in what a file made before there were these tables lacks. Once per file; all records are in memory meanwhile.
pub(super) fn rebuild(tables: &mut Tables<'_>) -> Result<(), Fault> {
    let mut records = Vec::new();
    for entry in tables.records.iter()? {
        records.push(codec::decode(entry?.1.value())?);
    }
    for record in &records {
        tables.by_account.insert(account_key(record).as_slice(), ())?;
        change_counts(tables, record, |count, by| count.saturating_add(by))?;
        super::owners::note(tables, &record.owner, false)?;
    }
    Ok(())
}

/// The live tokens of an account.
pub(super) fn count(transaction: &ReadTransaction, account: &str) -> Result<Counts, Fault> {
    let kept = transaction.open_table(COUNTS)?.get(account.as_bytes())?;
    let (all, privileged) = kept.map(|value| value.value()).unwrap_or_default();
    Ok(Counts { all, privileged })
}

/// Names hold no control characters, so a zero ends each and keys sort as tuples do.
fn owner_prefix(owner: &Owner) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(owner.account.as_bytes());
    key.push(0);
    key.extend_from_slice(owner.name.as_bytes());
    key.push(0);
    key
}

fn account_prefix(account: &str) -> Vec<u8> {
    [account.as_bytes(), b"\0"].concat()
}

fn name_key(record: &TokenRecord) -> Vec<u8> {
    let mut key = owner_prefix(&record.owner);
    key.extend_from_slice(record.name.as_bytes());
    key.push(0);
    key.extend_from_slice(record.id.short().as_bytes());
    key
}

fn date_key(record: &TokenRecord) -> Vec<u8> {
    dated(owner_prefix(&record.owner), record)
}

fn account_key(record: &TokenRecord) -> Vec<u8> {
    dated(account_prefix(&record.owner.account), record)
}

fn dated(mut key: Vec<u8>, record: &TokenRecord) -> Vec<u8> {
    key.extend_from_slice(&sortable(record.created_at));
    key.extend_from_slice(record.id.short().as_bytes());
    key
}

/// One page of a listing: one range scan from the cursor. A text that is no cursor gives an empty page.
pub(super) fn list(transaction: &ReadTransaction, listing: &Listing) -> Result<Page, Fault> {
    let newest = listing.sort == SortBy::Newest;
    let (table, prefix) = match (listing.single_owner(), &listing.account) {
        (Some(owner), _) => (if listing.sort == SortBy::Name { BY_NAME } else { BY_DATE }, owner_prefix(&owner)),
        (None, account) if newest => {
            (BY_ACCOUNT, account_prefix(account.as_deref().unwrap_or(&Owner::default().account)))
        }
        (None, account) => (
            if listing.sort == SortBy::Name { BY_NAME } else { BY_DATE },
            account.as_deref().map(account_prefix).unwrap_or_default(),
        ),
    };
    let mut page = Page { records: Vec::new(), next: None };
    let after = match listing.after.as_deref().map(parse_hex) {
        Some(None) => return Ok(page),
        Some(Some(after)) => Some(after),
        None => None,
    };
    let index = transaction.open_table(table)?;
    let records = transaction.open_table(RECORDS)?;
    let mut reader = Reader { records, prefix: &prefix, after: after.as_deref(), limit: listing.limit, last: None };
    if newest {
        // The prefix ends in a zero, so that one counts as its end.
        let mut end = prefix.clone();
        if let Some(last) = end.last_mut() {
            *last = 1;
        }
        let to = after.as_deref().filter(|after| *after < end.as_slice()).unwrap_or(&end);
        if prefix.as_slice() < to {
            for entry in index.range(prefix.as_slice()..to)?.rev() {
                if reader.take(entry?.0.value(), &mut page)? {
                    break;
                }
            }
        }
    } else {
        let from = after.as_deref().filter(|after| *after > prefix.as_slice()).unwrap_or(&prefix);
        for entry in index.range(from..)? {
            if reader.take(entry?.0.value(), &mut page)? {
                break;
            }
        }
    }
    Ok(page)
}

/// Fills a page from the keys of an index.
struct Reader<'a, R> {
    records: R,
    prefix: &'a [u8],
    after: Option<&'a [u8]>,
    limit: usize,
    last: Option<Vec<u8>>,
}

impl<R: ReadableTable<&'static [u8; 12], &'static [u8]>> Reader<'_, R> {
    /// Adds the token of a key; true if the page ends before it.
    fn take(&mut self, key: &[u8], page: &mut Page) -> Result<bool, Fault> {
        if !key.starts_with(self.prefix) {
            return Ok(true);
        }
        if self.after == Some(key) {
            return Ok(false);
        }
        if page.records.len() >= self.limit {
            page.next = self.last.take().map(|key| hex(&key));
            return Ok(true);
        }
        let short = key.last_chunk::<12>().ok_or_else(|| StoreError::Corrupt("an index key is cut".to_owned()))?;
        let packed = self
            .records
            .get(short)?
            .ok_or_else(|| StoreError::Corrupt("an owner index leads to a token that is not there".to_owned()))?;
        page.records.push(codec::decode(packed.value())?);
        // Only the last key of a full page is a cursor.
        if page.records.len() == self.limit {
            self.last = Some(key.to_vec());
        }
        Ok(false)
    }
}
