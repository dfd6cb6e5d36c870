//! Objects planted at output paths: audit files, plans, bundles, checksums, mirrors, lockfiles, trusted roots. Nothing outside
//! the project changes, and no command hangs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use super::planted::AT_ONCE;
use super::planted::THINGS;
use super::planted::Thing;
use super::planted::changed;
use super::planted::copy;
use super::planted::lay_out_outside;
use super::planted::outside;
use super::planted::plant;
use super::planted::within_the_limit;
use super::quiet;
use super::world;
use crate::bundle::release;
use crate::support::Context;
use crate::support::context::REPOSITORY;
use crate::support::context::asset_name;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::fault_table::record_as;
use crate::support::releases::mutations;
use crate::support::releases::with_versions;

/// A name below the project, the command that writes there, and its permitted exit codes besides 0, 1, 8 and 9.
type Place = (String, Vec<String>, &'static [i32]);

/// The trusted root that tests accept.
const ROOTS: &str = "roots.jsonl";

/// The inputs of the commands, without any of their outputs.
fn project(is_pruned: bool) -> Context {
    let mut context = if is_pruned { with_versions(3) } else { Context::new() };
    if !is_pruned {
        release(&context, "v0.0.144");
        context.set("REPROQ_TRUST_DIR", context.project().join("trust").to_str().expect("UTF-8"));
        fs::write(context.project().join(ROOTS), root()).expect("written");
        fs::create_dir(context.project().join("dist")).expect("made");
        fs::write(context.project().join("dist/tool"), "an asset").expect("written");
    }
    context
}

/// A custom trusted root, the same every time.
fn root() -> &'static str {
    static ROOT: OnceLock<String> = OnceLock::new();
    ROOT.get_or_init(|| fake_sigstore::Instance::new("acme", "acme authority").root(true).to_string())
}

/// All paths that the commands write, as traced. A directory that the user names may be a link to one.
fn places(template: &Context) -> Vec<Place> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let prune = words("release prune --keep 1");
    let with = |more: &str| [prune.clone(), words(more)].concat();
    let mut places: Vec<Place> = vec![
        (".reproq".to_owned(), prune.clone(), &[]),
        (".reproq/audit".to_owned(), prune.clone(), &[]),
        ("audit.jsonl".to_owned(), with("--audit audit.jsonl"), &[]),
        ("plan.json".to_owned(), with("--dry-run --plan-out plan.json"), &[]),
    ];
    for name in ["saved/v1.1.0", "saved/v1.1.0/tool.bin", "saved/v1.1.0/.tool.bin.part"] {
        places.push((name.to_owned(), with("--archive saved"), &[]));
    }
    places.push(("worker.tar".to_owned(), words("bundle create -o worker.tar"), &[]));
    places.push(("dist/SHA256SUMS".to_owned(), words("release checksums dist"), &[]));
    // An unreadable lockfile is a usage error, and a dangling link is not found.
    for command in ["lock", "install --no-django", "upgrade --no-django"] {
        places.push(("reproq.lock".to_owned(), words(command), &[2, 4]));
    }
    for (path, _, _) in template.inventory() {
        let name = path.strip_prefix(template.project()).expect("below").to_str().expect("UTF-8").to_owned();
        if name.starts_with("mirror/") {
            places.push((name, words("mirror sync mirror"), &[5, 7]));
        } else if name.starts_with("trust/") {
            places.push((name, words("trust accept roots.jsonl"), &[5]));
        }
    }
    places.push(("mirror/.reproq-sync-planted".to_owned(), words("mirror sync mirror"), &[]));
    places
}

/// Plants this object at this path, runs the command, and returns the errors.
fn tried((name, arguments, own): &Place, thing: Thing, template: &Context) -> Option<String> {
    let context = project(arguments.iter().any(|word| word == "prune"));
    for written in ["mirror", "trust"] {
        if name.starts_with(written) {
            copy(&template.project().join(written), &context.project().join(written));
            close(&context.project().join("trust"));
        }
    }
    lay_out_outside(&context);
    if !plant(thing, &context, &context.project().join(name)) {
        return None;
    }
    let before = world(&outside(&context));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let case = format!("{thing:?} at {name}: {}", arguments.join(" "));
    let output = match within_the_limit(&context, &arguments) {
        Ok(output) => output,
        Err(problem) => return Some(format!("{case}: {problem}")),
    };
    quiet(&output);
    let changed = changed(&before, &world(&outside(&context)));
    let has_hint = output.stderr.contains("hint: ") || output.stdout.contains("hint: ");
    let problem = if !changed.is_empty() {
        format!("changed {changed:?}")
    } else if ![0, 1, 8, 9].contains(&output.code) && !own.contains(&output.code) {
        format!("exit {}: {}", output.code, output.stderr)
    } else if output.code != 0 && !has_hint {
        format!("exit {}, and no way out: {}", output.code, output.stderr)
    } else {
        return None;
    };
    Some(format!("{case}: {problem}"))
}

/// Only the user may read trusted roots.
fn close(directory: &Path) {
    if directory.is_dir() {
        for directory in [directory.to_owned(), directory.join("accepted")] {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).expect("closed");
        }
    }
}

#[test]
fn whatever_is_planted_where_a_command_writes_nothing_outside_changes_and_nothing_hangs() {
    let template = project(false);
    template.succeed(&["mirror", "sync", "mirror"]);
    template.succeed(&["trust", "accept", ROOTS]);
    let places = places(&template);
    assert!(places.len() > 22, "{places:#?}");
    let queue: Vec<(&Place, Thing)> =
        places.iter().flat_map(|place| THINGS.iter().map(move |thing| (place, *thing))).collect();
    let (total, queue, problems) = (queue.len(), Mutex::new(queue), Mutex::new(Vec::new()));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((place, thing)) = next() {
                    let found = tried(place, thing, &template);
                    problems.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap_or_else(PoisonError::into_inner);
    eprintln!("{total} things planted at {} names", places.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    record_as(
        Part::Hostile,
        "output: a link, hard link, FIFO, socket, device, directory, hole of 1 TiB or another user's file where a command writes",
        "0, 1, 8 or 9",
        "what is in the way, with a hint to name another file; or nothing, where it is replaced",
        "everything outside the project as it was",
    );
}

/// Runs a command with a planted object that it refuses, and records the output.
fn refused(fault: &str, context: &Context, name: &str, thing: Thing, arguments: &[&str]) {
    lay_out_outside(context);
    assert!(plant(thing, context, &context.project().join(name)), "planted");
    let before = world(context.root());
    let output = within_the_limit(context, arguments).expect("it does not hang");
    assert_eq!(output.code, 8, "{fault}: {output:#?}");
    assert_eq!(changed(&before, &world(context.root())), Vec::<PathBuf>::new(), "{fault}");
    quiet(&output);
    record(Part::Hostile, fault, context, &output, "everything as it was");
}

#[test]
fn an_output_never_replaces_anything_but_a_regular_file() {
    for (what, thing) in [
        ("a link", Thing::LinkToFile),
        ("a FIFO", Thing::Fifo),
        ("a socket", Thing::Socket),
        ("a directory", Thing::Directory),
    ] {
        let bundle = ["bundle", "create", "-o", "worker.tar"];
        refused(&format!("bundle create: the output is {what}"), &project(false), "worker.tar", thing, &bundle);
        let sums = ["release", "checksums", "dist"];
        refused(&format!("release checksums: SHA256SUMS is {what}"), &project(false), "dist/SHA256SUMS", thing, &sums);
        let plan = ["release", "prune", "--keep", "1", "--dry-run", "--plan-out", "plan.json"];
        refused(&format!("release prune: the plan is {what}"), &project(true), "plan.json", thing, &plan);
        let audit = ["release", "prune", "--keep", "1", "--audit", "audit.jsonl"];
        let context = project(true);
        refused(&format!("release prune: the record is {what}"), &context, "audit.jsonl", thing, &audit);
        assert!(mutations(&context).is_empty(), "nothing is deleted without a record");
    }
    let (context, audit) = (project(true), ["release", "prune", "--keep", "1", "--audit", "audit.jsonl"]);
    refused("release prune: the record has another name too", &context, "audit.jsonl", Thing::HardLink, &audit);
}

#[test]
fn a_mirror_is_not_written_through_links_inside_it() {
    let template = project(false);
    template.succeed(&["mirror", "sync", "mirror"]);
    let releases = format!("mirror/{REPOSITORY}/releases");
    let asset = format!("{releases}/download/v0.0.144/{}", asset_name());
    for (what, name, thing) in [
        ("the owner's directory", "mirror/adpena", Thing::LinkToDirectory),
        ("the index", &*format!("{releases}/index.json"), Thing::LinkToFile),
        ("a release's directory", &*format!("{releases}/download/v0.0.144"), Thing::LinkToDirectory),
        ("an asset", &*asset, Thing::LinkToFile),
    ] {
        let context = project(false);
        copy(&template.project().join("mirror"), &context.project().join("mirror"));
        lay_out_outside(&context);
        assert!(plant(thing, &context, &context.project().join(name)), "planted");
        let before = world(&outside(&context));
        let output = within_the_limit(&context, &["mirror", "sync", "mirror"]).expect("it does not hang");
        assert_eq!(changed(&before, &world(&outside(&context))), Vec::<PathBuf>::new(), "{what}");
        // An index that is a link to something else is not an index.
        assert_eq!(output.code, if what == "the index" { 5 } else { 8 }, "{what}: {output:#?}");
        record(Part::Hostile, &format!("mirror: {what} is a link, sync"), &context, &output, "what the link leads to");
    }
}

/// A lockfile that is shared by a link is written at its target and keeps its mode.
#[test]
fn a_lock_is_written_through_a_link_and_keeps_its_mode() {
    let context = Context::released();
    context.succeed(&["lock"]);
    let shared = context.root().join("work/shared.lock");
    fs::rename(context.lockfile(), &shared).expect("moved");
    symlink("../shared.lock", context.lockfile()).expect("a link");
    for (mode, tag) in [(0o444, "v0.0.145"), (0o664, "v0.0.146"), (0o600, "v0.0.147")] {
        context.release(tag);
        fs::set_permissions(&shared, fs::Permissions::from_mode(mode)).expect("set");
        let arguments =
            if mode == 0o664 { vec!["install", "--no-django", "--tag", tag] } else { vec!["lock", "--tag", tag] };
        let output = context.succeed(&arguments);
        let link = fs::symlink_metadata(context.lockfile()).expect("there");
        assert!(link.is_symlink(), "{mode:o}: {output:#?}");
        let (text, metadata) = (fs::read_to_string(&shared).expect("text"), fs::metadata(&shared).expect("there"));
        assert!(text.contains(tag), "{text}");
        assert_eq!(metadata.permissions().mode() & 0o7777, mode);
        if mode == 0o444 {
            let left = "the link, and the file that it leads to, with the new lock and its old mode";
            record(Part::Machine, "reproq.lock: a link to a file of mode 0444, lock", &context, &output, left);
        }
    }
    // A plain file keeps its mode as well.
    fs::remove_file(context.lockfile()).expect("removed");
    fs::rename(&shared, context.lockfile()).expect("moved");
    fs::set_permissions(context.lockfile(), fs::Permissions::from_mode(0o444)).expect("set");
    context.succeed(&["lock", "--tag", "v0.0.144"]);
    assert_eq!(fs::metadata(context.lockfile()).expect("there").permissions().mode() & 0o7777, 0o444);
}

/// A linked lockfile of another user is not changed.
#[test]
fn a_lock_of_another_user_is_not_written_through_a_link() {
    let context = Context::released();
    context.succeed(&["lock"]);
    context.release("v0.0.145");
    let theirs = context.root().join("work/theirs.lock");
    fs::rename(context.lockfile(), &theirs).expect("moved");
    symlink(&theirs, context.lockfile()).expect("a link");
    let fault = "reproq.lock: a link to a file of another user, lock";
    if std::os::unix::fs::chown(&theirs, Some(65534), Some(65534)).is_err() {
        return crate::support::fault_table::skipped(Part::Hostile, fault, "run as root");
    }
    let before = world(&context.root().join("work"));
    let output = context.run(&["lock", "--tag", "v0.0.145"]);
    assert_eq!(output.code, 9, "{output:#?}");
    assert_eq!(changed(&before, &world(&context.root().join("work"))), Vec::<PathBuf>::new());
    record(Part::Hostile, fault, &context, &output, "everything as it was");
}

#[cfg(feature = "attestation")]
#[test]
fn trusted_roots_in_another_users_directory_are_not_trusted() {
    let context = project(false);
    context.succeed(&["trust", "accept", ROOTS]);
    let fault = "trust: the directory belongs to another user";
    for directory in ["trust/accepted", "trust"] {
        let directory = context.project().join(directory);
        if std::os::unix::fs::chown(&directory, Some(65534), Some(65534)).is_err() {
            return crate::support::fault_table::skipped(Part::Hostile, fault, "run as root");
        }
        for arguments in [&["trust", "accept", ROOTS][..], &["trust", "show"]] {
            let output = context.run(arguments);
            assert_eq!(output.code, 5, "{arguments:?}: {output:#?}");
            if directory.ends_with("trust") && arguments[1] == "accept" {
                record(Part::Hostile, fault, &context, &output, "everything as it was");
            }
        }
        std::os::unix::fs::chown(&directory, Some(0), Some(0)).expect("given back");
    }
    context.succeed(&["trust", "show"]);
}

/// The files of a job are named by its runner and are optional: one that cannot be written is not an error.
#[test]
fn a_fifo_in_place_of_a_jobs_file_is_not_waited_for() {
    let mut context = project(true);
    let fifo = context.root().join("fifo");
    assert!(plant(Thing::Fifo, &context, &fifo));
    context.set("GITHUB_OUTPUT", fifo.to_str().expect("UTF-8"));
    let output = within_the_limit(&context, &["release", "prune", "--keep", "1"]).expect("it does not hang");
    assert_eq!(output.code, 0, "{output:#?}");
    assert!(output.stderr.contains("failed to write the file of GITHUB_OUTPUT"), "{output:#?}");
}

/// Two runs in one second: each has its own audit file with an unpredictable name.
#[test]
fn two_runs_in_one_second_have_two_audit_files() {
    let context = with_versions(8);
    for keep in (1..=7).rev() {
        context.succeed(&["release", "prune", "--keep", &keep.to_string()]);
    }
    let audit = context.project().join(".reproq/audit");
    let records: Vec<PathBuf> = fs::read_dir(audit).expect("records").flatten().map(|entry| entry.path()).collect();
    assert_eq!(records.len(), 7, "{records:?}");
    for record in records {
        let text = fs::read_to_string(&record).expect("text");
        assert_eq!(text.matches("\"event\":\"begin\"").count(), 1, "{}: {text}", record.display());
    }
}
