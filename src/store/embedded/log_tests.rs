//! The activity log across kills, damage and retention.

#![allow(clippy::expect_used)] // a failed expectation is the test's verdict

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::log::{Log, Tail};
use super::segments;
use super::tests::retention;
use crate::activity::{EventId, FrameHead, Retention};
use crate::clock::Timestamp;
use crate::store::conformance::Writer;
use crate::token::TokenId;

fn open(folder: &Path, retention: Retention) -> (Arc<Log>, Tail) {
    Log::open(folder.to_owned(), retention).expect("opened")
}

fn shown(log: &Log, token: TokenId) -> Vec<EventId> {
    log.page(token, 0, usize::MAX).expect("read").iter().map(|event| event.id).collect()
}

/// Segments of 64 KiB, 1 MiB in all.
fn small() -> Retention {
    Retention { max_bytes: 1 << 20, ..retention(1_000_000) }
}

/// Appends `count` events of one token in batches of ten; newest first.
fn fill(tail: &mut Tail, writer: &mut Writer, token: TokenId, count: usize) -> Vec<EventId> {
    let mut ids = Vec::new();
    for _ in 0..count / 10 {
        let mut batch = Vec::new();
        ids.extend((0..10).map(|_| writer.push(&mut batch, token, Timestamp::system())));
        tail.append(&batch).expect("appended");
    }
    ids.reverse();
    ids
}

fn newest_file(folder: &Path) -> PathBuf {
    let segments = segments::find(folder).expect("listed");
    segments::path_of(folder, segments.last().expect("one").base)
}

#[test]
fn a_torn_end_is_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let (token, mut writer) = (TokenId::random(1, Timestamp::system()), Writer::new());
    let (_, mut tail) = open(folder.path(), small());
    let mut ids = fill(&mut tail, &mut writer, token, 20);
    drop(tail);
    let path = newest_file(folder.path());
    let whole = fs::metadata(&path).expect("there").len();
    for cut in [1, 19, 20, 100] {
        // As if the last write of a further batch had been cut.
        let (_, mut tail) = open(folder.path(), small());
        fill(&mut tail, &mut writer, token, 10);
        drop(tail);
        File::options().write(true).open(&path).expect("there").set_len(whole + cut).expect("cut");
        let (log, _) = open(folder.path(), small());
        assert_eq!(shown(&log, token), ids, "cut at {cut}");
        assert_eq!(fs::metadata(&path).expect("there").len(), whole);
    }
    let (log, mut tail) = open(folder.path(), small());
    ids.splice(0..0, fill(&mut tail, &mut writer, token, 10));
    assert_eq!(shown(&log, token), ids, "and it goes on");
}

#[test]
fn a_segment_that_was_only_begun_is_taken_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let (token, mut writer) = (TokenId::random(1, Timestamp::system()), Writer::new());
    let (_, mut tail) = open(folder.path(), small());
    let mut ids = fill(&mut tail, &mut writer, token, 20);
    drop(tail);
    let end = segments::find(folder.path()).expect("listed")[0].end();
    for bytes in [&b""[..], b"TGA", b"TGACT\0\0\x01"] {
        fs::write(segments::path_of(folder.path(), end), bytes).expect("written");
        let (log, _) = open(folder.path(), small());
        assert_eq!(shown(&log, token), ids);
    }
    let (_, mut tail) = open(folder.path(), small());
    ids.splice(0..0, fill(&mut tail, &mut writer, token, 10));
    drop(tail);
    assert_eq!(shown(&open(folder.path(), small()).0, token), ids);
}

#[test]
fn damage_hides_what_is_behind_it_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (token, other, mut writer) =
        (TokenId::random(1, Timestamp::system()), TokenId::random(2, Timestamp::system()), Writer::new());
    let (log, mut tail) = open(folder.path(), small());
    let others = fill(&mut tail, &mut writer, other, 10);
    fill(&mut tail, &mut writer, token, 10);
    let damaged = tail.base() + fs::metadata(newest_file(folder.path())).expect("there").len() - 5;
    let ids = fill(&mut tail, &mut writer, token, 10);
    let file = File::options().write(true).open(newest_file(folder.path())).expect("there");
    file.write_all_at(b"\xff", damaged).expect("damaged");
    assert_eq!(shown(&log, token), ids);
    assert_eq!(shown(&log, other), others);
}

#[test]
fn without_saved_heads_all_segments_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (token, early, mut writer) =
        (TokenId::random(1, Timestamp::system()), TokenId::random(2, Timestamp::system()), Writer::new());
    let (_, mut tail) = open(folder.path(), small());
    let early_ids = fill(&mut tail, &mut writer, early, 10);
    let ids = fill(&mut tail, &mut writer, token, 1_500);
    tail.close().expect("closed");
    assert!(segments::find(folder.path()).expect("listed").len() > 2);
    let heads = folder.path().join("heads");
    let saved = fs::read(&heads).expect("saved");
    let mut damaged = saved.clone();
    damaged[30] ^= 1;
    for bytes in [Some(saved), Some(damaged), Some(Vec::new()), None] {
        match bytes {
            Some(bytes) => fs::write(&heads, bytes).expect("written"),
            None => fs::remove_file(&heads).expect("deleted"),
        }
        let (log, _) = open(folder.path(), small());
        assert_eq!((shown(&log, token), shown(&log, early)), (ids.clone(), early_ids.clone()));
    }
}

/// Tidies and returns what was handed over.
fn tidy(tail: &mut Tail) -> HashMap<TokenId, [u8; 28]> {
    let mut taken = HashMap::new();
    let mut take = |uses: Vec<(TokenId, [u8; 28])>| {
        taken.extend(uses);
        true
    };
    tail.tidy(&mut take).expect("tidied");
    taken
}

#[test]
fn the_oldest_segments_go_when_there_are_too_many_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (token, early, mut writer) =
        (TokenId::random(1, Timestamp::system()), TokenId::random(2, Timestamp::system()), Writer::new());
    let (log, mut tail) = open(folder.path(), small());
    fill(&mut tail, &mut writer, early, 10);
    let early_use = log.last_use(early).expect("read").expect("used");
    let mut ids = Vec::new();
    let mut taken = HashMap::new();
    for _ in 0..40 {
        ids.splice(0..0, fill(&mut tail, &mut writer, token, 500));
        taken.extend(tidy(&mut tail));
        let segments = segments::find(folder.path()).expect("listed");
        let total: u64 = segments.iter().map(|segment| segment.length).sum();
        assert!(total <= small().max_bytes, "{total} bytes in {} segments", segments.len());
    }
    let left = shown(&log, token);
    assert!(left.len() > 3_000 && left.len() < ids.len(), "{} of {} are left", left.len(), ids.len());
    assert_eq!(left, ids[..left.len()]);
    assert_eq!(shown(&log, early), vec![]);
    assert_eq!(log.last_use(early).expect("read"), None);
    assert_eq!(taken.keys().collect::<Vec<_>>(), vec![&early], "only what no later segment tells");
    assert_eq!(FrameHead::parse_last_use(&taken[&early]), Some(early_use));
    tail.close().expect("closed");
    assert_eq!(shown(&open(folder.path(), small()).0, token), left);
}

#[test]
fn segments_beyond_the_age_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let (token, early, mut writer) =
        (TokenId::random(1, Timestamp::system()), TokenId::random(2, Timestamp::system()), Writer::new());
    let (log, mut tail) = open(folder.path(), small());
    fill(&mut tail, &mut writer, early, 10);
    let ids = fill(&mut tail, &mut writer, token, 1_000);
    let before = segments::find(folder.path()).expect("listed");
    assert!(tidy(&mut tail).is_empty());
    assert_eq!(segments::find(folder.path()).expect("listed"), before, "nothing is old");
    let oldest = File::options().write(true).open(segments::path_of(folder.path(), before[0].base)).expect("there");
    oldest.set_modified(SystemTime::now() - small().max_age - Duration::from_secs(1)).expect("set back");
    // Refused last uses keep the segment.
    tail.tidy(&mut |_| false).expect("tidied");
    assert_eq!(segments::find(folder.path()).expect("listed"), before);
    assert_eq!(tidy(&mut tail).len(), 1);
    assert_eq!(segments::find(folder.path()).expect("listed"), before[1..]);
    let left = shown(&log, token);
    assert!(!left.is_empty());
    assert_eq!(left, ids[..left.len()]);
}

#[derive(Clone, Debug)]
enum Step {
    /// Events of these tokens in one batch.
    Append(Vec<u8>),
    /// A clean end and a new beginning.
    Reopen,
    /// A kill in the middle of writing so many bytes of a further batch.
    Kill(usize),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_log_agrees_with_a_model(steps in proptest::collection::vec(prop_oneof![
        4 => proptest::collection::vec(0u8..5, 0..200).prop_map(Step::Append),
        1 => Just(Step::Reopen),
        1 => (0usize..100).prop_map(Step::Kill),
    ], 1..25)) {
        let folder = tempfile::tempdir().expect("a folder");
        let large = Retention { max_bytes: 1 << 20, ..retention(1_000_000) };
        let tokens: Vec<TokenId> = (0..5).map(|tag| TokenId::random(tag, Timestamp::system())).collect();
        let mut model: Vec<Vec<EventId>> = vec![Vec::new(); 5];
        let mut writer = Writer::new();
        let (mut log, mut tail) = open(folder.path(), large);
        for step in steps {
            match step {
                Step::Append(events) => {
                    let mut batch = Vec::new();
                    for token in events.into_iter().map(usize::from) {
                        model[token].insert(0, writer.push(&mut batch, tokens[token], Timestamp::system()));
                    }
                    tail.append(&batch).expect("appended");
                }
                Step::Reopen => {
                    tail.close().expect("closed");
                    drop(tail);
                    (log, tail) = open(folder.path(), large);
                }
                Step::Kill(bytes) => {
                    drop(tail);
                    let path = newest_file(folder.path());
                    let end = fs::metadata(&path).expect("there").len();
                    let mut lost = Vec::new();
                    let (mut heads, mut undo, mut batch) = (segments::Heads::default(), Vec::new(), Vec::new());
                    writer.push(&mut batch, tokens[0], Timestamp::system());
                    segments::encode(&batch, end, &mut heads, &mut lost, &mut undo);
                    let file = File::options().write(true).open(&path).expect("there");
                    file.write_all_at(&lost[..bytes.min(lost.len() - 1)], end).expect("torn");
                    (log, tail) = open(folder.path(), large);
                }
            }
        }
        for (token, ids) in tokens.iter().zip(&model) {
            prop_assert_eq!(&shown(&log, *token), ids);
        }
    }
}
