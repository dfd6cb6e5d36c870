//! What surrounds the process, read once when it starts: variables, directories and whether people are watching.
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

/// The variables whose value is an address, perhaps with what logs in there.
const ADDRESSES: [&str; 6] = [
    "GITHUB_API_URL",
    "GITHUB_SERVER_URL",
    "REPROQ_GITHUB_API_URL",
    "REPROQ_GITHUB_SERVER_URL",
    "GOPROXY",
    "REPROQ_MIRROR",
];

/// The variables that name one proxy each, whose password may hold anything.
const PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// A snapshot of the process's surroundings. Everything after it is a function of this value.
#[derive(Debug, Clone)]
pub struct Env {
    variables: BTreeMap<OsString, OsString>,
    /// The current directory.
    pub cwd: PathBuf,
    /// The user's home directory as the system knows it, for when no variable names one.
    home: Option<PathBuf>,
    /// The directory the system has for this program's cache, where it has one.
    pub cache_directory: Option<PathBuf>,
    /// The directory the system has for this program's data, where it has one.
    pub data_directory: Option<PathBuf>,
    /// This program's own file, where the system tells.
    pub own_executable: Option<PathBuf>,
    /// Whether somebody can answer a question.
    pub stdin_is_terminal: bool,
    /// Whether the report goes to a terminal.
    pub stdout_is_terminal: bool,
    /// Whether progress goes to a terminal.
    pub stderr_is_terminal: bool,
}

impl Env {
    /// Reads the real surroundings. Fails where the current directory no longer exists.
    pub fn capture() -> io::Result<Self> {
        let directories = directories::ProjectDirs::from("", "", "reproq");
        Ok(Self {
            variables: std::env::vars_os().collect(),
            cwd: std::env::current_dir()?,
            home: directories::BaseDirs::new().map(|directories| directories.home_dir().to_owned()),
            cache_directory: directories.as_ref().map(|directories| directories.cache_dir().to_owned()),
            data_directory: directories.as_ref().map(|directories| directories.data_dir().to_owned()),
            own_executable: std::env::current_exe().ok(),
            stdin_is_terminal: io::stdin().is_terminal(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
        })
    }

    /// Surroundings made by hand, without a terminal.
    pub fn built(cwd: &Path, variables: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self {
            variables: variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            cwd: cwd.to_owned(),
            home: None,
            cache_directory: None,
            data_directory: None,
            own_executable: None,
            stdin_is_terminal: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
        }
    }

    /// A variable's value; empty counts as not set, as upstream's worker has it.
    pub fn var_os(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// A variable's value as text; bytes that are no UTF-8 are replaced, and the result then fits nothing it is compared
    /// with.
    pub fn var(&self, name: &str) -> Option<String> {
        self.var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    /// A boolean variable, in upper or lower case; `None` where it is not set. An error names the values there are.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        let Some(value) = self.var(name) else { return Ok(None) };
        match value.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(Some(true)),
            "0" | "false" | "no" | "off" => Ok(Some(false)),
            // Woodpecker puts its own name there.
            "woodpecker" if name == "CI" => Ok(Some(true)),
            _ => Err(format!("it must be 1, true, yes, on, 0, false, no or off; found `{value}`")),
        }
    }

    /// Whether this runs in continuous integration (`CI=true`).
    pub fn is_ci(&self) -> bool {
        self.flag("CI") == Ok(Some(true))
    }

    /// The user's home directory: as the shell names it, else as the system knows it (a service often has no `HOME`).
    pub fn home(&self) -> Option<PathBuf> {
        let named = self.var_os("HOME").or_else(|| self.var_os("USERPROFILE")).map(PathBuf::from);
        named.or_else(|| self.home.clone())
    }

    /// What must never be shown, whatever is done with it: every token, and what logs in at the addresses of proxies and
    /// servers.
    pub fn secrets(&self) -> Vec<String> {
        let tokens = TOKEN_VARIABLES.iter().filter_map(|name| self.var(name)).map(|value| value.trim().to_owned());
        let addresses = ADDRESSES.iter().filter_map(|name| self.var(name));
        // Some of them hold several addresses.
        let each =
            |addresses: String| addresses.split([',', ' ', '\t', '\n']).flat_map(credentials_of).collect::<Vec<_>>();
        let proxies = PROXIES.iter().filter_map(|name| self.var(name));
        let proxies = proxies.flat_map(|address| credentials_of_proxy(&address));
        tokens.chain(addresses.flat_map(each)).chain(proxies).collect()
    }

    /// All variables, for handing on to a child process less what it must not see.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}
