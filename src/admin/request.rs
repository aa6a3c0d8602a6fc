//! What the control plane asks of every request, and what it answers where no dialect does.

use bytes::Bytes;
use http::Version;
use http::request::Parts;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::dialect::{Fault, Reply};
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
