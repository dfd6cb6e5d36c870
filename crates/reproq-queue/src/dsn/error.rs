//! Why a database URL cannot be used. An error names the part, never its text: what stands where a port is expected may be
//! a password.

use thiserror::Error;

/// Why a database URL, or what belongs to it, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DsnError {
    /// A URL of something else.
    #[error("the scheme of the database URL is not postgres:// or postgresql://")]
    Scheme,
    /// A part of a URL that its grammar does not allow.
    #[error("the {part} of the database URL {problem}")]
    Url {
        /// The part.
        part: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// A text of `keyword=value` pairs that is not one.
    #[error("the database URL is not a list of keyword=value pairs: {0}")]
    Pairs(&'static str),
    /// A setting has a value that is not one of its values.
    #[error("`{key}` {expected}")]
    Setting {
        /// The key of the setting.
        key: &'static str,
        /// What is expected.
        expected: &'static str,
    },
    /// A file that a setting names cannot be used.
    #[error("the file of `{key}` {problem}")]
    File {
        /// The key of the setting.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The service file does not have the service.
    #[error("the service file has no service of this name")]
    NoService,
}

impl DsnError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Scheme => "write postgres://USER:PASSWORD@HOST:PORT/DATABASE",
            Self::Url { .. } => {
                "percent-encode `%`, `/`, `?`, `#`, `@` and blanks in the user and the password; \
                 for a Unix socket, write postgres://USER@/DATABASE?host=/var/run/postgresql"
            }
            Self::Pairs(_) => "write host=HOST user=USER dbname=DATABASE password='PASSWORD', or a URL",
            Self::Setting { key, .. } => match key.as_bytes() {
                b"ssl" => "write sslmode=require, or better sslmode=verify-full",
                _ => "correct it in the database URL, the service file or the variable of libpq",
            },
            Self::File { .. } => "check the path, and that this user may read it",
            Self::NoService => "check `service`, PGSERVICE and the file ~/.pg_service.conf",
        }
    }
}
