//! An entry of `DATABASES` as a database URL. Pure.

use std::collections::BTreeMap;

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use serde_json::Value;
use thiserror::Error;

use crate::django::NamedValues;
use crate::model::secret::Secret;

/// What is encoded: everything but what no part of a URL gives a meaning.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `OPTIONS` that Django or psycopg use themselves, and that are no settings of a connection.
const OF_DJANGO: [&str; 12] = [
    "autocommit",
    "client_encoding",
    "connection_factory",
    "context",
    "cursor_factory",
    "isolation_level",
    "pool",
    "prepare_threshold",
    "row_factory",
    "server_side_binding",
    "async_",
    "dsn",
];

/// Engines that are not PostgreSQL. Others may be: there are many wrappers.
const OTHER_ENGINES: [&str; 6] = ["sqlite", "spatialite", "mysql", "oracle", "mssql", "dummy"];

/// An entry of `DATABASES`. Everything in it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct DjangoDatabase {
    /// Its alias.
    pub alias: String,
    /// `ENGINE`.
    pub engine: String,
    pub(super) name: Value,
    pub(super) user: Value,
    pub(super) password: Value,
    pub(super) host: Value,
    pub(super) port: Value,
    /// `OPTIONS`.
    pub(super) options: NamedValues,
}

impl std::fmt::Debug for DjangoDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DjangoDatabase")
            .field("alias", &self.alias)
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

/// A database URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DjangoUrl {
    pub url: Secret<String>,
    /// The names of `OPTIONS` that it does not have, although Django uses them for the connection.
    pub left_out: Vec<String>,
}

/// Why there is no URL for an entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DatabaseProblem {
    #[error("its ENGINE is `{0}`, and the queue needs PostgreSQL")]
    Engine(String),
    #[error("its ENGINE is missing")]
    NoEngine,
    #[error("it has neither NAME nor a service in OPTIONS")]
    NoName,
    #[error("its {key} is a Python `{found}`, which a database URL cannot express")]
    Type { key: String, found: String },
    #[error("its {0} contains a NUL character")]
    Nul(String),
}

impl DjangoDatabase {
    /// The URL with which Django's own connection parameters are expressed. `is_left_out` decides about the settings that the
    /// reader of the URL cannot use.
    pub fn url(&self, is_left_out: &dyn Fn(&str) -> bool) -> Result<DjangoUrl, DatabaseProblem> {
        if self.engine.is_empty() {
            return Err(DatabaseProblem::NoEngine);
        }
        if OTHER_ENGINES.iter().any(|other| self.engine.to_ascii_lowercase().contains(other)) {
            return Err(DatabaseProblem::Engine(self.engine.clone()));
        }
        let mut parameters = self.parameters()?;
        let (kept, left_out): (Vec<_>, Vec<_>) = parameters.keys().cloned().partition(|key| !is_left_out(key));
        if !kept.iter().any(|key| key == "host") && left_out.iter().any(|key| key == "hostaddr") {
            let address = parameters.remove("hostaddr").unwrap_or_default();
            parameters.insert("host".to_owned(), address);
        }
        parameters.retain(|key, _| !left_out.contains(key));
        Ok(DjangoUrl { url: Secret::new(written(parameters)), left_out })
    }

    /// The parameters of the connection, as Django composes them.
    fn parameters(&self) -> Result<BTreeMap<String, String>, DatabaseProblem> {
        let mut parameters = BTreeMap::new();
        let name = if self.name.is_null() { Some("postgres".to_owned()) } else { text("NAME", &self.name)? };
        let name = name.filter(|name| !name.is_empty());
        if let Some(name) = name {
            parameters.insert("dbname".to_owned(), name);
        }
        for (key, value) in self.options.0.iter().filter(|(key, _)| !OF_DJANGO.contains(&key.as_str())) {
            // Django runs SET ROLE after it has connected; the server has a parameter for the same.
            let name = if key == "assume_role" { "role" } else { key };
            let is_overridden = self.name.is_null() && key == "service";
            if let Some(value) = text(&format!("OPTIONS entry {key}"), value)?.filter(|_| !is_overridden) {
                parameters.insert(name.to_owned(), value);
            }
        }
        let own = [("USER", "user", &self.user), ("PASSWORD", "password", &self.password)];
        for (key, name, value) in own.into_iter().chain([("HOST", "host", &self.host), ("PORT", "port", &self.port)]) {
            if let Some(value) = text(key, value)?.filter(|value| !value.is_empty()) {
                parameters.insert(name.to_owned(), value);
            }
        }
        if !parameters.contains_key("dbname") && !parameters.contains_key("service") {
            return Err(DatabaseProblem::NoName);
        }
        Ok(parameters)
    }

    /// Every string in it that must not be shown: the password, and the passwords in `OPTIONS`.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let named = self.options.0.iter().filter(|(key, _)| key.contains("password") || key.contains("secret"));
        let values = [&self.password].into_iter().chain(named.map(|(_, value)| value));
        let plain: Vec<String> = values.filter_map(|value| text("", value).ok()?).filter(|it| !it.is_empty()).collect();
        let encoded: Vec<String> = plain.iter().map(|it| encoded(it)).collect();
        plain.into_iter().chain(encoded).collect()
    }
}

/// A value as psycopg writes it. `None` is left out.
fn text(key: &str, value: &Value) -> Result<Option<String>, DatabaseProblem> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 => format!("{float:.0}"),
            Some(_) | None => number.to_string(),
        },
        Value::Array(_) => return Err(DatabaseProblem::Type { key: key.to_owned(), found: "list".to_owned() }),
        Value::Object(object) => {
            let found = object.get("$type").and_then(Value::as_str).unwrap_or("dict").to_owned();
            return Err(DatabaseProblem::Type { key: key.to_owned(), found });
        }
    };
    if text.contains('\0') { Err(DatabaseProblem::Nul(key.to_owned())) } else { Ok(Some(text)) }
}

/// The parameters as a URL. What the authority or the path cannot express becomes a part of the query.
fn written(mut parameters: BTreeMap<String, String>) -> String {
    let mut url = "postgres://".to_owned();
    if let Some(user) = parameters.remove("user") {
        url.push_str(&encoded(&user));
        if let Some(password) = parameters.remove("password") {
            url.push(':');
            url.push_str(&encoded(&password));
        }
        url.push('@');
    }
    if let Some(authority) = authority(&parameters) {
        url.push_str(&authority);
        parameters.remove("host");
        parameters.remove("port");
    }
    url.push('/');
    // The reader removes slashes from the beginning of a path.
    if let Some(name) = parameters.get("dbname").filter(|name| !name.starts_with('/')) {
        url.push_str(&encoded(name));
        parameters.remove("dbname");
    }
    for (index, (key, value)) in parameters.iter().enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(&format!("{}={}", encoded(key), encoded(value)));
    }
    url
}

/// The hosts with their ports, if all of them are names or addresses.
fn authority(parameters: &BTreeMap<String, String>) -> Option<String> {
    let hosts: Vec<&str> = parameters.get("host")?.split(',').collect();
    let ports: Vec<&str> = parameters.get("port").map(|port| port.split(',').collect()).unwrap_or_default();
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if !ports.iter().all(|port| is_port(port)) || !(ports.len() <= 1 || ports.len() == hosts.len()) {
        return None;
    }
    let is_name = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    let is_address = |host: &str| hosts.len() == 1 && host.parse::<core::net::Ipv6Addr>().is_ok();
    let mut written = Vec::new();
    for (index, host) in hosts.iter().enumerate() {
        let host = match host {
            host if is_name(host) => (*host).to_owned(),
            host if is_address(host) => format!("[{host}]"),
            _ => return None,
        };
        let port = ports.get(index).or(ports.first()).map(|port| format!(":{port}"));
        written.push(host + &port.unwrap_or_default());
    }
    Some(written.join(","))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn database(value: &Value) -> DjangoDatabase {
        let field = |key: &str| value.get(key).cloned().unwrap_or_else(|| json!(""));
        let options = value.get("OPTIONS").and_then(Value::as_object).cloned().unwrap_or_default();
        DjangoDatabase {
            alias: "default".to_owned(),
            engine: value
                .get("ENGINE")
                .map_or("django.db.backends.postgresql", |it| it.as_str().unwrap_or(""))
                .to_owned(),
            name: field("NAME"),
            user: field("USER"),
            password: field("PASSWORD"),
            host: field("HOST"),
            port: field("PORT"),
            options: NamedValues(options.into_iter().collect()),
        }
    }

    fn url(value: &Value) -> String {
        match database(value).url(&|key| key.starts_with("keepalives") || key == "hostaddr") {
            Ok(DjangoUrl { url, left_out }) if left_out.is_empty() => url.expose().clone(),
            Ok(DjangoUrl { url, left_out }) => format!("{} without {}", url.expose(), left_out.join(", ")),
            Err(problem) => problem.to_string(),
        }
    }

    #[test]
    fn entries_become_urls() {
        let cases = [
            json!({"NAME": "shop"}),
            json!({"NAME": "shop", "USER": "me", "PASSWORD": "p@ss/w:rd#?%", "HOST": "db.example", "PORT": 5433}),
            json!({"NAME": "shop", "USER": "me", "HOST": "/var/run/postgresql", "PORT": "5433"}),
            json!({"NAME": "shop", "USER": "m:e@x", "PASSWORD": "", "HOST": "::1", "PORT": "5432"}),
            json!({"NAME": "a/b ?é", "USER": "me", "HOST": "a,b", "PORT": "1,2"}),
            json!({"NAME": "shop", "HOST": "a,/tmp", "PORT": "1"}),
            json!({"NAME": "/shop", "PASSWORD": "alone"}),
            json!({"NAME": "shop", "HOST": "a,b,c", "PORT": "1,2"}),
            json!({"NAME": "", "OPTIONS": {"service": "main"}}),
            json!({"NAME": null, "OPTIONS": {"service": "main", "sslmode": "require"}}),
            json!({"NAME": "shop", "USER": null, "HOST": null, "OPTIONS": {"sslmode": "verify-full", "sslrootcert": "/a b.pem", "connect_timeout": 10.0}}),
            json!({"NAME": "shop", "OPTIONS": {"options": "-c search_path=x,public", "keepalives": 1, "keepalives_idle": 30}}),
            json!({"NAME": "shop", "OPTIONS": {"hostaddr": "10.0.0.1", "assume_role": "r", "isolation_level": 2, "pool": {"min_size": 1}}}),
            json!({"NAME": "shop", "HOST": "b", "OPTIONS": {"dbname": "other", "host": "a", "user": "u", "application_name": null}}),
            json!({"NAME": "shop", "OPTIONS": {"passfile": {"$type": "Secret"}}}),
            json!({"NAME": "shop", "USER": "a\u{0}b"}),
            json!({"NAME": "", "USER": "me"}),
            json!({"NAME": "x.sqlite3", "ENGINE": "django.db.backends.sqlite3"}),
            json!({"NAME": "x", "ENGINE": ""}),
            json!({"NAME": "x", "ENGINE": "django_prometheus.db.backends.postgresql"}),
            json!({"NAME": 7, "PASSWORD": 12345}),
        ];
        let lines: Vec<String> = cases.iter().map(|case| format!("{case}\n    {}", url(case))).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn nothing_of_an_entry_is_printed_but_its_alias_and_engine() {
        let found = database(&json!({"NAME": "shop", "PASSWORD": "hunter2", "OPTIONS": {"sslpassword": "s e"}}));
        assert_eq!(
            format!("{found:?}"),
            "DjangoDatabase { alias: \"default\", engine: \"django.db.backends.postgresql\", .. }"
        );
        assert_eq!(found.secrets(), ["hunter2", "s e", "hunter2", "s%20e"]);
    }
}
