//! The paths of one installation. Pure.

use std::path::Path;
use std::path::PathBuf;

use crate::release::Sha256Digest;
use crate::release::Target;
use crate::release::Tool;

/// Where everything of one installation lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The folder with the receipts, the lock and the staging folder.
    pub home: PathBuf,
    /// The binary.
    pub binary: PathBuf,
}

impl Layout {
    /// The place inside a project, where Django and Docker look.
    pub fn in_project(root: &Path, tool: &Tool, target: Target) -> Self {
        let home = root.join(".reproq");
        let binary = home.join("bin").join(tool.installed_name(target));
        Self { home, binary }
    }

    /// A place of the user's choice. What belongs to it lies in a hidden folder beside it, on the same file system.
    pub fn elsewhere(binary: PathBuf) -> Self {
        let mut name = std::ffi::OsString::from(".");
        name.push(binary.file_name().unwrap_or_default());
        name.push(".reproq");
        Self { home: binary.with_file_name(name), binary }
    }

    /// What is being downloaded or unpacked.
    pub fn staging(&self) -> PathBuf {
        self.home.join("staging")
    }

    /// The receipts, named by the digest of the binary they are about.
    pub fn receipts(&self) -> PathBuf {
        self.home.join("receipts")
    }

    /// The receipt of a binary.
    pub fn receipt(&self, sha256: &Sha256Digest) -> PathBuf {
        self.receipts().join(format!("{sha256}.json"))
    }

    /// The lock that named a binary when it was installed.
    pub fn kept_lock(&self, sha256: &Sha256Digest) -> PathBuf {
        self.receipts().join(format!("{sha256}.lock"))
    }

    /// The signed proofs of where a binary comes from.
    pub fn proofs(&self, sha256: &Sha256Digest) -> PathBuf {
        self.receipts().join(format!("{sha256}.proofs"))
    }

    /// Binaries that were installed before.
    pub fn previous(&self) -> PathBuf {
        self.home.join("previous")
    }

    /// Where a binary is kept once another takes its place.
    pub fn kept(&self, sha256: &Sha256Digest) -> PathBuf {
        self.previous().join(sha256.to_string()).join(self.binary.file_name().unwrap_or_default())
    }

    /// Which binary is installed and which came before.
    pub fn state(&self) -> PathBuf {
        self.home.join("state.json")
    }

    /// The lock.
    pub fn lock(&self) -> PathBuf {
        self.home.join("lock")
    }
}
