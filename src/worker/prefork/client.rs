//! The client: what the worker starts in the place of Python, for each task. It has a child of the fork server run the task, and
//! ends as the child ends. Whatever is not as expected before the child starts makes it start Python itself, and nothing after
//! that makes it run the task again.
#![expect(clippy::disallowed_methods, reason = "this is a program of its own, which stands for Python")]

use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io;
use std::io::PipeReader;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;

use crate::io::ipc;
use crate::worker::prefork::PayloadFacts;
use crate::worker::prefork::PreforkProject;
use crate::worker::prefork::TaskCall;
use crate::worker::prefork::call::Payload;
use crate::worker::prefork::call::payload_facts;
use crate::worker::prefork::envelope;
use crate::worker::prefork::envelope::TaskEnd;
use crate::worker::prefork::envelope::TaskOutput;
use crate::worker::prefork::project;
use crate::worker::prefork::protocol;
use crate::worker::prefork::protocol::ServerAnswer;
use crate::worker::prefork::signals;
use crate::worker::prefork::signals::Signals;

/// How long the server may take to prepare a child. If it is stopped or stuck, Python is started.
const PREPARATION: Duration = Duration::from_secs(10);

/// How long a task may take to end by itself after its time limit.
const GRACE: Duration = Duration::from_secs(5);

/// How long to wait for the end of a child that can only be killed.
const KILLED: Duration = Duration::from_secs(5);

/// The signals that a worker, a supervisor or a person may send to Python, which the task gets.
const PASSED_ON: [i32; 6] = [
    Signal::TERM.as_raw(),
    Signal::INT.as_raw(),
    Signal::HUP.as_raw(),
    Signal::QUIT.as_raw(),
    Signal::USR1.as_raw(),
    Signal::USR2.as_raw(),
];

/// The private directory of the fork server, if this program was called as its client.
pub(crate) fn directory_of(program: &OsString) -> Option<PathBuf> {
    let path = Path::new(program);
    (path.file_name()? == project::CLIENT).then(|| path.parent().unwrap_or(Path::new("")).to_owned())
}

/// Runs a task, or Python. Returns the exit code.
pub(crate) fn run(directory: &Path, arguments: &[OsString]) -> u8 {
    match prepare(directory, arguments).and_then(Prepared::offer) {
        Ok(running) => running.finish(),
        Err(plain) => become_python(plain, arguments),
    }
}

/// Python without the fork server, and why.
struct Plain {
    python: PathBuf,
    /// Standard input, if it was read already.
    payload: Option<File>,
    reason: String,
}

/// A task that the server may run.
struct Prepared {
    project: PreforkProject,
    call: TaskCall,
    payload: File,
    facts: PayloadFacts,
    socket: PathBuf,
}

fn prepare(directory: &Path, arguments: &[OsString]) -> Result<Prepared, Plain> {
    let project = read_project(directory).map_err(|reason| {
        // Nothing is known but what the worker would start by default.
        Plain { python: PathBuf::from("python3"), payload: None, reason }
    })?;
    let plain = |payload, reason| Plain { python: project.python.clone(), payload, reason };
    if std::env::var_os("REPROQ_PREFORK").is_some_and(|value| value == "0") {
        return Err(plain(None, "REPROQ_PREFORK is 0".to_owned()));
    }
    let call =
        TaskCall::read(arguments).ok_or_else(|| plain(None, "these are not the arguments of a worker".to_owned()))?;
    let (payload, bytes) =
        payload(&call).map_err(|error| plain(None, format!("the payload cannot be read ({error})")))?;
    let Some(facts) = payload_facts(&bytes) else {
        return Err(plain(Some(payload), "the payload is not that of a task".to_owned()));
    };
    let environment = project::environment_digest(std::env::vars_os());
    let here = std::env::current_dir().unwrap_or_default();
    if let Some(reason) = project.difference(&call, &facts, &here, &environment) {
        return Err(plain(Some(payload), reason));
    }
    Ok(Prepared { project, call, payload, facts, socket: directory.join(project::SOCKET) })
}

fn read_project(directory: &Path) -> Result<PreforkProject, String> {
    let text = fs::read(directory.join(project::PROJECT_FILE))
        .map_err(|error| format!("the fork server is gone ({error})"))?;
    serde_json::from_slice(&text).map_err(|error| format!("the fork server is of another version ({error})"))
}

/// Standard input as a file, and the payload.
fn payload(call: &TaskCall) -> io::Result<(File, Vec<u8>)> {
    let mut stdin = ipc::anonymous_copy(&mut io::stdin().lock())?;
    let bytes = match &call.payload {
        Payload::Stdin => {
            let mut bytes = Vec::new();
            stdin.read_to_end(&mut bytes)?;
            io::Seek::rewind(&mut stdin)?;
            bytes
        }
        Payload::File(path) => fs::read(path)?,
        Payload::Text(text) => text.clone().into_bytes(),
    };
    Ok((stdin, bytes))
}

/// Takes the place of this process. If there is no such Python, the exit code is a shell's.
fn become_python(plain: Plain, arguments: &[OsString]) -> u8 {
    let _ = writeln!(io::stderr(), "[reproq] plain Python runs this task: {}", plain.reason);
    let mut command = Command::new(&plain.python);
    command.args(arguments);
    if let Some(payload) = plain.payload {
        command.stdin(Stdio::from(payload));
    }
    let error = command.exec();
    let _ = writeln!(io::stderr(), "[reproq] failed to start {}: {error}", plain.python.display());
    127
}

/// A task that a child runs.
struct Running {
    limits: (usize, usize),
    time_limit: Option<Duration>,
    server: UnixStream,
    child: UnixStream,
    pid: Pid,
    stdout: PipeReader,
    stderr: PipeReader,
    signals: Signals,
    received: Vec<u8>,
}

impl Prepared {
    /// Has the server prepare a child, and starts it. Until then the task has not begun anywhere.
    fn offer(self) -> Result<Running, Plain> {
        self.begin().map_err(|reason| Plain { python: self.project.python, payload: Some(self.payload), reason })
    }

    fn begin(&self) -> Result<Running, String> {
        let failed = |what: &'static str| move |error: io::Error| format!("{what} ({error})");
        let server = ipc::connect(&self.socket).map_err(failed("no fork server answers"))?;
        let pipes = || -> io::Result<_> { Ok((io::pipe()?, io::pipe()?, UnixStream::pair()?)) };
        let ((stdout, stdout_of_child), (stderr, stderr_of_child), (child, of_child)) =
            pipes().map_err(failed("no more files can be opened"))?;
        let ignored = signals::ignored();
        let request = protocol::request(&self.call.arguments, &ignored);
        let files = [self.payload.as_fd(), stdout_of_child.as_fd(), stderr_of_child.as_fd(), of_child.as_fd()];
        let lost = failed("the fork server has ended");
        let sent = ipc::send_with_files(&server, &request, &files).map_err(lost)?;
        (&server).write_all(&request[sent..]).map_err(lost)?;
        let (mut received, deadline) = (Vec::new(), Instant::now() + PREPARATION);
        let pid = loop {
            match ServerAnswer::take(&mut received) {
                Ok(Some(ServerAnswer::Child(pid))) => break pid,
                Ok(Some(ServerAnswer::Refused)) => return Err("the fork server is not ready".to_owned()),
                Ok(Some(ServerAnswer::Ended(_))) | Err(()) => {
                    return Err("the fork server is of another version".to_owned());
                }
                Ok(None) => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err("the fork server does not answer".to_owned());
            }
            let readable = ipc::wait_readable(&[server.as_fd()], Some(left)).map_err(lost)?;
            if readable == [true] && read_more(&server, &mut received).map_err(lost)? == 0 {
                return Err("the fork server has ended".to_owned());
            }
        };
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("the fork server has no child")?;
        // A signal before this ends the client, as it would end Python, and the child does not begin.
        let handled: Vec<i32> = PASSED_ON.into_iter().filter(|number| !ignored.contains(number)).collect();
        let signals = Signals::register(&handled).map_err(failed("signals cannot be handled"))?;
        // Only now does the task begin. If this fails, the child has ended without having begun.
        (&child).write_all(&[protocol::GO]).map_err(failed("the child has ended"))?;
        Ok(Running {
            limits: (self.project.stdout_limit, self.project.stderr_limit),
            time_limit: self.facts.time_limit,
            server,
            child,
            pid,
            stdout,
            stderr,
            signals,
            received,
        })
    }
}

/// Reads once, at most 64 KiB.
fn read_more(mut from: impl Read, to: &mut Vec<u8>) -> io::Result<usize> {
    let mut piece = [0; 65536];
    loop {
        match from.read(&mut piece) {
            Ok(length) => {
                to.extend(&piece[..length]);
                return Ok(length);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What is still awaited of a task, and what there is of it.
struct Progress {
    output: TaskOutput,
    stdout_is_open: bool,
    stderr: BoundedStderr,
    stderr_is_open: bool,
    child_is_open: bool,
    end: Option<TaskEnd>,
}

impl Running {
    /// Passes on what the task prints, until its end. Returns its exit code, or ends by its signal.
    fn finish(mut self) -> u8 {
        let (stdout_limit, stderr_limit) = self.limits;
        let mut progress = Progress {
            output: TaskOutput::default(),
            stdout_is_open: true,
            stderr: BoundedStderr { left: stderr_limit },
            stderr_is_open: true,
            child_is_open: true,
            end: None,
        };
        let mut time = TimeLimit::new(self.time_limit);
        while progress.end.is_none() {
            for number in self.signals.take() {
                self.send(number);
            }
            if let Some(number) = time.due() {
                self.send(number);
            }
            progress.end = self.wait(&mut progress, &time);
        }
        let ended = progress.end.unwrap_or(TaskEnd::ServerLost);
        self.drain(&mut progress);
        let is_open = |progress: &Progress| progress.stdout_is_open || progress.stderr_is_open;
        if matches!(ended, TaskEnd::Code(_)) && !is_open(&progress) {
            // The child may take its time to end.
            let _ = (&self.server).write_all(&[protocol::LEAVE]);
        } else {
            // What it started still holds its pipes. Its process group is killed when the child has ended.
            if matches!(ended, TaskEnd::Code(_)) {
                self.wait_for_end();
            }
            self.drain(&mut progress);
            end_holders(&[(&self.stdout, progress.stdout_is_open), (&self.stderr, progress.stderr_is_open)]);
        }
        let reported = if time.is_over() { TaskEnd::TimedOut(self.time_limit.unwrap_or_default()) } else { ended };
        let result = envelope::result(&progress.output, reported, stdout_limit);
        progress.stderr.write(&result.stderr);
        let _ = io::stdout().write_all(&result.stdout).and_then(|()| io::stdout().flush());
        match ended {
            TaskEnd::Code(code) => code,
            TaskEnd::Signal(number) => end_by(number),
            TaskEnd::TimedOut(_) | TaskEnd::ServerLost => 1,
        }
    }

    /// Waits for one event.
    fn wait(&mut self, progress: &mut Progress, time: &TimeLimit) -> Option<TaskEnd> {
        let mut files = vec![self.server.as_fd(), self.signals.wake.as_fd()];
        let mut index = |is_open: bool, file| {
            is_open.then(|| {
                files.push(file);
                files.len() - 1
            })
        };
        let child = index(progress.child_is_open, self.child.as_fd());
        let stdout = index(progress.stdout_is_open, self.stdout.as_fd());
        let stderr = index(progress.stderr_is_open, self.stderr.as_fd());
        let Ok(readable) = ipc::wait_readable(&files, time.left()) else { return Some(self.lose(progress)) };
        let is_readable = |index: Option<usize>| index.is_some_and(|index| readable[index]);
        // Output first: what was written before the end is read before it.
        if is_readable(stdout) {
            progress.stdout_is_open = self.read_stdout(&mut progress.output);
        }
        if is_readable(stderr) {
            progress.stderr_is_open = read_stderr(&self.stderr, &mut progress.stderr);
        }
        if is_readable(child) {
            let mut code = Vec::new();
            match read_more(&self.child, &mut code) {
                Ok(1..) => return code.first().map(|code| TaskEnd::Code(*code)),
                // It ends without having said how: the server knows.
                Ok(0) | Err(_) => progress.child_is_open = false,
            }
        }
        if !readable[0] {
            return None;
        }
        let is_open = read_more(&self.server, &mut self.received).is_ok_and(|length| length > 0);
        match ServerAnswer::take(&mut self.received) {
            Ok(Some(ServerAnswer::Ended(status))) => Some(end_of(status)),
            Ok(None) if is_open => None,
            Ok(_) | Err(()) => Some(self.lose(progress)),
        }
    }

    fn read_stdout(&self, output: &mut TaskOutput) -> bool {
        let mut piece = Vec::new();
        let is_open = read_more(&self.stdout, &mut piece).is_ok_and(|length| length > 0);
        output.add(&piece, self.limits.0);
        is_open
    }

    /// Reads what is there, without waiting for more.
    fn drain(&self, progress: &mut Progress) {
        let is_ready =
            |file| ipc::wait_readable(&[file], Some(Duration::ZERO)).is_ok_and(|readable| readable == [true]);
        // A process that writes without end is bounded by what the worker reads.
        let (mut left, most) = (self.limits.0.saturating_mul(2), self.limits.0);
        while progress.stdout_is_open && left > 0 && is_ready(self.stdout.as_fd()) {
            let before = progress.output.total;
            progress.stdout_is_open = self.read_stdout(&mut progress.output);
            left = left.saturating_sub(usize::try_from(progress.output.total - before).unwrap_or(most));
        }
        while progress.stderr_is_open && progress.stderr.left > 0 && is_ready(self.stderr.as_fd()) {
            progress.stderr_is_open = read_stderr(&self.stderr, &mut progress.stderr);
        }
    }

    /// Waits until the server has reaped the child and killed its process group.
    fn wait_for_end(&mut self) {
        let deadline = Instant::now() + KILLED;
        while !matches!(ServerAnswer::take(&mut self.received), Ok(Some(_))) {
            let left = deadline.saturating_duration_since(Instant::now());
            let is_readable = ipc::wait_readable(&[self.server.as_fd()], Some(left)).is_ok_and(|it| it == [true]);
            if left.is_zero() || (is_readable && read_more(&self.server, &mut self.received).unwrap_or(0) == 0) {
                break;
            }
        }
    }

    /// The server has ended, and nobody watches the child any more: it must not run on without its worker.
    fn lose(&self, progress: &Progress) -> TaskEnd {
        if !progress.child_is_open {
            return TaskEnd::ServerLost;
        }
        let deadline = Instant::now() + KILLED;
        let mut code = Vec::new();
        loop {
            // It may have ended well at the same time.
            let left = deadline.saturating_duration_since(Instant::now());
            match ipc::wait_readable(&[self.child.as_fd()], Some(left.min(Duration::from_millis(1)))) {
                Ok(readable) if readable == [true] => {
                    let _ = read_more(&self.child, &mut code);
                    return code.first().map_or(TaskEnd::ServerLost, |code| TaskEnd::Code(*code));
                }
                Ok(_) | Err(_) if left.is_zero() => return TaskEnd::ServerLost,
                Ok(_) | Err(_) => {
                    // Its socket is open, so this is still its process.
                    let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
                }
            }
        }
    }

    fn send(&self, number: i32) {
        // If the server has ended, the next event says so.
        let _ = (&self.server).write_all(&protocol::signal(u8::try_from(number).unwrap_or(0)));
    }
}

/// The time limit of a task: first it is asked to end, then it is killed.
struct TimeLimit {
    next: Option<Instant>,
    asked: bool,
}

impl TimeLimit {
    fn new(limit: Option<Duration>) -> Self {
        Self { next: limit.and_then(|limit| Instant::now().checked_add(limit)), asked: false }
    }

    /// The signal that is due.
    fn due(&mut self) -> Option<i32> {
        self.next.filter(|next| *next <= Instant::now())?;
        self.next = (!self.asked).then(|| Instant::now() + GRACE);
        Some(if std::mem::replace(&mut self.asked, true) { Signal::KILL } else { Signal::TERM }.as_raw())
    }

    fn left(&self) -> Option<Duration> {
        self.next.map(|next| next.saturating_duration_since(Instant::now()))
    }

    const fn is_over(&self) -> bool {
        self.asked
    }
}

/// Standard error, up to what the worker reads: more would break its pipe.
struct BoundedStderr {
    left: usize,
}

impl BoundedStderr {
    fn write(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(self.left)];
        self.left -= bytes.len();
        let _ = io::stderr().write_all(bytes);
    }
}

fn read_stderr(from: &PipeReader, to: &mut BoundedStderr) -> bool {
    let mut piece = Vec::new();
    let is_open = read_more(from, &mut piece).is_ok_and(|length| length > 0);
    to.write(&piece);
    is_open
}

/// A wait status, as Unix encodes it.
const fn end_of(status: i32) -> TaskEnd {
    match status & 0x7f {
        0 => TaskEnd::Code(((status >> 8) & 0xff) as u8),
        number => TaskEnd::Signal(number),
    }
}

/// Ends this process by a signal, without a core file: the child's is there already.
fn end_by(number: i32) -> u8 {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    let _ = signal_hook::low_level::emulate_default_handler(number);
    128_u8.saturating_add(u8::try_from(number).unwrap_or(0))
}

/// Ends the processes that still hold the pipes of a task that has ended: they left its process group.
#[cfg(target_os = "linux")]
fn end_holders(pipes: &[(&PipeReader, bool)]) {
    use std::os::unix::fs::MetadataExt;

    let open = pipes.iter().filter(|(_, is_open)| *is_open);
    // The group has just been killed, or is being killed; most often nothing else is left.
    let wait = |pipe: &PipeReader| ipc::wait_readable(&[pipe.as_fd()], Some(Duration::from_millis(20)));
    let held: Vec<String> = open
        .filter(|(pipe, _)| !wait(pipe).is_ok_and(|readable| readable == [true]))
        .filter_map(|(pipe, _)| File::from(pipe.as_fd().try_clone_to_owned().ok()?).metadata().ok())
        .map(|pipe| format!("pipe:[{}]", pipe.ino()))
        .collect();
    if held.is_empty() {
        return;
    }
    let own = rustix::process::getpid();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let Some(pid) = pid.filter(|pid| *pid != own) else { continue };
        let files = fs::read_dir(entry.path().join("fd")).into_iter().flatten().flatten();
        let mut targets = files.filter_map(|file| fs::read_link(file.path()).ok());
        if targets.any(|target| target.to_str().is_some_and(|target| held.iter().any(|held| held == target))) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

/// Only Linux tells which processes hold a pipe.
#[cfg(not(target_os = "linux"))]
fn end_holders(_: &[(&PipeReader, bool)]) {}
