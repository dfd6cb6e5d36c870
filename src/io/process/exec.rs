//! Hands this process over to another program.
#![expect(clippy::disallowed_methods, reason = "another program takes the place of this one here")]

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Command;

/// A program that takes the place of this one.
#[derive(Debug, Clone, Copy)]
pub struct Successor<'a> {
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
    pub fn take_over(&self) -> io::Error {
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

    /// Windows has no `exec`: the program runs as a child, and this process ends with its status. Ctrl-C reaches the child from the
    /// console, so this process ignores it. Returns only if the program cannot be started.
    #[cfg(not(unix))]
    #[expect(clippy::exit, reason = "the status of the child is the status of this process, and has 32 bits")]
    pub fn take_over(&self) -> io::Error {
        let _ = ctrlc::set_handler(|| {});
        match self.command().status() {
            Ok(status) => std::process::exit(status.code().unwrap_or(1)),
            Err(error) => error,
        }
    }
}
