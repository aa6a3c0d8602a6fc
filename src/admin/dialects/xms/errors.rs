//! The error record, and what is told in it.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::dialect::{Fault, Refusal, Reply, json};
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

/// An answer of the handlers' own.
pub(super) fn error(status: StatusCode, message: &str) -> Reply {
    json(status, &ErrorBody { code: code(status), message })
}

/// A 400.
pub(super) fn bad_request(message: &str) -> Reply {
    error(StatusCode::BAD_REQUEST, message)
}

/// A 403.
pub(super) fn forbidden(message: &str) -> Reply {
    error(StatusCode::FORBIDDEN, message)
}

/// What the token service refused.
pub(super) fn told(refused: Error) -> Result<Reply, Fault> {
    match Fault::of(refused) {
        Ok(fault) => Err(fault),
        Err(Error::NotFound) => Err(Fault::NotFound),
        Err(error @ Error::Invalid { .. }) => Ok(bad_request(&error.to_string())),
        Err(Error::Forbidden(text)) => Ok(forbidden(&text)),
        Err(conflict) => Ok(error(StatusCode::CONFLICT, &conflict.to_string())),
    }
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
    let mut reply = error(status, message);
    if status == StatusCode::UNAUTHORIZED {
        reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Xms-Auth-Token"));
    }
    reply
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
