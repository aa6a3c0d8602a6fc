//! The native API's JSON beside the token itself (`admin/view.rs`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::activity::Event;
use crate::admin::instance::Instance;
use crate::admin::view::{FormWord, StatusWord, TokenView};
use crate::clock::Timestamp;
use crate::token::Member;

/// A page of tokens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TollgateTokenPage)]
pub(super) struct TokenPage {
    /// At most `limit`; fewer does not mean that there are no more.
    pub(super) tokens: Vec<TokenView>,
    /// `cursor` of the next page; null at the end.
    #[schema(required = true)]
    pub(super) next_cursor: Option<String>,
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[schema(as = TollgateNewToken)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "described here, read by draft()")]
pub(super) struct NewToken {
    /// Display name.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// Free text.
    #[schema(max_length = 32767)]
    description: Option<String>,
    /// Name of the owner; the caller's by default.
    #[schema(min_length = 1, max_length = 255)]
    owner: Option<String>,
    /// Name of the account; the caller's by default.
    #[schema(min_length = 1, max_length = 255)]
    account: Option<String>,
    /// The caller's by default for itself, else those of the owner's `[[user]]` section.
    #[schema(max_items = 256)]
    scopes: Option<Vec<String>>,
    /// A plan of the configuration.
    plan: Option<String>,
    /// Enabled by default.
    #[schema(value_type = Option<StatusWord>)]
    status: Option<String>,
    /// From then on it is refused; never by default.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Free labels.
    labels: Option<BTreeMap<String, String>>,
    /// Addresses or ranges it may be used from; the caller's by default, empty = any.
    #[schema(max_items = 64)]
    networks: Option<Vec<String>>,
    /// The caller's by default, empty = any.
    #[schema(max_length = 64)]
    region: Option<String>,
    /// Anything, at most 16 KiB and 64 levels deep.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// Made by a person for themselves.
    personal: Option<bool>,
    /// The shape of its secrets; `tg` by default.
    #[schema(value_type = Option<FormWord>)]
    form: Option<String>,
}

/// A token that has a secret already: `secret` or `sha256`, one of them.
#[derive(Deserialize, ToSchema)]
#[schema(as = TollgateImport)]
#[allow(dead_code, reason = "described here, read by import()")]
pub(super) struct ImportToken {
    /// The secret itself.
    #[schema(min_length = 16, max_length = 1024)]
    secret: Option<String>,
    /// Its unsalted SHA-256 in hex.
    #[schema(pattern = "^[0-9A-Fa-f]{64}$")]
    sha256: Option<String>,
    /// The token.
    #[serde(flatten)]
    token: NewToken,
}

/// A change as RFC 7396 has it: what is absent stays, null takes away.
#[derive(Deserialize, ToSchema)]
#[schema(as = TollgateTokenPatch)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "described here, read by Merge")]
pub(super) struct TokenPatch {
    /// Cannot be null.
    #[schema(min_length = 1, max_length = 255, nullable = false)]
    name: Option<String>,
    /// Null = empty.
    #[schema(max_length = 32767)]
    description: Option<String>,
    /// All of them; cannot be null.
    #[schema(max_items = 256, nullable = false)]
    scopes: Option<Vec<String>>,
    /// Cannot be null.
    #[schema(nullable = false)]
    plan: Option<String>,
    /// Cannot be null.
    #[schema(value_type = Option<StatusWord>, nullable = false)]
    status: Option<String>,
    /// Null = never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Merged key by key; a null takes the key away, null itself all of them.
    labels: Option<BTreeMap<String, Option<String>>>,
    /// All of them; null = any.
    #[schema(max_items = 64)]
    networks: Option<Vec<String>>,
    /// Null = any.
    #[schema(max_length = 64)]
    region: Option<String>,
    /// Merged member by member, at every depth.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// Cannot be null.
    #[schema(nullable = false)]
    personal: Option<bool>,
}

/// How a secret is replaced.
#[derive(Deserialize, ToSchema)]
#[schema(as = TollgateRotation)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "described here, read by rotate()")]
pub(super) struct RotateToken {
    /// How long the old secret lives on; a day by default, 0 = it ends now.
    #[schema(minimum = 0, maximum = 2_592_000)]
    overlap_seconds: Option<u64>,
    /// The shape of the new secret; the token's own by default.
    #[schema(value_type = Option<FormWord>)]
    form: Option<String>,
}

/// A secret whose token is looked for.
#[derive(Deserialize, ToSchema)]
#[schema(as = TollgateLookup)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "described here, read by lookup()")]
pub(super) struct LookupToken {
    /// The secret.
    secret: String,
}

/// An empty object, or nothing.
#[derive(Deserialize, ToSchema)]
#[schema(as = TollgateNothing)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// A part of a token's activity, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TollgateActivity)]
pub(super) struct Activity {
    /// Requests of the token, and what was done to it.
    pub(super) events: Vec<EventView>,
    /// `skip` of the next part; null at the end.
    #[schema(required = true)]
    pub(super) next_skip: Option<u64>,
}

/// One event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TollgateEvent)]
pub(super) struct EventView {
    /// 24 hex digits.
    id: String,
    #[schema(format = DateTime)]
    at: String,
    /// For programs, for example `API_REQUEST` or `TOKEN_UPDATED`.
    kind: &'static str,
    /// For people.
    description: &'static str,
    /// Status of the answer; 0 where there was none.
    status: u16,
    /// Client address.
    address: String,
    method: String,
    /// Name of the route; empty on the admin port.
    route: String,
    /// Path and query, secrets masked.
    uri: String,
    user_agent: String,
    request_id: String,
    /// The operation of an administrative call; what a change changed.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            id: event.id.to_string(),
            at: event.at.to_string(),
            kind: event.kind.code(),
            description: event.kind.description(),
            status: event.status,
            address: event.address.to_string(),
            method: event.method,
            route: event.route,
            uri: event.uri,
            user_agent: event.user_agent,
            request_id: event.request_id,
            // Stored data that is no object has no members.
            data: serde_json::from_str(&event.data).unwrap_or_default(),
        }
    }
}

/// What is used up of a token's limits.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TollgateUsage)]
pub(super) struct UsageView {
    /// The plan that counts: `default` for one that the configuration no longer has.
    pub(super) plan: String,
    /// Whether this sidecar holds the token, and so its bucket; another one's bucket is not seen from here.
    pub(super) cached: bool,
    /// The bucket; null without one.
    #[schema(required = true)]
    pub(super) minute: Option<MinuteView>,
    /// The quota.
    pub(super) month: MonthView,
}

/// A bucket.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TollgateMinuteUsage)]
pub(super) struct MinuteView {
    /// Calls it holds when full.
    pub(super) size: u64,
    /// Calls used up, fractions rounded up.
    pub(super) used: u64,
    /// Whole calls left.
    pub(super) remaining: u64,
    /// Calls given back per second.
    pub(super) refill_per_second: f64,
    /// When it is full if nothing more is used.
    #[schema(format = DateTime)]
    pub(super) full_at: String,
}

/// A quota.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TollgateMonthUsage)]
pub(super) struct MonthView {
    /// Calls per period; null = not limited.
    #[schema(required = true)]
    pub(super) size: Option<u64>,
    /// Calls used up across the fleet; what other sidecars hold in hand counts as used.
    pub(super) used: u64,
    /// Calls left; null = not limited.
    #[schema(required = true)]
    pub(super) remaining: Option<u64>,
    /// When calls come free again.
    #[schema(format = DateTime)]
    pub(super) resets_at: String,
}

/// The sidecars that are alive.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TollgateFleet)]
pub(super) struct Fleet {
    /// Kind of the store that they share: `memory`, `file` or `redis`. Only the last is shared between processes.
    store: &'static str,
    /// Those seen within the last minute, at most 1024, this one included.
    sidecars: Vec<Sidecar>,
}

/// One sidecar.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TollgateSidecar)]
pub(super) struct Sidecar {
    /// Drawn at its start.
    id: String,
    /// Where its proxy port is reached.
    address: String,
    version: String,
    #[schema(format = DateTime)]
    started_at: String,
    /// When it last announced itself.
    #[schema(format = DateTime)]
    seen_at: String,
    /// Whether it is the one that answers.
    answering: bool,
}

impl Fleet {
    /// Of those that announced themselves; the one that answers is alive in any case.
    pub(super) fn new(members: Vec<Member>, own: &Instance, now: Timestamp) -> Self {
        let announced = members.iter().any(|member| member.id == own.member.id);
        let unannounced = (!announced).then(|| Member { seen_at: now, ..own.member.clone() });
        let sidecars = members.into_iter().chain(unannounced).map(|member| Sidecar {
            answering: member.id == own.member.id,
            id: member.id,
            address: member.address,
            version: member.version,
            started_at: member.started_at.to_string(),
            seen_at: member.seen_at.to_string(),
        });
        Self { store: own.store, sidecars: sidecars.collect() }
    }
}

/// A request that nobody sends.
#[derive(Deserialize, ToSchema)]
#[schema(as = TollgateHypothetical)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "described here, read by explain()")]
pub(super) struct Hypothetical {
    /// Its method.
    #[schema(min_length = 1, max_length = 32)]
    method: String,
    /// Path as in the request target, without query.
    #[schema(pattern = "^/[^?#]*$", max_length = 8192)]
    path: String,
    /// What `Host` holds; without it, routes with a host are passed over.
    #[schema(max_length = 512)]
    host: Option<String>,
    /// Its query; a credential in it is looked for where the route looks.
    #[schema(max_length = 8192)]
    query: Option<String>,
    /// Client address; without it, the token's networks are not checked.
    address: Option<String>,
    /// Any id of the token that it carries. Or:
    token: Option<String>,
    /// The secret that it carries.
    secret: Option<String>,
}

/// What would become of a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TollgateExplanation)]
pub(super) struct Explanation {
    /// `allowed` or `refused`.
    pub(super) verdict: Verdict,
    /// Status of the refusal; null where the request is passed on.
    #[schema(required = true)]
    pub(super) status: Option<u16>,
    /// Why, in one word: that of the first step that fails, or where the request goes.
    pub(super) reason: String,
    /// In the order of the data plane.
    pub(super) steps: Vec<Step>,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TollgateVerdict, rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// It is passed on.
    Allowed,
    /// It is answered by the sidecar.
    Refused,
}

/// One step of the decision.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TollgateStep)]
pub(super) struct Step {
    /// `route`, `credential`, `record`, `status`, `expiry`, `region`, `network`, `scopes` or `limits`.
    pub(super) step: &'static str,
    /// How it goes.
    pub(super) outcome: StepOutcome,
    /// In words.
    pub(super) detail: String,
    /// In figures and names.
    #[schema(value_type = Object)]
    pub(super) facts: Map<String, Value>,
}

/// How a step goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TollgateStepOutcome, rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub(super) enum StepOutcome {
    /// It lets the request on.
    Pass,
    /// It refuses the request.
    Fail,
    /// It is not taken, or cannot be.
    Skip,
}
