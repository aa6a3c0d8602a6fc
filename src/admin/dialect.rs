//! What a dialect of the admin port is: a table of endpoints, an error envelope, and handlers.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};

use super::endpoint::{Endpoint, Variables};
use super::plane::AdminServices;
use super::service::Actor;
use super::spec::Media;
use super::turn::{Turn, Turns};
use crate::auth::{Cached, CachedToken, Denial, Source};
use crate::clock::Now;
use crate::limit::TokenLimits;
use crate::token::{SecretHash, Status, StoreError, TokenRecord, TokenRef};

/// How long a caller is asked to stay away while the store does not answer.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// Why a token is gone that a vendor's client deleted, for its tombstone and the audit trail, which names the dialect beside it.
pub(crate) const DELETED: &str = "deleted";

/// An answer.
pub(crate) type Reply = Response<Bytes>;

/// What a handler returns.
pub(crate) type Answer<'c> = Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send + 'c>>;

/// A token of the admin plane.
pub(crate) type Token = CachedToken<TokenLimits>;

/// One vendor's token interface. Matching, authentication, limits, body cap and recording happen before and after it, in
/// [`AdminPlane`](super::AdminPlane).
pub(crate) trait Dialect: Send + Sync {
    /// Name of its folder; metric label.
    fn name(&self) -> &'static str;

    /// Paths it answers for, itself and everything below on segment borders: unknown ones get its own 404.
    fn prefixes(&self) -> &'static [&'static str];

    /// Its operations; every path lies below one of the prefixes.
    fn endpoints(&self) -> &'static [Endpoint];

    /// Where its callers put the credential.
    fn sources(&self) -> Vec<Source>;

    /// Whether a credential in a header field counts even where the query holds another one, instead of being refused.
    fn fields_win(&self) -> bool {
        false
    }

    /// Whether its answers can name a request by this id, which the caller chose; else the request gets a fresh one.
    fn takes_request_id(&self, _id: &str) -> bool {
        true
    }

    /// Parameters of the query, beside the [sources](Self::sources), that hold a secret: masked in recorded addresses.
    fn secret_parameters(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a segment of a path, percent-decoded, may hold a secret of a form that has no mark of its own: masked in
    /// recorded addresses, as the marked forms are in every dialect.
    fn is_secret_segment(&self, _segment: &str) -> bool {
        false
    }

    /// Renders a refusal. `Allow`, `Retry-After` and `Connection` are added afterwards, from the fault. The reason in
    /// [`Fault::Denied`] is not for the caller's eyes, except whether it is [`Denial::Scope`].
    fn refuse(&self, refusal: &Refusal<'_>) -> Reply;

    /// The shape of a refusal's body.
    fn error_body(&self, status: u16) -> Media;

    /// Serves an admitted call.
    fn call<'c>(&'c self, call: Call<'c>) -> Answer<'c>;
}

/// A call that is refused, before its handler or by it.
pub(crate) struct Refusal<'r> {
    /// Why.
    pub(crate) fault: &'r Fault,
    /// The operation; `None` where the path or method has none.
    pub(crate) endpoint: Option<&'static Endpoint>,
    /// Whether the credential led to a token.
    pub(crate) known: bool,
    /// The request's head.
    pub(crate) head: &'r Parts,
    /// The request's id, as the answer tells it.
    pub(crate) request_id: &'r str,
    /// Settings.
    pub(crate) services: &'r AdminServices,
}

/// A call that was admitted.
pub(crate) struct Call<'c> {
    /// What handlers may use.
    pub(crate) services: &'c AdminServices,
    /// The operation.
    pub(crate) endpoint: &'static Endpoint,
    /// Variables of its path.
    pub(crate) variables: Variables,
    /// Who calls.
    pub(crate) token: Arc<Token>,
    pub(super) hash: SecretHash,
    pub(super) turns: &'c Turns,
    /// The request's head.
    pub(crate) head: &'c Parts,
    /// The request's body, within the cap.
    pub(crate) body: Bytes,
    /// Name of the dialect.
    pub(super) via: &'static str,
    /// Client address after the trusted-proxy rules.
    pub(crate) client: IpAddr,
    /// The request's id, as the answer tells it.
    pub(crate) request_id: &'c str,
    /// When the request came in.
    pub(crate) now: Now,
}

impl Call<'_> {
    /// The caller's record as the store has it now.
    ///
    /// # Errors
    /// The token is gone or was switched off since it was let in; the store does not answer.
    pub(crate) async fn record(&self) -> Result<TokenRecord, Fault> {
        let found = self.services.ask(self.services.tokens.find(TokenRef::Id(self.token.id))).await?;
        let record = found.ok_or(Fault::Denied(Denial::Revoked))?;
        match record.status {
            Status::Enabled => Ok(record),
            Status::Disabled => Err(Fault::Denied(Denial::Disabled)),
        }
    }

    /// Who asks, with the rights that the store says they have now. Reaches the caller's account, or everything with
    /// `all.admin`; narrow it by [`Actor::within_owner`] or [`Actor::within_account`] where the dialect has a narrower wall.
    ///
    /// # Errors
    /// As [`Self::record`]; the caller lost the scope that the operation needs.
    pub(crate) async fn actor(&self) -> Result<Actor, Fault> {
        let record = self.record().await?;
        let bundles = &self.services.service.policy().bundles;
        if !self.endpoint.is_open_to(&record.scopes, bundles) {
            return Err(Fault::Denied(Denial::Scope));
        }
        let mut actor = Actor::of(&record, bundles, self.via, self.client);
        actor.request_id = self.request_id.to_owned();
        Ok(actor)
    }

    /// Waits for the right to put together a list that reads all tokens of an owner or account.
    pub(crate) async fn turn(&self) -> Turn {
        self.turns.of(self.token.id).await
    }

    /// The caller's token with its limits as they stand now: a fetch of the record meanwhile moves them to a new entry.
    pub(crate) fn current_token(&self) -> Arc<Token> {
        let stale_for = self.services.cache.stale_for;
        match self.services.resolver.cached(&self.hash, self.services.clock.now(), stale_for) {
            Cached::Fresh { grant, .. } | Cached::Stale(Some(grant)) => Arc::clone(grant.token()),
            Cached::Stale(None) | Cached::Absent => Arc::clone(&self.token),
        }
    }

    /// Waits until no lease of the token is on its way, as long as a request may wait for the store: until then the store
    /// counts calls that nobody holds.
    pub(crate) async fn settled(&self) {
        let token = self.current_token();
        // In vain: the figures then show the lease as used.
        let _ = tokio::time::timeout(self.services.cache.store_timeout, token.state().lease_ended()).await;
    }
}

/// Why a call is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The request cannot be understood.
    BadRequest(&'static str),
    /// The body stopped coming.
    BodyTimeout,
    /// The body is longer than the cap.
    BodyTooLarge,
    /// The credential does not open the door.
    Denied(Denial),
    /// A fault of ours.
    Internal,
    /// Bucket or quota of the token is empty; time until the next call.
    Limited(Duration),
    /// The path is not served for this method: the value of `Allow`.
    Method(String),
    /// Nothing is at this path.
    NotFound,
    /// The store does not answer.
    StoreAway,
    /// Too many calls or too many bad credentials; time until the next call.
    Throttled(Duration),
    /// No credential.
    Unauthenticated,
}

impl Fault {
    /// Status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Denied(Denial::Scope) => StatusCode::FORBIDDEN,
            Self::Denied(_) | Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Limited(_) | Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::StoreAway => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Adds what every dialect's refusal carries.
    pub(super) fn dress(&self, reply: &mut Reply) {
        let headers = reply.headers_mut();
        match self {
            Self::Limited(wait) | Self::Throttled(wait) => drop(headers.insert(RETRY_AFTER, seconds(*wait))),
            Self::StoreAway => drop(headers.insert(RETRY_AFTER, seconds(STORE_RETRY))),
            Self::Method(allow) => {
                if let Ok(allow) = HeaderValue::from_str(allow) {
                    headers.insert(ALLOW, allow);
                }
            }
            // What follows on the connection cannot be trusted to be a request.
            Self::BadRequest(_) | Self::BodyTimeout | Self::BodyTooLarge => {
                drop(headers.insert(CONNECTION, HeaderValue::from_static("close")))
            }
            _ => {}
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Full(_) => {
                tracing::debug!(%error, "a call of the admin port cannot be served");
                Self::StoreAway
            }
            other => {
                tracing::error!(error = %other, "a call of the admin port failed");
                Self::Internal
            }
        }
    }
}

/// Whole seconds, at least 1, rounded up.
fn seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_millis().div_ceil(1000).clamp(1, u128::from(u64::MAX)) as u64)
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &impl serde::Serialize) -> Reply {
    let bytes = serde_json::to_vec(body).unwrap_or_else(|error| {
        // Only maps with keys that are no text can fail, and no answer has one.
        tracing::error!(%error, "an answer cannot be written as JSON");
        b"{}".to_vec()
    });
    let mut reply = Reply::new(Bytes::from(bytes));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// The answer under another media type.
pub(crate) fn typed(mut reply: Reply, media: &'static str) -> Reply {
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    reply
}

/// The answer, with a challenge (RFC 9110 section 11.6.1) where it is a 401.
pub(crate) fn challenged(mut reply: Reply, scheme: &'static str) -> Reply {
    if reply.status() == StatusCode::UNAUTHORIZED {
        reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    }
    reply
}

/// An answer without a body.
pub(crate) fn no_content() -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}
