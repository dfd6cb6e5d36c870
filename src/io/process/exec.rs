//! Hands this process over to another program.
#![expect(clippy::disallowed_methods, reason = "another program takes the place of this one here")]

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Command;

/// A program that takes the place of this one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Successor<'a> {
    /// The absolute path of the program.
    pub program: &'a Path,
    pub arguments: &'a [String],
    /// Its working directory.
    pub directory: &'a Path,
    /// Its entire environment.
    pub environment: &'a [(OsString, OsString)],
}

impl Successor<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.args(self.arguments).current_dir(self.directory).env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Becomes the program: it keeps the process ID, the parent, the streams, and the signals that are ignored. Must be called on
    /// the main thread. Returns only if the program cannot be started.
    #[cfg(unix)]
    pub(crate) fn take_over(&self, _warn: impl FnOnce(&str)) -> io::Error {
        use std::os::unix::process::CommandExt;
        use std::thread;

        use crate::io::process::group::BUSY_PAUSES;

        for pause in BUSY_PAUSES {
            let error = self.command().exec();
            if error.kind() != io::ErrorKind::ExecutableFileBusy {
                return error;
            }
            thread::sleep(pause);
        }
        self.command().exec()
    }

    /// Windows has no `exec`: the program runs as a child, and this process ends with its status. If this process is killed, the
    /// child and everything that it started end too; without that, there is a warning. The console reports Ctrl-C and its end to
    /// the child itself, for which this process waits. Returns only if the program cannot be started.
    #[cfg(windows)]
    pub fn take_over(&self, warn: impl FnOnce(&str)) -> io::Error {
        use tokio::signal::windows;

        // While these are alive, no event ends this process.
        let _events = (
            windows::ctrl_c(),
            windows::ctrl_break(),
            windows::ctrl_close(),
            windows::ctrl_logoff(),
            windows::ctrl_shutdown(),
        );
        let job = enter_job();
        if let Err(error) = &job {
            warn(&format!("if this process is killed, the worker continues, because it has no job object: {error}"));
        }
        let result = self.command().status();
        if let Ok(job) = job {
            // What the child has left behind stays, as on other systems.
            let _ = job.set_extended_limit_info(&win32job::ExtendedLimitInfo::new());
            // Open until this process ends: closing it could end the process here, without the status.
            let _ = job.into_handle();
        }
        match result {
            // All of its 32 bits.
            Ok(status) => std::process::exit(status.code().unwrap_or(1)),
            Err(error) => error,
        }
    }
}

/// Puts this process into a job that kills everything in it when this process ends. Children are in it from their start. It may be
/// nested in the job of a terminal or a CI service.
#[cfg(windows)]
fn enter_job() -> Result<win32job::Job, win32job::JobError> {
    let job = win32job::Job::create_with_limit_info(win32job::ExtendedLimitInfo::new().limit_kill_on_job_close())?;
    job.assign_current_process()?;
    Ok(job)
}
