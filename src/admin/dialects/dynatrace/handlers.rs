//! Everything but lists: create, get, update, delete, lookup.

use http::StatusCode;

use super::Outcome;
use super::body::Body;
use super::errors::{Problem, json};
use super::modified;
use super::scopes::is_known;
use super::time;
use super::wire::{ApiToken, ApiTokenCreated, Fields};
use crate::admin::dialect::{Call, DELETED, no_content};
use crate::admin::plane::AdminServices;
use crate::admin::service::{Actor, Draft, Error, Patch};
use crate::clock::Timestamp;
use crate::token::{Form, PlainSecret, Scope, Status, TokenRecord, TokenRef};

/// Answers `createApiToken`.
pub(super) async fn create(call: &Call<'_>, actor: &Actor) -> Outcome {
    let mut body = Body::parse(&call.body)?;
    let now = call.services.clock.now().wall;
    let name = body.filled("name", true);
    let scopes = body.texts("scopes", true).map(|names| scopes_of(&mut body, &names, &[], call.services));
    let personal = body.flag("personalAccessToken");
    let expires_at = body.text("expirationDate", false).and_then(|text| end(&mut body, &text, now));
    body.finish()?;
    let (name, scopes) = (name.unwrap_or_default(), scopes.unwrap_or_default());
    let mut metadata = serde_json::Map::new();
    metadata.insert(modified::KEY.to_owned(), modified::of_new(&name, &scopes));
    let draft = Draft {
        name,
        scopes: Some(scopes.into_iter().map(String::from).collect()),
        personal: personal.unwrap_or_default(),
        expires_at,
        metadata,
        form: Form::Dynatrace,
        ..Draft::default()
    };
    let (record, secret) = call.services.service.create(actor, draft).await?;
    Ok(json(StatusCode::CREATED, &ApiTokenCreated::new(&record, &secret)))
}

/// Answers `getApiToken`.
pub(super) async fn get(call: &Call<'_>, actor: &Actor) -> Outcome {
    described(call, &named(call, actor).await?).await
}

/// Answers `lookupApiToken`.
pub(super) async fn lookup(call: &Call<'_>, actor: &Actor) -> Outcome {
    let mut body = Body::parse(&call.body)?;
    let secret = body.filled("token", true);
    body.finish()?;
    let record = call.services.service.lookup(actor, &secret.unwrap_or_default()).await?;
    described(call, &record).await
}

/// Answers `updateApiToken`.
pub(super) async fn update(call: &Call<'_>, actor: &Actor) -> Outcome {
    let mut body = Body::parse(&call.body)?;
    let record = named(call, actor).await?;
    let name = body.filled("name", false);
    let enabled = body.flag("enabled");
    let scopes = body.texts("scopes", false).map(|names| scopes_of(&mut body, &names, &record.scopes, call.services));
    body.finish()?;
    if enabled == Some(false) && record.id == call.token.id {
        return Err(Problem::bad_request("The token in use cannot be disabled.").into());
    }
    let patch = Patch {
        name,
        scopes: scopes.map(|scopes| scopes.into_iter().map(String::from).collect()),
        status: enabled.map(|enabled| if enabled { Status::Enabled } else { Status::Disabled }),
        ..Patch::default()
    };
    let now = call.services.clock.now().wall;
    let dated = |record: &TokenRecord| Ok::<_, Error>(modified::dated(&patch, record, now));
    call.services.service.patch_with(actor, TokenRef::Id(record.id), dated).await?;
    Ok(no_content())
}

/// Answers `deleteApiToken`.
pub(super) async fn delete(call: &Call<'_>, actor: &Actor) -> Outcome {
    let record = named(call, actor).await?;
    if record.id == call.token.id {
        return Err(Problem::bad_request("The token in use cannot be deleted.").into());
    }
    call.services.service.revoke(actor, TokenRef::Id(record.id), DELETED).await?;
    Ok(no_content())
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
async fn described(call: &Call<'_>, record: &TokenRecord) -> Outcome {
    let last_use = call.services.service.last_use(record.id).await?;
    Ok(json(StatusCode::OK, &ApiToken::new(record, last_use, Fields::ALL)))
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
