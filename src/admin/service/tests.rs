//! What callers may do, and what stays of it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::memory::{Memory, service};
use super::*;
use crate::token::Owner;
use crate::token::{PinnedUser, Plan, Scope, SortBy};

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn scopes(names: &[&str]) -> Vec<Scope> {
    names.iter().map(|name| name.parse().expect("a scope")).collect()
}

fn policy() -> Policy {
    let bundles = BTreeMap::from([
        ("team.reader".to_owned(), scopes(&["orders.read", "items.*"])),
        ("team.lead".to_owned(), scopes(&["team.reader", "orders.write"])),
        ("team.boss".to_owned(), scopes(&["all.User"])),
        ("team.root".to_owned(), scopes(&["all.admin"])),
    ]);
    let plan = |name: &str| Plan { name: name.into(), index: 0, books: Arc::default(), minute: None, month: None };
    let mira = PinnedUser {
        owner: Owner::new("default", "mira"),
        uuid: None,
        number: Some(42),
        hex: None,
        groups: vec![],
        scopes: scopes(&["orders.read", "billing.read"]),
        plan: Some("small".to_owned()),
    };
    Policy {
        bundles: Arc::new(Bundles::new(&bundles).expect("no cycle")),
        plans: Arc::new(PlanTable::new([plan("small"), plan("big")])),
        directory: Arc::new(OwnerDirectory::new([mira], [])),
    }
}

fn draft(name: &str, names: &[&str]) -> Draft {
    Draft { name: name.to_owned(), scopes: Some(names.iter().map(|s| (*s).to_owned()).collect()), ..Draft::default() }
}

/// A token of this owner with these scopes, and its holder.
async fn holder(service: &TokenService, owner: &Owner, names: &[&str]) -> (Actor, TokenRecord) {
    let draft =
        Draft { owner: Some(owner.name.clone()), account: Some(owner.account.clone()), ..draft("holder", names) };
    let (record, _) = service.create(&Actor::operator(), draft).await.expect("made");
    (Actor::of(&record, &service.policy().bundles, "test", HOME), record)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn last_data(memory: &Memory) -> (EventKind, serde_json::Value) {
    let events = memory.events.lock().expect("no panic");
    let event = events.last().expect("an event");
    (event.kind, serde_json::from_str(&event.data).expect("JSON"))
}

#[tokio::test]
async fn a_token_lives_from_creation_to_revocation() {
    let (service, memory, hand) = service(policy());
    let operator = Actor::operator();
    let (made, secret) = service.create(&operator, draft("nightly", &["orders.read"])).await.expect("made");
    assert_eq!((made.serial, made.created_by.as_str(), made.plan.as_str()), (1, "operator", "default"));
    assert_eq!(service.lookup(&operator, secret.expose()).await.expect("found").id, made.id);
    assert_eq!(last_data(&memory).0, EventKind::Created);

    hand.advance(Duration::from_secs(60));
    let token = TokenRef::Id(made.id);
    let patch = Patch { name: Some("daily".into()), expires_at: Some(None), ..Patch::default() };
    let patched = service.patch(&operator, token, patch.clone()).await.expect("patched");
    assert_eq!(patched.updated_at.since(made.updated_at), Duration::from_secs(60));
    let (kind, data) = last_data(&memory);
    assert_eq!(kind, EventKind::Updated);
    assert_eq!(data["changes"], json!({"name": {"from": "nightly", "to": "daily"}}));
    let count = memory.events.lock().expect("no panic").len();
    service.patch(&operator, token, patch).await.expect("the same again");
    assert_eq!(memory.events.lock().expect("no panic").len(), count, "an edit that changes nothing leaves no event");

    let late = Patch { name: Some("late".into()), ..Patch::default() };
    let stale = service.at_generation(&[made.generation]).patch(&operator, token, late).await;
    assert_eq!(stale, Err(Error::Conflict), "it was changed meanwhile");
    let same = Patch { name: Some("daily".into()), ..Patch::default() };
    let current = service.at_generation(&[patched.generation]).patch(&operator, token, same).await;
    assert_eq!(current.expect("unchanged").name, "daily");

    service.disable(&operator, token).await.expect("disabled");
    assert_eq!(last_data(&memory).0, EventKind::Disabled);
    assert_eq!(service.enable(&operator, token).await.expect("enabled").status, Status::Enabled);
    assert_eq!(last_data(&memory).0, EventKind::Updated);
    let off = Patch { status: Some(Status::Disabled), ..Patch::default() };
    service.patch(&operator, token, off).await.expect("patched");
    assert_eq!(last_data(&memory).0, EventKind::Disabled, "whichever way it was switched off");

    service.revoke(&operator, token, "left the team").await.expect("revoked");
    let (kind, data) = last_data(&memory);
    assert_eq!((kind, &data["changes"]["reason"]), (EventKind::Revoked, &json!("left the team")));
    assert_eq!(service.find(&operator, token).await, Err(Error::NotFound));
    let foreign = Foreign::from_secret(secret.expose()).expect("a secret");
    assert_eq!(service.import(&operator, draft("back", &[]), foreign).await, Err(Error::Tombstoned));
    let trail = format!("{:?}", memory.events.lock().expect("no panic"));
    assert!(!trail.contains(secret.expose()));
}

#[tokio::test]
async fn a_patch_is_worked_out_from_the_record_that_it_replaces() {
    let (service, memory, _) = service(policy());
    let operator = Actor::operator();
    let (made, _) = service.create(&operator, draft("n", &[])).await.expect("made");
    let token = TokenRef::Id(made.id);
    memory.conflicts.store(1, Ordering::Relaxed);
    let patched = service.patch_with(&operator, token, |record| {
        let name = Some(format!("of generation {}", record.generation));
        Ok::<_, Error>(Patch { name, ..Patch::default() })
    });
    let patched = patched.await.expect("patched");
    assert_eq!((patched.name.as_str(), patched.generation), ("of generation 1", 2));
    let mut asked = 0;
    let refused = service.patch_with(&operator, token, |_| {
        asked += 1;
        Err::<Patch, _>(Error::Forbidden("no".to_owned()))
    });
    assert_eq!(refused.await, Err(Error::Forbidden("no".to_owned())));
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn rotation_keeps_two_secrets_for_the_overlap() {
    let (service, _, hand) = service(policy());
    let operator = Actor::operator();
    let (made, first) = service.create(&operator, draft("t", &[])).await.expect("made");
    let token = TokenRef::Id(made.id);
    let (once, second) = service.rotate(&operator, token, Rotation::default()).await.expect("rotated");
    assert_eq!(once.id, made.id);
    assert_eq!(once.secrets.len(), 2);
    assert_eq!(once.secrets[1].expires_at, Some(made.created_at.plus(DEFAULT_OVERLAP)));
    assert_eq!(once.secrets[0].expires_at, None);
    assert!(service.lookup(&operator, first.expose()).await.is_ok());
    hand.advance(Duration::from_secs(1));
    let (twice, third) = service.rotate(&operator, token, Rotation::default()).await.expect("rotated");
    assert_eq!(twice.secrets.len(), TokenRecord::MAX_SECRETS);
    assert_eq!(service.lookup(&operator, first.expose()).await, Err(Error::NotFound));
    assert!(service.lookup(&operator, second.expose()).await.is_ok());
    let at_once = Rotation { overlap: Some(Duration::ZERO), form: Some(Form::Xms) };
    let (last, fourth) = service.rotate(&operator, token, at_once).await.expect("rotated");
    assert_eq!((last.secrets.len(), last.form, fourth.expose().len()), (1, Form::Tg, 32));
    assert_eq!(service.lookup(&operator, third.expose()).await, Err(Error::NotFound));
    let long = Rotation { overlap: Some(MAX_OVERLAP + Duration::from_secs(1)), form: None };
    assert!(matches!(service.rotate(&operator, token, long).await, Err(Error::Invalid { .. })));
}

#[tokio::test]
async fn edits_outlast_a_bounded_number_of_conflicts() {
    let (service, memory, _) = service(policy());
    let operator = Actor::operator();
    let (made, _) = service.create(&operator, draft("t", &[])).await.expect("made");
    let token = TokenRef::Id(made.id);
    memory.conflicts.store(EDIT_TRIES - 1, Ordering::Relaxed);
    assert_eq!(service.disable(&operator, token).await.expect("disabled").status, Status::Disabled);
    memory.conflicts.store(EDIT_TRIES, Ordering::Relaxed);
    assert_eq!(service.enable(&operator, token).await, Err(Error::Conflict));
    memory.conflicts.store(1, Ordering::Relaxed);
    assert!(service.rotate(&operator, token, Rotation::default()).await.is_ok(), "an edit of other fields");
    memory.conflicts.store(1, Ordering::Relaxed);
    memory.rotate_in_conflict.store(true, Ordering::Relaxed);
    let lost = service.rotate(&operator, token, Rotation::default()).await;
    assert_eq!(lost.map(|(record, _)| record), Err(Error::Conflict), "another rotation");
}

#[tokio::test]
async fn an_account_is_a_wall_and_only_all_admin_sees_all_admin() {
    let (service, _, _) = service(policy());
    let (mira, own) = holder(&service, &Owner::new("acme", "mira"), &["all.User"]).await;
    let (_, colleague) = holder(&service, &Owner::new("acme", "noor"), &["orders.read"]).await;
    let (_, foreign) = holder(&service, &Owner::new("other", "mira"), &["orders.read"]).await;
    let (root, great) = holder(&service, &Owner::new("acme", "mira"), &["team.root"]).await;
    let at = |record: &TokenRecord| TokenRef::Id(record.id);

    assert!(service.find(&mira, at(&colleague)).await.is_ok());
    let narrow = mira.clone().within_owner(&own.owner).expect("her own");
    assert_eq!(service.find(&narrow, at(&colleague)).await, Err(Error::NotFound));
    assert!(narrow.clone().within_account("other").is_err());
    assert!(mira.clone().within_owner(&foreign.owner).is_err());
    for hidden in [&foreign, &great] {
        assert_eq!(service.find(&mira, at(hidden)).await, Err(Error::NotFound));
        assert_eq!(service.disable(&mira, at(hidden)).await, Err(Error::NotFound));
        assert_eq!(service.revoke(&mira, at(hidden), "").await, Err(Error::NotFound));
        assert!(service.rotate(&mira, at(hidden), Rotation::default()).await.is_err());
        assert!(service.find(&root, at(hidden)).await.is_ok());
    }
    let listing = |account: Option<&str>| Listing {
        account: account.map(str::to_owned),
        owner: None,
        sort: SortBy::Name,
        after: None,
        limit: 2,
    };
    let page = service.list(&mira, listing(None)).await.expect("listed");
    let ids: Vec<TokenId> = page.records.iter().map(|record| record.id).collect();
    assert_eq!((ids, page.next), (vec![own.id, colleague.id], None));
    assert!(matches!(service.list(&mira, listing(Some("other"))).await, Err(Error::Forbidden(_))));
    assert_eq!(service.list(&root, listing(Some("other"))).await.expect("listed").records.len(), 1);
    let across = Draft { account: Some("other".into()), ..draft("t", &[]) };
    assert!(matches!(service.create(&mira, across).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn defaults_where_nothing_was_sent() {
    let (service, _, _) = service(policy());
    let silent = || Draft { name: "t".into(), ..Draft::default() };
    let (made, _) = service.create(&Actor::operator(), silent()).await.expect("made");
    assert!(made.scopes.is_empty(), "the operator's own all.admin is never passed on unasked");
    assert_eq!((made.owner, made.plan.as_str()), (Owner::default(), "default"));
    let for_mira = || Draft { owner: Some("mira".into()), ..silent() };
    let (made, _) = service.create(&Actor::operator(), for_mira()).await.expect("made");
    assert_eq!((made.scopes, made.plan.as_str()), (scopes(&["orders.read", "billing.read"]), "small"));

    let (mut noor, _) = holder(&service, &Owner::new("default", "noor"), &["orders.*", "tokens.write"]).await;
    noor.plan = "big".into();
    noor.region = "eu".into();
    noor.networks = vec!["10.0.0.0/8".parse().expect("a network")];
    let (made, _) = service.create(&noor, silent()).await.expect("made");
    assert_eq!(made.scopes, noor.scopes);
    assert_eq!((made.plan.as_str(), made.region.as_str(), &made.networks), ("big", "eu", &noor.networks));
    let (made, _) = service.create(&noor, for_mira()).await.expect("made");
    assert_eq!(made.scopes, scopes(&["orders.read"]), "of mira's scopes those that noor holds");
    noor.plan = "gone".into();
    assert_eq!(service.create(&noor, silent()).await.expect("made").0.plan, "default");

    noor.plan = "small".into();
    for wider in [
        Draft { plan: Some("big".into()), ..silent() },
        Draft { region: Some(String::new()), ..silent() },
        Draft { networks: Some(vec![]), ..silent() },
        Draft { networks: Some(vec!["11.0.0.0/8".into()]), ..silent() },
    ] {
        assert!(matches!(service.create(&noor, wider).await, Err(Error::Forbidden(_))));
    }
    let narrower = Draft { networks: Some(vec!["10.1.2.3".into()]), ..silent() };
    assert!(service.create(&noor, narrower).await.is_ok());
    let unknown = Draft { plan: Some("none".into()), ..silent() };
    let error = service.create(&Actor::operator(), unknown).await.map(|_| ()).expect_err("refused");
    assert_eq!(error.to_string(), "plan: there is no plan \"none\" in the configuration; it has big, default, small");
}

#[tokio::test]
async fn a_secret_comes_in_by_value_or_by_digest() {
    use sha2::{Digest, Sha256};
    let (service, _, _) = service(policy());
    let operator = Actor::operator();
    let digest = crate::token::hex(&Sha256::digest(b"a-foreign-secret-2"));
    let by_digest = Foreign::from_sha256_hex(&digest).expect("hex");
    let second = service.import(&operator, draft("two", &[]), by_digest).await.expect("imported");
    assert_eq!(service.lookup(&operator, "a-foreign-secret-2").await.expect("found").id, second.id);
    let again = Foreign::from_secret("a-foreign-secret-2").expect("a secret");
    assert_eq!(service.import(&operator, draft("three", &[]), again).await, Err(Error::Exists));
    assert!(Foreign::from_secret("short").is_err());
    assert!(Foreign::from_sha256_hex(&digest[1..]).is_err());
    assert!(Foreign::from_sha256_hex(&"\u{e9}".repeat(32)).is_err());
}

#[tokio::test]
async fn a_secret_of_a_stronger_token_is_not_to_be_had_by_rotation() {
    let (service, _, _) = service(policy());
    let owner = Owner::new("acme", "mira");
    let (weak, own) = holder(&service, &owner, &["orders.read"]).await;
    let (_, strong) = holder(&service, &owner, &["orders.write"]).await;
    let rotated = service.rotate(&weak, TokenRef::Id(strong.id), Rotation::default()).await;
    assert!(matches!(rotated, Err(Error::Forbidden(_))));
    assert!(service.rotate(&weak, TokenRef::Id(own.id), Rotation::default()).await.is_ok());
}

/// Names that tokens may hold, and names that a route may need.
const NAMES: [&str; 16] = [
    "orders.read",
    "orders.write",
    "orders.*",
    "items.*",
    "items.a",
    "items.a.*",
    "team.reader",
    "team.lead",
    "team.boss",
    "team.root",
    "team.*",
    "all.User",
    "all.admin",
    "all.*",
    "only.User",
    "x",
];
const PROBES: [&str; 8] =
    ["orders.new", "orders.new.deep", "items.new", "items.a.new", "team.new", "all.new", "unheard.of", "y"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Whatever is asked for, at creation or later, nothing holds a name that neither its maker nor it held before.
    #[test]
    fn nobody_grants_more_than_they_hold(held in proptest::collection::vec(0usize..16, 0..4),
                                         wanted in proptest::option::of(proptest::collection::vec(0usize..16, 0..4)),
                                         present in proptest::collection::vec(0usize..16, 0..3),
                                         for_mira in any::<bool>()) {
        let names = |picks: &[usize]| picks.iter().map(|at| NAMES[*at]).collect::<Vec<_>>();
        let (service, _, _) = service(policy());
        let bundles = Arc::clone(&service.policy().bundles);
        let not_more = |made: &[Scope], before: &[Scope], held: &[Scope]| {
            NAMES.iter().chain(&PROBES).find(|name| {
                bundles.holds(made, name) && !bundles.holds(before, name) && !bundles.holds(held, name)
            }).copied()
        };
        run(async {
            let (actor, _) = holder(&service, &Owner::new("default", "noor"), &names(&held)).await;
            let asked = wanted.as_ref().map(|picks| names(picks).iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
            let sent = Draft {
                name: "t".into(),
                owner: for_mira.then(|| "mira".to_owned()),
                scopes: asked.clone(),
                ..Draft::default()
            };
            if let Ok((made, _)) = service.create(&actor, sent).await {
                prop_assert_eq!(not_more(&made.scopes, &[], &actor.scopes), None);
            }
            let (_, target) = holder(&service, &Owner::new("default", "mira"), &names(&present)).await;
            let patch = Patch { scopes: asked, ..Patch::default() };
            if let Ok(made) = service.patch(&actor, TokenRef::Id(target.id), patch).await {
                prop_assert_eq!(not_more(&made.scopes, &target.scopes, &actor.scopes), None);
            }
            if let Ok((made, _)) = service.rotate(&actor, TokenRef::Id(target.id), Rotation::default()).await {
                prop_assert_eq!(not_more(&made.scopes, &[], &actor.scopes), None);
            }
            Ok(())
        })?;
    }

    /// What is held in full can be granted: the rule does not refuse the harmless.
    #[test]
    fn everybody_may_pass_on_what_they_hold(held in proptest::collection::vec(0usize..16, 1..4), pick in any::<prop::sample::Index>()) {
        let (service, _, _) = service(policy());
        let names: Vec<&str> = held.iter().map(|at| NAMES[*at]).collect();
        run(async {
            let (actor, _) = holder(&service, &Owner::default(), &names).await;
            let made = service.create(&actor, draft("t", &[names[pick.index(names.len())]])).await;
            prop_assert!(made.is_ok(), "{:?}", made.map(|_| ()));
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn an_id_that_is_taken_is_drawn_again_once() {
    let (service, memory, _) = service(policy());
    let operator = Actor::operator();
    let secret = || Foreign::from_secret("a-secret-from-elsewhere").expect("long enough");
    memory.taken.store(1, Ordering::Relaxed);
    let (made, plain) = service.create(&operator, draft("one", &[])).await.expect("drawn again");
    assert_eq!(service.lookup(&operator, plain.expose()).await.map(|found| found.id), Ok(made.id));
    memory.taken.store(1, Ordering::Relaxed);
    let made = service.import(&operator, draft("two", &[]), secret()).await.expect("drawn again");
    assert_eq!(made.id.tag(), made.secrets[0].hash.tag());
    memory.taken.store(2, Ordering::Relaxed);
    let refused = service.create(&operator, draft("three", &[])).await.map(drop);
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
}

#[tokio::test]
async fn an_owner_with_another_ones_number_is_refused_until_it_is_pinned() {
    let (service, memory, _) = service(policy());
    let number = |name: &str| crate::token::OwnerIds::derived(&Owner::new("default", name)).number;
    *memory.numbers.lock().expect("no panic") = vec![number("mira"), number("noor")];
    let of = |name: &str| Draft { owner: Some(name.to_owned()), ..draft("t", &[]) };
    let refused = service.create(&Actor::operator(), of("noor")).await.map(drop);
    assert!(matches!(&refused, Err(Error::Clash(text)) if text.contains("[[user]]")), "{refused:?}");
    let foreign = Foreign::from_secret("a-secret-from-elsewhere").expect("long enough");
    let refused = service.import(&Actor::operator(), of("noor"), foreign).await.map(drop);
    assert!(matches!(refused, Err(Error::Clash(_))), "{refused:?}");
    service.create(&Actor::operator(), of("mira")).await.expect("her number is pinned");
}

#[tokio::test]
async fn who_leaves_early_leaves_its_events_behind() {
    let (service, memory, _) = service(policy());
    let (actor, _) = holder(&service, &Owner::new("default", "tom"), &["all.User"]).await;
    let (made, _) = service.create(&actor, draft("t", &[])).await.expect("made");
    let told = || memory.events.lock().expect("no panic").len();
    let token = TokenRef::Id(made.id);
    // Dropped at each point where it waits, as the call of a caller that hangs up.
    async fn leave<T>(work: impl Future<Output = T>, after: usize) {
        let mut work = std::pin::pin!(work);
        for _ in 0..after {
            let waiting = std::future::poll_fn(|cx| std::task::Poll::Ready(work.as_mut().poll(cx).is_pending())).await;
            if !waiting {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
    for after in 1..4 {
        let (before, name) = (told(), format!("n{after}"));
        leave(service.patch(&actor, token, Patch { name: Some(name.clone()), ..Patch::default() }), after).await;
        leave(service.create(&actor, draft(&name, &[])), after).await;
        let before_revoked = service.list(&actor, newest(10)).await.expect("listed").records;
        let gone = before_revoked.iter().find(|record| record.name == name && record.id != made.id);
        leave(service.revoke(&actor, TokenRef::Id(gone.expect("made all the same").id), ""), after).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert_eq!(service.find(&actor, token).await.expect("there").name, name, "changed all the same");
        assert_eq!(told(), before + 3, "each change has its event");
    }
}

fn newest(limit: usize) -> Listing {
    Listing { account: Some("default".into()), owner: None, sort: SortBy::Newest, after: None, limit }
}

#[tokio::test]
async fn what_a_caller_holds_in_its_networks_and_region_is_not_carried_beyond_them() {
    let (service, ..) = service(policy());
    let owner = Owner::new("default", "tom");
    let (actor, own) = holder(&service, &owner, &["orders.*"]).await;
    let made = async |networks: &[&str], region: &str| {
        let draft = Draft {
            owner: Some("tom".into()),
            networks: Some(networks.iter().map(|net| (*net).to_owned()).collect()),
            region: Some(region.to_owned()),
            ..draft("t", &["orders.read"])
        };
        TokenRef::Id(service.create(&Actor::operator(), draft).await.expect("made").0.id)
    };
    let (mut inside, mut here) = (actor.clone(), actor.clone());
    inside.networks = vec!["10.0.0.0/8".parse().expect("a range")];
    here.region = "west".into();
    let more = || Patch { scopes: Some(vec!["orders.read".into(), "orders.write".into()]), ..Patch::default() };
    for (caller, token, may) in [
        (&actor, made(&[], "").await, true),
        (&inside, made(&[], "").await, false),
        (&inside, made(&["0.0.0.0/0"], "").await, false),
        (&inside, made(&["10.1.0.0/16"], "").await, true),
        (&here, made(&[], "").await, false),
        (&here, made(&[], "east").await, false),
        (&here, made(&[], "west").await, true),
    ] {
        let rotated = service.rotate(caller, token, Rotation::default()).await;
        assert_eq!(rotated.is_ok(), may, "{rotated:?}");
        let granted = service.patch(caller, token, more()).await;
        assert_eq!(granted.is_ok(), may, "{granted:?}");
        let taken = Patch { scopes: Some(vec!["orders.read".into()]), ..Patch::default() };
        service.patch(caller, token, taken).await.expect("what grants nothing stays free");
    }
    // A caller's own token is its own affair.
    service.rotate(&inside, TokenRef::Id(own.id), Rotation::default()).await.expect("rotated");
}
