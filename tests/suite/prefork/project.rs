//! The project of the corpus, and runs of its tasks.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::Prefork;
use super::small_project;
use crate::support::Context;
use crate::support::context::finished;
use crate::support::context::send;
use crate::support::django;

/// No task runs as long; a process that does is ended.
const LIMIT: Duration = Duration::from_secs(120);

/// Tables as Django creates them, and a row for each task.
const TABLES: &str = r#"
import sqlite3, sys
database = sqlite3.connect("template.sqlite3")
database.execute("create table shop_order (id integer primary key autoincrement, name text not null unique)")
database.execute("insert into shop_order (name) values ('first')")
database.execute("create table task_runs (result_id integer primary key, metadata_json text not null, updated_at text not null)")
rows = [(number, '{"kept": true}', "2026-01-01") for number in range(1, int(sys.argv[1]) + 1)]
database.executemany("insert into task_runs values (?, ?, ?)", rows)
database.commit()
"#;

/// What the tasks have left in the database; the times differ.
const ROWS: &str = r#"
import sqlite3
database = sqlite3.connect("db.sqlite3")
print(database.execute("select result_id, metadata_json from task_runs where metadata_json != '{\"kept\": true}'").fetchall())
print(database.execute("select name from shop_order order by name").fetchall())
"#;

/// A task, and what is expected of it in plain Python. The fields are described in `tests/fixtures/corpus/items.py`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Item {
    pub name: String,
    task: Option<String>,
    #[serde(default)]
    args: Vec<Value>,
    #[serde(default)]
    kwargs: BTreeMap<String, Value>,
    #[serde(default)]
    spec: serde_json::Map<String, Value>,
    payload: Option<String>,
    argv: Option<Vec<String>>,
    sends: Option<String>,
    #[serde(default)]
    pub exit: i32,
    pub signal: Option<i32>,
    #[serde(default)]
    pub envelope: Envelope,
    #[serde(default)]
    pub fresh: bool,
    /// The fork server cannot run it, so that plain Python does.
    #[serde(default)]
    pub falls_back: bool,
    pub poison: Option<String>,
    #[serde(default)]
    pub says: String,
    #[serde(default)]
    pub stdout: String,
    #[serde(default)]
    pub stderr: String,
}

/// What stdout is in plain Python.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Envelope {
    /// The result and nothing else.
    #[default]
    Whole,
    /// The result and other text.
    Among,
    /// No result.
    None,
}

/// What executes tasks: a program that is called as the worker calls Python.
pub(crate) struct Executor {
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
    /// Runs as long as this.
    _worker: Option<Prefork>,
}

/// The end of a process.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub took: Duration,
}

pub(crate) struct Project {
    pub context: Arc<Context>,
    pub python: PathBuf,
    pub items: Vec<Item>,
}

impl Project {
    /// Recorded as skipped without a Python that has Django.
    pub fn new() -> Option<Self> {
        let python = django::python()?;
        let mut context = small_project("")?;
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/corpus");
        django::copy(&corpus, &context.project());
        // The executor of the tests' package is that of upstream by name.
        fs::remove_file(context.project().join("reproq.yaml")).expect("written");
        context.set("DJANGO_SETTINGS_MODULE", "shop.settings").set("ALLOWED_TASK_MODULES", "corpus.,poisons.");
        let mut project = Self { context: Arc::new(context), python, items: Vec::new() };
        let list = "import json, corpus, poisons, items; print(json.dumps(items.ITEMS))";
        project.items = serde_json::from_str(&project.python(&[list])).expect("a list of items");
        project.python(&[TABLES, &project.items.len().to_string()]);
        Some(project)
    }

    /// Plain Python.
    pub fn plain(&self) -> Executor {
        let command = self.context.command(&[]);
        let environment =
            command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
        Executor { program: self.python.clone(), environment, _worker: None }
    }

    /// What a worker with a fork server starts in the place of Python; and plain Python, as that worker would start it.
    pub fn forked_and_plain(&self) -> (Executor, Executor) {
        let worker = Prefork::start_in(self.context.clone());
        assert_eq!(worker.stderr(), "", "the fork server runs");
        let environment = fs::read(format!("/proc/{}/environ", worker.worker)).expect("it runs");
        let variables = environment.split(|byte| *byte == 0).filter_map(|variable| {
            let at = variable.iter().position(|byte| *byte == b'=')?;
            let text = |bytes: &[u8]| std::ffi::OsStr::from_bytes(bytes).to_owned();
            Some((text(&variable[..at]), text(&variable[at + 1..])))
        });
        let environment: Vec<(OsString, OsString)> = variables.collect();
        let plain = Executor { program: self.python.clone(), environment: environment.clone(), _worker: None };
        (Executor { program: worker.python.clone(), environment, _worker: Some(worker) }, plain)
    }

    fn python(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.python);
        command.arg("-c").args(arguments).env_clear().envs(self.plain().environment);
        let output = finished(command.current_dir(self.context.project()).output().expect("Python starts"));
        assert_eq!(output.code, 0, "{output:#?}");
        output.stdout
    }

    /// Runs tasks, two at a time, in the project as it is at first. Returns their ends in order, and what they leave behind.
    pub fn run(&self, executor: &Executor, items: &[&Item]) -> (Vec<Ended>, String) {
        let directory = self.context.project();
        fs::copy(directory.join("template.sqlite3"), directory.join("db.sqlite3")).expect("copied");
        // There is none at first.
        let _ = fs::remove_dir_all(directory.join("out"));
        fs::create_dir(directory.join("out")).expect("made");
        let ends: Vec<Mutex<Option<Ended>>> = items.iter().map(|_| Mutex::new(None)).collect();
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some((item, end)) = items.iter().zip(&ends).nth(next.fetch_add(1, Ordering::Relaxed)) {
                        let ended = self.run_one(executor, item);
                        *end.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
                    }
                });
            }
        });
        let ends = ends.into_iter().map(|end| end.into_inner().ok().flatten().expect("each has run"));
        (ends.collect(), self.python(&[ROWS]) + &files(&directory.join("out")))
    }

    /// Runs a task as the worker does.
    pub fn run_one(&self, executor: &Executor, item: &Item) -> Ended {
        let number = 1 + self.items.iter().position(|other| other.name == item.name).expect("one of the items");
        let number = number.to_string();
        let arguments = item.argv.clone().unwrap_or_else(|| {
            ["--result-id", &number, "--attempt", "2", "--payload-stdin"].map(str::to_owned).to_vec()
        });
        let mut command = Command::new(&executor.program);
        command.args(["-m", "reproq_django.executor"]).args(arguments);
        command.current_dir(self.context.project()).env_clear().envs(executor.environment.iter().cloned());
        end(command, item.payload().into_bytes(), item.sends.as_deref())
    }
}

impl Item {
    /// The payload, written as PostgreSQL does: with blanks.
    fn payload(&self) -> String {
        if let Some(payload) = &self.payload {
            return payload.clone();
        }
        let mut spec =
            json!({ "task_path": self.task, "args": self.args, "kwargs": self.kwargs, "queue_name": "default" });
        spec.as_object_mut().expect("an object").extend(self.spec.clone());
        spec.to_string()
    }
}

/// Starts a program in its own process group with this on stdin, sends a signal when it has written a line to stderr, and waits
/// until it has ended and nothing has its pipes open.
fn end(mut command: Command, payload: Vec<u8>, signal: Option<&str>) -> Ended {
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("piped");
    // It need not read everything.
    let writer = thread::spawn(move || drop(stdin.write_all(&payload)));
    let mut stdout = child.stdout.take().expect("piped");
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).expect("readable");
        bytes
    });
    let mut stderr = child.stderr.take().expect("piped");
    let mut ready = Vec::new();
    if let Some(signal) = signal {
        let mut byte = [0];
        while !ready.ends_with(b"\n") && stderr.read(&mut byte).expect("readable") == 1 {
            ready.push(byte[0]);
        }
        send(signal, &child);
    }
    let errors = thread::spawn(move || {
        let mut bytes = ready;
        stderr.read_to_end(&mut bytes).expect("readable");
        bytes
    });
    let status = wait(&mut child, began);
    writer.join().expect("it writes");
    let (stdout, stderr) = (reader.join().expect("it reads"), errors.join().expect("it reads"));
    Ended { status, stdout, stderr, took: began.elapsed() }
}

fn wait(child: &mut Child, began: Instant) -> ExitStatus {
    loop {
        if let Some(status) = child.try_wait().expect("it is a child") {
            return status;
        }
        if began.elapsed() > LIMIT {
            child.kill().expect("it runs");
            child.wait().expect("it is a child");
            panic!("it ran for {LIMIT:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The name and the content of each file below a directory.
fn files(directory: &Path) -> String {
    let mut lines = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                lines.push(format!("{}/\n", path.display()));
                directories.push(path);
            } else {
                lines.push(format!("{}: {:?}\n", path.display(), fs::read_to_string(&path).expect("UTF-8")));
            }
        }
    }
    lines.sort();
    lines.concat()
}

impl std::fmt::Display for Ended {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(3000)]).into_owned();
        let status = (self.status.code(), self.status.signal());
        let (stdout, stderr) = (start(&self.stdout), start(&self.stderr));
        write!(formatter, "{status:?} after {:?}\n--- stdout ---\n{stdout}\n--- stderr ---\n{stderr}", self.took)
    }
}
