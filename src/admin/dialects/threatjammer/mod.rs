//! ThreatJammer's pair: what a token knows of itself, and what it did lately.
//!
//! Every call speaks of the caller's own token and costs it a point. Parameter errors are FastAPI's, the others have the
//! vendor's `title`, `detail` and `type`.

mod wire;

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Method, StatusCode};

use self::wire::{ACTIVITY, ActivityCollectionOutput, ActivityOutput, Detail, ErrorOutput, Paging, TOKEN, TokenOutput};
use crate::activity::EventId;
use crate::admin::dialect::{Answer, Call, Dialect, Fault, Refusal, Reply, challenged, json};
use crate::admin::endpoint::{Endpoint, parameters};
use crate::admin::spec::{Media, Parameter, Spec, Value, shape};
use crate::auth::{Denial, Source};
use crate::token::TokenRef;

/// The dialect.
pub(super) struct ThreatJammer;

const INFO: &str = "query_token_info_v1_token_get";
const EVENTS: &str = "query_token_activity_v1_token_activity_get";
const EVENT: &str = "query_token_activity_event";
const TEST: &str = "test_token";

const fn read(path: &'static str, operation: &'static str, spec: Spec) -> Endpoint {
    Endpoint { method: Method::GET, path, operation, scopes: &[], costs_point: true, spec }
}

static ENDPOINTS: [Endpoint; 5] = [
    read("/v1/token/?", INFO, INFO_SPEC),
    read("/v1/token/{id}", INFO, INFO_SPEC),
    read(ACTIVITY, EVENTS, EVENTS_SPEC),
    read("/v1/token/activity/{event}", EVENT, EVENT_SPEC),
    read("/test", TEST, TEST_SPEC),
];

const INFO_SPEC: Spec = Spec {
    summary: "The caller's own token: its buckets, status and dates.",
    parameters: &[],
    body: None,
    answers: &[(200, Some(Media::json(shape::<TokenOutput>)))],
    refusals: &[405],
};

const EVENTS_SPEC: Spec = Spec {
    summary: "What the caller's own token did lately, newest first.",
    parameters: &[
        Parameter::query("page", Value::Integer(1, i64::MAX), "Which page, from 1; 1 by default."),
        Parameter::query("page_size", Value::Integer(5, 100), "Events of a page; 20 by default."),
    ],
    body: None,
    answers: &[(200, Some(Media::json(shape::<ActivityCollectionOutput>)))],
    refusals: &[405, 422],
};

const EVENT_SPEC: Spec = Spec {
    summary: "One event of the caller's own token, by the id in its self.",
    parameters: &[],
    body: None,
    answers: &[(200, Some(Media::json(shape::<ActivityOutput>)))],
    refusals: &[405],
};

const TEST_SPEC: Spec = Spec {
    summary: "Whether the caller's token is live.",
    parameters: &[],
    body: None,
    answers: &[(200, Some(Media::json(shape::<wire::Empty>)))],
    refusals: &[405],
};

impl Dialect for ThreatJammer {
    fn name(&self) -> &'static str {
        "threatjammer"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &[TOKEN, "/test"]
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &ENDPOINTS
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Bearer]
    }

    fn refuse(&self, refusal: &Refusal<'_>) -> Reply {
        let Refusal { fault, head, services, .. } = refusal;
        if let Fault::Method(_) = fault {
            return json(fault.status(), &Detail { detail: "Method Not Allowed" });
        }
        let (title, detail, page) = texts(fault, head);
        let link = format!("{}/{page}", services.config.error_docs.trim_end_matches('/'));
        challenged(json(fault.status(), &ErrorOutput { title, detail, link }), "Bearer")
    }

    fn error_body(&self, status: u16) -> Media {
        match status {
            405 => Media::json(shape::<wire::MethodNotAllowed>),
            422 => Media::json(shape::<wire::BadParameters>),
            _ => Media::json(shape::<wire::Problem>),
        }
    }

    fn call<'c>(&'c self, call: Call<'c>) -> Answer<'c> {
        Box::pin(async move {
            match call.endpoint.operation {
                INFO => info(&call).await,
                EVENTS => events(&call).await,
                EVENT => event(&call).await,
                _ => Ok(json(StatusCode::OK, &serde_json::Map::new())),
            }
        })
    }
}

async fn info(call: &Call<'_>) -> Result<Reply, Fault> {
    let (services, token) = (call.services, &call.token);
    let named = call.variables.get("id");
    if !named.is_empty() && named != token.id.to_string() {
        return Err(Fault::NotFound);
    }
    let month = token.state().plan().month.clone();
    let used = async {
        let Some(limit) = &month else { return Ok(None) };
        let window = limit.window(token.created_at(), call.now.wall);
        call.settled().await;
        services.ask(services.counters.used(token.id, window)).await.map(Some)
    };
    let find = services.ask(services.tokens.find(TokenRef::Id(token.id)));
    let (record, used) = tokio::try_join!(find, used)?;
    // Revoked since it was let in.
    let record = record.ok_or(Fault::Denied(Denial::Revoked))?;
    let now = services.clock.now();
    let usage = call.current_token().state().usage(now, used);
    let body = TokenOutput::new(&record, &services.region, &usage, month.is_some(), now.wall);
    Ok(json(StatusCode::OK, &body))
}

async fn events(call: &Call<'_>) -> Result<Reply, Fault> {
    let paging = match Paging::parse(parameters(call.head.uri.query().unwrap_or_default())) {
        Ok(paging) => paging,
        Err(bad) => return Ok(json(StatusCode::UNPROCESSABLE_ENTITY, &Detail { detail: bad })),
    };
    let events = match paging.span() {
        Some((skip, take)) => call.services.ask(call.services.events.page(call.token.id, skip, take)).await?,
        None => Vec::new(),
    };
    Ok(json(StatusCode::OK, &ActivityCollectionOutput::new(paging, events)))
}

async fn event(call: &Call<'_>) -> Result<Reply, Fault> {
    let id: EventId = call.variables.get("event").parse().map_err(|_| Fault::NotFound)?;
    let event = call.services.ask(call.services.events.event(call.token.id, id)).await?;
    Ok(json(StatusCode::OK, &ActivityOutput::from(event.ok_or(Fault::NotFound)?)))
}

/// Title, explanation, and page of the vendor's documentation.
fn texts(fault: &Fault, head: &Parts) -> (&'static str, &'static str, &'static str) {
    match fault {
        Fault::Unauthenticated | Fault::Denied(Denial::Malformed | Denial::Ambiguous) => {
            ("Unauthorized", missing(head), "error-unauthorized")
        }
        Fault::Denied(Denial::Scope) => {
            ("Forbidden", "The token is valid but may not make this call.", "error-forbidden")
        }
        Fault::Denied(_) => ("Unauthorized", REFUSED, "error-unauthorized"),
        Fault::NotFound => ("Resource not found", "Nothing is at this address.", "error-resource-not-found"),
        Fault::Limited(_) => (
            "Too many requests",
            "The token's points are used up. Retry-After tells when to come back.",
            "error-too-many-requests",
        ),
        Fault::Throttled(_) => (
            "Too many requests",
            "Calls come too often. Retry-After tells when to come back.",
            "error-too-many-requests",
        ),
        Fault::BadRequest(detail) => ("Bad request", detail, "error-bad-request"),
        Fault::BodyTimeout => ("Request timeout", "The request body stopped coming.", "error-request-timeout"),
        Fault::BodyTooLarge => ("Request too large", "The request body is too long.", "error-request-too-large"),
        Fault::StoreAway => (
            "Service unavailable",
            "The token cannot be checked right now. Retry-After tells when to come back.",
            "error-service-unavailable",
        ),
        Fault::Internal | Fault::Method(_) => ("Internal error", "The call failed.", "error-internal"),
    }
}

const REFUSED: &str = "The token is invalid, unknown, or not valid in this region.";

/// What is wrong with the form of the credential.
fn missing(head: &Parts) -> &'static str {
    let mut values = head.headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return "The Authorization header is missing. Send the token with the prefix Bearer: 'Authorization: Bearer <token>'.";
    };
    if values.next().is_some() {
        return "The Authorization header comes more than once. Send it once: 'Authorization: Bearer <token>'.";
    }
    let scheme = value.as_bytes().split(|byte| matches!(byte, b' ' | b'\t')).next().unwrap_or_default();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        REFUSED
    } else {
        "The prefix Bearer is missing in the Authorization header. Send 'Authorization: Bearer <token>'."
    }
}
