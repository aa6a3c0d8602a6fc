//! Month quotas: counters in the token's hash, changed by scripts alone.

use redis::Value;

use super::call::Call;
use super::{Core, RedisStore, UNHURRIED, unexpected};
use crate::limit::{CounterStore, QuotaUse};
use crate::token::{Lease, QuotaWindow, StoreError, StoreFuture, TokenId, UNLIMITED};

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

fn numbers<const N: usize>(answer: &Value) -> Option<[i64; N]> {
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
