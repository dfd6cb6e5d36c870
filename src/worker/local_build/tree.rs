//! Lists the files that belong to a checkout's source, so that it can be built elsewhere without a module proxy.
#![expect(clippy::disallowed_methods, reason = "checkouts are listed here")]

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use thiserror::Error;

use crate::model::Tag;
use crate::model::Tool;
use crate::model::progress::Progress;
use crate::worker::local_build::BuildError;
use crate::worker::local_build::BuildRefusal;
use crate::worker::local_build::CheckoutError;
use crate::worker::local_build::GitFacts;
use crate::worker::local_build::GitUnknown;
use crate::worker::local_build::SourceFacts;
use crate::worker::local_build::environment::Environment;
use crate::worker::local_build::git::tracked_files;
use crate::worker::local_build::plan::check_source;
use crate::worker::local_build::vendor::vendored;

/// The directory of vendored modules.
pub(super) const VENDOR: &str = "vendor";

/// Directories that are never part of a source; used without a repository.
const LITTER_DIRECTORIES: [&str; 9] =
    [".git", ".hg", ".svn", ".reproq", ".idea", ".vscode", ".venv", "__pycache__", "node_modules"];

/// Suffixes of files that are never part of a source.
const LITTER_ENDINGS: [&str; 6] = [".test", ".log", ".swp", "~", ".pyc", ".DS_Store"];

/// The requested source.
#[derive(Debug)]
pub(crate) struct TreeRequest<'a> {
    /// The checkout.
    pub source: &'a Path,
    pub tool: Tool,
    /// The expected release, if the source declares its version.
    pub wanted_tag: Option<&'a Tag>,
    /// Whether network access is disabled.
    pub offline: bool,
    /// An empty directory for generated files.
    pub staging: &'a Path,
    /// The name of the built executable, which is excluded everywhere.
    pub leave_out: &'a [&'a Path],
    /// Whether this is a dry run: modules are looked up but not collected.
    pub preview: bool,
}

/// A source that can be built elsewhere.
#[derive(Debug)]
pub(crate) struct SourceTree {
    /// The version it declares.
    pub version: Option<String>,
    /// Its commit, if known to git.
    pub commit: Option<String>,
    /// Whether it differs from the commit, if known to git.
    pub dirty: Option<bool>,
    /// Whether it vendors required modules.
    pub vendored: bool,
    /// Its files, by path.
    pub files: Vec<TreeFile>,
}

/// One file of a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TreeFile {
    /// Its path in the source, with slashes.
    pub path: String,
    /// Its path on disk.
    pub file: PathBuf,
    /// Whether it is executable by its owner.
    pub executable: bool,
}

/// Why a source cannot be collected.
#[derive(Debug, Error)]
pub(crate) enum TreeError {
    /// The checkout cannot be read.
    #[error(transparent)]
    Source(#[from] CheckoutError),
    /// It is not the requested source, or Go is needed and missing.
    #[error(transparent)]
    Refused(#[from] BuildRefusal),
    /// Its modules cannot be collected.
    #[error("cannot collect the modules required by {directory}", directory = directory.display())]
    Modules {
        /// The checkout.
        directory: PathBuf,
        source: BuildError,
    },
    /// Its module lists are incomplete.
    #[error("`go mod vendor` would change go.mod or go.sum of {directory}", directory = directory.display())]
    Untidy {
        /// The checkout.
        directory: PathBuf,
    },
    /// It is a repository, but git cannot list its tracked files.
    #[error("cannot determine which files belong to {directory}: {reason}", directory = directory.display())]
    Git {
        /// The checkout.
        directory: PathBuf,
        reason: GitUnknown,
    },
    /// A link that leads out of it, or to a directory.
    #[error("{path} is a link to something that is not a file of the source", path = path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A pipe, a socket, or a nested repository.
    #[error("{path} is {what}, which cannot be included", path = path.display())]
    Special { path: PathBuf, what: &'static str },
    /// A file system error.
    #[error("failed to read {path}", path = path.display())]
    Unreadable {
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// Lists the files of a source: those tracked by git, with their current content, or without git all except known clutter; and
/// the required modules, from its own `vendor/` directory if complete, else from `go mod vendor` in a copy. The checkout is not
/// modified.
pub(crate) fn source_tree(
    request: &TreeRequest<'_>,
    environment: &Environment,
    progress: &dyn Progress,
    given_up: &dyn Fn() -> bool,
) -> Result<SourceTree, TreeError> {
    let facts = SourceFacts::read(request.source, &request.tool, environment)?;
    check_source(&request.tool, request.wanted_tag, &facts)?;
    let mut files = own_files(request, &facts, environment)?;
    let modules = vendored(request, &facts, &files, environment, progress, given_up)?;
    let is_vendored = modules.is_some();
    files.extend(modules.unwrap_or_default());
    files.sort();
    Ok(SourceTree {
        version: facts.version.clone(),
        commit: facts.git.commit().map(str::to_owned),
        dirty: facts.git.dirty(),
        vendored: is_vendored,
        files,
    })
}

/// Everything except the required modules.
fn own_files(
    request: &TreeRequest<'_>,
    facts: &SourceFacts,
    environment: &Environment,
) -> Result<Vec<TreeFile>, TreeError> {
    let directory = &facts.directory;
    let tree = Tree::of(directory, request.leave_out, &request.tool)?;
    let by_git = match &facts.git {
        GitFacts::Known { .. } | GitFacts::Unknown(GitUnknown::NoCommit) => true,
        GitFacts::Unknown(GitUnknown::NotARepository | GitUnknown::NotTracked) => false,
        GitFacts::Unknown(reason @ (GitUnknown::NoGit | GitUnknown::NotTrusted | GitUnknown::Failed(_))) => {
            // Untracked files in a working tree must not be shipped by mistake.
            if fs::symlink_metadata(directory.join(".git")).is_ok() {
                return Err(TreeError::Git { directory: directory.clone(), reason: reason.clone() });
            }
            false
        }
    };
    let mut files = Vec::new();
    if !by_git {
        tree.walk(directory, "", &mut files)?;
        return Ok(files);
    }
    let tracked = tracked_files(directory, environment);
    for path in tracked.map_err(|reason| TreeError::Git { directory: directory.clone(), reason })? {
        let is_module = path.split('/').next() == Some(VENDOR);
        if !is_module {
            files.extend(tree.file(directory.join(&path), path)?);
        }
    }
    Ok(files)
}

/// A directory whose files are listed.
pub(super) struct Tree<'a> {
    /// Its canonical path.
    real: PathBuf,
    leave_out: &'a [&'a Path],
    executable: &'static str,
}

impl<'a> Tree<'a> {
    pub(super) fn of(directory: &Path, leave_out: &'a [&'a Path], tool: &Tool) -> Result<Self, TreeError> {
        let real = fs::canonicalize(directory);
        let real = real.map_err(|source| TreeError::Unreadable { path: directory.to_owned(), source })?;
        Ok(Self { real, leave_out, executable: tool.executable })
    }

    /// Everything below a directory except known clutter. `below` is its path in the source, with a trailing slash.
    pub(super) fn walk(&self, directory: &Path, below: &str, files: &mut Vec<TreeFile>) -> Result<(), TreeError> {
        let unreadable = |source| TreeError::Unreadable { path: directory.to_owned(), source };
        for entry in fs::read_dir(directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_directory = entry.file_type().map_err(unreadable)?.is_dir();
            if self.is_litter(&name, is_directory, below.is_empty()) || self.is_left_out(&entry.path()) {
                continue;
            }
            let path = format!("{below}{name}");
            if is_directory {
                self.walk(&entry.path(), &format!("{path}/"), files)?;
            } else {
                files.extend(self.file(entry.path(), path)?);
            }
        }
        Ok(())
    }

    /// One file; `None` if git tracks it but it was deleted. A link to a file of the source becomes a copy of that file.
    fn file(&self, file: PathBuf, path: String) -> Result<Option<TreeFile>, TreeError> {
        let metadata = match fs::symlink_metadata(&file) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(TreeError::Unreadable { path: file, source }),
        };
        if self.is_left_out(&file) {
            return Ok(None);
        }
        if metadata.is_symlink() {
            let target = fs::canonicalize(&file).ok().filter(|target| target.starts_with(&self.real));
            return match target.as_deref().map(fs::metadata) {
                Some(Ok(metadata)) if metadata.is_file() => {
                    Ok(Some(TreeFile { path, file, executable: is_executable(&metadata) }))
                }
                Some(_) | None => Err(TreeError::Link { path: file }),
            };
        }
        match (metadata.is_file(), metadata.is_dir()) {
            (true, _) => Ok(Some(TreeFile { path, file, executable: is_executable(&metadata) })),
            (false, true) => Err(TreeError::Special { path: file, what: "a repository of its own (a submodule)" }),
            (false, false) => Err(TreeError::Special { path: file, what: "neither a file nor a directory" }),
        }
    }

    fn is_left_out(&self, path: &Path) -> bool {
        let is_it = |other: &&Path| {
            path.file_name() == other.file_name() && same_file::is_same_file(path, other).unwrap_or(false)
        };
        self.leave_out.iter().any(is_it)
    }

    fn is_litter(&self, name: &str, is_directory: bool, is_top: bool) -> bool {
        let is_built = name == self.executable || name.strip_suffix(".exe") == Some(self.executable);
        // Local environment files often contain passwords.
        let is_private = name == ".env" || name.starts_with(".env.");
        match is_directory {
            true => LITTER_DIRECTORIES.contains(&name) || (is_top && name == VENDOR),
            false => is_private || (is_top && is_built) || LITTER_ENDINGS.iter().any(|ending| name.ends_with(ending)),
        }
    }
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_metadata: &fs::Metadata) -> bool {
    false
}
