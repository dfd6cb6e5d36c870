//! Runs one child process in a time box, and leaves nothing of it behind: neither the child nor what it started.
#![cfg_attr(
    any(test, not(unix)),
    expect(
        clippy::disallowed_methods,
        reason = "the end of a child on Windows, and the children of the tests, are started here"
    )
)]

use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::process::Child;
use std::process::ChildStderr;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::locate::answer::without_credentials;
use crate::text::printable_line;

/// How much of the end of stderr is kept, whatever the child writes.
const STDERR_BYTES: usize = 16 * 1024;
const STDERR_LINES: usize = 20;
const LINE_CHARACTERS: usize = 300;

/// How long the end of stderr may take to arrive once the child is gone. Only something that left the child's process
/// group can still hold it open then.
const STDERR_GRACE: Duration = Duration::from_millis(200);

/// How a child ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit status; `None` when its time was over.
    pub(super) status: Option<ExitStatus>,
    /// The last lines it wrote to stderr, printable.
    pub(super) stderr: Vec<String>,
}

/// Runs the command for at most `limit`. Its stdin is a pipe that stays open and empty as long as we live, its stdout goes
/// nowhere. When it ends, or when its time is over, everything it has started and that stayed in its process group is
/// ended too. An error means that it could not be started.
pub(super) fn run(mut command: Command, limit: Duration) -> io::Result<Ended> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    in_its_own_group(&mut command);
    let mut child = command.spawn()?;
    let lifeline = child.stdin.take();
    let (tail, is_drained) = drain(child.stderr.take());
    let status = wait(child, limit);
    drop(lifeline);
    // Nothing is ever sent: the channel closes when the end of stderr has been read.
    let _ = is_drained.recv_timeout(STDERR_GRACE);
    let tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Ended { status: status?, stderr: last_lines(tail.iter().copied()) })
}

/// Reads on a thread of its own, so that a child that writes without end neither blocks nor fills the memory.
fn drain(stderr: Option<ChildStderr>) -> (Arc<Mutex<VecDeque<u8>>>, mpsc::Receiver<()>) {
    let tail = Arc::new(Mutex::new(VecDeque::new()));
    let (drained, is_drained) = mpsc::channel();
    let shared = Arc::clone(&tail);
    thread::spawn(move || {
        let _drained: mpsc::Sender<()> = drained;
        let Some(mut stderr) = stderr else { return };
        let mut buffer = [0; 8 * 1024];
        while let Ok(length) = stderr.read(&mut buffer) {
            if length == 0 {
                return;
            }
            let mut tail = shared.lock().unwrap_or_else(PoisonError::into_inner);
            tail.extend(&buffer[..length]);
            let surplus = tail.len().saturating_sub(STDERR_BYTES);
            tail.drain(..surplus);
        }
    });
    (tail, is_drained)
}

fn last_lines(bytes: impl Iterator<Item = u8>) -> Vec<String> {
    let text = String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned();
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(STDERR_LINES)..];
    last.iter().map(|line| printable_line(&without_credentials(line)).chars().take(LINE_CHARACTERS).collect()).collect()
}

#[cfg(unix)]
fn in_its_own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(unix)]
fn wait(mut child: Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    use rustix::process;

    let leader = process::Pid::from_child(&child);
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        // Without reaping: as long as the leader is a zombie, its number cannot name another group.
        let options = process::WaitIdOptions::EXITED | process::WaitIdOptions::NOWAIT;
        let _ = rustix::io::retry_on_intr(|| process::waitid(process::WaitId::Pid(leader), options));
        let _ = tell.send(());
    });
    let is_over = told.recv_timeout(limit).is_err();
    // An error means that nobody of the group is left.
    let _ = process::kill_process_group(leader, process::Signal::KILL);
    let status = child.wait()?;
    Ok((!is_over).then_some(status))
}

#[cfg(not(unix))]
fn in_its_own_group(_command: &mut Command) {}

#[cfg(not(unix))]
fn wait(mut child: Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let leader = child.id().to_string();
    let (tell, told) = mpsc::channel();
    // The thread keeps the child's handle until it has ended, so that its number cannot name another process.
    thread::spawn(move || tell.send(child.wait()));
    if let Ok(status) = told.recv_timeout(limit) {
        return status.map(Some);
    }
    let mut end = Command::new("taskkill");
    end.args(["/F", "/T", "/PID", &leader]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = end.status();
    Ok(None)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Instant;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    /// Whether a process runs. A zombie does not: who reaps it is not our business.
    fn is_running(pid: &str) -> bool {
        let state = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().expect("ps runs").stdout;
        !state.is_empty() && !state.starts_with(b"Z")
    }

    fn ends_soon(file: &Path) {
        let pid = fs::read_to_string(file).expect("the process wrote its number");
        let is_gone = (0..200).any(|_| {
            thread::sleep(Duration::from_millis(10));
            !is_running(pid.trim())
        });
        assert!(is_gone, "process {pid} is still running");
    }

    #[test]
    fn the_status_and_the_end_of_stderr_come_back() {
        let ended =
            run(shell("echo out; echo one >&2; printf '\\033[31mtwo\\377' >&2; exit 3"), Duration::from_secs(20));
        let ended = ended.expect("it starts");
        assert_eq!(ended.status.and_then(|status| status.code()), Some(3));
        assert_eq!(ended.stderr, ["one", "\\x1b[31mtwo\u{fffd}"]);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let ended =
            run(shell("i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done >&2"), Duration::from_secs(60));
        let stderr = ended.expect("it starts").stderr;
        assert_eq!(stderr.len(), STDERR_LINES);
        assert_eq!(stderr.last().map(String::as_str), Some("line 4999"));
    }

    #[test]
    fn time_is_up_for_the_child_and_what_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let pid = folder.path().join("pid");
        let begin = Instant::now();
        let script = format!("sleep 600 & echo $! > '{}'; wait", pid.display());
        let ended = run(shell(&script), Duration::from_millis(300)).expect("it starts");
        assert_eq!(ended.status, None);
        assert!(begin.elapsed() < Duration::from_secs(60), "it waited for the child");
        ends_soon(&pid);
    }

    #[test]
    fn what_a_child_leaves_in_the_background_neither_delays_nor_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let pid = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > '{}'; exit 0", pid.display());
        let ended = run(shell(&script), Duration::from_secs(300)).expect("it starts");
        assert!(ended.status.expect("in time").success());
        ends_soon(&pid);
    }

    #[test]
    fn a_program_that_cannot_be_started_is_an_error() {
        assert!(run(Command::new("/does/not/exist"), Duration::from_secs(1)).is_err());
    }
}
