//! Events out of a spool: each is written once, however often its replay is interrupted and begun again.
//!
//! A mark per spool and token holds the position of the last event taken; it moves in the same script that appends.

use super::activity::Group;
use super::call::Call;
use super::{Core, RedisStore, UNHURRIED};
use crate::activity::FrameHead;
use crate::store::{Replay, Replayed};
use crate::token::{StoreError, StoreFuture, TokenId};

/// Life of a mark, in seconds: how long an interrupted replay may wait to be gone on with.
const MARK_LIFE: u64 = 30 * 86_400;
/// Most events in one call of the script, which takes two arguments for each.
const AT_ONCE: usize = 500;
/// The same where each is looked for in its list: the server does nothing else meanwhile.
const DOUBTFUL_AT_ONCE: usize = 50;

impl Replay for RedisStore {
    fn replay(&self, events: Replayed) -> StoreFuture<'_, ()> {
        self.unhurried(async move |core| core.replay(events).await)
    }
}

impl Core {
    async fn replay(&self, replayed: Replayed) -> Result<(), StoreError> {
        let mut events = Vec::with_capacity(replayed.events.len());
        for (position, frame) in &replayed.events {
            // What the spool gives has been read as frames before.
            let Ok(head) = FrameHead::of(frame) else { continue };
            events.push((head.token(), head.id(), &frame[..], *position));
        }
        // Stable: a token's events stay in order.
        events.sort_by_key(|(token, ..)| *token);
        let most = if replayed.doubtful { DOUBTFUL_AT_ONCE } else { AT_ONCE };
        let groups: Vec<_> = events.chunk_by(|a, b| a.0 == b.0).flat_map(|token| token.chunks(most)).collect();
        let script = &self.target.scripts.spooled;
        let mut pipe = redis::Pipeline::with_capacity(1 + groups.len());
        pipe.add_command(script.load());
        let life = MARK_LIFE.to_string();
        let doubtful: &[u8] = if replayed.doubtful { b"1" } else { b"0" };
        for group in &groups {
            let short = group.first().map_or_else(|| TokenId::from_bytes([0; 16]), |event| event.0).short();
            let keys = [&self.target.keys.activity(&short)[..], &self.target.keys.mark(&short, replayed.source)];
            let positions: Vec<String> = group.iter().map(|event| event.3.to_string()).collect();
            let mut args: Vec<&[u8]> = vec![life.as_bytes(), doubtful];
            for (event, position) in group.iter().zip(&positions) {
                args.extend([position.as_bytes(), event.2]);
            }
            pipe.add_command(script.by_digest(&keys, &args));
        }
        let call = Call::repeatable("replaying activity", UNHURRIED);
        let answers = self.admin.pipeline(call, &pipe).await?;
        let groups: Vec<Vec<_>> = groups
            .iter()
            .map(|group| group.iter().map(|(token, id, frame, _)| (*token, *id, *frame)).collect())
            .collect();
        let groups: Vec<&Group<'_>> = groups.iter().map(|group| &group[..]).collect();
        self.follow_up(&groups, answers.into_iter().skip(1)).await
    }
}
