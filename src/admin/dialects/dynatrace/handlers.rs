//! Everything but lists: create, get, update, delete, lookup.

use http::StatusCode;

use super::body::Body;
use super::errors::{json, no_content, refused, told};
use super::modified;
use super::scopes::is_known;
use super::time;
use super::wire::{ApiToken, ApiTokenCreated, Fields};
use crate::admin::dialect::{Call, Fault, Reply};
use crate::admin::plane::AdminServices;
use crate::admin::service::{Actor, Draft, Error, Patch};
use crate::clock::Timestamp;
use crate::token::{Form, PlainSecret, Scope, Status, TokenRecord, TokenRef};

/// Answers `createApiToken`.
pub(super) async fn create(call: &Call<'_>, actor: &Actor) -> Result<Reply, Fault> {
    let mut body = match Body::parse(&call.body) {
        Ok(body) => body,
        Err(reply) => return Ok(*reply),
    };
    let now = call.services.clock.now().wall;
    let name = body.filled("name", true);
    let scopes = body.texts("scopes", true).map(|names| scopes_of(&mut body, &names, &[], call.services));
    let personal = body.flag("personalAccessToken");
    let expires_at = body.text("expirationDate", false).and_then(|text| end(&mut body, &text, now));
    if let Err(reply) = body.finish() {
        return Ok(*reply);
    }
    let (name, scopes) = (name.unwrap_or_default(), scopes.unwrap_or_default());
    let mut metadata = serde_json::Map::new();
    metadata.insert(modified::KEY.to_owned(), modified::kept(&name, &scopes, None));
    let draft = Draft {
        name,
        scopes: Some(scopes.into_iter().map(String::from).collect()),
        personal: personal.unwrap_or_default(),
        expires_at,
        metadata,
        form: Form::Dynatrace,
        ..Draft::default()
    };
    match call.services.service.create(actor, draft).await {
        Ok((record, secret)) => Ok(json(StatusCode::CREATED, &ApiTokenCreated::new(&record, &secret))),
        Err(error) => told(error),
    }
}

/// Answers `getApiToken`.
pub(super) async fn get(call: &Call<'_>, actor: &Actor) -> Result<Reply, Fault> {
    match named(call, actor).await {
        Ok(record) => described(call, &record).await,
        Err(error) => told(error),
    }
}

/// Answers `lookupApiToken`.
pub(super) async fn lookup(call: &Call<'_>, actor: &Actor) -> Result<Reply, Fault> {
    let mut body = match Body::parse(&call.body) {
        Ok(body) => body,
        Err(reply) => return Ok(*reply),
    };
    let secret = body.filled("token", true);
    if let Err(reply) = body.finish() {
        return Ok(*reply);
    }
    match call.services.service.lookup(actor, &secret.unwrap_or_default()).await {
        Ok(record) => described(call, &record).await,
        Err(error) => told(error),
    }
}

/// Answers `updateApiToken`.
pub(super) async fn update(call: &Call<'_>, actor: &Actor) -> Result<Reply, Fault> {
    let mut body = match Body::parse(&call.body) {
        Ok(body) => body,
        Err(reply) => return Ok(*reply),
    };
    let record = match named(call, actor).await {
        Ok(record) => record,
        Err(error) => return told(error),
    };
    let name = body.filled("name", false);
    let enabled = body.flag("enabled");
    let scopes = body.texts("scopes", false).map(|names| scopes_of(&mut body, &names, &record.scopes, call.services));
    if let Err(reply) = body.finish() {
        return Ok(*reply);
    }
    if enabled == Some(false) && record.id == call.token.id {
        return Ok(refused(StatusCode::BAD_REQUEST, "The token in use cannot be disabled."));
    }
    let patch = patch_of(&record, name, scopes, enabled, call.services.clock.now().wall);
    match call.services.service.patch(actor, TokenRef::Id(record.id), patch).await {
        Ok(_) => Ok(no_content()),
        Err(error) => told(error),
    }
}

fn patch_of(
    record: &TokenRecord,
    name: Option<String>,
    scopes: Option<Vec<Scope>>,
    enabled: Option<bool>,
    now: Timestamp,
) -> Patch {
    let (new_name, new_scopes) = (name.as_ref().unwrap_or(&record.name), scopes.as_ref().unwrap_or(&record.scopes));
    let same = *new_name == record.name && *new_scopes == record.scopes;
    let date = if same { modified::date(record) } else { Some(now) };
    let kept = modified::kept(new_name, new_scopes, date);
    Patch {
        name,
        scopes: scopes.map(|scopes| scopes.into_iter().map(String::from).collect()),
        status: enabled.map(|enabled| if enabled { Status::Enabled } else { Status::Disabled }),
        kept: Some((modified::KEY, kept)),
        ..Patch::default()
    }
}

/// Answers `deleteApiToken`.
pub(super) async fn delete(call: &Call<'_>, actor: &Actor) -> Result<Reply, Fault> {
    let record = match named(call, actor).await {
        Ok(record) => record,
        Err(error) => return told(error),
    };
    if record.id == call.token.id {
        return Ok(refused(StatusCode::BAD_REQUEST, "The token in use cannot be deleted."));
    }
    match call.services.service.revoke(actor, TokenRef::Id(record.id), "deleted by a Dynatrace client").await {
        Ok(_) => Ok(no_content()),
        Err(error) => told(error),
    }
}

/// The token that the path names, by its id or by its whole secret.
async fn named(call: &Call<'_>, actor: &Actor) -> Result<TokenRecord, Error> {
    let (service, name) = (&call.services.service, call.variables.get("id"));
    if PlainSecret::masked(name).is_some() {
        return service.lookup(actor, name).await;
    }
    match name.starts_with(TokenRef::DYNATRACE).then(|| name.parse()) {
        Some(Ok(token)) => service.find(actor, token).await,
        _ => Err(Error::NotFound),
    }
}

/// All that is told of a token.
async fn described(call: &Call<'_>, record: &TokenRecord) -> Result<Reply, Fault> {
    match call.services.service.last_use(record.id).await {
        Ok(last_use) => Ok(json(StatusCode::OK, &ApiToken::new(record, last_use, Fields::ALL))),
        Err(error) => told(error),
    }
}

/// Reads scopes, each of which must be known or `present` on the token already; doubles are dropped.
fn scopes_of(body: &mut Body, names: &[String], present: &[Scope], services: &AdminServices) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        match name.parse() {
            Ok(scope) if scopes.contains(&scope) => {}
            Ok(scope) if present.contains(&scope) || is_known(&scope, services) => scopes.push(scope),
            _ => body.wrong(format!("scopes[{at}]"), "is no scope that the vendor or the configuration knows"),
        }
    }
    scopes
}

/// Reads the end of a token's life.
fn end(body: &mut Body, text: &str, now: Timestamp) -> Option<Timestamp> {
    match time::parse(text, now) {
        Ok(end) if end > now => return Some(end),
        Ok(_) => body.wrong("expirationDate", "must be in the future"),
        Err(error) => body.wrong("expirationDate", error.message()),
    }
    None
}
