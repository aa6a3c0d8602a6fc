//! The rules between a caller and a record: walls, defaults, and that nobody grants more than they hold.

use serde_json::json;

use super::audit::Changes;
use super::{Actor, Error, Patch, Policy, draft};
use crate::clock::Timestamp;
use crate::token::{Bundles, Owner, PlanTable, Scope, Status, TokenRecord};

/// Narrows a filter to the caller's wall.
pub(super) fn confine(filter: &mut Option<String>, wall: Option<&str>, field: &str) -> Result<(), Error> {
    match (&filter, wall) {
        (Some(asked), Some(wall)) if asked != wall => {
            Err(Error::Forbidden(format!("this token does not reach the {field} {asked:?}")))
        }
        (None, Some(wall)) => {
            *filter = Some(wall.to_owned());
            Ok(())
        }
        _ => Ok(()),
    }
}

pub(super) fn owner_of(actor: &Actor, name: Option<String>, account: Option<String>) -> Result<Owner, Error> {
    let own = actor.owner.clone().unwrap_or_default();
    let owner = match (name, account) {
        (None, None) => own,
        (name, account) => Owner { account: account.unwrap_or(own.account), name: name.unwrap_or(own.name) },
    };
    draft::owner_name("owner", &owner.name)?;
    draft::owner_name("account", &owner.account)?;
    if !actor.reaches(&owner) {
        let message = format!("this token may not make tokens for {:?} in account {:?}", owner.name, owner.account);
        return Err(Error::Forbidden(message));
    }
    Ok(owner)
}

pub(super) fn scopes_of(
    actor: &Actor,
    policy: &Policy,
    owner: &Owner,
    asked: Option<&[String]>,
) -> Result<Vec<Scope>, Error> {
    if let Some(names) = asked {
        let scopes = draft::scopes(names)?;
        grants(actor, &scopes, &policy.bundles, &[])?;
        return Ok(scopes);
    }
    if actor.owner.as_ref() == Some(owner) {
        return Ok(actor.scopes.clone());
    }
    let configured = policy.directory.user(owner).map(|user| user.scopes.as_slice()).unwrap_or_default();
    Ok(configured.iter().filter(|scope| actor.may_grant(scope, &policy.bundles)).cloned().collect())
}

/// The grant rule: each scope is on the token already or held by the caller in full.
pub(super) fn grants(actor: &Actor, wanted: &[Scope], bundles: &Bundles, present: &[Scope]) -> Result<(), Error> {
    match wanted.iter().find(|scope| !present.contains(scope) && !actor.may_grant(scope, bundles)) {
        Some(scope) => Err(Error::Forbidden(format!("this token does not hold {scope} and so cannot grant it"))),
        None => Ok(()),
    }
}

pub(super) fn plan_of(actor: &Actor, policy: &Policy, owner: &Owner, asked: Option<String>) -> Result<String, Error> {
    match asked {
        Some(plan) => {
            check_plan(actor, policy, &plan)?;
            Ok(plan)
        }
        None if actor.is_admin(&policy.bundles) => {
            let configured = policy.directory.user(owner).and_then(|user| user.plan.as_deref());
            Ok(policy.plans.resolve(configured.unwrap_or(PlanTable::DEFAULT)).name.to_string())
        }
        None => Ok(policy.plans.resolve(&actor.plan).name.to_string()),
    }
}

/// A plan must exist; one that is not the caller's own is given by `all.admin` only.
fn check_plan(actor: &Actor, policy: &Policy, plan: &str) -> Result<(), Error> {
    if policy.plans.get(plan).is_none() {
        let mut known: Vec<&str> = policy.plans.iter().map(|plan| &*plan.name).take(20).collect();
        known.sort_unstable();
        let shown: String = plan.chars().take(64).collect();
        let message = format!("there is no plan {shown:?} in the configuration; it has {}", known.join(", "));
        return Err(Error::invalid("plan", message));
    }
    if plan != &*policy.plans.resolve(&actor.plan).name && !actor.is_admin(&policy.bundles) {
        return Err(Error::Forbidden(format!(
            "the plan {plan:?} is not this token's own; all.admin is needed to give it"
        )));
    }
    Ok(())
}

pub(super) fn check_region(actor: &Actor, policy: &Policy, region: &str) -> Result<(), Error> {
    draft::region(region)?;
    if actor.region.is_empty() || actor.region == region || actor.is_admin(&policy.bundles) {
        return Ok(());
    }
    Err(Error::Forbidden(format!("this token is confined to the region {:?}", actor.region)))
}

pub(super) fn check_networks(actor: &Actor, policy: &Policy, networks: &[ipnet::IpNet]) -> Result<(), Error> {
    if actor.covers_networks(networks) || actor.is_admin(&policy.bundles) {
        return Ok(());
    }
    Err(Error::Forbidden("networks must lie inside those of the calling token".to_owned()))
}

/// A token that may be used where the caller's may not gets no secret and no scope from the caller: that would carry what the
/// caller holds beyond its own walls.
pub(super) fn check_reach(actor: &Actor, policy: &Policy, record: &TokenRecord) -> Result<(), Error> {
    check_region(actor, policy, &record.region)?;
    check_networks(actor, policy, &record.networks)
}

pub(super) fn set_status(record: &mut TokenRecord, status: Status) -> Changes {
    let mut changes = Changes::default();
    changes.note("status", json!(record.status), json!(status));
    record.status = status;
    changes
}

/// Applies a patch. A value that the token has already is accepted back, whatever it is and whoever sends it.
pub(super) fn apply(
    actor: &Actor,
    policy: &Policy,
    record: &mut TokenRecord,
    patch: &Patch,
    now: Timestamp,
) -> Result<Changes, Error> {
    let mut changes = Changes::default();
    apply_texts(record, patch, &mut changes)?;
    if let Some(names) = &patch.scopes {
        let scopes = draft::scopes(names)?;
        grants(actor, &scopes, &policy.bundles, &record.scopes)?;
        if actor.token != Some(record.id) && scopes.iter().any(|scope| !record.scopes.contains(scope)) {
            check_reach(actor, policy, record)?;
        }
        changes.note("scopes", json!(record.scopes), json!(scopes));
        record.scopes = scopes;
    }
    if let Some(plan) = patch.plan.as_ref().filter(|plan| **plan != record.plan) {
        check_plan(actor, policy, plan)?;
        changes.note("plan", json!(record.plan), json!(plan));
        record.plan.clone_from(plan);
    }
    if let Some(end) = patch.expires_at.filter(|end| *end != record.expires_at) {
        draft::expires_at(end, now)?;
        let shown = |end: Option<Timestamp>| json!(end.map(|t| t.to_string()));
        changes.note("expires_at", shown(record.expires_at), shown(end));
        record.expires_at = end;
    }
    if let Some(region) = patch.region.as_ref().filter(|region| **region != record.region) {
        check_region(actor, policy, region)?;
        changes.note("region", json!(record.region), json!(region));
        record.region.clone_from(region);
    }
    if let Some(texts) = &patch.networks {
        let networks = draft::networks(texts)?;
        if networks != record.networks {
            check_networks(actor, policy, &networks)?;
            let shown = |nets: &[ipnet::IpNet]| json!(nets.iter().map(ToString::to_string).collect::<Vec<_>>());
            changes.note("networks", shown(&record.networks), shown(&networks));
            record.networks = networks;
        }
    }
    if let Some((key, value)) = patch.kept.as_ref().filter(|_| !changes.is_empty()) {
        let mut metadata = record.metadata.clone();
        metadata.insert((*key).to_owned(), value.clone());
        // What is kept for a dialect gives way to what people put there.
        if draft::metadata(&metadata).is_ok() {
            record.metadata = metadata;
        }
    }
    Ok(changes)
}

/// The fields that anybody who may change the token may change.
fn apply_texts(record: &mut TokenRecord, patch: &Patch, changes: &mut Changes) -> Result<(), Error> {
    if let Some(name) = &patch.name {
        draft::name(name)?;
        changes.note("name", json!(record.name), json!(name));
        record.name.clone_from(name);
    }
    if let Some(description) = &patch.description {
        draft::description(description)?;
        changes.note("description", json!(record.description), json!(description));
        record.description.clone_from(description);
    }
    if let Some(status) = patch.status {
        changes.note("status", json!(record.status), json!(status));
        record.status = status;
    }
    if let Some(labels) = &patch.labels {
        draft::labels(labels)?;
        changes.note("labels", json!(record.labels), json!(labels));
        record.labels.clone_from(labels);
    }
    if let Some(metadata) = &patch.metadata {
        draft::metadata(metadata)?;
        changes.note("metadata", json!(record.metadata), json!(metadata));
        record.metadata.clone_from(metadata);
    }
    if let Some(personal) = patch.personal {
        changes.note("personal", json!(record.personal), json!(personal));
        record.personal = personal;
    }
    Ok(())
}
