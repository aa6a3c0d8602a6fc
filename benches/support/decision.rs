//! The whole decision on a cache hit, step by step as `proxy` makes it, out of the crate's public parts.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderMap;
use http::header::USER_AGENT;
use tollgate::activity::{EventKind, EventRef, Outlet, Recorder, RecorderOptions};
use tollgate::auth::{Cached, Source, Sources};
use tollgate::clock::Timestamp;
use tollgate::limit::{Admission, Charge};

use super::Site;
use super::store::Nowhere;

/// One data-plane thread's part of a decision.
pub(crate) struct Decider {
    pub(crate) site: Site,
    sources: Sources,
    outlet: Outlet,
    /// Cache hits, requests by outcome, sidecar histogram: bucket and sum, upstream histogram: bucket and sum.
    counters: [AtomicU64; 6],
}

/// A `RateLimit` value on the stack.
pub(crate) struct Text {
    pub(crate) bytes: [u8; 128],
    pub(crate) length: usize,
}

impl Decider {
    pub(crate) fn new(site: Site) -> Self {
        let recorder = Recorder::start(Arc::new(Nowhere), RecorderOptions::default(), site.runtime.handle());
        let counters = std::array::from_fn(|_| AtomicU64::new(0));
        Self { outlet: recorder.outlet(), sources: Sources::new(&Source::defaults()), counters, site }
    }

    /// From a request's fields to the text of its `RateLimit`: clock, credential, hash, cache, checks, month lease, bucket,
    /// event, counters. Panics where a request is refused: that would be another path.
    pub(crate) fn decide(&mut self, headers: &HeaderMap, query: Option<&str>) -> Text {
        let Self { site, sources, outlet, counters } = self;
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let now = site.clock.now();
        let extracted = sources.extract(headers, query).expect("one credential");
        let secret = extracted.secret().expect("well formed").expect("a credential");
        let hash = site.key.hash(secret);
        let Cached::Fresh { grant, refresh: false } = site.resolver.cached(&hash, now, Duration::ZERO) else {
            panic!("not a cache hit")
        };
        add(&counters[0], 1);
        let permit = grant.permit(&site.needed, address, now.wall).expect("permitted");
        let token = permit.token().map(Arc::clone).expect("a token");
        let Charge::Admitted(admission) = token.state().charge(now) else { panic!("a limit is reached") };
        let text = rate_limit(&admission, now.wall);
        let id = outlet.next_id(now.wall);
        outlet.record(&EventRef {
            id,
            token: token.id,
            serial: token.serial,
            at: now.wall,
            kind: EventKind::Request,
            status: 200,
            address,
            method: "GET",
            route: "orders",
            uri: "/v1/orders/8372?fields=id,state",
            user_agent: headers.get(USER_AGENT).map_or(b"", |value| value.as_bytes()),
            request_id: b"4bf92f3577b34da6a3ce929d0e0e4736",
            data: "",
        });
        for counter in &counters[1..] {
            add(counter, 1);
        }
        text
    }
}

/// A counter with one writer, as the data plane's are.
fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}

/// What is left and when more comes, as the proxy writes it.
pub(crate) fn rate_limit(admission: &Admission, now: Timestamp) -> Text {
    let mut text = Text { bytes: [0; 128], length: 0 };
    if let Some((left, wait)) = admission.minute() {
        text.push(b"\"minute\";r=");
        text.push_number(u64::from(left));
        text.push(b";t=");
        text.push_number(wait);
    }
    if let Some((left, refresh_at)) = admission.month() {
        text.push(b", \"month\";r=");
        text.push_number(left);
        text.push(b";t=");
        text.push_number(refresh_at.since(now).as_secs());
    }
    text
}

impl Text {
    fn push(&mut self, part: &[u8]) {
        self.bytes[self.length..self.length + part.len()].copy_from_slice(part);
        self.length += part.len();
    }

    fn push_number(&mut self, number: u64) {
        self.push(itoa::Buffer::new().format(number).as_bytes());
    }
}
