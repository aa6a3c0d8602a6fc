//! How many heap allocations the decision on a cache hit makes: none.
//!
//! The `RateLimit` value and the request's ids are made by the proxy on top of it.
#![allow(clippy::expect_used)]

#[path = "../benches/support/mod.rs"]
mod support;

use allocation_counter::measure;
use support::Site;
use support::decision::Decider;

/// Decisions counted; their events fit into one buffer of 64 KiB.
const DECISIONS: u64 = 200;

#[test]
fn a_decision_on_a_cache_hit_allocates_nothing() {
    let mut decider = Decider::new(Site::warm(10));
    let requests: Vec<_> = (0..10).map(|at| decider.site.request(at)).collect();
    decider.decide(&requests[0], None);
    let counted = measure(|| {
        for at in 0..DECISIONS as usize {
            let text = decider.decide(&requests[at % requests.len()], Some("fields=id,state"));
            assert!(text.bytes[..text.length].starts_with(b"\"minute\";r="));
        }
    });
    println!("decision: {} heap allocations in {DECISIONS} decisions on cache hits", counted.count_total);
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn a_secret_in_the_query_costs_the_query_without_it() {
    let mut decider = Decider::new(Site::warm(1));
    let headers = support::without_credential();
    let secret = String::from_utf8(decider.site.secrets[0].to_vec()).expect("ASCII");
    let query = format!("a=1&token={secret}");
    decider.decide(&headers, Some(&query));
    let counted = measure(|| {
        decider.decide(&headers, Some(&query));
    });
    assert_eq!(counted.count_total, 1, "{counted:?}");
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(Box::new(1)))).count_total, 1);
}
