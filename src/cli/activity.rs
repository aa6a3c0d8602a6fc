//! `tollgate activity …`: events as NDJSON, one object a line.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

use clap::Subcommand;

use super::channel::Channel;
use super::print::Output;
use super::{Failure, when};
use crate::admin::activity::{EventView, Query};
use crate::admin::command::{Command, Reply};
use crate::clock::Timestamp;
use crate::config::Config;

/// Pause between two looks for new events.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Newest events looked at each time, of one token and of all.
const LOOK_BACK: [usize; 2] = [1_000, 100];
/// Events remembered as printed.
const MOST_SEEN: usize = 100_000;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Print the newest events, oldest first, one JSON object a line.
    Tail {
        /// Only of this token: UUID, serial number, the 24 hex digits or the dt0c01. form. Without it of all, up to 1,000 tokens.
        #[arg(long, value_name = "ID")]
        token: Option<String>,
        /// How many.
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=1_000))]
        lines: u16,
        /// Go on with what comes, until interrupted.
        #[arg(long)]
        follow: bool,
    },
    /// Print every event of a token that is kept, newest first, one JSON object a line.
    Export {
        /// UUID, serial number, the 24 hex digits or the dt0c01. form; a revoked token by its UUID.
        #[arg(long, value_name = "ID")]
        token: String,
        /// Not before: RFC 3339, or a span back from now such as 2h.
        #[arg(long, value_name = "WHEN", value_parser = in_past)]
        since: Option<Timestamp>,
        /// Before: RFC 3339, or a span back from now such as 1h.
        #[arg(long, value_name = "WHEN", value_parser = in_past)]
        until: Option<Timestamp>,
    },
}

fn in_past(text: &str) -> Result<Timestamp, String> {
    when::past_moment(text, Timestamp::system())
}

/// Runs an activity command.
pub(super) fn run(args: Args, load: impl FnOnce() -> Result<Config, Failure>) -> Result<(), Failure> {
    let config = load()?;
    super::log_warnings(&config);
    super::runtime()?.block_on(async {
        let channel = Channel::open(&config).await.map_err(Failure::Failed)?;
        let mut output = Output::new(true);
        let done = match args.action {
            Action::Tail { token, lines, follow } => {
                let tail = tail(&channel, token, usize::from(lines), follow, &mut output);
                tokio::select! {
                    done = tail => done,
                    // The way to end --follow.
                    _ = tokio::signal::ctrl_c() => Ok(()),
                }
            }
            Action::Export { token, since, until } => {
                let (since, until) = (since.map(Timestamp::as_millis), until.map(Timestamp::as_millis));
                let query = Query { token: Some(token), since, until, newest: None };
                ask(&channel, query, &mut |event| output.object(&event)).await.map(|_| ())
            }
        };
        channel.close().await;
        output.finish().map_err(Failure::Failed)?;
        done
    })
}

async fn tail(
    channel: &Channel,
    token: Option<String>,
    lines: usize,
    follow: bool,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut seen = Seen::default();
    let newest = Some(LOOK_BACK[usize::from(token.is_none())]);
    let query = Query { token, since: None, until: None, newest };
    if !follow {
        let query = Query { newest: Some(lines), ..query };
        return ask(channel, query, &mut |event| output.object(&event)).await.map(|_| ());
    }
    let mut first = Vec::new();
    let _ = ask(channel, query.clone(), &mut |event| {
        seen.is_new(&event.id);
        first.push(event);
        ControlFlow::Continue(())
    })
    .await?;
    let skip = first.len().saturating_sub(lines);
    let mut going = first.into_iter().skip(skip).try_for_each(|event| output.object(&event));
    while going.is_continue() {
        tokio::time::sleep(LOOK_EVERY).await;
        let mut print = |event: EventView| match seen.is_new(&event.id) {
            true => output.object(&event),
            false => ControlFlow::Continue(()),
        };
        going = ask(channel, query.clone(), &mut print).await?;
    }
    Ok(())
}

/// Hands over the events of an answer until `print` breaks off.
async fn ask(
    channel: &Channel,
    query: Query,
    print: &mut impl FnMut(EventView) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Failure> {
    let subject = query.token.clone();
    let (mut refused, mut going) = (None, ControlFlow::Continue(()));
    let mut on_reply = |reply| {
        match reply {
            Reply::Event { event } => going = print(*event),
            Reply::Error { message } => refused = Some(message),
            _ => {}
        }
        going
    };
    channel.call(Command::Activity(query), &mut on_reply).await.map_err(Failure::Failed)?;
    match (refused, subject) {
        (Some(message), Some(token)) if !message.starts_with(&token) => {
            Err(Failure::Failed(format!("{token}: {message}")))
        }
        (Some(message), _) => Err(Failure::Failed(message)),
        (None, _) => Ok(going),
    }
}

/// The events that were printed last.
#[derive(Default)]
struct Seen {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    fn is_new(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > MOST_SEEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}
