//! Who is calling and may they: credential places, the token cache, scopes.
//!
//! `Credential → Grant → Permit`: each step takes the evidence of the one before. Identities are cached, verdicts never:
//! status, dates, networks, region and scopes are checked on every request.

mod cache;
mod config;
mod credential;
mod identity;
mod negative;
mod permit;
mod resolver;

pub use cache::CachedToken;
pub use config::{CacheConfig, Source};
pub use credential::{Extracted, Sources};
pub use identity::{Identity, Policy};
pub use negative::NegativeCache;
pub use permit::{Denial, Grant, Permit};
pub use resolver::{Cached, GiveBack, Peeked, Resolver, ResolverMetrics};
