//! What many tokens share: owner, scopes and networks, worked out once and held once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ipnet::IpNet;

use crate::token::{Bundles, Owner, PlanTable, Scope, ScopeBits, TokenRecord, Universe};

/// What the configuration contributes to an identity.
#[derive(Debug)]
pub struct Policy {
    /// The scopes that routes need.
    pub universe: Universe,
    /// Bundles of the configuration.
    pub bundles: Arc<Bundles>,
    /// Plans of the configuration.
    pub plans: Arc<PlanTable>,
    /// Region of this sidecar; empty = tokens of any region are served.
    pub region: String,
}

/// Who a token acts for and what it may do, shared by all tokens that agree in it.
#[derive(Debug)]
pub struct Identity {
    /// The owner.
    pub owner: Owner,
    /// The scopes as they stand on the record.
    pub scopes: Vec<Scope>,
    /// `X-Auth-User`, `X-Auth-Account` and `X-Auth-Scopes` as header lines, ready to be written.
    pub header_lines: Box<[u8]>,
    /// What of the routes' scopes is held.
    pub(super) granted: ScopeBits,
    pub(super) in_region: bool,
    networks: Vec<IpNet>,
}

impl Identity {
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        self.networks.is_empty() || self.networks.iter().any(|net| net.contains(&address))
    }
}

/// Identities by what makes them; entries go when the last token that uses them goes.
#[derive(Debug, Default)]
pub(super) struct Interner {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    identities: HashMap<Key, Weak<Identity>>,
    /// Size at which dead entries are swept; doubles with what is alive.
    sweep_at: usize,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    owner: Owner,
    scopes: Vec<Scope>,
    networks: Vec<IpNet>,
    region: String,
}

impl Interner {
    /// The identity of a record under a policy.
    pub(super) fn intern(&self, record: &TokenRecord, policy: &Policy) -> Arc<Identity> {
        let key = Key {
            owner: record.owner.clone(),
            scopes: record.scopes.clone(),
            networks: record.networks.clone(),
            region: record.region.clone(),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(identity) = known.identities.get(&key).and_then(Weak::upgrade) {
            return identity;
        }
        let identity = Arc::new(Identity {
            owner: record.owner.clone(),
            scopes: record.scopes.clone(),
            header_lines: header_lines(record),
            granted: policy.universe.granted(&record.scopes, &policy.bundles),
            in_region: policy.region.is_empty() || record.region.is_empty() || policy.region == record.region,
            networks: record.networks.clone(),
        });
        known.identities.insert(key, Arc::downgrade(&identity));
        if known.identities.len() > known.sweep_at.max(1024) {
            known.identities.retain(|_, identity| identity.strong_count() > 0);
            known.sweep_at = known.identities.len() * 2;
        }
        identity
    }
}

fn header_lines(record: &TokenRecord) -> Box<[u8]> {
    let scopes: Vec<&str> = record.scopes.iter().map(Scope::as_str).collect();
    let mut lines = Vec::with_capacity(128);
    for (name, value) in [
        ("x-auth-user", record.owner.name.as_str()),
        ("x-auth-account", record.owner.account.as_str()),
        ("x-auth-scopes", &scopes.join(" ")),
    ] {
        lines.extend_from_slice(name.as_bytes());
        lines.extend_from_slice(b": ");
        push_field_text(&mut lines, value);
        lines.extend_from_slice(b"\r\n");
    }
    lines.into()
}

/// Writes a name as a field value (RFC 9110 section 5.5): what is not visible ASCII or an inner blank, and `%`, is
/// percent-encoded.
fn push_field_text(line: &mut Vec<u8>, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let outer = |at: usize| at == 0 || at + 1 == text.len();
    for (at, byte) in text.bytes().enumerate() {
        if (byte.is_ascii_graphic() && byte != b'%') || (byte == b' ' && !outer(at)) {
            line.push(byte);
        } else {
            line.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_their_header_line() {
        let mut line = Vec::new();
        push_field_text(&mut line, "a b\r\nx-evil: 1%\u{e9} ");
        assert_eq!(line, b"a b%0D%0Ax-evil: 1%25%C3%A9%20");
    }
}
