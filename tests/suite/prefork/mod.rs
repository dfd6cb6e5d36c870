//! `reproq worker --prefork`: tasks run in children of a process that has imported Django, and nobody can tell.

pub(crate) mod compare;
#[cfg(target_os = "linux")]
mod container;
mod corpus;
mod envelope;
mod kills;
mod life;
pub(crate) mod project;
mod same;

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;

use crate::support::Context;
use crate::support::context::wait;
use crate::support::django;

/// Far longer than any event takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A worker with a fork server.
pub struct Prefork {
    pub context: Arc<Context>,
    child: Option<Child>,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The worker's process, which is also that of the command.
    pub worker: i32,
    /// What the worker starts in the place of Python.
    pub python: PathBuf,
}

/// A Django project with the tasks of the tests.
pub fn small_project(settings: &str) -> Option<Context> {
    let mut context = Context::new();
    django::project(&mut context, &format!("INSTALLED_APPS = ['shop']\n{settings}"))?;
    let place = |path: &Path, text: &str| django::write(path, text);
    place(&context.project().join("shop/tasks.py"), include_str!("tasks.py"));
    place(&context.project().join("test_executor.py"), include_str!("executor.py"));
    place(&context.project().join("reproq.yaml"), "worker:\n  executor_module: test_executor\n  concurrency: 3\n");
    let worker = context.root().join("worker");
    place(&worker, include_str!("worker.py"));
    fs::set_permissions(&worker, fs::Permissions::from_mode(0o755)).expect("executable");
    let python = django::python()?;
    // Short: a socket is below it.
    let temporary = context.root().join("t");
    fs::create_dir(&temporary).expect("made");
    context.set("TMPDIR", temporary.to_str().expect("UTF-8"));
    context.set("REPROQ_WORKER_BIN", worker.to_str().expect("UTF-8"));
    context.set("PLAIN_PYTHON", python.to_str().expect("UTF-8"));
    context.set("DATABASE_URL", "postgres://h/d");
    context.set("ALLOWED_TASK_MODULES", "shop.tasks.");
    Some(context)
}

impl Prefork {
    pub fn start(settings: &str) -> Option<Self> {
        Some(Self::start_in(small_project(settings)?))
    }

    /// Starts the worker; standard error is passed to a file.
    pub fn start_in(context: impl Into<Arc<Context>>) -> Self {
        let context = context.into();
        let command = context.command(&["worker", "--prefork"]);
        let worker = Self::start_with(context, command);
        let pid = worker.child.as_ref().map(|child| i32::try_from(child.id()).expect("a process ID"));
        assert_eq!(pid, Some(worker.worker), "the process becomes the worker");
        worker
    }

    /// Starts the worker with this command.
    fn start_with(context: Arc<Context>, mut command: Command) -> Self {
        let errors = fs::File::create(context.root().join("stderr")).expect("made");
        let mut child = command.stdin(std::process::Stdio::piped()).stderr(errors).spawn().expect("it starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let first: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?} {}", stderr_of(&context)));
        let python = first["python"].as_str().expect("a path").into();
        let worker = i32::try_from(first["pid"].as_i64().expect("a number")).expect("a process ID");
        let input = child.stdin.take().expect("a pipe");
        Self { context, child: Some(child), input, output, worker, python }
    }

    pub fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.input, "{request}").expect("the worker reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("an answer");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?} {}", self.stderr()))
    }

    /// Runs a task.
    pub fn run(&mut self, task: &str, arguments: &Value) -> Value {
        self.ask(&json!({ "run": { "spec": spec(task, arguments) } }))
    }

    /// Runs a task with plain Python.
    pub fn plain(&mut self, task: &str, arguments: &Value) -> Value {
        self.ask(&json!({ "run": { "spec": spec(task, arguments), "plain": true } }))
    }

    /// The value that a task returns.
    pub fn value(&mut self, task: &str, arguments: &Value) -> Value {
        let result = self.run(task, arguments);
        let envelope: Value = serde_json::from_str(result["stdout"].as_str().expect("a string"))
            .unwrap_or_else(|error| panic!("{error}: {result} {}", self.stderr()));
        envelope["return"].clone()
    }

    /// The private directory.
    pub fn directory(&self) -> PathBuf {
        self.python.parent().expect("a directory").to_owned()
    }

    pub fn stderr(&self) -> String {
        stderr_of(&self.context)
    }

    pub fn status(&self) -> Value {
        let output = self.context.run(&["prefork", "status", "--json"]);
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// The process that forks.
    pub fn server(&self) -> Option<i32> {
        let status = self.status();
        status["servers"][0]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok())
    }

    pub fn keeper(&self) -> i32 {
        let children = processes().into_iter().filter(|process| process.parent == self.worker);
        children.map(|process| process.pid).next().expect("the worker's only child")
    }

    /// Whether the tasks run in children of the server.
    pub fn is_forking(&mut self) -> bool {
        let result = self.run("shop.tasks.echo", &json!([1]));
        !result["stderr"].as_str().expect("a string").contains("plain Python runs this task")
    }

    /// Waits until tasks are forked again.
    pub fn wait_until_forking(&mut self) {
        until("tasks are forked", || self.is_forking());
    }

    /// Lets the worker end, and returns its exit status.
    pub fn end(mut self, code: i32) -> i32 {
        let _ = writeln!(self.input, "{}", json!({ "exit": code }));
        let child = self.child.take().expect("it runs");
        wait(child).code
    }
}

impl Drop for Prefork {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Its keeper ends everything else.
            let _ = child.kill();
            let _ = child.wait();
        }
        let directory = self.directory();
        // A second panic would hide the first.
        if thread::panicking() {
            return;
        }
        until("the private directory is removed", || !directory.exists());
    }
}

fn stderr_of(context: &Context) -> String {
    fs::read_to_string(context.root().join("stderr")).unwrap_or_default()
}

pub fn spec(task: &str, arguments: &Value) -> Value {
    json!({ "task_path": task, "args": arguments })
}

/// Waits for something that will happen.
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A process of this machine.
#[derive(Debug, Clone)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub is_zombie: bool,
}

pub fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("the processes");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: i32| {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = text.rsplit(')').next()?.split_whitespace();
        let state = fields.next()?;
        Some(Process { pid, parent: fields.next()?.parse().ok()?, is_zombie: state == "Z" })
    })
    .collect()
}

/// Whether a process runs. A zombie does not.
pub fn is_alive(pid: i32) -> bool {
    processes().iter().any(|process| process.pid == pid && !process.is_zombie)
}
