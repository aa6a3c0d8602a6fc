//! From a secret to a token that may make a call now; the same steps as on the data plane, at the pace of administration.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, PoisonError};

use super::dialect::{Fault, Token};
use super::endpoint::Endpoint;
use super::plane::{AdminServices, Plane, Request, Told};
use crate::auth::{Cached, Denial, Grant, NegativeCache};
use crate::limit::{Charge, TokenLimits};
use crate::token::{SecretHash, StoreError, TokenId};

/// How often a decision starts over because the token was changed meanwhile.
const MAX_DECISIONS: usize = 8;
/// How long a call goes on asking for leases that others spend before it, in nanoseconds.
const LEASE_PATIENCE: u64 = 1_000_000_000;

impl Plane {
    /// From a secret to a token that may make this call now.
    pub(super) async fn admit(
        &self,
        endpoint: &'static Endpoint,
        hash: SecretHash,
        request: &Request<'_>,
        told: &mut Told<'_>,
    ) -> Result<Arc<Token>, Fault> {
        let (mut counted, mut now) = (false, request.now);
        let patient_until = request.now.mono.saturating_add(LEASE_PATIENCE);
        let mut decisions = 0;
        while decisions < MAX_DECISIONS {
            let grant = self.resolve(hash, request).await?;
            told.token = Some(Arc::clone(grant.token()));
            let permit = grant
                .permit(&self.nothing_needed, request.client, request.now.wall)
                .map_err(|(denial, _)| self.deny(denial))?;
            let Some(token) = permit.token() else { break };
            if !endpoint.is_open_to(&token.identity().scopes, &self.services.bundles) {
                return Err(self.deny(Denial::Scope));
            }
            if !std::mem::replace(&mut counted, true) {
                let slow = self.per_token.take(token_address(token.id), request.now.mono);
                slow.map_err(|wait| Fault::Throttled(wait.retry_after))?;
            }
            if !endpoint.costs_point {
                return Ok(Arc::clone(token));
            }
            match token.state().charge(now) {
                Charge::Admitted(admission) => {
                    if admission.low {
                        self.lease_ahead(token);
                    }
                    told.charged = true;
                    return Ok(Arc::clone(token));
                }
                Charge::Exceeded(exceeded) => return Err(Fault::Limited(exceeded.retry_after)),
                Charge::AskStore if self.services.clock.mono() > patient_until => break,
                Charge::AskStore => {
                    self.lease(token).await?;
                    now = self.services.clock.now();
                }
                Charge::Moved => decisions += 1,
            }
        }
        Err(Fault::StoreAway)
    }

    /// Finds a secret's token: in the cache, in the memory of unknown secrets, in the store.
    async fn resolve(&self, hash: SecretHash, request: &Request<'_>) -> Result<Grant<TokenLimits>, Fault> {
        let resolver = &self.services.resolver;
        let stale = match resolver.cached(&hash, request.now, self.services.cache.stale_for) {
            Cached::Fresh { grant, refresh } => {
                if refresh {
                    resolver.refresh(&grant);
                }
                return Ok(grant);
            }
            Cached::Stale(stale) => stale,
            Cached::Absent => {
                self.refuse_known_bad(&hash, request)?;
                None
            }
        };
        let epoch = resolver.epoch();
        match resolver.fetch(hash).await {
            Ok(Ok(grant)) => Ok(grant),
            Ok(Err(denial)) => {
                self.negative().insert(hash, denial, request.now.mono, epoch);
                Err(self.refuse_credential(denial, request))
            }
            Err(error) => stale.ok_or_else(|| Fault::from(error)),
        }
    }

    /// Refuses, without asking the store, a secret that was unknown a moment ago, and addresses that try too many.
    fn refuse_known_bad(&self, hash: &SecretHash, request: &Request<'_>) -> Result<(), Fault> {
        let checked = self.services.throttle.check(request.client, request.now.mono);
        checked.map_err(|wait| Fault::Throttled(wait.retry_after))?;
        let known = self.negative().get(hash, request.now.mono, self.services.resolver.epoch());
        known.map_or(Ok(()), |denial| Err(self.refuse_credential(denial, request)))
    }

    /// A bad credential costs its address a call of the throttle.
    pub(super) fn refuse_credential(&self, denial: Denial, request: &Request<'_>) -> Fault {
        let fault = self.deny(denial);
        match self.services.throttle.take(request.client, request.now.mono) {
            Err(wait) if denial != Denial::Ambiguous => Fault::Throttled(wait.retry_after),
            _ => fault,
        }
    }

    fn deny(&self, denial: Denial) -> Fault {
        self.metrics.deny(denial);
        tracing::debug!(reason = denial.as_str(), "credential refused on the admin port");
        Fault::Denied(denial)
    }

    /// Asks the store for a further lease in the background.
    fn lease_ahead(&self, token: &Arc<Token>) {
        if token.state().begin_lease() {
            let (services, token) = (Arc::clone(&self.services), Arc::clone(token));
            self.runtime.spawn(async move {
                if let Err(error) = reserve(&services, &token).await {
                    tracing::debug!(%error, "quota could not be leased ahead of need");
                }
            });
        }
    }

    /// Waits for a further lease, at most as long as a request may wait for the store. One call to the store serves all who
    /// wait, and goes on when they give up.
    async fn lease(&self, token: &Arc<Token>) -> Result<(), Fault> {
        let timeout = self.services.cache.store_timeout;
        if token.state().begin_lease() {
            let (services, token) = (Arc::clone(&self.services), Arc::clone(token));
            let reserving = self.runtime.spawn(async move { reserve(&services, &token).await });
            return match tokio::time::timeout(timeout, reserving).await {
                Ok(Ok(done)) => Ok(done?),
                Ok(Err(_)) | Err(_) => Err(Fault::StoreAway),
            };
        }
        tokio::time::timeout(timeout, token.state().lease_ended()).await.map_err(|_| Fault::StoreAway)
    }

    fn negative(&self) -> std::sync::MutexGuard<'_, NegativeCache> {
        self.negative.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a further lease on a token's limits.
async fn reserve(services: &AdminServices, token: &Token) -> Result<(), StoreError> {
    let named = (token.id, token.created_at());
    token.state().lease_more(&services.counters, &services.clock, named, || token.has_left()).await
}

/// A token's place in a throttle that is keyed by address: the first half of its id as an IPv6 /64, 52 random bits.
fn token_address(id: TokenId) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(*id.as_bytes()))
}
