//! What the control plane asks of every request, and what it answers where no dialect does.

use bytes::Bytes;
use http::Version;
use http::request::Parts;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::dialect::{Dialect, Fault, Reply};
use super::endpoint::{self, Endpoint, NoEndpoint, Variables};
use super::problem::Problem;
use crate::activity::EventKind;
use crate::auth::Denial;

/// Longest request body, in bytes; 413 beyond.
const MAX_BODY: usize = 1 << 20;
/// Longest request id taken over from a caller, in bytes.
const MAX_REQUEST_ID: usize = 128;

/// Exactly one `Host` field in HTTP/1.1 (RFC 9112 section 3.2).
pub(super) fn has_one_host(head: &Parts) -> Result<(), Fault> {
    let hosts = head.headers.get_all(http::header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && head.version == Version::HTTP_11) {
        return Err(Fault::BadRequest("HTTP/1.1 needs exactly one Host field."));
    }
    Ok(())
}

/// Whether a page of another origin sends this and it may change something: browsers tell by `Sec-Fetch-Site`, older ones and
/// plain HTTP origins by `Origin`.
pub(super) fn is_foreign_page(head: &Parts) -> bool {
    let field = |name| head.headers.get(name).map(http::HeaderValue::as_bytes);
    let foreign = match (field("sec-fetch-site"), field("origin")) {
        (Some(site), _) => !matches!(site, b"same-origin" | b"none"),
        (None, Some(origin)) => {
            let at = memchr::memmem::find(origin, b"://").map(|at| &origin[at + 3..]);
            at.is_none_or(|authority| !field("host").is_some_and(|host| authority.eq_ignore_ascii_case(host)))
        }
        (None, None) => false,
    };
    foreign && !head.method.is_safe()
}

/// The whole body, within the cap.
pub(super) async fn read<B>(body: B) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(Fault::BodyTooLarge);
    }
    let collected = Limited::new(body, MAX_BODY).collect().await;
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| match error.is::<LengthLimitError>() {
        true => Fault::BodyTooLarge,
        false => Fault::BadRequest("The request body is broken."),
    })
}

/// Why a body is no JSON object. Says only where it goes wrong: the body may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoObject {
    /// It is no JSON; line and column count from 1.
    Syntax {
        /// Line.
        line: usize,
        /// Column, in bytes.
        column: usize,
    },
    /// It is another JSON value.
    Kind,
}

/// Reads a body that is one JSON object.
///
/// # Errors
/// It is something else.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, NoObject> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(NoObject::Kind),
        Err(error) => Err(NoObject::Syntax { line: error.line(), column: error.column() }),
    }
}

/// The caller's request id where it is plain text that is `taken`, else a fresh UUID.
pub(super) fn request_id(head: &Parts, taken: impl Fn(&str) -> bool) -> String {
    let given = head.headers.get("x-request-id").and_then(|value| value.to_str().ok());
    let plain = |id: &&str| (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    given.filter(plain).filter(|id| taken(id)).map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

/// The endpoint that a request names, and the variables of its path.
pub(super) fn find(dialect: &'static dyn Dialect, head: &Parts) -> Result<(&'static Endpoint, Variables), Fault> {
    endpoint::find(dialect.endpoints(), &head.method, endpoint::path(head)).map_err(|none| match none {
        NoEndpoint::Path => Fault::NotFound,
        NoEndpoint::Method(allow) => Fault::Method(allow),
    })
}

/// A refusal of a path that belongs to no dialect.
pub(super) fn problem(fault: &Fault) -> Reply {
    let problem = Problem::of(fault);
    let problem = match fault {
        Fault::NotFound => problem.detail("No token interface is served at this path."),
        Fault::Method(_) => problem.detail("The document is read with GET."),
        _ => problem,
    };
    problem.reply()
}

/// What kind of event a refusal is for its token.
pub(super) fn event_kind(fault: &Fault) -> EventKind {
    match fault {
        Fault::Denied(Denial::Scope) => EventKind::Forbidden,
        Fault::Denied(_) => EventKind::Unauthorized,
        Fault::Limited(_) | Fault::Throttled(_) => EventKind::QuotaExceeded,
        _ => EventKind::AdminRequest,
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_origins_are_told_from_ours_and_from_programs() {
        let foreign = |method: &str, fields: &[(&str, &str)]| {
            let head = http::Request::builder().method(method).uri("/").header("host", "127.0.0.1:8081");
            let head = fields.iter().fold(head, |head, (name, value)| head.header(*name, *value));
            is_foreign_page(&head.body(()).expect("a request").into_parts().0)
        };
        let origin = |text| [("origin", text)];
        let site = |text| [("sec-fetch-site", text)];
        assert!(!foreign("POST", &[]), "a program");
        assert!(!foreign("POST", &origin("http://127.0.0.1:8081")));
        assert!(!foreign("POST", &origin("https://127.0.0.1:8081")), "TLS may end before us");
        for other in ["http://127.0.0.1:3000", "http://127.0.0.1", "https://evil.example", "null", ""] {
            assert!(foreign("POST", &origin(other)), "{other}");
            assert!(!foreign("GET", &origin(other)), "{other}: its answer is not shown to the page");
        }
        for (word, expected) in [("same-origin", false), ("none", false), ("same-site", true), ("cross-site", true)] {
            assert_eq!(foreign("DELETE", &site(word)), expected, "{word}");
        }
        let proxied = [("sec-fetch-site", "same-origin"), ("origin", "https://admin.example")];
        assert!(!foreign("POST", &proxied), "a proxy in front sends another Host");
    }
}
