//! The log: one event a line on standard error, as text or JSON.
//!
//! A value can never make a line of its own or drive a terminal (CWE-117): every control character but the end of the
//! line is written as an escape. The formatter alone escapes only some of them, and none of the line ends.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::{Config, LogFormat};

/// Starts the log of this process.
///
/// # Errors
/// The filter is malformed, or a log was started before.
pub(crate) fn init(config: &Config) -> Result<(), String> {
    let subscriber = subscriber(config, io::stderr)?;
    subscriber.try_init().map_err(|e| format!("the log cannot be started: {e}"))
}

fn subscriber<W>(config: &Config, writer: W) -> Result<Box<dyn tracing::Subscriber + Send + Sync>, String>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.log_level).map_err(|e| {
        format!("log.level: {:?} is no filter ({e}); write a level such as info, or tollgate=debug", config.log_level)
    })?;
    // No colours: the escape below cannot tell the formatter's own from a value's.
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Escaping(writer));
    let registry = tracing_subscriber::registry().with(filter);
    Ok(match config.log_format {
        LogFormat::Text => Box::new(registry.with(lines)),
        LogFormat::Json => Box::new(registry.with(lines.json().flatten_event(true))),
    })
}

/// Escapes control characters on the way to `W`.
struct Escaping<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Escaping<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self.0.make_writer())
    }
}

/// Takes one whole event per `write`, which is how the formatter hands them over.
struct Line<W>(W);

impl<W: Write> Write for Line<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let body = event.strip_suffix(b"\n").unwrap_or(event);
        let text = String::from_utf8_lossy(body);
        if text.chars().any(char::is_control) {
            self.0.write_all(format!("{}\n", escape(&text)).as_bytes())?;
        } else {
            self.0.write_all(event)?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Control characters as the escapes that JSON knows too, so that a JSON line stays one.
fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if c.is_control() => {
                // Control characters end at U+009F; writing to a string cannot fail.
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const HOSTILE: &str = "a\nINFO forged\r\u{1b}[2J\u{7}\u{0}\u{7f}\u{9b}31m\tend";

    fn lines(log_format: LogFormat, log: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let config = Config {
            listen: "127.0.0.1:0".parse().expect("an address"),
            log_level: "tollgate=debug".to_owned(),
            log_format,
        };
        let subscriber = subscriber(&config, move || writer.clone()).expect("a filter");
        tracing::subscriber::with_default(subscriber, log);
        let bytes = captured.0.lock().expect("no panic").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    fn hostile_events() {
        tracing::info!(display = %HOSTILE, debug = ?HOSTILE, plain = HOSTILE, "message {HOSTILE}");
        let span = tracing::info_span!("call", uri = %HOSTILE);
        span.in_scope(|| tracing::warn!("inside"));
    }

    #[test]
    fn no_value_makes_a_line_or_drives_a_terminal() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let written = lines(format, hostile_events);
            assert_eq!(written.lines().count(), 2, "{written:?}");
            let controls: Vec<char> = written.chars().filter(|c| c.is_control() && *c != '\n').collect();
            assert!(controls.is_empty(), "{controls:?}");
        }
    }

    #[test]
    fn json_lines_stay_json_and_keep_the_value() {
        let written = lines(LogFormat::Json, hostile_events);
        let first: serde_json::Value = serde_json::from_str(written.lines().next().expect("a line")).expect("JSON");
        assert_eq!(first["plain"], HOSTILE);
        assert_eq!(first["level"], "INFO");
        assert!(first["message"].as_str().is_some_and(|text| text.starts_with("message a")));
    }

    #[test]
    fn the_filter_holds_and_a_wrong_one_is_told() {
        let written = lines(LogFormat::Text, || {
            tracing::debug!("shown");
            tracing::trace!("hidden");
            tracing::error!(target: "elsewhere", "hidden");
        });
        assert!(written.contains("shown") && !written.contains("hidden"), "{written}");
        let config = Config {
            listen: "127.0.0.1:0".parse().expect("an address"),
            log_level: "tollgate=loud".to_owned(),
            log_format: LogFormat::Text,
        };
        let error = subscriber(&config, io::stderr).err().expect("refused");
        assert!(error.contains("log.level") && error.contains("loud"), "{error}");
    }
}
