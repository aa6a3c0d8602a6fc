//! Month quotas, counters in the token's hash, and shared minute buckets, a key of their own; changed by scripts alone.

use std::time::Duration;

use redis::Value;

use super::call::Call;
use super::{Core, RedisStore, UNHURRIED, unexpected};
use crate::limit::{CounterStore, QuotaUse};
use crate::token::{
    CELLS_HELD, CellAsk, CellHolder, CellLease, Lease, QuotaWindow, StoreError, StoreFuture, TokenId, UNLIMITED,
};

/// Life of counters without a token, in seconds: longer than any period.
const OWNERLESS_LIFE: &[u8] = b"5356800";
const LEASING: &str = "leasing quota";

impl CounterStore for RedisStore {
    fn reserve(&self, id: TokenId, size: u64, window: QuotaWindow) -> StoreFuture<'_, Lease> {
        self.urgent(async move |core| core.reserve(id, size, window).await)
    }

    fn give_back(&self, id: TokenId, window: QuotaWindow, calls: u64) -> StoreFuture<'_, ()> {
        self.unhurried(async move |core| core.give_back(id, window, calls).await)
    }

    fn used(&self, id: TokenId, window: QuotaWindow) -> StoreFuture<'_, QuotaUse> {
        self.unhurried(async move |core| core.used(id, window).await)
    }

    fn cells(&self, id: TokenId, ask: CellAsk) -> StoreFuture<'_, CellLease> {
        self.urgent(async move |core| core.cells(id, ask).await)
    }

    fn is_reachable(&self) -> bool {
        self.core.requests.is_open()
    }
}

impl Core {
    async fn reserve(&self, id: TokenId, size: u64, window: QuotaWindow) -> Result<Lease, StoreError> {
        self.lease(Call::once(LEASING, self.timeout), id, size, window, true).await
    }

    /// Leases; `whole` looks whether there is a token, unless its slot is moving.
    pub(super) async fn lease(
        &self,
        call: Call,
        id: TokenId,
        size: u64,
        window: QuotaWindow,
        whole: bool,
    ) -> Result<Lease, StoreError> {
        let short = id.short();
        let (counters, record) = (self.target.keys.counters(&short), self.target.keys.record(&short));
        // Doubles carry a script's numbers.
        let size = size.min(UNLIMITED).to_string();
        let (first, bucket) = (window.first_bucket().to_string(), window.bucket.to_string());
        let args = [size.as_bytes(), &[window.kind], first.as_bytes(), bucket.as_bytes(), OWNERLESS_LIFE];
        let script = &self.target.scripts.reserve;
        let answer = match whole {
            true => self.requests.whole_script(call, script, &[&counters, &record], &args).await?,
            false => None,
        };
        let answer = match answer {
            Some(answer) => answer,
            // One key alone is where it is.
            None => self.requests.script(call, script, &[&counters], &args).await?,
        };
        let [granted, remaining, oldest] = numbers(&answer).ok_or_else(|| unexpected(LEASING))?;
        Ok(Lease {
            granted: granted.unsigned_abs(),
            remaining: remaining.unsigned_abs(),
            window,
            refresh_at: window.leaves_at(oldest),
        })
    }

    async fn cells(&self, id: TokenId, ask: CellAsk) -> Result<CellLease, StoreError> {
        let key = self.target.keys.bucket(&id.short());
        let (holder, life) = (ask.holder.to_bytes(), cells_life());
        let counts = [ask.seq, ask.acked, ask.held, ask.back, ask.want, ask.size].map(|count| count.to_string());
        let rate = ask.refill_per_second.to_string();
        let mut args: Vec<&[u8]> = vec![&holder];
        args.extend(counts.iter().map(String::as_bytes));
        args.extend([rate.as_bytes(), &life]);
        // Never sent twice: a second answer would name calls that the first one may have brought.
        let call = Call::once("leasing calls of a bucket", self.timeout);
        let answer = self.requests.script(call, &self.target.scripts.cells, &[&key], &args).await?;
        let numbers = numbers(&answer).ok_or_else(|| unexpected("leasing calls of a bucket"))?;
        Ok(cell_lease(ask.holder, numbers))
    }

    async fn give_back(&self, id: TokenId, window: QuotaWindow, calls: u64) -> Result<(), StoreError> {
        let counters = self.target.keys.counters(&id.short());
        let (bucket, calls) = (window.bucket.to_string(), calls.min(UNLIMITED).to_string());
        let args = [&[window.kind][..], bucket.as_bytes(), calls.as_bytes()];
        let call = Call::once("giving quota back", UNHURRIED);
        self.admin.script(call, &self.target.scripts.give_back, &[&counters], &args).await?;
        Ok(())
    }

    async fn used(&self, id: TokenId, window: QuotaWindow) -> Result<QuotaUse, StoreError> {
        let counters = self.target.keys.counters(&id.short());
        let (first, bucket) = (window.first_bucket().to_string(), window.bucket.to_string());
        let args = [&[window.kind][..], first.as_bytes(), bucket.as_bytes()];
        let call = Call::repeatable("reading quota", UNHURRIED);
        let answer = self.admin.script(call, &self.target.scripts.used, &[&counters], &args).await?;
        let [used, oldest] = numbers(&answer).ok_or_else(|| unexpected("reading quota"))?;
        Ok(QuotaUse { used: used.unsigned_abs(), refresh_at: window.leaves_at(oldest) })
    }
}

/// How long the store holds leased calls, in µs.
pub(super) fn cells_life() -> Vec<u8> {
    CELLS_HELD.as_micros().to_string().into_bytes()
}

/// What the store said to a holder.
pub(super) fn cell_lease(holder: CellHolder, [granted, left, wait]: [i64; 3]) -> CellLease {
    let count = |calls: i64| u32::try_from(calls.max(0)).unwrap_or(u32::MAX);
    let wait = Duration::from_micros(u64::try_from(wait).unwrap_or(0));
    CellLease { holder, granted: count(granted), left: count(left), wait }
}

pub(super) fn numbers<const N: usize>(answer: &Value) -> Option<[i64; N]> {
    let Value::Array(items) = answer else { return None };
    let mut numbers = [0; N];
    if items.len() != N {
        return None;
    }
    for (number, item) in numbers.iter_mut().zip(items) {
        let Value::Int(value) = item else { return None };
        *number = *value;
    }
    Some(numbers)
}
