//! The paths of one installation. Pure.

use std::ffi::OsStr;
use std::path::Path;
use std::path::PathBuf;

use crate::model::Sha256Digest;
use crate::model::Target;
use crate::model::Tool;

/// File names in the store's directory.
pub(super) const RECEIPTS: &str = "receipts";
pub(super) const PREVIOUS: &str = "previous";
pub(super) const STAGING: &str = "staging";
pub(super) const STATE: &str = "state.json";
pub(super) const LOCK: &str = "lock";
pub(super) const IGNORE: &str = ".gitignore";
/// The name of [`IGNORE`] while it is written.
pub(super) const IGNORE_UNFINISHED: &str = ".gitignore.new";

/// The paths of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The directory with the receipts, the lock and the staging directory.
    pub home: PathBuf,
    pub binary: PathBuf,
}

impl Layout {
    /// The layout inside a project, where Django and Docker look.
    pub fn in_project(root: &Path, tool: &Tool, target: Target) -> Self {
        let home = root.join(".reproq");
        let binary = home.join("bin").join(tool.installed_name(target));
        Self { home, binary }
    }

    /// A layout for a path chosen by the user. The store is a hidden directory next to it, on the same file system.
    pub fn elsewhere(binary: PathBuf) -> Self {
        let mut name = std::ffi::OsString::from(".");
        name.push(binary.file_name().unwrap_or_default());
        name.push(".reproq");
        Self { home: binary.with_file_name(name), binary }
    }

    /// The parent of the store: the project, or the directory of the binary.
    pub fn root(&self) -> &Path {
        self.home.parent().filter(|root| !root.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// The name of the store's directory.
    pub(super) fn home_name(&self) -> &OsStr {
        self.home.file_name().unwrap_or_default()
    }

    /// The name of the binary's directory in the store; `None` if it is the store's parent.
    pub(super) fn bin_name(&self) -> Option<&str> {
        let bin = self.binary.parent().filter(|bin| bin.parent() == Some(&self.home))?;
        bin.file_name()?.to_str()
    }

    /// The binary's file name.
    pub(super) fn binary_name(&self) -> &OsStr {
        self.binary.file_name().unwrap_or_default()
    }

    /// Files being downloaded or unpacked.
    pub fn staging(&self) -> PathBuf {
        self.home.join(STAGING)
    }

    /// The receipts, named by the digests of their binaries.
    pub fn receipts(&self) -> PathBuf {
        self.home.join(RECEIPTS)
    }

    /// The receipt of a binary.
    pub fn receipt(&self, sha256: &Sha256Digest) -> PathBuf {
        self.receipts().join(format!("{sha256}.json"))
    }

    /// The lockfile that pinned a binary when it was installed.
    pub fn kept_lock(&self, sha256: &Sha256Digest) -> PathBuf {
        self.receipts().join(format!("{sha256}.lock"))
    }

    /// The attestations of a binary.
    pub fn proofs(&self, sha256: &Sha256Digest) -> PathBuf {
        self.receipts().join(format!("{sha256}.proofs"))
    }

    /// Previously installed binaries.
    pub fn previous(&self) -> PathBuf {
        self.home.join(PREVIOUS)
    }

    /// The path of a binary that was replaced.
    pub fn kept(&self, sha256: &Sha256Digest) -> PathBuf {
        self.previous().join(sha256.to_string()).join(self.binary.file_name().unwrap_or_default())
    }

    /// Which binary is current and which was the previous one.
    pub fn state(&self) -> PathBuf {
        self.home.join(STATE)
    }

    pub fn lock(&self) -> PathBuf {
        self.home.join(LOCK)
    }
}
