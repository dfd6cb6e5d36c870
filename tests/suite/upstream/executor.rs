//! The stand-in for the executor, which the tests of the fork server run, behaves like the real one, which it runs too.

use std::fs;

use serde_json::Value;

use super::shop::named;
use crate::prefork::compare::assert_none;
use crate::prefork::compare::difference;
use crate::prefork::compare::repaired;
use crate::prefork::compare::shown;
use crate::prefork::project::Ended;
use crate::prefork::project::Item;
use crate::prefork::project::Project;
use crate::support::django;

#[test]
fn the_stand_in_ends_each_task_as_the_real_executor_does() {
    let Some(source) = named("REPROQ_DJANGO_SOURCE", "a checkout of reproq-django") else { return };
    let Some(project) = Project::new() else { return };
    let items: Vec<&Item> = project.items.iter().filter(|item| !item.fresh).collect();
    let (ours, left) = project.run(&project.plain(), &items);
    // In the same place, so that every path is the same.
    let package = project.context.root().join("site/reproq_django");
    fs::remove_dir_all(&package).expect("removed");
    django::copy(&std::path::Path::new(&source).join("src/reproq_django"), &package);
    let (theirs, left_by_theirs) = project.run(&project.plain(), &items);
    let pairs = items.iter().zip(ours.into_iter().zip(theirs));
    let problems = pairs.filter_map(|(item, (ours, theirs))| {
        let (ours, theirs) = (without_frames(ours), without_frames(theirs));
        Some(shown(item, difference(&theirs, &ours)?, &[&theirs, &ours]))
    });
    assert_none(&problems.collect::<Vec<_>>());
    assert_eq!(left_by_theirs, left);
    // A fork server executes them with the real one too.
    let (forked, plain) = project.forked_and_plain();
    let (expected, left) = project.run(&plain, &items);
    let (found, left_by_forked) = project.run(&forked, &items);
    let pairs = items.iter().zip(expected.iter().zip(&found));
    let problems =
        pairs.filter_map(|(item, (plain, forked))| Some(shown(item, repaired(item, plain, forked)?, &[plain, forked])));
    assert_none(&problems.collect::<Vec<_>>());
    assert_eq!(left_by_forked, left);
}

/// The output without the package's own frames in tracebacks.
fn without_frames(mut ended: Ended) -> Ended {
    ended.stderr = own_code(&String::from_utf8_lossy(&ended.stderr)).into_bytes();
    // The last line, since the task may have written others.
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    let (before, line) = text.trim_end().rsplit_once('\n').unwrap_or(("", &text));
    if let Ok(mut envelope) = serde_json::from_str::<Value>(line)
        && let Some(traceback) = envelope.get("traceback").and_then(Value::as_str)
    {
        envelope["traceback"] = own_code(traceback).into();
        ended.stdout = format!("{before}\n{envelope}").into_bytes();
    }
    ended
}

fn own_code(text: &str) -> String {
    let mut kept = Vec::new();
    let mut dropped = None;
    for line in text.lines() {
        let start = line.find("File \"").filter(|_| line.contains("/reproq_django/"));
        // The source of a frame is further in than its first line.
        let is_source = |start: usize| line.get(start..).is_some_and(|rest| rest.starts_with("  "));
        dropped = start.or_else(|| dropped.filter(|start| is_source(*start)));
        // How deep a task can recurse depends on the package's frames.
        if dropped.is_none() && !line.contains("[Previous line repeated") {
            kept.push(line);
        }
    }
    kept.join("\n")
}
