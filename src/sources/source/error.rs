//! Errors of a source.

use thiserror::Error;

use crate::io::net::NetError;
use crate::sources::bundle::Bundle;
use crate::sources::bundle::BundleError;
use crate::sources::github::ApiError;
use crate::sources::mirror::MirrorError;

/// A failed request to a source.
#[derive(Debug, Error)]
pub(crate) enum SourceError {
    /// GitHub's API.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A download.
    #[error(transparent)]
    Net(#[from] NetError),
    #[error("cannot use the bundle `{bundle}`")]
    Bundle {
        /// Its name in messages.
        bundle: String,
        /// The reason.
        source: BundleError,
    },
    #[error("the mirror {mirror} {problem}")]
    Mirror {
        /// Its name in messages.
        mirror: String,
        /// The reason.
        problem: Box<MirrorError>,
    },
}

impl SourceError {
    /// An error of this bundle.
    pub(crate) fn bundle(bundle: &Bundle, source: BundleError) -> Self {
        Self::Bundle { bundle: bundle.name().to_owned(), source }
    }

    /// Whether the source could not be reached at all, so that another source or a local build may be used.
    pub(crate) fn is_unreachable(&self) -> bool {
        match self {
            Self::Api(ApiError::Net(error)) | Self::Net(error) => error.is_unreachable(),
            Self::Api(_) | Self::Bundle { .. } | Self::Mirror { .. } => false,
        }
    }

    /// Whether the source responded and does not have the file.
    pub(crate) const fn is_missing(&self) -> bool {
        matches!(self, Self::Net(NetError::Status { status: 404 | 410, .. }))
    }

    /// Whether a later retry may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Api(ApiError::Net(error)) | Self::Net(error) => error.is_transient(),
            Self::Api(error) => error.is_limited(),
            Self::Bundle { .. } | Self::Mirror { .. } => false,
        }
    }

    /// Whether a mirror merely lacks what was requested.
    pub(crate) fn is_lack(&self) -> bool {
        matches!(self, Self::Mirror { problem, .. } if problem.is_lack())
    }

    /// Whether a mirror has the file, but with other bytes than stated.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Mirror { problem, .. } if problem.is_damage())
    }
}
