//! Each schema in `docs/schemas` describes a document that a command prints, and they agree with each other.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::render::world::RenderWorld;
use crate::support::Context;
use crate::support::Output;
use crate::support::releases::with_versions;
use crate::support::schemas;

/// Runs the commands, which need not succeed, and collects the schemas of their documents.
fn printed(context: &Context, commands: &[&[&str]]) -> BTreeSet<String> {
    printed_by(&|arguments| context.run(arguments), commands)
}

fn printed_by(run: &dyn Fn(&[&str]) -> Output, commands: &[&[&str]]) -> BTreeSet<String> {
    commands
        .iter()
        .map(|arguments| {
            let output = run(&[*arguments, &["--json"]].concat());
            schemas::check(&output.stdout).unwrap_or_else(|| panic!("{arguments:?} printed no document: {output:#?}"))
        })
        .collect()
}

#[test]
fn every_schema_is_of_a_document_that_a_command_prints() {
    let context = Context::released();
    let mut seen = printed(&context, &[&["install", "--dry-run"], &["install"]]);
    // Printed to stderr, in lines.
    let failed = context.run(&["install", "--tag", "v9.9.9", "--progress", "json"]);
    seen.extend(failed.stderr.lines().filter_map(schemas::check));
    context.release("v0.0.145");
    seen.extend(printed(
        &context,
        &[
            &["install", "--dry-run"],
            &["upgrade", "--check"],
            &["upgrade"],
            &["rollback"],
            &["lock"],
            &["verify"],
            &["verify", "--online"],
            &["versions"],
            &["which", "--all", "--no-django"],
            &["doctor", "--no-django"],
            &["bundle", "create", "-o", "worker.tar"],
            &["bundle", "inspect", "worker.tar"],
            &["mirror", "sync", "mirror"],
            &["config", "show"],
            &["config", "worker", "--dsn", "d"],
            &["worker", "--dry-run", "--no-django", "--dsn", "d"],
            &["systemd", "--user", "u"],
            &["completions", "bash"],
            &["self", "version"],
            &["periodic", "next", "0 0 * * *"],
            &["task", "hash", "--task", "shop.tasks.send"],
            &["help"],
            &["cache", "dir"],
            &["cache", "list"],
            &["cache", "clean"],
            &["trust", "show"],
            &["login", "--status"],
            &["install", "--tag", "v9.9.9"],
        ],
    ));
    seen.extend(of_trust());
    seen.extend(of_releases());
    seen.extend(of_render());
    seen.extend(of_token());
    let of_database = of_database();
    let has_database = !of_database.is_empty();
    let of_django = of_django();
    let has_django = !of_django.is_empty();
    seen.extend(of_django);
    seen.extend(of_database);
    let published: BTreeSet<String> = schemas::names().into_iter().collect();
    // A build without the feature can neither verify nor change roots, and then these documents do not exist.
    let without = ["trust-accepted-1", "trust-forgotten-1", "trust-updated-1", "verify-file-1"];
    let expected: BTreeSet<String> = published
        .into_iter()
        .filter(|name| cfg!(feature = "attestation") || !without.contains(&name.as_str()))
        .filter(|name| has_django || !["init-1", "periodic-sync-1"].contains(&name.as_str()))
        .filter(|name| has_database || !NEED_A_DATABASE.iter().any(|prefix| name.starts_with(*prefix)))
        .collect();
    assert_eq!(seen, expected);
}

/// How the names of documents begin that only a database can give.
const NEED_A_DATABASE: &[&str] = &[
    "beat-",
    "db-",
    "limit-",
    "observation-",
    "periodic-change-",
    "periodic-check-",
    "periodic-list-",
    "periodic-run-",
    "queue-control-",
    "queue-list-",
    "queue-move-",
    "serve-",
    "stats-",
    "task-1",
    "task-change-",
    "task-enqueue-",
    "task-list-",
    "task-logs-",
    "task-prune-",
    "task-why-",
    "workers-",
    "workflow-",
];

fn of_token() -> BTreeSet<String> {
    let mut context = Context::new();
    context.set("METRICS_AUTH_TOKEN", "secret");
    fs::write(context.project().join("token.txt"), "a.b.c").expect("written");
    printed(&context, &[&["token", "verify", "token.txt"]])
}

/// Empty if there is no Django here.
#[cfg(unix)]
fn of_django() -> BTreeSet<String> {
    let mut context = Context::new();
    let Some(()) = crate::support::django::project(&mut context, "") else { return BTreeSet::new() };
    let mut seen = printed(&context, &[&["init", "--dry-run", "--skip-migrate"]]);
    seen.extend(of_fork_server());
    seen
}

#[cfg(target_os = "linux")]
fn of_fork_server() -> BTreeSet<String> {
    let Some(worker) = crate::prefork::Prefork::start("") else { return BTreeSet::new() };
    printed(&worker.context, &[&["prefork", "status"]])
}

#[cfg(all(unix, not(target_os = "linux")))]
fn of_fork_server() -> BTreeSet<String> {
    BTreeSet::from(["reproq.prefork/1".to_owned()])
}

#[cfg(not(unix))]
fn of_django() -> BTreeSet<String> {
    BTreeSet::new()
}

/// Empty if there is no PostgreSQL here.
#[cfg(unix)]
fn of_database() -> BTreeSet<String> {
    let Some(database) = test_postgres::Database::of_origin("a") else { return BTreeSet::new() };
    let mut context = Context::new();
    context.set("DATABASE_URL", database.url());
    let migrate = ["db", "migrate", "--yes"];
    let database_commands: [&[&str]; 5] =
        [&["db", "status"], &["db", "check"], &["db", "migrate", "--dry-run"], &migrate, &migrate];
    let mut seen = printed(&context, &database_commands);
    seen.extend(of_queue());
    if let Some(project) = crate::queue::sync::project(&database) {
        seen.extend(printed(&project, &[&["periodic", "sync", "--dry-run"]]));
    }
    seen
}

#[cfg(unix)]
fn of_queue() -> BTreeSet<String> {
    let (Some(database), Some(big)) = (crate::queue::rows::database("d"), test_postgres::Database::of_origin("d"))
    else {
        return BTreeSet::new();
    };
    let context = crate::queue::moves::project(&database.url(), &big.url());
    let logs = context.project().join("logs");
    fs::create_dir(&logs).expect("created");
    fs::write(logs.join("task-9-attempt-3.log"), "a line\n").expect("written");
    // It prints its document at its start, and runs until a signal.
    let served = crate::serve::Served::ready(&context, &[]);
    let of_serve = [served.document.to_string(), served.get("/reproq/observation/").body];
    drop(served);
    let mut seen = printed(
        &context,
        &[
            &["stats"],
            &["stats", "--format", "api"],
            &["stats", "heatmap"],
            &["stats", "trend"],
            &["task", "list"],
            &["task", "show", "9"],
            &["task", "why", "9"],
            &["task", "logs", "9", "--logs-dir", "logs"],
            &["task", "retry", "9", "4"],
            &["task", "prune", "--older-than", "2h", "--dry-run"],
            &["queue", "list"],
            &["workers", "list"],
            &["limit", "list"],
            &["periodic", "list"],
            &["periodic", "check"],
            &["beat", "--once"],
            &["task", "enqueue", "--task", "m.t", "--unchecked"],
            &["workflow", "list"],
            &["workflow", "show", "17"],
            &["queue", "pause", "mail"],
            &["queue", "move", "mail", "--to", "big", "--dry-run"],
            &["limit", "set", "queue:mail", "--rate", "1"],
            &["periodic", "disable", "nightly"],
            &["periodic", "run", "nightly"],
            &["workers", "prune", "--dry-run"],
            &["workflow", "repair", "--all", "--dry-run"],
        ],
    );
    seen.extend(of_serve.iter().filter_map(|document| schemas::check(document)));
    seen
}

#[cfg(not(unix))]
fn of_database() -> BTreeSet<String> {
    BTreeSet::new()
}

#[cfg(not(feature = "attestation"))]
fn of_trust() -> BTreeSet<String> {
    BTreeSet::new()
}

#[cfg(feature = "attestation")]
fn of_trust() -> BTreeSet<String> {
    use fake_sigstore::Claims;
    use fake_sigstore::How;
    use fake_sigstore::Instance;
    use fake_sigstore::provenance;

    use crate::support::workers::sha256;

    let mut context = Context::new();
    let trust = context.root().join("trust");
    context.set("REPROQ_TRUST_DIR", trust.to_str().expect("UTF-8"));
    let acme = Instance::new("acme", "acme authority");
    let bundle = acme.bundle(&Claims::build(), &provenance("tool", &sha256(b"the tool")), How::default());
    let root = acme.root(true).to_string();
    for (name, text) in [("tool", "the tool"), ("build.json", &bundle.to_string()), ("root.json", &root)] {
        fs::write(context.project().join(name), text).expect("written");
    }
    let file = ["verify", "tool", "--bundle", "build.json", "--repo", "acme/tool"];
    printed(
        &context,
        &[
            &file,
            &["trust", "accept", "root.json"],
            &file,
            &["trust", "show"],
            &["trust", "update", "github", "--url", "github=http://127.0.0.1:9"],
            &["trust", "forget", &sha256(root.as_bytes())],
        ],
    )
}

fn of_releases() -> BTreeSet<String> {
    let context = with_versions(5);
    let audit = context.root().join("audit.jsonl");
    let audit = audit.to_str().expect("UTF-8");
    fs::create_dir(context.project().join("assets")).expect("made");
    fs::write(context.project().join("assets/tool"), "the tool").expect("written");
    printed(
        &context,
        &[
            &["release", "list"],
            &["release", "check", "--asset", "tool.bin"],
            &["release", "prune", "--keep", "3", "--dry-run"],
            &["release", "prune", "--keep", "3", "--audit", audit, "--archive", "saved"],
            &["release", "restore", "--from", audit, "--dry-run"],
            &["release", "restore", "--from", audit],
            &["release", "checksums", "assets"],
        ],
    )
}

fn of_render() -> BTreeSet<String> {
    let world = RenderWorld::new();
    let commands: [&[&str]; 3] =
        [&["render", "env", "plan"], &["render", "env", "verify"], &["render", "env", "apply", "--yes"]];
    printed_by(&|arguments| world.run(arguments), &commands)
}

#[test]
fn a_definition_is_the_same_in_every_schema() {
    let mut definitions: BTreeMap<String, (String, Value)> = BTreeMap::new();
    for name in schemas::names() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/schemas/{name}.json"));
        let schema: Value = serde_json::from_slice(&fs::read(path).expect("readable")).expect("JSON");
        let id = format!("https://raw.githubusercontent.com/adpena/reproq/main/docs/schemas/{name}.json");
        assert_eq!(schema["$id"], id);
        let constant = name.rsplit_once('-').map(|(name, version)| format!("reproq.{name}/{version}"));
        assert_eq!(schema["properties"]["schema"]["const"].as_str(), constant.as_deref(), "{name}");
        for (definition, value) in schema["$defs"].as_object().into_iter().flatten() {
            let (first, known) = definitions.entry(definition.clone()).or_insert((name.clone(), value.clone()));
            assert_eq!(known, value, "`{definition}` differs between {first} and {name}");
        }
    }
}

/// What a user's own validator would accept: the check is as strict as it says.
#[test]
fn an_unknown_member_a_missing_one_and_a_wrong_type_are_found() {
    let valid = serde_json::json!({"schema": "reproq.cache-dir/1", "path": "/cache"});
    assert_eq!(schemas::check(&valid.to_string()).as_deref(), Some("cache-dir-1"));
    for wrong in [
        serde_json::json!({"schema": "reproq.cache-dir/1", "path": "/cache", "size": 1}),
        serde_json::json!({"schema": "reproq.cache-dir/1"}),
        serde_json::json!({"schema": "reproq.cache-dir/1", "path": null}),
        serde_json::json!({"schema": "reproq.cache-dir/2", "path": "/cache"}),
    ] {
        assert!(std::panic::catch_unwind(|| schemas::check(&wrong.to_string())).is_err(), "{wrong} is accepted");
    }
    assert_eq!(schemas::check("no document"), None);
}
