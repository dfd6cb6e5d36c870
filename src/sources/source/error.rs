//! Why an origin did not serve.

use thiserror::Error;

use crate::io::net::NetError;
use crate::sources::bundle::Bundle;
use crate::sources::bundle::BundleError;
use crate::sources::github::ApiError;
use crate::sources::mirror::MirrorError;

/// A failed request to an origin.
#[derive(Debug, Error)]
pub enum OriginError {
    /// GitHub's API.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A file over the network.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A bundle.
    #[error("the bundle `{bundle}` cannot be used")]
    Bundle {
        /// What people call it.
        bundle: String,
        /// Why not.
        source: BundleError,
    },
    /// A mirror.
    #[error("the mirror {mirror} {problem}")]
    Mirror {
        /// What people call it.
        mirror: String,
        /// Why not.
        problem: Box<MirrorError>,
    },
}

impl OriginError {
    /// A failure of this bundle.
    pub fn bundle(bundle: &Bundle, source: BundleError) -> Self {
        Self::Bundle { bundle: bundle.name().to_owned(), source }
    }

    /// Whether nobody could be reached at all, so that another origin or a build may serve.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Api(ApiError::Net(error)) | Self::Net(error) => error.is_unreachable(),
            Self::Api(_) | Self::Bundle { .. } | Self::Mirror { .. } => false,
        }
    }

    /// Whether the origin was asked and does not have the file.
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Net(NetError::Status { status: 404 | 410, .. }))
    }

    /// Whether asking again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Api(ApiError::Net(error)) | Self::Net(error) => error.is_transient(),
            Self::Api(error) => error.is_limited(),
            Self::Bundle { .. } | Self::Mirror { .. } => false,
        }
    }

    /// Whether a mirror merely lacks what was asked for.
    pub fn is_lack(&self) -> bool {
        matches!(self, Self::Mirror { problem, .. } if problem.is_lack())
    }

    /// Whether a mirror has a file, and not the one that is stated.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Mirror { problem, .. } if problem.is_damage())
    }
}
