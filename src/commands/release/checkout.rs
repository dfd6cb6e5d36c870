//! Queries git about the current directory: the remote `origin` and the root of the work tree.

use std::path::Path;
use std::time::Duration;

use crate::commands::request;
use crate::commands::session::Session;
use crate::io::process::Git;
use crate::io::process::Output;
use crate::io::process::ProcessError;

/// The time limit for git, which only reads a few small files.
const GIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The limit of git's output, which is a few URLs or one path.
const MAX_OUTPUT: usize = 64 << 10;

/// The remote `origin` of a directory.
#[derive(Debug)]
pub(super) enum CheckoutRemote {
    /// At least one fetch URL, after git's rewriting.
    Urls(Vec<String>),
    /// There is no remote, for this reason.
    Absent(&'static str),
    /// There is a repository, but git cannot read it.
    Unreadable {
        /// Git's error message.
        why: String,
        /// What to do.
        hint: Option<String>,
        /// Whether another user owns the repository.
        is_not_permitted: bool,
    },
}

/// Git, in one directory.
pub(super) struct Checkout<'a> {
    git: Option<Git>,
    directory: &'a Path,
}

impl<'a> Checkout<'a> {
    pub(super) fn around(directory: &'a Path, session: &Session<'_>) -> Self {
        Self { git: Git::as_configured(&request::environment(session)), directory }
    }

    /// All fetch URLs of the remote `origin`.
    pub(super) fn origin(&self) -> Result<CheckoutRemote, ProcessError> {
        let Some(git) = &self.git else { return Ok(self.without_git()) };
        let answer = git.query(self.directory, &["remote", "get-url", "--all", "origin"], GIT_TIMEOUT, MAX_OUTPUT);
        match answer {
            Ok(answer) if answer.status.success() => {
                let urls: Vec<String> = answer.text().lines().map(str::to_owned).collect();
                Ok(if urls.is_empty() {
                    CheckoutRemote::Absent("the git remote `origin` has no URL")
                } else {
                    CheckoutRemote::Urls(urls)
                })
            }
            Ok(answer) => Ok(refused(&answer)),
            Err(error) if error.is_of_the_program() => {
                Ok(CheckoutRemote::Unreadable { why: error.line(), hint: None, is_not_permitted: false })
            }
            Err(error) => Err(error),
        }
    }

    /// The root of the work tree, as printed by git; `None` outside of one.
    pub(super) fn work_tree(&self, directory: &Path) -> Option<Vec<u8>> {
        let arguments = ["rev-parse", "--show-toplevel"];
        let answer = self.git.as_ref()?.query(directory, &arguments, GIT_TIMEOUT, MAX_OUTPUT).ok()?;
        answer.status.success().then(|| answer.stdout.trim_ascii_end().to_owned())
    }

    /// Without git, a repository that exists cannot be read; it is not treated as absent.
    fn without_git(&self) -> CheckoutRemote {
        match self.directory.ancestors().find(|directory| directory.join(".git").exists()) {
            Some(root) => CheckoutRemote::Unreadable {
                why: format!("git was not found on PATH, and `{}` is a git repository", root.display()),
                hint: Some("add git to PATH".to_owned()),
                is_not_permitted: false,
            },
            None => CheckoutRemote::Absent("this is not a git repository"),
        }
    }
}

/// Classifies git's error message.
fn refused(answer: &Output) -> CheckoutRemote {
    let stderr = String::from_utf8_lossy(&answer.stderr);
    if stderr.contains("No such remote") {
        return CheckoutRemote::Absent("there is no git remote `origin`");
    }
    if stderr.contains("not a git repository") {
        return CheckoutRemote::Absent("this is not a git repository");
    }
    let fatal = stderr.lines().find_map(|line| line.strip_prefix("fatal: "));
    // Git's message contains the command that trusts the repository, with its path.
    let trust = stderr.lines().map(str::trim).find(|line| line.starts_with("git config --global --add safe.directory"));
    CheckoutRemote::Unreadable {
        why: fatal.map_or_else(|| answer.complaint(), crate::io::process::shown),
        hint: trust.map(|command| format!("if you trust its owner, run `{}`", crate::io::process::shown(command))),
        is_not_permitted: trust.is_some(),
    }
}
