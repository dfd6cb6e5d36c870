//! Every recorded case: what the worker's own loader made of a file, variables and arguments.
#![expect(clippy::disallowed_methods, reason = "the recorded cases are read here, and files of theirs are written")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::*;

/// A case, as it was run.
#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    role: String,
    file: Option<String>,
    content: Option<String>,
    env: BTreeMap<String, String>,
    args: Vec<String>,
    /// The values that the worker read, or its error.
    result: BTreeMap<String, Value>,
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/worker-config.jsonl");
    let text = fs::read_to_string(path).expect("the recorded cases");
    text.lines().map(|line| serde_json::from_str(line).expect("a case")).collect()
}

/// The configuration, or why there is none.
fn ours(case: &Case) -> Result<EffectiveConfig, ConfigFileError> {
    let directory = tempfile::tempdir().expect("a directory");
    if let (Some(name), Some(content)) = (&case.file, &case.content) {
        fs::write(directory.path().join(name), content).expect("written");
    }
    let command = if case.role == "beat" { WorkerCommand::Beat } else { WorkerCommand::Worker };
    let variable = |name: &str| case.env.get(name).filter(|value| !value.is_empty()).cloned();
    let file = find(directory.path(), &case.args, variable("REPROQ_CONFIG").as_deref())?;
    Ok(read(command, file.as_ref(), &variable, &case.args))
}

fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        (_, _) => one == other,
    }
}

#[test]
fn every_recorded_case_is_read_as_the_worker_reads_it() {
    let cases = cases();
    assert!(cases.len() > 110, "{} cases", cases.len());
    let mut problems = Vec::new();
    for case in &cases {
        let ours = ours(case);
        let refusals = match &ours {
            Ok(config) => config.refusals.iter().map(|it| it.problem.clone()).collect(),
            Err(error) => vec![error.to_string()],
        };
        match (case.result.get("error"), refusals.is_empty()) {
            (Some(_), false) => {}
            (Some(error), true) => problems.push(format!("{}: the worker refuses it: {error}", case.name)),
            (None, false) => problems.push(format!("{}: the worker accepts it: {refusals:?}", case.name)),
            (None, true) => {
                let config = ours.expect("no refusals");
                for (key, expected) in &case.result {
                    let found = config.value(key).map(|value| serde_json::to_value(&value.value).expect("a value"));
                    let found = match found {
                        Some(Value::String(id)) if id == fields::DEFAULT_WORKER_ID => Some("HOST-PID".into()),
                        other => other,
                    };
                    if !found.as_ref().is_some_and(|found| same(found, expected)) {
                        problems.push(format!("{}: {key} is {expected}, not {found:?}", case.name));
                    }
                }
                assert_eq!(config.values.len(), case.result.len(), "{}", case.name);
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The line that the worker's message names is the line of the refusal.
#[test]
fn refusals_name_the_line_that_the_worker_names() {
    let mut compared = 0;
    for case in cases() {
        let Some(error) = case.result.get("error").and_then(Value::as_str) else { continue };
        let lines: Vec<usize> =
            error.split("line ").skip(1).filter_map(|rest| rest.split_once(':')?.0.parse().ok()).collect();
        if lines.is_empty() {
            continue;
        }
        let config = ours(&case).expect("a file");
        let found: Vec<usize> = config.refusals.iter().filter_map(|refusal| refusal.line).collect();
        assert_eq!(found, lines, "{}: {error}", case.name);
        compared += 1;
    }
    assert!(compared > 15, "{compared}");
}

#[test]
fn what_the_worker_ignores_is_listed_with_its_line() {
    let file = |text: &str, is_toml| ConfigFile {
        path: "f".into(),
        reason: ConfigFileReason::Name,
        is_toml,
        text: text.to_owned(),
    };
    let ignored = |file: &ConfigFile| -> Vec<(String, usize)> {
        let config = read(WorkerCommand::Worker, Some(file), &|_| None, &[]);
        config.ignored.into_iter().map(|it| (it.key, it.line)).collect()
    };
    let yaml = file("zzz: 1\nworker:\n  nope: 2\n  Concurrency: 3\nworker.concurrency: 4\n", false);
    let expected = [("zzz", 1), ("worker.nope", 3), ("worker.Concurrency", 4), ("worker.concurrency", 5)];
    assert_eq!(ignored(&yaml), expected.map(|(key, line)| (key.to_owned(), line)));
    let toml = file("zzz = 1\n\"worker.concurrency\" = 2\n[worker]\nnope = 2\nCONCURRENCY = 3\n[other]\na = 1\n", true);
    let expected = [("zzz", 1), ("worker.concurrency", 2), ("worker.nope", 4), ("other", 6)];
    assert_eq!(ignored(&toml), expected.map(|(key, line)| (key.to_owned(), line)));
}

#[test]
fn values_that_are_accepted_and_do_harm_are_noted() {
    let file = "worker:\n  worker_id: w\n  concurrency: 4.7\n  shutdown_timeout: 5s\n  heartbeat_seconds: 300\n  payload_mode: pipe\n";
    let file = ConfigFile { path: "f".into(), reason: ConfigFileReason::Name, is_toml: false, text: file.to_owned() };
    let config = read(WorkerCommand::Worker, Some(&file), &|_| None, &["--dsn=x".to_owned()]);
    insta::assert_snapshot!(config.notes.join("\n"));
    let metrics =
        "metrics:\n  port: 1\n  auth_limit: 0\n  tls_cert: c\n  allow_cidrs: [10.0.0.0/8, localhost, ::1, nowhere]\n";
    let file = ConfigFile { text: metrics.to_owned(), ..file };
    let config = read(WorkerCommand::Worker, Some(&file), &|_| None, &["--dsn=x".to_owned()]);
    let refusals: Vec<String> = config.refusals.iter().map(|it| format!("{:?} {}", it.line, it.problem)).collect();
    insta::assert_snapshot!(refusals.join("\n"));
}
