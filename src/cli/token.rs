//! `tollgate token …`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use super::channel::Channel;
use super::import::import;
use super::print::{Output, complain, section, table};
use super::records::Reader;
use super::{Failure, when};
use crate::admin::command::{Command, MAX_COUNT, Reply};
use crate::admin::service::Draft;
use crate::admin::view::{SecretText, TokenView};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::token::{Form, PlainSecret};

/// Tokens that a list shows unless told otherwise.
const LIST_LIMIT: u64 = 1_000;
const SHOWN_ONCE: &str = "Keep the secret now: it is shown this once, and only a keyed hash of it is stored.";

#[derive(clap::Args)]
pub(super) struct Args {
    /// Print JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a token and show its secret once.
    Create(Create),
    /// List tokens by account, owner and name.
    List {
        /// Only tokens of this owner (within --account, or within the account "default").
        #[arg(long)]
        owner: Option<String>,
        /// Only tokens of this account.
        #[arg(long)]
        account: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = LIST_LIMIT, value_parser = clap::value_parser!(u64).range(1..))]
        limit: u64,
    },
    /// Show one token.
    Show {
        /// UUID, serial number, the 24 hex digits or the dt0c01. form.
        id: String,
    },
    /// Give a token a new secret; the old one lives on for a while.
    Rotate {
        /// UUID, serial number, the 24 hex digits or the dt0c01. form.
        id: String,
        /// How long the old secret lives on, for example 1h; 0 = it stops at once; at most 30d.
        #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = when::span)]
        overlap: Duration,
    },
    /// Switch tokens off until they are enabled again.
    Disable {
        /// UUIDs, serial numbers, the 24 hex digits or the dt0c01. forms.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Switch tokens on again.
    Enable {
        /// UUIDs, serial numbers, the 24 hex digits or the dt0c01. forms.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Delete tokens for good; their secrets cannot come back for 30 days.
    Revoke {
        /// UUIDs, serial numbers, the 24 hex digits or the dt0c01. forms.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// Why, for the tombstone and the audit trail.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Find the token of a secret, read from standard input or a file (never from the arguments, which others can see).
    Lookup {
        /// File that holds the secret.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Take over tokens that have secrets already, given by value or as unsalted SHA-256.
    ///
    /// The file holds JSON objects, one a line, or CSV whose first line names the columns. Fields: name, description, owner,
    /// account, scopes, plan, expires, labels, networks, region, form, and either secret or sha256.
    Import {
        /// The file; - = standard input.
        file: PathBuf,
    },
}

#[derive(clap::Args)]
struct Create {
    /// Display name.
    #[arg(long)]
    name: String,
    /// Free text.
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// A grant, for example orders.read, items.* or all.admin; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Who the token acts for; "default" if not given.
    #[arg(long)]
    owner: Option<String>,
    /// The account of the owner; "default" if not given.
    #[arg(long)]
    account: Option<String>,
    /// Its limits: the name of a [plan.NAME] of the configuration.
    #[arg(long)]
    plan: Option<String>,
    /// End of its life: RFC 3339, or a span from now such as 90d.
    #[arg(long, value_name = "WHEN", value_parser = in_future)]
    expires: Option<Timestamp>,
    /// A label; may be repeated.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// An address or range it may be used from; may be repeated.
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
    /// Whose shape the secret has: tg, xms, dynatrace or astra.
    #[arg(long, default_value_t = Form::Tg)]
    form: Form,
    /// Make this many, named NAME-1, NAME-2 and so on.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_COUNT)))]
    count: Option<u32>,
}

fn in_future(text: &str) -> Result<Timestamp, String> {
    when::moment(text, Timestamp::system())
}

fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or_else(|| format!("{text:?} is no label: write KEY=VALUE"))?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

/// Runs a token command.
pub(super) fn run(args: Args, load: impl FnOnce() -> Result<Config, Failure>) -> Result<(), Failure> {
    let config = load()?;
    super::log_warnings(&config);
    super::runtime()?.block_on(async {
        // What needs no store is done first, so that bad input is told even while the store is away.
        let work = Work::prepare(args.action).map_err(Failure::Failed)?;
        let channel = Channel::open(&config).await.map_err(Failure::Failed)?;
        let mut output = Output::new(args.json);
        let done = match work {
            Work::Command(command) => one(&channel, command, &mut output).await,
            Work::Import(path, reader) => import(&channel, &path, reader, &mut output).await,
        };
        channel.close().await;
        output.finish().map_err(Failure::Failed)?;
        done
    })
}

/// A command whose input has been read.
enum Work {
    Command(Command),
    Import(PathBuf, Reader<Box<dyn BufRead>>),
}

impl Work {
    fn prepare(action: Action) -> Result<Self, String> {
        Ok(Self::Command(match action {
            Action::Create(create) => create.command(),
            Action::List { owner, account, limit } => Command::List { account, owner, limit },
            Action::Show { id } => Command::Show { token: id },
            Action::Rotate { id, overlap } => Command::Rotate { token: id, overlap_seconds: Some(overlap.as_secs()) },
            Action::Disable { ids } => Command::Disable { tokens: ids },
            Action::Enable { ids } => Command::Enable { tokens: ids },
            Action::Revoke { ids, reason } => Command::Revoke { tokens: ids, reason },
            Action::Lookup { secret_file } => Command::Lookup { secret: read_secret(secret_file.as_deref())? },
            Action::Import { file } => {
                let told = |e: io::Error| format!("{}: cannot be read: {e}", file.display());
                let input: Box<dyn BufRead> = match file.to_str() {
                    Some("-") => Box::new(BufReader::new(io::stdin())),
                    _ => Box::new(BufReader::new(File::open(&file).map_err(told)?)),
                };
                let reader = Reader::new(input, Timestamp::system()).map_err(|e| format!("{}: {e}", file.display()))?;
                return Ok(Self::Import(file, reader));
            }
        }))
    }
}

impl Create {
    fn command(self) -> Command {
        let draft = Draft {
            name: self.name,
            description: self.description,
            owner: self.owner,
            account: self.account,
            scopes: Some(self.scopes).filter(|scopes| !scopes.is_empty()),
            plan: self.plan,
            expires_at: self.expires,
            labels: self.labels.into_iter().collect::<BTreeMap<_, _>>(),
            networks: Some(self.networks).filter(|networks| !networks.is_empty()),
            form: self.form,
            ..Draft::default()
        };
        Command::Create { draft: Box::new(draft), count: self.count }
    }
}

/// Reads a secret; blanks around it are dropped.
fn read_secret(file: Option<&Path>) -> Result<SecretText, String> {
    // One byte more than a secret and its line end can have, so that a longer one is noticed.
    let bound = PlainSecret::MAX_LENGTH as u64 + 64;
    let mut text = zeroize::Zeroizing::new(String::new());
    let read = match file {
        Some(path) => {
            let file = File::open(path).map_err(|e| format!("{}: cannot be read: {e}", path.display()))?;
            file.take(bound).read_to_string(&mut text)
        }
        None => {
            if io::stdin().is_terminal() {
                let _ = writeln!(io::stderr(), "Give the secret, then Enter and Ctrl-D:");
            }
            io::stdin().take(bound).read_to_string(&mut text)
        }
    };
    read.map_err(|e| format!("the secret cannot be read: {e}"))?;
    let secret = text.trim();
    PlainSecret::gate(secret.as_bytes()).map_err(|e| e.to_string())?;
    Ok(SecretText::new(secret))
}

/// Asks one command and prints what comes.
async fn one(channel: &Channel, command: Command, output: &mut Output) -> Result<(), Failure> {
    let mut screen = Screen::of(&command, output);
    channel.call(command, &mut |reply| screen.show(reply)).await.map_err(Failure::Failed)?;
    screen.finish()
}

/// Where the replies to one command go.
struct Screen<'a> {
    output: &'a mut Output,
    /// What has happened to a token that is shown, for people.
    verb: &'static str,
    /// The token asked for, if it was one.
    subject: String,
    /// The limit of a listing; `None` for other commands.
    limit: Option<u64>,
    /// Whether a listing is of one owner or account alone.
    narrowed: bool,
    listed: Vec<TokenView>,
    count: u64,
    secrets: bool,
    failed: bool,
    ended: Option<String>,
}

impl<'a> Screen<'a> {
    fn of(command: &Command, output: &'a mut Output) -> Self {
        let (verb, subject, limit) = match command {
            Command::Create { .. } => (" made", "", None),
            Command::Rotate { token, .. } => (" rotated", token.as_str(), None),
            Command::Show { token } => ("", token.as_str(), None),
            Command::Disable { .. } => (" disabled", "", None),
            Command::Enable { .. } => (" enabled", "", None),
            Command::List { limit, .. } => ("", "", Some(*limit)),
            Command::Lookup { .. } | Command::Revoke { .. } | Command::Import { .. } | Command::Activity(_) => {
                ("", "", None)
            }
        };
        let narrowed = matches!(command, Command::List { account, owner, .. } if account.is_some() || owner.is_some());
        let subject = subject.to_owned();
        let listed = Vec::new();
        Self { output, verb, subject, limit, narrowed, listed, count: 0, secrets: false, failed: false, ended: None }
    }

    fn show(&mut self, reply: Reply) -> ControlFlow<()> {
        match reply {
            Reply::Token { token } => {
                self.count += 1;
                self.secrets |= token.secret.is_some();
                if self.output.json {
                    return self.output.object(&token);
                }
                if self.limit.is_none() {
                    return self.output.line(&format!("Token {:?}{}\n{}\n", token.name, self.verb, section(&token)));
                }
                self.listed.push(*token);
            }
            Reply::Revoked { id, name } if self.output.json => {
                return self.output.object(&json!({"id": id, "name": name, "revoked": true}));
            }
            Reply::Revoked { id, name } => return self.output.line(&format!("Token {name:?} ({id}) revoked")),
            Reply::Failed { item, message } => {
                self.failed = true;
                complain(&format!("{item}: {message}"));
            }
            Reply::Error { message } => self.ended = Some(message),
            Reply::Event { .. } | Reply::Imported { .. } | Reply::Done => {}
        }
        ControlFlow::Continue(())
    }

    fn finish(self) -> Result<(), Failure> {
        if let Some(message) = self.ended {
            let named = self.subject.is_empty() || message.starts_with(&self.subject);
            return Err(Failure::Failed(if named { message } else { format!("{}: {message}", self.subject) }));
        }
        if self.secrets && !self.output.json {
            let _ = self.output.line(SHOWN_ONCE);
        }
        if let Some(limit) = self.limit {
            if self.listed.is_empty() && self.narrowed && !self.output.json {
                let _ = self.output.line("No tokens of that owner or account.");
            } else {
                print_list(&self.listed, self.count, limit, self.output);
            }
        }
        if self.failed { Err(Failure::Partly) } else { Ok(()) }
    }
}

fn print_list(listed: &[TokenView], count: u64, limit: u64, output: &mut Output) {
    if !output.json {
        if listed.is_empty() {
            let _ = output.line("No tokens. `tollgate token create --name NAME` makes one.");
            return;
        }
        let _ = output.line(&table(listed).join("\n"));
    }
    if count == limit {
        complain(&format!("the first {limit} are shown; if there are others, a higher --limit shows more"));
    }
}
