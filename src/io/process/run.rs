//! Runs a program to its end and collects its output.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::io;
use std::io::Read;
use std::path::Path;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::io::process::ProcessError;
use crate::io::process::group::Group;
use crate::io::process::group::command;
use crate::io::process::group::start;
use crate::io::process::stream::shown;

/// The deadline if the clock cannot represent the real one.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long to wait for the rest of the output after the program has ended. Only needed if a process left the process
/// group and inherited the streams.
const AFTERMATH: Duration = Duration::from_millis(200);

/// A program to run, with its limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// The absolute path of the program.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: &'a [&'a OsStr],
    /// Its working directory.
    pub directory: Option<&'a Path>,
    /// Its entire environment.
    pub environment: &'a [(OsString, OsString)],
    /// Its standard input.
    pub stdin: Stdin,
    /// The time limit; then it is killed with everything it started.
    pub limit: Duration,
    /// The maximum output of both streams together, in bytes; a program that prints more is killed.
    pub output_limit: usize,
    /// How much of each stream is kept.
    pub keep: Keep,
}

/// How much of a stream is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Everything, up to the limit.
    All,
    /// The first bytes.
    First(usize),
    /// The last bytes.
    Last(usize),
    /// The first bytes of standard output, and the last bytes of standard error.
    Split { stdout: usize, stderr: usize },
}

impl Keep {
    const fn of_stdout(self) -> Self {
        if let Self::Split { stdout, .. } = self { Self::First(stdout) } else { self }
    }

    const fn of_stderr(self) -> Self {
        if let Self::Split { stderr, .. } = self { Self::Last(stderr) } else { self }
    }

    fn take(self, kept: &mut Vec<u8>, piece: &[u8]) {
        match self {
            Self::All => kept.extend(piece),
            Self::First(most) | Self::Split { stdout: most, .. } => {
                kept.extend(&piece[..most.saturating_sub(kept.len()).min(piece.len())]);
            }
            Self::Last(most) => {
                kept.extend(piece);
                kept.drain(..kept.len().saturating_sub(most));
            }
        }
    }
}

/// The standard input of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stdin {
    /// Empty.
    Empty,
    /// A pipe that stays open and empty while this process runs, so that the program notices when it exits.
    OpenWhileWatched,
}

/// The result of a program.
#[derive(Debug)]
pub(crate) struct Output {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Its standard output as a string; invalid UTF-8 is replaced.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Why it failed, in one line: the last line of its output, or its exit status.
    pub(crate) fn complaint(&self) -> String {
        let said = String::from_utf8_lossy(&self.stderr);
        let said = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        said.map_or_else(|| self.status.to_string(), shown)
    }
}

/// Runs a program to its end. `is_canceled` is polled many times per second.
pub(crate) fn run(request: &Request<'_>, is_canceled: &dyn Fn() -> bool) -> Result<Output, ProcessError> {
    let mut command = command(request.program, request.environment);
    command.args(request.arguments);
    if let Some(directory) = request.directory {
        command.current_dir(directory);
    }
    if request.stdin == Stdin::OpenWhileWatched {
        command.stdin(Stdio::piped());
    }
    let program = || request.program.to_owned();
    let now = Instant::now();
    let deadline = now.checked_add(request.limit).unwrap_or(now + A_DAY);
    let mut group = start(&mut command).map_err(|source| ProcessError::Start { program: program(), source })?;
    // Taken out, because waiting for a child closes its standard input.
    let _open = group.child.stdin.take();
    // Without threads the program cannot be monitored, so it counts as not started.
    let events = listen(&mut group).map_err(|source| ProcessError::Start { program: program(), source })?;
    collect(&mut group, &events, request, deadline, is_canceled)
}

enum Event {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    Closed,
}

/// One thread per stream, so that a full pipe never blocks the program. They are not joined: a process that left the
/// process group may keep the streams open indefinitely.
fn listen(group: &mut Group) -> io::Result<mpsc::Receiver<Event>> {
    let (sender, events) = mpsc::sync_channel(4);
    if let Some(stdout) = group.child.stdout.take() {
        let sender = sender.clone();
        thread::Builder::new().name("stdout".to_owned()).spawn(move || forward(stdout, &sender, Event::Stdout))?;
    }
    if let Some(stderr) = group.child.stderr.take() {
        thread::Builder::new().name("stderr".to_owned()).spawn(move || forward(stderr, &sender, Event::Stderr))?;
    }
    Ok(events)
}

fn forward(mut stream: impl Read, events: &mpsc::SyncSender<Event>, event: fn(Vec<u8>) -> Event) {
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        if events.send(event(piece[..length].to_vec())).is_err() {
            return;
        }
    }
    // The receiver is gone after a cancellation.
    let _ = events.send(Event::Closed);
}

fn collect(
    group: &mut Group,
    events: &mpsc::Receiver<Event>,
    request: &Request<'_>,
    mut deadline: Instant,
    is_canceled: &dyn Fn() -> bool,
) -> Result<Output, ProcessError> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut printed = 0;
    let mut open_streams = 2;
    let mut ended = None;
    let mut pause = Duration::from_millis(1);
    loop {
        if ended.is_none() {
            ended =
                group.ended().map_err(|source| ProcessError::Lost { program: request.program.to_owned(), source })?;
            if ended.is_some() {
                deadline = deadline.min(Instant::now() + AFTERMATH);
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if printed > request.output_limit {
            return Err(ProcessError::Flooded { limit: request.output_limit });
        }
        match ended {
            Some(status) if open_streams == 0 || left.is_zero() => return Ok(Output { status, stdout, stderr }),
            None if left.is_zero() => return Err(ProcessError::TimedOut { limit: request.limit, stdout, stderr }),
            None if is_canceled() => return Err(ProcessError::GivenUp),
            Some(_) | None => {}
        }
        match events.recv_timeout(pause.min(left)) {
            Ok(Event::Stdout(piece)) => {
                printed += piece.len();
                request.keep.of_stdout().take(&mut stdout, &piece);
            }
            Ok(Event::Stderr(piece)) => {
                printed += piece.len();
                request.keep.of_stderr().take(&mut stderr, &piece);
            }
            Ok(Event::Closed) => open_streams -= 1,
            Err(mpsc::RecvTimeoutError::Timeout) => pause = (pause * 2).min(Duration::from_millis(20)),
            // Both streams are closed and the program still runs: wait for the deadline.
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                thread::sleep(pause.min(left));
                pause = (pause * 2).min(Duration::from_millis(20));
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Runs a shell script with a time limit.
    fn shell(script: &str, limit: Duration, output_limit: usize) -> Result<Output, ProcessError> {
        let arguments = ["-c", script].map(OsStr::new);
        let request = Request {
            program: Path::new("/bin/sh"),
            arguments: &arguments,
            directory: None,
            environment: &[("KEPT".into(), "kept".into())],
            stdin: Stdin::Empty,
            limit,
            output_limit,
            keep: Keep::All,
        };
        run(&request, &|| false)
    }

    /// Whether a process ends within two seconds. A zombie counts as ended.
    fn ends_soon(file: &Path) -> bool {
        let read = shell(&format!("cat '{}'", file.display()), Duration::from_secs(20), 4096).expect("cat");
        let pid = read.text();
        assert!(!pid.trim().is_empty(), "the process wrote its number");
        (0..200).any(|_| {
            thread::sleep(Duration::from_millis(10));
            let asked = shell(&format!("ps -o stat= -p {}", pid.trim()), Duration::from_secs(20), 4096).expect("ps");
            asked.stdout.trim_ascii().is_empty() || asked.stdout.starts_with(b"Z")
        })
    }

    #[test]
    fn output_and_status_are_returned() {
        let script = "echo \"out $KEPT$HOME$CARGO_MANIFEST_DIR\"; echo one >&2; printf 'two' >&2; exit 3";
        let output = shell(script, Duration::from_secs(20), 1024).expect("it ends");
        assert_eq!((output.status.code(), output.text().as_str()), (Some(3), "out kept\n"));
        assert_eq!((output.stderr.as_slice(), output.complaint().as_str()), (&b"one\ntwo"[..], "two"));
    }

    #[test]
    fn a_program_is_killed_at_its_deadline_with_everything_it_started() {
        let directory = tempfile::tempdir().expect("a directory");
        let pid = directory.path().join("pid");
        let began = Instant::now();
        let script = format!("echo why >&2; sleep 600 & echo $! > '{}'; wait", pid.display());
        let ended = shell(&script, Duration::from_millis(300), 1024);
        let Err(ProcessError::TimedOut { stderr, .. }) = ended else { panic!("it did not end: {ended:?}") };
        assert_eq!(stderr, b"why\n");
        assert!(began.elapsed() < Duration::from_secs(60), "it waited for the child");
        assert!(ends_soon(&pid));
    }

    #[test]
    fn background_processes_are_killed_without_delay() {
        let directory = tempfile::tempdir().expect("a directory");
        let pid = directory.path().join("pid");
        let script = format!("sleep 600 & echo $! > '{}'; exit 0", pid.display());
        let output = shell(&script, Duration::from_secs(300), 1024).expect("in time");
        assert!(output.status.success());
        assert!(ends_soon(&pid));
    }

    #[test]
    fn a_program_with_endless_output_is_killed() {
        for script in ["exec cat /dev/zero", "exec cat /dev/zero >&2", "head -c 100000 /dev/zero"] {
            let ended = shell(script, Duration::from_secs(600), 1 << 16);
            assert!(matches!(ended, Err(ProcessError::Flooded { .. })), "{script}");
        }
    }

    #[test]
    fn only_the_requested_part_is_kept() {
        for (keep, expected) in [(Keep::All, "abcdefg"), (Keep::First(3), "abc"), (Keep::Last(3), "efg")] {
            let mut kept = Vec::new();
            ["ab", "cdef", "g"].iter().for_each(|piece| keep.take(&mut kept, piece.as_bytes()));
            assert_eq!(kept, expected.as_bytes(), "{keep:?}");
        }
    }

    #[test]
    fn a_program_that_cannot_be_started_is_a_separate_error() {
        let missing = Request {
            program: Path::new("/does/not/exist"),
            arguments: &[],
            directory: None,
            environment: &[],
            stdin: Stdin::OpenWhileWatched,
            limit: Duration::from_secs(1),
            output_limit: 1,
            keep: Keep::All,
        };
        let error = run(&missing, &|| false).expect_err("there is none");
        assert!(error.is_of_the_program() && error.line().starts_with("cannot start /does/not/exist: "), "{error:?}");
        let source = io::Error::from_raw_os_error(rustix::io::Errno::AGAIN.raw_os_error());
        let limit = ProcessError::Start { program: "/bin/go".into(), source };
        assert!(!limit.is_of_the_program());
        assert!(limit.line().starts_with("cannot start /bin/go: no more processes"), "{}", limit.line());
        assert!(limit.hint().expect("a way out").contains("ulimit -u"));
    }
}
