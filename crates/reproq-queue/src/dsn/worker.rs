//! What the worker makes of a database URL.

use core::net::IpAddr;
use std::time::Duration;

use crate::dsn::Dsn;
use crate::dsn::Server;
use crate::dsn::SslMode;
use crate::dsn::error::DsnError;
use crate::dsn::parameters::Parameters;
use crate::dsn::settings::Settings;
use crate::pg::Password;

/// How the worker sends statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecMode {
    /// Named statements, which poolers in transaction mode do not support. The default.
    CacheStatement,
    /// Cached descriptions.
    CacheDescribe,
    /// A description for each execution.
    DescribeExec,
    /// One round trip, without a name.
    Exec,
    /// The simple protocol.
    SimpleProtocol,
}

impl ExecMode {
    pub(super) fn read(settings: &Settings) -> Result<Self, DsnError> {
        let number = |key: &'static str| match settings.named(key) {
            Some(text) if text.parse::<i32>().is_err() => Err(DsnError::Setting { key, expected: "is not a number" }),
            Some(_) | None => Ok(()),
        };
        number("statement_cache_capacity")?;
        number("description_cache_capacity")?;
        Ok(match settings.named("default_query_exec_mode") {
            None | Some("cache_statement") => Self::CacheStatement,
            Some("cache_describe") => Self::CacheDescribe,
            Some("describe_exec") => Self::DescribeExec,
            Some("exec") => Self::Exec,
            Some("simple_protocol") => Self::SimpleProtocol,
            Some(_) => {
                let expected = "is not cache_statement, cache_describe, describe_exec, exec or simple_protocol";
                return Err(DsnError::Setting { key: "default_query_exec_mode", expected });
            }
        })
    }

    /// Whether it works with a pooler in transaction mode.
    pub const fn works_with_poolers(self) -> bool {
        matches!(self, Self::Exec | Self::SimpleProtocol)
    }
}

/// One attempt of the worker to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// A name, an address, or the directory of a socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// TLS; `None` is plain text.
    pub tls: Option<AttemptTls>,
}

/// TLS of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptTls {
    /// Whether Go's own verification of the certificate is off. `verify-ca` verifies by other means.
    pub skips_verification: bool,
    /// The name that is sent, and verified by `verify-full`.
    pub server_name: Option<String>,
    /// Whether authorities are named, instead of those of the system.
    pub has_roots: bool,
}

/// What the worker makes of a database URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerConnection {
    /// The user.
    pub user: String,
    /// The database; if it is empty, the server chooses the user's.
    pub database: String,
    /// The password for all servers.
    pub password: Option<Password>,
    /// The attempts, in order.
    pub attempts: Vec<Attempt>,
    /// What is sent to the server.
    pub parameters: Parameters,
    /// How statements are sent.
    pub exec_mode: ExecMode,
    /// The limit for each attempt.
    pub connect_timeout: Option<Duration>,
}

impl Dsn {
    /// What the worker makes of it.
    pub fn worker(&self) -> WorkerConnection {
        WorkerConnection {
            user: self.user.clone(),
            database: self.database.clone(),
            // Unlike libpq, it looks up the first server only.
            password: self.servers.first().and_then(|server| server.password.clone()),
            attempts: self.servers.iter().flat_map(|server| self.attempts(server)).collect(),
            parameters: self.parameters.clone(),
            exec_mode: self.exec_mode,
            connect_timeout: self.connect_timeout,
        }
    }

    fn attempts(&self, server: &Server) -> Vec<Attempt> {
        let attempt = |tls| Attempt { host: server.host.clone(), port: server.port, tls };
        if server.is_socket() {
            return vec![attempt(None)];
        }
        let is_full = self.tls.mode == SslMode::VerifyFull;
        let is_address = server.host.parse::<IpAddr>().is_ok();
        let sends_name = self.tls.sends_name && !is_address;
        let tls = attempt(Some(AttemptTls {
            skips_verification: !is_full,
            server_name: (is_full || sends_name).then(|| server.host.clone()),
            has_roots: self.tls.roots.is_some(),
        }));
        match self.tls.mode {
            SslMode::Disable => vec![attempt(None)],
            SslMode::Allow => vec![attempt(None), tls],
            SslMode::Prefer => vec![tls, attempt(None)],
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => vec![tls],
        }
    }
}
