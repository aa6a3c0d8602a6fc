//! Refuses callers that present bad credentials too often.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use dashmap::DashMap;

use super::{Bucket, BucketState, Exhausted};
use crate::token::{MinuteLimit, Mode};

/// A bucket per address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThrottleConfig {
    /// Calls it holds when full.
    pub size: NonZeroU32,
    /// Calls given back per second, above 0.
    pub refill_per_second: f64,
}

impl ThrottleConfig {
    /// The default of `throttle.bad_credentials`: 100, refilled by 10 a second.
    pub fn bad_credentials() -> Self {
        Self { size: NonZeroU32::MIN.saturating_add(99), refill_per_second: 10.0 }
    }

    /// Calls given back in a minute, rounded down, at least 1.
    pub fn per_minute(&self) -> u64 {
        self.bucket().per_minute()
    }

    fn bucket(&self) -> Bucket {
        Bucket::new(&MinuteLimit { size: self.size, refill_per_second: self.refill_per_second, mode: Mode::Local })
    }
}

/// Buckets by client address, IPv6 by /64. Bounded: beyond [`Throttle::MAX_ADDRESSES`], buckets that are full again are
/// dropped first; while every one is in use, new addresses share one bucket.
#[derive(Debug)]
pub struct Throttle {
    bucket: Bucket,
    states: DashMap<IpAddr, BucketState>,
    overflow: BucketState,
}

impl Throttle {
    /// Most addresses held, about 64 bytes each.
    pub const MAX_ADDRESSES: usize = 16_384;

    /// With every address at a full bucket.
    pub fn new(config: &ThrottleConfig) -> Self {
        Self { bucket: config.bucket(), states: DashMap::with_shard_amount(64), overflow: BucketState::default() }
    }

    /// Calls that an address is given back in a minute, rounded down, at least 1.
    pub fn per_minute(&self) -> u64 {
        self.bucket.per_minute()
    }

    /// Whether the address has calls left at `now`; takes nothing.
    ///
    /// # Errors
    /// The time until it has one again.
    pub fn check(&self, address: IpAddr, now: u64) -> Result<(), Exhausted> {
        if self.states.is_empty() {
            return Ok(());
        }
        let Some(state) = self.states.get(&group(address)) else { return Ok(()) };
        if self.bucket.remaining(&state, now) > 0 {
            return Ok(());
        }
        let period = self.bucket.period().max(1);
        // From 1 to a whole period: an empty bucket has nothing back at once.
        let wait = (state.full_at().saturating_sub(now).max(1) - 1) % period + 1;
        Err(Exhausted { retry_after: Duration::from_nanos(wait) })
    }

    /// Takes one call from the address's bucket.
    ///
    /// # Errors
    /// The bucket is empty; nothing was taken.
    pub fn take(&self, address: IpAddr, now: u64) -> Result<(), Exhausted> {
        let address = group(address);
        if let Some(state) = self.states.get(&address) {
            return self.bucket.take(&state, now).map(drop);
        }
        if self.states.len() >= Self::MAX_ADDRESSES {
            self.states.retain(|_, state| state.full_at() > now);
        }
        if self.states.len() >= Self::MAX_ADDRESSES {
            return self.bucket.take(&self.overflow, now).map(drop);
        }
        self.bucket.take(&self.states.entry(address).or_default(), now).map(drop)
    }
}

/// The addresses that share a bucket: one IPv4 address, one IPv6 /64.
fn group(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn an_address_is_refused_until_its_bucket_refills() {
        let throttle = Throttle::new(&ThrottleConfig { size: NonZeroU32::MIN, refill_per_second: 1.0 });
        let (mine, other): (IpAddr, IpAddr) = ("10.0.0.1".parse().expect("ip"), "10.0.0.2".parse().expect("ip"));
        assert!(throttle.check(mine, SECOND).is_ok());
        assert!(throttle.take(mine, SECOND).is_ok());
        assert!(throttle.take(mine, SECOND).is_err());
        assert!(throttle.check(mine, SECOND).is_err());
        assert!(throttle.check(other, SECOND).is_ok());
        assert!(throttle.check(mine, 2 * SECOND).is_ok());
    }

    #[test]
    fn an_ipv6_network_shares_one_bucket_and_memory_is_bounded() {
        let throttle = Throttle::new(&ThrottleConfig { size: NonZeroU32::MIN, refill_per_second: 0.001 });
        let in_net = |host: u64| IpAddr::V6(Ipv6Addr::from((0x2001_0db8u128 << 96) | u128::from(host)));
        assert!(throttle.take(in_net(1), SECOND).is_ok());
        assert!(throttle.take(in_net(2), SECOND).is_err());
        for n in 0..40_000u32 {
            let _ = throttle.take(IpAddr::V4(n.into()), SECOND);
        }
        assert!(throttle.states.len() <= Throttle::MAX_ADDRESSES);
    }
}
