//! Why there is no token.

use thiserror::Error;

use crate::io::net::NetError;
use crate::io::net::Retry;
use crate::io::net::api::ApiSetupError;
use crate::io::net::api::JsonApiError;

/// A failed login. No message repeats a code or a token.
#[derive(Debug, Error)]
pub(crate) enum LoginError {
    /// The URL cannot be that of a server.
    #[error("`{url}` is not the URL of a server: {problem}")]
    Url {
        /// As it was written, without credentials.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No request may be made to the URL.
    #[error(transparent)]
    Setup(#[from] ApiSetupError),
    /// A request failed.
    #[error(transparent)]
    Api(#[from] JsonApiError),
    /// The server issues no tokens.
    #[error("{host} does not offer sign-in (tui auth disabled)")]
    Disabled {
        /// The server.
        host: String,
    },
    /// The code was not approved in time.
    #[error("the code expired before it was approved")]
    Expired,
    /// The server sent something that is not what was requested.
    #[error("{host} sent {what} that cannot be used")]
    Unusable {
        /// The server.
        host: String,
        /// Such as `a token`.
        what: &'static str,
    },
}

impl LoginError {
    /// Whether another attempt may succeed.
    pub(super) fn retry(&self) -> Retry {
        match self {
            Self::Api(error) => error.retry(),
            Self::Url { .. } | Self::Setup(_) | Self::Disabled { .. } | Self::Expired | Self::Unusable { .. } => {
                Retry::Never
            }
        }
    }

    /// Whether something else than the expected server responded.
    pub(crate) const fn is_of_another_server(&self) -> bool {
        matches!(
            self,
            Self::Unusable { .. }
                | Self::Api(
                    JsonApiError::NotFound { .. }
                        | JsonApiError::Malformed { .. }
                        | JsonApiError::Net(NetError::Redirect { .. } | NetError::TooLong { .. })
                )
        )
    }
}
