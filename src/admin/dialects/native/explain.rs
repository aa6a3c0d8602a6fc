//! What would become of a request on the proxy port: the data plane's steps in its order, on the record as the store has it.
//! Nothing is sent, charged or recorded, and no secret is shown.

use std::net::IpAddr;

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value, json};

use super::fields::{Fields, Wrong, parsed, text};
use super::tokens::named;
use super::usage::{cached, used};
use super::wire::{Explanation, Step, StepOutcome, UsageView, Verdict};
use super::{Outcome, Refused};
use crate::admin::dialect::{Call, json as reply};
use crate::admin::problem::Problem;
use crate::admin::routing::{Asked, Place};
use crate::admin::service::{Actor, Error};
use crate::auth::{Denial, Source, Sources};
use crate::clock::Timestamp;
use crate::token::{Bundles, PlainSecret, Scope, SecretHash, Status, TokenRecord};

/// Longest path or query.
const MAX_TARGET: usize = 8_192;
/// Longest host: 253 bytes of a name (RFC 1035), a port, and room for what is wrong with it.
const MAX_HOST: usize = 512;

/// Tells the story of a request.
pub(super) async fn explain(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let request = Request::parse(&call.body)?;
    let mut story = Story::default();
    let asked = Asked { method: &request.method, host: request.host.as_deref(), path: &request.path };
    let place = match call.services.routing.place(&asked) {
        Ok(place) => Some(story.route(place)),
        Err(nowhere) => {
            story.fail("route", nowhere.status, nowhere.reason, nowhere.detail, Map::new());
            None
        }
    };
    if place.as_ref().is_some_and(|place| place.public) {
        story.skip("credential", "The route is public: a credential is removed and not looked at.");
        return Ok(reply(StatusCode::OK, &story.end(place.as_ref())));
    }
    let carried = request.carried(call, &actor, place.as_ref()).await?;
    story.credential(&request, place.as_ref(), &carried, call);
    match &carried {
        Carried::Token { record, hash } => tell(call, &request, place.as_ref(), (record, hash), &mut story).await?,
        Carried::Nothing => {}
        Carried::Unknown => {
            let detail = "No token that this caller may see has this secret.";
            story.fail("record", 401, Denial::Unknown.as_str(), detail, Map::new());
        }
    }
    Ok(reply(StatusCode::OK, &story.end(place.as_ref())))
}

/// The steps behind the record.
async fn tell(
    call: &Call<'_>,
    request: &Request,
    place: Option<&Place>,
    (record, hash): (&TokenRecord, &SecretHash),
    story: &mut Story,
) -> Result<(), Refused> {
    let now = call.services.clock.now().wall;
    story.record(call, record);
    story.status(record);
    story.expiry(record, hash, now);
    story.region(record, &call.services.region);
    story.network(record, request.address);
    match place {
        Some(place) => story.scopes(record, place, &call.services.bundles),
        None => story.skip("scopes", "There is no route to need any."),
    }
    story.limits(&used(call, record).await?);
    Ok(())
}

/// What is asked about.
pub(super) struct Request {
    method: Method,
    path: String,
    host: Option<String>,
    query: Option<String>,
    address: Option<IpAddr>,
    token: Option<String>,
    secret: Option<String>,
}

/// Whose request it is.
enum Carried {
    /// A token's, under this secret's hash.
    Token { record: Box<TokenRecord>, hash: SecretHash },
    /// Nobody's that the caller may know of.
    Unknown,
    /// It carries nothing that could be a secret.
    Nothing,
}

impl Request {
    /// From a body.
    ///
    /// # Errors
    /// Every field that cannot be used.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::of_body(body)?;
        let method = |value| {
            let name: String = text(value)?;
            Method::from_bytes(name.as_bytes()).map_err(|_| "is no method, such as GET".to_owned())
        };
        let path = |value| {
            let path = short(MAX_TARGET)(value)?;
            let plain = path.starts_with('/') && !path.contains(['?', '#']);
            if plain { Ok(path) } else { Err("must begin with / and have no query".to_owned()) }
        };
        let request = Self {
            method: fields.need("method", method).unwrap_or_default(),
            path: fields.need("path", path).unwrap_or_default(),
            host: fields.take("host", short(MAX_HOST)),
            query: fields.take("query", short(MAX_TARGET)),
            address: fields.take("address", parsed),
            token: fields.take("token", text),
            secret: fields.take("secret", text),
        };
        if request.token.is_some() && request.secret.is_some() {
            fields.fail("secret", "give either token or secret");
        }
        fields.end()?;
        Ok(request)
    }

    async fn carried(&self, call: &Call<'_>, actor: &Actor, place: Option<&Place>) -> Result<Carried, Refused> {
        let service = &call.services.service;
        if let Some(id) = &self.token {
            let record = service.find(actor, named(id)?).await?;
            // A record has a secret always; a hash of nothing is no token's.
            let hash = record.secrets.first().map_or_else(|| call.services.key.hash(b""), |slot| slot.hash);
            return Ok(Carried::Token { record: Box::new(record), hash });
        }
        let nothing = HeaderMap::new();
        let sources = place.map(|place| Sources::new(&place.credentials)).unwrap_or_default();
        // Whether it holds anything wrong is told with the credential.
        let extracted = sources.extract(&nothing, self.query.as_deref()).ok();
        let in_query = extracted.as_ref().and_then(|extracted| extracted.secret().ok().flatten());
        let in_query = in_query.map(|secret| String::from_utf8_lossy(secret).into_owned());
        let Some(secret) = self.secret.as_ref().or(in_query.as_ref()) else { return Ok(Carried::Nothing) };
        match service.lookup(actor, secret).await {
            Ok(record) => {
                Ok(Carried::Token { record: Box::new(record), hash: call.services.key.hash(secret.as_bytes()) })
            }
            Err(Error::NotFound) => Ok(Carried::Unknown),
            Err(error) => Err(error.into()),
        }
    }
}

fn short(most: usize) -> impl FnOnce(Value) -> Result<String, Wrong> {
    move |value| {
        let text = text(value)?;
        if text.len() > most { Err(format!("has more than {most} bytes")) } else { Ok(text) }
    }
}

/// The steps so far, and the first that refuses.
#[derive(Default)]
struct Story {
    steps: Vec<Step>,
    refused: Option<(u16, String)>,
}

impl Story {
    fn step(&mut self, step: &'static str, outcome: StepOutcome, detail: impl Into<String>, facts: Map<String, Value>) {
        self.steps.push(Step { step, outcome, detail: detail.into(), facts });
    }

    fn pass(&mut self, step: &'static str, detail: impl Into<String>, facts: Map<String, Value>) {
        self.step(step, StepOutcome::Pass, detail, facts);
    }

    fn skip(&mut self, step: &'static str, detail: impl Into<String>) {
        self.step(step, StepOutcome::Skip, detail, Map::new());
    }

    fn fail(
        &mut self,
        step: &'static str,
        status: u16,
        reason: &str,
        detail: impl Into<String>,
        facts: Map<String, Value>,
    ) {
        self.refused.get_or_insert_with(|| (status, reason.to_owned()));
        self.step(step, StepOutcome::Fail, detail, facts);
    }

    /// A check of the token: 401, whose reason no stranger learns.
    fn check(&mut self, step: &'static str, holds: bool, denial: Denial, detail: String, facts: Map<String, Value>) {
        match holds {
            true => self.pass(step, detail, facts),
            false => self.fail(step, 401, denial.as_str(), detail, facts),
        }
    }

    fn route(&mut self, place: Place) -> Place {
        let facts = facts(json!({
            "route": &*place.name,
            "host": place.host,
            "path": place.pattern,
            "methods": place.methods.as_ref().map(|all| all.iter().map(Method::as_str).collect::<Vec<_>>()),
            "normal_path": place.path,
            "public": place.public,
            "preflight": place.preflight,
            "target": place.target,
            "stale_for_seconds": place.stale_for.as_secs(),
        }));
        self.pass("route", format!("The route {} is taken, to {}.", place.name, place.target), facts);
        place
    }

    /// Where the credential is found, and whether it is one.
    fn credential(&mut self, request: &Request, place: Option<&Place>, carried: &Carried, call: &Call<'_>) {
        let Some(place) = place else { return self.skip("credential", "There is no route to look for one.") };
        let places: Vec<String> = place.credentials.iter().map(source).collect();
        let nothing = HeaderMap::new();
        let in_query = Sources::new(&place.credentials);
        let in_query = in_query
            .extract(&nothing, request.query.as_deref())
            .and_then(|extracted| Ok(extracted.secret()?.map(|secret| call.services.key.hash(secret))));
        let given = request.token.is_some() || request.secret.is_some();
        let facts = facts(json!({ "places": places, "in_query": !matches!(in_query, Ok(None)), "given": given }));
        let own = |found: &SecretHash| match carried {
            Carried::Token { record, .. } if request.token.is_some() => record.secret(found).is_some(),
            Carried::Token { hash, .. } => found == hash,
            _ => request.secret.as_ref().is_none_or(|secret| call.services.key.hash(secret.as_bytes()) == *found),
        };
        match in_query {
            Err(Denial::Ambiguous) => {
                self.fail("credential", 400, "ambiguous", "The query holds two credentials that differ.", facts);
            }
            Err(_) => self.fail("credential", 401, "malformed", "What the query holds cannot be a secret.", facts),
            Ok(Some(found)) if given && !own(&found) => {
                let detail = "The query holds another credential than the one given.";
                self.fail("credential", 400, "ambiguous", detail, facts);
            }
            Ok(None) if request.secret.as_ref().is_some_and(|secret| PlainSecret::gate(secret.as_bytes()).is_err()) => {
                self.fail("credential", 401, "malformed", "What is given cannot be a secret.", facts);
            }
            Ok(Some(_)) => self.pass("credential", "It is found in the query, and removed from it.", facts),
            Ok(None) if given => {
                let detail = format!("It is looked for in {}, and removed from there.", places.join(", "));
                self.pass("credential", detail, facts);
            }
            Ok(None) if place.preflight && request.method == Method::OPTIONS => {
                let detail = "A CORS preflight passes without a credential; any other request is refused.";
                self.fail("credential", 401, "no-credential", detail, facts);
            }
            Ok(None) => self.fail("credential", 401, "no-credential", "The request carries no credential.", facts),
        }
    }

    fn record(&mut self, call: &Call<'_>, record: &TokenRecord) {
        let cached = cached(call, record).map(|peeked| {
            let age = peeked.age.map(|age| age.as_secs_f64());
            json!({ "generation": peeked.generation, "age_seconds": age })
        });
        let detail = match &cached {
            Some(_) => "The token is known; this sidecar holds it.",
            None => "The token is known; this sidecar does not hold it yet.",
        };
        let facts = facts(json!({
            "id": record.id.to_string(),
            "serial": record.serial,
            "name": record.name,
            "owner": record.owner.name,
            "account": record.owner.account,
            "generation": record.generation,
            "updated_at": record.updated_at.to_string(),
            "cached": cached,
        }));
        self.pass("record", detail, facts);
    }

    fn status(&mut self, record: &TokenRecord) {
        let on = record.status == Status::Enabled;
        let facts = facts(json!({ "status": record.status.to_string() }));
        self.check("status", on, Denial::Disabled, format!("The token is {}.", record.status), facts);
    }

    fn expiry(&mut self, record: &TokenRecord, hash: &SecretHash, now: Timestamp) {
        let of_secret = record.secret(hash).and_then(|slot| slot.expires_at);
        let over = record.is_expired(now) || of_secret.is_some_and(|end| end <= now);
        let detail = match (over, record.is_expired(now)) {
            (false, _) => "Neither token nor secret is past its date.",
            (true, true) => "The token is past its date.",
            (true, false) => "The overlap of this secret after a rotation is over.",
        };
        let shown = |end: Option<Timestamp>| end.map(|end| end.to_string());
        let facts = facts(json!({
            "expires_at": shown(record.expires_at), "secret_expires_at": shown(of_secret), "now": now.to_string(),
        }));
        self.check("expiry", !over, Denial::Expired, detail.to_owned(), facts);
    }

    fn region(&mut self, record: &TokenRecord, here: &str) {
        let served = here.is_empty() || record.region.is_empty() || here == record.region;
        let detail = match served {
            true => "The token is valid in the region of this sidecar.",
            false => "The token belongs to another region.",
        };
        let facts = facts(json!({ "token": record.region, "sidecar": here }));
        self.check("region", served, Denial::Region, detail.to_owned(), facts);
    }

    fn network(&mut self, record: &TokenRecord, address: Option<IpAddr>) {
        let networks: Vec<String> = record.networks.iter().map(ToString::to_string).collect();
        let facts = facts(json!({ "networks": networks, "address": address.map(|address| address.to_string()) }));
        if record.networks.is_empty() {
            return self.pass("network", "The token may be used from anywhere.", facts);
        }
        let Some(address) = address else {
            let detail = "The token may be used from some networks only; give an address to check it.";
            return self.step("network", StepOutcome::Skip, detail, facts);
        };
        let inside = record.networks.iter().any(|network| network.contains(&address));
        let detail = if inside { "The address is inside" } else { "The address is outside" };
        self.check("network", inside, Denial::Network, format!("{detail} the token's networks."), facts);
    }

    fn scopes(&mut self, record: &TokenRecord, place: &Place, bundles: &Bundles) {
        let names = |scopes: &[Scope]| scopes.iter().map(ToString::to_string).collect::<Vec<_>>();
        let held = |scope: &Scope| bundles.holds(&record.scopes, scope.as_str());
        let missing: Vec<Scope> = place.scopes.iter().filter(|scope| !held(scope)).cloned().collect();
        let one_of = place.any_scopes.is_empty() || place.any_scopes.iter().any(held);
        let missing_any = if one_of { &[][..] } else { &place.any_scopes };
        let facts = facts(json!({
            "needed": names(&place.scopes),
            "needed_one_of": names(&place.any_scopes),
            "held": names(&record.scopes),
            "missing": names(&missing),
            "missing_one_of": names(missing_any),
        }));
        match (missing.is_empty(), one_of) {
            (true, true) => self.pass("scopes", "The token holds what the route needs.", facts),
            (false, _) => {
                let detail = format!("The token lacks {}.", names(&missing).join(", "));
                self.fail("scopes", 403, Denial::Scope.as_str(), detail, facts);
            }
            (true, false) => {
                let detail = format!("The token lacks all of {}.", names(missing_any).join(", "));
                self.fail("scopes", 403, Denial::Scope.as_str(), detail, facts);
            }
        }
    }

    fn limits(&mut self, usage: &UsageView) {
        // The wire type is all maps, texts and numbers.
        let facts = facts(serde_json::to_value(usage).unwrap_or_default());
        if usage.month.remaining == Some(0) {
            return self.fail("limits", 429, "month", "The quota of the period is used up.", facts);
        }
        if usage.minute.as_ref().is_some_and(|minute| minute.remaining == 0) {
            return self.fail("limits", 429, "minute", "The bucket is empty.", facts);
        }
        let detail = match usage.cached {
            true => "A call is left in bucket and quota.",
            false => "A call is left of the quota; the bucket is full as far as this sidecar knows.",
        };
        self.pass("limits", detail, facts);
    }

    fn end(self, place: Option<&Place>) -> Explanation {
        let target = place.map(|place| place.target.clone()).unwrap_or_default();
        let (verdict, status, reason) = match self.refused {
            Some((status, reason)) => (Verdict::Refused, Some(status), reason),
            None => (Verdict::Allowed, None, target),
        };
        Explanation { verdict, status, reason, steps: self.steps }
    }
}

/// The members of an object written in place.
fn facts(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A place where a credential is looked for, in words.
fn source(source: &Source) -> String {
    match source {
        Source::Bearer => "Authorization: Bearer".to_owned(),
        Source::ApiToken => "Authorization: Api-Token".to_owned(),
        Source::Scheme(name) => format!("Authorization: {name}"),
        Source::Header(name) => format!("header {name}"),
        Source::Query(name) => format!("query {name}"),
        Source::Cookie(name) => format!("cookie {name}"),
    }
}
