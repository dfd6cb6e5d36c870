//! Why an installation did not happen. In every case what was installed before is as it was.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::config::Server;
use crate::flows::install::Disagreement;
use crate::flows::install::Fallback;
use crate::flows::install::ResolveError;
use crate::io::fs::LockError;
use crate::lockfile::LockfileError;
use crate::lockfile::Signer;
use crate::model::Asset;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::sources::mirror::SyncRefusal;
use crate::sources::source::Source;
use crate::sources::source::SourceError;
use crate::trust::VerifyError;
use crate::trust::attestation::Mismatch;
use crate::trust::attestation::NotProven;
use crate::trust::trusted_roots::TrustedRootsError;
use crate::worker::archive::ArchiveError;
use crate::worker::executable::InspectError;
use crate::worker::executable::PreflightError;
use crate::worker::executable::SmokeError;
use crate::worker::executable::VersionMismatch;
use crate::worker::local_build::BuildError;
use crate::worker::local_build::PrepareError;
use crate::worker::local_build::SourceOrigin;
use crate::worker::store::StoreError;

/// A failed installation.
#[derive(Debug, Error)]
pub enum InstallError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another installation holds the lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Somebody removed what the installation needs while it ran.
    #[error("`{path}` was removed while the installation ran", path = path.display())]
    PulledAway {
        /// What was removed.
        path: PathBuf,
    },
    /// Something is in a place of the store that is neither replaced nor followed.
    #[error("`{path}` is {what}, where {place} belongs", path = path.display())]
    InTheWay {
        /// The place.
        path: PathBuf,
        /// What is there.
        what: &'static str,
        /// What belongs there.
        place: &'static str,
    },
    /// This command itself is where the worker would go.
    #[error("`{path}` is this command itself, or a copy of it, and is never replaced", path = path.display())]
    ThisCommand {
        /// The file.
        path: PathBuf,
    },
    /// A file that this program did not install is where the worker would go.
    #[error("`{path}` is a file that reproq did not install", path = path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The project's lock cannot be read.
    #[error(transparent)]
    Lockfile(#[from] LockfileError),
    /// The project's lock is no longer what `--locked` can obey, or what the bundle is of.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
    /// A release stays as it is in a mirror.
    #[error("{tag} is not mirrored: {refusal}")]
    NotMirrored {
        /// The release.
        tag: Tag,
        /// Why.
        refusal: SyncRefusal,
    },
    /// The release cannot be found.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What the lock names is no longer what its release has.
    #[error("{drift}")]
    Drift {
        /// What became of it.
        drift: Drift,
    },
    /// There is no binary to go back to.
    #[error("there is no previous binary to go back to: {why}")]
    NoPrevious {
        /// Why.
        why: &'static str,
    },
    /// The kept binary is no longer what it was.
    #[error(
        "the previous binary `{path}` changed since it was kept: its sha256 is {found}, its receipt says {expected}",
        path = path.display()
    )]
    PreviousChanged {
        /// The kept binary.
        path: PathBuf,
        /// What its receipt says.
        expected: Sha256Digest,
        /// What it is.
        found: Sha256Digest,
    },
    /// The repository has releases, and none of them names a version; or it has none at all.
    #[error("{repository} has no release that names a version on {server}")]
    NoVersions {
        /// The repository.
        repository: RepoSlug,
        /// Who was asked, and what selected it.
        server: String,
    },
    /// What was asked for needs the network.
    #[error("which release there is cannot be found out without the network (--offline)")]
    Offline,
    /// Several places were tried, and none could serve.
    #[error("no place that was tried could serve")]
    Everywhere {
        /// Each place with what happened there, in the order they were tried.
        tried: Vec<(String, InstallError)>,
    },
    /// The release cannot serve, and a build would not help.
    #[error(transparent)]
    Resolve(ResolveError),
    /// The asset cannot be downloaded.
    #[error("failed to download {asset}")]
    Download {
        /// The asset.
        asset: String,
        /// Why.
        source: SourceError,
    },
    /// The bytes are not accepted.
    #[error("{asset} was not accepted")]
    Verify {
        /// The asset.
        asset: String,
        /// Why.
        source: VerifyError,
    },
    /// Signatures for it are there, and none holds.
    #[error("what is signed about {asset} of {tag} does not prove it")]
    NotProven {
        /// The asset.
        asset: String,
        /// Its release.
        tag: Tag,
        /// Why.
        source: NotProven,
    },
    /// Somebody else signed for it than the lock records.
    #[error(
        "{asset} of {tag} was signed by somebody else than reproq.lock records{}: {}",
        for_release(locked),
        mismatches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    OtherSigner {
        /// The asset.
        asset: String,
        /// Its release.
        tag: Tag,
        /// The release the lock records the signer of.
        locked: Option<Tag>,
        /// Who that is.
        signer: Box<Signer>,
        /// What differs.
        mismatches: Vec<Mismatch>,
    },
    /// Nobody signed for it as the lock records somebody did, or that could not be found out.
    #[error(
        "nothing proves that {signer} signed for {asset} of {tag}, as reproq.lock records{}: {found}",
        for_release(locked)
    )]
    LessThanLocked {
        /// The asset.
        asset: String,
        /// Its release.
        tag: Tag,
        /// The release the lock records the signer of.
        locked: Option<Tag>,
        /// Who that is.
        signer: Box<Signer>,
        /// What was found instead.
        found: String,
        /// Whether nobody could be asked, as opposed to nobody having signed.
        not_queried: bool,
        /// Whether asking again later may help.
        transient: bool,
    },
    /// Whether somebody signed could not be found out, where another asset of the release is signed for.
    #[error("whether {signer} signed for {asset} of {tag} too could not be found out: {reason}")]
    NotAsked {
        /// The asset.
        asset: String,
        /// Its release.
        tag: Tag,
        /// Who signed for the other.
        signer: Box<Signer>,
        /// Why not.
        reason: String,
        /// Whether asking again later may help.
        transient: bool,
    },
    /// Two assets of one release are signed for by different workflows.
    #[error("{asset} of {tag} was signed by {other}, and another asset by {first}: a lock has one signer")]
    SeveralSigners {
        /// The asset.
        asset: String,
        /// Its release.
        tag: Tag,
        /// Who signed for the first.
        first: Box<Signer>,
        /// Who signed for this one.
        other: Box<Signer>,
    },
    /// The settings name one workflow and the lock another.
    #[error("reproq.lock records that {recorded} signed, and {wanted} is wanted")]
    TwoWorkflows {
        /// What is wanted.
        wanted: String,
        /// What is recorded.
        recorded: String,
    },
    /// What would come back is proven less well than the lock records.
    #[error(
        "{label}, which would come back, is not proven to be signed by {signer}, as reproq.lock records{}: {reason}",
        for_release(locked)
    )]
    LessComesBack {
        /// What would come back.
        label: String,
        /// The release the lock records the signer of.
        locked: Option<Tag>,
        /// Who that is.
        signer: Box<Signer>,
        /// Why.
        reason: String,
    },
    /// The trusted roots cannot be used.
    #[error(transparent)]
    TrustedRoots(#[from] TrustedRootsError),
    /// The archive is not accepted.
    #[error("failed to unpack {asset}")]
    Archive {
        /// The asset.
        asset: String,
        /// Why.
        source: ArchiveError,
    },
    /// The executable cannot be read.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The executable cannot run here, or is not the worker.
    #[error("{name} cannot be installed")]
    Preflight {
        /// What was to be installed.
        name: String,
        /// Why.
        source: PreflightError,
    },
    /// The executable does not run.
    #[error("{name} does not run")]
    Smoke {
        /// What was to be installed.
        name: String,
        /// Why.
        source: SmokeError,
    },
    /// The executable is another version than its tag says.
    #[error("{name} is not what its release says")]
    Version {
        /// What was to be installed.
        name: String,
        /// Both versions.
        source: VersionMismatch,
    },
    /// The release cannot serve, and no build may or can take its place.
    #[error("no worker could be installed: {fallback}, and {build}")]
    NothingServes {
        /// Why the release cannot serve.
        fallback: Fallback,
        /// Why no build can.
        build: NoBuild,
    },
    /// The build cannot be begun.
    #[error("the worker cannot be built{}", in_place_of_a_download(because))]
    Prepare {
        /// Why a build.
        because: Fallback,
        /// Why not.
        source: PrepareError,
    },
    /// The build failed.
    #[error("the worker could not be built{}", in_place_of_a_download(because))]
    Build {
        /// Why a build.
        because: Fallback,
        /// What happened.
        source: BuildError,
    },
    /// Something about the staged file failed.
    #[error("failed to {doing}")]
    Staging {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl InstallError {
    /// That no source has the release, to a command that cannot build instead.
    pub(super) fn without_a_release(fallback: Fallback) -> Self {
        match fallback {
            Fallback::Offline { .. } => Self::Offline,
            Fallback::NoAsset { .. }
            | Fallback::NotInBundle { .. }
            | Fallback::NotInMirror { .. }
            | Fallback::Unreachable { .. }
            | Fallback::Asked
            | Fallback::RepairsBuild => Self::Resolve(ResolveError::Fallback(fallback)),
        }
    }

    /// Whether a program that was started failed, and not this one.
    pub const fn is_of_a_child(&self) -> bool {
        matches!(self, Self::Smoke { .. } | Self::Build { .. } | Self::Prepare { .. })
    }

    /// An asset that an origin did not give. A bundle is a file like any other, and what a mirror says names the asset.
    pub(super) fn fetching(asset: &Asset, error: SourceError) -> Self {
        match error {
            SourceError::Bundle { .. } | SourceError::Mirror { .. } => Self::Source(error),
            SourceError::Api(_) | SourceError::Net(_) => Self::Download { asset: asset.name.clone(), source: error },
        }
    }

    /// An origin that did not serve; one that nobody could reach may be replaced by a build.
    pub(super) fn at(source: &Source, error: SourceError) -> Self {
        if !error.is_unreachable() {
            return Self::Source(error);
        }
        let fallback = Fallback::Unreachable { place: source.name(), reason: error.to_string() };
        Self::Resolve(ResolveError::Fallback(fallback))
    }
}

/// What became of an asset since it was locked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Drift {
    /// The release has other bytes under its name.
    #[error(
        "the asset {name} of {tag} changed on GitHub since it was locked: sha256 {locked} is locked, GitHub now states {now}"
    )]
    Changed {
        /// The release.
        tag: Tag,
        /// The asset.
        name: String,
        /// What is locked.
        locked: Sha256Digest,
        /// What the release has.
        now: Sha256Digest,
    },
    /// A mirror has other bytes under its name.
    #[error(
        "the mirror {mirror} has another {name} of {tag} than reproq.lock names: sha256 {locked} is locked, the mirror's index states {now}"
    )]
    InMirror {
        /// What people call the mirror.
        mirror: String,
        /// The release.
        tag: Tag,
        /// The asset.
        name: String,
        /// What is locked.
        locked: Sha256Digest,
        /// What the mirror's index states.
        now: Sha256Digest,
    },
    /// The release is still there, and the asset is not.
    #[error("the asset {name} of {tag} was not found on {server}: it was removed since it was locked")]
    AssetGone {
        /// The release.
        tag: Tag,
        /// The asset.
        name: String,
        /// Who was asked, and what selected it.
        server: String,
    },
    /// The release is not there: it was pruned, or another server has it.
    #[error("{tag}, which reproq.lock names, was not found on {server}")]
    NoRelease {
        /// The release.
        tag: Tag,
        /// Who was asked, and what selected it.
        server: Box<Server>,
    },
}

impl Drift {
    /// Other bytes than are locked, as this place states them.
    pub(super) fn at(source: &Source, tag: Tag, name: String, locked: Sha256Digest, now: Sha256Digest) -> Self {
        match source {
            Source::Mirror(mirror) => Self::InMirror { mirror: mirror.name(), tag, name, locked, now },
            Source::GitHub(_) | Source::Bundle(_) => Self::Changed { tag, name, locked, now },
        }
    }
}

impl InstallError {
    /// The lines that belong to it: what a build printed last, or what happened at each place that was tried.
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other failure has lines of its own")]
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Build {
                source: BuildError::Failed { lines, .. } | BuildError::ModulesMissing { lines, .. }, ..
            } => lines.clone(),
            Self::Everywhere { tried } => tried.iter().map(|(place, error)| error.told_of(place)).collect(),
            _ => Vec::new(),
        }
    }

    /// What happened at a place, which is named once.
    pub(super) fn told_of(&self, place: &str) -> String {
        let told = self.with_causes();
        if told.starts_with(place) { told } else { format!("{place}: {told}") }
    }

    pub(super) fn with_causes(&self) -> String {
        let causes = std::iter::successors(Some(self as &dyn std::error::Error), |error| error.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }
}

fn for_release(locked: &Option<Tag>) -> String {
    locked.as_ref().map(|tag| format!(" for {tag}")).unwrap_or_default()
}

/// Why a build at all, unless the user asked for one.
fn in_place_of_a_download(because: &Fallback) -> String {
    match because {
        Fallback::Asked | Fallback::RepairsBuild => String::new(),
        Fallback::NoAsset { .. }
        | Fallback::NotInBundle { .. }
        | Fallback::NotInMirror { .. }
        | Fallback::Unreachable { .. }
        | Fallback::Offline { .. } => {
            format!(" in place of a download ({because})")
        }
    }
}

/// Why no local build takes the place of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoBuild {
    /// The user does not want one.
    Forbidden,
    /// There is no checkout.
    NoCheckout {
        /// Where one was looked for.
        looked: Vec<(SourceOrigin, PathBuf)>,
    },
    /// A release is required, and a build is less than that.
    BelowRequired,
    /// The lock names a release's bytes for this machine.
    Locked,
    /// The lock records who signed for the release, and nobody signs for a build.
    Signed,
}

impl fmt::Display for NoBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "a local build is not wanted (--no-build)",
            Self::NoCheckout { .. } => "there is no checkout to build from",
            Self::Locked => "a local build is not what reproq.lock names",
            Self::Signed => "a local build is less than reproq.lock records, which names who signed for the release",
            Self::BelowRequired => "a local build is proven less well than is required",
        })
    }
}
