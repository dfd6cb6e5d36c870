//! What git itself says of the directory a command runs in: its remote `origin`, and where its work tree begins.

use std::path::Path;
use std::time::Duration;

use crate::commands::request;
use crate::commands::session::Session;
use crate::io::process::Git;
use crate::io::process::Output;
use crate::io::process::ProcessError;

/// How long git may take: it reads a few small files.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an answer may be: a few URLs, or one path.
const LONGEST_ANSWER: usize = 64 << 10;

/// The remote `origin` of a directory.
#[derive(Debug)]
pub(super) enum CheckoutRemote {
    /// Its fetch URLs, as git rewrites them, at least one.
    Urls(Vec<String>),
    /// There is none, for this reason.
    Absent(&'static str),
    /// There is a repository, and git does not tell.
    Unreadable {
        /// Git's own reason.
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
    /// What is around a directory.
    pub(super) fn around(directory: &'a Path, session: &Session<'_>) -> Self {
        Self { git: Git::as_configured(&request::environment(session)), directory }
    }

    /// All fetch URLs of the remote `origin`.
    pub(super) fn origin(&self) -> Result<CheckoutRemote, ProcessError> {
        let Some(git) = &self.git else { return Ok(self.without_git()) };
        let answer = git.query(self.directory, &["remote", "get-url", "--all", "origin"], PATIENCE, LONGEST_ANSWER);
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

    /// The root of the work tree, as git prints it; none outside of one.
    pub(super) fn work_tree(&self, directory: &Path) -> Option<Vec<u8>> {
        let arguments = ["rev-parse", "--show-toplevel"];
        let answer = self.git.as_ref()?.query(directory, &arguments, PATIENCE, LONGEST_ANSWER).ok()?;
        answer.status.success().then(|| answer.stdout.trim_ascii_end().to_owned())
    }

    /// Without git a repository cannot be read, and one that is there is not taken for none.
    fn without_git(&self) -> CheckoutRemote {
        match self.directory.ancestors().find(|directory| directory.join(".git").exists()) {
            Some(root) => CheckoutRemote::Unreadable {
                why: format!("git was not found on PATH, and `{}` is a git repository", root.display()),
                hint: Some("put git on PATH".to_owned()),
                is_not_permitted: false,
            },
            None => CheckoutRemote::Absent("there is no git repository here"),
        }
    }
}

/// Why git did not tell, in its own words.
fn refused(answer: &Output) -> CheckoutRemote {
    let stderr = String::from_utf8_lossy(&answer.stderr);
    if stderr.contains("No such remote") {
        return CheckoutRemote::Absent("there is no git remote `origin` here");
    }
    if stderr.contains("not a git repository") {
        return CheckoutRemote::Absent("there is no git repository here");
    }
    let fatal = stderr.lines().find_map(|line| line.strip_prefix("fatal: "));
    // Git names the command that trusts the repository, with the path it has to name.
    let trust = stderr.lines().map(str::trim).find(|line| line.starts_with("git config --global --add safe.directory"));
    CheckoutRemote::Unreadable {
        why: fatal.map_or_else(|| answer.complaint(), crate::io::process::shown),
        hint: trust.map(|command| format!("`{}`, if you trust its owner", crate::io::process::shown(command))),
        is_not_permitted: trust.is_some(),
    }
}
