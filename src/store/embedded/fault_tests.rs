//! Stores that cannot be opened, keys that do not fit, and disks that are full.

#![allow(clippy::expect_used)] // a failed expectation is the test's verdict

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::tests::open_at;
use super::*;
use crate::activity::Durability;
use crate::config::Secret;
use crate::store::conformance::{KEY, RETENTION, Writer, record};
use crate::store::{Config, KeySource, Location, key};
use crate::token::HashKey;

fn refusal(folder: &Path) -> OpenError {
    let opened = Embedded::open(Some(folder), KEY.fingerprint(), RETENTION, Durability::Async, "the hash key in x");
    opened.err().expect("it must not open")
}

#[tokio::test]
async fn a_store_in_use_is_held_and_free_after_closing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_at(Some(folder.path()));
    let OpenError::Held(text) = refusal(folder.path()) else { panic!("it must be held") };
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    assert!(text.contains(&folder.path().display().to_string()), "{text}");
    store.close().await;
    open_at(Some(folder.path())).close().await;
}

#[tokio::test]
async fn a_lost_file_is_opened_again_by_the_next_read_or_write() {
    let store = open_at(None);
    let kept = store.create(record("acme", "mira", "deploy"), true).await.expect("created");
    store.core.db.lose();
    assert_eq!(store.find(TokenRef::Id(kept.id)).await.expect("answered").as_ref(), Some(&kept));
    store.core.db.lose();
    store.create(record("acme", "mira", "next"), true).await.expect("created");
    store.core.db.lose();
    let tasks = (0..50).map(|_| store.find(TokenRef::Id(kept.id)));
    for answer in futures_util::future::join_all(tasks).await {
        assert_eq!(answer.expect("answered").as_ref(), Some(&kept));
    }
}

#[tokio::test]
async fn a_temporary_store_is_deleted_at_its_end() {
    let store = open_at(None);
    let path = store.core.log.folder().parent().expect("a folder").to_owned();
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o700);
    for name in ["tollgate.redb", "tollgate.lock", "activity/0000000000000000.seg"] {
        assert_eq!(fs::metadata(path.join(name)).expect("there").permissions().mode() & 0o777, 0o600, "{name}");
    }
    store.create(record("acme", "mira", "deploy"), true).await.expect("created");
    store.close().await;
    assert!(!path.exists());
}

#[test]
fn what_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "x").expect("written");
    for path in [file.clone(), file.join("below")] {
        let OpenError::Refused(text) = refusal(&path) else { panic!("refused") };
        assert!(text.contains("must be a folder") && text.contains("file"), "{text}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_never_panics() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_at(Some(folder.path()));
    for n in 0..50 {
        store.create(record("acme", "mira", &format!("t{n}")), true).await.expect("created");
    }
    store.close().await;
    let path = folder.path().join("tollgate.redb");
    let whole = fs::read(&path).expect("there");
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes[..9].fill(b'x'),
        |bytes| bytes.fill(0xa5),
        |bytes| bytes.truncate(2_000),
        |bytes| bytes[9..4_096].fill(0x5a),
    ];
    for (n, damage) in damages.into_iter().enumerate() {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        // A new file: the lock on the old one may live on in a child that another test has just forked.
        fs::remove_file(&path).expect("there");
        fs::write(&path, bytes).expect("written");
        let OpenError::Refused(text) = refusal(folder.path()) else { panic!("refused") };
        assert!(text.contains("tollgate.redb"), "damage {n}: {text}");
    }
    fs::remove_file(&path).expect("there");
    fs::write(&path, whole).expect("written");
    open_at(Some(folder.path())).close().await;
}

#[tokio::test]
async fn another_key_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    open_at(Some(folder.path())).close().await;
    let other = HashKey::new(&[8; 32]).expect("long enough");
    let opened = Embedded::open(
        Some(folder.path()),
        other.fingerprint(),
        RETENTION,
        Durability::Async,
        "the hash key in /etc/x.key",
    );
    let Err(OpenError::Refused(text)) = opened else { panic!("refused") };
    assert!(text.contains("another key than the hash key in /etc/x.key"), "{text}");
    open_at(Some(folder.path())).close().await;
}

#[test]
fn a_key_file_is_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hash.key");
    let source = |create| KeySource::File { path: path.clone(), create };
    let OpenError::Refused(text) = key::load(&source(false), None).expect_err("absent") else { panic!("refused") };
    let beside = key::load(&source(true), Some(folder.path())).expect_err("no fresh key beside a store");
    assert!(beside.to_string().contains("put the file back") && !path.exists(), "{beside}");
    assert!(text.contains("hash.key") && text.contains("auth.hash_key_file"), "{text}");
    let made = key::load(&source(true), None).expect("made").fingerprint();
    let text = fs::read_to_string(&path).expect("there");
    assert!(text.trim().len() == 64 && text.trim().bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "no draft is left");
    for create in [true, false] {
        assert_eq!(key::load(&source(create), None).expect("loaded").fingerprint(), made);
    }
    let given = KeySource::Given(Secret::new(text));
    assert_eq!(key::load(&given, None).expect("loaded").fingerprint(), made, "the same key, however it comes");
}

#[test]
fn keys_are_decoded_or_taken_as_they_are() {
    let load = |text: &str| key::load(&KeySource::Given(Secret::new(text.to_owned())), None);
    let plain = |bytes: &[u8]| HashKey::new(bytes).expect("long enough").fingerprint();
    assert_eq!(load(&"ab".repeat(32)).expect("hex").fingerprint(), plain(&[0xab; 32]));
    assert_eq!(load(&" AB".repeat(32).replace(' ', "")).expect("hex").fingerprint(), plain(&[0xab; 32]));
    assert_eq!(load(&"xy".repeat(32)).expect("text").fingerprint(), plain("xy".repeat(32).as_bytes()));
    assert_eq!(load(&format!(" {}\n", "z".repeat(40))).expect("text").fingerprint(), plain(&[b'z'; 40]));
    let OpenError::Refused(text) = load("tooshort").expect_err("short") else { panic!("refused") };
    assert!(text.contains("32") && !text.contains("tooshort"), "{text}");
}

fn config(folder: &Path, location: Location) -> Config {
    Config {
        location,
        data_dir: folder.join("data"),
        hash_key: KeySource::File { path: folder.join("data/hash.key"), create: true },
        timeout: std::time::Duration::from_secs(1),
        retention: RETENTION,
        durability: Durability::Async,
        spool: 1 << 20,
    }
}

#[tokio::test]
async fn opening_by_configuration_makes_what_is_absent() {
    let folder = tempfile::tempdir().expect("a folder");
    let in_file = config(folder.path(), Location::File(folder.path().join("data")));
    let opened = crate::store::open(&in_file).await.expect("opened");
    let kept = opened.stores.tokens.create(record("acme", "mira", "deploy"), true).await.expect("created");
    let fingerprint = opened.key.fingerprint();
    opened.close().await;
    assert_eq!(fs::metadata(&in_file.data_dir).expect("there").permissions().mode() & 0o777, 0o700);
    let opened = crate::store::open(&in_file).await.expect("opened again");
    assert_eq!(opened.key.fingerprint(), fingerprint);
    assert_eq!(opened.stores.tokens.find(TokenRef::Id(kept.id)).await.expect("answered"), Some(kept));
    opened.close().await;
    fs::remove_file(folder.path().join("data/hash.key")).expect("deleted");
    let refused = crate::store::open(&in_file).await.expect_err("a fresh key does not fit");
    assert!(matches!(&refused, OpenError::Refused(text) if text.contains("hash.key")), "{refused}");
    crate::store::open(&config(folder.path(), Location::Memory)).await.expect("opened").close().await;
}

/// Names the folder a child fills; without it the child test does nothing.
const FOLDER: &str = "TOLLGATE_FULL_FOLDER";

fn tell(line: &str) {
    std::io::stderr().write_all(format!("@{line}\n").as_bytes()).expect("the parent listens");
}

/// Creates tokens until the store says that it is full.
async fn fill(store: &Embedded) {
    for n in 0.. {
        let sent = TokenRecord { description: "x".repeat(50_000), ..record("acme", "mira", &format!("t{n}")) };
        let hash = sent.secrets[0].hash;
        match store.create(sent, true).await {
            Ok(kept) => tell(&format!("made {}", kept.id)),
            Err(StoreError::Full(_)) if n > 0 => {
                assert!(store.find_by_hash(hash).await.expect("reading goes on").is_none());
                return;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

async fn fill_activity(store: &Embedded, token: TokenId) {
    let mut writer = Writer::new();
    loop {
        let mut batch = Vec::new();
        for _ in 0..1_000 {
            writer.push(&mut batch, token, Timestamp::system());
        }
        match store.append(Bytes::from(batch)).await {
            Ok(()) => {}
            Err(StoreError::Full(_)) => return,
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn full_child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = open_at(Some(&folder));
        let first = store.create(record("acme", "mira", "first"), true).await.expect("created");
        tell(&format!("made {}", first.id));
        fill(&store).await;
        fill_activity(&store, first.id).await;
        let newest = store.last_use(first.id).await.expect("reading goes on").expect("used");
        tell("full");
        std::io::stdin().read_line(&mut String::new()).expect("the parent makes room");
        let more = store.create(record("acme", "mira", "more"), true).await.expect("there is room again");
        tell(&format!("made {}", more.id));
        let (mut batch, later) = (Vec::new(), newest.at.plus(std::time::Duration::from_secs(1)));
        Writer::new().push(&mut batch, first.id, later);
        store.append(Bytes::from(batch)).await.expect("there is room again");
        assert_eq!(store.last_use(first.id).await.expect("answered").expect("used").at, later);
        let page = store.page(first.id, 0, 50).await.expect("answered");
        assert_eq!(page.len(), 50, "the chain leads over the failed write");
        store.close().await;
        tell("done");
    });
}

#[test]
fn a_full_disk_is_told_and_survived() {
    let folder = tempfile::tempdir().expect("a folder");
    // A limit on the size of files stands in for the disk: 8 MiB, in blocks of 512 bytes.
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -S -f 16384; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().expect("this binary"))
        .args(["--exact", "store::embedded::fault_tests::full_child", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut made: Vec<TokenId> = Vec::new();
    let mut done = false;
    for line in BufReader::new(child.stderr.take().expect("piped")).lines() {
        let line = line.expect("a line");
        match line.strip_prefix('@').map(|words| words.split_once(' ').unwrap_or((words, ""))) {
            Some(("made", id)) => made.push(id.parse().expect("an id")),
            Some(("full", _)) => {
                let pid = format!("--pid={}", child.id());
                let raised = Command::new("prlimit").args([&pid, "--fsize=unlimited:"]).status();
                assert!(raised.expect("prlimit is there").success());
                child.stdin.take().expect("piped").write_all(b"\n").expect("told");
            }
            Some(("done", _)) => done = true,
            _ => eprintln!("{line}"),
        }
    }
    child.wait().expect("ended");
    assert!(done, "the child failed");
    assert!(made.len() > 20);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = open_at(Some(folder.path()));
        for id in made {
            assert!(store.find(TokenRef::Id(id)).await.expect("answered").is_some(), "{id} is gone");
        }
        store.close().await;
    });
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_told_as_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_at(Some(folder.path()));
    let kept = store.create(record("acme", "mira", "deploy"), true).await.expect("created");
    let spoil = |transaction: &redb::WriteTransaction| {
        let mut records = transaction.open_table(db::RECORDS)?;
        records.insert(kept.id.short().as_bytes(), b"\x01nonsense".as_slice())?;
        Ok(())
    };
    store.core.db.write(spoil).expect("written");
    let answer = store.find(TokenRef::Id(kept.id)).await;
    assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
    let answer = store.resolve(kept.secrets[0].hash, Arc::default(), Timestamp::system()).await;
    assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
    let answer = store.revoke(kept.id, String::new(), Timestamp::system()).await;
    assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
    store.create(record("acme", "mira", "others go on"), true).await.expect("created");
}

#[tokio::test]
async fn damaged_activity_does_not_keep_the_store_from_opening() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_at(Some(folder.path()));
    let token = TokenId::random(1, Timestamp::system());
    let mut batch = Vec::new();
    Writer::new().push(&mut batch, token, Timestamp::system());
    store.append(Bytes::from(batch)).await.expect("appended");
    store.close().await;
    let segment = folder.path().join("activity/0000000000000000.seg");
    File::options().write(true).open(&segment).expect("there").write_all_at(b"\xff\xff", 40).expect("damaged");
    fs::remove_file(folder.path().join("activity/heads")).expect("saved");
    let store = open_at(Some(folder.path()));
    assert!(store.page(token, 0, 10).await.expect("answered").is_empty());
    store.close().await;
}
