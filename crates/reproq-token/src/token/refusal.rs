//! Why a token is not accepted.

use thiserror::Error;

/// The reason against a token. No message repeats the token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenRefusal {
    /// It is longer than any token of Django or this program.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Not `header.payload.signature`.
    #[error("it has {found} parts instead of 3")]
    Parts {
        /// The number of parts.
        found: usize,
    },
    /// A part is not base64url without padding.
    #[error("its {part} is not base64url without padding")]
    Base64 {
        /// The name of the part.
        part: &'static str,
    },
    /// A part is not a JSON object, or names a field twice.
    #[error("its {part} is not a JSON object with unique names")]
    Json {
        /// The name of the part.
        part: &'static str,
    },
    /// The header names another algorithm, such as `none` or `RS256`.
    #[error("its algorithm is {found} instead of HS256")]
    Algorithm {
        /// What the header has, as JSON.
        found: String,
    },
    /// The header requires an extension, or another type of token.
    #[error("its header has {name}, which is not supported")]
    Header {
        /// The name in the header.
        name: &'static str,
    },
    /// It was signed with another secret, or changed afterwards.
    #[error("it was not signed with this secret")]
    Signature,
    /// `iss` is missing or another.
    #[error("its issuer (iss) is {found} instead of \"reproq-django\"")]
    Issuer {
        /// What the token has, as JSON; `missing` if it has none.
        found: String,
    },
    /// `aud` is missing or names neither the TUI nor the worker.
    #[error("its audience (aud) is {found} instead of \"reproq-tui\" or \"reproq-worker\"")]
    Audience {
        /// What the token has, as JSON; `missing` if it has none.
        found: String,
    },
    /// A token without `exp` would be valid permanently.
    #[error("it has no expiry (exp)")]
    NoExpiry,
    /// Its time is over.
    #[error("it expired (exp)")]
    Expired {
        /// When, in Unix seconds.
        at: i64,
    },
    /// Its time has not come.
    #[error("it is not valid yet (nbf)")]
    NotYet {
        /// From when on it is valid, in Unix seconds.
        at: i64,
    },
    /// A time is not a number of seconds.
    #[error("its {name} is not a time")]
    Time {
        /// The claim.
        name: &'static str,
    },
    /// `superuser` is not the boolean `true`.
    #[error("its claim `superuser` is {found} instead of true")]
    Superuser {
        /// What the token has, as JSON; `missing` if it has none.
        found: String,
    },
    /// `sub` is missing, empty, or not a string.
    #[error("its subject (sub) is {found} instead of a string")]
    Subject {
        /// What the token has, as JSON; `missing` if it has none.
        found: String,
    },
}
