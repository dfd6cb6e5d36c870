//! Why a build is not begun: what was wanted, and what was found instead.

use std::path::PathBuf;

use thiserror::Error;

use crate::model::Tag;
use crate::model::Target;
use crate::worker::local_build::request::GoVersion;

/// Why a build is not begun.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BuildRefusal {
    /// The file to write is named relative to a directory nobody fixed.
    #[error("the build needs an absolute path to write to, found {0}")]
    RelativeOutput(PathBuf),
    /// The checkout is of something else.
    #[error("expected the source of the Go module `{expected}` in {directory}, found the module `{found}`")]
    OtherModule {
        /// The checkout.
        directory: PathBuf,
        /// The module that is wanted.
        expected: String,
        /// The module that is there.
        found: String,
    },
    /// The module is right, the program is not in it.
    #[error("expected the Go package {package} in {directory}, found none")]
    NoPackage {
        /// The checkout.
        directory: PathBuf,
        /// The package, relative to the checkout.
        package: String,
    },
    /// The source is not the release that was asked for.
    #[error("wanted {wanted}, but the source in {directory} is version {found}")]
    OtherVersion {
        /// The checkout.
        directory: PathBuf,
        /// The release that was asked for.
        wanted: Tag,
        /// What the source says it is.
        found: String,
    },
    /// There is no Go toolchain.
    #[error("a local build needs Go, and no `go` was found on PATH")]
    GoMissing {
        /// Where it was looked for.
        searched: Vec<PathBuf>,
        /// The least version that would do, where `go.mod` says.
        required: Option<GoVersion>,
    },
    /// What is called `go` is not a working toolchain.
    #[error("{program} does not work as Go: {reason}")]
    GoUnusable {
        /// The file.
        program: PathBuf,
        /// What it did.
        reason: String,
    },
    /// The toolchain is older than the source asks for.
    #[error("{directory} needs Go {required} or newer, found Go {found} ({program})")]
    GoTooOld {
        /// The checkout.
        directory: PathBuf,
        /// What its `go.mod` asks for.
        required: GoVersion,
        /// What the toolchain is.
        found: GoVersion,
        /// The toolchain's `go` command.
        program: PathBuf,
    },
    /// The toolchain is too old to build for the target, whatever the source asks for.
    #[error("building for {target} needs Go {required} or newer, found Go {found} ({program})")]
    TargetTooNew {
        /// The machine to build for.
        target: Target,
        /// The first Go that knows it.
        required: GoVersion,
        /// What the toolchain is.
        found: GoVersion,
        /// The toolchain's `go` command.
        program: PathBuf,
    },
}
