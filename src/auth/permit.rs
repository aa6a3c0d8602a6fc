//! The checks that run on every request, and the proof that they passed.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{CachedToken, Identity};
use crate::clock::Timestamp;
use crate::token::{NeededScopes, SecretHash, Status};

/// Why a credential does not open the door. Strangers see a constant answer; this goes to log, metric and activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// Two credentials, or a repeated `Authorization` field.
    Ambiguous,
    /// The token is switched off.
    Disabled,
    /// The token or this secret of it is past its date.
    Expired,
    /// The text cannot be a secret.
    Malformed,
    /// The client address is outside the token's networks.
    Network,
    /// The token belongs to another region.
    Region,
    /// The token was revoked in the last 30 days.
    Revoked,
    /// The token lacks a scope.
    Scope,
    /// No live token has this secret.
    Unknown,
}

impl Denial {
    /// Every reason, in the order of [`Denial::index`].
    pub const ALL: [Self; 9] = [
        Self::Ambiguous,
        Self::Disabled,
        Self::Expired,
        Self::Malformed,
        Self::Network,
        Self::Region,
        Self::Revoked,
        Self::Scope,
        Self::Unknown,
    ];

    /// Position in [`Denial::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// One word for a metric label or a log field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Malformed => "malformed",
            Self::Network => "network",
            Self::Region => "region",
            Self::Revoked => "revoked",
            Self::Scope => "scope",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A live secret's token, not yet checked against anything. Made only by the resolver.
#[derive(Debug)]
pub struct Grant<S> {
    pub(super) token: Arc<CachedToken<S>>,
    pub(super) hash: SecretHash,
}

impl<S> Grant<S> {
    /// The token, for recording what became of the request.
    pub fn token(&self) -> &Arc<CachedToken<S>> {
        &self.token
    }

    /// Checks everything but limits: status, dates, networks, region, scopes.
    ///
    /// # Errors
    /// The first check that failed, with the grant's token.
    pub fn permit(
        self,
        needed: &NeededScopes,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Permit<S>, (Denial, Arc<CachedToken<S>>)> {
        let token = &*self.token;
        let identity = token.identity();
        let denial = if token.status != Status::Enabled {
            Denial::Disabled
        } else if token.expires_at <= now || token.secret_expired(&self.hash, now) {
            Denial::Expired
        } else if !identity.in_region {
            Denial::Region
        } else if !identity.admits(address) {
            Denial::Network
        } else if !needed.satisfied_by(&identity.granted) {
            Denial::Scope
        } else {
            return Ok(Permit { token: Some(self.token) });
        };
        Err((denial, self.token))
    }
}

/// Proof that a request may pass as far as identity goes; forwarding takes it by value.
#[derive(Debug)]
pub struct Permit<S> {
    token: Option<Arc<CachedToken<S>>>,
}

impl<S> Permit<S> {
    /// Of a route that needs no token.
    pub fn anonymous() -> Self {
        Self { token: None }
    }

    /// The token, unless the route needs none.
    pub fn token(&self) -> Option<&Arc<CachedToken<S>>> {
        self.token.as_ref()
    }

    /// Who is calling.
    pub fn identity(&self) -> Option<&Identity> {
        self.token.as_deref().map(CachedToken::identity)
    }
}
