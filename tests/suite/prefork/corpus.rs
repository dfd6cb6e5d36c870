//! Every task of the corpus, beside plain Python.

use super::compare::assert_none;
use super::compare::repaired;
use super::compare::shown;
use super::compare::unexpected;
use super::envelope::LIMIT;
use super::envelope::refusal;
use super::project::Item;
use super::project::Project;

#[test]
fn every_task_ends_as_in_plain_python() {
    let Some(project) = Project::new() else { return };
    let items: Vec<&Item> = project.items.iter().filter(|item| item.poison.is_none() && !item.fresh).collect();
    assert!(items.len() >= 60, "only {} tasks", items.len());
    let (forked, plain) = project.forked_and_plain();
    let (expected, left) = project.run(&plain, &items);
    let ends = items.iter().zip(&expected);
    let problems = ends.filter_map(|(item, ended)| Some(shown(item, &unexpected(item, ended)?, &[ended])));
    assert_none(&problems.collect::<Vec<_>>());
    let (found, left_by_other) = project.run(&forked, &items);
    let pairs = items.iter().zip(expected.iter().zip(&found));
    let problems = pairs.filter_map(|(item, (plain, ended))| {
        let problem = repaired(item, plain, ended)?;
        Some(shown(item, problem, &[plain, ended]))
    });
    assert_none(&problems.collect::<Vec<_>>());
    assert_eq!(left, left_by_other);
    for part in ["'by a transaction'", "kept: \"not flushed by the task\"", "before the failure", "written at exit"] {
        assert!(left.contains(part), "{part}: {left}");
    }
}

#[test]
fn what_is_random_differs_each_time() {
    let Some(project) = Project::new() else { return };
    let (forked, _) = project.forked_and_plain();
    for item in project.items.iter().filter(|item| item.fresh) {
        let mut values = Vec::new();
        for _ in 0..3 {
            let ended = project.run_one(&forked, item);
            assert_eq!(unexpected(item, &ended), None, "{ended}");
            assert!(ended.stderr.is_empty(), "{ended}");
            let result: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("JSON");
            values.extend(result["return"].as_array().expect("a list").clone());
        }
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        let again = texts.iter().enumerate().find(|(at, text)| texts[..*at].contains(text));
        assert_eq!(again, None, "{texts:?}");
    }
}

/// Plain Python makes results of them that the worker cannot store.
#[test]
fn poisons_end_well() {
    let Some(project) = Project::new() else { return };
    let items: Vec<&Item> = project.items.iter().filter(|item| item.poison.is_some()).collect();
    assert!(items.len() >= 10, "only {} tasks", items.len());
    let (forked, plain) = project.forked_and_plain();
    let (expected, _) = project.run(&plain, &items);
    let problems = items.iter().zip(&expected).filter_map(|(item, ended)| {
        let is_poisonous = match item.poison.as_deref() {
            Some("stderr") => ended.stderr.len() > LIMIT,
            Some("pipes") => ended.took.as_secs() >= 6,
            _ => refusal(&ended.stdout).is_some(),
        };
        let harmless = (!is_poisonous).then(|| "the worker can store it".to_owned());
        Some(shown(item, &unexpected(item, ended).or(harmless)?, &[ended]))
    });
    assert_none(&problems.collect::<Vec<_>>());
    let (found, _) = project.run(&forked, &items);
    let pairs = items.iter().zip(expected.iter().zip(&found));
    let problems = pairs.filter_map(|(item, (plain, ended))| {
        let late = (ended.took.as_secs() >= 6).then_some("it ended with what it left behind");
        Some(shown(item, repaired(item, plain, ended).or(late)?, &[plain, ended]))
    });
    assert_none(&problems.collect::<Vec<_>>());
}
