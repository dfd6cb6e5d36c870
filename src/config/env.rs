//! The environment of the process, read once at the start: variables, directories and terminals.
#![expect(clippy::disallowed_methods, reason = "the environment and the current directory enter here")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::io;
use std::io::IsTerminal;
use std::path::Path;
use std::path::PathBuf;

use crate::model::secret::TOKEN_VARIABLES;
use crate::model::secret::credentials_of;
use crate::model::secret::credentials_of_proxy;
use crate::model::secret::passwords_in;

/// Variables whose value is a URL, possibly with credentials.
const ADDRESSES: [&str; 8] = [
    "DATABASE_URL",
    "GITHUB_API_URL",
    "GITHUB_SERVER_URL",
    "REPROQ_GITHUB_API_URL",
    "REPROQ_GITHUB_SERVER_URL",
    "GOPROXY",
    "REPROQ_MIRROR",
    "RENDER_API_URL",
];

/// Variables that contain one proxy each, whose password may contain any character.
const PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// A snapshot of the environment. Everything else is a function of this value.
#[derive(Debug, Clone)]
pub struct Env {
    variables: BTreeMap<OsString, OsString>,
    /// The current directory.
    pub cwd: PathBuf,
    /// The user's home directory according to the system, if no variable names one.
    home: Option<PathBuf>,
    /// The system's cache directory for this program, if there is one.
    pub cache_directory: Option<PathBuf>,
    /// The system's data directory for this program, if there is one.
    pub data_directory: Option<PathBuf>,
    /// The directory of the user's configuration of all programs, if there is one.
    pub configuration_directory: Option<PathBuf>,
    /// The path of this executable, if the system provides it.
    pub own_executable: Option<PathBuf>,
    /// Passwords on the command line.
    given_secrets: Vec<String>,
    /// Whether a user can answer a prompt.
    pub stdin_is_terminal: bool,
    /// Whether stdout is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether stderr is a terminal.
    pub stderr_is_terminal: bool,
}

impl Env {
    /// Reads the real environment. Fails if the current directory no longer exists.
    pub fn capture() -> io::Result<Self> {
        let directories = directories::ProjectDirs::from("", "", "reproq");
        let base = directories::BaseDirs::new();
        Ok(Self {
            variables: std::env::vars_os().collect(),
            cwd: std::env::current_dir()?,
            home: base.as_ref().map(|directories| directories.home_dir().to_owned()),
            configuration_directory: base.as_ref().map(|directories| directories.config_dir().to_owned()),
            cache_directory: directories.as_ref().map(|directories| directories.cache_dir().to_owned()),
            data_directory: directories.as_ref().map(|directories| directories.data_dir().to_owned()),
            own_executable: std::env::current_exe().ok(),
            given_secrets: Vec::new(),
            stdin_is_terminal: io::stdin().is_terminal(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
        })
    }

    /// An environment for tests, without a terminal.
    pub fn built(cwd: &Path, variables: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self {
            variables: variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            cwd: cwd.to_owned(),
            home: None,
            cache_directory: None,
            data_directory: None,
            configuration_directory: None,
            own_executable: None,
            given_secrets: Vec::new(),
            stdin_is_terminal: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
        }
    }

    /// Also treats the passwords in these arguments as secrets: the worker's flags have some.
    pub(crate) fn with_secrets_of(self, arguments: &[OsString]) -> Self {
        let given_secrets = arguments.iter().flat_map(|it| passwords_in(&it.to_string_lossy())).collect();
        Self { given_secrets, ..self }
    }

    /// The value of a variable; empty counts as unset, as in the worker.
    pub fn var_os(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The value of a variable as a string; invalid UTF-8 is replaced, and the result then matches no expected
    /// value.
    pub fn var(&self, name: &str) -> Option<String> {
        self.var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    /// A boolean variable, in upper or lower case; `None` if it is unset. The error lists the valid values.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        let Some(value) = self.var(name) else { return Ok(None) };
        match value.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(Some(true)),
            "0" | "false" | "no" | "off" => Ok(Some(false)),
            // Woodpecker sets its own name.
            "woodpecker" if name == "CI" => Ok(Some(true)),
            _ => Err(format!("it must be 1, true, yes, on, 0, false, no or off; found `{value}`")),
        }
    }

    /// Whether this runs in continuous integration (`CI=true`).
    pub fn is_ci(&self) -> bool {
        self.flag("CI") == Ok(Some(true))
    }

    /// The user's home directory: from the variables, else from the system (a service often has no `HOME`).
    pub fn home(&self) -> Option<PathBuf> {
        let named = self.var_os("HOME").or_else(|| self.var_os("USERPROFILE")).map(PathBuf::from);
        named.or_else(|| self.home.clone())
    }

    /// The values that must never be shown: every token, and the credentials in URLs of proxies and
    /// servers.
    pub fn secrets(&self) -> Vec<String> {
        let tokens = TOKEN_VARIABLES.iter().filter_map(|name| self.var(name)).map(|value| value.trim().to_owned());
        let passwords = self.var("PGPASSWORD");
        let addresses = ADDRESSES.iter().filter_map(|name| self.var(name));
        // Some of them contain several URLs.
        let each =
            |addresses: String| addresses.split([',', ' ', '\t', '\n']).flat_map(credentials_of).collect::<Vec<_>>();
        let proxies = PROXIES.iter().filter_map(|name| self.var(name));
        let proxies = proxies.flat_map(|address| credentials_of_proxy(&address));
        let database = self.var("DATABASE_URL").map(|url| passwords_in(&url)).unwrap_or_default();
        let given = self.given_secrets.iter().cloned().chain(database);
        given.chain(tokens).chain(passwords).chain(addresses.flat_map(each)).chain(proxies).collect()
    }

    /// All variables, to be filtered for child processes.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}
