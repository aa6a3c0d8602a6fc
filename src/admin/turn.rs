//! Turns: how many lists that read all tokens of an owner or account are put together at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::token::TokenId;

/// Such lists under way at once. Each holds what it read, and keeps a core busy while it sorts.
const ALL: usize = 4;
/// Of those, lists that one token asked for: the others find a place beside it.
const OF_ONE: usize = 2;
/// Places for tokens; those whose ids fall on one place share its turns.
const PLACES: usize = 64;

/// Gives turns in the order of asking. The wait ends with the time of the call.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    of_one: [Arc<Semaphore>; PLACES],
}

/// The right to put a list together; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

impl Default for Turns {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL)), of_one: std::array::from_fn(|_| Arc::new(Semaphore::new(OF_ONE))) }
    }
}

impl Turns {
    /// Waits for a turn of this token.
    pub(super) async fn of(&self, token: TokenId) -> Turn {
        let [.., last] = *token.as_bytes();
        let mut permits = [None, None];
        // First among its own, so that it waits there and not in front of others. Neither is ever closed.
        for (permit, seats) in permits.iter_mut().zip([&self.of_one[usize::from(last) % PLACES], &self.all]) {
            *permit = Arc::clone(seats).acquire_owned().await.ok();
        }
        Turn { _permits: permits }
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use std::pin::pin;

    use super::*;

    async fn is_waiting(work: impl Future) -> bool {
        let mut work = pin!(work);
        std::future::poll_fn(|cx| std::task::Poll::Ready(work.as_mut().poll(cx).is_pending())).await
    }

    #[tokio::test]
    async fn one_token_leaves_turns_to_others_and_all_have_an_end() {
        let turns = Turns::default();
        let token = |byte: u8| TokenId::from_bytes([byte; 16]);
        let mine = [turns.of(token(1)).await, turns.of(token(1)).await];
        assert!(is_waiting(turns.of(token(1))).await);
        let theirs = [turns.of(token(2)).await, turns.of(token(3)).await];
        assert!(is_waiting(turns.of(token(4))).await);
        drop(theirs);
        assert!(!is_waiting(turns.of(token(4))).await);
        assert!(is_waiting(turns.of(token(1))).await, "still two of its own");
        drop(mine);
        assert!(!is_waiting(turns.of(token(1))).await);
    }
}
