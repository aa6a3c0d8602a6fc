//! The five actions, for each of the three families.

use std::collections::BTreeMap;

use http::StatusCode;

use super::body::{self, PATCH, POST};
use super::errors::Refused;
use super::place::{FAMILIES, Family, id, shown};
use super::query::{Listed, Switches};
use super::wire::{
    Action, ApiToken, ApiTokenPatch, ApiTokenPost, ApiTokens, CreatorType, Hypermedia, Link, Own, OwnerType, Success,
};
use super::{ENDPOINTS, Problem};
use crate::admin::dialect::{Call, DELETED, Fault, Reply, json};
use crate::admin::service::{Actor, Draft, Error, Patch};
use crate::admin::view::SecretText;
use crate::token::{Form, Owner, OwnerDirectory, PlainSecret, ShortId, TokenRecord, TokenRef};

/// Serves one call: the operation's name is the resource, a dot, and the action.
pub(super) async fn serve(call: &Call<'_>) -> Result<Reply, Refused> {
    let (resource, action) = call.endpoint.operation.split_once('.').ok_or(Fault::Internal)?;
    let named = |family: &&Family| family.one == resource || family.many == resource;
    let family = FAMILIES.iter().find(named).ok_or(Fault::Internal)?;
    match (resource == family.many, action) {
        (true, "get") => list(call, family).await,
        (true, _) => create(call, family).await,
        (false, "get") => get(call, family).await,
        (false, "patch") => patch(call, family).await,
        (false, _) => delete(call, family).await,
    }
}

async fn list(call: &Call<'_>, family: &'static Family) -> Result<Reply, Refused> {
    let path = family.path(call)?;
    let query = call.head.uri.query().unwrap_or_default();
    let listed = Listed::parse(query)?;
    let (actor, owner) = family.enter(call, call.actor().await?).await?;
    let _turn = call.turn().await;
    let (total, records) = listed.select(call.services.service.owned(&actor, &owner).await?);
    let page = Paint::new(call, family, path, &actor);
    let (owner_id, owner_type) = page.owner(&owner);
    let (filter_field, filter) = listed.filter.clone().map(|filter| (filter.field, filter.glob)).unzip();
    let body = ApiTokens {
        count: records.len(),
        total_count: total,
        items: records.iter().map(|record| page.token(record, None)).collect(),
        page: listed.page,
        per_page: listed.per_page,
        sort_field: listed.sort_field(),
        sort_direction: listed.direction(),
        filter_field,
        filter,
        owner_id,
        owner_type,
        hypermedia: page.hypermedia(family.many, &page.path, false),
    };
    Ok(json(StatusCode::OK, &body))
}

async fn create(call: &Call<'_>, family: &'static Family) -> Result<Reply, Refused> {
    let path = family.path(call)?;
    let post: ApiTokenPost = body::read(&call.body, &POST)?;
    let (actor, owner) = family.enter(call, call.actor().await?).await?;
    let own = Own { default_role: post.default_role, org_roles: post.org_roles }.members();
    let draft = Draft {
        name: post.name,
        description: post.description.unwrap_or_default(),
        owner: Some(owner.name),
        account: Some(owner.account),
        scopes: post.scope,
        status: post.status.map(Into::into).unwrap_or_default(),
        expires_at: post.expiration_date.as_deref().and_then(body::date),
        metadata: (!own.is_empty()).then(|| (Own::KEY.to_owned(), own.into())).into_iter().collect(),
        form: Form::Tg,
        ..Draft::default()
    };
    let (record, secret) = call.services.service.create(&actor, draft).await?;
    let token = Paint::new(call, family, path, &actor).token(&record, Some(&secret));
    Ok(json(StatusCode::CREATED, &token))
}

async fn get(call: &Call<'_>, family: &'static Family) -> Result<Reply, Refused> {
    let path = family.path(call)?;
    let token = token_of(call)?;
    let (actor, _) = family.enter(call, call.actor().await?).await?;
    let record = call.services.service.find(&actor, token).await?;
    Ok(json(StatusCode::OK, &Paint::new(call, family, path, &actor).token(&record, None)))
}

async fn patch(call: &Call<'_>, family: &'static Family) -> Result<Reply, Refused> {
    let path = family.path(call)?;
    let token = token_of(call)?;
    let sent: ApiTokenPatch = body::read(&call.body, &PATCH)?;
    let (actor, _) = family.enter(call, call.actor().await?).await?;
    let own = Own { default_role: sent.default_role, org_roles: sent.org_roles }.members();
    let patch = Patch {
        name: sent.name,
        description: sent.description,
        status: sent.status.map(Into::into),
        ..Patch::default()
    };
    let with_own = |record: &TokenRecord| {
        let metadata = (!own.is_empty()).then(|| Own::merged(&record.metadata, &own));
        Ok::<_, Error>(Patch { metadata, ..patch.clone() })
    };
    let record = call.services.service.patch_with(&actor, token, with_own).await?;
    Ok(json(StatusCode::OK, &Paint::new(call, family, path, &actor).token(&record, None)))
}

async fn delete(call: &Call<'_>, family: &'static Family) -> Result<Reply, Refused> {
    family.path(call)?;
    let token = token_of(call)?;
    let (actor, _) = family.enter(call, call.actor().await?).await?;
    call.services.service.revoke(&actor, token, DELETED).await?;
    Ok(json(StatusCode::OK, &Success { success: true }))
}

fn token_of(call: &Call<'_>) -> Result<TokenRef, Problem> {
    let text = id(call, "apiTokenId")?;
    ShortId::parse_losant(&text).map(TokenRef::Short).map_err(|_| Problem::unknown("API Token"))
}

/// Draws records for one caller.
struct Paint {
    family: &'static Family,
    /// Of the collection.
    path: String,
    links: bool,
    /// Whether actions are drawn: (of one token, action, method), those that the caller may use.
    actions: Option<Vec<(bool, &'static str, &'static str)>>,
    directory: std::sync::Arc<OwnerDirectory>,
}

impl Paint {
    fn new(call: &Call<'_>, family: &'static Family, path: String, actor: &Actor) -> Self {
        let switches = Switches::parse(call.head.uri.query().unwrap_or_default());
        let policy = call.services.service.policy();
        let usable = || {
            let open = ENDPOINTS.iter().filter(|endpoint| endpoint.is_open_to(&actor.scopes, &policy.bundles));
            let named = open.filter_map(|endpoint| {
                let (resource, action) = endpoint.operation.split_once('.')?;
                let own = resource == family.one || resource == family.many;
                own.then_some((resource == family.one, action, endpoint.method.as_str()))
            });
            named.collect()
        };
        let actions = switches.actions.then(usable);
        Self { family, path, links: switches.links, actions, directory: std::sync::Arc::clone(&policy.directory) }
    }

    fn owner(&self, owner: &Owner) -> (String, OwnerType) {
        let (id, machine) = shown(owner, &self.directory);
        (id, if machine { OwnerType::Application } else { OwnerType::User })
    }

    fn token(&self, record: &TokenRecord, secret: Option<&PlainSecret>) -> ApiToken {
        let id = record.id.losant();
        let own = Own::of(record);
        let (owner_id, owner_type) = self.owner(&record.owner);
        let (creator_type, creator_id, creator_name) = match &record.made_with {
            Some(maker) => (CreatorType::ApiToken, maker.id.losant(), maker.name.clone()),
            None => {
                let creator = Owner::new(record.owner.account.as_str(), record.created_by.as_str());
                (CreatorType::User, shown(&creator, &self.directory).0, creator.name)
            }
        };
        ApiToken {
            owner_id,
            owner_type,
            creator_id,
            creator_type,
            creator_name,
            name: record.name.clone(),
            description: Some(record.description.clone()).filter(|text| !text.is_empty()),
            status: record.status.into(),
            creation_date: record.created_at.to_string(),
            last_updated: record.updated_at.to_string(),
            expiration_date: record.expires_at.map(|date| date.to_string()),
            default_role: own.default_role,
            org_roles: own.org_roles,
            scope: record.scopes.iter().map(ToString::to_string).collect(),
            token: secret.map(|secret| SecretText::new(secret.expose())),
            hypermedia: self.hypermedia(self.family.one, &format!("{}/{id}", self.path), true),
            api_token_id: id.clone(),
            id,
        }
    }

    fn hypermedia(&self, kind: &'static str, href: &str, one: bool) -> Hypermedia {
        let links = self.links.then(|| {
            let mut links = BTreeMap::from([("self".to_owned(), Link { href: href.to_owned() })]);
            if one {
                links.insert(self.family.many.to_owned(), Link { href: self.path.clone() });
            }
            links
        });
        let actions = self.actions.as_ref().map(|actions| {
            let own = actions.iter().filter(|(of_one, ..)| *of_one == one);
            own.map(|(_, name, method)| ((*name).to_owned(), Action { href: href.to_owned(), method })).collect()
        });
        Hypermedia { kind, links, actions }
    }
}
