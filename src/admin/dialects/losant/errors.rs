//! Losant's error body, and why a handler refuses.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::dialect::{Fault, Reply, json};
use crate::admin::service::Error;
use crate::auth::Denial;

/// The body of every refusal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LosantError)]
pub(super) struct ErrorBody<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    message: &'a str,
}

/// A refusal of a handler's own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Problem {
    /// A parameter or a member of the body cannot be taken; `<path> <reason>`.
    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "Validation", message: message.into() }
    }

    /// The body is no JSON.
    pub(super) fn no_json(error: &serde_json::Error) -> Self {
        let message = format!("The request body is not JSON: {error}");
        Self { status: StatusCode::BAD_REQUEST, kind: "InvalidContent", message }
    }

    /// Nothing has this id, or the caller may not know of it.
    pub(super) fn unknown(what: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, kind: "NotFound", message: format!("{what} was not found") }
    }

    /// As an answer.
    pub(super) fn reply(&self) -> Reply {
        json(self.status, &ErrorBody { kind: self.kind, message: &self.message })
    }
}

/// What ends a handler early.
#[derive(Debug)]
pub(super) enum Refused {
    /// Told by the dialect as a whole.
    Fault(Fault),
    /// Told by the handler.
    Told(Problem),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Told(problem)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let error = match Fault::of(error) {
            Ok(fault) => return Self::Fault(fault),
            Err(error) => error,
        };
        Self::Told(match error {
            Error::NotFound => Problem::unknown("API Token"),
            Error::Invalid { field, message } => invalid(&field, &message),
            Error::Forbidden(why) => {
                Problem { status: StatusCode::FORBIDDEN, kind: "Forbidden", message: format!("{FORBIDDEN}: {why}") }
            }
            other => Problem { status: StatusCode::CONFLICT, kind: "Conflict", message: other.to_string() },
        })
    }
}

/// A bound of the domain, in the vendor's path.
fn invalid(field: &str, message: &str) -> Problem {
    let (name, index) = field.split_once('[').unwrap_or((field, ""));
    let path = match name {
        "scopes" => "scope",
        "expires_at" => "expirationDate",
        // Only this member of the metadata can grow.
        "metadata" => "orgRoles",
        other => other,
    };
    match index.strip_suffix(']') {
        Some(index) => Problem::validation(format!("apiToken.{path}.{index} {message}")),
        None => Problem::validation(format!("apiToken.{path} {message}")),
    }
}

const FORBIDDEN: &str = "Access is forbidden";

/// A refusal of the plane in the vendor's envelope.
pub(super) fn refuse(fault: &Fault) -> Reply {
    let mut status = fault.status();
    let (kind, message) = match fault {
        // The vendor's framework does not challenge whoever brings nothing.
        Fault::Unauthenticated => {
            status = StatusCode::FORBIDDEN;
            ("Forbidden", FORBIDDEN)
        }
        Fault::Denied(Denial::Scope) => ("Forbidden", FORBIDDEN),
        Fault::Denied(Denial::Expired) => ("Unauthorized", "Access token has expired"),
        Fault::Denied(_) => ("Unauthorized", "Invalid access token"),
        Fault::BadRequest(message) => ("BadRequest", *message),
        Fault::NotFound => ("NotFound", "Nothing is at this path"),
        Fault::Method(_) => ("MethodNotAllowed", "The method is not allowed at this path; Allow names those that are"),
        Fault::BodyTimeout => ("RequestTimeout", "The request body stopped coming"),
        Fault::BodyTooLarge => ("RequestEntityTooLarge", "The request body is longer than 1 MiB"),
        Fault::Limited(_) | Fault::Throttled(_) => {
            ("TooManyRequests", "Calls come too often; Retry-After tells in seconds when to come back")
        }
        Fault::StoreAway => {
            ("ServiceUnavailable", "The tokens cannot be reached right now; Retry-After tells when to come back")
        }
        Fault::Internal => ("Error", "The call failed"),
    };
    let mut reply = json(status, &ErrorBody { kind, message });
    if status == StatusCode::UNAUTHORIZED {
        reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_the_domain_are_told_by_the_vendors_paths() {
        let rows = [
            ("name", "apiToken.name is bad"),
            ("description", "apiToken.description is bad"),
            ("scopes", "apiToken.scope is bad"),
            ("scopes[3]", "apiToken.scope.3 is bad"),
            ("expires_at", "apiToken.expirationDate is bad"),
            ("metadata", "apiToken.orgRoles is bad"),
        ];
        for (field, told) in rows {
            assert_eq!(invalid(field, "is bad"), Problem::validation(told));
        }
    }
}
