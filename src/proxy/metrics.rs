//! Counters of the data plane: one set of cells per thread, written without atomic read-modify-write, summed at scrape.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::auth::Denial;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Outcome {
    Allowed,
    BadRequest,
    ClientGone,
    Denied,
    Forbidden,
    Internal,
    Limited,
    NoRoute,
    StoreAway,
    Throttled,
    Unauthenticated,
    UpstreamBroken,
    UpstreamSlow,
}

impl Outcome {
    const ALL: [(Self, &'static str); 13] = [
        (Self::Allowed, "allowed"),
        (Self::BadRequest, "bad_request"),
        (Self::ClientGone, "client_gone"),
        (Self::Denied, "denied"),
        (Self::Forbidden, "forbidden"),
        (Self::Internal, "internal"),
        (Self::Limited, "limited"),
        (Self::NoRoute, "no_route"),
        (Self::StoreAway, "store_unavailable"),
        (Self::Throttled, "throttled"),
        (Self::Unauthenticated, "unauthenticated"),
        (Self::UpstreamBroken, "upstream_failed"),
        (Self::UpstreamSlow, "upstream_timeout"),
    ];
}

/// Status classes 1xx to 5xx.
const CLASSES: usize = 5;
/// Buckets of a histogram: 1 µs, 2 µs, 4 µs … 2^26 µs (67 s), and everything above.
const BUCKETS: usize = 28;

/// A counter with one writer.
#[derive(Debug, Default)]
pub(super) struct Cell(AtomicU64);

impl Cell {
    pub(super) fn add(&self, n: u64) {
        // One thread writes, any may read: a plain load and store is enough and costs no locked instruction.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    pub(super) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Durations in powers of two of a microsecond.
#[derive(Debug)]
struct Histogram {
    buckets: [Cell; BUCKETS],
    /// Nanoseconds.
    sum: Cell,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| Cell::default()), sum: Cell::default() }
    }
}

impl Histogram {
    fn observe(&self, nanos: u64) {
        let micros = nanos.div_ceil(1_000);
        let bucket = (u64::BITS - micros.saturating_sub(1).leading_zeros()) as usize;
        self.buckets[bucket.min(BUCKETS - 1)].add(1);
        self.sum.add(nanos);
    }
}

/// The cells of one data-plane thread.
#[derive(Debug)]
pub(crate) struct CoreMetrics {
    /// By route (the last one for requests without), outcome and status class.
    requests: Vec<[[Cell; CLASSES]; Outcome::ALL.len()]>,
    denials: [Cell; Denial::ALL.len()],
    sidecar: Histogram,
    upstream: Histogram,
    pub(super) cache_hits: Cell,
    pub(super) cache_misses: Cell,
    pub(super) cache_negative: Cell,
    pub(super) cache_stale: Cell,
    pub(super) connections: Cell,
    pub(super) malformed: Cell,
    pub(super) timed_out: Cell,
    pub(super) upstream_connects: Cell,
    pub(super) upstream_retries: Cell,
    pub(super) panics: Cell,
}

impl CoreMetrics {
    fn new(routes: usize) -> Self {
        Self {
            requests: (0..=routes).map(|_| std::array::from_fn(|_| std::array::from_fn(|_| Cell::default()))).collect(),
            denials: std::array::from_fn(|_| Cell::default()),
            sidecar: Histogram::default(),
            upstream: Histogram::default(),
            cache_hits: Cell::default(),
            cache_misses: Cell::default(),
            cache_negative: Cell::default(),
            cache_stale: Cell::default(),
            connections: Cell::default(),
            malformed: Cell::default(),
            timed_out: Cell::default(),
            upstream_connects: Cell::default(),
            upstream_retries: Cell::default(),
            panics: Cell::default(),
        }
    }

    /// Counts a finished request; durations in nanoseconds, the upstream's only where it was asked.
    pub(super) fn finish(
        &self,
        route: Option<usize>,
        outcome: Outcome,
        status: u16,
        sidecar: u64,
        upstream: Option<u64>,
    ) {
        self.count(route, outcome, status);
        self.sidecar.observe(sidecar);
        if let Some(upstream) = upstream {
            self.upstream.observe(upstream);
        }
    }

    /// Counts a request without a duration.
    pub(super) fn count(&self, route: Option<usize>, outcome: Outcome, status: u16) {
        let row = &self.requests[route.unwrap_or(self.requests.len() - 1)];
        row[outcome as usize][usize::from(status / 100).clamp(1, CLASSES) - 1].add(1);
    }

    pub(super) fn deny(&self, denial: Denial) {
        self.denials[denial.index()].add(1);
    }
}

/// Every thread's cells, as Prometheus sees them.
#[derive(Debug)]
pub(crate) struct ProxyMetrics {
    cores: Vec<Arc<CoreMetrics>>,
    routes: Vec<Arc<str>>,
}

impl ProxyMetrics {
    pub(super) fn new(routes: Vec<Arc<str>>, threads: usize) -> Self {
        Self { cores: (0..threads).map(|_| Arc::new(CoreMetrics::new(routes.len()))).collect(), routes }
    }

    /// The cells of one thread.
    pub(crate) fn thread(&self, thread: usize) -> Arc<CoreMetrics> {
        Arc::clone(&self.cores[thread])
    }

    fn sum(&self, cell: impl Fn(&CoreMetrics) -> &Cell) -> u64 {
        self.cores.iter().map(|core| cell(core).get()).sum()
    }

    fn histogram(&self, of: impl Fn(&CoreMetrics) -> &Histogram) -> HistogramView {
        let mut view = HistogramView { sum: 0.0, count: 0, buckets: Vec::with_capacity(BUCKETS) };
        for bucket in 0..BUCKETS {
            let count: u64 = self.cores.iter().map(|core| of(core).buckets[bucket].get()).sum();
            let bound = if bucket + 1 == BUCKETS { f64::MAX } else { (1u64 << bucket) as f64 * 1e-6 };
            view.count += count;
            view.buckets.push((bound, count));
        }
        view.sum = self.cores.iter().map(|core| of(core).sum.get()).sum::<u64>() as f64 * 1e-9;
        view
    }

    fn requests(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (route, name) in self.routes.iter().map(|name| &**name).chain([""]).enumerate() {
            for (outcome, label) in Outcome::ALL {
                for class in 0..CLASSES {
                    let count = self.sum(|core| &core.requests[route][outcome as usize][class]);
                    if count > 0 {
                        let class = ["1xx", "2xx", "3xx", "4xx", "5xx"][class];
                        let labels = [("route", name), ("outcome", label), ("status", class)];
                        let family = encoder.encode_family(&labels)?;
                        Value(count as f64, MetricType::Counter).encode(family)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Collector for ProxyMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let requests = encoder.encode_descriptor(
            "requests",
            "Requests by route, outcome and status class; an empty route is a request that no route was found for",
            None,
            MetricType::Counter,
        )?;
        self.requests(requests)?;
        let mut denials =
            encoder.encode_descriptor("denials", "Refused credentials by reason", None, MetricType::Counter)?;
        for denial in Denial::ALL {
            let count = self.sum(|core| &core.denials[denial.index()]);
            let labels = [("reason", denial.as_str())];
            let family = denials.encode_family(&labels)?;
            Value(count as f64, MetricType::Counter).encode(family)?;
        }
        for (name, help, view) in [
            (
                "sidecar_duration",
                "Time spent in the sidecar per request, the upstream's apart",
                self.histogram(|core| &core.sidecar),
            ),
            (
                "upstream_duration",
                "Time from the request's head to the head of the upstream's answer",
                self.histogram(|core| &core.upstream),
            ),
        ] {
            let family = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
            view.encode(family)?;
        }
        let counters: [(&str, &str, CellOf); 9] = [
            ("cache_hits", "Requests whose token was cached", |core| &core.cache_hits),
            ("cache_misses", "Requests that waited for the store", |core| &core.cache_misses),
            ("cache_negative_hits", "Requests refused from the memory of unknown secrets", |core| &core.cache_negative),
            ("cache_stale_hits", "Requests let in from an entry that could not be fetched again", |core| {
                &core.cache_stale
            }),
            ("malformed_requests", "Connections ended for broken HTTP", |core| &core.malformed),
            ("connection_timeouts", "Connections ended by a deadline", |core| &core.timed_out),
            ("upstream_connects", "Connections opened to upstreams", |core| &core.upstream_connects),
            ("upstream_retries", "Requests sent again because a kept connection had gone", |core| {
                &core.upstream_retries
            }),
            ("panics", "Requests that ended in a fault of the sidecar", |core| &core.panics),
        ];
        for (name, help, cell) in counters {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            Value(self.sum(cell) as f64, MetricType::Counter).encode(metric)?;
        }
        let open = encoder.encode_descriptor("connections", "Open client connections", None, MetricType::Gauge)?;
        Value(self.sum(|core| &core.connections) as f64, MetricType::Gauge).encode(open)
    }
}

/// Picks a cell of a thread.
type CellOf = fn(&CoreMetrics) -> &Cell;

/// A number to be encoded as the given type.
struct Value(f64, MetricType);

impl EncodeMetric for Value {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        match self.1 {
            MetricType::Counter => encoder.encode_counter::<NoLabelSet, f64, f64>(&self.0, None),
            _ => encoder.encode_gauge(&self.0),
        }
    }

    fn metric_type(&self) -> MetricType {
        self.1
    }
}

struct HistogramView {
    sum: f64,
    count: u64,
    buckets: Vec<(f64, u64)>,
}

impl EncodeMetric for HistogramView {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.encode_histogram::<NoLabelSet>(self.sum, self.count, &self.buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_fall_into_the_bucket_that_covers_them() {
        let histogram = Histogram::default();
        for nanos in [0, 1_000, 1_001, 2_000, 2_001, u64::MAX / 2] {
            histogram.observe(nanos);
        }
        let counts: Vec<u64> = histogram.buckets.iter().map(Cell::get).collect();
        assert_eq!((counts[0], counts[1], counts[2], counts[BUCKETS - 1]), (2, 2, 1, 1));
    }

    #[test]
    fn the_text_form_holds_every_family() {
        let metrics = ProxyMetrics::new(vec!["orders".into()], 2);
        metrics.thread(1).finish(Some(0), Outcome::Allowed, 200, 1_500, Some(10_000));
        metrics.thread(0).deny(Denial::Unknown);
        let mut registry = prometheus_client::registry::Registry::with_prefix("tollgate");
        registry.register_collector(Box::new(metrics));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        for line in [
            "tollgate_requests_total{route=\"orders\",outcome=\"allowed\",status=\"2xx\"} 1.0",
            "tollgate_denials_total{reason=\"unknown\"} 1.0",
            "tollgate_sidecar_duration_seconds_bucket{le=\"0.000002\"} 1",
            "tollgate_upstream_duration_seconds_count 1",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
