//! Losant's error body, and why a handler refuses.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::dialect::{Fault, Reply, challenged, json};
use crate::admin::refused::{self, Words};
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

pub(super) type Refused = refused::Refused<Problem>;

impl Words for Problem {
    fn refused(error: Error) -> Refused {
        Refused::from(match error {
            Error::NotFound => Self::unknown("API Token"),
            Error::Invalid { field, message } => invalid(&field, &message),
            Error::Forbidden(why) => {
                Self { status: StatusCode::FORBIDDEN, kind: "Forbidden", message: format!("{FORBIDDEN}: {why}") }
            }
            other => Self { status: StatusCode::CONFLICT, kind: "Conflict", message: other.to_string() },
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
    challenged(json(status, &ErrorBody { kind, message }), "Bearer")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::header::WWW_AUTHENTICATE;

    use super::*;

    #[test]
    fn every_refusal_is_an_object_of_type_and_message() {
        let second = Duration::from_secs(1);
        let rows = [
            (Fault::BadRequest("Odd."), 400, "BadRequest", "Odd."),
            (Fault::Unauthenticated, 403, "Forbidden", "Access is forbidden"),
            (Fault::Denied(Denial::Scope), 403, "Forbidden", "Access is forbidden"),
            (Fault::Denied(Denial::Expired), 401, "Unauthorized", "Access token has expired"),
            (Fault::Denied(Denial::Ambiguous), 401, "Unauthorized", "Invalid access token"),
            (Fault::Denied(Denial::Disabled), 401, "Unauthorized", "Invalid access token"),
            (Fault::Denied(Denial::Malformed), 401, "Unauthorized", "Invalid access token"),
            (Fault::Denied(Denial::Network), 401, "Unauthorized", "Invalid access token"),
            (Fault::Denied(Denial::Revoked), 401, "Unauthorized", "Invalid access token"),
            (Fault::Denied(Denial::Unknown), 401, "Unauthorized", "Invalid access token"),
            (Fault::NotFound, 404, "NotFound", ""),
            (Fault::Method("GET".to_owned()), 405, "MethodNotAllowed", ""),
            (Fault::BodyTimeout, 408, "RequestTimeout", ""),
            (Fault::BodyTooLarge, 413, "RequestEntityTooLarge", ""),
            (Fault::Limited(second), 429, "TooManyRequests", ""),
            (Fault::Throttled(second), 429, "TooManyRequests", ""),
            (Fault::Internal, 500, "Error", ""),
            (Fault::StoreAway, 503, "ServiceUnavailable", ""),
        ];
        for (fault, status, kind, message) in rows {
            let reply = refuse(&fault);
            assert_eq!(reply.status().as_u16(), status, "{fault:?}");
            assert_eq!(reply.headers()["content-type"], "application/json");
            assert_eq!(reply.headers().contains_key(WWW_AUTHENTICATE), status == 401, "{fault:?}");
            let body: serde_json::Map<String, serde_json::Value> =
                serde_json::from_slice(reply.body()).expect("an object");
            assert_eq!(body.keys().collect::<Vec<_>>(), ["message", "type"], "{fault:?}");
            assert_eq!(body["type"], kind, "{fault:?}");
            let told = body["message"].as_str().expect("text");
            assert!(if message.is_empty() { !told.is_empty() } else { told == message }, "{told}");
        }
    }

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
