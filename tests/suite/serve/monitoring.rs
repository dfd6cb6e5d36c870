//! The examples in `docs/monitoring`: for Prometheus, Grafana and nginx.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::Served;
use crate::queue::rows::database;
use crate::queue::rows::project;
use crate::support::Nginx;
use crate::support::skip;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/monitoring")
}

fn example(name: &str) -> String {
    fs::read_to_string(examples().join(name)).expect("an example")
}

/// The metrics that an example names. Samples of a histogram have its name with a suffix.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("reproq_"))
        .map(|word| word.strip_suffix("_bucket").unwrap_or(word).to_owned())
        .collect()
}

#[test]
fn every_metric_of_the_examples_exists() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let served = Served::ready(&context, &[]);
    let metrics = served.get("/metrics").body;
    let known: BTreeSet<&str> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for file in ["alerts.yml", "alerts_test.yml", "grafana.json"] {
        let named = names(&example(file));
        assert!(named.len() > 3, "{file}");
        let unknown: Vec<_> = named.iter().filter(|name| !known.contains(name.as_str())).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn prometheus_accepts_its_examples_and_the_alerts_fire() {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !is_there("promtool") {
        skip::record("the examples for Prometheus", "install promtool (Debian: prometheus)");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    for file in ["prometheus.yml", "alerts.yml", "alerts_test.yml"] {
        let token = directory.path().join("token");
        fs::write(&token, "secret").expect("written");
        let text = example(file).replace("/etc/prometheus/reproq-token", token.to_str().expect("UTF-8"));
        fs::write(directory.path().join(file), text).expect("written");
    }
    for arguments in
        [["check", "config", "prometheus.yml"], ["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]]
    {
        let output = Command::new("promtool").args(arguments).current_dir(directory.path()).output().expect("it runs");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn prometheus_reads_the_metrics() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let served = Served::ready(&context, &[]);
    let Ok(mut child) = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
    else {
        skip::record("the metrics, as Prometheus reads them", "install promtool (Debian: prometheus)");
        return;
    };
    let metrics = served.get("/metrics").body;
    child.stdin.take().expect("a pipe").write_all(metrics.as_bytes()).expect("read");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_dashboard_has_a_query_in_each_panel() {
    let dashboard: Value = serde_json::from_str(&example("grafana.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<i64> = panels.iter().filter_map(|panel| panel["id"].as_i64()).collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels {
        let targets = panel["targets"].as_array().expect("queries");
        assert!(
            targets.iter().all(|target| target["expr"].as_str().is_some_and(|expr| expr.contains("reproq_"))),
            "{panel}"
        );
    }
}

#[test]
fn events_pass_through_a_proxy_as_they_happen() {
    let Some(database) = database("a") else { return };
    let context = project(&database.url());
    let served = Served::ready(&context, &["--interval", "1", "--allowed-host", "127.0.0.1"]);
    let text = example("nginx.conf");
    let location = text.split_once("    location").and_then(|(_, rest)| rest.rsplit_once('}')).expect("a location").0;
    let directives = format!("location{location}").replace("127.0.0.1:9180", &served.address().to_string());
    assert!(directives.contains(&served.address().to_string()), "{directives}");
    let Some(nginx) = Nginx::with(&directives) else { return };
    let address = nginx.url().replace("http://", "").trim_end_matches('/').to_owned();
    let mut stream = TcpStream::connect(&address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    write!(stream, "GET /events HTTP/1.1\r\nhost: {address}\r\n\r\n").expect("sent");
    let mut seen = String::new();
    let mut piece = [0; 4096];
    let mut read_until = |wanted: &str| {
        while !seen.contains(wanted) {
            let length = stream.read(&mut piece).expect("an event");
            assert!(length > 0, "{wanted}: {seen}");
            seen.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    };
    read_until("text/event-stream");
    database.sql("update task_runs set status = 'SUCCESSFUL', finished_at = now() where result_id = (select result_id from task_runs where status = 'RUNNING' limit 1)");
    read_until("task_success");
}
