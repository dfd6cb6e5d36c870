//! What belongs to a database URL and is not in it: the variables of libpq, the password file, the service file.

use std::collections::BTreeMap;

use crate::dsn::error::DsnError;
use crate::dsn::settings::Settings;
use crate::pg::Password;

/// The directories in which the worker looks for a server's socket. The first that exists is its default host.
pub const SOCKET_DIRECTORIES: [&str; 3] = ["/var/run/postgresql", "/private/tmp", "/tmp"];

/// What the process and the file system contribute, as values.
pub struct Surroundings<'a> {
    /// The environment, of which the variables of libpq are used.
    pub variables: &'a BTreeMap<String, String>,
    /// The name of the user that runs this process, the default user.
    pub system_user: Option<&'a str>,
    /// Its home directory, with the default files.
    pub home: Option<&'a str>,
    /// The first of [`SOCKET_DIRECTORIES`] that exists.
    pub socket_directory: Option<&'a str>,
    /// The content of a file.
    pub files: &'a dyn Fn(&str) -> FileContent,
}

/// A file that a setting names.
#[derive(Clone, PartialEq, Eq)]
pub enum FileContent {
    /// It does not exist.
    Missing,
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// It can be read.
    Present {
        /// Its content.
        bytes: Vec<u8>,
        /// Whether no other user may read or write it, which libpq requires of a password file.
        is_private: bool,
    },
}

/// The variables of libpq that the worker reads, with their settings.
const VARIABLES: [(&str, &str); 20] = [
    ("PGHOST", "host"),
    ("PGPORT", "port"),
    ("PGDATABASE", "database"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGPASSFILE", "passfile"),
    ("PGAPPNAME", "application_name"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLSNI", "sslsni"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLPASSWORD", "sslpassword"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGSERVICE", "service"),
    ("PGSERVICEFILE", "servicefile"),
    ("PGTZ", "timezone"),
    ("PGOPTIONS", "options"),
];

impl Surroundings<'_> {
    /// What is used where nothing else is set.
    pub(super) fn defaults(&self) -> Settings {
        let mut settings = Settings::default();
        settings.set("host", self.socket_directory.unwrap_or("localhost"));
        settings.set("port", "5432");
        settings.set("target_session_attrs", "any");
        if let Some(user) = self.system_user {
            settings.set("user", user);
        }
        let Some(home) = self.home.map(|home| home.trim_end_matches('/')) else { return settings };
        settings.set("passfile", &format!("{home}/.pgpass"));
        settings.set("servicefile", &format!("{home}/.pg_service.conf"));
        let in_home = |name: &str| format!("{home}/.postgresql/{name}");
        let exists = |path: &str| (self.files)(path) != FileContent::Missing;
        let (certificate, key, roots) = (in_home("postgresql.crt"), in_home("postgresql.key"), in_home("root.crt"));
        if exists(&certificate) && exists(&key) {
            settings.set("sslcert", &certificate);
            settings.set("sslkey", &key);
        }
        if exists(&roots) {
            settings.set("sslrootcert", &roots);
        }
        settings
    }

    /// The variables of libpq. An empty one is not set.
    pub(super) fn of_the_environment(&self) -> Settings {
        let mut settings = Settings::default();
        for (variable, key) in VARIABLES {
            if let Some(value) = self.variables.get(variable).filter(|value| !value.is_empty()) {
                settings.set(key, value);
            }
        }
        settings
    }

    /// The text of a file.
    pub(super) fn read(&self, key: &'static str, path: &str) -> Result<Vec<u8>, DsnError> {
        match (self.files)(path) {
            FileContent::Present { bytes, .. } => Ok(bytes),
            FileContent::Missing => Err(DsnError::File { key, problem: "does not exist".to_owned() }),
            FileContent::Unreadable(reason) => {
                Err(DsnError::File { key, problem: format!("cannot be read: {reason}") })
            }
        }
    }

    /// The settings of a service.
    pub(super) fn service(&self, path: &str, name: &str) -> Result<Settings, DsnError> {
        let broken = |number: usize, problem: &str| DsnError::File {
            key: "servicefile",
            problem: format!("has a mistake in line {}: {problem}", number + 1),
        };
        let text = self.read("servicefile", path)?;
        let text = String::from_utf8_lossy(&text);
        // A later section of the same name takes the place of an earlier one.
        let (mut found, mut section) = (None, None);
        for (number, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = Some(header);
                if header == name {
                    found = Some(Settings::default());
                }
                continue;
            }
            let section = section.ok_or_else(|| broken(number, "it is not in a section"))?;
            let (key, value) = line.split_once('=').ok_or_else(|| broken(number, "it has no `=`"))?;
            if let Some(settings) = found.as_mut().filter(|_| section == name) {
                settings.set(key.trim(), value.trim());
            }
        }
        found.ok_or(DsnError::NoService)
    }
}

/// The passwords of a password file.
#[derive(Default)]
pub(super) struct PasswordFile {
    entries: Vec<[String; 5]>,
}

impl PasswordFile {
    /// Lines that have not five fields are ignored.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        Self { entries: lines.filter_map(|line| fields(line).try_into().ok()).collect() }
    }

    /// The password of the first line that matches.
    pub(super) fn find(&self, host: &str, port: u16, database: &str, user: &str) -> Option<Password> {
        let port = port.to_string();
        let wanted = [host, &port, database, user];
        let matches =
            |entry: &&[String; 5]| entry.iter().zip(wanted).all(|(pattern, value)| pattern == "*" || pattern == value);
        let [.., password] = self.entries.iter().find(matches)?;
        Some(Password::new(password.clone()))
    }
}

/// Split at colons. A backslash escapes a colon or a backslash.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        let escaped = characters.next_if(|next| c == '\\' && matches!(next, '\\' | ':'));
        match (escaped, fields.last_mut()) {
            (None, _) if c == ':' => fields.push(String::new()),
            (escaped, Some(field)) => field.push(escaped.unwrap_or(c)),
            (_, None) => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_matches_has_the_password() {
        let text =
            b"# comment\nh:5432:db:u:one\nh:*:db:*:two\\:\\\\\ntoo:few:fields:here\n*:*:*:*:three\n*:*:*:*:a:b\n";
        let file = PasswordFile::parse(text);
        let find = |host, port, user| file.find(host, port, "db", user).map(|password| password.expose().to_owned());
        assert_eq!(find("h", 5432, "u").as_deref(), Some("one"));
        assert_eq!(find("h", 1, "u").as_deref(), Some("two:\\"));
        assert_eq!(find("other", 1, "u").as_deref(), Some("three"));
        assert!(PasswordFile::parse(b"a:1:b:c:d").find("b", 1, "b", "c").is_none());
    }
}
