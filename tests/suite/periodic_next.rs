//! `reproq periodic next`: the runs of a schedule in UTC and in a zone, changes of the clock, and every kind of mistake.

use serde_json::Value;

use crate::support::Context;

/// Recorded from the worker's parser.
const VECTORS: &str = include_str!("../../crates/reproq-queue/tests/vectors/cron.tsv");

fn report(context: &Context, arguments: &[&str]) -> Value {
    let output = context.succeed(&[&["periodic", "next", "--json"], arguments].concat());
    serde_json::from_str(&output.stdout).expect("one document")
}

fn times(report: &Value, name: &str) -> Vec<String> {
    let runs = report["runs"].as_array().expect("a list");
    runs.iter().map(|run| run[name].as_str().expect("a time").to_owned()).collect()
}

#[test]
fn schedules_run_when_the_worker_runs_them() {
    let context = Context::new();
    for line in VECTORS.lines() {
        let [start, expression, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let arguments = ["periodic", "next", expression, "--from", start, "--count", "4", "--json"];
        let output = context.run(&arguments);
        let document: Value = serde_json::from_str(&output.stdout).expect("one document");
        if expected == "ERR" {
            assert_eq!((output.code, &document["status"]), (2, &Value::from("usage")), "{expression}: {output:#?}");
            continue;
        }
        assert_eq!(output.code, 0, "{output:#?}");
        assert_eq!(document["schema"], "reproq.periodic-next/1");
        let runs: Vec<String> = times(&document, "utc").iter().map(|run| run.replace(":00Z", "Z")).collect();
        let expected: Vec<&str> = expected.split(' ').filter(|run| *run != "never").collect();
        assert_eq!(runs.iter().map(|run| run.trim()).collect::<Vec<_>>(), expected, "{expression} after {start}");
        assert_eq!(document["never_fires"], expected.is_empty());
    }
    assert_eq!(context.github.requests().len(), 0);
}

#[test]
fn local_times_are_those_of_the_zone() {
    let context = Context::new();
    let from = ["--from", "2026-03-28T00:00:00Z", "--count", "2"];
    let report_of = |arguments: &[&str]| report(&context, &[arguments, &from].concat());
    let berlin = report_of(&["TZ=Europe/Berlin 30 2 * * *"]);
    assert_eq!(times(&berlin, "local"), ["2026-03-28T02:30:00+01:00", "2026-03-30T02:30:00+02:00"]);
    assert_eq!((&berlin["schedule_zone"], &berlin["timezone"]), (&"Europe/Berlin".into(), &"Europe/Berlin".into()));
    let elsewhere = report_of(&["TZ=Europe/Berlin 30 2 * * *", "--timezone", "America/New_York"]);
    assert_eq!(times(&elsewhere, "utc"), times(&berlin, "utc"), "the zone of the output moves no run");
    assert_eq!(times(&elsewhere, "local")[0], "2026-03-27T21:30:00-04:00");
}

#[test]
fn without_a_time_the_runs_are_those_after_now() {
    let context = Context::new();
    let report = report(&context, &["* * * * *"]);
    let runs = times(&report, "utc");
    assert_eq!(runs.len(), 5);
    assert!(report["from"].as_str() < Some(&runs[0]), "{report}");
}

#[test]
fn changes_of_the_clock_are_pointed_out() {
    let context = Context::new();
    let next = |expression: &str, from: &str, more: &[&str]| {
        context.shown(&[&["periodic", "next", expression, "--from", from, "--count", "3"], more].concat())
    };
    insta::assert_snapshot!(next("TZ=Europe/Berlin 30 2 * * *", "2026-03-28T00:00:00Z", &[]));
    insta::assert_snapshot!(next("TZ=Europe/Berlin 0,30 2 * * *", "2026-10-24T12:00:00Z", &[]));
    insta::assert_snapshot!(next("TZ=Europe/Berlin 30 2 * * *", "2026-03-28T00:00:00Z", &["--json"]));
    // Berlin's clock does not move a schedule that follows UTC.
    insta::assert_snapshot!(next("30 2 * * *", "2026-03-28T00:00:00Z", &["--timezone", "Europe/Berlin"]));
}

#[test]
fn what_does_not_run_again_is_reported() {
    let context = Context::new();
    insta::assert_snapshot!(context.shown(&["periodic", "next", "0 0 31 2 *"]));
    insta::assert_snapshot!(context.shown(&["periodic", "next", "0 0 29 2 *", "--from", "2096-03-01T00:00:00Z"]));
}

#[test]
fn each_mistake_has_its_hint() {
    let context = Context::new();
    let mistakes = [
        "@daily",
        "@every 1h",
        "0 0 0 * * *",
        "0 0 * * 7",
        "0 0 L * *",
        "TZ=Europe/berlin 0 0 * * *",
        "TZ=UTC",
        "*/0 * * * *",
        "0 0 * * 5-1",
    ];
    let shown: Vec<String> = mistakes.iter().map(|mistake| context.shown(&["periodic", "next", mistake])).collect();
    insta::assert_snapshot!(shown.join("\n"));
    let other = [
        context.shown(&["periodic", "next", "* * * * *", "--from", "2026-01-01"]),
        context.shown(&["periodic", "next", "* * * * *", "--timezone", "Nope/Zone"]),
        context.shown(&["periodic", "next", "* * * * *", "--count", "0"]),
    ];
    insta::assert_snapshot!(other.join("\n"));
}
