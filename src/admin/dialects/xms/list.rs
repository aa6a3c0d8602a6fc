//! The list: filters, then offset and limit, by number.

use std::borrow::Cow;

use http::StatusCode;

use super::errors::Problem;
use super::wire::{AccessToken, AccessTokens, Paging, roles, secret_made_at};
use super::{Outcome, READ_ALL};
use crate::admin::dialect::{Call, json};
use crate::admin::endpoint::parameters;
use crate::admin::service::{Actor, Error};
use crate::clock::Timestamp;
use crate::token::{Listing, Owner, OwnerKey, SortBy, TokenId, TokenRecord};

/// The greatest `limit`.
pub(super) const MOST: i64 = 10_000;
/// Records read in one call to the store.
const PAGE: usize = 1_000;
/// Bytes of the tokens kept while a list is put together, those before its offset included; 400 beyond.
const MOST_BYTES: usize = 64 << 20;

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Query {
    limit: Option<usize>,
    offset: usize,
    user: Option<i64>,
    role: Option<String>,
    all: bool,
}

/// The value of a parameter; the word `None`, which Python clients write, and an empty one count as absent.
///
/// # Errors
/// It stands there twice.
pub(super) fn parameter<'q>(query: Option<&'q str>, name: &str) -> Result<Option<Cow<'q, str>>, String> {
    let mut values = parameters(query.unwrap_or_default()).filter(|(own, _)| own == name).map(|(_, value)| value);
    let value = values.next().filter(|value| !value.is_empty() && value != "None");
    match values.next() {
        Some(_) => Err(format!("{name}: stands there more than once")),
        None => Ok(value),
    }
}

impl Query {
    fn parse(query: Option<&str>) -> Result<Self, String> {
        let whole = |name: &str, least: i64, most: i64| {
            let Some(text) = parameter(query, name)? else { return Ok(None) };
            let plain = text.strip_prefix('-').unwrap_or(&text).bytes().all(|byte| byte.is_ascii_digit());
            let value = text.parse::<i64>().ok().filter(|value| plain && (least..=most).contains(value));
            value.map(Some).ok_or_else(|| format!("{name}: must be a whole number from {least} to {most}"))
        };
        let all = match parameter(query, "all")?.as_deref() {
            None | Some("false" | "False" | "0") => false,
            Some("true" | "True" | "1") => true,
            Some(_) => return Err("all: must be true or false".to_owned()),
        };
        // Within the bounds just checked.
        let count = |value: i64| usize::try_from(value).unwrap_or(usize::MAX);
        Ok(Self {
            limit: whole("limit", 1, MOST)?.map(count),
            offset: whole("offset", 0, i64::MAX)?.map_or(0, count),
            user: whole("user_id", i64::MIN, i64::MAX)?,
            role: parameter(query, "role")?.map(Cow::into_owned),
            all,
        })
    }
}

/// Answers with a list.
pub(super) async fn list(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let query = Query::parse(call.head.uri.query()).map_err(Problem::bad_request)?;
    let policy = call.services.service.policy();
    let own = actor.owner.clone().unwrap_or_default();
    let own_number = i64::try_from(policy.directory.ids(&own).number).ok();
    let foreign = query.user.is_some() && query.user != own_number;
    if (query.all || foreign) && !policy.bundles.holds(&actor.scopes, READ_ALL) {
        return Err(Problem::forbidden(format!("tokens of other users need the scope {READ_ALL}")).into());
    }
    let scope = match query.user {
        Some(number) if foreign => match user(call, &actor, number).await {
            Ok(owner) => Some(owner),
            Err(Error::NotFound) => return answer(call, &query, Window::new(&query)).await,
            Err(error) => return Err(error.into()),
        },
        None if query.all => None,
        _ => Some(own.clone()),
    };
    let listing = Listing {
        account: Some(scope.as_ref().map_or(own.account, |owner| owner.account.clone())),
        owner: scope.map(|owner| owner.name),
        sort: SortBy::Newest,
        after: None,
        limit: PAGE,
    };
    let _turn = call.turn().await;
    match gather(call, &actor, listing, &query).await? {
        Some(window) => answer(call, &query, window).await,
        None => {
            let message = "the list is too long to answer with at once; give limit and, if given, a smaller offset";
            Err(Problem::bad_request(message).into())
        }
    }
}

/// The user of a number.
async fn user(call: &Call<'_>, actor: &Actor, number: i64) -> Result<Owner, Error> {
    let number = u64::try_from(number).map_err(|_| Error::NotFound)?;
    call.services.service.owner(actor, OwnerKey::Number(number)).await
}

/// Reads a listing to its end and keeps what is asked for; `None` if that is too much.
async fn gather(call: &Call<'_>, actor: &Actor, listing: Listing, query: &Query) -> Result<Option<Window>, Error> {
    let service = &call.services.service;
    let policy = service.policy();
    let mut window = Window::new(query);
    let mut pages = service.pages(actor, listing);
    while let Some(records) = pages.next().await? {
        for record in records {
            let wanted = |role: &String| roles(&record, &policy.bundles).any(|own| own == role);
            if query.role.as_ref().is_none_or(wanted) {
                window.add(Row::new(&record, AccessToken::new(&record, &policy.directory, &policy.bundles)));
            }
        }
        if window.is_too_much() {
            return Ok(None);
        }
    }
    Ok(Some(window))
}

async fn answer(call: &Call<'_>, query: &Query, window: Window) -> Outcome {
    let total_count = window.total;
    let rows = window.rows(query.offset);
    let mut access_tokens = Vec::with_capacity(rows.len());
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let part: Vec<Row> = rows.by_ref().take(PAGE).collect();
        let ids = part.iter().map(|row| row.id).collect();
        let uses = call.services.ask(call.services.tokens.last_uses(ids)).await?;
        let told = part.into_iter().zip(uses).map(|(row, last)| row.token.used(last, row.secret_made_at));
        access_tokens.extend(told);
    }
    let paging = call.services.config.xms.emit_paging.then(|| Paging {
        count: access_tokens.len() as u64,
        limit: query.limit.unwrap_or(0) as u64,
        offset: query.offset as u64,
        total_count,
    });
    Ok(json(StatusCode::OK, &AccessTokens { access_tokens, paging }))
}

/// A token of a list.
struct Row {
    id: TokenId,
    secret_made_at: Timestamp,
    token: AccessToken,
}

impl Row {
    fn new(record: &TokenRecord, token: AccessToken) -> Self {
        Self { id: record.id, secret_made_at: secret_made_at(record), token }
    }
}

/// The tokens with the lowest numbers, up to the end of what is asked for; they come in any order.
struct Window {
    end: usize,
    rows: Vec<Row>,
    bytes: usize,
    /// All that came.
    total: u64,
}

impl Window {
    fn new(query: &Query) -> Self {
        let end = query.limit.map_or(usize::MAX, |limit| limit.saturating_add(query.offset));
        Self { end, rows: Vec::new(), bytes: 0, total: 0 }
    }

    fn add(&mut self, row: Row) {
        self.total += 1;
        self.bytes += row.token.weight();
        self.rows.push(row);
        if self.rows.len() >= self.end.saturating_mul(2).saturating_add(PAGE) {
            self.prune();
        }
    }

    /// Drops what lies behind the end.
    fn prune(&mut self) {
        if self.rows.len() > self.end {
            self.rows.select_nth_unstable_by_key(self.end, |row| row.token.id);
            self.rows.truncate(self.end);
            self.bytes = self.rows.iter().map(|row| row.token.weight()).sum();
        }
    }

    fn is_too_much(&mut self) -> bool {
        if self.bytes > MOST_BYTES {
            self.prune();
        }
        self.bytes > MOST_BYTES
    }

    /// The rows behind the offset, by number.
    fn rows(mut self, offset: usize) -> Vec<Row> {
        self.prune();
        self.rows.sort_unstable_by_key(|row| row.token.id);
        self.rows.drain(..offset.min(self.rows.len()));
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn absent_words_and_both_spellings_of_booleans() {
        let none = Ok(Query::default());
        for query in ["", "limit=None&offset=None&user_id=None&role=None&all=None", "limit=&offset&all=&token=x&more=1"]
        {
            assert_eq!(Query::parse(Some(query)), none, "{query}");
        }
        assert_eq!(Query::parse(None), none);
        let asked = Query { limit: Some(10_000), offset: 7, user: Some(-3), role: Some("a b".to_owned()), all: true };
        assert_eq!(Query::parse(Some("limit=10000&offset=7&user_id=-3&role=a+b&all=True")), Ok(asked));
        for (text, all) in [("true", true), ("1", true), ("false", false), ("False", false), ("0", false)] {
            assert_eq!(Query::parse(Some(&format!("all={text}"))), Ok(Query { all, ..Query::default() }), "{text}");
        }
        for wrong in [
            "limit=0",
            "limit=10001",
            "limit=-1",
            "limit=1.5",
            "limit=%2B1",
            "limit=x",
            "limit=none",
            "limit=1&limit=1",
            "offset=-1",
            "offset=9223372036854775808",
            "user_id=x",
            "user_id=-",
            "all=yes",
            "all=TRUE",
            "all=2",
        ] {
            assert!(Query::parse(Some(wrong)).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_query_breaks_the_parser(query in "((limit|offset|user_id|role|all|%6cimit)(=[-+0-9a-zA-Z%é]{0,22})?&){0,5}") {
            if let Ok(query) = Query::parse(Some(&query)) {
                prop_assert!(query.limit.is_none_or(|limit| (1..=MOST as usize).contains(&limit)));
            }
        }

        /// Whatever the order they come in, the same as sorting all of them and cutting.
        #[test]
        fn a_window_is_the_cut_of_the_sorted_whole(
            numbers in proptest::collection::hash_set(0u64..10_000, 0..3_000), limit in proptest::option::of(1usize..50), offset in 0usize..60,
        ) {
            let query = Query { limit, offset, ..Query::default() };
            let mut window = Window::new(&query);
            for number in &numbers {
                let token = AccessToken::numbered(*number);
                window.add(Row { id: TokenId::from_bytes([0; 16]), secret_made_at: Timestamp::default(), token });
            }
            prop_assert_eq!(window.total, numbers.len() as u64);
            prop_assert!(limit.is_none_or(|limit| window.rows.len() < 2 * (limit + offset) + PAGE));
            let mut sorted: Vec<u64> = numbers.into_iter().collect();
            sorted.sort_unstable();
            let wanted: Vec<u64> = sorted.into_iter().skip(offset).take(limit.unwrap_or(usize::MAX)).collect();
            let found: Vec<u64> = window.rows(offset).iter().map(|row| row.token.id).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
