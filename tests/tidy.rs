//! The house rules that rustc and clippy cannot see: which folder may name which, files that only decide, a sentence on
//! top of every file.
#![expect(clippy::disallowed_methods, reason = "the sources are read here")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// Which folder (or single file) of `src` may name which others. Arrows point inward: whoever is further down knows less.
const EDGES: &[(&str, &[&str])] = &[
    ("release", &[]),
    ("address", &[]),
    ("progress", &[]),
    ("exit", &[]),
    ("text", &[]),
    ("secret", &[]),
    ("small_file", &[]),
    ("units", &[]),
    ("fs", &[]),
    ("staging", &["fs", "release", "small_file"]),
    ("trust", &["release", "staging"]),
    ("attestation", &["release"]),
    ("keyring", &["attestation", "fs", "net", "release", "small_file"]),
    ("config", &["address", "mirror", "release", "secret", "small_file", "text", "trust", "units"]),
    ("failure", &["exit"]),
    ("process", &["failure", "secret", "text"]),
    ("platform", &["exit", "process", "release"]),
    ("archive", &["progress", "release", "staging"]),
    ("binary", &["process", "release"]),
    ("build", &["process", "progress", "release", "secret", "small_file", "text"]),
    ("locate", &["fs", "platform", "process", "release", "secret", "small_file", "staging", "text"]),
    ("net", &["address", "progress", "secret", "small_file", "staging"]),
    ("github", &["address", "config", "net", "progress", "release", "secret", "staging"]),
    ("store", &["attestation", "fs", "release", "small_file", "staging", "trust"]),
    ("lockfile", &["attestation", "release", "small_file", "trust"]),
    ("doctor", &["proof", "text"]),
    ("proof", &["attestation", "lockfile", "release", "store", "trust"]),
    ("upgrade", &["release"]),
    ("cache", &["fs", "release", "small_file", "staging"]),
    ("mirror", &["address", "fs", "progress", "release", "secret", "small_file", "staging"]),
    ("bundle", &["archive", "fs", "lockfile", "progress", "release", "staging", "trust"]),
    (
        "origin",
        &[
            "attestation",
            "bundle",
            "github",
            "lockfile",
            "mirror",
            "net",
            "progress",
            "release",
            "secret",
            "staging",
            "trust",
            "upgrade",
        ],
    ),
    (
        "install",
        &[
            "archive",
            "attestation",
            "binary",
            "build",
            "bundle",
            "cache",
            "config",
            "fs",
            "github",
            "keyring",
            "lockfile",
            "mirror",
            "net",
            "origin",
            "platform",
            "progress",
            "proof",
            "release",
            "secret",
            "staging",
            "store",
            "trust",
            "upgrade",
        ],
    ),
    ("hygiene", &["attestation", "build", "fs", "release", "small_file", "trust"]),
    ("prune", &["fs", "github", "net", "progress", "release", "small_file", "text", "units"]),
    ("ui", &["config", "exit", "failure", "platform", "progress", "secret", "text"]),
    ("cli", &["ui", "units"]),
    ("session", &["cli", "config", "exit", "failure", "net", "text", "ui", "units"]),
    (
        "commands",
        &[
            "address",
            "archive",
            "attestation",
            "binary",
            "build",
            "bundle",
            "cache",
            "cli",
            "config",
            "doctor",
            "exit",
            "failure",
            "fs",
            "github",
            "hygiene",
            "install",
            "keyring",
            "locate",
            "lockfile",
            "mirror",
            "net",
            "platform",
            "process",
            "progress",
            "proof",
            "prune",
            "release",
            "secret",
            "session",
            "small_file",
            "staging",
            "store",
            "text",
            "trust",
            "ui",
            "upgrade",
            "origin",
        ],
    ),
];

/// Files that decide and touch nothing, by their names.
const PURE: &[&str] = &[
    "attested.rs",
    "candidates.rs",
    "carried.rs",
    "checksums.rs",
    "compare.rs",
    "consent.rs",
    "decide.rs",
    "environment.rs",
    "go_mod.rs",
    "judge.rs",
    "index.rs",
    "layout.rs",
    "manifest.rs",
    "markdown.rs",
    "order.rs",
    "pace.rs",
    "plan.rs",
    "plan_file.rs",
    "pinning.rs",
    "place.rs",
    "policy.rs",
    "recheck.rs",
    "refusal.rs",
    "request.rs",
    "resolve.rs",
    "retry.rs",
    "signed.rs",
    "task.rs",
    "unit.rs",
    "verify.rs",
];

/// What a file that only decides must not name.
const EFFECTS: &[&str] = &[
    "std::fs",
    "std::process",
    "std::net",
    "std::env::var",
    "tokio",
    "reqwest",
    "octocrab",
    "SystemTime::now",
    "Instant::now",
];

/// Crates that live in one folder and nowhere else.
const KEPT: &[(&str, &[&str])] = &[
    ("octocrab", &["github"]),
    ("reqwest", &["net", "github"]),
    ("clap", &["cli", "lib", "ui"]),
    ("console", &["ui"]),
    ("snap", &["github"]),
    ("sigstore_verify", &["attestation"]),
    ("sigstore_trust_root", &["attestation"]),
    ("sigstore_tuf", &["keyring"]),
    ("webpki", &["attestation"]),
];

#[test]
fn folders_name_only_what_lies_further_in() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        EDGES.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    let mut problems = Vec::new();
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources() {
        let room = room(&path);
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        let Some(may) = allowed.get(room.as_str()) else {
            problems.push(format!("{}: the folder `{room}` is not in the table", path.display()));
            continue;
        };
        for named in product_code(&text).lines().flat_map(crate_names) {
            if named != room && !may.contains(named.as_str()) {
                problems.push(format!("{}: `{room}` may not name `{named}`", path.display()));
            }
            used.entry(room.clone()).or_default().insert(named);
        }
    }
    for (from, to) in &allowed {
        for to in to {
            if !used.get(*from).is_some_and(|used| used.contains(*to)) {
                problems.push(format!("the table allows `{from}` to name `{to}`, and it does not"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn files_that_decide_touch_nothing() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        if !PURE.contains(&name.as_str()) {
            continue;
        }
        for effect in EFFECTS {
            if product_code(&text).contains(effect) {
                problems.push(format!("{}: a file of this name decides and must not name `{effect}`", path.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn crates_stay_in_their_rooms() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        let room = room(&path);
        for (name, rooms) in KEPT {
            let named = product_code(&text).lines().any(|line| {
                let line = line.trim_start();
                !line.starts_with("//")
                    && (line.contains(&format!("{name}::")) || line.contains(&format!("use {name}")))
            });
            if named && !rooms.contains(&room.as_str()) {
                problems.push(format!("{}: `{name}` lives in {}", path.display(), rooms.join(" and ")));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_file_opens_with_a_sentence() {
    let missing: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| {
            !text.starts_with("//! ")
                || !text.lines().take_while(|line| line.starts_with("//!")).any(|line| line.contains('.'))
        })
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(missing.is_empty(), "no opening sentence: {}", missing.join(", "));
}

#[test]
fn every_folder_is_on_the_map() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let missing: Vec<&str> =
        EDGES.iter().map(|(room, _)| *room).filter(|room| !map.contains(&format!("`{room}"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md does not name {}", missing.join(", "));
}

#[test]
fn what_is_skipped_is_recorded_and_not_printed() {
    let problems: Vec<String> = ["src", "tests", "crates"]
        .into_iter()
        .flat_map(|directory| files_below(&root().join(directory)))
        .filter(|(path, text)| {
            !path.ends_with("support/skip.rs") && !path.ends_with("tidy.rs") && text.contains("SKIPPED")
        })
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(problems.is_empty(), "nobody sees what a passing test prints; use `skip::record`: {}", problems.join(", "));
}

#[test]
fn doors_give_their_reason() {
    for (path, text) in sources() {
        for line in text.lines().filter(|line| line.contains("allow(")) {
            assert!(line.contains("reason"), "{}: expect, with a reason, instead of `{}`", path.display(), line.trim());
        }
    }
}

/// The part of a file before its tests.
fn product_code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

fn crate_names(line: &str) -> Vec<String> {
    if line.trim_start().starts_with("//") {
        return Vec::new();
    }
    line.match_indices("crate::")
        .map(|(index, found)| {
            let rest = &line[index + found.len()..];
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
        })
        // Where tests record what they skip.
        .filter(|name| !name.is_empty() && name != "skip")
        .collect()
}

/// The first folder below `src`, or the file's own name there.
fn room(path: &Path) -> String {
    let below = path.strip_prefix(root().join("src")).expect("below src");
    let first = below.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn sources() -> Vec<(PathBuf, String)> {
    files_below(&root().join("src"))
}

fn files_below(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                files.push((path, text));
            }
        }
    }
    files.sort();
    files
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
