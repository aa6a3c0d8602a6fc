//! Unknown secrets, remembered for a moment by one core, so that repeating one costs no store call.

use std::collections::HashMap;

use super::Denial;
use crate::token::SecretHash;

/// A bounded set of refused secrets. It belongs to one thread; unknown secrets never reach the shared cache.
#[derive(Debug)]
pub struct NegativeCache {
    entries: HashMap<SecretHash, Entry>,
    capacity: usize,
    /// Nanoseconds.
    ttl: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    denial: Denial,
    until: u64,
    /// Entries of an older epoch may have come to life since.
    epoch: u64,
}

impl NegativeCache {
    /// Most entries, about 80 bytes each.
    pub const MAX_ENTRIES: usize = 8_192;

    /// An empty set whose entries last `ttl`.
    pub fn new(capacity: usize, ttl: std::time::Duration) -> Self {
        let ttl = u64::try_from(ttl.as_nanos()).unwrap_or(u64::MAX);
        Self { entries: HashMap::new(), capacity: capacity.min(Self::MAX_ENTRIES), ttl }
    }

    /// Why the secret was refused lately, if it was and no token has been made or changed since (`epoch`).
    pub fn get(&self, hash: &SecretHash, now: u64, epoch: u64) -> Option<Denial> {
        if self.entries.is_empty() {
            return None;
        }
        let entry = self.entries.get(hash)?;
        (entry.until > now && entry.epoch == epoch).then_some(entry.denial)
    }

    /// Remembers a refusal that was learnt at `epoch`.
    pub fn insert(&mut self, hash: SecretHash, denial: Denial, now: u64, epoch: u64) {
        if self.ttl == 0 || self.capacity == 0 {
            return;
        }
        if self.entries.len() >= self.capacity {
            self.entries.retain(|_, entry| entry.until > now && entry.epoch == epoch);
        }
        if self.entries.len() >= self.capacity {
            // A flood of live entries: start over rather than grow. The throttle is what ends a flood.
            self.entries.clear();
        }
        self.entries.insert(hash, Entry { denial, until: now.saturating_add(self.ttl), epoch });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn entries_end_by_time_by_epoch_and_by_bound() {
        let mut cache = NegativeCache::new(4, Duration::from_nanos(10));
        let hash = |n: u8| SecretHash::from_bytes([n; 32]);
        cache.insert(hash(1), Denial::Unknown, 0, 0);
        assert_eq!(cache.get(&hash(1), 9, 0), Some(Denial::Unknown));
        assert_eq!(cache.get(&hash(1), 10, 0), None);
        assert_eq!(cache.get(&hash(1), 5, 1), None);
        for n in 0..100 {
            cache.insert(hash(n), Denial::Unknown, 0, 0);
            assert!(cache.entries.len() <= 4);
            assert!(cache.get(&hash(n), 1, 0).is_some());
        }
    }
}
