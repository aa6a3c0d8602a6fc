//! The five operations, below a user and below a group's user alike.

use http::header::{ETAG, LOCATION};
use http::{HeaderValue, StatusCode};

use super::errors::{Problem, Refused};
use super::headers::{Conditions, answer_type, body_type, origin, tag};
use super::list::{self, Query};
use super::wire::{Input, ListOutput, NewTokenOutput, TokenOutput, identifier};
use crate::admin::dialect::{Call, DELETED, Fault, Reply, json, no_content, typed};
use crate::admin::service::{Actor, Draft, Patch};
use crate::token::{Form, Owner, OwnerKey, TokenId, TokenRecord, TokenRef};

/// May change the user's own tokens.
const WRITE: &str = "astra.tokens.write";
/// May read and change the tokens of every user of the account.
const ADMIN: &str = "astra.tokens.admin";

/// The user of the path, and the caller seeing that user's tokens only.
struct Place {
    actor: Actor,
    owner: Owner,
}

/// Who is asked about, and whether the caller may.
///
/// A caller without the right to other users' tokens learns nothing of whether a user exists.
async fn place(call: &Call<'_>, changes: bool) -> Result<Place, Refused> {
    let actor = call.actor().await?;
    let service = &call.services.service;
    let policy = service.policy();
    let named = |variable: &str| identifier(call.variables.get(variable)).ok_or(Fault::NotFound);
    let (account, user) = (named("account_id")?, named("user_id")?);
    let account = service.account(&actor, account).await?;
    let myself = actor.owner.clone().filter(|own| own.account == account && policy.directory.ids(own).uuid == user);
    let holds = |scope: &str| policy.bundles.holds(&actor.scopes, scope);
    if myself.is_none() && !holds(ADMIN) {
        return Err(Problem::forbidden(format!("Tokens of other users need the scope {ADMIN}.")).into());
    }
    if changes && !holds(WRITE) && !holds(ADMIN) {
        return Err(Problem::forbidden(format!("Changing tokens needs the scope {WRITE}.")).into());
    }
    let actor = actor.within_account(&account)?;
    let owner = match myself {
        Some(owner) => owner,
        None => service.owner(&actor, OwnerKey::Uuid(user)).await?,
    };
    if call.endpoint.path.contains("{group_id}") {
        let group = identifier(call.variables.get("group_id")).ok_or_else(Problem::no_group)?;
        let held = policy.directory.user(&owner).is_some_and(|user| user.groups.contains(&group));
        if !held {
            return Err(Problem::no_group().into());
        }
    }
    Ok(Place { actor: actor.within_owner(&owner)?, owner })
}

/// The token of the path.
fn token_id(call: &Call<'_>) -> Result<TokenId, Fault> {
    let id = identifier(call.variables.get("token_id")).ok_or(Fault::NotFound)?;
    Ok(TokenId::from_bytes(*id.as_bytes()))
}

fn output(call: &Call<'_>, record: &TokenRecord) -> TokenOutput {
    TokenOutput::new(record, &call.services.service.policy().directory)
}

/// With the tag of its body.
fn tagged(mut reply: Reply) -> Reply {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", tag(reply.body()))) {
        reply.headers_mut().insert(ETAG, tag);
    }
    reply
}

/// `POST …/tokens`
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, Refused> {
    let media = answer_type(&call.head.headers, false)?;
    let Place { actor, owner } = place(call, true).await?;
    list::none(call.head.uri.query())?;
    body_type(&call.head.headers)?;
    let Input { name, labels, .. } = Input::read(&call.body, None)?;
    let ttl = call.services.config.astra.ttl;
    let draft = Draft {
        name: name.unwrap_or_default(),
        owner: Some(owner.name),
        account: Some(owner.account),
        labels: labels.unwrap_or_default(),
        expires_at: ttl.map(|ttl| call.now.wall.plus(ttl)),
        form: Form::Astra,
        ..Draft::default()
    };
    let (record, secret) = call.services.service.create(&actor, draft).await?;
    let token = output(call, &record);
    let location =
        format!("{}{}/{}", origin(call.head, call.services.config.tls.is_some()), collection(call), token.id);
    let mut reply = json(StatusCode::CREATED, &NewTokenOutput { token, secret: secret.expose() });
    if let Ok(location) = HeaderValue::from_str(&location) {
        reply.headers_mut().insert(LOCATION, location);
    }
    Ok(typed(reply, media))
}

/// Path of the collection that the call names; its variables are well-formed.
fn collection(call: &Call<'_>) -> String {
    let variable = |name: &str| call.variables.get(name);
    let group = match variable("group_id") {
        "" => String::new(),
        group => format!("/groups/{group}"),
    };
    format!("/accounts/{}/core/v1{group}/users/{}/tokens", variable("account_id"), variable("user_id"))
}

/// `GET …/tokens`
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, Refused> {
    let media = answer_type(&call.head.headers, true)?;
    let Place { actor, owner } = place(call, false).await?;
    let query = Query::parse(call.head.uri.query())?;
    let service = &call.services.service;
    let turn = call.turn().await;
    let records = service.owned(&actor, &owner).await?;
    let policy = service.policy();
    let caller = actor.owner.as_ref().unwrap_or(&owner);
    let (caller, now) = (policy.directory.ids(caller).uuid, call.now.wall);
    // Filters cost as many comparisons as there are tokens and terms: not on a thread that others wait for, and within the
    // turn also when the caller has left.
    let working = tokio::task::spawn_blocking(move || {
        let shown = records.iter().map(|record| (TokenOutput::new(record, &policy.directory), record.serial));
        let (items, count, next) = query.run(shown.collect());
        let body = ListOutput::new(items, count, next, caller, now);
        let reply = tagged(typed(json(StatusCode::OK, &body), media));
        drop(turn);
        reply
    });
    working.await.map_err(|_| Fault::Internal.into())
}

/// `GET …/tokens/{token_id}`
pub(super) async fn retrieve(call: &Call<'_>) -> Result<Reply, Refused> {
    let media = answer_type(&call.head.headers, false)?;
    let Place { actor, .. } = place(call, false).await?;
    let id = token_id(call)?;
    list::none(call.head.uri.query())?;
    let record = call.services.service.find(&actor, TokenRef::Id(id)).await?;
    Ok(tagged(typed(json(StatusCode::OK, &output(call, &record)), media)))
}

/// `PUT …/tokens/{token_id}`
pub(super) async fn modify(call: &Call<'_>) -> Result<Reply, Refused> {
    answer_type(&call.head.headers, false)?;
    let Place { actor, .. } = place(call, true).await?;
    let id = token_id(call)?;
    list::none(call.head.uri.query())?;
    body_type(&call.head.headers)?;
    let conditions = Conditions::of(&call.head.headers);
    let work_out = |record: &TokenRecord| {
        let Input { id: named, user, name, labels } = Input::read(&call.body, Some(&record.name))?;
        for (field, given, own) in
            [("id", named, call.variables.get("token_id")), ("userID", user, call.variables.get("user_id"))]
        {
            if given.is_some_and(|given| given != own) {
                return Err(Problem::conflict(field, "is not that of the path").into());
            }
        }
        if !conditions.hold(&tag(json(StatusCode::OK, &output(call, record)).body()), record.updated_at) {
            return Err(Refused::from(Problem::precondition()));
        }
        Ok(Patch { name, labels, ..Patch::default() })
    };
    call.services.service.patch_with(&actor, TokenRef::Id(id), work_out).await?;
    Ok(no_content())
}

/// `DELETE …/tokens/{token_id}`
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, Refused> {
    answer_type(&call.head.headers, false)?;
    let Place { actor, .. } = place(call, true).await?;
    let id = token_id(call)?;
    list::none(call.head.uri.query())?;
    call.services.service.revoke(&actor, TokenRef::Id(id), DELETED).await?;
    Ok(no_content())
}
