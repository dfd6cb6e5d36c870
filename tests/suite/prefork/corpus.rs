//! Every task of the corpus, beside plain Python.

use super::compare::assert_none;
use super::compare::difference;
use super::compare::shown;
use super::compare::unexpected;
use super::envelope::LIMIT;
use super::envelope::refusal;
use super::project::Executor;
use super::project::Item;
use super::project::Project;

/// What is compared with plain Python.
fn other(project: &Project) -> Executor {
    project.plain()
}

#[test]
fn every_task_ends_as_in_plain_python() {
    let Some(project) = Project::new() else { return };
    let items: Vec<&Item> = project.items.iter().filter(|item| item.poison.is_none() && !item.fresh).collect();
    assert!(items.len() >= 60, "only {} tasks", items.len());
    let (expected, left) = project.run(&project.plain(), &items);
    let ends = items.iter().zip(&expected);
    let problems = ends.filter_map(|(item, ended)| Some(shown(item, &unexpected(item, ended)?, &[ended])));
    assert_none(&problems.collect::<Vec<_>>());
    let (found, left_by_other) = project.run(&other(&project), &items);
    let pairs = items.iter().zip(expected.iter().zip(&found));
    let problems = pairs.filter_map(|(item, (plain, ended))| {
        let problem = difference(plain, ended)?;
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
    for item in project.items.iter().filter(|item| item.fresh) {
        let mut values = Vec::new();
        for _ in 0..3 {
            let ended = project.run_one(&other(&project), item);
            assert_eq!((unexpected(item, &ended), refusal(&ended.stdout)), (None, None), "{ended}");
            let result: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("JSON");
            values.extend(result["return"].as_array().expect("a list").clone());
        }
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        let again = texts.iter().enumerate().find(|(at, text)| texts[..*at].contains(text));
        assert_eq!(again, None, "{texts:?}");
    }
}

/// Without help, the worker cannot store the results of these tasks.
#[test]
fn poisons_are_poisonous_in_plain_python() {
    let Some(project) = Project::new() else { return };
    let items: Vec<&Item> = project.items.iter().filter(|item| item.poison.is_some()).collect();
    assert!(items.len() >= 10, "only {} tasks", items.len());
    let (ends, _) = project.run(&project.plain(), &items);
    let problems = items.iter().zip(&ends).filter_map(|(item, ended)| {
        let unexpected = unexpected(item, ended);
        let problem = unexpected.or_else(|| {
            let is_poisonous = match item.poison.as_deref() {
                Some("stderr") => ended.stderr.len() > LIMIT,
                Some("pipes") => ended.took.as_secs() >= 6,
                _ => refusal(&ended.stdout).is_some(),
            };
            (!is_poisonous).then(|| "the worker can store it".to_owned())
        })?;
        Some(shown(item, &problem, &[ended]))
    });
    assert_none(&problems.collect::<Vec<_>>());
}
