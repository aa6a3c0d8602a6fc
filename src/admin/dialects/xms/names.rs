//! A user has a name once: creations and renamings of one user wait for each other.
//!
//! What is claimed here holds among the calls of this dialect in this process. Two sidecars that are asked for one name in
//! the same moment, and other dialects, which know no such rule, can still make it twice.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use tokio::sync::{Mutex, MutexGuard};

use crate::admin::service::{Actor, Draft, Error, Patch, TokenService};
use crate::token::{Listing, Owner, PlainSecret, SortBy, TokenRecord, TokenRef};

/// Locks, each for the owners whose names hash to it: most creations of this dialect under way at once.
const LOCKS: usize = 64;

static CLAIMS: [Mutex<()>; LOCKS] = [const { Mutex::const_new(()) }; LOCKS];

/// Makes a token for the caller's user; `None` if one has the name.
///
/// # Errors
/// As [`TokenService::create`].
pub(super) async fn create(
    service: &TokenService,
    actor: Actor,
    draft: Draft,
) -> Result<Option<(TokenRecord, PlainSecret)>, Error> {
    let owner = actor.owner.clone().unwrap_or_default();
    let (service, claim) = (service.clone(), claim(&owner).await);
    on_its_own(claim, async move {
        match is_taken(&service, &actor, &owner, &draft.name).await? {
            true => Ok(None),
            false => service.create(&actor, draft).await.map(Some),
        }
    })
    .await
}

/// Renames a token; `None` if another one of its user has the name.
///
/// # Errors
/// As [`TokenService::patch`].
pub(super) async fn rename(
    service: &TokenService,
    actor: Actor,
    record: TokenRecord,
    name: String,
) -> Result<Option<TokenRecord>, Error> {
    let (service, claim) = (service.clone(), claim(&record.owner).await);
    on_its_own(claim, async move {
        if is_taken(&service, &actor, &record.owner, &name).await? {
            return Ok(None);
        }
        let patch = Patch { name: Some(name), ..Patch::default() };
        service.patch(&actor, TokenRef::Id(record.id), patch).await.map(Some)
    })
    .await
}

/// Waits for the right to give names to tokens of an owner, in the order of asking.
async fn claim(owner: &Owner) -> MutexGuard<'static, ()> {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(owner);
    CLAIMS[(hash % LOCKS as u64) as usize].lock().await
}

/// Goes on when the caller leaves: the name must stay claimed until the store has answered.
async fn on_its_own<T: Send + 'static>(
    claim: MutexGuard<'static, ()>,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let working = tokio::spawn(async move {
        let done = work.await;
        drop(claim);
        done
    });
    working.await.unwrap_or_else(|error| Err(Error::Broken(error.to_string())))
}

/// Whether a token of the owner has the name. Reads the owner's tokens up to that name.
async fn is_taken(service: &TokenService, actor: &Actor, owner: &Owner, name: &str) -> Result<bool, Error> {
    let mut pages = service.pages(actor, Listing::of_owner(owner, SortBy::Name));
    while let Some(records) = pages.next().await? {
        if records.iter().any(|record| record.name == name) {
            return Ok(true);
        }
        if records.last().is_some_and(|record| record.name.as_str() > name) {
            break;
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::admin::service::{Policy, memory};
    use crate::token::{Bundles, PlanTable};

    /// How many callers want one name in the same moment.
    const CALLERS: usize = 16;

    async fn caller(service: &TokenService, owner: &str) -> Actor {
        let scopes = Some(vec!["all.User".to_owned()]);
        let draft = Draft { name: "caller".to_owned(), owner: Some(owner.to_owned()), scopes, ..Draft::default() };
        let (record, _) = service.create(&Actor::operator(), draft).await.expect("made");
        Actor::of(&record, &service.policy().bundles, "xms", std::net::Ipv4Addr::LOCALHOST.into())
    }

    fn named(name: &str) -> Draft {
        Draft { name: name.to_owned(), scopes: Some(Vec::new()), ..Draft::default() }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_many_who_want_one_name_in_the_same_moment_one_gets_it() {
        let bundles = Arc::new(Bundles::new(&BTreeMap::new()).expect("none"));
        let policy = Policy { bundles, plans: Arc::new(PlanTable::new([])), directory: Arc::default() };
        let (service, ..) = memory::service(policy);
        let (mira, tom) = (caller(&service, "mira").await, caller(&service, "tom").await);
        for round in 0..50 {
            let name = format!("robot {round}");
            let (other, _) =
                create(&service, mira.clone(), named(&format!("other {round}"))).await.expect("asked").expect("made");
            let together = Arc::new(tokio::sync::Barrier::new(CALLERS));
            let asking: Vec<_> = (0..CALLERS)
                .map(|at| {
                    let (service, mira, name, other) = (service.clone(), mira.clone(), name.clone(), other.clone());
                    let together = Arc::clone(&together);
                    tokio::spawn(async move {
                        together.wait().await;
                        match at {
                            0 => rename(&service, mira, other, name).await.expect("asked").is_some(),
                            _ => create(&service, mira, named(&name)).await.expect("asked").is_some(),
                        }
                    })
                })
                .collect();
            let mut got = 0;
            for one in asking {
                got += usize::from(one.await.expect("no panic"));
            }
            assert_eq!(got, 1, "round {round}");
            assert!(
                create(&service, tom.clone(), named(&name)).await.expect("asked").is_some(),
                "another user's names"
            );
        }
    }
}
