//! Runs git for read-only queries.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::io::process::Keep;
use crate::io::process::Output;
use crate::io::process::ProcessError;
use crate::io::process::Request;
use crate::io::process::Stdin;
use crate::io::process::find::is_named;
use crate::io::process::find_program;
use crate::io::process::run;

/// The variables that git needs to run and to find its configuration. The rest, such as `GIT_DIR` in a git hook, would
/// make it query a different repository.
const NEEDED: [&str; 11] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
    "SYSTEMROOT",
    "TMPDIR",
    "TEMP",
    "TMP",
    "PATHEXT",
];

/// The location of git's own configuration, and how far git searches for a repository.
const CONFIGURATION: [&str; 6] = [
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CEILING_DIRECTORIES",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    // The user whose repositories a superuser trusts under sudo.
    "SUDO_UID",
];

/// A git executable with its environment.
#[derive(Debug)]
pub(crate) struct Git {
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

impl Git {
    /// The git on `PATH`, without the system configuration.
    pub(crate) fn without_system_configuration(environment: &[(OsString, OsString)]) -> Option<Self> {
        let mut git = Self::found(environment, &[])?;
        git.environment.push(("GIT_CONFIG_NOSYSTEM".into(), "1".into()));
        Some(git)
    }

    /// The git on `PATH` with the user's configuration.
    pub(crate) fn as_configured(environment: &[(OsString, OsString)]) -> Option<Self> {
        Self::found(environment, &CONFIGURATION)
    }

    fn found(environment: &[(OsString, OsString)], more: &[&str]) -> Option<Self> {
        let program = find_program("git", environment, None).ok()?;
        let needed = |name: &OsStr| NEEDED.iter().chain(more).any(|needed| is_named(name, needed));
        let mut variables: Vec<_> = environment.iter().filter(|(name, _)| needed(name)).cloned().collect();
        // No lock that could disturb a concurrent `git commit`; English, because the messages are parsed; no prompts.
        let fixed = [("GIT_OPTIONAL_LOCKS", "0"), ("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C")];
        variables.extend(fixed.map(|(name, value)| (name.into(), value.into())));
        Some(Self { program, environment: variables })
    }

    /// Runs a query for the repository of a directory.
    pub(crate) fn query(
        &self,
        directory: &Path,
        arguments: &[&str],
        limit: Duration,
        output_limit: usize,
    ) -> Result<Output, ProcessError> {
        // A file system monitor is a program that the repository chooses; a query must not start it.
        let common = ["-c", "core.fsmonitor=false", "-C"].map(OsStr::new).into_iter().chain([directory.as_os_str()]);
        let arguments: Vec<&OsStr> = common.chain(arguments.iter().map(OsStr::new)).collect();
        let request = Request {
            program: &self.program,
            arguments: &arguments,
            directory: None,
            environment: &self.environment,
            stdin: Stdin::Empty,
            limit,
            output_limit,
            keep: Keep::All,
        };
        run(&request, &|| false)
    }
}
