//! Lists. The whole account, newest first, comes page by page from the store's own order. Anything else is one pass over the
//! account, or over one owner: only the tokens of the page are held, whatever is there.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use http::StatusCode;

use super::Outcome;
use super::errors::{Problem, Violation, json};
use super::modified;
use super::page_key::{PageKey, Place, SortValue};
use super::query::{self, Asked, By, Parameters, Sort};
use super::wire::{ApiToken, ApiTokenList, Field, Fields};
use crate::admin::dialect::Call;
use crate::admin::service::{Actor, Error, TokenService};
use crate::clock::Timestamp;
use crate::token::{LastUse, Listing, Owner, Page, SortBy, TokenRecord};

/// Records read in one call to the store.
const AT_ONCE: usize = 1_000;

/// A page and what comes after it.
struct Found {
    total: u64,
    tokens: Vec<ApiToken>,
    next: Option<Place>,
}

/// Answers `listApiTokens`.
pub(super) async fn list(call: &Call<'_>, actor: &Actor, account: &str) -> Outcome {
    let (service, key) = (&call.services.service, &call.services.key);
    let asked = query::parse(call.head.uri.query().unwrap_or_default(), call.now.wall).map_err(Problem::violated)?;
    let (parameters, place) = match asked {
        Asked::First(parameters) => (parameters, None),
        Asked::Next(text) => match PageKey::open(&text, key, account) {
            Some(page) => (page.parameters, Some(page.place)),
            None => {
                let message = "is not the key of a next page: take it as it was given, from the page before";
                return Err(Problem::violated(vec![Violation::query("nextPageKey", message)]).into());
            }
        },
    };
    // In the store's own order a page is all that is read.
    let _turn = if parameters.is_plain() { None } else { Some(call.turn().await) };
    let found = page(service, actor, account, &parameters, place, call.now.wall).await?;
    let page_size = parameters.page_size;
    let next_page_key = found.next.map(|place| PageKey { parameters, place }.seal(key, account));
    let body = ApiTokenList { total_count: found.total, page_size, next_page_key, api_tokens: found.tokens };
    Ok(json(StatusCode::OK, &body))
}

/// One page: the first one, or the one that goes on from a place.
async fn page(
    service: &TokenService,
    actor: &Actor,
    account: &str,
    parameters: &Parameters,
    place: Option<Place>,
    now: Timestamp,
) -> Result<Found, Error> {
    match place {
        Some(Place::Cursor(after)) => newest(service, actor, account, parameters, Some(after)).await,
        None if parameters.is_plain() => newest(service, actor, account, parameters, None).await,
        place => Choice::new(parameters, place, now).run(service, actor, account).await,
    }
}

/// The next tokens in the store's order. The work is that of the page, whatever the account holds.
async fn newest(
    service: &TokenService,
    actor: &Actor,
    account: &str,
    parameters: &Parameters,
    mut after: Option<String>,
) -> Result<Found, Error> {
    let wanted = usize::from(parameters.page_size);
    let mut tokens = Vec::new();
    loop {
        let limit = AT_ONCE.min(wanted - tokens.len());
        let Page { records, next } = service.list(actor, listing(account, None, after, limit)).await?;
        tokens.extend(shown(service, &records, None, parameters.fields).await?);
        after = next;
        if after.is_none() || tokens.len() >= wanted {
            break;
        }
    }
    Ok(Found { total: service.count(actor, account).await?, tokens, next: after.map(Place::Cursor) })
}

fn listing(account: &str, owner: Option<&str>, after: Option<String>, limit: usize) -> Listing {
    let (account, owner) = (Some(account.to_owned()), owner.map(str::to_owned));
    Listing { account, owner, sort: SortBy::Newest, after, limit }
}

/// Records in the vendor's form; their last uses are fetched where they are asked for and not known yet.
async fn shown(
    service: &TokenService,
    records: &[TokenRecord],
    uses: Option<Vec<Option<LastUse>>>,
    fields: Fields,
) -> Result<Vec<ApiToken>, Error> {
    let uses = match uses {
        Some(uses) => uses,
        None if fields.tell_use() => service.last_uses(records).await?,
        None => vec![None; records.len()],
    };
    Ok(records.iter().zip(uses).map(|(record, last)| ApiToken::new(record, last, fields)).collect())
}

/// A choice among many tokens, in any order: those of the page, and how many there are.
struct Choice<'p> {
    parameters: &'p Parameters,
    after: Option<Rank>,
    /// When the first page was made, or the date of the newest token it met, if clocks differ. Later pages leave out tokens
    /// that were made since, and sort those that were used or changed since as if it had been then. So no token can be met
    /// again and again behind the place that was reached, and the pages come to an end.
    began: Option<Timestamp>,
    now: Timestamp,
    newest: Timestamp,
    /// At most a page, the last one in order on top.
    best: BinaryHeap<Ranked>,
    /// Tokens behind the place, those of the page too.
    rest: usize,
    total: u64,
}

impl<'p> Choice<'p> {
    fn new(parameters: &'p Parameters, place: Option<Place>, now: Timestamp) -> Self {
        let (after, began) = match place {
            Some(Place::After { value, id, began }) => {
                (Some(Rank { value, id, descending: parameters.sort.descending }), Some(began))
            }
            _ => (None, None),
        };
        let best = BinaryHeap::new();
        Self { parameters, after, began, now, newest: now, best, rest: 0, total: 0 }
    }

    async fn run(mut self, service: &TokenService, actor: &Actor, account: &str) -> Result<Found, Error> {
        let owner = self.parameters.selector.owner();
        if owner.is_some_and(|name| !Owner::is_valid_name(name)) {
            return Ok(Found { total: 0, tokens: Vec::new(), next: None });
        }
        let mut pages = service.pages(actor, listing(account, owner, None, AT_ONCE));
        while let Some(mut records) = pages.next().await? {
            records.retain(|record| self.fits(record));
            let uses = match self.parameters.choose_by_use() && !records.is_empty() {
                true => service.last_uses(&records).await?,
                false => vec![None; records.len()],
            };
            for (record, last_use) in records.into_iter().zip(uses) {
                self.meet(record, last_use);
            }
        }
        self.finish(service).await
    }

    fn fits(&mut self, record: &TokenRecord) -> bool {
        self.newest = self.newest.max(record.created_at);
        self.began.is_none_or(|began| record.created_at <= began) && self.parameters.selector.fits(record)
    }

    fn meet(&mut self, record: TokenRecord, last_use: Option<LastUse>) {
        if let Some((from, to)) = self.parameters.used
            && !last_use.is_some_and(|last| from <= last.at && last.at <= to)
        {
            return;
        }
        self.total += 1;
        let rank = Rank::of(&record, last_use, self.parameters.sort, self.began);
        if self.after.as_ref().is_some_and(|after| rank <= *after) {
            return;
        }
        self.rest += 1;
        if self.best.len() >= usize::from(self.parameters.page_size) {
            if self.best.peek().is_some_and(|last| rank >= last.rank) {
                return;
            }
            self.best.pop();
        }
        self.best.push(Ranked { rank, record: slim(record, self.parameters.fields), last_use });
    }

    async fn finish(self, service: &TokenService) -> Result<Found, Error> {
        let best = self.best.into_sorted_vec();
        let next = best.last().filter(|_| self.rest > best.len()).map(|last| Place::After {
            value: last.rank.value.clone(),
            id: last.rank.id,
            began: self.began.unwrap_or(self.now.max(self.newest)),
        });
        let (records, uses): (Vec<TokenRecord>, Vec<Option<LastUse>>) =
            best.into_iter().map(|ranked| (ranked.record, ranked.last_use)).unzip();
        let uses = self.parameters.choose_by_use().then_some(uses);
        Ok(Found { total: self.total, tokens: shown(service, &records, uses, self.parameters.fields).await?, next })
    }
}

/// The record without what the page does not show.
fn slim(mut record: TokenRecord, fields: Fields) -> TokenRecord {
    record.description = String::new();
    record.labels.clear();
    record.metadata.retain(|key, _| key == modified::KEY);
    record.networks = Vec::new();
    if !fields.has(Field::Scopes) && !fields.has(Field::ModifiedDate) {
        record.scopes = Vec::new();
    }
    record
}

/// A token's place in the order asked for; ids break ties.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rank {
    value: SortValue,
    id: [u8; 16],
    descending: bool,
}

impl Rank {
    fn of(record: &TokenRecord, last_use: Option<LastUse>, sort: Sort, began: Option<Timestamp>) -> Self {
        let by_then = |at: Timestamp| began.map_or(at, |began| at.min(began));
        let value = match sort.by {
            By::Name => SortValue::Text(record.name.clone()),
            By::Creation => SortValue::Date(Some(record.created_at)),
            By::LastUsed => SortValue::Date(last_use.map(|last| by_then(last.at))),
            By::Modified => SortValue::Date(modified::date(record).map(by_then)),
            // What does not expire is taken to do so after everything else.
            By::Expiration => SortValue::Date(Some(record.expires_at.unwrap_or(Timestamp::from_millis(i64::MAX)))),
        };
        Self { value, id: *record.id.as_bytes(), descending: sort.descending }
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let ascending = (&self.value, self.id).cmp(&(&other.value, other.id));
        if self.descending { ascending.reverse() } else { ascending }
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A token of the page.
struct Ranked {
    rank: Rank,
    record: TokenRecord,
    last_use: Option<LastUse>,
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;
    use std::time::Duration;

    use crate::activity::{EventIds, EventKind, EventLog, EventRef};
    use crate::admin::service::memory::{Memory, service};
    use crate::admin::service::{Draft, Patch, Policy};
    use crate::clock::ManualClock;
    use crate::token::{TokenId, TokenRef};
    use proptest::prelude::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const START: i64 = 1_900_000_000_000;

    struct Bench {
        service: TokenService,
        memory: Arc<Memory>,
        hand: ManualClock,
        actor: Actor,
        now: Timestamp,
    }

    impl Bench {
        /// A caller in the account `acme`, and one token beside it in another account.
        async fn new() -> Self {
            let policy = Policy { bundles: Arc::default(), plans: Arc::default(), directory: Arc::default() };
            let (service, memory, hand) = service(policy);
            let draft = |account: &str| Draft {
                name: "caller".to_owned(),
                owner: Some("mira".to_owned()),
                account: Some(account.to_owned()),
                scopes: Some(vec!["all.User".to_owned()]),
                ..Draft::default()
            };
            let operator = Actor::operator();
            service.create(&operator, draft("other")).await.expect("made");
            let (record, _) = service.create(&operator, draft("acme")).await.expect("made");
            let actor = Actor::of(&record, &service.policy().bundles, "dynatrace", HOME);
            Self { service, memory, hand, actor, now: Timestamp::from_millis(START) }
        }

        fn pass(&mut self, millis: u64) {
            let span = Duration::from_millis(millis);
            self.hand.advance(span);
            self.now = self.now.plus(span);
        }

        async fn make(&self, seed: u8) -> TokenRecord {
            let draft = Draft {
                name: ["a", "b", "c", "é"][usize::from(seed % 4)].to_owned(),
                owner: Some(if seed.is_multiple_of(3) { "tom" } else { "mira" }.to_owned()),
                account: Some("acme".to_owned()),
                scopes: Some(Vec::new()),
                personal: seed.is_multiple_of(2),
                expires_at: (seed % 5 > 1).then(|| self.now.plus(Duration::from_secs(u64::from(seed % 5) * 3600))),
                ..Draft::default()
            };
            self.service.create(&Actor::operator(), draft).await.expect("made").0
        }

        async fn touch(&self, id: TokenId) {
            let mut frame = Vec::new();
            let kind = EventKind::Request;
            let at = self.now;
            EventRef {
                id: EventIds::new([0; 2]).next(self.now),
                token: id,
                serial: 1,
                at,
                kind,
                status: 200,
                address: HOME,
                method: "GET",
                route: "",
                uri: "",
                user_agent: b"",
                request_id: b"",
                data: "",
            }
            .encode(&mut frame);
            self.memory.append(frame.into()).await.expect("written");
        }

        async fn rename(&self, id: TokenId, name: &str) {
            let patch = Patch { name: Some(name.to_owned()), ..Patch::default() };
            self.service.patch(&Actor::operator(), TokenRef::Id(id), patch).await.expect("renamed");
        }

        async fn page(&self, parameters: &Parameters, place: Option<Place>) -> (Vec<String>, u64, Option<Place>) {
            let found = page(&self.service, &self.actor, "acme", parameters, place, self.now).await.expect("a page");
            let id = |token| serde_json::to_value(token).expect("JSON")["id"].as_str().expect("an id").to_owned();
            (found.tokens.iter().map(id).collect(), found.total, found.next)
        }
    }

    fn shown_id(record: &TokenRecord) -> String {
        record.id.dynatrace()
    }

    fn parameters(query: &str, page_size: u16) -> Parameters {
        match query::parse(query, Timestamp::from_millis(START)) {
            Ok(Asked::First(parameters)) => Parameters { page_size, ..parameters },
            other => panic!("{other:?}"),
        }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
    }

    const SORTS: [&str; 10] = [
        "name",
        "-name",
        "creationDate",
        "-creationDate",
        "expirationDate",
        "-expirationDate",
        "lastUsedDate",
        "-lastUsedDate",
        "modifiedDate",
        "-modifiedDate",
    ];
    const SELECTORS: [&str; 4] =
        ["", "owner(\"tom\")", "personalAccessToken(true)", "owner(\"mira\"),personalAccessToken(false)"];

    /// The tokens that a selector of [`SELECTORS`] chooses, in order, by a plain sort of all of them.
    fn expected(mut records: Vec<(TokenRecord, Option<LastUse>)>, selector: usize, sort: &str) -> Vec<String> {
        records.retain(|(record, _)| match selector {
            0 => true,
            1 => record.owner.name == "tom",
            2 => record.personal,
            _ => record.owner.name == "mira" && !record.personal,
        });
        let date = |at: Option<Timestamp>, absent: i64| at.map_or(absent, Timestamp::as_millis);
        records.sort_by_key(|(record, last)| {
            let (name, by) = match sort.trim_start_matches('-') {
                "name" => (record.name.clone(), 0),
                "creationDate" => (String::new(), record.created_at.as_millis()),
                "expirationDate" => (String::new(), date(record.expires_at, i64::MAX)),
                "lastUsedDate" => (String::new(), date(last.map(|last| last.at), i64::MIN)),
                _ => (String::new(), date(modified::date(record), i64::MIN)),
            };
            (name, by, record.id)
        });
        if sort.starts_with('-') {
            records.reverse();
        }
        records.iter().map(|(record, _)| shown_id(record)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn pages_are_a_sorted_list_cut_up(
            seeds in proptest::collection::vec(any::<u8>(), 0..24),
            sort in 0_usize..10, selector in 0_usize..4, page_size in 1_u16..6,
        ) {
            run(async {
                let mut bench = Bench::new().await;
                for seed in &seeds {
                    let made = bench.make(*seed).await;
                    bench.pass(u64::from(seed % 3));
                    if seed % 7 < 3 {
                        bench.touch(made.id).await;
                    }
                    if seed % 7 > 4 {
                        bench.rename(made.id, "d").await;
                    }
                }
                let listing = Listing { account: Some("acme".to_owned()), ..listing("acme", None, None, 1000) };
                let records = bench.service.list(&bench.actor, listing).await.expect("all").records;
                let uses = bench.service.last_uses(&records).await.expect("all");
                let expected = expected(records.into_iter().zip(uses).collect(), selector, SORTS[sort]);
                let parameters = parameters(&format!("sort={}&apiTokenSelector={}", SORTS[sort], SELECTORS[selector]), page_size);
                let (mut seen, mut place) = (Vec::new(), None);
                loop {
                    let (ids, total, next) = bench.page(&parameters, place).await;
                    prop_assert_eq!(total, expected.len() as u64);
                    prop_assert_eq!(ids.len(), usize::from(page_size).min(expected.len() - seen.len()));
                    seen.extend(ids);
                    prop_assert_eq!(next.is_none(), seen.len() == expected.len());
                    match next {
                        Some(next) => place = Some(next),
                        None => break,
                    }
                }
                prop_assert_eq!(seen, expected);
                Ok(())
            })?;
        }

        #[test]
        fn tokens_that_come_and_go_between_pages_shift_nothing_and_the_pages_end(
            seeds in proptest::collection::vec(any::<u8>(), 1..16),
            news in proptest::collection::vec(any::<u8>(), 4),
            sort in 0_usize..10, page_size in 1_u16..5, victim in any::<prop::sample::Index>(), busy in any::<bool>(),
        ) {
            run(async {
                let mut bench = Bench::new().await;
                let mut made = Vec::new();
                for seed in &seeds {
                    made.push(bench.make(*seed).await);
                    bench.pass(u64::from(seed % 3));
                }
                let parameters = parameters(&format!("sort={}", SORTS[sort]), page_size);
                let (mut seen, mut place) = (Vec::new(), None);
                let gone = victim.get(&made).clone();
                for round in 0.. {
                    prop_assert!(round <= 2 * made.len() + 2, "the pages do not end");
                    let (ids, _, next) = bench.page(&parameters, place).await;
                    seen.extend(ids);
                    let Some(next) = next else { break };
                    place = Some(next);
                    bench.pass(1);
                    // As many new tokens as a page holds, so that a list without an end would show.
                    for seed in &news {
                        bench.make(*seed).await;
                    }
                    if round == 0 {
                        let revoked = bench.service.revoke(&Actor::operator(), TokenRef::Id(gone.id), "test").await;
                        prop_assert!(revoked.is_ok());
                    }
                    if busy {
                        for record in made.iter().filter(|record| record.id != gone.id) {
                            bench.touch(record.id).await;
                        }
                    }
                }
                // A token that is used moves in this one order.
                if !(busy && SORTS[sort].ends_with("lastUsedDate")) {
                    for record in made.iter().filter(|record| record.id != gone.id) {
                        let times = seen.iter().filter(|id| **id == shown_id(record)).count();
                        prop_assert_eq!(times, 1, "{}", record.name);
                    }
                }
                Ok(())
            })?;
        }
    }

    #[test]
    fn the_last_use_is_bounded_on_both_sides_and_never_used_ones_fall_out() {
        run(async {
            let mut bench = Bench::new().await;
            let (used, unused) = (bench.make(1).await, bench.make(2).await);
            bench.pass(5_000);
            bench.touch(used.id).await;
            let listed = |from: i64, to: i64| {
                let parameters = Parameters {
                    used: Some((Timestamp::from_millis(START + from), Timestamp::from_millis(START + to))),
                    ..parameters("", 10)
                };
                let bench = &bench;
                async move { bench.page(&parameters, None).await.0 }
            };
            assert_eq!(listed(5_000, 5_000).await, [shown_id(&used)]);
            assert_eq!(listed(0, 9_000).await, [shown_id(&used)]);
            for (from, to) in [(0, 4_999), (5_001, 9_000), (9_000, 0)] {
                assert_eq!(listed(from, to).await, [""; 0], "{from} to {to}");
            }
            assert!(bench.page(&parameters("", 10), None).await.0.contains(&shown_id(&unused)));
        });
    }

    #[test]
    fn an_owner_that_cannot_be_has_no_tokens() {
        run(async {
            let bench = Bench::new().await;
            for name in ["", "a%00b", "a%0Ab"] {
                let parameters = parameters(&format!("apiTokenSelector=owner(\"{name}\")"), 10);
                assert_eq!(bench.page(&parameters, None).await, (Vec::new(), 0, None));
            }
            let two = parameters("apiTokenSelector=owner(\"mira\"),owner(\"tom\")", 10);
            assert_eq!(bench.page(&two, None).await.1, 0);
        });
    }
}
