//! What can be done to tokens, in domain terms. Every way in (the dialects, the native API, the command line) calls these
//! operations; the walls and the grant rule stand here and nowhere else.

mod actor;
mod audit;
mod draft;
mod error;
#[cfg(test)]
pub(crate) mod memory;
mod query;
mod rules;
#[cfg(test)]
mod tests;

pub(crate) use actor::Actor;
pub(crate) use draft::{Draft, Foreign, Patch};
pub(crate) use error::Error;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::json;

use self::audit::{Audit, Changes, told_whole};
use self::rules::{
    apply, check_networks, check_reach, check_region, confine, grants, owner_of, plan_of, scopes_of, set_status,
};
use crate::activity::{EventKind, EventLog};
use crate::clock::{Clock, Timestamp};
use crate::token::{
    Bundles, Form, HashKey, LastUse, Listing, OwnerDirectory, Page, PlainSecret, PlanTable, SecretHash, SecretSlot,
    Status, StoreError, TokenId, TokenRecord, TokenRef, TokenStore,
};

/// How often an edit is tried again after somebody else changed the token in between.
const EDIT_TRIES: usize = 5;
/// How many pages a listing reads at most to replace records that the caller may not see.
const LIST_ROUNDS: usize = 16;
/// How long the old secret lives on after a rotation that does not say.
pub(crate) const DEFAULT_OVERLAP: Duration = Duration::from_secs(86_400);
/// The longest overlap of a rotation.
pub(crate) const MAX_OVERLAP: Duration = Duration::from_secs(30 * 86_400);

/// What the configuration says about grants, limits and owners; replaced as one at a reload.
#[derive(Debug)]
pub(crate) struct Policy {
    /// Names that stand for sets of scopes.
    pub(crate) bundles: Arc<Bundles>,
    /// The plans that tokens may name.
    pub(crate) plans: Arc<PlanTable>,
    /// Pinned owners and accounts.
    pub(crate) directory: Arc<OwnerDirectory>,
}

/// The one service behind every way in. Clones share it.
#[derive(Clone)]
pub(crate) struct TokenService {
    inner: Arc<Inner>,
    /// Generations of a token at which an edit is made; `None` = any.
    expected: Option<Arc<[u64]>>,
}

struct Inner {
    tokens: Arc<dyn TokenStore>,
    log: Arc<dyn EventLog>,
    audit: Audit,
    key: HashKey,
    policy: ArcSwap<Policy>,
    clock: Clock,
}

/// How a secret is replaced.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rotation {
    /// How long the old secret lives on; 24 hours if `None`, 0 = it stops at once, at most 30 days.
    pub(crate) overlap: Option<Duration>,
    /// The shape of the new secret; that of the token if `None`.
    pub(crate) form: Option<Form>,
}

impl TokenService {
    /// A service over one opened store.
    pub(crate) fn new(
        tokens: Arc<dyn TokenStore>,
        log: Arc<dyn EventLog>,
        key: HashKey,
        policy: Policy,
        clock: Clock,
    ) -> Self {
        let policy = ArcSwap::from_pointee(policy);
        let audit = Audit::new(Arc::clone(&log));
        Self { inner: Arc::new(Inner { tokens, audit, log, key, policy, clock }), expected: None }
    }

    /// The same service, whose edits and revocations fail with [`Error::Conflict`] unless the token is at one of these
    /// generations: of several that name one generation, at most one is made.
    pub(crate) fn at_generation(&self, any_of: &[u64]) -> Self {
        Self { inner: Arc::clone(&self.inner), expected: Some(any_of.into()) }
    }

    fn expects(&self, record: &TokenRecord) -> Result<(), Error> {
        match &self.expected {
            Some(expected) if !expected.contains(&record.generation) => Err(Error::Conflict),
            _ => Ok(()),
        }
    }

    /// What the configuration says now.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        self.inner.policy.load_full()
    }

    /// Makes a token. Its secret is returned here and never again.
    pub(crate) async fn create(&self, actor: &Actor, draft: Draft) -> Result<(TokenRecord, PlainSecret), Error> {
        let form = draft.form;
        let blank = self.check(actor, draft)?;
        let created_at = blank.created_at;
        let mint = || PlainSecret::mint(form, &self.inner.key, created_at);
        let (secret, hash, id) = mint();
        match self.keep(actor, blank.clone(), hash, id).await {
            Err(StoreError::IdTaken) => {
                let (secret, hash, id) = mint();
                Ok((self.keep(actor, blank, hash, id).await?, secret))
            }
            kept => Ok((kept?, secret)),
        }
    }

    /// Makes a token that has a secret already.
    pub(crate) async fn import(&self, actor: &Actor, draft: Draft, foreign: Foreign) -> Result<TokenRecord, Error> {
        let blank = self.check(actor, draft)?;
        let hash = match &foreign {
            Foreign::Secret(secret) => self.inner.key.hash(secret.expose().as_bytes()),
            Foreign::Sha256(digest) => self.inner.key.hash_digest(digest),
        };
        let id = || TokenId::random(hash.tag(), blank.created_at);
        match self.keep(actor, blank.clone(), hash, id()).await {
            Err(StoreError::IdTaken) => Ok(self.keep(actor, blank.clone(), hash, id()).await?),
            kept => Ok(kept?),
        }
    }

    /// The token of this name.
    pub(crate) async fn find(&self, actor: &Actor, token: TokenRef) -> Result<TokenRecord, Error> {
        let found = self.inner.tokens.find(token).await?;
        found.filter(|record| actor.sees(record, &self.policy().bundles)).ok_or(Error::NotFound)
    }

    /// The token that this secret belongs to.
    pub(crate) async fn lookup(&self, actor: &Actor, secret: &str) -> Result<TokenRecord, Error> {
        // A text that cannot be a secret is an unknown one: whoever asks learns no more from it.
        PlainSecret::gate(secret.as_bytes()).map_err(|_| Error::NotFound)?;
        let found = self.inner.tokens.find_by_hash(self.inner.key.hash(secret.as_bytes())).await?;
        found.filter(|record| actor.sees(record, &self.policy().bundles)).ok_or(Error::NotFound)
    }

    /// One page of the tokens that the caller sees; may be shorter than asked for although there are more.
    pub(crate) async fn list(&self, actor: &Actor, mut listing: Listing) -> Result<Page, Error> {
        let (account, owner) = actor.walls();
        confine(&mut listing.account, account, "account")?;
        confine(&mut listing.owner, owner, "owner")?;
        let policy = self.policy();
        let mut page = Page { records: Vec::new(), next: listing.after.clone() };
        let wanted = listing.limit;
        for _ in 0..LIST_ROUNDS {
            listing.limit = wanted.saturating_sub(page.records.len());
            if listing.limit == 0 {
                break;
            }
            let more = self.inner.tokens.list(listing.clone()).await?;
            page.records.extend(more.records.into_iter().filter(|record| actor.sees(record, &policy.bundles)));
            page.next.clone_from(&more.next);
            match more.next {
                Some(next) => listing.after = Some(next),
                None => break,
            }
        }
        Ok(page)
    }

    /// When and from where a token was last used.
    pub(crate) async fn last_use(&self, id: TokenId) -> Result<Option<LastUse>, Error> {
        Ok(self.inner.tokens.last_use(id).await?)
    }

    /// Changes fields of a token.
    pub(crate) async fn patch(&self, actor: &Actor, token: TokenRef, patch: Patch) -> Result<TokenRecord, Error> {
        self.patch_with(actor, token, |_| Ok(patch.clone())).await
    }

    /// Changes fields of a token as they are worked out from the record that they replace, or refused: anew each time that
    /// somebody else was faster.
    pub(crate) async fn patch_with<E: From<Error>>(
        &self,
        actor: &Actor,
        token: TokenRef,
        mut work_out: impl FnMut(&TokenRecord) -> Result<Patch, E> + Send,
    ) -> Result<TokenRecord, E> {
        let policy = self.policy();
        self.edit(actor, token, |record, now| {
            let patch = work_out(record)?;
            Ok(apply(actor, &policy, record, &patch, now)?)
        })
        .await
    }

    /// Switches a token off; it keeps everything else.
    pub(crate) async fn disable(&self, actor: &Actor, token: TokenRef) -> Result<TokenRecord, Error> {
        self.edit(actor, token, |record, _| Ok(set_status(record, Status::Disabled))).await
    }

    /// Switches a token on again.
    pub(crate) async fn enable(&self, actor: &Actor, token: TokenRef) -> Result<TokenRecord, Error> {
        self.edit(actor, token, |record, _| Ok(set_status(record, Status::Enabled))).await
    }

    /// Gives a token a new secret; the one it had lives on for the overlap, older ones end now.
    ///
    /// Whoever gets the secret holds what the token holds, where the token may be used, so the caller must hold that there
    /// already; its own token is free.
    pub(crate) async fn rotate(
        &self,
        actor: &Actor,
        token: TokenRef,
        rotation: Rotation,
    ) -> Result<(TokenRecord, PlainSecret), Error> {
        let overlap = rotation.overlap.unwrap_or(DEFAULT_OVERLAP);
        if overlap > MAX_OVERLAP {
            return Err(Error::invalid("overlap", format!("at most {} days", MAX_OVERLAP.as_secs() / 86_400)));
        }
        let policy = self.policy();
        let mut minted: Option<(PlainSecret, SecretHash)> = None;
        let mut before: Option<Vec<SecretSlot>> = None;
        let record = self
            .edit(actor, token, |record, now| {
                if actor.token != Some(record.id) {
                    grants(actor, &record.scopes, &policy.bundles, &[])?;
                    check_reach(actor, &policy, record)?;
                }
                // Tried again after an edit of other fields, but not over another rotation: that would end the secret it gave.
                if *before.get_or_insert_with(|| record.secrets.clone()) != record.secrets {
                    return Err(Error::Conflict);
                }
                let form = rotation.form.unwrap_or(record.form);
                let (_, hash) = minted.get_or_insert_with(|| PlainSecret::mint_for(form, record.id, &self.inner.key));
                let end = now.plus(overlap);
                let old = record.secrets.first().filter(|_| !overlap.is_zero()).map(|slot| SecretSlot {
                    expires_at: Some(slot.expires_at.map_or(end, |earlier| earlier.min(end))),
                    ..*slot
                });
                record.secrets.clear();
                record.secrets.push(SecretSlot { hash: *hash, created_at: now, expires_at: None });
                record.secrets.extend(old.filter(|slot| slot.expires_at.is_some_and(|end| end > now)));
                let mut changes = Changes::default();
                changes.fact("secrets", json!({ "rotated": true, "overlap_seconds": overlap.as_secs() }));
                Ok(changes)
            })
            .await?;
        match minted {
            Some((secret, _)) => Ok((record, secret)),
            None => Err(Error::Conflict),
        }
    }

    /// Deletes a token for good and returns what it was.
    pub(crate) async fn revoke(&self, actor: &Actor, token: TokenRef, reason: &str) -> Result<TokenRecord, Error> {
        draft::reason(reason)?;
        let found = self.find(actor, token).await?;
        self.expects(&found)?;
        if self.expected.is_some() {
            // A store revokes whatever is there; the next generation is taken first, so that nobody else holds this one.
            self.inner.tokens.update(found.clone()).await?;
        }
        let now = self.inner.clock.now().wall;
        let (inner, actor, reason) = (Arc::clone(&self.inner), actor.clone(), reason.to_owned());
        told_whole(async move {
            let revoked = inner.tokens.revoke(found.id, reason.clone(), now).await?.ok_or(Error::NotFound)?;
            let mut changes = Changes::default();
            changes.fact("reason", json!(reason));
            changes.fact("name", json!(revoked.name));
            inner.audit.write(EventKind::Revoked, &revoked, &actor, changes, now).await;
            Ok(revoked)
        })
        .await
    }

    /// Checks a draft, fills in the defaults, and gives the record without id and secret.
    fn check(&self, actor: &Actor, draft: Draft) -> Result<TokenRecord, Error> {
        let policy = self.policy();
        let now = self.inner.clock.now().wall;
        draft::name(&draft.name)?;
        draft::description(&draft.description)?;
        draft::labels(&draft.labels)?;
        draft::metadata(&draft.metadata)?;
        draft::expires_at(draft.expires_at, now)?;
        let owner = owner_of(actor, draft.owner, draft.account)?;
        let scopes = scopes_of(actor, &policy, &owner, draft.scopes.as_deref())?;
        let plan = plan_of(actor, &policy, &owner, draft.plan)?;
        let region = draft.region.unwrap_or_else(|| actor.region.clone());
        check_region(actor, &policy, &region)?;
        let networks = match draft.networks {
            Some(texts) => draft::networks(&texts)?,
            None => actor.networks.clone(),
        };
        check_networks(actor, &policy, &networks)?;
        Ok(TokenRecord {
            id: TokenId::from_bytes([0; 16]),
            serial: 0,
            generation: 0,
            name: draft.name,
            description: draft.description,
            owner,
            scopes,
            status: draft.status,
            created_at: now,
            updated_at: now,
            expires_at: draft.expires_at,
            created_by: actor.name.clone(),
            made_with: actor.made_with(),
            modified_by: actor.name.clone(),
            labels: draft.labels,
            metadata: draft.metadata,
            personal: draft.personal,
            plan,
            region,
            networks,
            form: draft.form,
            secrets: Vec::new(),
        })
    }

    async fn keep(
        &self,
        actor: &Actor,
        blank: TokenRecord,
        hash: SecretHash,
        id: TokenId,
    ) -> Result<TokenRecord, StoreError> {
        let now = blank.created_at;
        let pinned = self.policy().directory.user(&blank.owner).is_some_and(|user| user.number.is_some());
        let secrets = vec![SecretSlot { hash, created_at: now, expires_at: None }];
        let (inner, actor) = (Arc::clone(&self.inner), actor.clone());
        told_whole(async move {
            let record = inner.tokens.create(TokenRecord { id, secrets, ..blank }, !pinned).await?;
            inner.audit.write(EventKind::Created, &record, &actor, Changes::of_new(&record), now).await;
            Ok(record)
        })
        .await
    }

    /// Reads, changes and writes a token, again from the start if somebody else was faster. An edit that changes nothing
    /// writes nothing.
    async fn edit<E: From<Error>>(
        &self,
        actor: &Actor,
        token: TokenRef,
        mut change: impl FnMut(&mut TokenRecord, Timestamp) -> Result<Changes, E> + Send,
    ) -> Result<TokenRecord, E> {
        for _ in 0..EDIT_TRIES {
            let mut record = self.find(actor, token).await?;
            self.expects(&record)?;
            let now = self.inner.clock.now().wall;
            let before = record.status;
            let changes = change(&mut record, now)?;
            if changes.is_empty() {
                return Ok(record);
            }
            record.updated_at = now;
            record.modified_by.clone_from(&actor.name);
            let (inner, actor) = (Arc::clone(&self.inner), actor.clone());
            let written = told_whole(async move {
                let record = inner.tokens.update(record).await?;
                let disabled = record.status == Status::Disabled && before != Status::Disabled;
                let kind = if disabled { EventKind::Disabled } else { EventKind::Updated };
                inner.audit.write(kind, &record, &actor, changes, now).await;
                Ok(record)
            });
            match written.await {
                Err(StoreError::Conflict) => {}
                written => return written.map_err(|error| Error::from(error).into()),
            }
        }
        Err(Error::Conflict.into())
    }
}
