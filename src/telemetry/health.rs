//! Whether the process can serve, and why not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The conditions of readiness, by name. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Readiness {
    /// The reason why a condition does not hold; `None` = it holds.
    conditions: Arc<Mutex<BTreeMap<&'static str, Option<String>>>>,
}

/// A condition that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Unready {
    /// Its name.
    pub(crate) condition: &'static str,
    /// Why it does not hold.
    pub(crate) reason: String,
}

impl Readiness {
    /// The name of the condition that fails for good once a drain begins.
    const DRAINING: &'static str = "draining";

    /// Conditions that do not hold yet.
    pub(crate) fn new(conditions: impl IntoIterator<Item = &'static str>) -> Self {
        let waiting = conditions.into_iter().map(|name| (name, Some("not started yet".to_owned()))).collect();
        Self { conditions: Arc::new(Mutex::new(waiting)) }
    }

    /// The condition holds.
    pub(crate) fn holds(&self, condition: &'static str) {
        self.lock().insert(condition, None);
    }

    /// The condition does not hold. The reason is shown to whoever reaches the operations listener.
    pub(crate) fn fails(&self, condition: &'static str, reason: impl Into<String>) {
        self.lock().insert(condition, Some(reason.into()));
    }

    /// The process is going away: it will not be ready again.
    pub(crate) fn drain(&self) {
        self.fails(Self::DRAINING, "shutting down");
    }

    /// Every condition that does not hold, by name; empty = ready.
    pub(crate) fn check(&self) -> Vec<Unready> {
        let unready = |(condition, reason): (&&'static str, &Option<String>)| {
            reason.clone().map(|reason| Unready { condition, reason })
        };
        self.lock().iter().filter_map(unready).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Option<String>>> {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_is_the_absence_of_reasons() {
        let readiness = Readiness::new(["store", "listeners"]);
        let names = |readiness: &Readiness| readiness.check().iter().map(|u| u.condition).collect::<Vec<_>>();
        assert_eq!(names(&readiness), ["listeners", "store"]);
        readiness.holds("store");
        readiness.clone().holds("listeners");
        assert!(readiness.check().is_empty());
        readiness.fails("store", "no answer for 3 s");
        let expected = Unready { condition: "store", reason: "no answer for 3 s".to_owned() };
        assert_eq!(readiness.check(), [expected]);
        readiness.holds("store");
        readiness.drain();
        assert_eq!(names(&readiness), ["draining"]);
    }
}
