//! A user has a name once: creations and renamings of one user wait for each other.
//!
//! What is claimed here holds among the calls of this dialect in this process. Two sidecars that are asked for one name in
//! the same moment, and other dialects, which know no such rule, can still make it twice.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use tokio::sync::{Mutex, MutexGuard};

use crate::admin::service::{Actor, Error, TokenService};
use crate::token::{Listing, Owner, SortBy};

/// Locks, each for the owners whose names hash to it: most creations of this dialect under way at once.
const LOCKS: usize = 64;
/// Records read in one call to the store.
const PAGE: usize = 1_000;

static CLAIMS: [Mutex<()>; LOCKS] = [const { Mutex::const_new(()) }; LOCKS];

/// The right to give names to tokens of an owner.
pub(super) struct Claim(#[allow(dead_code, reason = "held until dropped")] MutexGuard<'static, ()>);

/// Waits for the right; in the order of asking.
pub(super) async fn claim(owner: &Owner) -> Claim {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(owner);
    Claim(CLAIMS[(hash % LOCKS as u64) as usize].lock().await)
}

impl Claim {
    /// Whether a token of the owner has the name. Reads the owner's tokens up to that name.
    ///
    /// # Errors
    /// The store does not answer.
    pub(super) async fn is_taken(
        &self,
        service: &TokenService,
        actor: &Actor,
        owner: &Owner,
        name: &str,
    ) -> Result<bool, Error> {
        let mut listing = Listing {
            account: Some(owner.account.clone()),
            owner: Some(owner.name.clone()),
            sort: SortBy::Name,
            after: None,
            limit: PAGE,
        };
        loop {
            let page = service.list(actor, listing.clone()).await?;
            if page.records.iter().any(|record| record.name == name) {
                return Ok(true);
            }
            let passed = page.records.last().is_some_and(|record| record.name.as_str() > name);
            match page.next {
                Some(next) if !passed => listing.after = Some(next),
                _ => return Ok(false),
            }
        }
    }
}
