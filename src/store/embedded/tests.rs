//! The embedded store against the conformance suite, across restarts, and against a model.

#![allow(clippy::expect_used)] // a failed expectation is the test's verdict

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use proptest::prelude::*;

use super::db::{BY_ACCOUNT, COUNTS, OWNERS, Tables};
use super::*;
use crate::activity::Durability;
use crate::store::Stores;
use crate::store::conformance::{KEY, RETENTION, Writer, record};
use crate::store::foreign;
use crate::token::{Anchor, MonthLimit, Scope, SecretSlot, SortBy};

async fn open() -> (Stores, ()) {
    (crate::store::stores_of(Arc::new(open_at(None))), ())
}

mod conformance {
    crate::store::conformance::suite!(super::open);
}

pub(super) fn open_at(folder: Option<&Path>) -> Embedded {
    Embedded::open(folder, KEY.fingerprint(), RETENTION, Durability::Async, "the key of the tests").expect("opened")
}

pub(super) fn retention(per_token: usize) -> Retention {
    Retention { per_token, ..RETENTION }
}

pub(super) fn unlimited_month() -> MonthLimit {
    MonthLimit { size: crate::token::UNLIMITED, anchor: Anchor::TokenStart }
}

fn everything(sort: SortBy) -> Listing {
    Listing { account: None, owner: None, sort, after: None, limit: 10_000 }
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_at(Some(folder.path()));
    let kept = store.create(record("acme", "mira", "deploy"), true).await.expect("created");
    let gone = store.create(record("acme", "mira", "gone"), true).await.expect("created");
    store.revoke(gone.id, "leaked".to_owned(), Timestamp::system()).await.expect("revoked");
    let window = unlimited_month().window(kept.created_at, Timestamp::system());
    let lease = CounterStore::reserve(&store, kept.id, 64_000, window).await.expect("reserved");
    let (mut batch, now) = (Vec::new(), Timestamp::system());
    let event = Writer::new().push(&mut batch, kept.id, now);
    store.append(Bytes::from(batch)).await.expect("appended");
    store.close().await;
    let refused = store.append(Bytes::new()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let refused = store.find(TokenRef::Id(kept.id)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let refused = CounterStore::reserve(&store, kept.id, 64_000, window).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    // The first handle is still there, but has let go.
    let store_again = open_at(Some(folder.path()));
    assert_eq!(store_again.find(TokenRef::Id(kept.id)).await.expect("answered").as_ref(), Some(&kept));
    assert_eq!(store_again.used(kept.id, window).await.expect("answered").used, lease.granted);
    assert_eq!(store_again.last_use(kept.id).await.expect("answered").map(|last| last.at), Some(now));
    assert!(store_again.event(kept.id, event).await.expect("answered").is_some());
    let answer = store_again.resolve(gone.secrets[0].hash, Arc::default(), Timestamp::system()).await;
    assert!(matches!(answer, Ok(Lookup::Revoked(_))), "{answer:?}");
    let next = store_again.create(record("acme", "mira", "next"), true).await.expect("created");
    assert_eq!(next.serial, gone.serial + 1, "the serial of a revoked token is not used again");
}

#[tokio::test]
async fn quotas_reach_the_file_without_any_other_write() {
    let store = open_at(None);
    let kept = store.create(record("acme", "mira", "deploy"), true).await.expect("created");
    let window = unlimited_month().window(kept.created_at, Timestamp::system());
    CounterStore::reserve(&store, kept.id, 640, window).await.expect("reserved");
    let end = std::time::Instant::now() + Duration::from_secs(20);
    let key = quota::key(kept.id, window.kind);
    loop {
        let read = |transaction: &redb::ReadTransaction| {
            Ok(transaction.open_table(db::QUOTAS)?.get(&key)?.map(|value| value.value().to_vec()))
        };
        if let Some(packed) = store.core.db.read(read).expect("read") {
            assert_eq!(packed, [0u64.to_le_bytes(), 10u64.to_le_bytes()].concat());
            break;
        }
        assert!(std::time::Instant::now() < end, "the quota was never written");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    store.revoke(kept.id, String::new(), Timestamp::system()).await.expect("revoked");
    assert_eq!(store.used(kept.id, window).await.expect("answered").used, 0, "a revoked token leaves no counters");
}

#[tokio::test]
async fn quotas_survive_their_eviction_from_memory() {
    let store = open_at(None);
    let kept = store.create(record("acme", "mira", "deploy"), true).await.expect("created");
    let window = unlimited_month().window(kept.created_at, Timestamp::system());
    let core = &store.core;
    let lease = core.reserve(kept.id, 6_400, window).expect("reserved");
    // Enough others of the same shard to push it out several times over.
    for n in 0..60_000u64 {
        let mut bytes = *kept.id.as_bytes();
        bytes[4..12].copy_from_slice(&n.to_le_bytes());
        core.quotas.used(&core.db, TokenId::from_bytes(bytes), window).expect("read");
    }
    assert_eq!(core.quotas.used(&core.db, kept.id, window).expect("read").used, lease.granted);
}

#[tokio::test]
async fn tombstones_end_after_thirty_days() {
    let store = open_at(None);
    let sent = record("acme", "mira", "deploy");
    let old = store.create(sent.clone(), true).await.expect("created");
    let ended = Timestamp::from_millis(Timestamp::system().as_millis() - 30 * 86_400_000);
    store.revoke(old.id, "long ago".to_owned(), ended).await.expect("revoked");
    let answer = store.resolve(old.secrets[0].hash, Arc::default(), Timestamp::system()).await;
    assert!(matches!(answer, Ok(Lookup::Unknown)), "{answer:?}");
    let just_before = Timestamp::from_millis(Timestamp::system().as_millis() - 30 * 86_400_000 + 60_000);
    let other = store.create(record("acme", "mira", "other"), true).await.expect("created");
    store.revoke(other.id, String::new(), just_before).await.expect("revoked");
    let answer = store.resolve(other.secrets[0].hash, Arc::default(), Timestamp::system()).await;
    assert!(matches!(answer, Ok(Lookup::Revoked(_))), "{answer:?}");
    // The secret may come back, and clearing the old tombstone away does not take it.
    let again = store.create(sent, true).await.expect("imported again");
    store.create(record("acme", "mira", "a further commit"), true).await.expect("created");
    assert_eq!(store.find_by_hash(old.secrets[0].hash).await.expect("answered"), Some(again));
    let stones = |transaction: &redb::ReadTransaction| {
        Ok(redb::ReadableTableMetadata::len(&transaction.open_table(db::TOMBSTONES)?)?)
    };
    assert_eq!(store.core.db.read(stones).expect("read"), 1);
}

#[tokio::test]
async fn a_text_that_is_no_cursor_gives_an_empty_page() {
    let store = open_at(None);
    store.create(record("acme", "mira", "deploy"), true).await.expect("created");
    for text in ["zz", "abc", "ä"] {
        let listing = Listing { after: Some(text.to_owned()), ..everything(SortBy::Name) };
        let page = store.list(listing).await.expect("answered");
        assert!(page.records.is_empty() && page.next.is_none(), "{text}");
    }
}

/// One step of the model: which of six tokens, which of two secrets it holds, its name and owner.
#[derive(Clone, Debug)]
enum Step {
    Create(usize, usize),
    Update(usize, usize, String, bool),
    Revoke(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..6usize, 0..3usize).prop_map(|(token, secrets)| Step::Create(token, secrets)),
        (0..6usize, 0..4usize, "[ab]{0,2}", any::<bool>())
            .prop_map(|(t, s, name, moved)| Step::Update(t, s, name, moved)),
        (0..6usize).prop_map(Step::Revoke),
    ];
    proptest::collection::vec(step, 1..40)
}

/// Two secrets a token; neighbours share one, so that they get in each other's way.
fn secrets(token: usize, choice: usize, at: Timestamp) -> Vec<SecretSlot> {
    let slot = |n: usize| SecretSlot { hash: KEY.hash(&[n as u8]), created_at: at, expires_at: None };
    match choice {
        0 => vec![slot(token)],
        1 => vec![slot(token + 1)],
        2 => vec![slot(token), slot(token + 1)],
        _ => vec![],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn tables_agree_with_a_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let store = open_at(None);
            let drafts: Vec<TokenRecord> = (0..6).map(|n| record("acme", "mira", &format!("t{n}"))).collect();
            let mut live: BTreeMap<usize, TokenRecord> = BTreeMap::new();
            let mut stones: HashMap<[u8; 32], ()> = HashMap::new();
            for step in steps {
                let taken = |live: &BTreeMap<usize, TokenRecord>, but: Option<usize>, slot: &SecretSlot| {
                    live.iter().any(|(n, record)| Some(*n) != but && record.secret(&slot.hash).is_some())
                };
                match step {
                    Step::Create(n, choice) => {
                        let sent = TokenRecord { secrets: secrets(n, choice, drafts[n].created_at), ..drafts[n].clone() };
                        let result = store.create(sent.clone(), true).await;
                        let first = sent.secrets.iter().find(|slot| {
                            taken(&live, None, slot) || stones.contains_key(slot.hash.as_bytes())
                        });
                        match first {
                            Some(slot) if taken(&live, None, slot) => {
                                assert!(matches!(result, Err(StoreError::Exists)), "{result:?}");
                            }
                            Some(_) => assert!(matches!(result, Err(StoreError::Revoked)), "{result:?}"),
                            None if live.contains_key(&n) => {
                                assert!(matches!(result, Err(StoreError::IdTaken)), "{result:?}");
                            }
                            None => drop(live.insert(n, result.expect("created"))),
                        }
                    }
                    Step::Update(n, choice, name, moved) => {
                        let Some(old) = live.get(&n).cloned() else { continue };
                        let owner = Owner::new("acme", if moved { "noor" } else { "mira" });
                        let secrets = secrets(n, choice, old.created_at);
                        let scopes = if moved { vec![Scope::ALL_ADMIN.parse().expect("a scope")] } else { Vec::new() };
                        let edit = TokenRecord { name, owner, secrets, scopes, ..old.clone() };
                        let first = edit.secrets.iter().filter(|slot| old.secret(&slot.hash).is_none()).find(|slot| {
                            taken(&live, Some(n), slot) || stones.contains_key(slot.hash.as_bytes())
                        });
                        let result = store.update(edit.clone()).await;
                        match first {
                            Some(slot) if taken(&live, Some(n), slot) => {
                                assert!(matches!(result, Err(StoreError::Exists)), "{result:?}");
                            }
                            Some(_) => assert!(matches!(result, Err(StoreError::Revoked)), "{result:?}"),
                            None => {
                                let new = result.expect("updated");
                                assert_eq!(new, TokenRecord { generation: old.generation + 1, ..edit });
                                live.insert(n, new);
                            }
                        }
                    }
                    Step::Revoke(n) => {
                        let result = store.revoke(drafts[n].id, String::new(), Timestamp::system()).await;
                        let old = live.remove(&n);
                        assert_eq!(result.expect("answered"), old);
                        stones.extend(old.iter().flat_map(|old| &old.secrets).map(|slot| (*slot.hash.as_bytes(), ())));
                    }
                }
            }
            agree(&store, &live, &stones).await;
        });
    }
}

async fn agree(store: &Embedded, live: &BTreeMap<usize, TokenRecord>, stones: &HashMap<[u8; 32], ()>) {
    for n in 0..8u8 {
        let hash = KEY.hash(&[n]);
        let holder = live.values().find(|record| record.secret(&hash).is_some());
        let answer = store.resolve(hash, Arc::default(), Timestamp::system()).await.expect("answered");
        match (holder, stones.contains_key(hash.as_bytes()), answer) {
            (Some(holder), _, Lookup::Found(found)) => assert_eq!(found.record, *holder),
            (None, true, Lookup::Revoked(_)) | (None, false, Lookup::Unknown) => {}
            (_, _, answer) => panic!("{n} gives {answer:?}"),
        }
    }
    for sort in [SortBy::Name, SortBy::Created] {
        let mut expected: Vec<&TokenRecord> = live.values().collect();
        expected.sort_by_key(|record| {
            let name = if sort == SortBy::Name { record.name.as_str() } else { "" };
            let date = if sort == SortBy::Created { record.created_at } else { Timestamp::default() };
            (record.owner.clone(), name, date, record.id)
        });
        let listed = store.list(everything(sort)).await.expect("listed").records;
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected);
    }
    let listing = Listing { account: Some("acme".to_owned()), ..everything(SortBy::Newest) };
    let listed = store.list(listing).await.expect("listed").records;
    let mut expected: Vec<&TokenRecord> = live.values().collect();
    expected.sort_by_key(|record| std::cmp::Reverse((record.created_at, record.id)));
    assert_eq!(listed.iter().collect::<Vec<_>>(), expected);
    let counts = store.count("acme".to_owned()).await.expect("answered");
    let privileged = live.values().filter(|record| record.is_privileged()).count();
    assert_eq!((counts.all, counts.privileged), (live.len() as u64, privileged as u64));
}

#[tokio::test]
async fn a_number_of_another_owner_is_refused() {
    let store = Arc::new(open_at(None));
    let [(number, _), ..] = foreign::entries(&Owner::new("acme", "mira")).expect("made");
    let other = foreign::pack_owner(&Owner::new("acme", "other"));
    let written = store.core.db.write(|transaction| {
        Tables::open(transaction)?.owners.insert(number.as_slice(), other.as_slice())?;
        Ok(())
    });
    written.expect("written");
    crate::store::conformance::a_number_of_another_owner_is_refused(&crate::store::stores_of(store)).await;
}

#[tokio::test]
async fn a_file_without_counts_gets_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_at(Some(folder.path()));
    let mut kept = Vec::new();
    for n in 0..5 {
        let scopes = vec![if n < 2 { Scope::ALL_ADMIN } else { Scope::ALL_USER }.parse().expect("a scope")];
        let sent = TokenRecord { scopes, ..record("acme", "mira", &format!("t{n}")) };
        kept.insert(0, store.create(sent, true).await.expect("created"));
    }
    kept.sort_by_key(|record| std::cmp::Reverse((record.created_at, record.id)));
    // As a build before these tables left it.
    let dropped = store.core.db.write(|transaction| {
        transaction.delete_table(BY_ACCOUNT)?;
        transaction.delete_table(COUNTS)?;
        transaction.delete_table(OWNERS)?;
        Ok(())
    });
    dropped.expect("dropped");
    store.close().await;
    for _ in 0..2 {
        let store = open_at(Some(folder.path()));
        let listing = Listing { account: Some("acme".to_owned()), ..everything(SortBy::Newest) };
        assert_eq!(store.list(listing).await.expect("listed").records, kept);
        let counts = store.count("acme".to_owned()).await.expect("answered");
        assert_eq!((counts.all, counts.privileged), (5, 2));
        let uuid = crate::token::OwnerIds::derived(&Owner::new("acme", "mira")).uuid;
        let owner = store.owner(OwnerKey::Uuid(uuid)).await.expect("answered");
        assert_eq!(owner, Some(Owner::new("acme", "mira")));
        store.close().await;
    }
}
