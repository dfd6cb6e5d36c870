//! Every command in the documents, and every example of the help, does what it promises: it is run in a project on loopback.
//! What is not run here is listed with the reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use crate::support::Context;
use crate::support::releases::with_versions;

#[path = "../docs/shell.rs"]
mod shell;

/// Parts of command lines that cannot be run here, and where they are run instead.
const NOT_RUN: &[(&str, &str)] = &[
    ("…", "abbreviated"),
    ("FILE", "a placeholder; `attestation` and `bundle` run these commands"),
    ("SHA256", "a placeholder; `trust_roots` runs it"),
    ("sha256:", "a placeholder; `attestation` runs it"),
    ("roots.jsonl", "roots of another publisher; `trust_roots` runs it"),
    ("trusted_root.jsonl", "roots of another publisher; `trust_roots` runs it"),
    ("trust update", "requests the repositories of Sigstore and GitHub; `trust_roots` runs it with copies"),
    ("example", "a host that does not exist; `mirror` runs it with nginx"),
    ("--with-source", "needs Go; `bundle_source` runs it"),
    ("/audit/", "needs the audit file of a prune; `release_restore` runs it"),
    ("reproq init", "needs a Django project; `init` runs it"),
    ("reproq worker", "starts a worker that does not end; `run` runs it with scripts"),
    ("reproq prefork", "needs a worker that runs; `prefork` runs these commands"),
    ("reproq beat", "needs a database; `queue::beat` and `queue::beat_service` run it"),
    ("reproq schedule", "needs a database; `queue::beat` runs it"),
    ("reproq systemd", "needs the name of a user; `systemd` runs it"),
    ("config worker", "needs the URL of a database; `config_worker` runs it"),
    ("config beat", "needs the URL of a database; `config_worker` runs it"),
    ("reproq db", "needs a database; `db` runs these commands"),
    ("reproq stats", "needs a database; `queue::stats` runs these commands"),
    ("reproq serve", "needs a database, and does not end; `serve` runs it"),
    ("reproq top", "needs a database and a terminal; `top` runs these commands"),
    ("reproq task list", "needs a database; `queue::tasks` runs these commands"),
    ("reproq task show", "needs a database; `queue::tasks` runs these commands"),
    ("reproq task why", "needs a database; `queue::tasks` runs these commands"),
    ("reproq task logs", "needs a database; `queue::tasks` runs these commands"),
    ("reproq task enqueue", "needs a database; `queue::enqueue` runs these commands"),
    ("reproq task replay", "needs a database; `queue::enqueue` runs these commands"),
    ("reproq task retry", "needs a database; `queue::changes` runs these commands"),
    ("reproq task cancel", "needs a database; `queue::changes` runs these commands"),
    ("reproq task discard", "needs a database; `queue::changes` runs these commands"),
    ("reproq task reclaim", "needs a database; `queue::changes` runs these commands"),
    ("reproq task prune", "needs a database; `queue::changes_prune` runs these commands"),
    ("reproq queue", "needs a database; `queue::stats` runs these commands"),
    ("reproq workers", "needs a database; `queue::lists` runs these commands"),
    ("reproq periodic list", "needs a database; `queue::lists` runs these commands"),
    ("reproq periodic check", "needs a database; `queue::lists` runs these commands"),
    ("reproq periodic set", "needs a database; `queue::schedules` runs these commands"),
    ("reproq periodic enable", "needs a database; `queue::schedules` runs these commands"),
    ("reproq periodic disable", "needs a database; `queue::schedules` runs these commands"),
    ("reproq periodic remove", "needs a database; `queue::schedules` runs these commands"),
    ("reproq periodic run", "needs a database; `queue::schedules` runs these commands"),
    ("reproq periodic sync", "needs a database and Django; `queue::sync` runs these commands"),
    ("reproq limit", "needs a database; `queue::lists` runs these commands"),
    ("reproq workflow", "needs a database; `queue::lists` runs these commands"),
    ("release check", "needs a release for every platform; `release_check` runs it"),
    ("--target linux-arm64", "needs an asset for another platform; `install_to` runs it"),
    ("render env", "requests Render; `render` runs these commands against a fake"),
    ("reproq login", "needs a server; `login` runs these commands"),
    ("token verify", "needs a token; `login::token` runs these commands"),
    ("self version --check", "requests github.com; `self_version` runs it"),
];

/// Every distinct command line of the documents.
fn documented() -> Vec<shell::CommandLine> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md")];
    for directory in ["docs", "docs/reference"] {
        let entries =
            fs::read_dir(root.join(directory)).expect("readable").map(|entry| entry.expect("an entry").path());
        pages.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    let lines = pages.into_iter().flat_map(|page| {
        let text = fs::read_to_string(&page).expect("a page");
        shell::command_lines(&page, &text)
    });
    let mut known = BTreeSet::new();
    lines.filter(|line| !line.is_inline && known.insert(line.words.clone())).collect()
}

/// The command with directories and names of the test.
fn adapted(words: &[String]) -> Vec<String> {
    let adapt = |word: &String| {
        let word = word.replace("/srv/mirror", "mirror").replace("/srv/app/bin/", "elsewhere/");
        match word.as_str() {
            "DIR" => "mirror".to_owned(),
            "OWNER/NAME" => "acme/tool".to_owned(),
            _ => word,
        }
    };
    words.iter().skip(1).map(adapt).collect()
}

/// A project with two installed releases, or a repository with versions to prune; and the files that the command reads.
fn world(words: &[String]) -> Context {
    if words.first().is_some_and(|word| word == "release") {
        let context = with_versions(5);
        fs::create_dir(context.project().join("dist")).expect("made");
        fs::write(context.project().join("dist/tool.bin"), "a tool").expect("written");
        return context;
    }
    let context = Context::released();
    context.release("v0.0.143");
    context.release("v0.0.140");
    context.succeed(&["install", "--no-django", "--tag", "v0.0.143"]);
    context.succeed(&["upgrade", "--no-django"]);
    let reads =
        |what: &str| words.iter().any(|word| word == what) && !words.iter().any(|word| word == "-o" || word == "sync");
    if reads("worker.tar") {
        context.succeed(&["bundle", "create", "-o", "worker.tar"]);
    }
    for mirror in ["mirror", "releases"] {
        if reads(mirror) {
            context.succeed(&["mirror", "sync", mirror]);
        }
    }
    context
}

#[test]
fn every_documented_command_works() {
    let lines = documented();
    let is_run = |line: &&shell::CommandLine| !NOT_RUN.iter().any(|(part, _)| line.command().contains(*part));
    let run: Vec<&shell::CommandLine> = lines.iter().filter(is_run).collect();
    assert!(run.len() > 50, "only {} commands would be run", run.len());
    for (part, _) in NOT_RUN {
        assert!(lines.iter().any(|line| line.command().contains(*part)), "no documented command contains `{part}`");
    }
    let problems = Mutex::new(Vec::new());
    let next = Mutex::new(run.iter());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(line) = next.lock().expect("not poisoned").next() else { return };
                    let words = adapted(&line.words);
                    let context = world(&words);
                    let output = context.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
                    let may_be_pending = words.iter().any(|word| word == "--check" || word == "--exit-code");
                    if output.code != 0 && !(may_be_pending && output.code == 3) {
                        problems
                            .lock()
                            .expect("not poisoned")
                            .push(format!("{}: {}: {output:#?}", line.place, line.written));
                    }
                }
            });
        }
    });
    let problems = problems.into_inner().expect("not poisoned");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
