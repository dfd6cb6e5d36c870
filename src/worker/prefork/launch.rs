//! The private directory of a fork server: made before the worker starts, and found again by `reproq prefork`.
#![expect(
    clippy::disallowed_methods,
    reason = "the private directory is made and looked for here, and the keeper is started"
)]

use std::ffi::OsString;
use std::fs;
use std::fs::DirBuilder;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::ChildStdout;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

use crate::io::ipc;
use crate::worker::prefork::PreforkProject;
use crate::worker::prefork::keeper;
use crate::worker::prefork::project;

/// The fork server.
pub(super) const SERVER: &str = include_str!("server.py");

/// The beginning of the directory's name.
const PREFIX: &str = "reproq-prefork-";

/// How long a running keeper may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// The state of a fork server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct ServerStatus {
    /// How often it was started.
    pub generation: u64,
    /// The process that serves; none while plain Python runs the tasks.
    pub pid: Option<i32>,
    /// Why it does not serve, or not with the newest code.
    pub problems: Vec<String>,
    pub warnings: Vec<String>,
    /// Its own memory in bytes.
    pub memory: Option<u64>,
}

/// Why there is no fork server.
#[derive(Debug, Error)]
pub(crate) enum PreforkError {
    #[error("failed to make the private directory `{}`", path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error("failed to start the keeper of the fork server")]
    Keeper(#[source] io::Error),
    #[error("the fork server did not answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
}

/// The private directory of a fork server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PreforkDirectory(PathBuf);

impl PreforkDirectory {
    /// A new one below `base`, which is not made yet.
    pub(crate) fn new_in(base: &Path) -> Self {
        Self(base.join(format!("{PREFIX}{:08x}", fastrand::u32(..))))
    }

    /// Makes it for this user alone, with the client, the fork server and the worker's configuration. Directories of servers that
    /// were killed are removed.
    pub(crate) fn create(&self, program: &Path, project: &PreforkProject, config: &str) -> Result<(), PreforkError> {
        if let Some(base) = self.0.parent() {
            for left in directories(base).filter(|directory| is_left(directory)) {
                let _ = fs::remove_dir_all(left);
            }
        }
        let failed = |source| PreforkError::Directory { path: self.0.clone(), source };
        DirBuilder::new().mode(0o700).create(&self.0).map_err(failed)?;
        self.fill(program, project, config).map_err(|error| {
            self.remove();
            failed(error)
        })
    }

    fn fill(&self, program: &Path, project: &PreforkProject, config: &str) -> io::Result<()> {
        let write = |name: &str, text: &str| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.0.join(name))?;
            file.write_all(text.as_bytes())
        };
        symlink(program, self.client())?;
        write(project::SERVER_FILE, SERVER)?;
        write(project::CONFIG_FILE, config)?;
        write(project::PROJECT_FILE, &serde_json::to_string(project)?)
    }

    /// The client, which the worker starts in the place of Python.
    pub(crate) fn client(&self) -> PathBuf {
        self.0.join(project::CLIENT)
    }

    /// The configuration of the worker.
    pub(crate) fn config(&self) -> PathBuf {
        self.0.join(project::CONFIG_FILE)
    }

    /// Removes it with everything in it.
    pub(crate) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.0);
    }

    /// Starts the keeper with the environment of the worker, and waits until the server is ready or says why it is not.
    pub(crate) fn start(
        &self,
        program: &Path,
        environment: &[(OsString, OsString)],
        limit: Duration,
    ) -> Result<ServerStatus, PreforkError> {
        let mut command = keeper::command(program, &self.0);
        command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(PreforkError::Keeper)?;
        // The keeper must end with the worker, not with this value.
        let Some(stdout) = child.stdout.take() else { return Err(PreforkError::TimedOut(limit)) };
        let status = first_status(stdout, limit);
        if matches!(status, Err(PreforkError::Keeper(_))) {
            let _ = child.kill().and_then(|()| child.wait());
        }
        status
    }
}

/// Reads the line that a keeper prints when its first server is ready or cannot be.
fn first_status(mut stdout: ChildStdout, limit: Duration) -> Result<ServerStatus, PreforkError> {
    let deadline = Instant::now() + limit;
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        let left = deadline.saturating_duration_since(Instant::now());
        let readable = ipc::wait_readable(&[stdout.as_fd()], Some(left)).map_err(PreforkError::Keeper)?;
        if left.is_zero() {
            return Err(PreforkError::TimedOut(limit));
        }
        let mut piece = [0; 4096];
        if readable == [true] {
            match stdout.read(&mut piece).map_err(PreforkError::Keeper)? {
                0 => return Err(PreforkError::Keeper(io::ErrorKind::UnexpectedEof.into())),
                length => line.extend(&piece[..length]),
            }
        }
    }
    serde_json::from_slice(&line).map_err(|error| PreforkError::Keeper(error.into()))
}

/// A fork server that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunningServer {
    pub directory: PathBuf,
    pub project: PreforkProject,
}

/// The fork servers of this user in these directories.
pub(crate) fn running_servers(bases: &[PathBuf]) -> Vec<RunningServer> {
    let found = bases.iter().flat_map(|base| directories(base)).filter(|directory| connect(directory).is_ok());
    found
        .filter_map(|directory| {
            let project = serde_json::from_slice(&fs::read(directory.join(project::PROJECT_FILE)).ok()?).ok()?;
            Some(RunningServer { directory, project })
        })
        .collect()
}

impl RunningServer {
    /// Asks the keeper, or has it reload. A reload is answered when the new server is ready, or cannot be.
    pub(crate) fn ask(&self, command: &str, limit: Duration) -> io::Result<ServerStatus> {
        let mut stream = connect(&self.directory)?;
        stream.set_read_timeout(Some(limit.max(ANSWER)))?;
        stream.write_all(format!("{command}\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(serde_json::from_str(&answer)?)
    }
}

/// Whether the worker of a directory has ended without its keeper. One that is just being made has a worker already, or none yet.
fn is_left(directory: &Path) -> bool {
    let text = fs::read(directory.join(project::PROJECT_FILE)).ok();
    let project = text.and_then(|text| serde_json::from_slice::<PreforkProject>(&text).ok());
    let worker = project.and_then(|project| Pid::from_raw(i32::try_from(project.worker).ok()?));
    let is_dead = |pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH);
    connect(directory).is_err() && worker.is_some_and(is_dead)
}

fn connect(directory: &Path) -> io::Result<UnixStream> {
    ipc::connect(&directory.join(project::CONTROL_SOCKET))
}

/// The private directories of this user.
fn directories(base: &Path) -> impl Iterator<Item = PathBuf> {
    let own = rustix::process::geteuid().as_raw();
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().as_bytes().starts_with(PREFIX.as_bytes()))
        .map(|entry| entry.path())
        .filter(move |path| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == own))
}
