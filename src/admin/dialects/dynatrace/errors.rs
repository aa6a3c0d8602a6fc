//! The error envelope, and what the service's refusals become in it.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::dialect::{self, Fault, Reply};
use crate::admin::service;

/// Most faults of one request that are told.
pub(super) const MOST_VIOLATIONS: usize = 100;

/// `{"error": …}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DynatraceErrorEnvelope)]
pub(super) struct ErrorEnvelope {
    error: ErrorBody,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DynatraceError)]
struct ErrorBody {
    /// The status.
    code: u16,
    message: String,
    /// Given with a bad parameter or body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    constraint_violations: Vec<Violation>,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DynatraceConstraintViolation)]
pub(super) struct Violation {
    /// Parameter or member, for example `scopes[0]`.
    path: String,
    message: String,
    parameter_location: Place,
    /// Always null.
    #[schema(required = true)]
    location: Option<String>,
}

/// Where the parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DynatraceParameterLocation)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Place {
    PayloadBody,
    Query,
}

impl Violation {
    /// A bad member of the body.
    pub(super) fn body(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), parameter_location: Place::PayloadBody, location: None }
    }

    /// A bad parameter of the query.
    pub(super) fn query(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), parameter_location: Place::Query, location: None }
    }
}

/// A JSON answer as the vendor labels it.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    let mut reply = dialect::json(status, body);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    reply
}

/// An answer without a body.
pub(super) fn no_content() -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}

/// A refusal.
pub(super) fn refused(status: StatusCode, message: impl Into<String>) -> Reply {
    let error = ErrorBody { code: status.as_u16(), message: message.into(), constraint_violations: Vec::new() };
    json(status, &ErrorEnvelope { error })
}

/// A refusal of parameters or of a body.
pub(super) fn violated(mut constraint_violations: Vec<Violation>) -> Reply {
    constraint_violations.truncate(MOST_VIOLATIONS);
    let status = StatusCode::BAD_REQUEST;
    let error = ErrorBody { code: status.as_u16(), message: "Constraints violated.".to_owned(), constraint_violations };
    json(status, &ErrorEnvelope { error })
}

/// What the service refused, in the vendor's words.
///
/// # Errors
/// The store's faults, which every dialect tells alike.
pub(super) fn told(error: service::Error) -> Result<Reply, Fault> {
    let error = match Fault::of(error) {
        Ok(fault) => return Err(fault),
        Err(error) => error,
    };
    Ok(match error {
        service::Error::Invalid { field, message } => {
            let path = if field == "expires_at" { "expirationDate".to_owned() } else { field };
            violated(vec![Violation::body(path, message)])
        }
        // Ids and secrets of other accounts too.
        service::Error::NotFound => refused(StatusCode::NOT_FOUND, "There is no such token."),
        service::Error::Forbidden(text) => refused(StatusCode::FORBIDDEN, sentence(&text)),
        other => refused(StatusCode::CONFLICT, sentence(&other.to_string())),
    })
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}
