//! Problem documents (RFC 9457): the errors of the native API, and of paths that no dialect serves.

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::dialect::{Fault, Reply, json, typed};
use super::refused::{Refused, Words};
use super::service;
use crate::auth::Denial;

/// Media type of problem documents.
pub(crate) const MEDIA: &str = "application/problem+json";

/// A refusal in words for programs and people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TollgateProblem)]
pub(crate) struct Problem {
    /// `urn:tollgate:problem:` and a name.
    #[schema(pattern = "^urn:tollgate:problem:[a-z-]+$")]
    r#type: String,
    /// The same for every problem of the type.
    title: &'static str,
    /// Status of the answer.
    status: u16,
    /// What is wrong with this request.
    detail: String,
    /// Fields that cannot be used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
}

/// A field that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TollgateFieldError)]
pub(crate) struct FieldError {
    /// The field, for example `name` or `scopes[2]`.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) message: String,
}

impl FieldError {
    /// An error of a field.
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl Problem {
    /// A problem of the type `urn:tollgate:problem:<name>`.
    pub(crate) fn new(status: StatusCode, name: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("urn:tollgate:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// Fields that cannot be used.
    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        let detail = "What was sent cannot be used; errors names each field.";
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, "invalid-fields", "Invalid fields", detail) }
    }

    /// There is no such token, or the caller may not know of it.
    pub(crate) fn no_token() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-such-token", "No such token", "There is no such token.")
    }

    /// What every dialect refuses, in this form.
    pub(crate) fn of(fault: &Fault) -> Self {
        let (name, title, detail) = texts(fault);
        let ambiguous = *fault == Fault::Denied(Denial::Ambiguous);
        let status = if ambiguous { StatusCode::BAD_REQUEST } else { fault.status() };
        Self::new(status, name, title, detail)
    }

    /// The same problem in other words.
    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// As an answer.
    pub(crate) fn reply(&self) -> Reply {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut reply = typed(json(status, self), MEDIA);
        let mut body = reply.body().to_vec();
        body.push(b'\n');
        *reply.body_mut() = Bytes::from(body);
        reply
    }
}

impl Words for Problem {
    fn refused(error: service::Error) -> Refused<Self> {
        use service::Error;
        let conflict = |name, title, detail| Self::new(StatusCode::CONFLICT, name, title, detail);
        Refused::from(match error {
            Error::Invalid { field, message } => Self::fields(vec![FieldError { field, message }]),
            Error::NotFound => Self::no_token(),
            Error::Forbidden(text) => Self::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden", text),
            Error::Clash(text) => conflict("owner-clash", "Owner number taken", text),
            Error::Exists => conflict("secret-in-use", "Secret in use", error.to_string()),
            Error::Tombstoned => conflict("secret-revoked", "Secret revoked", error.to_string()),
            other => conflict("conflict", "Changed meanwhile", other.to_string()),
        })
    }
}

/// Short name, title and explanation.
fn texts(fault: &Fault) -> (&'static str, &'static str, &'static str) {
    match fault {
        Fault::BadRequest(detail) => ("bad-request", "Bad request", detail),
        Fault::BodyTimeout => ("body-timeout", "Request timeout", "The request body stopped coming."),
        Fault::BodyTooLarge => ("body-too-large", "Body too large", "A request body has at most 1 MiB."),
        Fault::Denied(Denial::Ambiguous) => (
            "ambiguous-credential",
            "Ambiguous credential",
            "The request carries two credentials that differ, or repeats the Authorization field. Send one.",
        ),
        Fault::Denied(Denial::Scope) => {
            ("insufficient-scope", "Insufficient scope", "The token is valid but lacks a scope that this call needs.")
        }
        Fault::Denied(_) => ("invalid-token", "Invalid token", "The token cannot be used."),
        Fault::Internal => ("internal", "Internal error", "The call failed."),
        Fault::Limited(_) => {
            ("limit-exceeded", "Limit exceeded", "The token's limit is used up; Retry-After tells when to come back.")
        }
        Fault::Method(_) => ("method-not-allowed", "Method not allowed", "Allow names the methods of this path."),
        Fault::NotFound => ("not-found", "Not found", "Nothing is served at this path."),
        Fault::StoreAway => (
            "store-unavailable",
            "Temporarily unavailable",
            "The store does not answer right now; Retry-After tells when to come back.",
        ),
        Fault::Throttled(_) => {
            ("too-many-requests", "Too many requests", "Calls come too often; Retry-After tells when to come back.")
        }
        Fault::Unauthenticated => {
            ("no-credential", "No credential", "This path needs a token; send it as Authorization: Bearer <token>.")
        }
    }
}
