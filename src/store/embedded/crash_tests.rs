//! Kills a writing process at random moments and looks whether anything it acknowledged is missing.

#![allow(clippy::expect_used)] // a failed expectation is the test's verdict

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::tests::{retention, unlimited_month};
use super::*;
use crate::activity::Durability;
use crate::store::conformance::{KEY, Writer, record};
use crate::token::MonthLimit;

/// Names the folder a child works on; without it the child test does nothing.
const FOLDER: &str = "TOLLGATE_CRASH_FOLDER";
/// Rounds to prove with; 5 without it.
const ROUNDS: &str = "TOLLGATE_PROVE_ROUNDS";

fn open(folder: &Path) -> Embedded {
    Embedded::open(Some(folder), KEY.fingerprint(), retention(1_000), Durability::Async, "the key of the tests")
        .expect("opened")
}

fn tell(line: &str) {
    // One write, so that a kill can cut only the last line.
    std::io::stderr().write_all(format!("@{line}\n").as_bytes()).expect("the parent listens");
}

fn month() -> MonthLimit {
    unlimited_month()
}

/// Makes, uses, edits and revokes tokens of its own until it is killed.
async fn work(store: Arc<Embedded>) {
    let mut events = Writer::new();
    for round in 0u64.. {
        let mut token = store.create(record("default", "mira", &format!("t{round}")), true).await.expect("created");
        let id = token.id;
        tell(&format!("made {id} {}", token.serial));
        for step in 1..=4u64 {
            let mut batch = Vec::new();
            for _ in 0..3 {
                events.push(&mut batch, id, Timestamp::system());
            }
            store.append(Bytes::from(batch)).await.expect("appended");
            tell(&format!("used {id} {}", step * 3));
            let window = month().window(token.created_at, Timestamp::system());
            CounterStore::reserve(&*store, id, 6_400, window).await.expect("reserved");
            let spent = store.used(id, window).await.expect("answered").used;
            token = store.update(TokenRecord { name: format!("t{round} {step}"), ..token }).await.expect("updated");
            // The commit of the edit carried the quota.
            tell(&format!("edited {id} {} {spent}", token.generation));
        }
        if round % 3 == 0 {
            tell(&format!("revoking {id} 0"));
            store.revoke(id, "round over".to_owned(), Timestamp::system()).await.expect("revoked");
            tell(&format!("revoked {id} 0"));
        }
    }
}

#[test]
fn crash_child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = Arc::new(open(Path::new(&folder)));
        let workers: Vec<_> = (0..4).map(|_| tokio::spawn(work(Arc::clone(&store)))).collect();
        for worker in workers {
            worker.await.expect("works until it is killed");
        }
    });
}

/// What was acknowledged of one token.
#[derive(Default)]
struct Known {
    serial: u64,
    events: u64,
    generation: u64,
    spent: u64,
    revoking: bool,
    revoked: bool,
}

type Ledger = HashMap<TokenId, Known>;

fn note(ledger: &mut Ledger, line: &str) {
    let Some(words) = line.strip_prefix('@') else { return };
    let words: Vec<&str> = words.split(' ').collect();
    let known = ledger.entry(words[1].parse().expect("an id")).or_default();
    let number = |at: usize| words[at].parse::<u64>().expect("a number");
    match words[0] {
        "made" => known.serial = number(2),
        "used" => known.events = number(2),
        "edited" => (known.generation, known.spent) = (number(2), number(3)),
        "revoking" => known.revoking = true,
        "revoked" => known.revoked = true,
        other => panic!("the child told {other:?}"),
    }
}

fn start_child(folder: &Path) -> Child {
    let child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "store::embedded::crash_tests::crash_child", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    child.expect("started")
}

/// Lets a child work for a random while after its first word, kills it, and notes what it had told.
fn run_and_kill(folder: &Path, ledger: &mut Ledger) {
    let mut child = start_child(folder);
    let mut lines = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    lines.read_line(&mut line).expect("the child's first word");
    assert!(line.starts_with('@'), "the child says {line:?}");
    let mut random = [0; 1];
    getrandom::fill(&mut random).expect("random");
    let listener = std::thread::spawn(move || {
        let mut told = vec![line];
        loop {
            let mut line = String::new();
            match lines.read_line(&mut line) {
                Ok(0) | Err(_) => return told,
                Ok(_) => told.push(line),
            }
        }
    });
    std::thread::sleep(Duration::from_millis(20 + u64::from(random[0])));
    child.kill().expect("killed");
    child.wait().expect("gone");
    for line in listener.join().expect("listened") {
        // The last line may be cut.
        if let Some(line) = line.strip_suffix('\n') {
            note(ledger, line);
        }
    }
}

async fn check(store: &Embedded, id: TokenId, known: &Known) {
    let found = store.find(TokenRef::Id(id)).await.expect("answered");
    let Some(found) = found else {
        assert!(known.revoking, "{id} was acknowledged and is gone");
        return;
    };
    assert!(!known.revoked, "the revocation of {id} was acknowledged and is gone");
    assert_eq!(found.serial, known.serial);
    assert!(found.generation >= known.generation, "an edit of {id} is gone");
    let hash = found.secrets[0].hash;
    assert_eq!(store.find_by_hash(hash).await.expect("answered"), Some(found.clone()));
    assert_eq!(store.find(TokenRef::Serial(known.serial)).await.expect("answered"), Some(found.clone()));
    let window = month().window(found.created_at, Timestamp::system());
    let used = store.used(id, window).await.expect("answered").used;
    assert!(used >= known.spent, "{id} has used {used} and acknowledged {}", known.spent);
    let events = store.page(id, 0, 1_000).await.expect("answered");
    assert!(events.len() as u64 >= known.events, "{id} has {} of {} events", events.len(), known.events);
    assert!(events.windows(2).all(|pair| pair[0].at >= pair[1].at));
    assert!(store.last_use(id).await.expect("answered").is_some() || known.events == 0);
}

#[test]
fn nothing_acknowledged_is_lost_by_a_kill() {
    let rounds = std::env::var(ROUNDS).map_or(5, |rounds| rounds.parse().expect("TOLLGATE_PROVE_ROUNDS is a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut ledger = Ledger::new();
    for round in 0..rounds {
        run_and_kill(folder.path(), &mut ledger);
        runtime.block_on(async {
            let store = open(folder.path());
            let mut live = 0;
            for (id, known) in &ledger {
                check(&store, *id, known).await;
                live += usize::from(store.find(TokenRef::Id(*id)).await.expect("answered").is_some());
            }
            // What the child had no time to acknowledge may be there too: one token of each of its workers a round.
            let all = Listing { account: None, owner: None, sort: Default::default(), after: None, limit: 1_000_000 };
            let listed = store.list(all).await.expect("listed").records.len();
            assert!((live..=live + 4 * (round + 1)).contains(&listed), "{listed} are listed, {live} are known");
            store.close().await;
        });
    }
    assert!(ledger.values().any(|known| known.revoked) && ledger.values().any(|known| known.generation > 1));
}
