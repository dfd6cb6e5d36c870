//! Why an origin did not serve.

use thiserror::Error;

use crate::bundle::Bundle;
use crate::bundle::BundleError;
use crate::github::ApiError;
use crate::net::NetError;

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
            Self::Api(_) | Self::Bundle { .. } => false,
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
            Self::Bundle { .. } => false,
        }
    }
}
