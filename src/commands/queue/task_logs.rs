//! `reproq task logs`: the end of a task's log file. The database says which file, so it must be below the directory of logs.

use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::path::Path;
use std::path::PathBuf;

use reproq_queue::read;
use serde::Serialize;
use thiserror::Error;

use super::no_task;
use crate::cli::TaskLogsArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::fs::bounded_read::open_regular;
use crate::ui::Report;
use crate::ui::TextReport;

/// Where workers write logs.
const VARIABLE: &str = "REPROQ_LOGS_DIR";

#[derive(Debug, Serialize)]
struct TaskLogsReport {
    id: i64,
    path: PathBuf,
    bytes: u64,
    /// Whether lines before these are not shown.
    truncated: bool,
    lines: Vec<String>,
}

/// Why a file is not read.
#[derive(Debug, PartialEq, Eq, Error)]
enum LogPathError {
    #[error("the log is at {0}, and only files on this machine are read")]
    Remote(String),
    #[error("the log file {path} is not below {directory}")]
    Outside { path: String, directory: String },
    #[error("the directory of log files is not known")]
    NoDirectory,
}

pub(super) fn logs(arguments: &TaskLogsArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let task = &arguments.task.task;
    let database = Database::of_task(task, &arguments.task.database)?;
    let detail = Database::read(&database, session, async |tx| read::detail(tx, task.id()).await)?;
    let detail = detail.ok_or_else(|| no_task(task))?;
    let Some(uri) = detail.logs_uri.filter(|uri| !uri.is_empty()) else {
        return Err(CommandError::message(ExitStatus::NotFound, format!("task {task} has no log file"))
            .hint("a worker writes one if it runs with `--logs-dir`, and the task printed something"));
    };
    let directory = arguments.logs_dir.clone().or_else(|| session.env.var(VARIABLE).map(PathBuf::from));
    let directory = if arguments.any_path { Directory::Any } else { Directory::of(directory, &session.env.cwd)? };
    let named = local_path(&uri, &session.project.root).map_err(refused)?;
    let path = match std::fs::canonicalize(&named) {
        Ok(path) => path,
        Err(error) => return Err(unreadable(error, &named)),
    };
    directory.check(&path).map_err(refused)?;
    let (bytes, tail) = tail(&path, arguments.max_bytes).map_err(|error| unreadable(error, &path))?;
    let (truncated, lines) = last_lines(&tail, bytes, arguments.tail);
    session.ui.report(&TaskLogsReport { id: task.id(), path, bytes, truncated, lines })?;
    Ok(ExitStatus::Success)
}

/// Below which directory a file must be.
enum Directory {
    Any,
    Below(PathBuf),
}

impl Directory {
    fn of(directory: Option<PathBuf>, cwd: &Path) -> Result<Self, CommandError> {
        let directory = directory.ok_or_else(|| refused(LogPathError::NoDirectory))?;
        let directory = cwd.join(directory);
        std::fs::canonicalize(&directory).map(Self::Below).map_err(|error| unreadable(error, &directory))
    }

    /// Both are without links.
    fn check(&self, path: &Path) -> Result<(), LogPathError> {
        match self {
            Self::Any => Ok(()),
            Self::Below(directory) if path.starts_with(directory) => Ok(()),
            Self::Below(directory) => Err(LogPathError::Outside {
                path: path.display().to_string(),
                directory: directory.display().to_string(),
            }),
        }
    }
}

/// The file that a URI names. A relative path is one below the project, where the worker was started.
fn local_path(uri: &str, root: &Path) -> Result<PathBuf, LogPathError> {
    let path = match uri.split_once("://") {
        Some(("file", rest)) => rest.strip_prefix("localhost").unwrap_or(rest),
        Some(_) => return Err(LogPathError::Remote(uri.to_owned())),
        None => uri.strip_prefix("file:").unwrap_or(uri),
    };
    Ok(root.join(path))
}

fn refused(error: LogPathError) -> CommandError {
    let hint = match &error {
        LogPathError::Remote(_) => "fetch it with a program of your choice",
        LogPathError::Outside { .. } => {
            "name its directory with `--logs-dir DIR`, or trust the database with `--any-path`"
        }
        LogPathError::NoDirectory => "set REPROQ_LOGS_DIR as for the worker, or use `--logs-dir DIR`",
    };
    let status = match &error {
        LogPathError::NoDirectory => ExitStatus::Usage,
        LogPathError::Remote(_) | LogPathError::Outside { .. } => ExitStatus::NotPermitted,
    };
    CommandError::new(status, error).hint(hint)
}

fn unreadable(error: io::Error, path: &Path) -> CommandError {
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    let failure = CommandError::io("read", path, error);
    if is_missing {
        let hint = "log files are on the machine of the worker; a relative path is one below the project";
        return CommandError { status: ExitStatus::NotFound, ..failure }.hint(hint);
    }
    failure
}

/// The size of a file, and its last bytes.
fn tail(path: &Path, limit: u64) -> io::Result<(u64, Vec<u8>)> {
    let (mut file, metadata) = open_regular(path)?;
    let bytes = metadata.len();
    file.seek(SeekFrom::Start(bytes.saturating_sub(limit)))?;
    let mut tail = Vec::new();
    // It may grow meanwhile.
    file.take(limit).read_to_end(&mut tail)?;
    Ok((bytes, tail))
}

/// The last lines, and whether there are others before them. A first line that is not complete is left out.
fn last_lines(tail: &[u8], bytes: u64, number: usize) -> (bool, Vec<String>) {
    let is_cut = (tail.len() as u64) < bytes;
    let complete = if is_cut {
        let end = tail.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        &tail[end..]
    } else {
        tail
    };
    let text = String::from_utf8_lossy(complete);
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(number);
    (is_cut || skipped > 0, lines[skipped..].iter().map(|line| (*line).to_owned()).collect())
}

impl Report for TaskLogsReport {
    const SCHEMA: &'static str = "reproq.task-logs/1";

    fn human(&self, out: &mut TextReport) {
        for line in &self.lines {
            out.line(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_a_file_on_this_machine() {
        let local = |uri: &str| local_path(uri, Path::new("/project")).map(|path| path.display().to_string());
        assert_eq!(local("logs/task-1.log"), Ok("/project/logs/task-1.log".to_owned()));
        assert_eq!(local("/var/log/a"), Ok("/var/log/a".to_owned()));
        assert_eq!(local("file:///var/log/a"), Ok("/var/log/a".to_owned()));
        assert_eq!(local("file:/var/log/a"), Ok("/var/log/a".to_owned()));
        assert!(local("https://logs.example/1").is_err());
    }

    #[test]
    fn lines_are_taken_from_the_end() {
        let of = |text: &str, bytes: u64, number: usize| last_lines(text.as_bytes(), bytes, number);
        assert_eq!(of("a\nb\nc\n", 6, 2), (true, vec!["b".to_owned(), "c".to_owned()]));
        assert_eq!(of("a\nb", 3, 2), (false, vec!["a".to_owned(), "b".to_owned()]));
        // The begin of the file is missing, and with it that of the first line.
        assert_eq!(of("alf\nb\n", 9, 9), (true, vec!["b".to_owned()]));
        assert_eq!(of("", 0, 5), (false, Vec::new()));
    }
}
