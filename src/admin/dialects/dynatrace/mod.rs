//! Dynatrace's API tokens v2: six operations at three paths each, for the tokens of the caller's account.

mod body;
mod errors;
mod handlers;
mod list;
mod modified;
mod page_key;
mod query;
mod scopes;
mod selector;
mod time;
mod wire;

use std::time::Duration;

use http::{HeaderValue, Method};

use self::errors::{ErrorEnvelope, Problem, Refused};
use self::wire::{ApiToken, ApiTokenCreate, ApiTokenCreated, ApiTokenList, ApiTokenLookup, ApiTokenUpdate};
use crate::admin::dialect::{Answer, Call, Dialect, Fault, Refusal, Reply, challenged};
use crate::admin::endpoint::Endpoint;
use crate::admin::spec::{Media, Parameter, Spec, Value, shape};
use crate::auth::{Denial, Source};

/// What a handler returns.
type Outcome = Result<Reply, Refused>;

/// The dialect.
pub(super) struct Dynatrace;

const LIST: &str = "listApiTokens";
const CREATE: &str = "createApiToken";
const LOOKUP: &str = "lookupApiToken";
const GET: &str = "getApiToken";
const UPDATE: &str = "updateApiToken";
const DELETE: &str = "deleteApiToken";

const READ: &[&str] = &["apiTokens.read"];
const WRITE: &[&str] = &["apiTokens.write"];

/// The six operations below one path.
macro_rules! below {
    ($base:literal) => {
        [
            Endpoint::new(Method::GET, concat!($base, "/apiTokens"), LIST, READ, LIST_SPEC),
            Endpoint::new(Method::POST, concat!($base, "/apiTokens"), CREATE, WRITE, CREATE_SPEC),
            Endpoint::new(Method::POST, concat!($base, "/apiTokens/lookup"), LOOKUP, &[], LOOKUP_SPEC),
            Endpoint::new(Method::GET, concat!($base, "/apiTokens/{id}"), GET, READ, GET_SPEC),
            Endpoint::new(Method::PUT, concat!($base, "/apiTokens/{id}"), UPDATE, WRITE, UPDATE_SPEC),
            Endpoint::new(Method::DELETE, concat!($base, "/apiTokens/{id}"), DELETE, WRITE, DELETE_SPEC),
        ]
    };
}

static ENDPOINTS: [[Endpoint; 6]; 3] =
    [below!("/api/v2"), below!("/e/{environment}/api/v2"), below!("/platform/classic/environment-api/v2")];

const LIST_SPEC: Spec = Spec {
    summary: "The account's tokens, a page at a time.",
    parameters: &[
        Parameter::query(
            "nextPageKey",
            Value::Text,
            "Key of a further page, from the page before; no other parameter beside it.",
        ),
        Parameter::query("pageSize", Value::Integer(100, 10_000), "Tokens of a page; 200 by default."),
        Parameter::query(
            "apiTokenSelector",
            Value::Text,
            "Criteria between commas: owner(\"...\"), personalAccessToken(true|false), scope(\"...\",\"...\").",
        ),
        Parameter::query(
            "fields",
            Value::Text,
            "Members to show: names replace the default, +name adds, -name takes away; id,name,enabled,owner,creationDate by default.",
        ),
        Parameter::query(
            "from",
            Value::Text,
            "Begin of the time in which tokens were last used: a date, UTC milliseconds, or now-2h.",
        ),
        Parameter::query("to", Value::Text, "End of that time; now by default."),
        Parameter::query(
            "sort",
            Value::Pattern("^[ +-]?(name|lastUsedDate|creationDate|expirationDate|modifiedDate)$"),
            "Order, with + or - before it; -creationDate by default.",
        ),
    ],
    body: None,
    answers: &[(200, Some(Media::json(shape::<ApiTokenList>)))],
    refusals: &[405],
};

const CREATE_SPEC: Spec = Spec {
    summary: "Makes a token for the caller's owner; the answer holds its secret, this once.",
    parameters: &[],
    body: Some(Media::json(shape::<ApiTokenCreate>)),
    answers: &[(201, Some(Media::json(shape::<ApiTokenCreated<'_>>)))],
    refusals: &[405, 409],
};

const LOOKUP_SPEC: Spec = Spec {
    summary: "The token that a secret belongs to, disabled and expired ones too.",
    parameters: &[],
    body: Some(Media::json(shape::<ApiTokenLookup>)),
    answers: &[(200, Some(Media::json(shape::<ApiToken>)))],
    refusals: &[405],
};

const GET_SPEC: Spec = Spec {
    summary: "One token, by its id.",
    parameters: &[],
    body: None,
    answers: &[(200, Some(Media::json(shape::<ApiToken>)))],
    refusals: &[405],
};

const UPDATE_SPEC: Spec = Spec {
    summary: "Renames, enables or disables a token, or replaces its scopes.",
    parameters: &[],
    body: Some(Media::json(shape::<ApiTokenUpdate>)),
    answers: &[(204, None)],
    refusals: &[405, 409],
};

const DELETE_SPEC: Spec = Spec {
    summary: "Deletes a token for good, by its id or by its whole secret.",
    parameters: &[],
    body: None,
    answers: &[(204, None)],
    refusals: &[405],
};

impl Dialect for Dynatrace {
    fn name(&self) -> &'static str {
        "dynatrace"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/api/v2", "/e", "/platform/classic/environment-api/v2"]
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        ENDPOINTS.as_flattened()
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::ApiToken, Source::Bearer, Source::Query("api-token".to_owned())]
    }

    fn fields_win(&self) -> bool {
        true
    }

    fn refuse(&self, refusal: &Refusal<'_>) -> Reply {
        let fault = refusal.fault;
        let mut reply = Problem::new(fault.status(), message(refusal)).reply();
        if let Fault::Throttled(wait) | Fault::Limited(wait) = fault {
            tell_limit(&mut reply, refusal, *wait);
        }
        challenged(reply, "Bearer")
    }

    fn error_body(&self, _: u16) -> Media {
        Media::json(shape::<ErrorEnvelope>)
    }

    fn call<'c>(&'c self, call: Call<'c>) -> Answer<'c> {
        Box::pin(async move { serve(&call).await.or_else(|refused| refused.end(Problem::reply)) })
    }
}

/// Within the caller's account, whoever calls.
async fn serve(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    // Every token has an owner, and its own account is within its reach.
    let account = actor.owner.as_ref().map(|owner| owner.account.clone()).ok_or(Fault::Internal)?;
    let actor = actor.within_account(&account).map_err(|_| Fault::Internal)?;
    let environment = call.variables.get("environment");
    if !environment.is_empty() && !call.services.service.policy().directory.has_environment(&account, environment) {
        return Err(Fault::NotFound.into());
    }
    if call.variables.get("id") == "lookup" {
        // The name of an operation, never an id.
        return Err(Fault::Method("POST".to_owned()).into());
    }
    match call.endpoint.operation {
        LIST => list::list(call, &actor, &account).await,
        CREATE => handlers::create(call, &actor).await,
        LOOKUP => handlers::lookup(call, &actor).await,
        GET => handlers::get(call, &actor).await,
        UPDATE => handlers::update(call, &actor).await,
        _ => handlers::delete(call, &actor).await,
    }
}

/// What is said of a refusal. Programs look for the beginning of the one about scopes.
fn message(refusal: &Refusal<'_>) -> String {
    let text = match refusal.fault {
        Fault::Denied(Denial::Scope) => {
            let names = refusal.endpoint.map(|endpoint| endpoint.scopes).unwrap_or_default();
            let named: Vec<String> = names.iter().map(|name| format!("{name} ({})", description(name))).collect();
            return format!("Token is missing required scope. Use one of: {}", named.join(", "));
        }
        Fault::Unauthenticated => "A token is needed: send it as 'Authorization: Api-Token <token>'.",
        Fault::Denied(_) => "The token is not valid.",
        Fault::NotFound => "Nothing is at this address.",
        Fault::Method(_) => "This address does not take this method; Allow tells which it takes.",
        Fault::Limited(_) | Fault::Throttled(_) => "Calls come too often; Retry-After tells when to come back.",
        Fault::BadRequest(detail) => detail,
        Fault::BodyTimeout => "The request body stopped coming.",
        Fault::BodyTooLarge => "The request body is longer than 1 MB.",
        Fault::StoreAway => "The token store does not answer right now; Retry-After tells when to come back.",
        Fault::Internal => "The call failed.",
    };
    text.to_owned()
}

fn description(scope: &str) -> &'static str {
    match scope.ends_with(".read") {
        true => "Read API tokens",
        false => "Write API tokens",
    }
}

/// Limit per minute, what is left of it, and when there is more: a date in microseconds.
fn tell_limit(reply: &mut Reply, refusal: &Refusal<'_>, wait: Duration) {
    let services = refusal.services;
    // Bad credentials have a bucket of their own; it is asked once the operation is known, and no token is.
    let per_minute = match refusal.endpoint.is_some() && !refusal.known {
        true => services.throttle.per_minute(),
        false => services.config.limit.per_minute(),
    };
    let until = services.clock.now().wall.plus(wait).as_millis().saturating_mul(1000);
    let headers = reply.headers_mut();
    headers.insert("x-ratelimit-limit", HeaderValue::from(per_minute));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(0));
    headers.insert("x-ratelimit-reset", HeaderValue::from(until));
}
