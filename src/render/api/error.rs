//! Why the API could not be read.

use thiserror::Error;

use crate::io::net::api::JsonApiError;

/// An error of a request that reads, or that starts a deploy.
#[derive(Debug, Error)]
pub(crate) enum RenderApiError {
    /// The request failed.
    #[error(transparent)]
    Api(#[from] JsonApiError),
    /// A list has no end, or repeats a page.
    #[error("the list of {what} does not end", what = without_article(.what))]
    Endless {
        /// What is listed.
        what: String,
    },
    /// A list is longer than what can be read.
    #[error("there are at least {limit} of {what}, and Render lists no more at once")]
    TooMany {
        /// What is listed.
        what: String,
        /// The number.
        limit: usize,
    },
    /// An entry is listed twice.
    #[error("{what} changed while they were read")]
    Twice {
        /// What is listed.
        what: String,
    },
    /// An ID cannot be part of a URL.
    #[error("Render returned an ID with characters that no ID has")]
    Id,
}

fn without_article(what: &str) -> &str {
    what.strip_prefix("the ").unwrap_or(what)
}
