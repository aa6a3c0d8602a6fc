//! The program as a user meets it: real processes on a real embedded store.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let text = "[store]\nurl = \"file:./data\"\ndata_dir = \"./data\"\n[plan.small]\nmonth = { size = 10 }\n";
        std::fs::write(dir.path().join("tollgate.toml"), text).expect("written");
        Self { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn run_with(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(args)
            .current_dir(self.path())
            .env_remove("TOLLGATE_CONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("read by the program");
        child.wait_with_output().expect("it ends")
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, "")
    }

    /// Standard output of a command that must succeed.
    fn text(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        stdout(&output)
    }

    fn json(&self, args: &[&str]) -> Vec<Value> {
        objects(&self.text(args))
    }
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

#[test]
fn a_token_lives_on_the_command_line() {
    let site = Site::new();
    let create = [
        "token",
        "create",
        "--json",
        "--name",
        "nightly",
        "--scope",
        "orders.read",
        "--scope",
        "items.*",
        "--owner",
        "mira",
        "--account",
        "acme",
        "--plan",
        "small",
        "--expires",
        "2099-01-02T03:04:05Z",
        "--label",
        "team=a",
        "--network",
        "10.0.0.0/8",
        "--form",
        "xms",
        "--description",
        "for the night",
    ];
    let made = &site.json(&create)[0];
    assert_eq!(
        (&made["name"], &made["owner"]["name"], &made["account"]["name"]),
        (&"nightly".into(), &"mira".into(), &"acme".into())
    );
    assert_eq!(made["scopes"], serde_json::json!(["orders.read", "items.*"]));
    assert_eq!((&made["plan"], &made["form"], &made["status"]), (&"small".into(), &"xms".into(), &"enabled".into()));
    assert_eq!(made["expires_at"], "2099-01-02T03:04:05.000Z");
    assert_eq!((&made["labels"]["team"], &made["networks"][0]), (&"a".into(), &"10.0.0.0/8".into()));
    let secret = made["secret"].as_str().expect("shown once").to_owned();
    assert_eq!(secret.len(), 32);
    let (id, losant) = (made["id"].as_str().expect("an id"), made["losant_id"].as_str().expect("an id"));

    for name in [id, losant, "1"] {
        let shown = site.json(&["token", "show", name, "--json"]);
        assert_eq!((&shown[0]["id"], shown[0].get("secret")), (&made["id"], None), "by {name}");
    }
    let found = site.run_with(&["token", "lookup", "--json"], &format!("{secret}\n"));
    assert_eq!(objects(&stdout(&found))[0]["id"], made["id"]);
    std::fs::write(site.path().join("secret"), &secret).expect("written");
    assert!(site.text(&["token", "lookup", "--secret-file", "secret"]).contains(id));

    let rotated = &site.json(&["token", "rotate", "1", "--overlap", "1h", "--json"])[0];
    assert_eq!((&rotated["id"], rotated["secrets"].as_array().map(Vec::len)), (&made["id"], Some(2)));
    assert_ne!(rotated["secret"], made["secret"]);
    assert_eq!(site.json(&["token", "disable", id, "--json"])[0]["status"], "disabled");
    assert_eq!(site.json(&["token", "enable", id, "--json"])[0]["status"], "enabled");
    assert_eq!(site.json(&["token", "revoke", id, "--reason", "done", "--json"])[0]["revoked"], true);
    let gone = site.run(&["token", "show", id]);
    assert_eq!((gone.status.code(), stderr(&gone)), (Some(1), format!("tollgate: {id}: no such token\n")));
    assert_eq!(site.run_with(&["token", "lookup"], &secret).status.code(), Some(1));
}

#[test]
fn people_get_sections_and_tables() {
    let site = Site::new();
    assert!(site.text(&["token", "list"]).starts_with("No tokens."));
    let made = site.text(&["token", "create", "--name", "for people", "--scope", "a.b"]);
    assert!(made.starts_with("Token \"for people\" made\n  secret      tg_"), "{made}");
    assert!(made.contains("shown this once"));
    site.text(&["token", "create", "--name", "bulk", "--count", "120", "--owner", "mira"]);
    let list = site.text(&["token", "list"]);
    assert_eq!(list.lines().count(), 122);
    assert!(list.starts_with("SERIAL  ID ") && !list.contains("tg_"), "{list}");
    assert_eq!(site.json(&["token", "list", "--owner", "mira", "--json"]).len(), 120);
    let short = site.run(&["token", "list", "--limit", "5", "--json"]);
    assert_eq!((stdout(&short).lines().count(), stderr(&short).contains("--limit shows more")), (5, true));
    let names: Vec<Value> = site.json(&["token", "create", "--name", "n", "--count", "3", "--json"]);
    assert_eq!(names.iter().map(|n| n["name"].as_str().expect("a name")).collect::<Vec<_>>(), ["n-1", "n-2", "n-3"]);
}

#[test]
fn imports_report_every_line_and_keep_the_good_ones() {
    let site = Site::new();
    let known = "a-foreign-secret-of-mine";
    // printf %s another-foreign-secret | sha256sum
    let digest = "bdfbe4be5bc6db27e034f3e287c7b78e5c18fae09d7338b83a29d739a8d4c68e";
    let cut = &digest[..40];
    let csv = format!(
        "name,owner,scopes,secret,sha256\n\
         one,mira,orders.read items.*,{known},\n\
         two,,,short,\n\
         three,,,,{cut}\n\
         four,,bad scope!.,yet-another-foreign-secret,\n\
         five,,,{known},\n\
         six,,,,{digest}\n"
    );
    std::fs::write(site.path().join("old.csv"), csv).expect("written");
    let output = site.run(&["token", "import", "old.csv", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    for part in
        ["old.csv: line 3: secret: ", "old.csv: line 4: sha256: ", "old.csv: line 5: scopes[1]: ", "old.csv: line 6: "]
    {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(told.ends_with("old.csv: 2 imported, 4 failed\n"), "{told}");
    assert!(!told.contains(known) && !told.contains(cut) && !stdout(&output).contains(known));
    assert!(objects(&stdout(&output)).iter().any(|o| o["line"] == 2 && o["id"].is_string()));
    let found = site.run_with(&["token", "lookup", "--json"], known);
    assert_eq!(objects(&stdout(&found))[0]["owner"]["name"], "mira");
    let found = site.run_with(&["token", "lookup", "--json"], "another-foreign-secret");
    assert_eq!(objects(&stdout(&found))[0]["name"], "six");

    let lines: String =
        (0..600).map(|n| format!("{{\"name\":\"t{n}\",\"secret\":\"imported-secret-number-{n}\"}}\n")).collect();
    let output = site.run_with(&["token", "import", "-"], &lines);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("600 imported, 0 failed"));
    let again = site.run_with(&["token", "import", "-"], &lines);
    assert!(stderr(&again).contains("0 imported, 600 failed"));
}

#[test]
fn exit_codes_and_messages_say_what_to_do() {
    let site = Site::new();
    let fine = site.text(&["check"]);
    assert!(fine.contains("tollgate.toml: fine\n"), "{fine}");
    assert_eq!(site.json(&["check", "--json"])[0]["ok"], true);
    std::fs::write(site.path().join("bad.toml"), "colour = 1\n[proxy]\nlisten = 5\n").expect("written");
    let bad = site.run(&["check", "--config", "bad.toml"]);
    assert_eq!(bad.status.code(), Some(64));
    assert!(
        stderr(&bad).contains("bad.toml:1:1: colour: ") && stderr(&bad).contains("bad.toml:3:"),
        "{}",
        stderr(&bad)
    );
    assert!(stderr(&bad).ends_with("2 mistakes\n"));
    let bad = site.run(&["check", "--json", "--config", "bad.toml"]);
    assert_eq!(bad.status.code(), Some(64));
    let told: serde_json::Value = serde_json::from_slice(&bad.stdout).expect("JSON on standard output");
    assert_eq!((&told["ok"], told["errors"].as_array().map(Vec::len)), (&false.into(), Some(2)));
    assert_eq!(site.run(&["token", "list", "--config", "absent.toml"]).status.code(), Some(64));
    assert_eq!(site.run(&["token", "create"]).status.code(), Some(64));
    assert_eq!(site.run(&["token", "create", "--name", "x", "--expires", "soon"]).status.code(), Some(64));
    assert_eq!(site.run(&["--help"]).status.code(), Some(0));
    for (args, part) in [
        (&["token", "create", "--name", "x", "--plan", "huge"][..], "plan: there is no plan \"huge\""),
        (&["token", "create", "--name", "x", "--network", "home"], "networks[0]: \"home\""),
        (&["token", "create", "--name", ""], "name: has 0 characters"),
        (&["token", "show", "nope"], "nope: not a token id"),
        (&["token", "revoke", "7", "8"], "8: no such token"),
        (&["token", "import", "absent.csv"], "absent.csv: cannot be read"),
    ] {
        let output = site.run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(part), "{args:?}: {}", stderr(&output));
    }
    let typo = site.run_with(&["token", "lookup"], "tg_0123456789_typo");
    assert!(typo.status.code() == Some(1) && !stderr(&typo).contains("typo"), "{}", stderr(&typo));
    assert!(site.text(&["completions", "bash"]).contains("complete -F _tollgate"));
    let document: serde_json::Value = serde_json::from_str(&site.text(&["openapi"])).expect("JSON");
    assert!(document["paths"]["/admin/v1/tokens"]["get"].is_object(), "the document of the administration listener");
}
