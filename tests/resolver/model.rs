//! The resolver and its limits against a model, through any order of uses, edits, failures and evictions.

use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::prelude::*;
use tollgate::auth::{Cached, Denial, Grant};
use tollgate::limit::Charge;
use tollgate::token::Change;

use super::ledger::{self, Ledger, hash};
use super::{Limits, MONTH, SIZE, STALE_FOR, Site, TTL, generation};

/// More tokens than fit into the cache, and more than may leave their buckets behind.
const TOKENS: u8 = 24;
const ENTRIES: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Use { token: u8, second: bool },
    Edit(u8),
    Revoke(u8),
    Gap,
    Down(bool),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    // Half of the uses are of two tokens, so that limits are reached.
    let token = prop_oneof![1u8..=2, 1u8..=TOKENS];
    prop_oneof![
        20 => (token.clone(), any::<bool>()).prop_map(|(token, second)| Step::Use { token, second }),
        2 => token.prop_map(Step::Edit),
        1 => (3u8..=TOKENS).prop_map(Step::Revoke),
        1 => Just(Step::Gap),
        1 => any::<bool>().prop_map(Step::Down),
        2 => (0u64..90_000).prop_map(Step::Advance),
    ]
}

/// What must hold of one token.
#[derive(Clone, Default)]
struct Account {
    admitted: u64,
    /// When the store was last asked for it with success, in milliseconds.
    asked_at: u64,
}

struct Model {
    site: Site,
    accounts: Vec<Account>,
    elapsed: u64,
}

impl Model {
    /// Uses a token as the proxy does.
    async fn use_token(&mut self, token: u8, second: bool) -> Result<(), TestCaseError> {
        let key = hash(token, second);
        for _ in 0..8 {
            let Some(grant) = self.resolve(token, key).await? else { return Ok(()) };
            match self.site.charge(&grant) {
                Charge::Admitted(_) => {
                    self.accounts[usize::from(token)].admitted += 1;
                    return Ok(());
                }
                Charge::Exceeded(_) => return Ok(()),
                Charge::Moved => {}
                Charge::AskStore => {
                    if self.site.ledger.down.load(Ordering::SeqCst) {
                        return Ok(());
                    }
                    let now = self.site.clock.now().wall;
                    let lease = self.site.ledger.lease(&ledger::record(token, 1), &self.site.plans, now);
                    prop_assert!(grant.token().state().begin_lease());
                    grant.token().state().end_lease(lease.as_ref(), now);
                }
            }
        }
        Err(TestCaseError::fail("no decision in eight tries"))
    }

    /// Finds a token; whatever is served must be no older than it may be.
    async fn resolve(
        &mut self,
        token: u8,
        key: tollgate::token::SecretHash,
    ) -> Result<Option<Grant<Limits>>, TestCaseError> {
        let known = self.site.ledger.generation(token);
        let stale = match self.site.cached(&key) {
            Cached::Fresh { grant, .. } => Some(grant),
            Cached::Stale(stale) => match self.ask(token, key).await? {
                Ok(found) => return Ok(found),
                Err(()) => stale,
            },
            Cached::Absent => return Ok(self.ask(token, key).await?.unwrap_or(None)),
        };
        if let Some(grant) = &stale {
            let age = self.elapsed - self.accounts[usize::from(token)].asked_at;
            let most = TTL + STALE_FOR;
            prop_assert!(age <= u64::try_from(most.as_millis()).unwrap_or(0), "served at the age of {age} ms");
            prop_assert_eq!(Some(generation(grant)), known, "every change was told");
        }
        Ok(stale)
    }

    /// One call to the store; `Err` while it is away.
    async fn ask(
        &mut self,
        token: u8,
        key: tollgate::token::SecretHash,
    ) -> Result<Result<Option<Grant<Limits>>, ()>, TestCaseError> {
        let known = self.site.ledger.generation(token);
        match self.site.fetch(key).await {
            Ok(Ok(grant)) => {
                prop_assert_eq!(Some(generation(&grant)), known);
                self.accounts[usize::from(token)].asked_at = self.elapsed;
                Ok(Ok(Some(grant)))
            }
            Ok(Err(denial)) => {
                prop_assert_eq!((denial, known), (Denial::Revoked, None));
                Ok(Ok(None))
            }
            Err(_) => Ok(Err(())),
        }
    }

    async fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let resolver = &self.site.resolver;
        match step {
            Step::Use { token, second } => self.use_token(token, second).await?,
            Step::Edit(token) => self.site.ledger.edit(token).iter().for_each(|change| resolver.apply(change)),
            Step::Revoke(token) => resolver.apply(&self.site.ledger.revoke(token)),
            Step::Gap => resolver.apply(&Change::Gap),
            Step::Down(down) => self.site.ledger.down.store(down, Ordering::SeqCst),
            Step::Advance(millis) => {
                self.site.hand.advance(Duration::from_millis(millis));
                self.elapsed += millis;
            }
        }
        prop_assert!(self.site.resolver.len() <= ENTRIES);
        for account in &self.accounts {
            // One call comes back in 100 s, however often the token left the cache and returned.
            prop_assert!(account.admitted <= u64::from(SIZE) + self.elapsed / 100_000);
            prop_assert!(account.admitted <= MONTH);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Never more than bucket and quota allow, never a record older than the last change told, nobody served beyond
    /// `stale_for`; and when everything is returned at the end, the store's books show exactly the calls admitted.
    #[test]
    fn evictions_edits_and_failures_give_nobody_a_fresh_allowance(steps in proptest::collection::vec(step(), 1..300)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let ledger = Ledger::new(TOKENS);
        let site = Site::new(&ledger, ENTRIES, runtime.handle());
        let accounts = vec![Account::default(); usize::from(TOKENS) + 1];
        let mut model = Model { site, accounts, elapsed: 0 };
        runtime.block_on(async {
            for step in steps {
                model.step(step).await?;
            }
            Ok::<_, TestCaseError>(())
        })?;
        model.site.resolver.drain();
        for token in 1..=TOKENS {
            prop_assert_eq!(ledger.used(token), model.accounts[usize::from(token)].admitted, "token {}", token);
        }
    }
}
