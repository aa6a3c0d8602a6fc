//! Brings every module's counters into one registry.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::activity::Recorder;
use crate::auth::Resolver;
use crate::limit::TokenLimits;
use crate::proxy::ProxyMetrics;
use crate::store::{Operation, SpoolMetrics, StoreMetrics};
use crate::token::{Mode, PlanTable};

/// What keeps counters of its own.
pub(super) struct Sources {
    pub(super) resolver: Arc<Resolver<TokenLimits>>,
    pub(super) recorder: Recorder,
    pub(super) store: Arc<StoreMetrics>,
    pub(super) spool: Option<Arc<SpoolMetrics>>,
    pub(super) plans: Arc<PlanTable>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources")
    }
}

/// Fills the registry of the operations listener.
pub(super) fn register(
    registry: &Mutex<Registry>,
    sources: Sources,
    proxy: ProxyMetrics,
    admin: impl FnOnce(&mut Registry),
) {
    let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
    let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "Version of this binary", build);
    registry.register_collector(Box::new(proxy));
    registry.register_collector(Box::new(sources));
    admin(&mut registry);
}

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (cache, activity) = (self.resolver.metrics(), self.recorder.metrics());
        let mut calls =
            encoder.encode_descriptor("store_calls", "Calls of the store by what for", None, MetricType::Counter)?;
        for (operation, name) in Operation::ALL {
            for (count, result) in self.store.get(operation).into_iter().zip(["ok", "error"]) {
                let labels = [("operation", name), ("result", result)];
                ConstCounter::new(count).encode(calls.encode_family(&labels)?)?;
            }
        }
        let counters: [(&str, &str, &AtomicU64); 4] = [
            ("cache_evictions", "Tokens evicted from the cache to make room", &cache.evicted),
            ("plan_gone", "Cached tokens whose plan the configuration no longer has", &cache.plan_gone),
            ("activity_events_written", "Activity events written to the store or its spool", &activity.written),
            ("activity_events_dropped", "Activity events lost because queue or spool was full", &activity.dropped),
        ];
        let untold =
            activity.gaps.beyond() + self.spool.as_ref().map_or(0, |spool| spool.untold.load(Ordering::Relaxed));
        for (name, help, counter) in counters {
            let value = ConstCounter::new(counter.load(Ordering::Relaxed));
            value.encode(encoder.encode_descriptor(name, help, None, value.metric_type())?)?;
        }
        let value = ConstCounter::new(untold);
        let (name, help) = ("activity_events_untold", "Activity events lost that no token's activity tells of");
        value.encode(encoder.encode_descriptor(name, help, None, value.metric_type())?)?;
        self.spool.as_ref().map_or(Ok(()), |spool| encode_spool(spool, &mut encoder))?;
        let gauges = [
            ("cache_entries", "Tokens in the cache", self.resolver.len() as u64),
            ("activity_events_queued", "Activity events not yet written", activity.queued.load(Ordering::Relaxed)),
        ];
        for (name, help, value) in gauges {
            let value = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            value.encode(encoder.encode_descriptor(name, help, None, value.metric_type())?)?;
        }
        self.shared_buckets(&mut encoder)
    }
}

impl Sources {
    /// What this process holds of buckets that the fleet shares, by plan.
    fn shared_buckets(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let shared = || self.plans.iter().filter(|plan| plan.minute.is_some_and(|limit| limit.mode == Mode::Hard));
        let mut leased = encoder.encode_descriptor(
            "limit_leased_cells",
            "Calls of shared minute buckets that are leased and possibly unused: the most that a crash now would strand",
            None,
            MetricType::Gauge,
        )?;
        for plan in shared() {
            let value = ConstGauge::new(plan.books.leased.load(Ordering::Relaxed));
            value.encode(leased.encode_family(&[("plan", &*plan.name)])?)?;
        }
        let mut asks = encoder.encode_descriptor(
            "limit_lease_calls",
            "Asks for calls of shared minute buckets by what they brought",
            None,
            MetricType::Counter,
        )?;
        for plan in shared() {
            let books = &plan.books;
            for (count, result) in [(&books.granted, "granted"), (&books.empty, "empty"), (&books.failed, "error")] {
                let labels = [("plan", &*plan.name), ("result", result)];
                ConstCounter::new(count.load(Ordering::Relaxed)).encode(asks.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn encode_spool(spool: &SpoolMetrics, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let counters: [(&str, &str, &AtomicU64); 4] = [
        ("activity_spool_events_written", "Activity events written to the spool", &spool.spooled),
        ("activity_spool_events_replayed", "Activity events replayed from the spool", &spool.replayed),
        ("activity_spool_events_overflowed", "Activity events lost because the spool was full", &spool.overflowed),
        ("activity_spool_damages", "Places of the spool that could not be read", &spool.damaged),
    ];
    for (name, help, counter) in counters {
        let value = ConstCounter::new(counter.load(Ordering::Relaxed));
        value.encode(encoder.encode_descriptor(name, help, None, value.metric_type())?)?;
    }
    let value = ConstGauge::new(i64::try_from(spool.waiting.load(Ordering::Relaxed)).unwrap_or(i64::MAX));
    let help = "Bytes of activity in the spool that wait to be replayed";
    value.encode(encoder.encode_descriptor("activity_spool_bytes", help, None, value.metric_type())?)
}
