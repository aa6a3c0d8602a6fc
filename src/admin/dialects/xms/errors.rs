//! The error record, and what is told in it.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::dialect::{Fault, Refusal, Reply, challenged, json};
use crate::admin::refused::{self, Words};
use crate::admin::service::Error;
use crate::auth::Denial;

/// The body of every answer that is no success.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = XmsError)]
pub(super) struct ErrorBody<'a> {
    /// The status in words.
    code: &'static str,
    message: &'a str,
}

/// A refusal of a handler's own.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    message: String,
}

pub(super) type Refused = refused::Refused<Problem>;

impl Problem {
    /// The request cannot be served as it is.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// The caller may not.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, message: message.into() }
    }

    /// What is there stands against it.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, message: message.into() }
    }

    /// As an answer.
    pub(super) fn reply(&self) -> Reply {
        error(self.status, &self.message)
    }
}

impl Words for Problem {
    fn refused(error: Error) -> Refused {
        Refused::from(match error {
            Error::NotFound => return Refused::Fault(Fault::NotFound),
            Error::Invalid { .. } => Self::bad_request(error.to_string()),
            Error::Forbidden(text) => Self::forbidden(text),
            other => Self::conflict(other.to_string()),
        })
    }
}

fn error(status: StatusCode, message: &str) -> Reply {
    json(status, &ErrorBody { code: code(status), message })
}

/// Renders what was refused before a handler, or by it.
pub(super) fn refuse(refusal: &Refusal<'_>) -> Reply {
    let status = refusal.fault.status();
    let needed = refusal.endpoint.map(|endpoint| endpoint.scopes.join(" or ")).unwrap_or_default();
    let message = match refusal.fault {
        Fault::BadRequest(detail) => detail,
        Fault::BodyTimeout => "The request body stopped coming.",
        Fault::BodyTooLarge => "The request body is too long.",
        Fault::Denied(Denial::Scope) => &format!("The token is valid, but this call needs the scope {needed}."),
        // Says nothing of the tokens, only that they differ.
        Fault::Denied(Denial::Ambiguous) => "The request holds two different tokens; send one.",
        Fault::Denied(_) => "The token is not valid.",
        Fault::Internal => "The call failed.",
        Fault::Limited(_) | Fault::Throttled(_) => "Calls come too often. Retry-After tells when to come back.",
        Fault::Method(_) => "The method is not allowed here. Allow names those that are.",
        Fault::NotFound => "Nothing is at this address.",
        Fault::StoreAway => "The call cannot be served right now. Retry-After tells when to come back.",
        Fault::Unauthenticated => "The token is missing. Send it in the header Xms-Auth-Token.",
    };
    challenged(error(status, message), "Xms-Auth-Token")
}

fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "BadRequest",
        StatusCode::UNAUTHORIZED => "Unauthorized",
        StatusCode::FORBIDDEN => "Forbidden",
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::METHOD_NOT_ALLOWED => "MethodNotAllowed",
        StatusCode::REQUEST_TIMEOUT => "RequestTimeout",
        StatusCode::CONFLICT => "Conflict",
        StatusCode::PAYLOAD_TOO_LARGE => "PayloadTooLarge",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
        _ => "InternalServerError",
    }
}
