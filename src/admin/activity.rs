//! Reading activity for the command line: of one token, or of all where these are few.

use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::command::{Hangup, Replies, Reply, parse, send};
use super::service::{Actor, Error, TokenService};
use crate::activity::{Event, EventId};
use crate::token::{Listing, SortBy, TokenId};

/// Most tokens whose activity is read without one being named.
pub(crate) const MOST_TOKENS: usize = 1_000;
/// Events read at once.
const PAGE: usize = 500;
/// How much further back than asked for the newest by time are looked for: threads and sidecars hand over their events
/// as they come.
const LATE: usize = 100;
/// Tokens read at the same time.
const IN_FLIGHT: usize = 64;
/// How far events of a token may be out of order in time: what was replayed from a spool comes late.
const DISORDER: std::time::Duration = std::time::Duration::from_secs(60);

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// Any id of a token; `None` = every token.
    pub(crate) token: Option<String>,
    /// Not before this time, in Unix milliseconds.
    pub(crate) since: Option<i64>,
    /// Before this time, in Unix milliseconds.
    pub(crate) until: Option<i64>,
    /// Only so many of the newest, and these in order of time; `None` = all, newest first.
    pub(crate) newest: Option<usize>,
}

/// An event as it is printed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventView {
    /// Its name; sorts by time.
    pub(crate) id: String,
    /// UUID of its token.
    pub(crate) token: String,
    serial: u64,
    /// RFC 3339.
    pub(crate) at: String,
    event: String,
    status: u16,
    address: String,
    method: String,
    route: String,
    uri: String,
    user_agent: String,
    request_id: String,
    data: Value,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            id: event.id.to_string(),
            token: event.token.to_string(),
            serial: event.serial,
            at: event.at.to_string(),
            event: event.kind.code().to_owned(),
            status: event.status,
            address: event.address.to_string(),
            method: event.method,
            route: event.route,
            uri: event.uri,
            user_agent: event.user_agent,
            request_id: event.request_id,
            data: serde_json::from_str(&event.data).unwrap_or_else(|_| Value::Object(serde_json::Map::new())),
        }
    }
}

impl Query {
    fn holds(&self, event: &Event) -> bool {
        let at = event.at.as_millis();
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }

    /// Whether no older event can be in the answer.
    fn is_past(&self, event: &Event) -> bool {
        self.since.is_some_and(|since| event.at.plus(DISORDER).as_millis() < since)
    }
}

/// Answers a query.
pub(super) async fn read(
    service: &TokenService,
    actor: &Actor,
    query: Query,
    replies: &Replies,
) -> Result<Result<(), Error>, Hangup> {
    let tokens = match subjects(service, actor, query.token.as_deref()).await {
        Ok(tokens) => tokens,
        Err(error) => return Ok(Err(error)),
    };
    match query.newest {
        Some(count) => newest(service, tokens, &query, count.min(10 * PAGE), replies).await,
        None => {
            for token in tokens {
                if let Err(error) = all(service, token, &query, replies).await? {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        }
    }
}

async fn subjects(service: &TokenService, actor: &Actor, token: Option<&str>) -> Result<Vec<TokenId>, Error> {
    if let Some(token) = token {
        return Ok(vec![service.subject(actor, parse(token)?).await?]);
    }
    let mut tokens = Vec::new();
    let mut listing = Listing { account: None, owner: None, sort: SortBy::Name, after: None, limit: PAGE };
    loop {
        let page = service.list(actor, listing.clone()).await?;
        tokens.extend(page.records.iter().map(|record| record.id));
        if tokens.len() > MOST_TOKENS {
            let message = format!("there are more than {MOST_TOKENS} tokens: name one");
            return Err(Error::Invalid { field: "token".to_owned(), message });
        }
        match page.next {
            Some(next) => listing.after = Some(next),
            None => return Ok(tokens),
        }
    }
}

/// The newest of all these tokens, in order of time.
async fn newest(
    service: &TokenService,
    tokens: Vec<TokenId>,
    query: &Query,
    count: usize,
    replies: &Replies,
) -> Result<Result<(), Error>, Hangup> {
    let mut pages = stream::iter(tokens)
        .map(|token| async move { service.activity(token, 0, count + LATE).await })
        .buffer_unordered(IN_FLIGHT);
    let mut events: Vec<Event> = Vec::new();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => events.extend(page.into_iter().filter(|event| query.holds(event))),
            Err(error) => return Ok(Err(error)),
        }
        // At most twice as many as asked for are kept at a time, and those of one page.
        if events.len() > 2 * count {
            events.sort_by_key(|event| std::cmp::Reverse(event.id));
            events.truncate(count);
        }
    }
    events.sort_by_key(|event| event.id);
    let skip = events.len().saturating_sub(count);
    for event in events.into_iter().skip(skip) {
        send(replies, Reply::Event { event: Box::new(event.into()) }).await?;
    }
    Ok(Ok(()))
}

/// All events of a token, newest first.
async fn all(
    service: &TokenService,
    token: TokenId,
    query: &Query,
    replies: &Replies,
) -> Result<Result<(), Error>, Hangup> {
    let mut skip = 0;
    // Events that come meanwhile push the others on: a page then begins with some of the one before.
    let mut before: Vec<EventId> = Vec::new();
    loop {
        let page = match service.activity(token, skip, PAGE).await {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        let (read, last) = (page.len(), page.last().is_none_or(|event| query.is_past(event)));
        let ids = page.iter().map(|event| event.id).collect();
        for event in page.into_iter().filter(|event| query.holds(event) && !before.contains(&event.id)) {
            send(replies, Reply::Event { event: Box::new(event.into()) }).await?;
        }
        if last {
            return Ok(Ok(()));
        }
        (before, skip) = (ids, skip + read);
    }
}
