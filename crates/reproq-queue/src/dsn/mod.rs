//! Database URLs, as the worker reads them: from the URL or the pairs, the service file, the variables of libpq and the
//! defaults, in this order of precedence.
//!
//! [`Dsn::worker`] is what the worker makes of it, [`Dsn::target`] what our own connection does; they differ only where
//! libpq or safety asks for it. Nothing is read here: the environment and the contents of files are [`Surroundings`].

mod error;
mod pairs;
mod parameters;
mod settings;
mod surroundings;
mod target;
mod tls;
mod url;
mod worker;

pub use error::DsnError;
pub use parameters::Note;
pub use parameters::Parameters;
pub use parameters::is_refused_from_the_worker;
pub use surroundings::FileContent;
pub use surroundings::SOCKET_DIRECTORIES;
pub use surroundings::Surroundings;
pub use tls::SslMode;
pub use tls::TlsSettings;
pub use worker::Attempt;
pub use worker::AttemptTls;
pub use worker::ExecMode;
pub use worker::WorkerConnection;

use core::net::IpAddr;
use std::fmt;
use std::time::Duration;

use crate::dsn::settings::Settings;
use crate::dsn::surroundings::PasswordFile;
use crate::pg::ChannelBinding;
use crate::pg::Password;
use crate::pg::SessionKind;

/// A database URL with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dsn {
    servers: Vec<Server>,
    user: String,
    database: String,
    tls: TlsSettings,
    channel_binding: ChannelBinding,
    session: SessionKind,
    /// Zero is no limit.
    connect_timeout: Option<Duration>,
    exec_mode: ExecMode,
    /// What the worker sends to the server as run-time parameters.
    parameters: Parameters,
    /// What only the worker understands.
    worker_only: Parameters,
    notes: Vec<Note>,
}

/// A server of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Server {
    /// A name, an address, or the directory of a socket.
    host: String,
    /// The address, if the name is not to be resolved. Only libpq has this.
    address: Option<IpAddr>,
    port: u16,
    password: Option<Password>,
}

impl Server {
    fn is_socket(&self) -> bool {
        let is_windows = matches!(self.host.as_bytes(), [b'A'..=b'Z', b':', b'\\', ..]);
        self.host.starts_with('/') || is_windows
    }

    /// Whether it is on this machine. No name is resolved.
    fn is_local(&self) -> bool {
        let address = self.address.or_else(|| self.host.parse().ok());
        match address {
            Some(address) => address.is_loopback(),
            None => self.is_socket() || self.host == "localhost",
        }
    }
}

impl Dsn {
    /// Reads a URL or a list of `keyword=value` pairs. An empty text leaves everything to the surroundings.
    pub fn read(text: &str, surroundings: &Surroundings<'_>) -> Result<Self, DsnError> {
        let given = match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
            Some(rest) => url::parse(rest)?,
            None if text.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme)) => {
                return Err(DsnError::Scheme);
            }
            None => pairs::parse(text)?,
        };
        let defaults = surroundings.defaults().and(surroundings.of_the_environment());
        let mut settings = defaults.clone().and(given.clone());
        if let Some(service) = settings.named("service") {
            let service = surroundings.service(settings.get("servicefile"), service)?;
            settings = defaults.and(service).and(given);
        }
        Self::of_settings(&settings, surroundings)
    }

    fn of_settings(settings: &Settings, surroundings: &Surroundings<'_>) -> Result<Self, DsnError> {
        let mut notes = Vec::new();
        let (user, database) = (settings.get("user").to_owned(), settings.get("database").to_owned());
        let mut servers = servers(settings, surroundings, &mut notes)?;
        find_passwords(&mut servers, settings, surroundings, &mut notes);
        let tls = if servers.iter().all(Server::is_socket) {
            TlsSettings::none()
        } else {
            TlsSettings::read(settings, surroundings)?
        };
        let (parameters, worker_only) = parameters::split(settings, &mut notes)?;
        parameters::note_tls(&tls, &servers, &mut notes);
        Ok(Self {
            servers,
            user,
            database,
            tls,
            channel_binding: channel_binding(settings, surroundings)?,
            session: session(settings.get("target_session_attrs"))?,
            connect_timeout: settings.named("connect_timeout").map(timeout).transpose()?,
            exec_mode: ExecMode::read(settings)?,
            parameters,
            worker_only,
            notes,
        })
    }

    /// What the user should know about it.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Whether every server is on this machine.
    pub fn is_local(&self) -> bool {
        self.servers.iter().all(Server::is_local)
    }

    /// What only the worker understands, such as the size of its pool. It is left alone.
    pub const fn worker_only(&self) -> &Parameters {
        &self.worker_only
    }

    /// The settings of TLS.
    pub const fn tls(&self) -> &TlsSettings {
        &self.tls
    }
}

impl fmt::Display for Dsn {
    /// The servers, the database and the user; never the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<String> =
            self.servers.iter().map(|server| format!("{}:{}", server.host, server.port)).collect();
        write!(f, "{} on {}", self.database, servers.join(","))?;
        if self.user.is_empty() { Ok(()) } else { write!(f, " as {}", self.user) }
    }
}

/// Letters only: what looks like a scheme may be the begin of a password otherwise.
fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'+')
}

/// Hosts and ports are lists. A host without its own port has the first one: this is pgx's rule, and differs from libpq's.
fn servers(
    settings: &Settings,
    surroundings: &Surroundings<'_>,
    notes: &mut Vec<Note>,
) -> Result<Vec<Server>, DsnError> {
    let hosts: Vec<&str> = settings.get("host").split(',').collect();
    let ports: Vec<&str> = settings.get("port").split(',').collect();
    if ports.len() != hosts.len() && ports != ["5432"] {
        notes.push(Note::FirstPortForAll);
    }
    // Only libpq and our connection know addresses.
    let from_environment = surroundings.variables.get("PGHOSTADDR").map(String::as_str);
    let addresses = settings.named("hostaddr").or(from_environment).unwrap_or_default();
    let addresses: Vec<&str> = addresses.split(',').collect();
    let server = |(index, host): (usize, &&str)| -> Result<Server, DsnError> {
        let port = ports.get(index).or(ports.first()).copied().unwrap_or_default();
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse::<u16>().ok().filter(|port| *port > 0 && is_number);
        let port = port.ok_or(DsnError::Setting { key: "port", expected: "is not a number from 1 to 65535" })?;
        let address = match addresses.get(index).copied().unwrap_or_default() {
            "" => None,
            text => Some(
                text.parse().map_err(|_| DsnError::Setting { key: "hostaddr", expected: "is not an IP address" })?,
            ),
        };
        Ok(Server { host: (*host).to_owned(), address, port, password: None })
    };
    hosts.iter().enumerate().map(server).collect()
}

/// The password of the settings, else the one that the password file has for each server.
fn find_passwords(servers: &mut [Server], settings: &Settings, surroundings: &Surroundings<'_>, notes: &mut Vec<Note>) {
    let file = match (settings.get("password"), settings.get("passfile")) {
        ("", "") => PasswordFile::default(),
        ("", path) => match (surroundings.files)(path) {
            FileContent::Present { bytes, is_private: true } => PasswordFile::parse(&bytes),
            FileContent::Present { is_private: false, .. } => {
                notes.push(Note::PasswordFileNotPrivate);
                PasswordFile::default()
            }
            FileContent::Missing | FileContent::Unreadable(_) => PasswordFile::default(),
        },
        (password, _) => {
            for server in servers {
                server.password = Some(Password::new(password.to_owned()));
            }
            return;
        }
    };
    let (database, user) = (settings.get("database"), settings.get("user"));
    for server in servers {
        let host = if server.is_socket() { "localhost" } else { &server.host };
        server.password = file.find(host, server.port, database, user);
    }
}

/// The worker's version of pgx does not know it; libpq and our connection do.
fn channel_binding(settings: &Settings, surroundings: &Surroundings<'_>) -> Result<ChannelBinding, DsnError> {
    let from_environment = surroundings.variables.get("PGCHANNELBINDING").map(String::as_str);
    match settings.named("channel_binding").or(from_environment).unwrap_or_default() {
        "" | "prefer" => Ok(ChannelBinding::Preferred),
        "disable" => Ok(ChannelBinding::Disabled),
        "require" => Ok(ChannelBinding::Required),
        _ => Err(DsnError::Setting { key: "channel_binding", expected: "is not disable, prefer or require" }),
    }
}

fn session(text: &str) -> Result<SessionKind, DsnError> {
    Ok(match text {
        "any" => SessionKind::Any,
        "read-write" => SessionKind::ReadWrite,
        "read-only" => SessionKind::ReadOnly,
        "primary" => SessionKind::Primary,
        "standby" => SessionKind::Standby,
        "prefer-standby" => SessionKind::PreferStandby,
        _ => {
            let expected = "is not any, read-write, read-only, primary, standby or prefer-standby";
            return Err(DsnError::Setting { key: "target_session_attrs", expected });
        }
    })
}

fn timeout(text: &str) -> Result<Duration, DsnError> {
    let seconds = text.parse::<i64>().ok().and_then(|seconds| u64::try_from(seconds).ok());
    let expected = "is not a number of seconds";
    seconds.map(Duration::from_secs).ok_or(DsnError::Setting { key: "connect_timeout", expected })
}
