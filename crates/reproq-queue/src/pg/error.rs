//! What can go wrong between this program and a database. No error contains a password.

use std::error::Error as _;
use std::io;

use thiserror::Error;
use tokio_postgres::error::SqlState;

use super::tls::TlsFailure;

/// An error of the connection or of a statement.
#[derive(Debug, Error)]
pub enum PgError {
    /// No connection to the server.
    #[error("cannot reach the database server at {server}")]
    Unreachable {
        /// The server.
        server: String,
        /// The system error.
        source: io::Error,
    },
    /// The server did not respond in time.
    #[error("the database server at {server} did not respond within {seconds} s")]
    NoAnswer {
        /// The server.
        server: String,
        /// The limit.
        seconds: u64,
    },
    /// No server of several could be used.
    #[error("none of {} database servers could be used", failures.len())]
    NoneUsable {
        /// The error of each server.
        failures: Vec<Self>,
    },
    /// The server is not of the requested kind.
    #[error("the database server at {server} is not {wanted} (target_session_attrs)")]
    WrongKind {
        /// The server.
        server: String,
        /// The kind requested.
        wanted: &'static str,
    },
    /// The server does not use TLS, which is required.
    #[error("the database server at {server} does not support TLS, which the sslmode requires")]
    TlsRefused {
        /// The server.
        server: String,
    },
    /// The certificate of the server cannot be verified.
    #[error("the certificate of the database server at {server} is not valid: {reason}")]
    Certificate {
        /// The server.
        server: String,
        /// The reason.
        reason: String,
    },
    /// The encrypted connection failed for another reason.
    #[error("no encrypted connection to the database server at {server}: {reason}")]
    Tls {
        /// The server.
        server: String,
        /// The reason.
        reason: String,
    },
    /// A file with certificates or a key cannot be used.
    #[error("cannot use the certificates in {path}: {reason}")]
    CertificateFile {
        /// The file.
        path: String,
        /// The reason.
        reason: String,
    },
    /// The password is wrong or missing.
    #[error("{} for user {user} at {server}", if *given { "wrong password" } else { "the database server requires a password" })]
    Password {
        /// The server.
        server: String,
        /// The user.
        user: String,
        /// Whether a password was sent.
        given: bool,
    },
    /// The server does not admit this user from here.
    #[error("the database server at {server} rejected the connection: {message}")]
    NotAdmitted {
        /// The server.
        server: String,
        /// Its message.
        message: String,
    },
    /// The database does not exist.
    #[error("database {database} does not exist on {server}")]
    NoDatabase {
        /// The server.
        server: String,
        /// The database.
        database: String,
    },
    /// The server is starting, stopping or has no free connection.
    #[error("the database server at {server} accepts no connection now: {message}")]
    NotNow {
        /// The server.
        server: String,
        /// Its message.
        message: String,
    },
    /// The server is too old.
    #[error("the database server at {server} is PostgreSQL {version}; {} or newer is required", super::session::OLDEST)]
    TooOld {
        /// The server.
        server: String,
        /// Its version.
        version: String,
    },
    /// Authentication failed in a way this program does not handle.
    #[error("cannot authenticate with the database server at {server}: {message}")]
    Authentication {
        /// The server.
        server: String,
        /// The reason.
        message: String,
    },
    /// The server is a standby or read-only.
    #[error("the database cannot be written to now: {message}")]
    ReadOnly {
        /// The server's message.
        message: String,
    },
    /// The connection was lost.
    #[error("the connection to the database server was lost{}", if *committing { " while the changes were being committed" } else { "" })]
    Lost {
        /// Whether it is unknown if the changes were made.
        committing: bool,
        /// The reason, if it is known.
        reason: Option<String>,
    },
    /// A statement took longer than its limit.
    #[error("the database did not finish a statement in time: {message}")]
    StatementTimeout {
        /// The server's message.
        message: String,
    },
    /// A lock was not free in time.
    #[error("another session holds a lock that is needed: {message}")]
    LockTimeout {
        /// The server's message.
        message: String,
    },
    /// The user stopped the command.
    #[error("interrupted")]
    Interrupted,
    /// A table or column does not exist.
    #[error("the queue's tables are missing or incomplete: {message}")]
    MissingTable {
        /// The server's message.
        message: String,
    },
    /// A newer version added a column that this one cannot fill.
    #[error(
        "nothing was written: the table `{table}` has a column `{column}` without a default, which this version does not know"
    )]
    UnknownColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// New tasks would get ids that exist.
    #[error(
        "nothing was written: the sequence {sequence} is behind the ids of tasks, of which {highest} is the highest"
    )]
    SequenceBehind {
        /// The sequence.
        sequence: String,
        /// The highest id.
        highest: i64,
        /// The statement that repairs it.
        repair: String,
    },
    /// The user may not do this.
    #[error("this database user is not permitted to do this: {message}")]
    NotPermitted {
        /// The server's message.
        message: String,
    },
    /// Another session made a conflicting change.
    #[error("another session changed the same rows: {message}")]
    Conflict {
        /// The server's message.
        message: String,
    },
    /// Another error of the server.
    #[error("{message} (SQLSTATE {code})")]
    Server {
        /// The SQLSTATE.
        code: String,
        /// The message, with its detail.
        message: String,
    },
    /// An answer that does not have the expected form.
    #[error("unexpected response from the database: {message}")]
    Answer {
        /// What is unexpected.
        message: String,
    },
}

impl PgError {
    /// Whether the same may succeed later without anybody changing anything but the servers.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::NoAnswer { .. }
            | Self::WrongKind { .. }
            | Self::NotNow { .. }
            | Self::ReadOnly { .. }
            | Self::Lost { .. }
            | Self::StatementTimeout { .. }
            | Self::LockTimeout { .. }
            | Self::Conflict { .. } => true,
            Self::NoneUsable { failures } => failures.iter().any(Self::is_transient),
            Self::TlsRefused { .. }
            | Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::CertificateFile { .. }
            | Self::Password { .. }
            | Self::NotAdmitted { .. }
            | Self::NoDatabase { .. }
            | Self::TooOld { .. }
            | Self::Authentication { .. }
            | Self::Interrupted
            | Self::MissingTable { .. }
            | Self::UnknownColumn { .. }
            | Self::SequenceBehind { .. }
            | Self::NotPermitted { .. }
            | Self::Server { .. }
            | Self::Answer { .. } => false,
        }
    }

    /// An error of a statement on an open connection.
    pub(super) fn of_statement(error: &tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else {
            if error.is_closed() || io_cause(error).is_some() {
                let reason = io_cause(error).map(io::Error::to_string);
                return Self::Lost { committing: false, reason };
            }
            return Self::Answer { message: with_causes(error) };
        };
        let message = match db.detail() {
            Some(detail) => format!("{}: {detail}", db.message()),
            None => db.message().to_owned(),
        };
        let code = db.code();
        match code {
            code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => Self::ReadOnly { message },
            code if *code == SqlState::QUERY_CANCELED => Self::StatementTimeout { message },
            code if *code == SqlState::LOCK_NOT_AVAILABLE => Self::LockTimeout { message },
            code if *code == SqlState::INSUFFICIENT_PRIVILEGE => Self::NotPermitted { message },
            code if [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_COLUMN, SqlState::UNDEFINED_FUNCTION]
                .contains(code) =>
            {
                Self::MissingTable { message }
            }
            code if [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code) => {
                Self::Conflict { message }
            }
            code if is_shutdown(code) => Self::Lost { committing: false, reason: Some(message) },
            code => Self::Server { code: code.code().to_owned(), message },
        }
    }

    /// An error of a `COMMIT`: if the connection is lost, it is unknown whether the changes were committed.
    pub(super) fn of_commit(error: &tokio_postgres::Error) -> Self {
        let error = Self::of_statement(error);
        if let Self::Lost { reason, .. } = error { Self::Lost { committing: true, reason } } else { error }
    }

    /// An error before the connection is open.
    pub(super) fn of_startup(error: &tokio_postgres::Error, at: Startup<'_>) -> Self {
        let server = at.server.to_owned();
        if let Some(db) = error.as_db_error() {
            let message = db.message().to_owned();
            let code = db.code();
            return match code {
                code if *code == SqlState::INVALID_PASSWORD => {
                    Self::Password { server, user: at.user.to_owned(), given: at.has_password }
                }
                // The second: the user may not connect to this database.
                code if [SqlState::INVALID_AUTHORIZATION_SPECIFICATION, SqlState::INSUFFICIENT_PRIVILEGE]
                    .contains(code) =>
                {
                    Self::NotAdmitted { server, message }
                }
                code if *code == SqlState::INVALID_CATALOG_NAME => {
                    Self::NoDatabase { server, database: at.database.to_owned() }
                }
                code if *code == SqlState::TOO_MANY_CONNECTIONS || is_shutdown(code) => {
                    Self::NotNow { server, message }
                }
                code => Self::Server { code: code.code().to_owned(), message },
            };
        }
        let tls = std::iter::successors(error.source(), |cause| (*cause).source()).find_map(|cause| {
            cause.downcast_ref::<TlsFailure>().or_else(|| {
                let io = cause.downcast_ref::<io::Error>()?;
                io.get_ref()?.downcast_ref::<TlsFailure>()
            })
        });
        if let Some(failure) = tls {
            return failure.at(&server);
        }
        if let Some(io) = io_cause(error) {
            return Self::Unreachable { server, source: io::Error::new(io.kind(), io.to_string()) };
        }
        if error.is_closed() {
            return Self::Unreachable { server, source: io::ErrorKind::ConnectionAborted.into() };
        }
        if at.requires_tls && !at.has_reached_tls {
            return Self::TlsRefused { server };
        }
        Self::Authentication { server, message: with_causes(error) }
    }
}

/// What is known about a connection that fails to open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Startup<'a> {
    pub(super) server: &'a str,
    pub(super) user: &'a str,
    pub(super) database: &'a str,
    pub(super) has_password: bool,
    pub(super) requires_tls: bool,
    /// Whether the server agreed to use TLS.
    pub(super) has_reached_tls: bool,
}

fn is_shutdown(code: &SqlState) -> bool {
    [
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CONNECTION_EXCEPTION,
        SqlState::CONNECTION_FAILURE,
        SqlState::CONNECTION_DOES_NOT_EXIST,
    ]
    .contains(code)
}

fn io_cause(error: &tokio_postgres::Error) -> Option<&io::Error> {
    std::iter::successors(error.source(), |cause| (*cause).source()).find_map(|cause| cause.downcast_ref::<io::Error>())
}

fn with_causes(error: &tokio_postgres::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string);
    std::iter::once(error.to_string()).chain(causes).collect::<Vec<_>>().join(": ")
}
