//! A child process under conditions it cannot abuse: no environment, no input, bounded output, a deadline, and a process
//! group of its own, which ends with it.
#![expect(clippy::disallowed_methods, reason = "an executable is started here")]

use std::io;
use std::io::Read;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// How much of each output stream is kept; what follows is read and dropped.
const KEPT: usize = 64 << 10;

/// How much it may print in all. A version is one line; what prints more than this will not stop.
pub(super) const MOST_OUTPUT: usize = 16 << 20;

/// Stands for "for ever" where the clock cannot count that far.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long to wait for the rest of the output after the program has ended. Only a grandchild that inherited the streams
/// makes this wait.
const AFTERMATH: Duration = Duration::from_millis(200);

/// A file that was just written may still be open in a process another thread is starting right now; then the kernel refuses
/// to run it (`ETXTBSY`). These are the pauses before trying again.
const BUSY_PAUSES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(200)];

/// Starts `PROGRAM --version` with no environment and no input, in the program's folder.
pub(super) fn start(program: &Path) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.arg("--version").env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Windows' own libraries, the random numbers among them, do not load without it.
    #[cfg(windows)]
    if let Some(root) = std::env::var_os("SystemRoot") {
        command.env("SystemRoot", root);
    }
    if let Some(folder) = program.parent() {
        command.current_dir(folder);
    }
    // A signal to its own group must not reach us, nor whoever started us.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    for pause in BUSY_PAUSES {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => thread::sleep(pause),
            started => return started,
        }
    }
    command.spawn()
}

/// What a program wrote, at most 64 KiB of each stream.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Its standard output.
    pub(super) stdout: Vec<u8>,
    /// Its standard error.
    pub(super) stderr: Vec<u8>,
}

/// How watching a program ended.
pub(super) enum Watched {
    /// It ended by itself.
    Ended(ExitStatus, Output),
    /// It did not end in time or was given up, and is dead.
    TimedOut,
    /// It printed far more than anybody reads, and is dead.
    Flooded,
}

/// Collects the output until the program ends. Whatever it started and left in its process group ends with it.
pub(super) fn watch(child: &mut Child, timeout: Duration, given_up: &dyn Fn() -> bool) -> io::Result<Watched> {
    let now = Instant::now();
    let deadline = now.checked_add(timeout).unwrap_or(now + A_DAY);
    let watched = listen(child).and_then(|events| collect(child, &events, deadline, given_up));
    if !matches!(watched, Ok(Watched::Ended(..))) {
        // Whatever went wrong, nothing is left running.
        end_group(child);
        let _ = child.kill();
        let _ = child.wait();
    }
    watched
}

enum Event {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    Closed,
}

/// One thread for each stream, so that a full pipe never stops the program. They are not joined: a grandchild may hold the
/// streams open for as long as it likes.
fn listen(child: &mut Child) -> io::Result<mpsc::Receiver<Event>> {
    let (sender, events) = mpsc::sync_channel(4);
    if let Some(stdout) = child.stdout.take() {
        let sender = sender.clone();
        thread::Builder::new().name("stdout".to_owned()).spawn(move || forward(stdout, &sender, Event::Stdout))?;
    }
    if let Some(stderr) = child.stderr.take() {
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
    // Nobody listens any more once the program was given up.
    let _ = events.send(Event::Closed);
}

fn collect(
    child: &mut Child,
    events: &mpsc::Receiver<Event>,
    mut deadline: Instant,
    given_up: &dyn Fn() -> bool,
) -> io::Result<Watched> {
    let mut output = Output::default();
    let mut printed = 0;
    let mut open_streams = 2;
    let mut ended = None;
    let mut pause = Duration::from_millis(1);
    loop {
        if ended.is_none() {
            ended = reaped(child)?;
            if ended.is_some() {
                deadline = deadline.min(Instant::now() + AFTERMATH);
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match ended {
            Some(status) if open_streams == 0 || left.is_zero() => return Ok(Watched::Ended(status, output)),
            None if printed > MOST_OUTPUT => return Ok(Watched::Flooded),
            None if left.is_zero() || given_up() => return Ok(Watched::TimedOut),
            Some(_) | None => {}
        }
        match events.recv_timeout(pause.min(left)) {
            Ok(Event::Stdout(piece)) => {
                printed += piece.len();
                keep(&mut output.stdout, &piece);
            }
            Ok(Event::Stderr(piece)) => {
                printed += piece.len();
                keep(&mut output.stderr, &piece);
            }
            Ok(Event::Closed) => open_streams -= 1,
            Err(mpsc::RecvTimeoutError::Timeout) => pause = (pause * 2).min(Duration::from_millis(20)),
            // Both streams are closed and the program still runs; there is only the clock to wait for.
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                thread::sleep(pause.min(left));
                pause = (pause * 2).min(Duration::from_millis(20));
            }
        }
    }
}

/// The status of a program that has ended. Its group ends before it is reaped: as long as it is not, its number cannot name
/// another group.
#[cfg(unix)]
fn reaped(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    use rustix::process;

    let leader = process::Pid::from_child(child);
    let options = process::WaitIdOptions::EXITED | process::WaitIdOptions::NOWAIT | process::WaitIdOptions::NOHANG;
    if rustix::io::retry_on_intr(|| process::waitid(process::WaitId::Pid(leader), options))?.is_none() {
        return Ok(None);
    }
    end_group(child);
    child.wait().map(Some)
}

#[cfg(not(unix))]
fn reaped(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    child.try_wait()
}

#[cfg(unix)]
fn end_group(child: &Child) {
    // An error means that nobody of the group is left.
    let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(child), rustix::process::Signal::KILL);
}

#[cfg(not(unix))]
fn end_group(_child: &Child) {}

fn keep(kept: &mut Vec<u8>, piece: &[u8]) {
    let room = KEPT.saturating_sub(kept.len()).min(piece.len());
    kept.extend(&piece[..room]);
}
