//! What a million cached tokens cost: resident memory, and the time of a random hit beside a thousand tokens.
//!
//! Secrets and the store's own table are made before the first reading, so the difference is the cache.
#![allow(clippy::expect_used)]

mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use support::{OWNERS, Random, Site, measuring, resident, sized};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rounds of [`HITS`] look-ups each; their median is told.
const ROUNDS: usize = 31;
const HITS: usize = 1 << 16;

fn main() {
    let tokens = sized(1_000_000);
    let rounds = if measuring() { ROUNDS } else { 1 };
    let small = Site::warm(1_000);
    let large = Site::cold(tokens);
    large.fill();
    let (before, after) = (large.resident_before, resident());
    let (mut at_small, mut at_large) = (Vec::new(), Vec::new());
    let mut random = Random::new();
    for _ in 0..rounds {
        at_small.push(nanos_per_hit(&small, &mut random));
        at_large.push(nanos_per_hit(&large, &mut random));
    }
    let (at_small, at_large) = (median(&mut at_small), median(&mut at_large));
    let cost = after - before;
    println!(
        "memory: {tokens} tokens of {OWNERS} owners cached: {:.1} MiB resident more ({:.1} MiB before, {:.1} after), \
         {:.0} bytes each",
        mib(cost),
        mib(before),
        mib(after),
        cost / tokens as f64
    );
    println!(
        "memory: random hit: {at_small:.0} ns among 1000 tokens, {at_large:.0} ns among {tokens}: {:+.0} ns",
        at_large - at_small
    );
}

/// One round: nanoseconds per look-up of a random token.
fn nanos_per_hit(site: &Site, random: &mut Random) -> f64 {
    let now = site.clock.now();
    let mut spent = Duration::ZERO;
    for _ in 0..HITS / 64 {
        let keys: [_; 64] = std::array::from_fn(|_| site.hashes[random.below(site.hashes.len())]);
        let start = Instant::now();
        for key in &keys {
            black_box(site.resolver.cached(black_box(key), now, Duration::ZERO));
        }
        spent += start.elapsed();
    }
    spent.as_nanos() as f64 / HITS as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn mib(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}
