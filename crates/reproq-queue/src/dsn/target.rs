//! What our own connection does with a database URL.

use std::path::PathBuf;
use std::time::Duration;

use crate::dsn::Dsn;
use crate::pg::Host;
use crate::pg::Target;

/// The limit for each server, unless `connect_timeout` sets one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The limit of `connect_timeout=0`, which is none for libpq.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// The idle time after which a connection is probed.
const KEEPALIVE: Duration = Duration::from_secs(60);

impl Dsn {
    /// The servers and how to connect to them. `application_name` is used if the URL has none.
    pub fn target(&self, application_name: &str) -> Target {
        let hosts = self.servers.iter().map(|server| {
            let (port, password) = (server.port, server.password.clone());
            if server.is_socket() {
                return Host::Unix { directory: PathBuf::from(&server.host), port, password };
            }
            let name = if server.host.is_empty() { "localhost" } else { &server.host };
            Host::Tcp { name: name.to_owned(), address: server.address, port, password }
        });
        Target {
            hosts: hosts.collect(),
            user: self.user.clone(),
            // As the server does.
            database: if self.database.is_empty() { self.user.clone() } else { self.database.clone() },
            encryption: self.tls.encryption(),
            channel_binding: self.channel_binding,
            session: self.session,
            application_name: self.parameters.get("application_name").unwrap_or(application_name).to_owned(),
            options: self.options(),
            connect_timeout: match self.connect_timeout {
                None => CONNECT_TIMEOUT,
                Some(Duration::ZERO) => LONGEST_TIMEOUT,
                Some(limit) => limit.min(LONGEST_TIMEOUT),
            },
            keepalive: Some(KEEPALIVE),
        }
    }

    /// The run-time parameters in the form of `options`, after those that the URL has in this form.
    fn options(&self) -> Option<String> {
        let mut options = self.parameters.get("options").unwrap_or_default().to_owned();
        let others =
            self.parameters.of_the_server().filter(|(name, _)| !matches!(*name, "options" | "application_name"));
        for (name, value) in others {
            if !options.is_empty() {
                options.push(' ');
            }
            options.push_str("-c ");
            let escaped = format!("{name}={value}")
                .chars()
                .flat_map(|c| {
                    let escape = (c.is_ascii_whitespace() || c == '\\').then_some('\\');
                    escape.into_iter().chain([c])
                })
                .collect::<String>();
            options.push_str(&escaped);
        }
        Some(options).filter(|options| !options.is_empty())
    }
}
