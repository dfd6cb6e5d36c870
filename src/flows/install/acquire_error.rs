//! Errors of finding, fetching and verifying an asset. Every flow that acquires one can fail with them.

use std::error::Error;
use std::io;

use thiserror::Error;

use crate::config::Server;
use crate::flows::install::Fallback;
use crate::flows::install::ResolveError;
use crate::lockfile::Signer;
use crate::model::Asset;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::sources::source::Source;
use crate::sources::source::SourceError;
use crate::trust::VerifyError;
use crate::trust::attestation::Mismatch;
use crate::trust::attestation::NotProven;
use crate::trust::trusted_roots::TrustedRootsError;
use crate::worker::archive::ArchiveError;

/// An asset that could not be acquired.
#[derive(Debug, Error)]
pub(crate) enum AcquireError {
    /// The release was not found.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The release no longer has what the lockfile pins.
    #[error("{drift}")]
    Drift {
        /// What changed.
        drift: Drift,
    },
    /// The request requires the network.
    #[error("cannot determine the latest release while offline (--offline)")]
    Offline,
    /// All sources failed.
    #[error("no source could provide the release")]
    Everywhere {
        /// Each source with its error, in the order they were tried.
        tried: Vec<(String, AcquireError)>,
    },
    /// The release cannot be used, and this command cannot build instead.
    #[error(transparent)]
    Resolve(ResolveError),
    /// The asset cannot be downloaded.
    #[error("failed to download {asset}")]
    Download { asset: String, source: SourceError },
    /// The bytes were refused.
    #[error("verification failed for {asset}")]
    Verify { asset: String, source: VerifyError },
    /// Its attestations are not accepted.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The trusted roots cannot be used.
    #[error(transparent)]
    TrustedRoots(#[from] TrustedRootsError),
    /// The archive was refused.
    #[error("failed to unpack {asset}")]
    Archive { asset: String, source: ArchiveError },
    /// An operation on the staged file failed.
    #[error("failed to {doing}")]
    Staging {
        /// The operation.
        doing: &'static str,
        /// The system's error.
        source: io::Error,
    },
}

/// Attestations that are invalid, by another signer, or fewer than the lockfile records.
#[derive(Debug, Error)]
pub(crate) enum SignerError {
    /// It has attestations, and all were refused.
    #[error("attestation verification failed for {asset} ({tag})")]
    NotProven { asset: String, tag: Tag, source: NotProven },
    /// Its signer is not the one recorded in the lockfile.
    #[error(
        "the signer of {asset} ({tag}) is not the one recorded in reproq.lock{}: {}",
        for_release(locked),
        mismatches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    OtherSigner {
        asset: String,
        tag: Tag,
        /// The release for which the signer was recorded.
        locked: Option<Tag>,
        signer: Box<Signer>,
        mismatches: Vec<Mismatch>,
    },
    /// It is not attested by the signer recorded in the lockfile, or its attestations could not be queried.
    #[error(
        "{asset} ({tag}) is not attested by {signer}, the signer recorded in reproq.lock{}: {found}",
        for_release(locked)
    )]
    LessThanLocked {
        asset: String,
        tag: Tag,
        /// The release for which the signer was recorded.
        locked: Option<Tag>,
        signer: Box<Signer>,
        /// What was found instead.
        found: String,
        /// Whether the query failed, as opposed to finding no attestation.
        not_queried: bool,
        /// Whether a later retry may succeed.
        transient: bool,
    },
    /// The attestations of one asset could not be queried, while another asset of the release is attested.
    #[error("could not determine whether {asset} ({tag}) is also attested by {signer}: {reason}")]
    NotAsked {
        asset: String,
        tag: Tag,
        /// The signer of the other asset.
        signer: Box<Signer>,
        reason: String,
        /// Whether a later retry may succeed.
        transient: bool,
    },
    /// Two assets of one release are attested by different workflows.
    #[error("{asset} ({tag}) is attested by {other}, but another asset by {first}; a lockfile has one signer")]
    SeveralSigners {
        asset: String,
        tag: Tag,
        /// The signer of the first asset.
        first: Box<Signer>,
        /// The signer of this asset.
        other: Box<Signer>,
    },
    /// The configured signer is not the one recorded in the lockfile.
    #[error("reproq.lock records the signer {recorded}, but {wanted} is required")]
    TwoWorkflows { wanted: String, recorded: String },
}

impl AcquireError {
    /// The error for a command that cannot build instead of downloading.
    pub(super) fn without_a_release(fallback: Fallback) -> Self {
        if let Fallback::Offline { .. } = fallback { Self::Offline } else { Self::Resolve(fallback.into()) }
    }

    /// An asset could not be fetched. Errors of a bundle or mirror already name the asset.
    pub(super) fn fetching(asset: &Asset, error: SourceError) -> Self {
        match error {
            SourceError::Bundle { .. } | SourceError::Mirror { .. } => Self::Source(error),
            SourceError::Api(_) | SourceError::Net(_) => Self::Download { asset: asset.name.clone(), source: error },
        }
    }

    /// A source failed; if it was unreachable, a build may be used instead.
    pub(super) fn at(source: &Source, error: SourceError) -> Self {
        if !error.is_unreachable() {
            return Self::Source(error);
        }
        Self::Resolve(Fallback::Unreachable { place: source.name(), reason: error.to_string() }.into())
    }

    /// Lines shown below the error: that of each source.
    pub(crate) fn details(&self) -> Vec<String> {
        let Self::Everywhere { tried } = self else { return Vec::new() };
        tried.iter().map(|(place, error)| error.with_source(place)).collect()
    }

    /// The error, prefixed with its source unless it already starts with it.
    pub(super) fn with_source(&self, place: &str) -> String {
        let message = with_causes(self);
        if message.starts_with(place) { message } else { format!("{place}: {message}") }
    }
}

/// The error and its causes, as one line.
pub(super) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let (mut message, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}

pub(super) fn for_release(locked: &Option<Tag>) -> String {
    locked.as_ref().map(|tag| format!(" for {tag}")).unwrap_or_default()
}

/// How an asset changed since it was locked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Drift {
    /// The release has other bytes under its name.
    #[error(
        "the asset {name} of {tag} changed on GitHub since it was locked: locked sha256 {locked}, GitHub now states {now}"
    )]
    Changed {
        tag: Tag,
        name: String,
        locked: Sha256Digest,
        /// The digest GitHub states.
        now: Sha256Digest,
    },
    /// A mirror has other bytes under its name.
    #[error(
        "{name} of {tag} in the mirror {mirror} does not match reproq.lock: locked sha256 {locked}, the mirror's index states {now}"
    )]
    InMirror {
        /// The mirror's name in messages.
        mirror: String,
        tag: Tag,
        name: String,
        locked: Sha256Digest,
        /// The digest in the mirror's index.
        now: Sha256Digest,
    },
    /// The release exists, but the asset does not.
    #[error("the asset {name} of {tag} was not found on {server}; it was removed after it was locked")]
    AssetGone {
        tag: Tag,
        name: String,
        /// The server, and what selected it.
        server: String,
    },
    /// The release does not exist: it was deleted, or is on another server.
    #[error("the locked release {tag} was not found on {server}")]
    NoRelease {
        tag: Tag,
        /// The server, and what selected it.
        server: Box<Server>,
    },
}

impl Drift {
    /// The drift of a digest, as stated by this source.
    pub(super) fn at(source: &Source, tag: Tag, name: String, locked: Sha256Digest, now: Sha256Digest) -> Self {
        match source {
            Source::Mirror(mirror) => Self::InMirror { mirror: mirror.name(), tag, name, locked, now },
            Source::GitHub(_) | Source::Bundle(_) => Self::Changed { tag, name, locked, now },
        }
    }
}
