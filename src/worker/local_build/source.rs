//! Reads facts about a checkout: its `go.mod`, its package, its version, and its commit.
#![expect(clippy::disallowed_methods, reason = "checkouts are read here")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use thiserror::Error;

use crate::io::fs::bounded_read::read_text;
use crate::model::Tool;
use crate::worker::local_build::environment::Environment;
use crate::worker::local_build::git::GitFacts;
use crate::worker::local_build::git::git_facts;
use crate::worker::local_build::go_mod::GoMod;
use crate::worker::local_build::go_mod::GoModError;
use crate::worker::local_build::go_mod::parse_go_mod;
use crate::worker::local_build::go_mod::version_constant;

/// Larger than any handwritten source file; larger ones are not read.
const TEXT_LIMIT: u64 = 4 * 1024 * 1024;

/// The facts about a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFacts {
    pub directory: PathBuf,
    /// Its `go.mod`.
    pub go_mod: GoMod,
    /// Whether the tool's package exists and has Go files.
    pub has_package: bool,
    /// Whether it vendors the modules it requires (`vendor/modules.txt`).
    pub vendored: bool,
    /// The version its main package declares; absent if it declares none, or several different ones.
    pub version: Option<String>,
    /// What git knows about it.
    pub git: GitFacts,
}

/// Why a checkout cannot be used.
#[derive(Debug, Error)]
pub(crate) enum CheckoutError {
    /// It does not exist.
    #[error("expected a checkout at {0}, found nothing")]
    Missing(PathBuf),
    /// It is not a directory.
    #[error("expected a checkout at {0}, found a file")]
    NotADirectory(PathBuf),
    /// It is not a Go module.
    #[error("expected the source of a Go module in {0}, found no go.mod")]
    NoGoMod(PathBuf),
    /// Its `go.mod` is invalid.
    #[error("failed to parse {path}")]
    BadGoMod {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: GoModError,
    },
    /// A file system error.
    #[error("failed to read {path}")]
    Unreadable {
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl SourceFacts {
    /// Reads a checkout. Runs git, if installed, and changes nothing.
    pub(crate) fn read(directory: &Path, tool: &Tool, environment: &Environment) -> Result<Self, CheckoutError> {
        match fs::metadata(directory) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(CheckoutError::NotADirectory(directory.to_owned())),
            Err(error) if is_absent(&error) => return Err(CheckoutError::Missing(directory.to_owned())),
            Err(source) => return Err(CheckoutError::Unreadable { path: directory.to_owned(), source }),
        }
        let path = directory.join("go.mod");
        let text = match read_text(&path, TEXT_LIMIT) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Err(CheckoutError::NoGoMod(directory.to_owned())),
            Err(source) => return Err(CheckoutError::Unreadable { path, source }),
        };
        let go_mod = parse_go_mod(&text).map_err(|source| CheckoutError::BadGoMod { path, source })?;
        let files = go_files(&directory.join(tool.go_package))?;
        Ok(Self {
            directory: directory.to_owned(),
            go_mod,
            has_package: !files.is_empty(),
            vendored: directory.join("vendor/modules.txt").is_file(),
            version: declared_version(&files)?,
            git: git_facts(directory, environment),
        })
    }
}

/// The Go files of a package, without tests. A missing directory has none.
fn go_files(directory: &Path) -> Result<BTreeSet<PathBuf>, CheckoutError> {
    let unreadable = |source| CheckoutError::Unreadable { path: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(BTreeSet::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut files = BTreeSet::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        if name.ends_with(".go") && !name.ends_with("_test.go") && path.is_file() {
            files.insert(path);
        }
    }
    Ok(files)
}

/// The version these files declare; `None` if they declare different ones, because only Go knows which one is built.
fn declared_version(files: &BTreeSet<PathBuf>) -> Result<Option<String>, CheckoutError> {
    let mut versions = BTreeSet::new();
    for path in files {
        let text =
            read_text(path, TEXT_LIMIT).map_err(|source| CheckoutError::Unreadable { path: path.clone(), source })?;
        versions.extend(version_constant(&text));
    }
    Ok(if versions.len() == 1 { versions.pop_first() } else { None })
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::local_build::git::GitUnknown;
    use crate::worker::local_build::request::GoVersion;
    use crate::worker::local_build::samples::checkout;
    use crate::worker::local_build::samples::write;

    fn read(directory: &Path, environment: &Environment) -> Result<SourceFacts, CheckoutError> {
        SourceFacts::read(directory, &Tool::WORKER, environment)
    }

    #[test]
    fn a_checkout_is_read_into_facts() {
        let (_root, directory, environment) = checkout();
        let facts = read(&directory, &environment).expect("readable");
        assert_eq!(facts.directory, directory);
        let (module, go) = ("reproq-worker".to_owned(), GoVersion::parse("1.21"));
        assert_eq!(facts.go_mod, GoMod { module, go, toolchain: None, requires: false });
        assert_eq!((facts.has_package, facts.vendored, facts.version.as_deref()), (true, false, Some("0.0.144")));
        assert_eq!(facts.git, GitFacts::Unknown(GitUnknown::NotARepository));

        write(&directory.join("vendor/modules.txt"), "");
        write(&directory.join("cmd/reproq/other_test.go"), "package main\nconst Version = \"test\"");
        let facts = read(&directory, &environment).expect("readable");
        assert_eq!((facts.vendored, facts.version.as_deref()), (true, Some("0.0.144")));

        write(&directory.join("cmd/reproq/dev.go"), "//go:build !prod\npackage main\nconst Version = \"dev\"");
        assert_eq!(read(&directory, &environment).expect("readable").version, None);

        fs::remove_dir_all(directory.join("cmd")).expect("removed");
        assert!(!read(&directory, &environment).expect("readable").has_package);
    }

    #[test]
    fn a_directory_that_is_not_a_checkout_is_reported() {
        let (root, directory, environment) = checkout();
        let refused = |path: &Path| read(path, &environment).expect_err("refused");
        assert!(matches!(refused(&root.path().join("none")), CheckoutError::Missing(_)));
        assert!(matches!(refused(&directory.join("go.mod/below")), CheckoutError::Missing(_)));
        assert!(matches!(refused(&directory.join("go.mod")), CheckoutError::NotADirectory(_)));
        assert!(matches!(refused(root.path()), CheckoutError::NoGoMod(_)));
        write(&directory.join("go.mod"), "go 1.21");
        assert!(matches!(refused(&directory), CheckoutError::BadGoMod { .. }));
        fs::write(directory.join("go.mod"), b"module \xff").expect("written");
        assert!(matches!(refused(&directory), CheckoutError::Unreadable { .. }));
        fs::remove_file(directory.join("go.mod")).expect("removed");
        fs::create_dir(directory.join("go.mod")).expect("created");
        assert!(matches!(refused(&directory), CheckoutError::Unreadable { .. }));
    }
}
