//! `config worker` and `config beat` beside the real worker: each recorded case is started, and what the worker does with it is
//! what this program reports.
//!
//! Seen of a worker: its exit, its row in `reproq_workers`, the database it connects to. Seen of a beat: its exit and its first
//! line. The other values are compared with the worker's own loader by the recorded cases, in `src/worker/config`.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use serde::Deserialize;
use serde_json::Value;
use test_postgres::Database;
use test_postgres::PsqlSession;

use super::shop::Ended;
use super::shop::real_worker;
use crate::support::Context;
use crate::support::context::send;

#[derive(Deserialize)]
struct Case {
    name: String,
    role: String,
    file: Option<String>,
    content: Option<String>,
    env: BTreeMap<String, String>,
    args: Vec<String>,
}

/// What a run comes to.
#[derive(Debug, PartialEq)]
enum Seen {
    Refused,
    Worker { id: String, concurrency: Value, queues: Value, url: String },
    Beat { once: Value, interval: String },
}

/// The URLs of the recorded cases; each becomes the URL of a real database with its own application name.
const URLS: [&str; 7] = [
    "postgres://h/db",
    "postgres://a/x",
    "postgres://b/y",
    "postgres://file/a",
    "postgres://beat/b",
    "postgres://env/e",
    "postgres://flag/f",
];

impl Case {
    fn with_database(mut self, database: &Database) -> Self {
        let url = |index: usize| format!("{}?application_name=case-{index}", database.url());
        let replaced =
            |text: &str| (0..URLS.len()).fold(text.to_owned(), |text, index| text.replace(URLS[index], &url(index)));
        self.content = self.content.map(|content| replaced(&content));
        self.args = self.args.iter().map(|argument| replaced(argument)).collect();
        for value in self.env.values_mut() {
            *value = if value == "d" { url(URLS.len()) } else { replaced(value) };
        }
        self
    }

    fn place(&self, directory: &Path) {
        if let (Some(name), Some(content)) = (&self.file, &self.content) {
            fs::write(directory.join(name), content).expect("written");
        }
    }

    fn ours(&self, context: &Context) -> Seen {
        self.place(&context.project());
        let arguments: Vec<&str> =
            ["config", &self.role, "--json", "--"].into_iter().chain(self.args.iter().map(String::as_str)).collect();
        let mut command = context.command(&arguments);
        let output = context.output({
            command.envs(&self.env);
            command
        });
        if let Some(file) = &self.file {
            fs::remove_file(context.project().join(file)).expect("removed");
        }
        if output.code != 0 {
            return Seen::Refused;
        }
        let document: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:#?}"));
        let value = |name: &str| {
            let values = document["values"].as_array().expect("a list");
            values.iter().find(|value| value["name"] == name).map_or(Value::Null, |value| value["value"].clone())
        };
        let text = |name: &str| value(name).as_str().unwrap_or_default().to_owned();
        if self.role == "beat" {
            let once = Value::Bool(self.args.iter().any(|argument| argument == "--once"));
            return Seen::Beat { once, interval: text("beat.interval") };
        }
        let values = document["values"].as_array().expect("a list");
        let url = values.iter().find(|value| value["name"] == "dsn").expect("a database");
        Seen::Worker {
            id: text("worker.worker_id"),
            concurrency: value("worker.concurrency"),
            queues: value("worker.queues"),
            url: self.application_name(&url["source"]),
        }
    }

    /// The URL that a report means, which it masks, but whose source it names.
    fn application_name(&self, source: &Value) -> String {
        match source["kind"].as_str() {
            Some("variable") => application_name(&self.env["DATABASE_URL"]),
            Some("flag") => application_name(&self.args.join(" ")),
            Some("file") => {
                let line = source["line"].as_u64().and_then(|line| usize::try_from(line).ok()).expect("a line");
                let content = self.content.as_deref().expect("a file");
                application_name(content.lines().nth(line - 1).expect("it exists"))
            }
            other => panic!("{}: {other:?}", self.name),
        }
    }

    /// Starts the real program until it can be seen.
    fn theirs(&self, worker: &Path, session: &mut PsqlSession) -> (Seen, String) {
        let directory = tempfile::tempdir().expect("a directory");
        self.place(directory.path());
        let log = directory.path().join("log");
        let mut command = Command::new(worker);
        command.arg(&self.role).args(&self.args).env_clear().current_dir(directory.path());
        // Without its HTTP server, which would open ports and read certificates.
        command.env("LOW_MEMORY_MODE", "1").envs(&self.env).stdin(Stdio::null());
        let file = || File::create(&log).and_then(|_| File::options().append(true).open(&log)).expect("a file");
        let mut child = Ended(command.stdout(file()).stderr(file()).spawn().expect("it starts"));
        let read = || fs::read_to_string(&log).expect("UTF-8");
        let seen =
            if self.role == "beat" { first_line(&mut child.0, &read) } else { row(&mut child.0, session, &read) };
        // A worker that runs ends with 0.
        if child.0.try_wait().expect("its state").is_none() {
            send("TERM", &child.0);
            assert_eq!(child.0.wait().expect("it ends").code(), Some(0), "{}: {}", self.name, read());
        }
        (seen, read())
    }
}

/// The part of a URL that tells the cases apart.
fn application_name(text: &str) -> String {
    let name = text.rsplit_once("application_name=").map_or("", |(_, name)| name);
    name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

fn row(child: &mut Child, session: &mut PsqlSession, read: &dyn Fn() -> String) -> Seen {
    let begin = Instant::now();
    loop {
        let state = child.try_wait().expect("its state");
        let row = session.run(
            "select json_build_array(worker_id, hostname, concurrency, queues, version, (select min(application_name) from \
             pg_stat_activity where datname = current_database() and application_name like 'case-%')) from reproq_workers;",
        );
        if !row.is_empty() {
            session.run("delete from reproq_workers;");
            let row: Value = serde_json::from_str(&row).expect("a row");
            let text = |index: usize| row[index].as_str().unwrap_or_default().to_owned();
            let by_default = format!("{}-{}", text(1), child.id());
            let id = if text(0) == by_default { "<hostname>-<pid>".to_owned() } else { text(0) };
            return Seen::Worker { id, concurrency: row[2].clone(), queues: row[3].clone(), url: text(5) };
        }
        if state.is_some() {
            return Seen::Refused;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "the worker does not register: {}", read());
        sleep(Duration::from_millis(10));
    }
}

fn first_line(child: &mut Child, read: &dyn Fn() -> String) -> Seen {
    let begin = Instant::now();
    loop {
        let state = child.try_wait().expect("its state");
        let log = read();
        let started = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if let Some(line) = started.into_iter().find(|line| line["msg"] == "Starting reproq beat") {
            let seconds = line["interval"].as_u64().expect("nanoseconds") / 1_000_000_000;
            let minutes = if seconds < 60 { String::new() } else { format!("{}m", seconds / 60) };
            let interval = format!("{minutes}{}s", seconds % 60);
            return Seen::Beat { once: line["once"].clone(), interval };
        }
        if state.is_some() {
            return Seen::Refused;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "the beat does not start: {log}");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_real_worker_does_what_config_reports() {
    let Some(worker) = real_worker() else { return };
    let Some(database) = Database::of_origin("c") else { return };
    let context = Context::new();
    let mut session = database.session();
    let recorded = include_str!("../../fixtures/worker-config.jsonl");
    let (mut problems, mut count) = (Vec::new(), [0, 0]);
    for line in recorded.lines() {
        let case: Case = serde_json::from_str(line).expect("a case");
        let case = case.with_database(&database);
        let (theirs, log) = case.theirs(&worker, &mut session);
        let mut ours = case.ours(&context);
        // A negative size of its pool makes the worker panic after it has accepted the configuration.
        if log.contains("panic: ")
            && matches!(&ours, Seen::Worker { concurrency, .. } if concurrency.as_i64() < Some(0))
        {
            ours = Seen::Refused;
        }
        count[usize::from(theirs == Seen::Refused)] += 1;
        if ours != theirs {
            problems.push(format!("{}: the worker {theirs:?}, reported {ours:?}: {log}", case.name));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(count[0] > 60 && count[1] > 30, "{count:?}");
}
