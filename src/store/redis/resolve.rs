//! The one round trip of a cold token; three while its slot moves to another node of a cluster.

use redis::Value;

use super::call::Call;
use super::keys::{Entry, parse_record};
use super::quota::{cell_lease, cells_life, numbers};
use super::{Core, unexpected};
use crate::clock::Timestamp;
use crate::limit::first_cells;
use crate::token::{
    Anchor, CellHolder, Lease, Lookup, Mode, PlanTable, Resolved, SecretHash, Status, StoreError, TokenId, TokenRecord,
    Tombstone, UNLIMITED,
};

/// What the script says.
enum Answer {
    Unknown,
    Revoked(Tombstone),
    /// The token lives in another tag: one more round trip.
    Forward(TokenId),
    /// The record; what was leased of the quota: granted, remaining, oldest counter of the period; of the shared bucket:
    /// granted, left, wait.
    Found(Box<TokenRecord>, Option<[i64; 3]>, Option<[i64; 3]>),
}

impl Core {
    /// Resolves a secret and leases quota for it.
    pub(super) async fn resolve(
        &self,
        hash: SecretHash,
        plans: &PlanTable,
        now: Timestamp,
    ) -> Result<Lookup, StoreError> {
        // Sent again after a dropped connection it may strand one more lease, as a crash would.
        let call = Call::repeatable("looking up a secret", self.timeout);
        let holder = CellHolder::fresh();
        let rows = plan_rows(plans, holder, now);
        let mut answer = self.ask(call, &self.target.keys.secret(&hash), hash.tag(), &[], &rows).await?;
        if let Some(Answer::Forward(id)) = answer {
            let key = self.target.keys.record(&id.short());
            answer = self.ask(call, &key, id.tag(), id.as_bytes(), &rows).await?;
        }
        let Some(answer) = answer else { return self.resolve_apart(call, hash, plans, now).await };
        let (record, leased, cells) = match answer {
            Answer::Unknown | Answer::Forward(_) => return Ok(Lookup::Unknown),
            Answer::Revoked(stone) => return Ok(Lookup::Revoked(stone)),
            Answer::Found(record, leased, cells) => (*record, leased, cells),
        };
        if record.secret(&hash).is_none() {
            // A forward that outlived its secret.
            return Ok(Lookup::Unknown);
        }
        let lease = leased.zip(plans.resolve(&record.plan).month.as_ref()).map(|(leased, month)| {
            let window = month.window(record.created_at, now);
            let [granted, remaining, oldest] = leased;
            Lease {
                granted: granted.unsigned_abs(),
                remaining: remaining.unsigned_abs(),
                window,
                refresh_at: window.leaves_at(oldest),
            }
        });
        let cells = cells.map(|told| cell_lease(holder, told));
        Ok(Lookup::Found(Box::new(Resolved { record, lease, cells })))
    }

    /// Nothing if the keys may be on two nodes: a key that is not found may be on the other one.
    async fn ask(
        &self,
        call: Call,
        key: &[u8],
        tag: u8,
        id: &[u8],
        rows: &[Vec<u8>],
    ) -> Result<Option<Answer>, StoreError> {
        let base = self.target.keys.base(tag);
        let mut args: Vec<&[u8]> = Vec::with_capacity(2 + rows.len());
        args.extend([&base[..], id]);
        args.extend(rows.iter().map(Vec::as_slice));
        let answer = self.requests.whole_script(call, &self.target.scripts.resolve, &[key], &args).await?;
        answer.map(Answer::parse).transpose()
    }

    /// Resolves key by key, each where it is.
    async fn resolve_apart(
        &self,
        call: Call,
        hash: SecretHash,
        plans: &PlanTable,
        now: Timestamp,
    ) -> Result<Lookup, StoreError> {
        let entry = self.read_apart(call, &self.target.keys.secret(&hash)).await?;
        let id = match entry.map(|entry| Entry::parse(&entry)).transpose()? {
            None => return Ok(Lookup::Unknown),
            Some(Entry::Tombstone(stone)) => return Ok(Lookup::Revoked(stone)),
            Some(Entry::Token(id) | Entry::Forward(id)) => id,
        };
        let Some(packed) = self.read_apart(call, &self.target.keys.record(&id.short())).await? else {
            return Ok(Lookup::Unknown);
        };
        let record = parse_record(&packed)?;
        if record.id != id || record.secret(&hash).is_none() {
            return Ok(Lookup::Unknown);
        }
        let usable = record.status == Status::Enabled && record.expires_at.is_none_or(|end| end > now);
        let lease = match plans.resolve(&record.plan).month.as_ref().filter(|_| usable) {
            Some(month) => {
                let window = month.window(record.created_at, now);
                Some(self.lease(call, id, month.size, window, false).await?)
            }
            None => None,
        };
        // The first call asks for cells by itself.
        Ok(Lookup::Found(Box::new(Resolved { record, lease, cells: None })))
    }

    async fn read_apart(&self, call: Call, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut cmd = redis::cmd("GET");
        cmd.arg(key);
        match self.requests.command(call, &cmd).await? {
            Value::BulkString(bytes) => Ok(Some(bytes)),
            Value::Nil => Ok(None),
            _ => Err(unexpected("looking up a secret")),
        }
    }
}

impl Answer {
    fn parse(answer: Value) -> Result<Self, StoreError> {
        let wrong = || unexpected("looking up a secret");
        let Value::Array(items) = answer else { return Err(wrong()) };
        match &items[..] {
            [Value::Int(0)] => Ok(Self::Unknown),
            [Value::Int(1), Value::BulkString(entry)] => match Entry::parse(entry)? {
                Entry::Tombstone(stone) => Ok(Self::Revoked(stone)),
                Entry::Token(_) | Entry::Forward(_) => Err(wrong()),
            },
            [Value::Int(2), Value::BulkString(id)] => {
                let id = <[u8; 16]>::try_from(&id[..]).map_err(|_| wrong())?;
                Ok(Self::Forward(TokenId::from_bytes(id)))
            }
            [Value::Int(3), Value::BulkString(record), quota, cells] => {
                Ok(Self::Found(Box::new(parse_record(record)?), numbers(quota), numbers(cells)))
            }
            _ => Err(wrong()),
        }
    }
}

/// The script's arguments from the third on: now, holder, life of a bucket's leases, then of every plan name, size, kind,
/// first and last counter, and size, refill and first lease of a shared bucket. The counters of a token-start period depend
/// on the token, so the script finds them.
fn plan_rows(plans: &PlanTable, holder: CellHolder, now: Timestamp) -> Vec<Vec<u8>> {
    let mut rows = vec![now.as_millis().to_string().into_bytes(), holder.to_bytes().to_vec(), cells_life()];
    for plan in plans.iter() {
        rows.push(plan.name.as_bytes().to_vec());
        match &plan.month {
            None => rows.extend([const { Vec::new() }; 4]),
            Some(month) => {
                // Doubles carry a script's numbers.
                rows.push(month.size.min(UNLIMITED).to_string().into_bytes());
                let window = month.window(now, now);
                rows.push(vec![window.kind]);
                let (first, last) = match month.anchor {
                    Anchor::TokenStart => (0, 0),
                    Anchor::Calendar(_) | Anchor::Rolling => (window.first_bucket(), window.bucket),
                };
                rows.extend([first.to_string().into_bytes(), last.to_string().into_bytes()]);
            }
        }
        match plan.minute.filter(|limit| limit.mode == Mode::Hard) {
            None => rows.extend([const { Vec::new() }; 3]),
            Some(limit) => {
                let (size, want) = (limit.size.to_string(), first_cells(&limit).to_string());
                rows.extend([size, limit.refill_per_second.to_string(), want].map(String::into_bytes));
            }
        }
    }
    rows
}
