//! Lists. The whole account, newest first, comes page by page from the store's own order. Anything else is one pass over the
//! account, or over one owner: only the tokens of the page are held, whatever is there.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use http::StatusCode;

use super::errors::{Violation, json, told, violated};
use super::modified;
use super::page_key::{PageKey, Place, SortValue};
use super::query::{self, Asked, By, Parameters, Sort};
use super::wire::{ApiToken, ApiTokenList, Field, Fields};
use crate::admin::dialect::{Call, Fault, Reply};
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
pub(super) async fn list(call: &Call<'_>, actor: &Actor, account: &str) -> Result<Reply, Fault> {
    let (service, key) = (&call.services.service, &call.services.key);
    let asked = match query::parse(call.head.uri.query().unwrap_or_default(), call.now.wall) {
        Ok(asked) => asked,
        Err(wrong) => return Ok(violated(wrong)),
    };
    let (parameters, place) = match asked {
        Asked::First(parameters) => (parameters, None),
        Asked::Next(text) => match PageKey::open(&text, key, account) {
            Some(page) => (page.parameters, Some(page.place)),
            None => {
                let message = "is not the key of a next page: take it as it was given, from the page before";
                return Ok(violated(vec![Violation::query("nextPageKey", message)]));
            }
        },
    };
    let found = match place {
        Some(Place::Cursor(after)) => newest(service, actor, account, &parameters, Some(after)).await,
        None if parameters.is_plain() => newest(service, actor, account, &parameters, None).await,
        place => Choice::new(&parameters, place, call.now.wall).run(service, actor, account).await,
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return told(error),
    };
    let page_size = parameters.page_size;
    let next_page_key = found.next.map(|place| PageKey { parameters, place }.seal(key, account));
    let body = ApiTokenList { total_count: found.total, page_size, next_page_key, api_tokens: found.tokens };
    Ok(json(StatusCode::OK, &body))
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
        let mut after = None;
        loop {
            let Page { mut records, next } = service.list(actor, listing(account, owner, after, AT_ONCE)).await?;
            records.retain(|record| self.fits(record));
            let uses = match self.parameters.choose_by_use() && !records.is_empty() {
                true => service.last_uses(&records).await?,
                false => vec![None; records.len()],
            };
            for (record, last_use) in records.into_iter().zip(uses) {
                self.meet(record, last_use);
            }
            match next {
                Some(next) => after = Some(next),
                None => return self.finish(service).await,
            }
        }
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
