//! What a caller is told when a request is refused: cause → status, constant body, headers.
//!
//! The reason of a 401 goes to log, metric and activity only; strangers see the same body for all of them.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use super::metrics::Outcome;
use crate::auth::Denial;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rejection {
    /// No credential where one is needed.
    Unauthenticated,
    /// A credential that does not open the door; also lacking scopes, with the scopes needed.
    Denied(Denial, String),
    /// A limit of the token is used up.
    Limited(Duration),
    /// Bad credentials too often from this address.
    Throttled(Duration),
    /// The request itself is broken or ambiguous; the text says how.
    BadRequest(&'static str),
    /// The request body stopped coming.
    BodyTimeout,
    /// No route is for the path.
    NoRoute,
    /// Routes are for the path, but not for the method.
    Method(HeaderValue),
    /// A method that is never forwarded.
    MethodRefused,
    /// The store cannot be asked.
    StoreAway,
    /// The upstream cannot be reached or breaks the protocol.
    UpstreamBroken,
    /// The upstream does not answer in time.
    UpstreamSlow,
    /// A fault of ours.
    Internal,
}

/// Seconds after which a caller may come back while the store is away.
const STORE_RETRY: Duration = Duration::from_secs(1);

impl Rejection {
    /// What it counts as.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Unauthenticated => Outcome::Unauthenticated,
            Self::Denied(Denial::Ambiguous, _) | Self::BadRequest(_) | Self::BodyTimeout => Outcome::BadRequest,
            Self::Denied(Denial::Scope, _) => Outcome::Forbidden,
            Self::Denied(..) => Outcome::Denied,
            Self::Limited(_) => Outcome::Limited,
            Self::Throttled(_) => Outcome::Throttled,
            Self::NoRoute | Self::Method(_) | Self::MethodRefused => Outcome::NoRoute,
            Self::StoreAway => Outcome::StoreAway,
            Self::UpstreamBroken => Outcome::UpstreamBroken,
            Self::UpstreamSlow => Outcome::UpstreamSlow,
            Self::Internal => Outcome::Internal,
        }
    }

    /// The status a caller sees.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Denied(Denial::Ambiguous, _) | Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Denied(Denial::Scope, _) => StatusCode::FORBIDDEN,
            Self::Unauthenticated | Self::Denied(..) => StatusCode::UNAUTHORIZED,
            Self::Limited(_) | Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::Method(_) | Self::MethodRefused => StatusCode::METHOD_NOT_ALLOWED,
            Self::StoreAway => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamBroken => StatusCode::BAD_GATEWAY,
            Self::UpstreamSlow => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Short name, title and explanation of the problem (RFC 9457 section 3.1).
    pub(super) fn texts(&self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Unauthenticated => {
                ("no-credential", "No credential", "This path needs a token; send it as Authorization: Bearer <token>.")
            }
            Self::Denied(Denial::Ambiguous, _) => (
                "ambiguous-credential",
                "Ambiguous credential",
                "The request carries two credentials that differ, or repeats the Authorization field. Send one.",
            ),
            Self::Denied(Denial::Scope, _) => (
                "insufficient-scope",
                "Insufficient scope",
                "The token is valid but lacks a scope that this path needs; WWW-Authenticate names it.",
            ),
            Self::Denied(..) => ("invalid-token", "Invalid token", "The token cannot be used."),
            Self::Limited(_) => (
                "limit-exceeded",
                "Limit exceeded",
                "The token's limit is used up; Retry-After tells when to come back.",
            ),
            Self::Throttled(_) => (
                "too-many-failures",
                "Too many failed credentials",
                "Bad credentials came too often from this address; Retry-After tells when to come back.",
            ),
            Self::BadRequest(detail) => ("bad-request", "Bad request", detail),
            Self::BodyTimeout => ("body-timeout", "Request timeout", "The request body stopped coming."),
            Self::NoRoute => ("no-route", "No route", "Nothing is served at this path."),
            Self::Method(_) | Self::MethodRefused => {
                ("method-not-allowed", "Method not allowed", "This path is not served for this method.")
            }
            Self::StoreAway => (
                "store-unavailable",
                "Temporarily unavailable",
                "The token cannot be checked right now; Retry-After tells when to come back.",
            ),
            Self::UpstreamBroken => (
                "upstream-failed",
                "Bad gateway",
                "The service behind this gateway cannot be reached or broke the protocol.",
            ),
            Self::UpstreamSlow => {
                ("upstream-timeout", "Gateway timeout", "The service behind this gateway did not answer in time.")
            }
            Self::Internal => ("internal", "Internal error", "The gateway failed on this request."),
        }
    }

    /// The answer, except for what the caller's limits add.
    pub(super) fn response(&self, realm: &str, request_id: &str) -> Response<Bytes> {
        let (name, title, detail) = self.texts();
        let status = self.status();
        let body = format!(
            "{{\"type\":\"urn:tollgate:problem:{name}\",\"title\":\"{title}\",\"status\":{},\"detail\":\"{detail}\"}}\n",
            status.as_u16()
        );
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert("x-request-id", id);
        }
        if let Some(challenge) = self.challenge(realm) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        match self {
            Self::Limited(wait) | Self::Throttled(wait) => drop(headers.insert(RETRY_AFTER, seconds(*wait))),
            Self::StoreAway => drop(headers.insert(RETRY_AFTER, seconds(STORE_RETRY))),
            Self::Method(allow) => drop(headers.insert(ALLOW, allow.clone())),
            Self::MethodRefused => {
                drop(headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")))
            }
            // What follows on the connection cannot be trusted to be a request.
            Self::BadRequest(_) | Self::BodyTimeout => {
                drop(headers.insert(CONNECTION, HeaderValue::from_static("close")))
            }
            _ => {}
        }
        response
    }

    /// The challenge (RFC 6750 section 3).
    fn challenge(&self, realm: &str) -> Option<HeaderValue> {
        let text = match self {
            Self::Unauthenticated => format!("Bearer realm=\"{realm}\""),
            Self::Denied(Denial::Ambiguous, _) => format!("Bearer realm=\"{realm}\", error=\"invalid_request\""),
            Self::Denied(Denial::Scope, scopes) => {
                format!("Bearer realm=\"{realm}\", error=\"insufficient_scope\", scope=\"{scopes}\"")
            }
            Self::Denied(..) => format!("Bearer realm=\"{realm}\", error=\"invalid_token\""),
            _ => return None,
        };
        HeaderValue::from_str(&text).ok()
    }
}

/// Whole seconds, at least 1, rounded up.
fn seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_millis().div_ceil(1000).clamp(1, u128::from(u64::MAX)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_denial_of_a_token_looks_the_same() {
        let answers: Vec<_> = Denial::ALL
            .into_iter()
            .filter(|denial| !matches!(denial, Denial::Ambiguous | Denial::Scope))
            .map(|denial| {
                let response = Rejection::Denied(denial, String::new()).response("r", "id");
                (response.status(), response.headers().clone(), response.into_body())
            })
            .collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(answers[0].1[WWW_AUTHENTICATE], "Bearer realm=\"r\", error=\"invalid_token\"");
    }

    #[test]
    fn waits_are_whole_seconds_and_bodies_are_json() {
        for (wait, header) in [(0, "1"), (1_000, "1"), (1_001, "2"), (59_999, "60")] {
            let response = Rejection::Limited(Duration::from_millis(wait)).response("r", "id");
            assert_eq!(response.headers()[RETRY_AFTER], header);
            let body: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
            assert_eq!(body["status"], 429);
        }
        let scope = Rejection::Denied(Denial::Scope, "orders.read".to_owned()).response("r", "id");
        assert_eq!(
            scope.headers()[WWW_AUTHENTICATE],
            "Bearer realm=\"r\", error=\"insufficient_scope\", scope=\"orders.read\""
        );
    }
}
