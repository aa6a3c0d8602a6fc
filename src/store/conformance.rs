//! What every store must do, written once and run against each of them.
//!
//! A store's tests name a function that opens a fresh, empty store with [`RETENTION`]:
//! `crate::store::conformance::suite!(open);` where `async fn open() -> (Stores, G)` and `G` keeps whatever the store
//! lives in. Each case gets a store of its own.

#![allow(clippy::expect_used)] // a failed expectation is the test's verdict

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast::error::RecvError;

use super::Stores;
use crate::activity::{EventId, EventIds, EventKind, EventRef, Retention};
use crate::clock::Timestamp;
use crate::token::{
    Anchor, Change, Form, HashKey, Listing, Lookup, Member, MonthLimit, Owner, OwnerIds, OwnerKey, PlainSecret, Plan,
    PlanTable, QuotaWindow, SecretHash, SecretSlot, SortBy, Status, StoreError, TokenId, TokenRecord, TokenRef,
    derived_account_uuid, parse_hex12,
};

/// What the stores under test are opened with: small enough to run into.
pub(crate) const RETENTION: Retention =
    Retention { per_token: 50, max_age: Duration::from_secs(3600), max_bytes: 1 << 30 };

/// One test per case. `$open` is an `async fn() -> (Stores, guard)`.
macro_rules! suite {
    ($open:path) => {
        $crate::store::conformance::suite!(@each $open:
            a_new_token_is_found_by_every_id,
            creation_refuses_what_exists,
            a_serial_is_never_used_twice,
            updates_are_fenced_by_the_generation,
            of_many_updates_of_one_generation_one_wins,
            a_rotated_out_secret_stops_at_once,
            an_update_cannot_take_a_secret_that_is_in_use,
            revoked_secrets_leave_tombstones,
            a_token_that_may_not_be_used_leases_nothing,
            resolving_leases_by_the_plan,
            listings_are_ordered_and_paged,
            listings_keep_to_their_account_and_owner,
            listings_follow_edits,
            a_cursor_survives_the_token_it_points_at,
            the_newest_of_an_account_come_first,
            tokens_are_counted_by_account,
            owners_and_accounts_are_known_by_their_ids,
            an_owner_never_clashes_with_itself,
            many_last_uses_at_once,
            a_sidecar_that_announces_itself_is_present,
            changes_are_told,
            leases_add_up_to_the_size,
            leases_given_back_can_be_taken_again,
            concurrent_leases_never_exceed_the_size,
            a_smaller_quota_than_used_grants_nothing,
            periods_begin_anew,
            a_rolling_window_sums_its_days,
            kinds_of_counters_never_mix,
            activity_is_paged_newest_first,
            a_page_of_activity_is_in_order_of_time,
            activity_is_capped_per_token,
            activity_beyond_its_age_is_not_shown,
            one_event_is_found,
            large_batches_of_many_tokens_are_kept,
            the_last_use_is_kept,
            a_thousand_callers_at_once,
            it_answers_a_ping,
        );
    };
    (@each $open:path: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (stores, _guard) = $open().await;
                $crate::store::conformance::$case(&stores).await;
            }
        )+
    };
}
pub(crate) use suite;

/// The hash key of every token under test.
pub(crate) static KEY: LazyLock<HashKey> = LazyLock::new(|| HashKey::new(&[7; 32]).expect("long enough"));

/// Longest wait for something that a store tells of its own accord.
const PATIENCE: Duration = Duration::from_secs(20);

/// A record with every field in use.
pub(crate) fn record(account: &str, owner: &str, name: &str) -> TokenRecord {
    let (_, hash, id) = PlainSecret::mint(Form::Tg, &KEY, Timestamp::system());
    let at = Timestamp::system();
    TokenRecord {
        id,
        serial: 0,
        generation: 1,
        name: name.to_owned(),
        description: "für Prüfungen".to_owned(),
        owner: Owner::new(account, owner),
        scopes: vec!["orders.*".parse().expect("a scope")],
        status: Status::Enabled,
        created_at: at,
        updated_at: at,
        expires_at: Some(at.plus(Duration::from_secs(86_400))),
        created_by: owner.to_owned(),
        made_with: None,
        modified_by: owner.to_owned(),
        labels: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
        metadata: serde_json::json!({"a": [1, null]}).as_object().cloned().unwrap_or_default(),
        personal: true,
        plan: "default".to_owned(),
        region: "eu".to_owned(),
        networks: vec!["10.0.0.0/8".parse().expect("a network")],
        form: Form::Tg,
        secrets: vec![SecretSlot { hash, created_at: at, expires_at: None }],
    }
}

fn further_secret(record: &TokenRecord) -> SecretSlot {
    let (_, hash) = PlainSecret::mint_for(Form::Tg, record.id, &KEY);
    SecretSlot { hash, created_at: record.created_at, expires_at: None }
}

async fn create(stores: &Stores, account: &str, owner: &str, name: &str) -> TokenRecord {
    stores.tokens.create(record(account, owner, name), true).await.expect("created")
}

async fn resolve(stores: &Stores, hash: SecretHash) -> Lookup {
    stores.tokens.resolve(hash, Arc::new(PlanTable::uncounted()), Timestamp::system()).await.expect("answered")
}

async fn is_found(stores: &Stores, hash: SecretHash) -> bool {
    matches!(resolve(stores, hash).await, Lookup::Found(_))
}

fn month(size: u64, anchor: Anchor) -> MonthLimit {
    MonthLimit { size, anchor }
}

fn plans(name: &str, month: MonthLimit) -> Arc<PlanTable> {
    Arc::new(PlanTable::new([Plan {
        name: name.into(),
        index: 0,
        books: Arc::default(),
        minute: None,
        month: Some(month),
    }]))
}

fn window(anchor: Anchor, now: Timestamp) -> QuotaWindow {
    month(1, anchor).window(now, now)
}

fn fresh_id() -> TokenId {
    PlainSecret::mint(Form::Tg, &KEY, Timestamp::system()).2
}

pub(crate) async fn a_new_token_is_found_by_every_id(stores: &Stores) {
    let sent = record("default", "mira", "deploy");
    let kept = stores.tokens.create(sent.clone(), true).await.expect("created");
    assert!(kept.serial >= 1);
    assert_eq!(kept, TokenRecord { serial: kept.serial, ..sent });
    let (id, short, public) = (kept.id, kept.id.short(), kept.id.public());
    for name in [TokenRef::Id(id), TokenRef::Serial(kept.serial), TokenRef::Short(short), TokenRef::Public(public)] {
        assert_eq!(stores.tokens.find(name).await.expect("answered").as_ref(), Some(&kept), "{name:?}");
    }
    let mut near = public;
    near[14] ^= 1;
    assert_eq!(stores.tokens.find(TokenRef::Public(near)).await.expect("answered"), None, "compared in full");
    let hash = kept.secrets[0].hash;
    assert_eq!(stores.tokens.find_by_hash(hash).await.expect("answered").as_ref(), Some(&kept));
    let Lookup::Found(found) = resolve(stores, hash).await else { panic!("not found by its secret") };
    assert_eq!((found.record, found.lease), (kept, None));

    let other = record("default", "mira", "never kept");
    for name in [TokenRef::Id(other.id), TokenRef::Serial(987_654), TokenRef::Short(other.id.short())] {
        assert_eq!(stores.tokens.find(name).await.expect("answered"), None, "{name:?}");
    }
    assert_eq!(stores.tokens.find_by_hash(other.secrets[0].hash).await.expect("answered"), None);
    assert!(matches!(resolve(stores, other.secrets[0].hash).await, Lookup::Unknown));
}

pub(crate) async fn creation_refuses_what_exists(stores: &Stores) {
    let kept = create(stores, "default", "mira", "first").await;
    let mut same_secret = record("default", "mira", "second");
    same_secret.secrets = kept.secrets.clone();
    let mut bytes = *same_secret.id.as_bytes();
    bytes[0] = kept.id.tag();
    same_secret.id = TokenId::from_bytes(bytes);
    let refused = stores.tokens.create(same_secret.clone(), true).await;
    assert!(matches!(refused, Err(StoreError::Exists)), "{refused:?}");
    assert_eq!(stores.tokens.find(TokenRef::Id(same_secret.id)).await.expect("answered"), None, "left nothing");

    // The same first twelve bytes, another UUID, another secret.
    let mut same_short = record("default", "mira", "third");
    let mut bytes = *kept.id.as_bytes();
    bytes[15] ^= 1;
    same_short.id = TokenId::from_bytes(bytes);
    same_short.secrets = vec![further_secret(&kept)];
    let refused = stores.tokens.create(same_short.clone(), true).await;
    assert!(matches!(refused, Err(StoreError::IdTaken)), "{refused:?}");
    assert!(!is_found(stores, same_short.secrets[0].hash).await, "left nothing");
    assert_eq!(stores.tokens.find(TokenRef::Id(same_short.id)).await.expect("answered"), None, "another UUID");
    assert_eq!(all(stores, listing(None, None, SortBy::Name), 100).await, vec![kept]);
}

pub(crate) async fn a_serial_is_never_used_twice(stores: &Stores) {
    let mut seen = HashSet::new();
    for round in 0..20 {
        let kept = create(stores, "default", "mira", &format!("t{round}")).await;
        assert!(seen.insert(kept.serial), "serial {} again", kept.serial);
        stores.tokens.revoke(kept.id, String::new(), Timestamp::system()).await.expect("revoked");
        assert_eq!(stores.tokens.find(TokenRef::Serial(kept.serial)).await.expect("answered"), None);
    }
}

pub(crate) async fn updates_are_fenced_by_the_generation(stores: &Stores) {
    let first = create(stores, "default", "mira", "deploy").await;
    let edit = TokenRecord { name: "renamed".to_owned(), status: Status::Disabled, ..first.clone() };
    let second = stores.tokens.update(edit.clone()).await.expect("updated");
    assert_eq!(second, TokenRecord { generation: first.generation + 1, ..edit.clone() });
    assert_eq!(stores.tokens.find(TokenRef::Id(first.id)).await.expect("answered"), Some(second.clone()));
    let late = stores.tokens.update(edit).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    assert_eq!(stores.tokens.find(TokenRef::Id(first.id)).await.expect("answered"), Some(second.clone()));
    let third = stores.tokens.update(second).await.expect("updated again");
    assert_eq!(third.generation, first.generation + 2);

    let never = stores.tokens.update(record("default", "mira", "never kept")).await;
    assert!(matches!(never, Err(StoreError::NotFound)), "{never:?}");
    stores.tokens.revoke(third.id, String::new(), Timestamp::system()).await.expect("revoked");
    let gone = stores.tokens.update(third).await;
    assert!(matches!(gone, Err(StoreError::NotFound)), "{gone:?}");
}

pub(crate) async fn of_many_updates_of_one_generation_one_wins(stores: &Stores) {
    let kept = create(stores, "default", "mira", "deploy").await;
    let tries = (0..50).map(|n| {
        let (tokens, edit) = (Arc::clone(&stores.tokens), TokenRecord { name: format!("by {n}"), ..kept.clone() });
        tokio::spawn(async move { tokens.update(edit).await })
    });
    let mut winners = Vec::new();
    for task in tries.collect::<Vec<_>>() {
        match task.await.expect("ran") {
            Ok(record) => winners.push(record),
            Err(error) => assert!(matches!(error, StoreError::Conflict), "{error:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(stores.tokens.find(TokenRef::Id(kept.id)).await.expect("answered"), winners.pop());
}

pub(crate) async fn a_rotated_out_secret_stops_at_once(stores: &Stores) {
    let first = create(stores, "default", "mira", "deploy").await;
    let (old, new) = (first.secrets[0], further_secret(&first));
    // A slot past its overlap is still the caller's to judge.
    let ended = SecretSlot { expires_at: Some(Timestamp::from_millis(1)), ..old };
    let both = stores.tokens.update(TokenRecord { secrets: vec![new, ended], ..first }).await.expect("updated");
    assert!(is_found(stores, old.hash).await && is_found(stores, new.hash).await);
    let alone = stores.tokens.update(TokenRecord { secrets: vec![new], ..both }).await.expect("updated");
    assert!(matches!(resolve(stores, old.hash).await, Lookup::Unknown), "no tombstone either");
    assert_eq!(stores.tokens.find_by_hash(old.hash).await.expect("answered"), None);
    assert!(is_found(stores, new.hash).await);
    assert_eq!(stores.tokens.find_by_hash(new.hash).await.expect("answered"), Some(alone));
}

pub(crate) async fn an_update_cannot_take_a_secret_that_is_in_use(stores: &Stores) {
    let mine = create(stores, "default", "mira", "mine").await;
    let mut theirs = record("default", "noor", "theirs");
    let mut bytes = *theirs.id.as_bytes();
    bytes[0] = mine.id.tag();
    theirs.id = TokenId::from_bytes(bytes);
    theirs.secrets = vec![further_secret(&mine)];
    let theirs = stores.tokens.create(theirs, true).await.expect("created");
    let grab = TokenRecord { secrets: vec![mine.secrets[0], theirs.secrets[0]], ..mine.clone() };
    let refused = stores.tokens.update(grab.clone()).await;
    assert!(matches!(refused, Err(StoreError::Exists)), "{refused:?}");
    assert_eq!(stores.tokens.find_by_hash(theirs.secrets[0].hash).await.expect("answered"), Some(theirs.clone()));

    stores.tokens.revoke(theirs.id, String::new(), Timestamp::system()).await.expect("revoked");
    let refused = stores.tokens.update(grab).await;
    assert!(matches!(refused, Err(StoreError::Revoked)), "{refused:?}");
    assert_eq!(stores.tokens.find(TokenRef::Id(mine.id)).await.expect("answered"), Some(mine), "left nothing");
}

pub(crate) async fn revoked_secrets_leave_tombstones(stores: &Stores) {
    let first = create(stores, "default", "mira", "deploy").await;
    let secrets = vec![further_secret(&first), first.secrets[0]];
    let kept = stores.tokens.update(TokenRecord { secrets, ..first }).await.expect("updated");
    let now = Timestamp::system();
    let gone = stores.tokens.revoke(kept.id, "leaked: \"über\"".to_owned(), now).await.expect("answered");
    assert_eq!(gone.as_ref(), Some(&kept));
    for slot in &kept.secrets {
        let Lookup::Revoked(stone) = resolve(stores, slot.hash).await else { panic!("no tombstone") };
        assert_eq!((stone.id, stone.revoked_at, stone.reason.as_str()), (kept.id, now, "leaked: \"über\""));
        assert_eq!(stores.tokens.find_by_hash(slot.hash).await.expect("answered"), None);
    }
    for name in [TokenRef::Id(kept.id), TokenRef::Serial(kept.serial), TokenRef::Short(kept.id.short())] {
        assert_eq!(stores.tokens.find(name).await.expect("answered"), None, "{name:?}");
    }
    assert_eq!(all(stores, listing(None, None, SortBy::Name), 10).await, vec![]);
    assert_eq!(all(stores, listing(None, None, SortBy::Created), 10).await, vec![]);
    assert_eq!(stores.tokens.revoke(kept.id, "again".to_owned(), now).await.expect("answered"), None);
    let Lookup::Revoked(stone) = resolve(stores, kept.secrets[0].hash).await else { panic!("no tombstone") };
    assert_eq!(stone.reason, "leaked: \"über\"", "a second revocation changes nothing");

    let mut again = kept.clone();
    again.secrets.truncate(1);
    let refused = stores.tokens.create(again, true).await;
    assert!(matches!(refused, Err(StoreError::Revoked)), "{refused:?}");
}

pub(crate) async fn a_token_that_may_not_be_used_leases_nothing(stores: &Stores) {
    let now = Timestamp::system();
    let plans = plans("default", month(640, Anchor::TokenStart));
    for (status, expires_at) in [(Status::Disabled, None), (Status::Enabled, Some(now))] {
        let sent = TokenRecord { status, expires_at, ..record("default", "mira", "resting") };
        let kept = stores.tokens.create(sent, true).await.expect("created");
        let answer = stores.tokens.resolve(kept.secrets[0].hash, Arc::clone(&plans), now).await.expect("answered");
        let Lookup::Found(found) = answer else { panic!("not found") };
        assert_eq!((found.record.id, found.lease), (kept.id, None));
        let window = month(640, Anchor::TokenStart).window(kept.created_at, now);
        assert_eq!(stores.counters.used(kept.id, window).await.expect("answered").used, 0);
    }
}

pub(crate) async fn resolving_leases_by_the_plan(stores: &Stores) {
    let now = Timestamp::system();
    let zone = jiff::tz::TimeZone::get("Europe/Vienna").expect("bundled");
    for anchor in [Anchor::Calendar(zone), Anchor::TokenStart, Anchor::Rolling] {
        let limit = month(6_400, anchor);
        let kept = stores
            .tokens
            .create(
                TokenRecord { plan: "metered".to_owned(), expires_at: None, ..record("default", "mira", "m") },
                true,
            )
            .await
            .expect("created");
        let window = limit.window(kept.created_at, now);
        let table = plans("metered", limit);
        let hash = kept.secrets[0].hash;
        let mut left = 6_400;
        for _ in 0..3 {
            let answer = stores.tokens.resolve(hash, Arc::clone(&table), now).await.expect("answered");
            let Lookup::Found(found) = answer else { panic!("not found") };
            let lease = found.lease.expect("the plan has a month quota");
            assert_eq!(lease.granted, MonthLimit::chunk(left));
            left -= lease.granted;
            assert_eq!((lease.remaining, lease.window), (left, window));
        }
        assert_eq!(stores.counters.used(kept.id, window).await.expect("answered").used, 6_400 - left);
        // Finding takes nothing, nor does a table that counts nothing.
        stores.tokens.find_by_hash(hash).await.expect("answered");
        let Lookup::Found(found) = resolve(stores, hash).await else { panic!("not found") };
        assert_eq!(found.lease, None);
        assert_eq!(stores.counters.used(kept.id, window).await.expect("answered").used, 6_400 - left);
    }
}

fn listing(account: Option<&str>, owner: Option<&str>, sort: SortBy) -> Listing {
    Listing { account: account.map(str::to_owned), owner: owner.map(str::to_owned), sort, after: None, limit: 10 }
}

/// Every record of a listing, page by page.
async fn all(stores: &Stores, listing: Listing, limit: usize) -> Vec<TokenRecord> {
    let mut listing = Listing { limit, ..listing };
    let mut records = Vec::new();
    loop {
        let page = stores.tokens.list(listing.clone()).await.expect("listed");
        assert!(page.records.len() <= limit);
        records.extend(page.records);
        match page.next {
            Some(next) => {
                assert!(next.bytes().all(|byte| byte.is_ascii_graphic()), "printable: {next}");
                listing.after = Some(next);
            }
            None => return records,
        }
        assert!(records.len() < 10_000, "a listing that never ends");
    }
}

/// 240 tokens of 2 accounts and 6 owners whose names are prefixes of each other, made in no order.
async fn populate(stores: &Stores) -> Vec<TokenRecord> {
    let base = Timestamp::system().as_millis() - 10_000_000;
    let mut tasks = Vec::new();
    for n in 0..240u64 {
        let account = ["default", "default2"][(n % 2) as usize];
        let owner = ["mira", "mir", "mira b"][(n / 2 % 3) as usize];
        // Names repeat, differ in case and in length, and leave ASCII.
        let name = ["b", "B", "ba", "ä", ""][(n / 6 % 5) as usize];
        let scattered = i64::try_from(n * 7_919 % 240).expect("small");
        let created_at = Timestamp::from_millis(base + scattered * 1_000);
        let sent = TokenRecord { created_at, ..record(account, owner, &format!("{name}{}", n / 60)) };
        let tokens = Arc::clone(&stores.tokens);
        tasks.push(tokio::spawn(async move { tokens.create(sent, true).await.expect("created") }));
    }
    let mut records = Vec::new();
    for task in tasks {
        records.push(task.await.expect("ran"));
    }
    records
}

fn ids(records: &[TokenRecord]) -> Vec<TokenId> {
    records.iter().map(|record| record.id).collect()
}

fn sorted(mut records: Vec<TokenRecord>, sort: SortBy) -> Vec<TokenRecord> {
    records.sort_by(|a, b| {
        let owners = (&a.owner.account, &a.owner.name).cmp(&(&b.owner.account, &b.owner.name));
        let within = match sort {
            SortBy::Name => a.name.as_bytes().cmp(b.name.as_bytes()),
            SortBy::Created => a.created_at.cmp(&b.created_at),
            SortBy::Newest => return (b.created_at, b.id).cmp(&(a.created_at, a.id)),
        };
        owners.then(within).then(a.id.cmp(&b.id))
    });
    records
}

pub(crate) async fn listings_are_ordered_and_paged(stores: &Stores) {
    let records = populate(stores).await;
    for sort in [SortBy::Name, SortBy::Created] {
        let expected = ids(&sorted(records.clone(), sort));
        for limit in [1_000, 240, 100, 7] {
            assert_eq!(ids(&all(stores, listing(None, None, sort), limit).await), expected, "{sort:?} by {limit}");
        }
    }
}

pub(crate) async fn listings_keep_to_their_account_and_owner(stores: &Stores) {
    let records = populate(stores).await;
    for sort in [SortBy::Name, SortBy::Created] {
        for (account, owner) in [
            (Some("default"), None),
            (Some("default2"), None),
            (Some("default"), Some("mir")),
            (Some("default2"), Some("mira")),
            (None, Some("mira b")),
            (Some("nobody's"), None),
            (Some("default"), Some("mi")),
        ] {
            let wanted = |record: &TokenRecord| match (account, owner) {
                (account, Some(owner)) => record.owner == Owner::new(account.unwrap_or("default"), owner),
                (Some(account), None) => record.owner.account == account,
                (None, None) => true,
            };
            let expected = sorted(records.iter().filter(|record| wanted(record)).cloned().collect(), sort);
            for limit in [100, 9] {
                let listed = all(stores, listing(account, owner, sort), limit).await;
                assert_eq!(ids(&listed), ids(&expected), "{account:?} {owner:?} {sort:?} by {limit}");
            }
        }
    }
}

pub(crate) async fn listings_follow_edits(stores: &Stores) {
    let first = create(stores, "default", "mira", "b").await;
    let second = create(stores, "default", "mira", "c").await;
    let renamed = stores.tokens.update(TokenRecord { name: "d".to_owned(), ..first }).await.expect("updated");
    let by_name = all(stores, listing(None, None, SortBy::Name), 10).await;
    assert_eq!(by_name, vec![second.clone(), renamed.clone()]);
    let moved = TokenRecord { owner: Owner::new("acme", "noor"), ..renamed };
    let moved = stores.tokens.update(moved).await.expect("updated");
    for sort in [SortBy::Name, SortBy::Created] {
        assert_eq!(all(stores, listing(None, Some("mira"), sort), 10).await, vec![second.clone()]);
        assert_eq!(all(stores, listing(Some("acme"), Some("noor"), sort), 10).await, vec![moved.clone()]);
        assert_eq!(all(stores, listing(None, None, sort), 10).await.len(), 2);
    }
}

pub(crate) async fn a_cursor_survives_the_token_it_points_at(stores: &Stores) {
    let mut records = Vec::new();
    for n in 0..6 {
        records.push(create(stores, "default", "mira", &format!("t{n}")).await);
    }
    let first = stores.tokens.list(Listing { limit: 3, ..listing(None, None, SortBy::Name) }).await.expect("listed");
    assert_eq!(ids(&first.records), ids(&records[..3]));
    for record in &records[2..4] {
        stores.tokens.revoke(record.id, String::new(), Timestamp::system()).await.expect("revoked");
    }
    let rest = Listing { after: first.next, ..listing(None, None, SortBy::Name) };
    let rest = stores.tokens.list(rest).await.expect("listed");
    assert_eq!((ids(&rest.records), rest.next), (ids(&records[4..]), None));
}

pub(crate) async fn the_newest_of_an_account_come_first(stores: &Stores) {
    let mut records = populate(stores).await;
    // Two tokens of one moment are told apart by their ids.
    let twin = TokenRecord { created_at: records[0].created_at, ..record("default", "mir", "twin") };
    records.push(stores.tokens.create(twin, true).await.expect("created"));
    for (account, owner) in [
        (Some("default"), None),
        (Some("default2"), None),
        (None, None),
        (Some("default"), Some("mir")),
        (None, Some("mira b")),
        (Some("default2"), Some("mira")),
        (Some("nobody's"), None),
        (Some("defaul"), None),
    ] {
        let home = account.unwrap_or("default");
        let wanted = |record: &&TokenRecord| {
            record.owner.account == home && owner.is_none_or(|owner| record.owner.name == owner)
        };
        let expected = sorted(records.iter().filter(wanted).cloned().collect(), SortBy::Newest);
        for limit in [1_000, expected.len().max(1), 9, 1] {
            let listed = all(stores, listing(account, owner, SortBy::Newest), limit).await;
            assert_eq!(ids(&listed), ids(&expected), "{account:?} {owner:?} by {limit}");
        }
    }

    let moved = TokenRecord { owner: Owner::new("acme", "noor"), ..records[0].clone() };
    let moved = stores.tokens.update(moved).await.expect("updated");
    assert_eq!(all(stores, listing(Some("acme"), None, SortBy::Newest), 10).await, vec![moved.clone()]);
    let first = Listing { limit: 2, ..listing(Some("default"), None, SortBy::Newest) };
    let page = stores.tokens.list(first.clone()).await.expect("listed");
    let mut expected: Vec<TokenRecord> =
        records.into_iter().filter(|record| record.owner.account == "default" && record.id != moved.id).collect();
    expected = sorted(expected, SortBy::Newest);
    assert_eq!(ids(&page.records), ids(&expected[..2]));
    for gone in &expected[1..3] {
        stores.tokens.revoke(gone.id, String::new(), Timestamp::system()).await.expect("revoked");
    }
    let rest = stores.tokens.list(Listing { after: page.next, ..first }).await.expect("listed");
    assert_eq!(ids(&rest.records), ids(&expected[3..5]), "the cursor survives the token it points at");
}

async fn counted(stores: &Stores, account: &str) -> (u64, u64) {
    let counts = stores.tokens.count(account.to_owned()).await.expect("answered");
    (counts.all, counts.privileged)
}

pub(crate) async fn tokens_are_counted_by_account(stores: &Stores) {
    assert_eq!(counted(stores, "default").await, (0, 0));
    let with = |scopes: &[&str]| scopes.iter().map(|scope| scope.parse().expect("a scope")).collect::<Vec<_>>();
    let mut kept = Vec::new();
    for (owner, scopes) in [("mira", &["orders.read", "all.admin"][..]), ("noor", &["all.User"]), ("noor", &["all.*"])]
    {
        let sent = TokenRecord { scopes: with(scopes), ..record("default", owner, "t") };
        kept.push(stores.tokens.create(sent, true).await.expect("created"));
    }
    create(stores, "default2", "mira", "t").await;
    assert_eq!(counted(stores, "default").await, (3, 1));
    assert_eq!(counted(stores, "default2").await, (1, 0));

    // Refused calls count nothing.
    let thief = TokenRecord { secrets: kept[0].secrets.clone(), scopes: with(&["all.admin"]), ..kept[0].clone() };
    stores.tokens.create(thief, true).await.expect_err("the secret is in use");
    let late = TokenRecord { generation: 99, scopes: with(&["all.admin"]), ..kept[1].clone() };
    stores.tokens.update(late).await.expect_err("another generation");
    assert_eq!(counted(stores, "default").await, (3, 1));

    // Edits move membership.
    let raised = TokenRecord { scopes: with(&["all.admin"]), status: Status::Disabled, ..kept[1].clone() };
    let raised = stores.tokens.update(raised).await.expect("updated");
    assert_eq!(counted(stores, "default").await, (3, 2));
    let lowered = TokenRecord { scopes: with(&["orders.read"]), ..kept[0].clone() };
    stores.tokens.update(lowered).await.expect("updated");
    assert_eq!(counted(stores, "default").await, (3, 1));
    let moved = TokenRecord { owner: Owner::new("default2", "noor"), ..raised };
    let moved = stores.tokens.update(moved).await.expect("updated");
    assert_eq!((counted(stores, "default").await, counted(stores, "default2").await), ((2, 0), (2, 1)));
    for id in [moved.id, moved.id, kept[2].id] {
        stores.tokens.revoke(id, String::new(), Timestamp::system()).await.expect("answered");
    }
    assert_eq!((counted(stores, "default").await, counted(stores, "default2").await), ((1, 0), (1, 0)));
}

fn keys_of(owner: &Owner) -> [OwnerKey; 3] {
    let ids = OwnerIds::derived(owner);
    [OwnerKey::Uuid(ids.uuid), OwnerKey::Number(ids.number), OwnerKey::Hex(parse_hex12(&ids.hex).expect("24 digits"))]
}

pub(crate) async fn owners_and_accounts_are_known_by_their_ids(stores: &Stores) {
    let (mira, noor, nobody) = (Owner::new("acme", "mira"), Owner::new("other", "noor"), Owner::new("acme", "nobody"));
    let kept = create(stores, "acme", "mira", "t").await;
    create(stores, "acme", "mira", "a second one").await;
    let account = async |name: &str| stores.tokens.account(derived_account_uuid(name)).await.expect("answered");
    for key in keys_of(&mira) {
        assert_eq!(stores.tokens.owner(key).await.expect("answered"), Some(mira.clone()), "{key:?}");
    }
    assert_eq!((account("acme").await.as_deref(), account("other").await), (Some("acme"), None));
    for key in keys_of(&nobody).into_iter().chain(keys_of(&noor)) {
        assert_eq!(stores.tokens.owner(key).await.expect("answered"), None, "{key:?}");
    }
    // A token that moves makes its new owner known; the old one stays so, and after the last revocation too.
    let moved = stores.tokens.update(TokenRecord { owner: noor.clone(), ..kept }).await.expect("updated");
    stores.tokens.revoke(moved.id, String::new(), Timestamp::system()).await.expect("revoked");
    for (key, owner) in keys_of(&noor).into_iter().map(|key| (key, &noor)).chain(keys_of(&mira).map(|key| (key, &mira)))
    {
        assert_eq!(stores.tokens.owner(key).await.expect("answered").as_ref(), Some(owner), "{key:?}");
    }
    assert_eq!(account("other").await.as_deref(), Some("other"));
    // Neither kind of id is taken for another.
    let uuid = derived_account_uuid("acme");
    assert_eq!(stores.tokens.owner(OwnerKey::Uuid(uuid)).await.expect("answered"), None);
}

pub(crate) async fn an_owner_never_clashes_with_itself(stores: &Stores) {
    for check in [true, false, true] {
        stores.tokens.create(record("acme", "mira", "t"), check).await.expect("created");
    }
    assert_eq!(counted(stores, "acme").await, (3, 0));
}

/// What creation does when the number of `acme/mira` is noted for `acme/other`. Two owners of one number take years to
/// find, so each store's tests write such a note themselves.
pub(crate) async fn a_number_of_another_owner_is_refused(stores: &Stores) {
    let sent = record("acme", "mira", "t");
    let refused = stores.tokens.create(sent.clone(), true).await.expect_err("another owner's number");
    assert!(matches!(&refused, StoreError::OwnerClash(text) if text.contains("[[user]]")), "{refused}");
    assert_eq!(stores.tokens.find(TokenRef::Id(sent.id)).await.expect("answered"), None, "left nothing");
    assert!(!is_found(stores, sent.secrets[0].hash).await, "left nothing");
    assert_eq!(counted(stores, "acme").await, (0, 0));
    let [uuid, number, hex] = keys_of(&sent.owner);
    let other = Owner::new("acme", "other");
    let kept = stores.tokens.create(sent, false).await.expect("its number is pinned");
    assert_eq!(stores.tokens.owner(uuid).await.expect("answered").as_ref(), Some(&kept.owner));
    assert_eq!(stores.tokens.owner(hex).await.expect("answered").as_ref(), Some(&kept.owner));
    assert_eq!(stores.tokens.owner(number).await.expect("answered"), Some(other), "stays with whom it is");
}

pub(crate) async fn many_last_uses_at_once(stores: &Stores) {
    assert_eq!(stores.tokens.last_uses(Vec::new()).await.expect("answered"), vec![]);
    let (mut writer, now) = (Writer::new(), Timestamp::system());
    let tokens: Vec<TokenId> = (0..40).map(|_| fresh_id()).collect();
    let mut batch = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if at % 2 == 0 {
            writer.push(&mut batch, *token, now);
        }
        // Edits are no uses, whether they come after one or alone.
        for age in 1..=at % 5 {
            let later = Timestamp::from_millis(now.as_millis() + age as i64);
            writer.push_kind(EventKind::Updated, &mut batch, *token, later);
        }
    }
    stores.activity.append(Bytes::from(batch)).await.expect("appended");
    let asked: Vec<TokenId> = tokens.iter().chain(&tokens[..3]).copied().collect();
    let uses = stores.tokens.last_uses(asked.clone()).await.expect("answered");
    assert_eq!(uses.len(), asked.len());
    for (at, (id, last)) in asked.iter().zip(uses).enumerate() {
        assert_eq!(last.map(|last| last.at), (at % 40 % 2 == 0).then_some(now), "{at}");
        assert_eq!(stores.tokens.last_use(*id).await.expect("answered"), last);
    }
}

pub(crate) fn member(id: &str) -> Member {
    Member {
        id: id.to_owned(),
        address: "[::1]:8443".to_owned(),
        version: "0.1.0".to_owned(),
        started_at: Timestamp::from_millis(-1),
        seen_at: Timestamp::from_millis(0),
    }
}

pub(crate) async fn a_sidecar_that_announces_itself_is_present(stores: &Stores) {
    assert_eq!(stores.presence.members().await.expect("answered"), vec![]);
    let before = Timestamp::system();
    for _ in 0..3 {
        stores.presence.announce(member("one")).await.expect("announced");
    }
    let present = stores.presence.members().await.expect("answered");
    let [seen] = &present[..] else { panic!("{present:?}") };
    assert_eq!(*seen, Member { seen_at: seen.seen_at, ..member("one") });
    assert!(seen.seen_at >= before && seen.seen_at <= Timestamp::system());
}

/// Waits for the change of `id` at `generation` and returns its hashes.
async fn change_of(
    feed: &mut tokio::sync::broadcast::Receiver<Change>,
    wanted: TokenId,
    at: u64,
) -> HashSet<SecretHash> {
    let wait = async {
        loop {
            match feed.recv().await {
                Ok(Change::Token { id, generation, hashes }) if id == wanted && generation == at => {
                    return hashes.into_iter().collect();
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_) | RecvError::Closed) => panic!("the feed of changes broke"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the change is told")
}

pub(crate) async fn changes_are_told(stores: &Stores) {
    let mut feed = stores.tokens.changes();
    let mut second_feed = stores.tokens.changes();
    let first = create(stores, "default", "mira", "deploy").await;
    let (old, new) = (first.secrets[0], further_secret(&first));
    assert_eq!(change_of(&mut feed, first.id, first.generation).await, HashSet::from([old.hash]));
    let rotated = stores.tokens.update(TokenRecord { secrets: vec![new], ..first }).await.expect("updated");
    assert_eq!(change_of(&mut feed, rotated.id, rotated.generation).await, HashSet::from([old.hash, new.hash]));
    stores.tokens.revoke(rotated.id, String::new(), Timestamp::system()).await.expect("revoked");
    assert_eq!(change_of(&mut feed, rotated.id, u64::MAX).await, HashSet::from([new.hash]));
    assert_eq!(change_of(&mut second_feed, rotated.id, u64::MAX).await, HashSet::from([new.hash]), "every listener");
}

pub(crate) async fn leases_add_up_to_the_size(stores: &Stores) {
    let (id, now) = (fresh_id(), Timestamp::system());
    let window = window(Anchor::TokenStart, now);
    for size in [0, 1, 63, 5_000] {
        let id = if size == 5_000 { id } else { fresh_id() };
        let mut used = 0;
        loop {
            let lease = stores.counters.reserve(id, size, window).await.expect("answered");
            if lease.granted == 0 {
                assert_eq!((lease.remaining, lease.refresh_at), (0, window.ends_at));
                break;
            }
            assert_eq!(lease.granted, MonthLimit::chunk(size - used).min(size - used));
            used += lease.granted;
            assert_eq!((lease.remaining, lease.window), (size - used, window));
        }
        assert_eq!(used, size);
        let state = stores.counters.used(id, window).await.expect("answered");
        assert_eq!((state.used, state.refresh_at), (size, window.ends_at));
    }
}

pub(crate) async fn leases_given_back_can_be_taken_again(stores: &Stores) {
    let (id, window) = (fresh_id(), window(Anchor::TokenStart, Timestamp::system()));
    let lease = stores.counters.reserve(id, 640, window).await.expect("answered");
    assert_eq!(lease.granted, 10);
    stores.counters.give_back(id, window, 4).await.expect("answered");
    assert_eq!(stores.counters.used(id, window).await.expect("answered").used, 6);
    let lease = stores.counters.reserve(id, 640, window).await.expect("answered");
    assert_eq!((lease.granted, lease.remaining), (9, 625));
    stores.counters.give_back(id, window, 1_000_000).await.expect("answered");
    assert_eq!(stores.counters.used(id, window).await.expect("answered").used, 0, "never below zero");
    let never = fresh_id();
    stores.counters.give_back(never, window, 5).await.expect("answered");
    let lease = stores.counters.reserve(never, 1, window).await.expect("answered");
    assert_eq!((lease.granted, lease.remaining), (1, 0), "nothing was owed");
}

pub(crate) async fn concurrent_leases_never_exceed_the_size(stores: &Stores) {
    let (id, window) = (fresh_id(), window(Anchor::Rolling, Timestamp::system()));
    let tasks = (0..64).map(|_| {
        let counters = Arc::clone(&stores.counters);
        tokio::spawn(async move {
            let mut taken = 0;
            loop {
                let lease = counters.reserve(id, 3_000, window).await.expect("answered");
                taken += lease.granted;
                assert!(lease.remaining < 3_000);
                if lease.granted == 0 {
                    return taken;
                }
            }
        })
    });
    let mut total = 0;
    for task in tasks.collect::<Vec<_>>() {
        total += task.await.expect("ran");
    }
    assert_eq!(total, 3_000);
    assert_eq!(stores.counters.used(id, window).await.expect("answered").used, 3_000);
}

pub(crate) async fn a_smaller_quota_than_used_grants_nothing(stores: &Stores) {
    let (id, window) = (fresh_id(), window(Anchor::TokenStart, Timestamp::system()));
    assert_eq!(stores.counters.reserve(id, 64_000, window).await.expect("answered").granted, 1_000);
    let lease = stores.counters.reserve(id, 500, window).await.expect("answered");
    assert_eq!((lease.granted, lease.remaining), (0, 0));
    let lease = stores.counters.reserve(id, 1_001, window).await.expect("answered");
    assert_eq!((lease.granted, lease.remaining), (1, 0));
}

pub(crate) async fn periods_begin_anew(stores: &Stores) {
    let now = Timestamp::system();
    for anchor in [Anchor::TokenStart, Anchor::Calendar(jiff::tz::TimeZone::UTC)] {
        let (id, limit) = (fresh_id(), month(1, anchor));
        let first = limit.window(now, now);
        assert_eq!(stores.counters.reserve(id, 1, first).await.expect("answered").granted, 1);
        assert_eq!(stores.counters.reserve(id, 1, first).await.expect("answered").granted, 0);
        let second = limit.window(now, first.ends_at);
        assert_ne!(first.bucket, second.bucket);
        assert_eq!(stores.counters.used(id, second).await.expect("answered").used, 0);
        assert_eq!(stores.counters.reserve(id, 1, second).await.expect("answered").granted, 1);
        assert_eq!(stores.counters.used(id, second).await.expect("answered").used, 1);
    }
}

pub(crate) async fn a_rolling_window_sums_its_days(stores: &Stores) {
    let (id, now, day) = (fresh_id(), Timestamp::system(), 86_400_000);
    let back = |days: i64| window(Anchor::Rolling, Timestamp::from_millis(now.as_millis() - days * day));
    for (days, size) in [(20, 64), (10, 128), (0, 192)] {
        // A chunk of 1 or 2 each day.
        assert!(stores.counters.reserve(id, size, back(days)).await.expect("answered").granted > 0);
    }
    let today = back(0);
    let state = stores.counters.used(id, today).await.expect("answered");
    assert_eq!(state.used, 1 + 1 + 2);
    assert_eq!(state.refresh_at, today.leaves_at(back(20).bucket), "when the oldest charge leaves");
    let lease = stores.counters.reserve(id, 4, today).await.expect("answered");
    assert_eq!((lease.granted, lease.remaining, lease.refresh_at), (0, 0, state.refresh_at));
    // Ten days on the first charge has left.
    let later = back(-10);
    let state = stores.counters.used(id, later).await.expect("answered");
    assert_eq!((state.used, state.refresh_at), (3, later.leaves_at(back(10).bucket)));
    let lease = stores.counters.reserve(id, 4, later).await.expect("answered");
    assert_eq!((lease.granted, lease.remaining), (1, 0));
    // What is given back goes to the day it came from.
    stores.counters.give_back(id, later, 1).await.expect("answered");
    assert_eq!(stores.counters.used(id, later).await.expect("answered").used, 3);
}

pub(crate) async fn kinds_of_counters_never_mix(stores: &Stores) {
    let (id, now) = (fresh_id(), Timestamp::system());
    let anchors = [Anchor::TokenStart, Anchor::Calendar(jiff::tz::TimeZone::UTC), Anchor::Rolling];
    for anchor in anchors.clone() {
        let window = window(anchor, now);
        assert_eq!(stores.counters.used(id, window).await.expect("answered").used, 0);
        assert_eq!(stores.counters.reserve(id, 1, window).await.expect("answered").granted, 1);
    }
    for anchor in anchors {
        assert_eq!(stores.counters.used(id, window(anchor, now)).await.expect("answered").used, 1);
    }
}

/// Frames of one event each for `tokens`, all at `at`, numbered in their URI.
pub(crate) struct Writer {
    ids: EventIds,
    count: u64,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { ids: EventIds::new([3, 4]), count: 0 }
    }

    pub(crate) fn push(&mut self, batch: &mut Vec<u8>, token: TokenId, at: Timestamp) -> EventId {
        self.push_kind(EventKind::Request, batch, token, at)
    }

    fn push_kind(&mut self, kind: EventKind, batch: &mut Vec<u8>, token: TokenId, at: Timestamp) -> EventId {
        let id = self.ids.next(at);
        self.count += 1;
        EventRef {
            id,
            token,
            serial: 77,
            at,
            kind,
            status: 200,
            address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, (self.count % 250) as u8)),
            method: "GET",
            route: "orders",
            uri: &format!("/orders/{}", self.count),
            user_agent: b"suite/1",
            request_id: b"r-1",
            data: "{}",
        }
        .encode(batch);
        id
    }
}

async fn shown(stores: &Stores, token: TokenId, skip: usize, take: usize) -> Vec<EventId> {
    stores.activity.page(token, skip, take).await.expect("answered").iter().map(|event| event.id).collect()
}

pub(crate) async fn activity_is_paged_newest_first(stores: &Stores) {
    let (mut writer, now) = (Writer::new(), Timestamp::system());
    let (mine, other) = (fresh_id(), fresh_id());
    assert_eq!(shown(stores, mine, 0, 10).await, vec![]);
    let mut newest_first = Vec::new();
    for round in 0..8 {
        let mut batch = Vec::new();
        let at = Timestamp::from_millis(now.as_millis() - 1_000 + round);
        for _ in 0..5 {
            newest_first.insert(0, writer.push(&mut batch, mine, at));
            writer.push(&mut batch, other, at);
        }
        stores.activity.append(Bytes::from(batch)).await.expect("appended");
    }
    stores.activity.append(Bytes::new()).await.expect("an empty batch is nothing");
    assert_eq!(shown(stores, mine, 0, 100).await, newest_first);
    assert_eq!(shown(stores, mine, 0, 7).await, newest_first[..7]);
    assert_eq!(shown(stores, mine, 7, 7).await, newest_first[7..14]);
    assert_eq!(shown(stores, mine, 38, 7).await, newest_first[38..]);
    assert_eq!(shown(stores, mine, 40, 7).await, vec![]);
    assert_eq!(shown(stores, mine, usize::MAX, usize::MAX).await, vec![]);
    assert_eq!(shown(stores, mine, 0, 0).await, vec![]);
    assert_eq!(shown(stores, other, 0, 100).await.len(), 40);
    let newest = stores.activity.page(mine, 0, 1).await.expect("answered").remove(0);
    assert_eq!((newest.token, newest.serial, newest.kind, newest.status), (mine, 77, EventKind::Request, 200));
    assert_eq!(
        (newest.uri.as_str(), newest.user_agent.as_str(), newest.data.as_str()),
        ("/orders/79", "suite/1", "{}")
    );
}

/// Threads and sidecars hand over at different moments: an older event may come in the later batch.
pub(crate) async fn a_page_of_activity_is_in_order_of_time(stores: &Stores) {
    let (mut writer, now, token) = (Writer::new(), Timestamp::system(), fresh_id());
    let mut ids = Vec::new();
    for age in [10, 30, 20] {
        let mut batch = Vec::new();
        ids.push(writer.push(&mut batch, token, Timestamp::from_millis(now.as_millis() - age)));
        stores.activity.append(Bytes::from(batch)).await.expect("appended");
    }
    assert_eq!(shown(stores, token, 0, 5).await, [ids[0], ids[2], ids[1]]);
}

pub(crate) async fn activity_is_capped_per_token(stores: &Stores) {
    let (mut writer, now, token) = (Writer::new(), Timestamp::system(), fresh_id());
    let mut newest_first = Vec::new();
    for _ in 0..4 {
        let mut batch = Vec::new();
        for _ in 0..30 {
            newest_first.insert(0, writer.push(&mut batch, token, now));
        }
        stores.activity.append(Bytes::from(batch)).await.expect("appended");
    }
    assert_eq!(shown(stores, token, 0, 1_000).await, newest_first[..RETENTION.per_token]);
    assert_eq!(shown(stores, token, 45, 10).await, newest_first[45..RETENTION.per_token]);
    assert_eq!(shown(stores, token, RETENTION.per_token, 10).await, vec![]);
}

pub(crate) async fn activity_beyond_its_age_is_not_shown(stores: &Stores) {
    let (mut writer, now, token) = (Writer::new(), Timestamp::system(), fresh_id());
    let old = Timestamp::from_millis(now.as_millis() - 2 * 3_600_000);
    let mut batch = Vec::new();
    let hidden = writer.push(&mut batch, token, old);
    let seen = writer.push(&mut batch, token, now);
    stores.activity.append(Bytes::from(batch)).await.expect("appended");
    assert_eq!(shown(stores, token, 0, 10).await, vec![seen]);
    assert_eq!(stores.activity.event(token, hidden).await.expect("answered"), None);
}

pub(crate) async fn one_event_is_found(stores: &Stores) {
    let (mut writer, now) = (Writer::new(), Timestamp::system());
    let (token, other) = (fresh_id(), fresh_id());
    let mut batch = Vec::new();
    let ids: Vec<EventId> =
        (0..20).map(|n| writer.push(&mut batch, token, Timestamp::from_millis(now.as_millis() - 20 + n / 3))).collect();
    let never = writer.push(&mut Vec::new(), token, now);
    stores.activity.append(Bytes::from(batch)).await.expect("appended");
    for (n, id) in ids.iter().enumerate() {
        let event = stores.activity.event(token, *id).await.expect("answered").expect("kept");
        assert_eq!((event.id, event.uri), (*id, format!("/orders/{}", n + 1)));
    }
    assert_eq!(stores.activity.event(token, never).await.expect("answered"), None);
    assert_eq!(stores.activity.event(other, ids[0]).await.expect("answered"), None, "another token's");
}

pub(crate) async fn large_batches_of_many_tokens_are_kept(stores: &Stores) {
    let (mut writer, now) = (Writer::new(), Timestamp::system());
    let tokens: Vec<TokenId> = (0..300).map(|_| fresh_id()).collect();
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let mut batch = Vec::new();
        for _ in 0..3 {
            for token in &tokens {
                writer.push(&mut batch, *token, now);
            }
        }
        let activity = Arc::clone(&stores.activity);
        tasks.push(tokio::spawn(async move { activity.append(Bytes::from(batch)).await }));
    }
    for task in tasks {
        task.await.expect("ran").expect("appended");
    }
    for token in tokens {
        assert_eq!(shown(stores, token, 0, 100).await.len(), 12);
    }
}

pub(crate) async fn the_last_use_is_kept(stores: &Stores) {
    let kept = create(stores, "default", "mira", "deploy").await;
    assert_eq!(stores.tokens.last_use(kept.id).await.expect("answered"), None);
    let (mut writer, now) = (Writer::new(), Timestamp::system());
    for round in 0..3 {
        let mut batch = Vec::new();
        let at = Timestamp::from_millis(now.as_millis() + round);
        writer.push(&mut batch, kept.id, at);
        writer.push(&mut batch, fresh_id(), at);
        stores.activity.append(Bytes::from(batch)).await.expect("appended");
        let last = stores.tokens.last_use(kept.id).await.expect("answered").expect("used");
        assert_eq!(last.at, at);
        assert_eq!(last.address, IpAddr::V4(Ipv4Addr::new(192, 0, 2, (1 + 2 * round) as u8)));
    }
}

pub(crate) async fn a_thousand_callers_at_once(stores: &Stores) {
    let table = plans("default", month(64_000, Anchor::TokenStart));
    let tasks = (0..1_000).map(|n| {
        let (stores, table) = (stores.clone(), Arc::clone(&table));
        tokio::spawn(async move {
            let kept = create(&stores, "default", "mira", &format!("t{n}")).await;
            let hash = kept.secrets[0].hash;
            let answer = stores.tokens.resolve(hash, table, Timestamp::system()).await.expect("answered");
            let Lookup::Found(found) = answer else { panic!("not found") };
            assert_eq!(found.lease.map(|lease| lease.granted), Some(1_000));
            let edit = TokenRecord { description: format!("edited {n}"), ..found.record };
            let edited = stores.tokens.update(edit).await.expect("updated");
            assert_eq!(stores.tokens.find_by_hash(hash).await.expect("answered").as_ref(), Some(&edited));
            if n % 2 == 0 {
                stores.tokens.revoke(kept.id, "done".to_owned(), Timestamp::system()).await.expect("revoked");
                assert!(matches!(resolve(&stores, hash).await, Lookup::Revoked(_)));
            }
            kept.serial
        })
    });
    let mut serials = HashSet::new();
    for task in tasks.collect::<Vec<_>>() {
        assert!(serials.insert(task.await.expect("ran")), "a serial was given twice");
    }
    assert_eq!(all(stores, listing(None, None, SortBy::Name), 200).await.len(), 500);
}

pub(crate) async fn it_answers_a_ping(stores: &Stores) {
    stores.tokens.ping().await.expect("it answers");
}
