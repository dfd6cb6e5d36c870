//! `reproq config worker` and `config beat`: values with their sources, what is ignored, what is refused, and no secret.

use std::fs;

use crate::support::Context;

fn configured(file: &str, content: &str) -> Context {
    let context = Context::new();
    fs::write(context.project().join(file), content).expect("written");
    context
}

const FILE: &str = "# a comment\ndsn: postgres://u:hunter2secret@h/d\nworker:\n  queues: [high, default]\n  concurrency: 4.7\n  \
                    nope: 1\nmetrics:\n  auth_token: tokentoken\nbeat:\n  interval: 10s\n";

#[test]
fn values_have_their_sources_and_secrets_are_masked() {
    let mut context = configured("reproq.yaml", FILE);
    context.set("WORKER_ID", "w1").set("REPROQ_LOGS_DIR", "/var/log/reproq");
    insta::assert_snapshot!(context.shown(&["config", "worker"]));
    insta::assert_snapshot!(context.shown(&[
        "config",
        "worker",
        "--explain",
        "-lease-seconds",
        "0x10",
        "--queues=a,b"
    ]));
    insta::assert_snapshot!(context.shown(&["config", "beat", "-once", "--json"]));
    for arguments in [vec!["config", "worker", "--json"], vec!["config", "beat", "--explain", "-v"]] {
        let output = context.succeed(&arguments);
        let all = format!("{}{}", output.stdout, output.stderr);
        assert!(!all.contains("hunter2") && !all.contains("tokentoken"), "{all}");
    }
    assert_eq!(context.github.requests().len(), 0);
}

#[test]
fn a_refused_configuration_is_2_and_names_file_and_line() {
    let broken = "worker:\n  queues: default\n  concurrency: \"4\"\n  poll_min_backoff: 5\n";
    insta::assert_snapshot!(configured("reproq.yml", broken).shown(&["config", "worker"]));
    let context = configured(".reproq.toml", "[worker]\nconcurrency = 4.0\n");
    insta::assert_snapshot!(context.shown(&["config", "worker", "--dsn", "postgres://u:pw@h/d"]));
    let context = configured("reproq.yaml", "worker: [\n");
    insta::assert_snapshot!(context.shown(&["config", "beat"]));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let mut context = Context::new();
    insta::assert_snapshot!(context.shown(&["config", "worker", "--config", "absent.yaml"]));
    insta::assert_snapshot!(context.shown(&["config", "worker", "--config="]));
    context.set("REPROQ_CONFIG", "settings.ini");
    insta::assert_snapshot!(context.shown(&["config", "worker"]));
}

#[test]
fn without_any_source_the_missing_database_is_named() {
    insta::assert_snapshot!(Context::new().shown(&["config", "worker"]));
}
