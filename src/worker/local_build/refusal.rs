//! Why a build is not started.

use std::path::PathBuf;

use thiserror::Error;

use crate::model::Tag;
use crate::model::Target;
use crate::worker::local_build::request::GoVersion;

/// Why a build is not started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum BuildRefusal {
    /// The output path is relative.
    #[error("the build needs an absolute output path, found {0}")]
    RelativeOutput(PathBuf),
    /// The checkout is another module.
    #[error("expected the source of the Go module `{expected}` in {directory}, found the module `{found}`")]
    OtherModule {
        /// The checkout.
        directory: PathBuf,
        /// The expected module.
        expected: String,
        /// The module found.
        found: String,
    },
    /// The module is right, but lacks the program.
    #[error("expected the Go package {package} in {directory}, found none")]
    NoPackage {
        /// The checkout.
        directory: PathBuf,
        /// The package, relative to the checkout.
        package: String,
    },
    /// The source is not the requested release.
    #[error("{wanted} was requested, but the source in {directory} is version {found}")]
    OtherVersion {
        /// The checkout.
        directory: PathBuf,
        /// The requested release.
        wanted: Tag,
        /// The version of the source.
        found: String,
    },
    /// There is no Go toolchain.
    #[error("a local build needs Go, but `go` was not found on PATH")]
    GoMissing {
        /// The directories searched.
        searched: Vec<PathBuf>,
        /// The minimum version, if stated by `go.mod`.
        required: Option<GoVersion>,
    },
    /// The `go` command does not work.
    #[error("{program} does not work as Go: {reason}")]
    GoUnusable {
        /// The file.
        program: PathBuf,
        reason: String,
    },
    /// The toolchain is older than the source requires.
    #[error("{directory} needs Go {required} or newer, found Go {found} ({program})")]
    GoTooOld {
        /// The checkout.
        directory: PathBuf,
        /// The version required by its `go.mod`.
        required: GoVersion,
        /// The version of the toolchain.
        found: GoVersion,
        /// The toolchain's `go` command.
        program: PathBuf,
    },
    /// The toolchain is too old for the target.
    #[error("building for {target} needs Go {required} or newer, found Go {found} ({program})")]
    TargetTooNew {
        target: Target,
        /// The first Go version that supports it.
        required: GoVersion,
        /// The version of the toolchain.
        found: GoVersion,
        /// The toolchain's `go` command.
        program: PathBuf,
    },
}
