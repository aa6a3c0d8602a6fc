//! The command line: arguments in, exit code out.

mod activity;
mod channel;
mod check;
mod import;
mod print;
mod records;
mod token;
mod when;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::Config;
use crate::telemetry::{LogFormat, logging};

/// Exit code for a command line or a configuration that cannot be used (`EX_USAGE` of sysexits).
const USAGE: u8 = 64;

/// Reverse-proxy authentication sidecar: tokens, scopes, limits and activity in front of any HTTP API.
#[derive(Parser)]
#[command(name = "tollgate", version, propagate_version = true, arg_required_else_help = true)]
struct Args {
    /// Configuration file; else $TOLLGATE_CONFIG, ./tollgate.toml, /etc/tollgate/tollgate.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve: the proxy, the administration and the operations listener.
    Run,
    /// Check the configuration and tell every mistake with file, line and column.
    Check {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Try it: an embedded store in a temporary folder, a sample upstream, and tokens to play with.
    Demo {
        /// Print addresses and tokens as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make, list and change tokens.
    Token(Box<token::Args>),
    /// Print the OpenAPI document of the administration listener.
    Openapi,
    /// Read what tokens did.
    Activity(activity::Args),
    /// Print the completions of a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// Why a command ended early; each has its exit code.
enum Failure {
    /// It could not do what it was asked: 1.
    Failed(String),
    /// It did a part and has told already what is missing: 1.
    Partly,
    /// Command line or configuration cannot be used: 64.
    Usage(String),
    /// The same, told already on standard output: 64.
    ToldUsage,
}

/// Runs the program with its arguments, the first being its own name, and gives its exit code: 0, 1 for a failure,
/// 64 for a command line or a configuration that cannot be used.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Help and version are "errors" that belong on standard output and succeed.
            let code = if error.use_stderr() { USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let (message, code) = match dispatch(args) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Partly) => return ExitCode::FAILURE,
        Err(Failure::ToldUsage) => return ExitCode::from(USAGE),
        Err(Failure::Failed(message)) => (format!("tollgate: {message}"), 1),
        Err(Failure::Usage(message)) => (message, USAGE),
    };
    // Where standard error is closed, the exit code has to do.
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::from(code)
}

fn dispatch(args: Args) -> Result<(), Failure> {
    let environment = environment();
    let load = || Config::load(args.config.as_deref(), &environment).map_err(|e| Failure::Usage(e.to_string()));
    match args.command {
        Command::Run => crate::app::run(load()?).map_err(Failure::Failed),
        Command::Check { json } => check::check(Config::load(args.config.as_deref(), &environment), json),
        Command::Demo { .. } if args.config.is_some() => Err(Failure::Usage(
            "tollgate: demo has a configuration of its own: leave out --config, or use run".to_owned(),
        )),
        Command::Demo { json } => crate::app::demo(json).map_err(Failure::Failed),
        Command::Token(command) => token::run(*command, load),
        Command::Openapi => print(&crate::admin::openapi::text()),
        Command::Activity(command) => activity::run(command, load),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "tollgate", &mut script);
            print(&script)
        }
    }
}

/// Writes a text that is one whole to standard output, with a line end.
fn print(text: &[u8]) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    let end: &[u8] = if text.ends_with(b"\n") { b"" } else { b"\n" };
    let written = output.write_all(text).and_then(|()| output.write_all(end)).and_then(|()| output.flush());
    written.map_err(|e| Failure::Failed(format!("standard output cannot be written: {e}")))
}

/// A command tells its own results; only what goes wrong beside them is logged.
fn log_warnings(config: &Config) {
    let warnings = crate::telemetry::Config {
        log_level: "warn".to_owned(),
        log_format: LogFormat::Text,
        ..config.telemetry.clone()
    };
    // It fails if a log runs already.
    let _ = logging::init(&warnings);
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|e| Failure::Failed(format!("no threads can be started: {e}")))
}

/// The environment; variables that are not UTF-8 cannot be ours.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn exit_codes_tell_bad_usage_from_help() {
        let code = |args: &[&str]| format!("{:?}", main(args.iter().map(OsString::from)));
        assert_eq!(code(&["tollgate", "--version"]), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(code(&["tollgate", "token", "create"]), format!("{:?}", ExitCode::from(64)));
        assert_eq!(code(&["tollgate", "fly"]), format!("{:?}", ExitCode::from(64)));
        assert_eq!(
            code(&["tollgate", "--config", "/nonexistent/x.toml", "check"]),
            format!("{:?}", ExitCode::from(64))
        );
        assert_eq!(code(&["tollgate", "demo", "--config", "x.toml"]), format!("{:?}", ExitCode::from(64)));
        assert_eq!(code(&["tollgate", "completions", "bash"]), format!("{:?}", ExitCode::SUCCESS));
    }
}
