//! What each operation does to one token.

use std::time::Duration;

use http::StatusCode;

use super::errors::{Problem, Refused};
use super::list::parameter;
use super::names;
use super::wire::{AccessToken, AccessTokenResp, CreateReq, CreateResp, Created, ROLE, UpdateReq, secret_made_at};
use super::{ID, Outcome, READ_ALL, SUBJECT};
use crate::admin::dialect::{Call, DELETED, Fault, Reply, json, no_content};
use crate::admin::service::{Actor, Draft, Rotation};
use crate::token::{Form, PlainSecret, Status, TokenRecord, TokenRef};

/// Told of a name that another token of the user has.
const TAKEN: &str = "access_token.name: this user has a token of this name";

/// Makes a token.
pub(super) async fn create(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let asked = CreateReq::parse(&call.body).map_err(Problem::bad_request)?.access_token;
    let service = &call.services.service;
    let policy = service.policy();
    let scopes: Vec<String> = asked.roles.iter().map(|role| format!("{ROLE}{role}")).collect();
    if scopes.iter().any(|scope| !policy.bundles.contains(scope)) {
        return Err(Problem::bad_request("access_token.roles: the configuration has no such role").into());
    }
    let ttl = call.services.config.xms.ttl;
    let draft = Draft {
        name: asked.name,
        description: asked.description.unwrap_or_default(),
        scopes: Some(scopes),
        expires_at: ttl.map(|ttl| call.services.clock.now().wall.plus(ttl)),
        form: Form::Xms,
        ..Draft::default()
    };
    match names::create(service, actor, draft).await? {
        Some((record, secret)) => Ok(with_secret(call, StatusCode::CREATED, &record, &secret)),
        None => Err(Problem::conflict(TAKEN).into()),
    }
}

/// Shows a token.
pub(super) async fn get(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let id = call.variables.get(ID);
    let record = match is_uuid(id) {
        true => by_secret(call, &actor, id).await?,
        false => call.services.service.find(&actor, number(id)?).await?,
    };
    readable(call, &actor, &record)?;
    shown(call, &record).await
}

/// Renames a token.
pub(super) async fn update(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let record = writable(call, &actor).await?;
    let asked = UpdateReq::parse(&call.body).map_err(Problem::bad_request)?;
    let Some(asked) = asked.access_token.filter(|asked| asked.name != record.name) else {
        return shown(call, &record).await;
    };
    match names::rename(&call.services.service, actor, record, asked.name).await? {
        Some(record) => shown(call, &record).await,
        // The vendor lists no 409 for this call.
        None => Err(Problem::bad_request(TAKEN).into()),
    }
}

/// Deletes a token.
pub(super) async fn delete(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let record = writable(call, &actor).await?;
    call.services.service.revoke(&actor, TokenRef::Id(record.id), DELETED).await?;
    Ok(no_content())
}

/// Gives a token a new secret.
pub(super) async fn regenerate(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let record = writable(call, &actor).await?;
    let at_once = Rotation { overlap: Some(Duration::ZERO), form: Some(Form::Xms) };
    let (record, secret) = call.services.service.rotate(&actor, TokenRef::Id(record.id), at_once).await?;
    Ok(with_secret(call, StatusCode::OK, &record, &secret))
}

/// Shows the live token of a secret.
pub(super) async fn validate(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let missing = || Problem::bad_request(format!("{SUBJECT}: a value is needed, once"));
    let subject = parameter(call.head.uri.query(), SUBJECT).ok().flatten().ok_or_else(missing)?;
    let dead = || Problem::bad_request(format!("{SUBJECT}: no live token has this value"));
    let record = match by_secret(call, &actor, &subject).await {
        Err(Refused::Fault(Fault::NotFound)) => return Err(dead().into()),
        found => found?,
    };
    let (now, region) = (call.services.clock.now().wall, &call.services.region);
    let elsewhere = !region.is_empty() && !record.region.is_empty() && record.region != *region;
    if record.status == Status::Disabled || record.is_expired(now) || elsewhere {
        return Err(dead().into());
    }
    readable(call, &actor, &record)?;
    shown(call, &record).await
}

/// 32 hexadecimal digits: a secret.
fn is_uuid(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The number of a token.
fn number(id: &str) -> Result<TokenRef, Fault> {
    let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    id.parse().ok().filter(|_| digits).map(TokenRef::Serial).ok_or(Fault::NotFound)
}

/// The token of a secret that has not come to the end of its overlap.
async fn by_secret(call: &Call<'_>, actor: &Actor, secret: &str) -> Result<TokenRecord, Refused> {
    let record = call.services.service.lookup(actor, secret).await?;
    let now = call.services.clock.now().wall;
    let slot = record.secret(&call.services.key.hash(secret.as_bytes()));
    match slot.is_some_and(|slot| slot.expires_at.is_none_or(|end| end > now)) {
        true => Ok(record),
        false => Err(Fault::NotFound.into()),
    }
}

/// Own tokens are open to their owner, those of others in reach to whoever may read all.
fn readable(call: &Call<'_>, actor: &Actor, record: &TokenRecord) -> Result<(), Refused> {
    let bundles = &call.services.service.policy().bundles;
    match actor.owner.as_ref() == Some(&record.owner) || bundles.holds(&actor.scopes, READ_ALL) {
        true => Ok(()),
        false => Err(Problem::forbidden(format!("the token is another user's; the scope {READ_ALL} is needed")).into()),
    }
}

/// The token that a change speaks of.
async fn writable(call: &Call<'_>, actor: &Actor) -> Result<TokenRecord, Refused> {
    let record = call.services.service.find(actor, number(call.variables.get(ID))?).await?;
    readable(call, actor, &record)?;
    Ok(record)
}

async fn shown(call: &Call<'_>, record: &TokenRecord) -> Outcome {
    let last = call.services.service.last_use(record.id).await?;
    let access_token = token(call, record).used(last, secret_made_at(record));
    Ok(json(StatusCode::OK, &AccessTokenResp { access_token }))
}

fn with_secret(call: &Call<'_>, status: StatusCode, record: &TokenRecord, secret: &PlainSecret) -> Reply {
    // Nobody has had it until now, so it is unused.
    json(status, &CreateResp { access_token: Created { record: token(call, record), uuid: secret.expose() } })
}

fn token(call: &Call<'_>, record: &TokenRecord) -> AccessToken {
    let policy = call.services.service.policy();
    AccessToken::new(record, &policy.directory, &policy.bundles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_digits_alone() {
        assert_eq!(number("41"), Ok(TokenRef::Serial(41)));
        for none in ["", "-1", "+1", "1.5", "x", "18446744073709551616", "٤١"] {
            assert_eq!(number(none), Err(Fault::NotFound), "{none}");
        }
        assert!(is_uuid(&"0".repeat(32)) && !is_uuid(&"0".repeat(31)) && !is_uuid(&"é".repeat(16)));
    }

    proptest! {
        #[test]
        fn no_id_is_both(id in "[0-9a-fA-F+-]{0,40}|\\PC{0,40}") {
            prop_assert!(number(&id).is_err() || !is_uuid(&id) || id.bytes().all(|byte| byte == b'0' || byte.is_ascii_digit()));
        }
    }
}
