//! The error envelope, and what the service's refusals become in it.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::dialect::{self, Reply, typed};
use crate::admin::refused::{self, Words};
use crate::admin::service::Error;

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
    typed(dialect::json(status, body), "application/json; charset=utf-8")
}

/// A refusal of a handler's own.
#[derive(Debug)]
pub(super) struct Problem(ErrorEnvelope);

pub(super) type Refused = refused::Refused<Problem>;

impl Problem {
    /// A refusal in a sentence.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let constraint_violations = Vec::new();
        Self(ErrorEnvelope {
            error: ErrorBody { code: status.as_u16(), message: message.into(), constraint_violations },
        })
    }

    /// A 400.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// A refusal of parameters or of a body.
    pub(super) fn violated(mut violations: Vec<Violation>) -> Self {
        violations.truncate(MOST_VIOLATIONS);
        let mut problem = Self::bad_request("Constraints violated.");
        problem.0.error.constraint_violations = violations;
        problem
    }

    /// As an answer.
    pub(super) fn reply(&self) -> Reply {
        let status = StatusCode::from_u16(self.0.error.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        json(status, &self.0)
    }
}

impl Words for Problem {
    fn refused(error: Error) -> Refused {
        Refused::from(match error {
            Error::Invalid { field, message } => {
                let path = if field == "expires_at" { "expirationDate".to_owned() } else { field };
                Self::violated(vec![Violation::body(path, message)])
            }
            // Ids and secrets of other accounts too.
            Error::NotFound => Self::new(StatusCode::NOT_FOUND, "There is no such token."),
            Error::Forbidden(text) => Self::new(StatusCode::FORBIDDEN, sentence(&text)),
            other => Self::new(StatusCode::CONFLICT, sentence(&other.to_string())),
        })
    }
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}
