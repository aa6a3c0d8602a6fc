//! The whole decision on a cache hit: from a request's fields to its `RateLimit` text, event and counters included.
//!
//! Tokens come in random order. The requests get their credentials 64 at a time outside the measured time and are in the processor's
//! caches when they are decided, as they are when hyper has just read them; the tokens are where their number puts them.
#![allow(clippy::expect_used)]

mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use http::header::AUTHORIZATION;
use support::decision::Decider;
use support::{Random, Site, bearer, sized};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 64;

fn decisions(decider: &mut Decider, random: &mut Random, iterations: u64) -> Duration {
    let mut spent = Duration::ZERO;
    let mut left = usize::try_from(iterations).unwrap_or(usize::MAX);
    let mut requests: Vec<_> = (0..BATCH).map(|at| decider.site.request(at)).collect();
    while left > 0 {
        requests.truncate(left);
        for headers in &mut requests {
            let at = random.below(decider.site.secrets.len());
            headers.insert(AUTHORIZATION, bearer(&decider.site.secrets[at]));
        }
        let start = Instant::now();
        for headers in &requests {
            black_box(decider.decide(black_box(headers), None).length);
        }
        spent += start.elapsed();
        left -= requests.len();
    }
    spent
}

fn decision(c: &mut Criterion) {
    let mut group = c.benchmark_group("decision");
    group.sample_size(50).measurement_time(Duration::from_secs(8));
    for (name, tokens) in [("10k tokens", 10_000), ("1M tokens", 1_000_000)] {
        let mut random = Random::new();
        let mut decider = None;
        group.bench_function(name, |bencher| {
            let decider = decider.get_or_insert_with(|| Decider::new(Site::warm(sized(tokens))));
            bencher.iter_custom(|iterations| decisions(decider, &mut random, iterations));
        });
    }
    group.finish();
}

criterion_group!(benches, decision);
criterion_main!(benches);
