//! Counters of the control plane.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::auth::Denial;

/// Labels of a call; every value comes from a constant list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    dialect: &'static str,
    operation: &'static str,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DenialLabels {
    reason: &'static str,
}

/// What the control plane counts. Clones share the counters.
#[derive(Clone, Debug, Default)]
pub(super) struct AdminMetrics {
    requests: Family<CallLabels, Counter>,
    denied: Family<DenialLabels, Counter>,
}

impl AdminMetrics {
    /// Makes the counters known under the registry's prefix.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "admin_requests",
            "Calls of token interfaces by dialect, operation and status class",
            self.requests.clone(),
        );
        registry.register("admin_denied", "Credentials refused by token interfaces, by reason", self.denied.clone());
    }

    pub(super) fn call(&self, dialect: Option<&'static str>, operation: Option<&'static str>, status: u16) {
        let class = match status / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        let none = "none";
        let labels = CallLabels { dialect: dialect.unwrap_or(none), operation: operation.unwrap_or(none), class };
        self.requests.get_or_create(&labels).inc();
    }

    pub(super) fn deny(&self, reason: Denial) {
        self.denied.get_or_create(&DenialLabels { reason: reason.as_str() }).inc();
    }
}
