//! The steps of a decision, each alone: credential, hash, cache, scopes, limits, event.
#![allow(clippy::expect_used)]

mod support;

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue};
use support::store::Nowhere;
use support::{Random, Site, minute_limit, request, sized, without_credential};
use tollgate::activity::{EventKind, EventRef, Recorder, RecorderOptions};
use tollgate::auth::{Cached, Source, Sources};
use tollgate::limit::{Bucket, BucketState, Charge};
use tollgate::token::PlainSecret;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Finding the secret in seven fields, its shape and checksum tested.
fn credential(c: &mut Criterion) {
    let site = Site::warm(1);
    let secret = site.secrets[0];
    let text = std::str::from_utf8(&secret).expect("ASCII");
    let sources = Sources::new(&Source::defaults());
    let with = |name: &'static str, value: String| {
        let mut headers = without_credential();
        headers.insert(name, HeaderValue::from_str(&value).expect("visible characters"));
        headers
    };
    let query = format!("fields=id,state&token={text}");
    let cases: [(&str, HeaderMap, &str); 5] = [
        ("bearer", request(&secret), "fields=id,state"),
        ("api-token", with("authorization", format!("Api-Token {text}")), "fields=id,state"),
        ("header", with("xms-auth-token", text.to_owned()), "fields=id,state"),
        ("query", without_credential(), &query),
        ("none", without_credential(), "fields=id,state"),
    ];
    let mut group = c.benchmark_group("credential");
    for (name, headers, query) in &cases {
        group.bench_function(*name, |bencher| {
            bencher
                .iter(|| black_box(sources.extract(black_box(headers), Some(black_box(query))).expect("no conflict")));
        });
    }
    group.bench_function("gate", |bencher| bencher.iter(|| black_box(PlainSecret::gate(black_box(&secret)))));
    group.finish();
    c.bench_function("hash/own secret", |bencher| bencher.iter(|| black_box(site.key.hash(black_box(&secret)))));
}

/// A hit in the cache.
fn resolve(c: &mut Criterion) {
    let mut group = c.benchmark_group("resolve");
    group.sample_size(30);
    for (size, tokens) in [("1k", 1_000), ("10k", 10_000), ("1M", 1_000_000)] {
        let mut site = None;
        let mut random = Random::new();
        let mut next = 0;
        for (order, rotating) in [("rotating", true), ("random", false)] {
            group.bench_function(format!("{size} {order}"), |bencher| {
                let site: &Site = site.get_or_insert_with(|| Site::warm(sized(tokens)));
                bencher.iter_custom(|iterations| {
                    hits(site, iterations, || {
                        next = (next + 1) % site.hashes.len();
                        if rotating { next } else { random.below(site.hashes.len()) }
                    })
                });
            });
        }
    }
    group.finish();
}

/// The time of looking up tokens; which ones is settled 64 at a time, outside the measured time.
fn hits(site: &Site, iterations: u64, mut which: impl FnMut() -> usize) -> Duration {
    let mut spent = Duration::ZERO;
    let mut left = usize::try_from(iterations).unwrap_or(usize::MAX);
    let mut keys = Vec::with_capacity(64);
    let now = site.clock.now();
    while left > 0 {
        keys.clear();
        keys.extend((0..left.min(64)).map(|_| site.hashes[which()]));
        let start = Instant::now();
        for key in &keys {
            black_box(site.resolver.cached(black_box(key), now, Duration::ZERO));
        }
        spent += start.elapsed();
        left -= keys.len();
    }
    spent
}

/// Status, dates, networks, region and scopes of a cached token, its look-up included and known from above.
fn scope(c: &mut Criterion) {
    let site = Site::warm(1);
    let now = site.clock.now();
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let grant = || match site.resolver.cached(&site.hashes[0], now, Duration::ZERO) {
        Cached::Fresh { grant, .. } => grant,
        _ => panic!("the cache is filled"),
    };
    let mut group = c.benchmark_group("scope");
    group.bench_function("look-up alone", |bencher| bencher.iter(|| black_box(grant())));
    group.bench_function("look-up and checks", |bencher| {
        bencher.iter(|| black_box(grant().permit(black_box(&site.needed), address, now.wall)).is_ok());
    });
    group.finish();
}

/// The minute bucket, and a whole charge of bucket and month lease.
fn bucket(c: &mut Criterion) {
    let site = Site::warm(1);
    let token = site.token(0);
    let (bucket, state) = (Bucket::new(&minute_limit()), BucketState::default());
    let mut group = c.benchmark_group("bucket");
    let mut now = site.clock.now();
    group.bench_function("take", |bencher| {
        bencher.iter(|| {
            now.mono += 1_000;
            black_box(bucket.take(&state, black_box(now.mono))).is_ok()
        });
    });
    group.bench_function("charge", |bencher| {
        bencher.iter(|| {
            now.mono += 1_000;
            assert!(matches!(black_box(token.state().charge(now)), Charge::Admitted(_)));
        });
    });
    group.bench_function("clock", |bencher| bencher.iter(|| black_box(site.clock.now())));
    group.finish();
}

/// An event into its thread's buffer, handing full buffers over included; the log at the end keeps nothing.
fn event(c: &mut Criterion) {
    let site = Site::warm(1);
    let token = site.token(0);
    let recorder = Recorder::start(Arc::new(Nowhere), RecorderOptions::default(), site.runtime.handle());
    let mut outlet = recorder.outlet();
    let now = site.clock.now();
    c.bench_function("event/record", |bencher| {
        bencher.iter(|| {
            let id = outlet.next_id(now.wall);
            outlet.record(black_box(&EventRef {
                id,
                token: token.id,
                serial: token.serial,
                at: now.wall,
                kind: EventKind::Request,
                status: 200,
                address: IpAddr::V4(Ipv4Addr::LOCALHOST),
                method: "GET",
                route: "orders",
                uri: "/v1/orders/8372?fields=id,state",
                user_agent: b"python-requests/2.32.3",
                request_id: b"4bf92f3577b34da6a3ce929d0e0e4736",
                data: "",
            }));
        });
    });
}

criterion_group!(benches, credential, resolve, scope, bucket, event);
criterion_main!(benches);
