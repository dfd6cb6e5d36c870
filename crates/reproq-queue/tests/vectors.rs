//! What upstream's programs do, recorded: schedules by the worker's parser, hashes by Django's encoder.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use reproq_queue::cron::Schedule;
use reproq_queue::spec::Integer;
use reproq_queue::spec::Key;
use reproq_queue::spec::TaskSpec;
use reproq_queue::spec::Value;
use reproq_queue::spec::canonical_json;
use reproq_queue::spec::read_json;
use reproq_queue::spec::spec_hash;

const CRON: &str = include_str!("vectors/cron.tsv");
const SPEC_HASH: &str = include_str!("vectors/spec_hash.jsonl");

/// Four runs, `never` or `ERR`.
fn runs(start: &str, expression: &str) -> String {
    let Ok(schedule) = Schedule::parse(expression, &TimeZoneDatabase::bundled()) else { return "ERR".to_owned() };
    let start: Timestamp = start.parse().expect("a time");
    let runs: Vec<String> =
        schedule.runs_after(start).take(4).map(|run| run.strftime("%Y-%m-%dT%H:%MZ").to_string()).collect();
    assert_eq!(runs.is_empty(), schedule.never_fires(), "{expression}");
    if runs.is_empty() { "never".to_owned() } else { runs.join(" ") }
}

#[test]
fn schedules_run_when_the_worker_runs_them() {
    let mut count = 0;
    for line in CRON.lines() {
        let [start, expression, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(runs(start, expression), expected, "{expression} after {start}");
        count += 1;
    }
    assert_eq!(count, 50);
}

#[test]
fn specifications_are_hashed_as_django_does() {
    let mut count = 0;
    for line in SPEC_HASH.lines() {
        let [name, canonical, hash]: [String; 3] = serde_json::from_str(line).expect("three strings");
        assert_eq!(spec_hash(&canonical), hash, "{name}");
        let spec = specification(&name, &canonical);
        assert_eq!(spec.canonical(), Ok(canonical), "{name}");
        count += 1;
    }
    assert_eq!(count, 13);
}

/// Read back from a canonical text.
fn specification(name: &str, canonical: &str) -> TaskSpec {
    let Value::Object(entries) = read_json(canonical).expect("JSON") else { panic!("{name} is not an object") };
    let entries: BTreeMap<String, Value> = entries.into_iter().map(|(key, value)| (text_of(key), value)).collect();
    let optional = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
    let text = |name: &str| optional(&entries[name]);
    let number = |value: &Value| canonical_json(value).expect("a number").parse::<i32>().expect("a number");
    let field = |value: &Value, name: &str| {
        let Value::Object(entries) = value else { panic!("{value:?}") };
        let found = entries.iter().find(|(key, _)| *key == Key::Text(name.to_owned()));
        found.unwrap_or_else(|| panic!("no {name}")).1.clone()
    };
    let Value::List(mut args) = entries["args"].clone() else { panic!("no args") };
    let Value::Object(kwargs) = entries["kwargs"].clone() else { panic!("no kwargs") };
    // JSON has only string keys; in Python these were integers.
    if name == "intkeys" {
        let Value::Object(keys) = args.remove(0) else { panic!("no object") };
        let integer = |key| Key::Integer(Integer::parse(&text_of(key)).expect("an integer"));
        args.push(Value::Object(keys.into_iter().map(|(key, value)| (integer(key), value)).collect()));
    }
    TaskSpec {
        args,
        kwargs,
        takes_context: entries["takes_context"] == Value::Bool(true),
        queue_name: text("queue_name").expect("a queue"),
        priority: number(&entries["priority"]),
        lock_key: text("lock_key"),
        concurrency_key: text("concurrency_key"),
        concurrency_limit: number(&entries["concurrency_limit"]),
        run_after: text("run_after").map(|time| time.parse().expect("a time")),
        timeout_seconds: number(&field(&entries["exec"], "timeout_seconds")),
        max_attempts: number(&field(&entries["exec"], "max_attempts")),
        code_ref: optional(&field(&entries["provenance"], "code_ref")),
        pip_lock_hash: optional(&field(&entries["provenance"], "pip_lock_hash")),
        ..TaskSpec::new(&text("task_path").expect("a path"))
    }
}

fn text_of(key: Key) -> String {
    let Key::Text(text) = key else { panic!("{key:?}") };
    text
}
