//! The settings that are not about the connection: what the worker sends to the server, what it keeps for itself, and what
//! the user should know.

use std::collections::BTreeMap;
use std::fmt;

use crate::dsn::Server;
use crate::dsn::SslMode;
use crate::dsn::TlsSettings;
use crate::dsn::error::DsnError;
use crate::dsn::settings::Settings;

/// Settings of the connection, which are not sent to the server.
const CONNECTION: [&str; 19] = [
    "host",
    "port",
    "database",
    "user",
    "password",
    "passfile",
    "connect_timeout",
    "sslmode",
    "sslkey",
    "sslcert",
    "sslrootcert",
    "sslnegotiation",
    "sslpassword",
    "sslsni",
    "krbspn",
    "krbsrvname",
    "target_session_attrs",
    "service",
    "servicefile",
];

/// Settings of the worker's pool and statements.
const WORKER_ONLY: [&str; 10] = [
    "pool_max_conns",
    "pool_min_conns",
    "pool_min_idle_conns",
    "pool_max_conn_lifetime",
    "pool_max_conn_idle_time",
    "pool_health_check_period",
    "pool_max_conn_lifetime_jitter",
    "default_query_exec_mode",
    "statement_cache_capacity",
    "description_cache_capacity",
];

/// Settings of libpq, or of a pooler's documentation, that no server knows. The worker sends them all the same.
const NOT_OF_THE_SERVER: [&str; 25] = [
    "channel_binding",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "pgbouncer",
    "require_auth",
    "requirepeer",
    "requiressl",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "tcp_user_timeout",
    "scram_client_key",
];

/// Whether a setting is libpq's own: the worker would send it to the server, which refuses it.
pub fn is_refused_from_the_worker(key: &str) -> bool {
    NOT_OF_THE_SERVER.contains(&key)
}

/// Names with values that may be anything: only the names are printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// The names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of one of them.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Without those that no server knows.
    pub(super) fn of_the_server(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter(|(name, _)| !NOT_OF_THE_SERVER.contains(name))
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What the user should know about a database URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The worker sends this setting to the server, which refuses the connection.
    RefusedFromTheWorker(String),
    /// `sslmode=require` verifies nothing.
    NotVerified,
    /// `sslmode=prefer` or `allow` may send everything in plain text.
    MayBePlain,
    /// Our connection encrypts if the server can, where `allow` would not.
    AllowIsPrefer,
    /// The key of the certificate is encrypted; only the worker decrypts it.
    EncryptedKey,
    /// The password file is ignored: others may read it.
    PasswordFileNotPrivate,
    /// Hosts without a port of their own have the first port of the list, not 5432.
    FirstPortForAll,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::RefusedFromTheWorker(key) => {
                return write!(f, "the worker sends `{key}` to the server as a parameter, and the server refuses it");
            }
            Self::NotVerified => "sslmode=require encrypts, but does not verify the server; sslmode=verify-full does",
            Self::MayBePlain => {
                "without TLS on the server, the connection is not encrypted; sslmode=verify-full requires it"
            }
            Self::AllowIsPrefer => "sslmode=allow is treated as prefer: the connection is encrypted if the server can",
            Self::EncryptedKey => "the key of `sslkey` is encrypted, which only the worker can read",
            Self::PasswordFileNotPrivate => {
                "the password file is ignored, because other users may read it; run chmod 600"
            }
            Self::FirstPortForAll => "hosts without a port of their own use the first port in the list",
        };
        f.write_str(text)
    }
}

/// What the worker sends to the server, and what it keeps for itself.
pub(super) fn split(settings: &Settings, notes: &mut Vec<Note>) -> Result<(Parameters, Parameters), DsnError> {
    // A server would refuse the worker; ignoring it here would drop the encryption that was asked for.
    if settings.named("ssl").is_some() {
        return Err(DsnError::Setting { key: "ssl", expected: "is not understood by the worker" });
    }
    let (mut parameters, mut worker_only) = (Parameters::default(), Parameters::default());
    for (key, value) in settings.iter().filter(|(key, _)| !CONNECTION.contains(key)) {
        let to = if WORKER_ONLY.contains(&key) { &mut worker_only } else { &mut parameters };
        to.0.insert(key.to_owned(), value.to_owned());
        if NOT_OF_THE_SERVER.contains(&key) {
            notes.push(Note::RefusedFromTheWorker(key.to_owned()));
        }
    }
    Ok((parameters, worker_only))
}

/// Notes about encryption, where a server is not on this machine.
pub(super) fn note_tls(tls: &TlsSettings, servers: &[Server], notes: &mut Vec<Note>) {
    if tls.mode == SslMode::Allow {
        notes.push(Note::AllowIsPrefer);
    }
    if !servers.iter().all(Server::is_local) {
        match tls.mode {
            SslMode::Require => notes.push(Note::NotVerified),
            SslMode::Allow | SslMode::Prefer => notes.push(Note::MayBePlain),
            SslMode::Disable | SslMode::VerifyCa | SslMode::VerifyFull => {}
        }
    }
    if tls.has_encrypted_key {
        notes.push(Note::EncryptedKey);
    }
}
