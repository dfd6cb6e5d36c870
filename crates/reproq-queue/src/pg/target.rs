//! Where to connect, as values.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything a connection needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The servers, tried in order.
    pub hosts: Vec<Host>,
    /// The user.
    pub user: String,
    /// The database.
    pub database: String,
    /// Whether the connection is encrypted, and what is verified.
    pub encryption: Encryption,
    /// Whether SCRAM is bound to the certificate of the server.
    pub channel_binding: ChannelBinding,
    /// Which servers are accepted.
    pub session: SessionKind,
    /// The name shown in `pg_stat_activity`.
    pub application_name: String,
    /// Run-time parameters, in the form of libpq's `options`.
    pub options: Option<String>,
    /// The limit for each server, from the first packet to the end of authentication.
    pub connect_timeout: Duration,
    /// The idle time after which the system probes a connection; `None` leaves keepalives off.
    pub keepalive: Option<Duration>,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// By TCP.
    Tcp {
        /// The name, which the certificate must have.
        name: String,
        /// The address, if the name is not to be resolved.
        address: Option<IpAddr>,
        /// The port.
        port: u16,
        /// The password for this server.
        password: Option<Password>,
    },
    /// By a Unix socket.
    Unix {
        /// The directory of the socket.
        directory: PathBuf,
        /// The number in the socket's name.
        port: u16,
        /// The password for this server.
        password: Option<Password>,
    },
}

impl Host {
    pub(super) const fn password(&self) -> Option<&Password> {
        match self {
            Self::Tcp { password, .. } | Self::Unix { password, .. } => password.as_ref(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { name, port, .. } if name.contains(':') => write!(f, "[{name}]:{port}"),
            Self::Tcp { name, port, .. } => write!(f, "{name}:{port}"),
            Self::Unix { directory, port, .. } => write!(f, "{}/.s.PGSQL.{port}", directory.display()),
        }
    }
}

/// A password. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps a password.
    pub const fn new(password: String) -> Self {
        Self(password)
    }

    /// The password itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Whether a connection by TCP is encrypted. A Unix socket never is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// Never.
    Disabled,
    /// If the server can; otherwise without.
    Preferred,
    /// Always.
    Required {
        /// What is verified about the server.
        verification: Verification,
        /// The certificate this side presents.
        client: Option<ClientCertificate>,
        /// Whether TLS starts with the first byte, without asking the server before.
        direct: bool,
    },
}

/// What is verified about the certificate of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// Nothing: `sslmode=require`. Anyone in between can pose as the server.
    Nothing,
    /// That an authority issued it: `sslmode=verify-ca`.
    Authority(Roots),
    /// Also that it names the host: `sslmode=verify-full`.
    Full(Roots),
}

/// The authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Those of the system.
    System,
    /// Those in a PEM file.
    File(PathBuf),
}

/// The certificate of the client, in PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, with its chain.
    pub certificate: PathBuf,
    /// Its private key, unencrypted.
    pub key: PathBuf,
}

/// `channel_binding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disabled,
    /// If the server offers it.
    Preferred,
    /// Always.
    Required,
}

/// `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// Any server.
    Any,
    /// One whose transactions may write.
    ReadWrite,
    /// One whose transactions may only read.
    ReadOnly,
    /// One that is not a standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby if there is one, else any server.
    PreferStandby,
}

impl SessionKind {
    /// Whether a server is accepted.
    pub(super) const fn accepts(self, in_recovery: bool, read_only: bool) -> bool {
        match self {
            Self::Any => true,
            Self::ReadWrite => !in_recovery && !read_only,
            Self::ReadOnly => in_recovery || read_only,
            Self::Primary => !in_recovery,
            Self::Standby | Self::PreferStandby => in_recovery,
        }
    }

    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::Primary => "primary",
            Self::Standby => "standby",
            Self::PreferStandby => "prefer-standby",
        }
    }
}

impl fmt::Display for Target {
    /// The servers and the database; never the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(Host::to_string).collect();
        write!(f, "{} on {}", self.database, hosts.join(", "))?;
        if self.user.is_empty() { Ok(()) } else { write!(f, " as {}", self.user) }
    }
}
