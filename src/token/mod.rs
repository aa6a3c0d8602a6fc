//! What a token *is*: record, ids, secrets, scopes, plans, and the port through which a store keeps them.
//! No I/O and no HTTP here.

mod cells;
mod hex;
mod id;
mod owner;
mod plan;
mod presence;
mod record;
mod scope;
mod secret;
mod state;
mod store;

pub use cells::{CELLS_HELD, CELLS_RETURNED_AFTER, CELLS_SPENT_WITHIN, CellAsk, CellHolder, CellLease, LimitBooks};
pub(crate) use hex::{hex, parse_hex, push_hex};
pub(crate) use id::parse_hex12;
pub use id::{InvalidId, ShortId, TokenId, TokenRef};
pub use owner::{ANY_ENVIRONMENT, Owner, OwnerDirectory, OwnerIds, PinnedAccount, PinnedUser, derived_account_uuid};
pub use plan::{Anchor, Lease, MinuteLimit, Mode, MonthLimit, Plan, PlanTable, QuotaWindow, UNLIMITED};
pub use presence::{Member, Presence};
pub use record::{LastUse, MadeWith, SecretSlot, Status, TokenRecord};
pub use scope::{Bundles, InvalidScope, NeededScopes, Scope, ScopeBits, Universe};
pub use secret::{Form, HashKey, InvalidSecret, PlainSecret, SecretHash};
pub use state::{TokenState, Unused};
pub use store::{
    Change, Counts, Listing, Lookup, OwnerKey, Page, Resolved, SortBy, StoreError, StoreFuture, TokenStore, Tombstone,
};
