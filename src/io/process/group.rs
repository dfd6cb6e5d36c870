//! A child process in its own process group, which ends with it.
#![expect(clippy::disallowed_methods, reason = "other programs are started here")]

#[cfg(not(unix))]
use std::ffi::OsStr;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

/// A file that was just written may still be open in a process that another thread is starting; the kernel then refuses
/// to run it (`ETXTBSY`). These are the pauses between attempts; on a busy machine that process may have to wait for a second.
pub(super) const BUSY_PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];

/// A command with exactly this environment, no input, and both outputs as pipes.
pub(super) fn command(program: &Path, environment: &[(OsString, OsString)]) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    // Windows' own libraries, such as the random number generator, do not load without it.
    #[cfg(windows)]
    if let Some(root) = std::env::var_os("SystemRoot") {
        command.env("SystemRoot", root);
    }
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A signal to its own group must not reach this process or its parent, and the group can be killed as a whole.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Starts the command.
pub(super) fn start(command: &mut Command) -> io::Result<Group> {
    for pause in BUSY_PAUSES {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => thread::sleep(pause),
            started => return started.map(Group::new),
        }
    }
    command.spawn().map(Group::new)
}

/// A child and everything it started that stayed in its process group. Everything is killed when this value is dropped.
pub(super) struct Group {
    pub(super) child: Child,
    is_over: bool,
}

impl Group {
    const fn new(child: Child) -> Self {
        Self { child, is_over: false }
    }

    /// The child's status if it has ended. Its group is killed before the child is reaped: until then its ID cannot be
    /// reused for another group.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        if !has_ended(&mut self.child)? {
            return Ok(None);
        }
        end_group(&self.child);
        self.is_over = true;
        self.child.wait().map(Some)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_over {
            end_group(&self.child);
            // Both fail only if the child has already ended.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

#[cfg(unix)]
fn has_ended(child: &mut Child) -> io::Result<bool> {
    use rustix::process;

    let leader = process::Pid::from_child(child);
    let options = process::WaitIdOptions::EXITED | process::WaitIdOptions::NOWAIT | process::WaitIdOptions::NOHANG;
    Ok(rustix::io::retry_on_intr(|| process::waitid(process::WaitId::Pid(leader), options))?.is_some())
}

#[cfg(not(unix))]
fn has_ended(child: &mut Child) -> io::Result<bool> {
    Ok(child.try_wait()?.is_some())
}

#[cfg(unix)]
fn end_group(child: &Child) {
    // An error means that the group is empty.
    let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(child), rustix::process::Signal::KILL);
}

/// Without process groups: the tree below the child, as far as the system knows it. A child that has ended
/// has no tree any more.
#[cfg(not(unix))]
fn end_group(child: &Child) {
    let Some(root) = std::env::var_os("SystemRoot") else { return };
    let mut end = Command::new(Path::new(&root).join(r"System32\taskkill.exe"));
    end.args([OsStr::new("/F"), OsStr::new("/T"), OsStr::new("/PID"), OsStr::new(&child.id().to_string())]);
    let _ = end.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}
