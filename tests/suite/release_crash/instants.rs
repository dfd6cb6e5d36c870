//! A prune that is killed at random times, and at every change on disk.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Instant;

use reproq::internals::releases::prune::AuditEvent;
use reproq::internals::releases::prune::read_audit;

use super::PRUNE;
use crate::support::Context;
use crate::support::fault_table::Part;
use crate::support::fault_table::record_as;
use crate::support::releases::mutations;
use crate::support::releases::repo;
use crate::support::releases::with_versions;
use crate::support::strace;

const ROUNDS: u32 = 50;

const KEPT: [&str; 3] = ["v1.7.0", "v1.8.0", "v1.9.0"];

/// Everything below the project's `.reproq`.
fn files(context: &Context) -> BTreeSet<PathBuf> {
    context.inventory().into_iter().map(|(path, _, _)| path).collect()
}

/// Checks that every audit file is readable; returns the number of announced requests.
fn announced(context: &Context, name: &str) -> usize {
    let directory = context.project().join(".reproq/audit");
    let records = fs::read_dir(directory).into_iter().flatten().flatten();
    let lines = records.flat_map(|entry| read_audit(&entry.path()).unwrap_or_else(|error| panic!("{name}: {error}")));
    lines.filter(|line| matches!(line.event, AuditEvent::Intent { .. })).count()
}

/// After a kill every kept version exists, every request was announced in an audit file, and the next run ends in the same
/// state as an uninterrupted one.
fn assert_goes_on(context: &Context, arguments: &[&str], name: &str) {
    let snapshot = repo(context).snapshot();
    let published = snapshot.published();
    let tags = snapshot.tag_names();
    assert!(KEPT.iter().all(|kept| published.contains(kept) && tags.contains(kept)), "{name}: {tags:?}");
    assert!(snapshot.drafts().is_empty(), "{name}: a release lost its tag");
    assert!(announced(context, name) >= mutations(context).len(), "{name}: a request without a record");
    context.succeed(arguments);
    let snapshot = repo(context).snapshot();
    assert_eq!(snapshot.tag_names(), KEPT, "{name}");
    assert_eq!(snapshot.published().len(), KEPT.len(), "{name}");
    let audit = context.project().join(".reproq/audit");
    let known = [".reproq", ".reproq/.gitignore", ".reproq/audit"].map(|path| context.project().join(path));
    let is_known = |path: &PathBuf| known.contains(path) || path.parent() == Some(&audit);
    assert!(files(context).iter().all(is_known), "{name}: {:#?}", files(context));
    announced(context, name);
}

#[test]
fn killed_at_random_the_next_run_ends_in_the_same_state() {
    let arguments = [PRUNE.as_slice(), &["--audit", ".reproq/audit/record.jsonl"]].concat();
    let whole = with_versions(9);
    let began = Instant::now();
    whole.succeed(&arguments);
    let whole = began.elapsed();
    let mut unfinished = 0;
    for round in 0..ROUNDS {
        let context = with_versions(9);
        for kill in 0..2 {
            let fraction = (f64::from(round * 2 + kill) * 0.618_033_988_75).fract();
            let mut child = context.spawn(&arguments);
            sleep(whole.mul_f64(fraction));
            child.kill().expect("killed");
            child.wait().expect("ended");
            announced(&context, &format!("round {round}, kill {kill}"));
        }
        unfinished += usize::from(repo(&context).snapshot().tags.len() > KEPT.len());
        assert_goes_on(&context, &arguments, &format!("round {round}"));
    }
    eprintln!("{unfinished} of {ROUNDS} left work to do");
    assert!(unfinished > 0, "no kill came in time");
    let left = "every version that was to stay; a record that can be read; the next run deletes the rest";
    record_as(Part::Crash, "SIGKILL at any moment of a prune", "137", "nothing", left);
}

#[test]
fn killed_at_every_change_on_disk_the_next_run_ends_in_the_same_state() {
    if !strace::is_there() {
        return;
    }
    let moments = strace::moments(&with_versions(9), &PRUNE);
    let mut killed = 0;
    for moment in &moments {
        let context = with_versions(9);
        killed += usize::from(strace::killed_at(&context, moment, &PRUNE));
        assert_goes_on(&context, &PRUNE, &format!("about to make {moment:?}"));
    }
    eprintln!("{killed} of {} moments", moments.len());
    assert!(killed * 10 >= moments.len() * 9, "{killed} kills at {} moments", moments.len());
}
