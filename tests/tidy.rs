//! The house rules that rustc and clippy cannot see: which directory may name which, files that only decide, a sentence on
//! top of every file.
#![expect(clippy::disallowed_methods, reason = "the sources are read here")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// Which directory of `src` may name which others. Arrows point inward: a directory further up knows less.
const GROUPS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("io", &["model"]),
    ("platform", &["io", "model"]),
    ("change", &["io", "model"]),
    ("trust", &["io", "model"]),
    ("lockfile", &["io", "model", "trust"]),
    ("config", &["io", "model", "trust"]),
    ("django", &["io", "model", "platform"]),
    ("worker", &["django", "io", "model", "platform", "trust"]),
    ("sources", &["config", "io", "lockfile", "model", "trust", "worker"]),
    ("flows", &["config", "django", "io", "lockfile", "model", "platform", "sources", "trust", "worker"]),
    ("releases", &["change", "io", "model", "sources", "trust", "worker"]),
    ("render", &["change", "io", "model"]),
    ("ui", &["config", "model", "platform"]),
    ("cli", &["model", "ui"]),
    (
        "commands",
        &[
            "change", "cli", "config", "django", "flows", "io", "lockfile", "model", "platform", "releases", "render",
            "sources", "trust", "ui", "worker",
        ],
    ),
];

/// Inside these groups a part names no other part of its group, but for these arrows.
const INSIDE: &[(&str, &[(&str, &str)])] = &[
    ("io", &[("ipc", "fs"), ("net", "fs")]),
    ("trust", &[("trusted_roots", "attestation")]),
    ("worker", &[]),
    ("sources", &[("source", "bundle"), ("source", "github"), ("source", "mirror")]),
    ("flows", &[("doctor", "integrity"), ("install", "integrity")]),
    ("releases", &[]),
    ("render", &[("apply", "api"), ("survey", "api")]),
];

/// What decides and touches nothing: directories and files below `src`.
const PURE: &[&str] = &[
    "model",
    "change/batch.rs",
    "change/consent.rs",
    "change/digest.rs",
    "change/pace.rs",
    "change/plan_file.rs",
    "change/revalidate.rs",
    "commands/init/plan.rs",
    "commands/init/text.rs",
    "commands/release/checksums.rs",
    "commands/release/markdown.rs",
    "commands/queue/periodic_sync/plan.rs",
    "commands/queue/queue_move/plan.rs",
    "commands/queue/task_hash.rs",
    "commands/request.rs",
    "commands/top/help.rs",
    "commands/top/layout.rs",
    "commands/top/model.rs",
    "commands/top/rows",
    "commands/top/update",
    "commands/top/view",
    "commands/verify.rs",
    "config/databases.rs",
    "django/answer.rs",
    "django/database.rs",
    "django/facts.rs",
    "django/manage_py.rs",
    "django/tasks.rs",
    "flows/doctor/django.rs",
    "flows/doctor/judge.rs",
    "flows/install/decide.rs",
    "flows/install/plan.rs",
    "flows/install/request.rs",
    "flows/install/resolve.rs",
    "flows/install/signer.rs",
    "flows/integrity/compare.rs",
    "io/net/api/answer.rs",
    "io/net/api/error.rs",
    "io/net/api/link.rs",
    "io/net/api/request.rs",
    "io/net/retry.rs",
    "releases/check/attested.rs",
    "releases/check/judge.rs",
    "releases/prune/decide.rs",
    "releases/prune/order.rs",
    "releases/prune/rates.rs",
    "releases/prune/plan.rs",
    "releases/prune/plan_file.rs",
    "releases/prune/policy.rs",
    "releases/prune/refusal.rs",
    "releases/prune/revalidate.rs",
    "releases/prune/stop.rs",
    "releases/prune/unit.rs",
    "releases/prune/unit_state.rs",
    "render/apply/expected.rs",
    "render/blueprint",
    "render/key.rs",
    "render/live.rs",
    "render/plan",
    "render/value.rs",
    "sources/bundle/manifest.rs",
    "sources/bundle/plan.rs",
    "sources/github/refusal.rs",
    "sources/mirror/index.rs",
    "sources/mirror/plan.rs",
    "trust/attestation/compare.rs",
    "trust/attestation/policy.rs",
    "trust/attestation/refusal.rs",
    "trust/checksums.rs",
    "trust/policy.rs",
    "trust/trusted_roots/repository.rs",
    "trust/verify.rs",
    "worker/config/effective.rs",
    "worker/config/fields.rs",
    "worker/config/file.rs",
    "worker/config/go.rs",
    "worker/config/toml.rs",
    "worker/config/yaml.rs",
    "worker/launch",
    "worker/local_build/environment.rs",
    "worker/local_build/go_mod.rs",
    "worker/local_build/plan.rs",
    "worker/local_build/refusal.rs",
    "worker/local_build/request.rs",
    "worker/prefork/call.rs",
    "worker/prefork/envelope.rs",
    "worker/prefork/project.rs",
    "worker/prefork/protocol.rs",
    "worker/prefork/state.rs",
    "worker/store/layout.rs",
    "worker/service",
    "worker/which/candidates.rs",
];

/// The sources of the crate of the server.
const SERVE: &str = "crates/reproq-serve/src";

/// The same below `crates/reproq-serve/src`: it gets the time and what was read as values.
const PURE_IN_THE_SERVER: &[&str] = &[
    "access.rs",
    "counters.rs",
    "events.rs",
    "exposition.rs",
    "metrics.rs",
    "observation_document.rs",
    "oidc",
    "respond.rs",
    "ring.rs",
    "route.rs",
    "sign_in",
    "state.rs",
    "stats_document.rs",
];

/// The sources of the crate of the queue.
const QUEUE: &str = "crates/reproq-queue/src";

/// The same in the crate of the queue, below `crates/reproq-queue/src`: it gets times, zones, the environment and the contents
/// of files as values.
const PURE_IN_THE_QUEUE: &[&str] = &[
    "beat.rs",
    "changes",
    "cron",
    "dsn",
    "limit_key.rs",
    "moves.rs",
    "routing",
    "schedules.rs",
    "schema",
    "spec",
    "sql",
    "state",
    "stats",
    "task_ref.rs",
    "tasks",
    "why",
    "workflow",
];

/// The sources of the crate of tokens.
const TOKEN: &str = "crates/reproq-token/src";

/// The same in the crate of tokens: all but its random bytes.
const PURE_IN_TOKENS: &[&str] = &["key.rs", "lib.rs", "limiter.rs", "pairing", "token"];

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
    "Timestamp::now",
    "Zoned::now",
    "tz::db",
    "TimeZone::system",
];

/// Crates that are named in one directory (or file) below `src` and nowhere else.
const KEPT: &[(&str, &[&str])] = &[
    ("jiff", &["commands/beat", "commands/queue"]),
    ("octocrab", &["sources/github"]),
    ("reqwest", &["io/net", "sources/github"]),
    ("clap", &["cli", "lib.rs", "ui"]),
    ("console", &["ui"]),
    ("crossterm", &["ui"]),
    ("ratatui", &["commands/top/update/tests.rs", "commands/top/view", "ui"]),
    ("saphyr_parser", &["model/yaml"]),
    ("snap", &["sources/github"]),
    ("sigstore_verify", &["trust/attestation"]),
    ("sigstore_trust_root", &["trust/attestation"]),
    ("sigstore_tuf", &["trust/trusted_roots"]),
    ("webpki", &["trust/attestation"]),
];

#[test]
fn groups_name_only_what_lies_further_in() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        GROUPS.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    let mut problems = Vec::new();
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources() {
        let group = group(&path);
        if matches!(group.as_str(), "lib" | "main") {
            continue;
        }
        let Some(may) = allowed.get(group.as_str()) else {
            problems.push(format!("{}: the directory `{group}` is not in the table", path.display()));
            continue;
        };
        for (named, _) in product_code(&text).lines().flat_map(crate_names) {
            if named != group && !may.contains(named.as_str()) {
                problems.push(format!("{}: `{group}` may not name `{named}`", path.display()));
            }
            used.entry(group.clone()).or_default().insert(named);
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

/// Every group is in the table before the ones that may name it, so that no arrows go in a circle.
#[test]
fn no_arrows_go_in_a_circle() {
    for (index, (group, may)) in GROUPS.iter().enumerate() {
        let before: Vec<&str> = GROUPS[..index].iter().map(|(name, _)| *name).collect();
        for named in *may {
            assert!(before.contains(named), "`{group}` names `{named}`, which is not above it in the table");
        }
    }
}

#[test]
fn the_parts_of_a_group_name_each_other_only_where_the_table_says_so() {
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    for (path, text) in sources() {
        let group = group(&path);
        let Some((group, arrows)) = INSIDE.iter().find(|(name, _)| *name == group) else { continue };
        let from = part(&path);
        for (named, to) in product_code(&text).lines().flat_map(crate_names) {
            let is_a_part = !to.is_empty() && root().join("src").join(group).join(&to).is_dir();
            if named != *group || !is_a_part || from == to || from == "mod" {
                continue;
            }
            if !arrows.contains(&(from.as_str(), to.as_str())) {
                problems.push(format!("{}: `{from}` may not name `{to}`", path.display()));
            }
            used.insert((*group, from.clone(), to));
        }
    }
    for (group, arrows) in INSIDE {
        for (from, to) in *arrows {
            if !used.contains(&(*group, (*from).to_owned(), (*to).to_owned())) {
                problems.push(format!("the table allows `{from}` to name `{to}` in `{group}`, and it does not"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_tree_stays_small_enough_to_be_read_at_a_glance() {
    let entries = fs::read_dir(root().join("src")).expect("src").count();
    assert!(entries <= 18, "src has {entries} entries; put the new one into a group");
}

#[test]
fn what_decides_touches_nothing() {
    let mut problems = Vec::new();
    for (directory, table) in
        [("src", PURE), (QUEUE, PURE_IN_THE_QUEUE), (SERVE, PURE_IN_THE_SERVER), (TOKEN, PURE_IN_TOKENS)]
    {
        let directory = root().join(directory);
        for pure in table {
            if !directory.join(pure).exists() {
                problems.push(format!("{pure} is in the table of what decides, and is not there"));
            }
        }
        for (path, text) in files_below(&directory) {
            let below = path.strip_prefix(&directory).expect("below it");
            if !table.iter().any(|pure| below.starts_with(pure)) {
                continue;
            }
            for effect in EFFECTS {
                if product_code(&text).contains(effect) {
                    problems.push(format!("{}: decides and must not name `{effect}`", path.display()));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// A reader who meets a name twice has to find out which one is meant.
#[test]
fn no_public_type_has_the_name_of_another() {
    for directory in ["src", QUEUE, SERVE, TOKEN] {
        no_public_type_is_defined_twice_in(files_below(&root().join(directory)));
    }
}

fn no_public_type_is_defined_twice_in(sources: Vec<(PathBuf, String)>) {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in sources {
        for line in product_code(&text).lines().map(str::trim_start) {
            let Some(rest) = line.strip_prefix("pub") else { continue };
            let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(") ")).map_or(rest, |(_, rest)| rest);
            let mut words = rest.split_whitespace();
            if words.next().is_some_and(|word| ["struct", "enum", "trait", "type"].contains(&word)) {
                let name = words.next().unwrap_or_default();
                let name: String = name.chars().take_while(|c| c.is_alphanumeric()).collect();
                places.entry(name).or_default().push(path.display().to_string());
            }
        }
    }
    // The same types for each system.
    for name in ["ForkServerPlan", "Handle", "JobSignal", "JobSignals"] {
        places.remove(name);
    }
    let twice: Vec<String> =
        places.iter().filter(|(_, at)| at.len() > 1).map(|(name, at)| format!("{name}: {at:?}")).collect();
    assert!(twice.is_empty(), "{}", twice.join("\n"));
}

#[test]
fn crates_stay_in_their_directories() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        let below = path.strip_prefix(root().join("src")).expect("below src");
        for (name, directories) in KEPT {
            let named = product_code(&text).lines().any(|line| {
                let line = line.trim_start();
                !line.starts_with("//")
                    && (line.contains(&format!("{name}::")) || line.contains(&format!("use {name}")))
            });
            if named && !directories.iter().any(|directory| below.starts_with(directory)) {
                problems.push(format!("{}: `{name}` belongs in {}", path.display(), directories.join(" and ")));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_file_opens_with_a_sentence() {
    let missing: Vec<String> = all_sources()
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
fn every_group_is_on_the_map() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let missing: Vec<&str> =
        GROUPS.iter().map(|(group, _)| *group).filter(|group| !map.contains(&format!("`src/{group}/`"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md does not name {}", missing.join(", "));
}

/// Directly or through others, the diagram shows exactly what the table allows.
#[test]
fn the_diagram_shows_the_table() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let arrows: BTreeMap<String, BTreeSet<String>> = map
        .lines()
        .filter_map(|line| line.split_once(" --> "))
        .map(|(from, to)| (from.trim().to_owned(), to.split(" & ").map(|to| to.trim().to_owned()).collect()))
        .collect();
    let shown: BTreeMap<&str, BTreeSet<String>> =
        GROUPS.iter().map(|(group, _)| (*group, reachable(group, &arrows))).collect();
    let table = GROUPS.iter().map(|(from, to)| ((*from).to_owned(), to.iter().map(|to| (*to).to_owned()).collect()));
    let table: BTreeMap<String, BTreeSet<String>> = table.collect();
    let allowed: BTreeMap<&str, BTreeSet<String>> =
        GROUPS.iter().map(|(group, _)| (*group, reachable(group, &table))).collect();
    assert_eq!(shown, allowed);
}

fn reachable(from: &str, arrows: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&String> = arrows.get(from).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if found.insert(next.clone()) {
            open.extend(arrows.get(next).into_iter().flatten());
        }
    }
    found
}

#[test]
fn every_path_on_the_map_exists() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let paths = map.split('`').skip(1).step_by(2).filter(|text| {
        ["src/", "tests/", "docs/", "crates/", "fuzz/", "packaging/"].iter().any(|root| text.starts_with(root))
    });
    let missing: Vec<&str> = paths.filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names {missing:?}, which do not exist");
}

/// Each step of the example is `NAME` in `PATH`: the file exists and has the name.
#[test]
fn the_example_of_a_command_is_true() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let (_, example) = map.split_once("## Add a command").expect("the example");
    let example = example.split("\n## ").next().unwrap_or_default();
    let mut steps = 0;
    for (before, after) in example.lines().filter_map(|line| line.split_once("` in `")) {
        let name = before.rsplit('`').next().expect("a name");
        let path = after.split('`').next().expect("a path");
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(text.contains(name), "step {before}: `{name}` is not in {path}");
        steps += 1;
    }
    assert!(steps >= 11, "only {steps} steps were read");
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
    for (path, text) in all_sources() {
        for line in text.lines().filter(|line| line.contains("allow(")) {
            assert!(line.contains("reason"), "{}: expect, with a reason, instead of `{}`", path.display(), line.trim());
        }
    }
}

/// The part of a file before its tests.
fn product_code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

/// Every `crate::group::part` that a line names.
fn crate_names(line: &str) -> Vec<(String, String)> {
    if line.trim_start().starts_with("//") {
        return Vec::new();
    }
    let name = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    line.match_indices("crate::")
        .map(|(index, found)| {
            let rest = &line[index + found.len()..];
            let first = name(rest);
            let second = rest[first.len()..].strip_prefix("::").map(name).unwrap_or_default();
            (first, second)
        })
        // The crate's root names it again, because nearly every command does.
        .map(|(first, second)| if first == "failure" { ("model".to_owned(), first) } else { (first, second) })
        // Where tests record what they skip.
        .filter(|(first, _)| !first.is_empty() && first != "skip")
        .collect()
}

/// The first directory below `src`, or the file's own name there.
fn group(path: &Path) -> String {
    below_src(path, 0)
}

/// The second directory below `src`, or the file's own name there.
fn part(path: &Path) -> String {
    below_src(path, 1)
}

fn below_src(path: &Path, depth: usize) -> String {
    let below = path.strip_prefix(root().join("src")).expect("below src");
    let name = below.components().nth(depth).map(|name| name.as_os_str().to_string_lossy().into_owned());
    name.unwrap_or_default().trim_end_matches(".rs").to_owned()
}

fn sources() -> Vec<(PathBuf, String)> {
    files_below(&root().join("src"))
}

/// Also those of the crates that the program consists of.
fn all_sources() -> Vec<(PathBuf, String)> {
    let crates = [QUEUE, SERVE, TOKEN].into_iter().flat_map(|directory| files_below(&root().join(directory)));
    sources().into_iter().chain(crates).collect()
}

fn files_below(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
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
