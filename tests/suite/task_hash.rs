//! `reproq task hash`: the hash that Django's backend computes for the same task.

use serde_json::Value;

use crate::support::Context;

/// Recorded from Django's backend.
const VECTORS: &str = include_str!("../../crates/reproq-queue/tests/vectors/spec_hash.jsonl");

fn report(context: &Context, arguments: &[&str]) -> Value {
    let output = context.succeed(&[&["task", "hash", "--json"], arguments].concat());
    serde_json::from_str(&output.stdout).expect("one document")
}

/// Numbers and escapes are passed on as they are written, so the parts of a canonical text are taken as text.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let from = text.find(before).expect("the part begins") + before.len();
    &text[from..from + text[from..].find(after).expect("the part ends")]
}

#[test]
fn tasks_are_hashed_as_django_does() {
    let context = Context::new();
    for line in VECTORS.lines() {
        let [name, canonical, hash]: [String; 3] = serde_json::from_str(line).expect("three strings");
        let args = format!("--args={}", between(&canonical, "\"args\":", ",\"concurrency_key\""));
        let kwargs = format!("--kwargs={}", between(&canonical, "\"kwargs\":", ",\"lock_key\""));
        let special: &[&str] = match name.as_str() {
            // Integers are not keys in JSON.
            "intkeys" => continue,
            "run_after" => &["--run-after", "2026-03-29T01:30:00.000005+02:00"],
            "lock_conc" => &[
                "--lock-key=user:1",
                "--concurrency-key=acct:\u{e9}",
                "--concurrency-limit=5",
                "--priority",
                "-7",
                "--queue=hi",
                "--takes-context",
            ],
            "prov" => &[
                "--code-ref=abc",
                "--pip-lock-hash=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                "--timeout-seconds=30",
                "--max-attempts=1",
            ],
            _ => &[],
        };
        let report = report(&context, &[&["--task=m.t", &args, &kwargs], special].concat());
        assert_eq!(report["canonical"], canonical, "{name}");
        assert_eq!(report["spec_hash"], hash, "{name}");
        assert_eq!(report["schema"], "reproq.task-hash/1");
    }
}

#[test]
fn numbers_stay_what_they_are() {
    let context = Context::new();
    let large = "123456789012345678901234567890";
    let report = report(&context, &["--task", "m.t", "--args", &format!("[1, 1.0, 1e3, {large}]"), "--queue", ""]);
    let canonical = report["canonical"].as_str().expect("a text");
    assert!(canonical.starts_with(&format!("{{\"args\":[1,1.0,1000.0,{large}],")), "{canonical}");
    assert!(canonical.contains("\"queue_name\":\"default\""), "{canonical}");
}

#[test]
fn the_hash_alone_is_for_scripts() {
    let context = Context::new();
    let arguments = ["task", "hash", "--task", "myapp.tasks.add", "--args", "[1, 2]"];
    insta::assert_snapshot!(context.shown(&arguments));
    let quiet = context.succeed(&[&arguments[..], &["-q"]].concat());
    assert_eq!(quiet.stdout, "b34e94eec4bd93de0dea0820ad9382e86e0f6c06b330dd45dc0e560b40187f9b\n");
    // A blank key and a negative limit are none, as in Django's backend.
    let blank = [&arguments[..], &["-q", "--concurrency-key", " ", "--concurrency-limit", "-1"]].concat();
    assert_eq!(context.succeed(&blank).stdout, quiet.stdout);
}

#[test]
fn each_mistake_has_its_error() {
    let context = Context::new();
    let hash = |arguments: &[&str]| context.shown(&[&["task", "hash", "--task", "m.t"], arguments].concat());
    let shown = [
        hash(&["--args", "{}"]),
        hash(&["--kwargs", "[]"]),
        hash(&["--args", "[1,"]),
        hash(&["--args", "[NaN]"]),
        hash(&["--args", "[1e400]"]),
        hash(&["--args", "[\"\\ud800\"]"]),
        hash(&["--kwargs", "{\"priority\": 5}"]),
        hash(&["--run-after", "2026-01-01T00:00:00"]),
        hash(&["--args", "[\"\\u0000\"]"]),
    ];
    insta::assert_snapshot!(shown.join("\n"));
}
