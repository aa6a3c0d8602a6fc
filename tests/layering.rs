//! Which module may import which: the house plan of docs/ARCHITECTURE.md, held by reading the source.
//!
//! Rust lets the modules of one crate import each other in circles; this test does not. Test modules are not held to it.

#![allow(clippy::expect_used)] // a test that cannot read the sources has failed

use std::fs;
use std::path::{Path, PathBuf};

/// Module and what it may import. What is not listed may import everything and be imported by nobody below: [`TOP`].
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("token", &["clock"]),
    ("auth", &["token", "clock"]),
    ("limit", &["token", "clock"]),
    ("activity", &["token", "clock"]),
    // `config::Secret` is the one word of `config` below the top: the type of a password.
    ("store", &["token", "limit", "activity", "clock", "config::Secret"]),
    ("server", &["clock"]),
    ("telemetry", &["server", "clock"]),
    ("proxy", &["auth", "limit", "activity", "token", "server", "clock", "telemetry"]),
    ("admin", &["auth", "limit", "activity", "token", "server", "clock"]),
];

/// On top: they know every module. `config` is here because it builds each module's own `Config`.
const TOP: &[&str] = &["config", "app", "cli", "demo", "main", "lib"];

#[test]
fn modules_import_only_what_the_plan_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&root);
    assert!(files.len() > 20, "only {} files under {}: is this the right folder?", files.len(), root.display());
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).expect("a file below src").to_owned();
        wrong.extend(violations(&inside, &fs::read_to_string(&file).expect("a readable source file")));
    }
    assert!(wrong.is_empty(), "imports against the plan:\n{}", wrong.join("\n"));
}

#[test]
fn a_wrong_import_is_found_with_its_line() {
    let found = |file: &str, text: &str| violations(Path::new(file), text);
    let rule = "activity may import token, clock";
    assert_eq!(
        found("activity/event.rs", "use crate::token::TokenId;\nuse crate::auth::Grant;\n"),
        [format!("src/activity/event.rs:2: imports auth; {rule}")]
    );
    assert_eq!(
        found("activity/mod.rs", "\nuse super::limit::Usage;"),
        [format!("src/activity/mod.rs:2: imports limit; {rule}")]
    );
    assert_eq!(found("activity/event.rs", "x(super::super::store::open())").len(), 1);
    assert_eq!(found("activity/event.rs", "use crate::{\n  clock::Clock,\n  proxy::{Route, handle},\n};").len(), 1);
    assert_eq!(found("store/config.rs", "use crate::config::Config;").len(), 1);
    assert_eq!(found("clock.rs", "use crate::app::App;").len(), 1);
    assert_eq!(found("surprise/mod.rs", "").len(), 1, "a module that is in no list");
}

#[test]
fn a_right_import_is_let_through() {
    for (file, text) in [
        ("activity/event.rs", "use super::recorder::Recorder; use super::super::token::TokenId;"),
        ("activity/event.rs", "/// See [`crate::auth::Grant`].\nfn f() {} // crate::proxy does it\n"),
        ("store/config.rs", "use crate::config::Secret;"),
        ("proxy/mod.rs", "use crate::{auth::Grant, limit::{Limits, Usage}};"),
        ("auth/mod.rs", "use crate::auth::Source;\n#[cfg(test)]\nmod tests {\n    use crate::store::open;\n}\n"),
        ("app.rs", "use crate::store::open;"),
        ("lib.rs", "pub mod auth;"),
    ] {
        assert_eq!(violations(Path::new(file), text), [""; 0], "{file}: {text}");
    }
}

/// `src/file:line: …` for every import of `file` (relative to src) that the plan does not allow.
fn violations(file: &Path, text: &str) -> Vec<String> {
    let path: Vec<String> = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let module = path[0].as_str();
    if TOP.contains(&module) {
        return Vec::new();
    }
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
        return vec![format!("src/{}:1: module {module} is in no list of tests/layering.rs", file.display())];
    };
    if matches!(path.last().map(String::as_str), Some("tests" | "conformance")) {
        return Vec::new();
    }
    let depth = path.len() - usize::from(path.last().is_some_and(|last| last == "mod"));
    let code = without_comments_and_tests(text);
    imports(&code, depth)
        .into_iter()
        .filter(|(_, target)| {
            let name = target.split("::").next().unwrap_or_default();
            let known = TOP.contains(&name) || MAY_IMPORT.iter().any(|(module, _)| *module == name);
            known && name != module && !allowed.contains(&name) && !allowed.contains(&target.as_str())
        })
        .map(|(at, target)| {
            let line = code[..at].matches('\n').count() + 1;
            let name = target.split("::").next().unwrap_or_default();
            let rule = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
            format!("src/{}:{line}: imports {name}; {module} may import {rule}", file.display())
        })
        .collect()
}

/// Offsets and targets (`module::item`) of the paths that start at the crate's root: by `crate::`, or by as many `super::`
/// as the file is deep.
fn imports(code: &str, depth: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for root in ["crate::".to_owned(), "super::".repeat(depth)] {
        for (at, _) in code.match_indices(&root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let rest = &code[at + root.len()..];
            match rest.strip_prefix('{') {
                Some(group) => {
                    found.extend(members(group).into_iter().map(|(offset, name)| (at + root.len() + 1 + offset, name)))
                }
                None => found.push((at, path_head(rest))),
            }
        }
    }
    found
}

/// The members of a `{…}` group that opens just before `group`: first two segments of each, with their offsets.
fn members(group: &str) -> Vec<(usize, String)> {
    let (mut level, mut fresh, mut found) = (0, true, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => level += 1,
            '}' if level == 0 => break,
            '}' => level -= 1,
            ',' if level == 0 => fresh = true,
            c if fresh && level == 0 && !c.is_whitespace() => {
                fresh = false;
                found.push((at, path_head(&group[at..])));
            }
            _ => {}
        }
    }
    found
}

/// `a::b` of `a::b::c`, `a` of `a::{…}`.
fn path_head(text: &str) -> String {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    text[..end].split("::").filter(|part| !part.is_empty()).take(2).collect::<Vec<_>>().join("::")
}

/// The same number of lines without `//` comments, cut where the file's own `mod tests {` begins.
fn without_comments_and_tests(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let is_tests = |at: usize| {
        lines[at].trim() == "#[cfg(test)]"
            && lines[at + 1..]
                .iter()
                .find(|line| !line.trim().starts_with("#["))
                .is_some_and(|line| line.trim_start().starts_with("mod ") && line.trim_end().ends_with('{'))
    };
    let end = (0..lines.len()).find(|&at| is_tests(at)).unwrap_or(lines.len());
    lines[..end].iter().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
