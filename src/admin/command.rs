//! The token commands: one form for the command line that holds the store itself and for the one that asks a running
//! sidecar through the control socket.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::activity::{self, EventView, Query};
use super::service::{Actor, Draft, Error, Foreign, Rotation, TokenService};
use super::view::{SecretText, TokenView};
use crate::token::{LastUse, Listing, SortBy, TokenRecord, TokenRef};

/// Operations of one command that are under way at the same time.
const IN_FLIGHT: usize = 64;
/// Records read from the store at once.
const PAGE: usize = 500;
/// Most tokens made by one `create`.
pub(crate) const MAX_COUNT: u32 = 10_000_000;
/// Most entries of one `import` command; a longer file is sent in several.
pub(crate) const MAX_ENTRIES: usize = 256;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Command {
    /// Makes one token, or `count` of them named `<name>-1` and so on.
    Create {
        /// The token.
        draft: Box<Draft>,
        /// `None` = one, under the very name.
        count: Option<u32>,
    },
    /// Lists tokens.
    List {
        /// Only this account.
        account: Option<String>,
        /// Only this owner.
        owner: Option<String>,
        /// At most this many.
        limit: u64,
    },
    /// Shows one token.
    Show {
        /// Any of its ids.
        token: String,
    },
    /// Gives a token a new secret.
    Rotate {
        /// Any of its ids.
        token: String,
        /// How long the old secret lives on; `None` = the default.
        overlap_seconds: Option<u64>,
    },
    /// Switches tokens off.
    Disable {
        /// Any of their ids.
        tokens: Vec<String>,
    },
    /// Switches tokens on.
    Enable {
        /// Any of their ids.
        tokens: Vec<String>,
    },
    /// Deletes tokens.
    Revoke {
        /// Any of their ids.
        tokens: Vec<String>,
        /// Why.
        reason: String,
    },
    /// Finds the token of a secret.
    Lookup {
        /// The secret.
        secret: SecretText,
    },
    /// Reads events of one token, or of every one.
    Activity(Query),
    /// Makes tokens that have secrets already.
    Import {
        /// At most [`MAX_ENTRIES`].
        entries: Vec<Entry>,
    },
}

/// One token to import.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Line of the file it stands in, for reports.
    pub(crate) line: u64,
    /// The token.
    pub(crate) draft: Draft,
    /// Its secret.
    pub(crate) secret: EntrySecret,
}

/// How the secret of an import is given.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EntrySecret {
    /// By value.
    Secret(SecretText),
    /// As the hex digits of its unsalted SHA-256.
    Sha256(String),
}

/// One line of an answer. The last one is `Done` or `Error`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Reply {
    /// A token, made, changed or found.
    Token {
        /// The token.
        token: Box<TokenView>,
    },
    /// A token that is gone.
    Revoked {
        /// The id it had.
        id: String,
        /// The name it had.
        name: String,
    },
    /// An event.
    Event {
        /// The event.
        event: Box<EventView>,
    },
    /// An entry that is in.
    Imported {
        /// Its line.
        line: u64,
        /// The id it was given.
        id: String,
    },
    /// One of several things could not be done; the others go on.
    Failed {
        /// Which: a name, an id, or `line 7`.
        item: String,
        /// Why.
        message: String,
    },
    /// Everything has been tried.
    Done,
    /// Nothing more was tried.
    Error {
        /// Why.
        message: String,
    },
}

/// Nobody reads the answer any more.
#[derive(Debug)]
pub(super) struct Hangup;

pub(super) type Replies = mpsc::Sender<Reply>;

/// Runs a command as the local operator and sends its answer, `Done` or `Error` last. Stops early when nobody reads it.
pub(crate) async fn execute(service: &TokenService, command: Command, replies: &Replies) {
    let last = match run(service, &Actor::operator(), command, replies).await {
        Ok(Ok(())) => Reply::Done,
        Ok(Err(error)) => Reply::Error { message: error.to_string() },
        Err(Hangup) => return,
    };
    // A reader that left after the last token misses nothing.
    let _ = replies.send(last).await;
}

async fn run(
    service: &TokenService,
    actor: &Actor,
    command: Command,
    replies: &Replies,
) -> Result<Result<(), Error>, Hangup> {
    match command {
        Command::Create { draft, count: None } => one(replies, create(service, actor, *draft).await).await,
        Command::Create { draft, count: Some(count) } => create_many(service, actor, &draft, count, replies).await,
        Command::List { account, owner, limit } => {
            let listing = Listing { account, owner, sort: SortBy::Name, after: None, limit: PAGE };
            list(service, actor, listing, limit, replies).await
        }
        Command::Show { token } => one(replies, show(service, actor, &token).await).await,
        Command::Rotate { token, overlap_seconds } => {
            let overlap = overlap_seconds.map(Duration::from_secs);
            one(replies, rotate(service, actor, &token, overlap).await).await
        }
        Command::Disable { tokens } => {
            each(tokens, replies, |token| async move {
                let record = service.disable(actor, parse(&token)?).await?;
                Ok(Reply::Token { token: view(service, &record).await? })
            })
            .await
        }
        Command::Enable { tokens } => {
            each(tokens, replies, |token| async move {
                let record = service.enable(actor, parse(&token)?).await?;
                Ok(Reply::Token { token: view(service, &record).await? })
            })
            .await
        }
        Command::Revoke { tokens, reason } => {
            let reason = reason.as_str();
            each(tokens, replies, |token| async move {
                let record = service.revoke(actor, parse(&token)?, reason).await?;
                Ok(Reply::Revoked { id: record.id.to_string(), name: record.name })
            })
            .await
        }
        Command::Lookup { secret } => {
            let found = match service.lookup(actor, secret.expose()).await {
                Ok(record) => view(service, &record).await,
                Err(error) => Err(error),
            };
            one(replies, found).await
        }
        Command::Activity(query) => activity::read(service, actor, query, replies).await,
        Command::Import { entries } => import(service, actor, entries, replies).await,
    }
}

pub(super) async fn send(replies: &Replies, reply: Reply) -> Result<(), Hangup> {
    replies.send(reply).await.map_err(|_| Hangup)
}

async fn one(replies: &Replies, made: Result<Box<TokenView>, Error>) -> Result<Result<(), Error>, Hangup> {
    match made {
        Ok(token) => send(replies, Reply::Token { token }).await.map(Ok),
        Err(error) => Ok(Err(error)),
    }
}

pub(super) fn parse(token: &str) -> Result<TokenRef, Error> {
    token.parse().map_err(|e: crate::token::InvalidId| Error::Invalid {
        field: token.chars().take(64).collect(),
        message: e.to_string(),
    })
}

async fn view(service: &TokenService, record: &TokenRecord) -> Result<Box<TokenView>, Error> {
    let last_used: Option<LastUse> = service.last_use(record.id).await?;
    Ok(Box::new(TokenView::of(record, &service.policy().directory, last_used, None)))
}

async fn create(service: &TokenService, actor: &Actor, draft: Draft) -> Result<Box<TokenView>, Error> {
    let (record, secret) = service.create(actor, draft).await?;
    Ok(Box::new(TokenView::of(&record, &service.policy().directory, None, Some(&secret))))
}

async fn show(service: &TokenService, actor: &Actor, token: &str) -> Result<Box<TokenView>, Error> {
    let record = service.find(actor, parse(token)?).await?;
    view(service, &record).await
}

async fn rotate(
    service: &TokenService,
    actor: &Actor,
    token: &str,
    overlap: Option<Duration>,
) -> Result<Box<TokenView>, Error> {
    let (record, secret) = service.rotate(actor, parse(token)?, Rotation { overlap, form: None }).await?;
    let last_used = service.last_use(record.id).await?;
    Ok(Box::new(TokenView::of(&record, &service.policy().directory, last_used, Some(&secret))))
}

/// Makes numbered tokens. After a failure no new one is begun; those under way are still reported, since their secrets
/// cannot be had again.
async fn create_many(
    service: &TokenService,
    actor: &Actor,
    draft: &Draft,
    count: u32,
    replies: &Replies,
) -> Result<Result<(), Error>, Hangup> {
    if count == 0 || count > MAX_COUNT {
        let message = format!("must be 1 to {MAX_COUNT}");
        return Ok(Err(Error::Invalid { field: "count".to_owned(), message }));
    }
    let stop = AtomicBool::new(false);
    let stop = &stop;
    let mut made = stream::iter(1..=count)
        .map(|number| async move {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            let name = format!("{}-{number}", draft.name);
            let made = create(service, actor, Draft { name: name.clone(), ..draft.clone() }).await;
            if made.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            Some((name, made))
        })
        .buffered(IN_FLIGHT);
    let mut heard = Ok(());
    while let Some(next) = made.next().await {
        let reply = match next {
            Some((_, Ok(token))) => Reply::Token { token },
            Some((item, Err(error))) => Reply::Failed { item, message: error.to_string() },
            None => break,
        };
        if heard.is_ok() {
            heard = send(replies, reply).await;
            stop.fetch_or(heard.is_err(), Ordering::Relaxed);
        }
    }
    heard.map(Ok)
}

async fn list(
    service: &TokenService,
    actor: &Actor,
    mut listing: Listing,
    limit: u64,
    replies: &Replies,
) -> Result<Result<(), Error>, Hangup> {
    let mut left = limit;
    while left > 0 {
        listing.limit = usize::try_from(left).unwrap_or(usize::MAX).min(PAGE);
        let page = match service.list(actor, listing.clone()).await {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        left = left.saturating_sub(page.records.len() as u64);
        let mut views =
            stream::iter(page.records).map(|record| async move { view(service, &record).await }).buffered(IN_FLIGHT);
        while let Some(next) = views.next().await {
            match next {
                Ok(token) => send(replies, Reply::Token { token }).await?,
                Err(error) => return Ok(Err(error)),
            }
        }
        match page.next {
            Some(next) => listing.after = Some(next),
            None => break,
        }
    }
    Ok(Ok(()))
}

async fn each<F: Future<Output = Result<Reply, Error>>>(
    tokens: Vec<String>,
    replies: &Replies,
    change: impl Fn(String) -> F,
) -> Result<Result<(), Error>, Hangup> {
    for token in tokens {
        let item: String = token.chars().take(64).collect();
        let reply = change(token).await.unwrap_or_else(|error| Reply::Failed { item, message: plain(error) });
        send(replies, reply).await?;
    }
    Ok(Ok(()))
}

/// The message of an error whose item is named already.
fn plain(error: Error) -> String {
    match error {
        Error::Invalid { message, field } if field != "reason" => message,
        error => error.to_string(),
    }
}

async fn import(
    service: &TokenService,
    actor: &Actor,
    entries: Vec<Entry>,
    replies: &Replies,
) -> Result<Result<(), Error>, Hangup> {
    if entries.len() > MAX_ENTRIES {
        let message = format!("has {} entries; at most {MAX_ENTRIES} go into one command", entries.len());
        return Ok(Err(Error::Invalid { field: "entries".to_owned(), message }));
    }
    let mut done = stream::iter(entries)
        .map(|Entry { line, draft, secret }| async move {
            let foreign = match &secret {
                EntrySecret::Secret(text) => Foreign::from_secret(text.expose()),
                EntrySecret::Sha256(hex) => Foreign::from_sha256_hex(hex),
            };
            let made = match foreign {
                Ok(foreign) => service.import(actor, draft, foreign).await,
                Err(error) => Err(error),
            };
            match made {
                Ok(record) => Reply::Imported { line, id: record.id.to_string() },
                Err(error) => Reply::Failed { item: format!("line {line}"), message: error.to_string() },
            }
        })
        .buffered(IN_FLIGHT);
    while let Some(reply) = done.next().await {
        send(replies, reply).await?;
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::service::Policy;
    use crate::admin::service::memory::service;

    async fn ask(service: &TokenService, command: Command) -> Vec<Reply> {
        let (send, mut receive) = mpsc::channel(1);
        let collect = async {
            let mut all = Vec::new();
            while let Some(reply) = receive.recv().await {
                all.push(reply);
            }
            all
        };
        let execute = async {
            execute(service, command, &send).await;
            drop(send);
        };
        tokio::join!(execute, collect).1
    }

    fn fresh() -> TokenService {
        let policy = Policy { bundles: Default::default(), plans: Default::default(), directory: Default::default() };
        service(policy).0
    }

    fn named(name: &str) -> Box<Draft> {
        Box::new(Draft { name: name.into(), ..Draft::default() })
    }

    #[tokio::test]
    async fn many_tokens_come_in_order_and_a_list_pages_through_them() {
        let service = fresh();
        let replies = ask(&service, Command::Create { draft: named("bulk"), count: Some(1_201) }).await;
        assert_eq!(replies.len(), 1_202);
        assert!(
            matches!(&replies[1_200], Reply::Token { token } if token.name == "bulk-1201" && token.secret.is_some())
        );
        let list = |limit| Command::List { account: None, owner: None, limit };
        assert_eq!(ask(&service, list(2_000)).await.len(), 1_202);
        let replies = ask(&service, list(3)).await;
        assert!(matches!(&replies[..], [.., Reply::Token { token }, Reply::Done] if token.secret.is_none()));
        assert_eq!(replies.len(), 4);
    }

    #[tokio::test]
    async fn a_failure_ends_a_series_and_not_a_round() {
        let service = fresh();
        let draft = Box::new(Draft { name: "x".repeat(253), ..Draft::default() });
        let replies = ask(&service, Command::Create { draft, count: Some(500) }).await;
        let made = replies.iter().filter(|r| matches!(r, Reply::Token { .. })).count();
        assert_eq!(made, 9, "names of 255 characters");
        assert!(replies.iter().any(|r| matches!(r, Reply::Failed { item, .. } if item.ends_with("x-10"))));
        let tokens = vec!["1".to_owned(), "77".to_owned(), "?".to_owned(), "2".to_owned()];
        let replies = ask(&service, Command::Revoke { tokens, reason: "tidy".into() }).await;
        let [
            Reply::Revoked { .. },
            Reply::Failed { item, message },
            Reply::Failed { .. },
            Reply::Revoked { .. },
            Reply::Done,
        ] = &replies[..]
        else {
            panic!("{replies:?}")
        };
        assert_eq!((item.as_str(), message.as_str()), ("77", "no such token"));
    }

    #[tokio::test]
    async fn a_reader_that_hangs_up_stops_the_series() {
        let service = fresh();
        let (send, mut receive) = mpsc::channel(1);
        let reader = async {
            receive.recv().await.expect("a token");
            receive.close();
        };
        tokio::join!(execute(&service, Command::Create { draft: named("t"), count: Some(MAX_COUNT) }, &send), reader);
        let count = ask(&service, Command::List { account: None, owner: None, limit: 1_000_000 }).await.len();
        assert!(count < 1_000, "{count}");
    }

    #[tokio::test]
    async fn imports_report_each_line() {
        let service = fresh();
        let entry = |line, secret| Entry { line, draft: *named("t"), secret };
        let entries = vec![
            entry(2, EntrySecret::Secret(SecretText::new("a-foreign-secret-1"))),
            entry(3, EntrySecret::Secret(SecretText::new("short"))),
            entry(5, EntrySecret::Sha256("zz".into())),
        ];
        let replies = ask(&service, Command::Import { entries }).await;
        let [Reply::Imported { line: 2, .. }, Reply::Failed { item, message }, Reply::Failed { .. }, Reply::Done] =
            &replies[..]
        else {
            panic!("{replies:?}")
        };
        assert_eq!(
            (item.as_str(), message.as_str()),
            ("line 3", "secret: a secret to import needs at least 16 characters")
        );
        let found = ask(&service, Command::Lookup { secret: SecretText::new("a-foreign-secret-1") }).await;
        assert!(matches!(&found[..], [Reply::Token { .. }, Reply::Done]));
    }
}
