//! The spool across outages, kills, damage, a full disk and neighbours.

#![allow(clippy::expect_used)] // a failed expectation is the test's verdict

use std::collections::{BTreeMap, HashMap};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::AtomicUsize;

use proptest::prelude::*;

use super::*;
use crate::activity::{EventKind, FrameHead, Frames};
use crate::clock::Timestamp;
use crate::store::conformance::Writer;

/// A store with marks, that may be away, slow to answer, or take a batch without saying so.
#[derive(Default)]
struct Store {
    events: Mutex<Vec<(TokenId, EventId)>>,
    frames: Mutex<Vec<Bytes>>,
    marks: Mutex<HashMap<[u8; 8], u64>>,
    away: AtomicBool,
    /// Takes what comes and answers that it did not.
    lying: AtomicBool,
    hanging: AtomicBool,
    appended: AtomicUsize,
    release: Notify,
}

impl Store {
    fn push(&self, frame: &[u8]) {
        let head = FrameHead::of(frame).expect("a frame");
        self.events.lock().expect("not poisoned").push((head.token(), head.id()));
        self.frames.lock().expect("not poisoned").push(Bytes::copy_from_slice(frame));
    }

    fn refuse(&self) -> Result<(), StoreError> {
        match self.away.load(Ordering::SeqCst) || self.lying.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("told to".to_owned())),
            false => Ok(()),
        }
    }

    fn kept(&self) -> Vec<EventId> {
        self.events.lock().expect("not poisoned").iter().map(|(_, id)| *id).collect()
    }

    fn gaps(&self) -> BTreeMap<TokenId, u64> {
        let mut found = BTreeMap::new();
        for frame in self.frames.lock().expect("not poisoned").iter() {
            let event = Event::decode(frame).expect("a frame");
            if event.kind == EventKind::Gap {
                let data: serde_json::Value = serde_json::from_str(&event.data).expect("JSON");
                *found.entry(event.token).or_default() += data["missing"].as_u64().expect("a number");
            }
        }
        found
    }
}

impl EventLog for Store {
    fn append(&self, batch: Bytes) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.appended.fetch_add(1, Ordering::SeqCst);
            if self.hanging.load(Ordering::SeqCst) {
                self.release.notified().await;
            }
            if !self.away.load(Ordering::SeqCst) {
                Frames::new(&batch).for_each(|frame| self.push(frame));
            }
            self.refuse()
        })
    }

    fn page(&self, _: TokenId, _: usize, _: usize) -> StoreFuture<'_, Vec<Event>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn event(&self, _: TokenId, _: EventId) -> StoreFuture<'_, Option<Event>> {
        Box::pin(async { Ok(None) })
    }
}

impl Replay for Store {
    fn replay(&self, replayed: Replayed) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            if self.away.load(Ordering::SeqCst) {
                return self.refuse();
            }
            let mut marks = self.marks.lock().expect("not poisoned");
            for (position, frame) in &replayed.events {
                let mark = marks.entry(replayed.source).or_default();
                if *position <= *mark {
                    continue;
                }
                *mark = *position;
                let id = FrameHead::of(frame).expect("a frame").id();
                if !(replayed.doubtful && self.kept().contains(&id)) {
                    self.push(frame);
                }
            }
            drop(marks);
            self.refuse()
        })
    }
}

fn options(folder: &Path) -> SpoolOptions {
    SpoolOptions { folder: folder.to_owned(), max_bytes: 1 << 20, durability: Durability::Async }
}

fn spooled(store: &Arc<Store>, options: SpoolOptions) -> Spooled {
    Spooled::start(Arc::<Store>::clone(store), Arc::<Store>::clone(store), options)
}

async fn drained(spool: &Spooled) {
    let mut status = spool.shared.status.subscribe();
    let waited = tokio::time::timeout(Duration::from_secs(30), status.wait_for(|s| *s == Status::Drained)).await;
    waited.expect("drained in time").expect("it runs");
}

/// A batch of `count` events and their ids.
fn batch(writer: &mut Writer, token: TokenId, count: usize) -> (Bytes, Vec<EventId>) {
    let mut frames = Vec::new();
    let ids = (0..count).map(|_| writer.push(&mut frames, token, Timestamp::system())).collect();
    (frames.into(), ids)
}

fn token() -> TokenId {
    TokenId::random(1, Timestamp::system())
}

#[tokio::test]
async fn what_the_store_refuses_comes_later_once_and_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut writer, token) = (Arc::new(Store::default()), Writer::new(), token());
    let spool = spooled(&store, options(folder.path()));
    let mut expected = Vec::new();
    for round in 0..60 {
        store.away.store((10..40).contains(&round), Ordering::SeqCst);
        let (frames, ids) = batch(&mut writer, token, 7);
        spool.append(frames).await.expect("kept one way or the other");
        expected.extend(ids);
    }
    drained(&spool).await;
    assert_eq!(store.kept(), expected);
    assert_eq!(spool.metrics().waiting.load(Ordering::Relaxed), 0);
    let direct = store.appended.load(Ordering::SeqCst);
    spool.append(batch(&mut writer, token, 1).0).await.expect("kept");
    assert_eq!(store.appended.load(Ordering::SeqCst), direct + 1, "once drained, batches go straight again");
}

#[tokio::test]
async fn a_batch_that_was_taken_without_an_answer_is_there_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut writer, token) = (Arc::new(Store::default()), Writer::new(), token());
    let spool = spooled(&store, options(folder.path()));
    store.lying.store(true, Ordering::SeqCst);
    let (frames, ids) = batch(&mut writer, token, 5);
    spool.append(frames).await.expect("kept");
    store.lying.store(false, Ordering::SeqCst);
    drained(&spool).await;
    assert_eq!(store.kept(), ids);
}

#[tokio::test]
async fn nothing_is_replayed_while_a_slow_append_is_under_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut writer, token) = (Arc::new(Store::default()), Writer::new(), token());
    let spool = spooled(&store, options(folder.path()));
    store.hanging.store(true, Ordering::SeqCst);
    let (frames, ids) = batch(&mut writer, token, 5);
    spool.append(frames).await.expect("kept on disk after a while");
    assert!(spool.metrics().waiting.load(Ordering::Relaxed) > 0 && store.kept().is_empty());
    store.hanging.store(false, Ordering::SeqCst);
    store.release.notify_one();
    drained(&spool).await;
    assert_eq!(store.kept(), ids, "it was taken at last, and only then looked for");
}

#[tokio::test]
async fn a_spool_outlives_its_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut writer, token) = (Arc::new(Store::default()), Writer::new(), token());
    store.away.store(true, Ordering::SeqCst);
    let mut expected = Vec::new();
    for closed in [true, false] {
        let spool = spooled(&store, options(folder.path()));
        for _ in 0..20 {
            let (frames, ids) = batch(&mut writer, token, 50);
            spool.append(frames).await.expect("kept");
            expected.extend(ids);
        }
        if closed {
            spool.close().await;
        }
    }
    store.away.store(false, Ordering::SeqCst);
    let spool = spooled(&store, options(folder.path()));
    spool.adopt().await.expect("taken over");
    drained(&spool).await;
    let mut kept = store.kept();
    assert_eq!(kept.len(), expected.len());
    kept.sort_unstable();
    assert_eq!(kept, expected);
}

#[tokio::test]
async fn processes_that_share_a_folder_keep_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut writer, token) = (Arc::new(Store::default()), Writer::new(), token());
    store.away.store(true, Ordering::SeqCst);
    let one = spooled(&store, options(folder.path()));
    let two = spooled(&store, options(folder.path()));
    one.adopt().await.expect("a slot");
    two.adopt().await.expect("another");
    let mut expected = Vec::new();
    for spool in [&one, &two, &one, &two] {
        let (frames, ids) = batch(&mut writer, token, 10);
        spool.append(frames).await.expect("kept");
        expected.extend(ids);
    }
    assert!(folder.path().join("1/state").exists());
    two.close().await;
    drop(two);
    store.away.store(false, Ordering::SeqCst);
    one.adopt().await.expect("the other's is free");
    drained(&one).await;
    let mut kept = store.kept();
    kept.sort_unstable();
    assert_eq!(kept, expected);
}

#[tokio::test]
async fn what_overflows_becomes_a_gap_of_its_token_even_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut writer, tokens) = (Arc::new(Store::default()), Writer::new(), [token(), token()]);
    store.away.store(true, Ordering::SeqCst);
    let spool = spooled(&store, options(folder.path()));
    let mut kept: HashMap<TokenId, u64> = HashMap::new();
    let mut lost: BTreeMap<TokenId, u64> = BTreeMap::new();
    for round in 0..400 {
        let token = tokens[round % 2];
        let (frames, ids) = batch(&mut writer, token, 50);
        match spool.append(frames).await {
            Ok(()) => *kept.entry(token).or_default() += ids.len() as u64,
            Err(StoreError::Full(text)) => {
                assert!(text.contains("activity.spool"), "{text}");
                *lost.entry(token).or_default() += ids.len() as u64;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    let bytes: u64 = spool.shared.slots().bytes();
    assert!(lost.len() == 2 && bytes <= 1 << 20, "bounded: {bytes}");
    assert_eq!(spool.metrics().overflowed.load(Ordering::Relaxed), lost.values().sum::<u64>());
    // What a process that is killed a second later has written down.
    spool.shared.save_gaps(&mut spool.shared.slots(), true);
    drop(spool);
    store.away.store(false, Ordering::SeqCst);
    let spool = spooled(&store, options(folder.path()));
    spool.adopt().await.expect("taken over");
    drained(&spool).await;
    assert_eq!(store.gaps(), lost);
    assert_eq!(store.kept().len() as u64, kept.values().sum::<u64>() + 2);
    assert!(!folder.path().join("0/gaps").exists(), "told once");
}

#[tokio::test]
async fn a_disk_that_takes_no_more_is_a_gap_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut writer, token) = (Arc::new(Store::default()), Writer::new(), token());
    store.away.store(true, Ordering::SeqCst);
    let spool = spooled(&store, options(folder.path()));
    let (frames, first) = batch(&mut writer, token, 10);
    spool.append(frames).await.expect("kept");
    // Every write to it fails with ENOSPC.
    let full = OpenOptions::new().write(true).open("/dev/full").expect("Linux");
    let working = spool.shared.slots().own.as_mut().expect("taken").replace_active(full);
    let refused = spool.append(batch(&mut writer, token, 10).0).await;
    assert!(matches!(&refused, Err(StoreError::Full(text)) if text.contains("cannot be written")), "{refused:?}");
    spool.shared.slots().own.as_mut().expect("taken").replace_active(working);
    let (frames, last) = batch(&mut writer, token, 10);
    spool.append(frames).await.expect("there is room again");
    store.away.store(false, Ordering::SeqCst);
    drained(&spool).await;
    assert_eq!(store.gaps(), BTreeMap::from([(token, 10)]));
    let kept = store.kept();
    assert_eq!((&kept[..10], &kept[11..]), (&first[..], &last[..]), "the gap lies between");
}

#[tokio::test]
async fn a_strict_log_writes_to_the_disk_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut writer, token) = (Arc::new(Store::default()), Writer::new(), token());
    let spool = spooled(&store, SpoolOptions { durability: Durability::Strict, ..options(folder.path()) });
    let mut expected = Vec::new();
    for _ in 0..100 {
        let (frames, ids) = batch(&mut writer, token, 3);
        spool.append(frames).await.expect("kept");
        expected.extend(ids);
    }
    drained(&spool).await;
    assert_eq!(store.kept(), expected);
    assert_eq!(store.appended.load(Ordering::SeqCst), 0, "all of it came out of the spool");
}

#[tokio::test]
async fn a_spool_without_a_place_leaves_the_batch_to_its_caller() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "").expect("written");
    let (store, mut writer) = (Arc::new(Store::default()), Writer::new());
    store.away.store(true, Ordering::SeqCst);
    let spool = spooled(&store, options(&folder.path().join("file")));
    let refused = spool.append(batch(&mut writer, token(), 1).0).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(spool.metrics().overflowed.load(Ordering::Relaxed), 0);
}

/// Every event that a slot gives, and how many damaged places it met.
fn read_all(slot: &mut Slot) -> (Vec<EventId>, u64) {
    let (mut ids, mut damaged) = (Vec::new(), 0);
    while let Some(chunk) = slot.next().expect("read") {
        ids.extend(chunk.events.iter().map(|(_, frame)| FrameHead::of(frame).expect("a frame").id()));
        damaged += chunk.damaged;
        slot.advance(chunk.next).expect("moved on");
    }
    (ids, damaged)
}

fn newest_segment(folder: &Path) -> PathBuf {
    let segments = crate::store::embedded::segments::find(folder).expect("listed");
    crate::store::embedded::segments::path_of(folder, segments.last().expect("one").base)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is cut off the end of the file, all that lies whole before it comes, and further events after it.
    #[test]
    fn a_torn_end_costs_only_what_is_torn(batches in 1usize..6, cut in 1u64..400) {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut writer, token, mut ids) = (Writer::new(), token(), Vec::new());
        let mut slot = Slot::take(folder.path(), 1 << 20).expect("made").expect("free");
        for _ in 0..batches {
            let (frames, more) = batch(&mut writer, token, 3);
            slot.append(&frames, false).expect("written");
            ids.extend(more);
        }
        drop(slot);
        let path = newest_segment(folder.path());
        let file = OpenOptions::new().write(true).open(&path).expect("there");
        let length = file.metadata().expect("there").len();
        file.set_len(length.saturating_sub(cut)).expect("cut");
        let mut slot = Slot::take(folder.path(), 1 << 20).expect("opened").expect("free");
        let (frames, more) = batch(&mut writer, token, 3);
        slot.append(&frames, false).expect("written");
        let (read, damaged) = read_all(&mut slot);
        let whole = read.len() - 3;
        prop_assert_eq!(&read[..whole], &ids[..whole]);
        prop_assert_eq!(&read[whole..], &more[..]);
        prop_assert!(ids.len() - whole <= (cut / 100 + 1) as usize, "{} lost by {} bytes", ids.len() - whole, cut);
        prop_assert_eq!(damaged, 0);
    }

    /// A flipped bit costs the event it lies in and no other.
    #[test]
    fn a_flipped_bit_costs_one_event(at in 0.0f64..1.0, bit in 0u8..8, reopened in any::<bool>()) {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut writer, token) = (Writer::new(), token());
        let mut slot = Slot::take(folder.path(), 1 << 20).expect("made").expect("free");
        let (frames, ids) = batch(&mut writer, token, 40);
        slot.append(&frames, false).expect("written");
        let file = OpenOptions::new().read(true).write(true).open(newest_segment(folder.path())).expect("there");
        let length = file.metadata().expect("there").len();
        let offset = 8 + ((length - 8) as f64 * at) as u64;
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).expect("read");
        file.write_all_at(&[byte[0] ^ (1 << bit)], offset).expect("written");
        if reopened {
            drop(slot);
            slot = Slot::take(folder.path(), 1 << 20).expect("opened").expect("free");
        }
        let (read, _) = read_all(&mut slot);
        prop_assert_eq!(read.len(), ids.len() - 1);
        prop_assert!(read.iter().all(|id| ids.contains(id)));
        let (frames, more) = batch(&mut writer, token, 2);
        slot.append(&frames, false).expect("written");
        prop_assert_eq!(read_all(&mut slot).0, more, "and it goes on");
    }

    /// Appends, replays, kills and openings in any order: each event comes, in order, and positions never repeat.
    #[test]
    fn a_slot_is_a_queue(steps in proptest::collection::vec(0u8..4, 1..60)) {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut writer, token) = (Writer::new(), token());
        let mut slot = Slot::take(folder.path(), 64 << 10).expect("made").expect("free");
        let source = slot.source;
        let (mut expected, mut got, mut last) = (Vec::new(), Vec::new(), 0);
        for step in steps {
            match step {
                0 | 1 => {
                    let (frames, ids) = batch(&mut writer, token, 120);
                    slot.append(&frames, step == 1).expect("written");
                    expected.extend(ids);
                }
                2 => if let Some(chunk) = slot.next().expect("read") {
                    for (position, frame) in &chunk.events {
                        prop_assert!(*position > last, "{position} after {last}");
                        last = *position;
                        got.push(FrameHead::of(frame).expect("a frame").id());
                    }
                    slot.advance(chunk.next).expect("moved on");
                },
                _ => {
                    drop(slot);
                    slot = Slot::take(folder.path(), 64 << 10).expect("opened").expect("free");
                    prop_assert_eq!(slot.source, source);
                }
            }
        }
        got.extend(read_all(&mut slot).0);
        prop_assert_eq!(got, expected);
        prop_assert_eq!(slot.waiting(), 0);
        prop_assert!(slot.bytes() <= 1 << 20 | 64 << 10, "what is replayed leaves the disk: {}", slot.bytes());
    }
}

#[test]
fn a_spool_that_lost_its_state_is_doubted_as_a_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut writer, token) = (Writer::new(), token());
    let mut slot = Slot::take(folder.path(), 1 << 20).expect("made").expect("free");
    let (frames, ids) = batch(&mut writer, token, 4);
    slot.append(&frames, false).expect("written");
    let source = slot.source;
    assert!(!slot.next().expect("read").expect("events").doubtful);
    drop(slot);
    std::fs::write(folder.path().join("state"), [7; 36]).expect("damaged");
    let mut slot = Slot::take(folder.path(), 1 << 20).expect("opened").expect("free");
    assert_ne!(slot.source, source);
    assert!(slot.next().expect("read").expect("events").doubtful);
    assert_eq!(read_all(&mut slot).0, ids);
}
