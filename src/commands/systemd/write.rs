//! Writes the files. A file that differs is kept unless it may be replaced; a file of secrets is never replaced.
#![expect(clippy::disallowed_methods, reason = "units are written where the user says")]

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::commands::systemd::Planned;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileChange {
    Written,
    Replaced,
    Unchanged,
    /// A file of secrets that exists already.
    Kept,
}

impl FileChange {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Replaced => "replaced",
            Self::Unchanged => "unchanged",
            Self::Kept => "kept, as it may contain secrets",
        }
    }
}

/// Decides for every file first, so that a conflict changes nothing.
pub(super) fn write(directory: &Path, files: &[Planned], force: bool) -> Result<Vec<FileChange>, CommandError> {
    fs::create_dir_all(directory).map_err(|error| CommandError::io("create the directory", directory, error))?;
    let changes: Vec<FileChange> =
        files.iter().map(|planned| change(directory, planned, force)).collect::<Result<_, _>>()?;
    for (planned, change) in files.iter().zip(&changes) {
        if matches!(change, FileChange::Written | FileChange::Replaced) {
            let path = directory.join(&planned.file.name);
            place(directory, planned).map_err(|error| CommandError::io("write", &path, error))?;
        }
    }
    Ok(changes)
}

fn change(directory: &Path, planned: &Planned, force: bool) -> Result<FileChange, CommandError> {
    let path = directory.join(&planned.file.name);
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileChange::Written),
        Err(error) => return Err(CommandError::io("inspect", &path, error)),
        Ok(_) if planned.is_secret => return Ok(FileChange::Kept),
        Ok(_) => {}
    }
    let is_same = fs::read(&path).is_ok_and(|bytes| bytes == planned.file.text.as_bytes());
    match (is_same, force) {
        (true, _) => Ok(FileChange::Unchanged),
        (false, true) => Ok(FileChange::Replaced),
        (false, false) => {
            let message = format!("`{}` exists and differs", path.display());
            Err(CommandError::message(ExitStatus::Conflict, message)
                .hint("compare it with the output of the same command without `--output`")
                .hint("replace it with `--force`"))
        }
    }
}

/// Writes a new file next to the old one, with its final permissions from the start, and renames it.
fn place(directory: &Path, planned: &Planned) -> io::Result<()> {
    let unfinished = directory.join(format!(".{}.reproq-new", planned.file.name));
    let _ = fs::remove_file(&unfinished);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, planned.mode);
    let mut file = options.open(&unfinished)?;
    let written = file.write_all(planned.file.text.as_bytes()).and_then(|()| file.sync_all());
    written.and_then(|()| fs::rename(&unfinished, directory.join(&planned.file.name))).inspect_err(|_| {
        let _ = fs::remove_file(&unfinished);
    })
}
