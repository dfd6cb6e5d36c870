//! Which files of a checkout belong to its source, so that it can be built elsewhere without a module proxy.
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

/// The directory with the modules a source requires.
pub(super) const VENDOR: &str = "vendor";

/// Directories that are never part of a source, where no repository says what is.
const LITTER_DIRECTORIES: [&str; 9] =
    [".git", ".hg", ".svn", ".reproq", ".idea", ".vscode", ".venv", "__pycache__", "node_modules"];

/// Endings of files that are never part of a source.
const LITTER_ENDINGS: [&str; 6] = [".test", ".log", ".swp", "~", ".pyc", ".DS_Store"];

/// Which source is wanted.
#[derive(Debug)]
pub struct TreeRequest<'a> {
    /// The checkout.
    pub source: &'a Path,
    /// What it is the source of.
    pub tool: Tool,
    /// The release it must be of, if it says its version.
    pub wanted_tag: Option<&'a Tag>,
    /// Whether the network may not be used.
    pub offline: bool,
    /// An empty directory for what has to be made.
    pub staging: &'a Path,
    /// What does not belong to it wherever it lies: what is made of it.
    pub leave_out: &'a [&'a Path],
    /// Whether modules are only looked for and not brought along, because nothing is to be made.
    pub preview: bool,
}

/// A source, ready to be carried elsewhere.
#[derive(Debug)]
pub struct SourceTree {
    /// The version it declares.
    pub version: Option<String>,
    /// Its commit, where git could tell.
    pub commit: Option<String>,
    /// Whether it differs from the commit, where git could tell.
    pub dirty: Option<bool>,
    /// Whether it carries modules that it requires.
    pub vendored: bool,
    /// Its files, by path.
    pub files: Vec<TreeFile>,
}

/// One file of a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeFile {
    /// Its path below the source, with slashes.
    pub path: String,
    /// Where its bytes are.
    pub file: PathBuf,
    /// Whether its owner may run it.
    pub executable: bool,
}

/// Why a source cannot be carried elsewhere.
#[derive(Debug, Error)]
pub enum TreeError {
    /// The checkout cannot be read.
    #[error(transparent)]
    Source(#[from] CheckoutError),
    /// It is not what is wanted, or Go is needed and not there.
    #[error(transparent)]
    Refused(#[from] BuildRefusal),
    /// Its modules cannot be had.
    #[error("the modules that {directory} requires cannot be brought along", directory = directory.display())]
    Modules {
        /// The checkout.
        directory: PathBuf,
        /// Why not.
        source: BuildError,
    },
    /// Its list of modules is not complete.
    #[error("`go mod vendor` would change go.mod or go.sum of {directory}", directory = directory.display())]
    Untidy {
        /// The checkout.
        directory: PathBuf,
    },
    /// It is a repository, and git does not say which files it tracks.
    #[error("cannot tell which files belong to {directory}: {reason}", directory = directory.display())]
    Git {
        /// The checkout.
        directory: PathBuf,
        /// Why not.
        reason: GitUnknown,
    },
    /// A link that leads out of it, or to a directory.
    #[error("{path} is a link to something that is no file of the source", path = path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A pipe, a socket, or a repository inside the repository.
    #[error("{path} is {what}, which cannot be carried along", path = path.display())]
    Special {
        /// The path.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The file system says no.
    #[error("cannot read {path}", path = path.display())]
    Unreadable {
        /// What was to be read.
        path: PathBuf,
        /// Why it was not.
        source: io::Error,
    },
}

/// Lists the files of a source: what git tracks, as it is in the directory, or without git all but litter; and the modules it
/// requires, from its own `vendor/` directory where that is complete, else from `go mod vendor` in a copy. The checkout itself
/// is not changed.
pub fn source_tree(
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

/// Everything but the modules it requires.
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
            // Whatever lies around in a working tree is not to be handed on by mistake.
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
    /// With all links followed.
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

    /// Everything below a directory but litter. `below` is its path below the source, with a slash at its end.
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

    /// One file; none where git tracks it and it was removed. A link to a file of the source becomes a copy of that.
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
        // Variables of somebody's machine: passwords, more often than not.
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
