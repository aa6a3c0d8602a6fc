//! Reading many tokens, and finding owners and accounts by the ids that vendors' clients send.

use super::{Actor, Error, TokenService};
use crate::activity::Event;
use crate::token::{LastUse, Listing, Owner, OwnerKey, Page, SortBy, TokenId, TokenRecord, TokenRef, hex};

/// Records read in one call to the store.
const AT_ONCE: usize = 1_000;

impl TokenService {
    /// Every token of an owner that the caller sees, oldest first. The work grows with the owner's tokens.
    ///
    /// # Errors
    /// The owner lies outside the caller's reach; the store does not answer.
    pub(crate) async fn owned(&self, actor: &Actor, owner: &Owner) -> Result<Vec<TokenRecord>, Error> {
        let mut records = Vec::new();
        let mut pages = self.pages(actor, Listing::of_owner(owner, SortBy::Created));
        while let Some(page) = pages.next().await? {
            records.extend(page);
        }
        Ok(records)
    }

    /// A listing that is read to its end, whose `limit` is ignored. The work grows with what is listed, the memory does not.
    pub(crate) fn pages<'a>(&'a self, actor: &'a Actor, listing: Listing) -> Pages<'a> {
        Pages { service: self, actor, rest: Some(Listing { limit: AT_ONCE, ..listing }) }
    }

    /// The token whose activity is asked for. The operator may name one that is gone by its UUID: its events outlive it.
    ///
    /// # Errors
    /// There is no such token; the store does not answer.
    pub(crate) async fn subject(&self, actor: &Actor, token: TokenRef) -> Result<TokenId, Error> {
        match self.find(actor, token).await {
            Ok(record) => Ok(record.id),
            Err(Error::NotFound) => match token {
                TokenRef::Id(id) if actor.via == Actor::operator().via => Ok(id),
                _ => Err(Error::NotFound),
            },
            Err(error) => Err(error),
        }
    }

    /// Events of a token, newest first, as [`EventLog::page`](crate::activity::EventLog::page) gives them; the token is one
    /// that [`Self::subject`] has given.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn activity(&self, token: TokenId, skip: usize, take: usize) -> Result<Vec<Event>, Error> {
        Ok(self.inner.log.page(token, skip, take).await?)
    }

    /// How many tokens of an account the caller sees. A token that is being made or revoked may be counted.
    ///
    /// # Errors
    /// The account lies outside the caller's reach; the store does not answer.
    pub(crate) async fn count(&self, actor: &Actor, account: &str) -> Result<u64, Error> {
        actor.clone().within_account(account)?;
        let counts = self.inner.tokens.count(account.to_owned()).await?;
        let hidden = if actor.is_admin(&self.policy().bundles) { 0 } else { counts.privileged };
        Ok(counts.all.saturating_sub(hidden))
    }

    /// The owner that a vendor's id names: one of the configuration, or one that has had a token.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown one and for one outside the caller's reach; the store does not answer.
    pub(crate) async fn owner(&self, actor: &Actor, key: OwnerKey) -> Result<Owner, Error> {
        let directory = std::sync::Arc::clone(&self.policy().directory);
        let pinned = match &key {
            OwnerKey::Uuid(uuid) => directory.by_uuid(uuid),
            OwnerKey::Number(number) => directory.by_number(*number),
            OwnerKey::Hex(bytes) => directory.by_hex(&hex(bytes)),
        };
        if let Some(owner) = pinned {
            return actor.reaches(owner).then(|| owner.clone()).ok_or(Error::NotFound);
        }
        let found = self.inner.tokens.owner(key).await?.ok_or(Error::NotFound)?;
        let ids = directory.ids(&found);
        // A pinned id takes the place of the one that follows from the name.
        let stands = match &key {
            OwnerKey::Uuid(uuid) => ids.uuid == *uuid,
            OwnerKey::Number(number) => ids.number == *number,
            OwnerKey::Hex(bytes) => ids.hex == hex(bytes),
        };
        if stands && actor.reaches(&found) { Ok(found) } else { Err(Error::NotFound) }
    }

    /// Whether an owner is known: named in the configuration, or has had a token.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn knows(&self, owner: &Owner) -> Result<bool, Error> {
        if self.policy().directory.user(owner).is_some() {
            return Ok(true);
        }
        let key = OwnerKey::Uuid(crate::token::OwnerIds::derived(owner).uuid);
        Ok(self.inner.tokens.owner(key).await?.as_ref() == Some(owner))
    }

    /// The account that a vendor's UUID names: one of the configuration, or one that has had a token.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown one and for one outside the caller's reach; the store does not answer.
    pub(crate) async fn account(&self, actor: &Actor, uuid: uuid::Uuid) -> Result<String, Error> {
        let directory = std::sync::Arc::clone(&self.policy().directory);
        let name = match directory.account_by_uuid(&uuid) {
            Some(name) => name.to_owned(),
            None => {
                let found = self.inner.tokens.account(uuid).await?.ok_or(Error::NotFound)?;
                // A pinned UUID takes the place of the one that follows from the name.
                if directory.account_uuid(&found) != uuid {
                    return Err(Error::NotFound);
                }
                found
            }
        };
        actor.clone().within_account(&name).map(|_| name)
    }

    /// When and from where each of these tokens was last used, in their order.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn last_uses(&self, records: &[TokenRecord]) -> Result<Vec<Option<LastUse>>, Error> {
        Ok(self.inner.tokens.last_uses(records.iter().map(|record| record.id).collect()).await?)
    }
}

/// See [`TokenService::pages`].
pub(crate) struct Pages<'a> {
    service: &'a TokenService,
    actor: &'a Actor,
    /// `None` behind the last page.
    rest: Option<Listing>,
}

impl Pages<'_> {
    /// The next page, which may be empty; `None` at the end.
    ///
    /// # Errors
    /// As [`TokenService::list`].
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<TokenRecord>>, Error> {
        let Some(listing) = self.rest.take() else { return Ok(None) };
        let Page { records, next } = self.service.list(self.actor, listing.clone()).await?;
        self.rest = next.map(|after| Listing { after: Some(after), ..listing });
        Ok(Some(records))
    }
}
