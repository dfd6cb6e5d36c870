//! Determines the repository of a release command: the first of `--repo`, the settings, `GITHUB_REPOSITORY` and the git remote
//! of the current directory. Never the worker's default repository, so that nothing is deleted from a repository that was not
//! specified. For a command that deletes, all of them must agree.

use crate::commands::release::checkout::Checkout;
use crate::commands::release::checkout::CheckoutRemote;
use crate::commands::release::remote::Remote;
use crate::commands::session::Session;
use crate::config::RootReason;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::process::ProcessError;
use crate::model::RepoSlug;
use crate::model::text::printable_line;

/// At most this many characters of a URL are shown.
const MAX_SHOWN: usize = 200;

/// What a command does with the releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RepositoryUse {
    /// Reads releases, or restores tags from a record of the same repository.
    Read,
    /// Deletes releases.
    Delete,
}

/// A source of the repository's name other than `--repo`.
struct Source {
    from: String,
    /// The unparsed value.
    text: String,
    names: Remote,
}

pub(super) fn find(
    flag: Option<&str>,
    purpose: RepositoryUse,
    session: &Session<'_>,
) -> Result<RepoSlug, CommandError> {
    if let Some(text) = flag {
        return parsed(text, "the option --repo");
    }
    let mut sources = named(session)?;
    if sources.is_empty() || purpose == RepositoryUse::Delete {
        // With `-C DIR`, DIR replaces the current directory.
        let here = if session.project.reason == RootReason::Named { &session.project.root } else { &session.env.cwd };
        let checkout = Checkout::around(here, session);
        let origin = checkout.origin().map_err(git_not_started)?;
        if purpose == RepositoryUse::Delete {
            is_the_projects_own(&checkout, here, session)?;
        }
        match origin {
            CheckoutRemote::Urls(urls) => sources.extend(urls.iter().map(|url| of_remote(url, session))),
            CheckoutRemote::Absent(why) if sources.is_empty() => return Err(missing(why)),
            CheckoutRemote::Absent(_) => {}
            CheckoutRemote::Unreadable { why, hint, is_not_permitted } => {
                return Err(unreadable(&sources, &why, hint, is_not_permitted));
            }
        }
    }
    let found = match &sources[0].names {
        Remote::Here(repository) => repository.clone(),
        Remote::Alias { .. } | Remote::Elsewhere => return Err(elsewhere(&sources[0], session)),
    };
    if purpose == RepositoryUse::Delete && sources.iter().any(|source| !source.names.may_be(&found)) {
        let message = "the sources of the repository name disagree; nothing was deleted";
        return Err(CommandError::message(ExitStatus::Conflict, message).details(listed(&sources)).hint(NAME_IT));
    }
    session.ui.debug(&format!("releases of {found} from {}", sources[0].from));
    Ok(found)
}

const NAME_IT: &str = "specify the repository with `--repo OWNER/NAME`, which overrides all other sources";

/// The repository in the settings and in the environment.
fn named(session: &Session<'_>) -> Result<Vec<Source>, CommandError> {
    let setting = session.settings.release_repository.as_ref();
    let setting = setting.map(|setting| (setting.value.clone(), setting.from.to_string()));
    let variable = session.env.var("GITHUB_REPOSITORY").map(|text| (text, "the variable GITHUB_REPOSITORY".to_owned()));
    setting
        .into_iter()
        .chain(variable)
        .map(|(text, from)| Ok(Source { names: Remote::Here(parsed(&text, &from)?), from, text }))
        .collect()
}

fn parsed(text: &str, from: &str) -> Result<RepoSlug, CommandError> {
    text.trim().parse().map_err(|error| CommandError::message(ExitStatus::Usage, format!("{from} is invalid: {error}")))
}

fn of_remote(url: &str, session: &Session<'_>) -> Source {
    let names = Remote::read(url, &session.settings.server.web_url.value);
    Source {
        from: "the git remote `origin`".to_owned(),
        text: printable_line(url).chars().take(MAX_SHOWN).collect(),
        names,
    }
}

fn listed(sources: &[Source]) -> Vec<String> {
    sources.iter().map(|source| format!("{}: {}", source.from, source.text)).collect()
}

/// The protection settings come from the project, so they must belong to the repository whose releases are deleted.
fn is_the_projects_own(
    checkout: &Checkout<'_>,
    here: &std::path::Path,
    session: &Session<'_>,
) -> Result<(), CommandError> {
    let root = &session.project.root;
    if root == here {
        return Ok(());
    }
    let Some(tree) = checkout.work_tree(here) else { return Ok(()) };
    if checkout.work_tree(root).as_ref() == Some(&tree) {
        return Ok(());
    }
    let message = format!(
        "the project root `{}` is outside of the git work tree `{}`; nothing was deleted",
        root.display(),
        String::from_utf8_lossy(&tree)
    );
    Err(CommandError::message(ExitStatus::Conflict, message)
        .hint("run the command in the root of the repository, or specify the repository with `--repo OWNER/NAME`"))
}

fn missing(why: &str) -> CommandError {
    CommandError::message(ExitStatus::Usage, format!("no repository is specified, and {why}"))
        .hint("specify it with `--repo OWNER/NAME`, or as `repository` in [tool.reproq.release] in pyproject.toml")
}

/// The error if git could not be started, so that the remote is unknown.
fn git_not_started(error: ProcessError) -> CommandError {
    let hint = error.hint();
    let failure = CommandError::new(ExitStatus::Failure, error).context("failed to read the git remote `origin`");
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The error for a remote that cannot be read, because the checkout may belong to any repository.
fn unreadable(sources: &[Source], why: &str, hint: Option<String>, is_not_permitted: bool) -> CommandError {
    let message = format!("the git remote `origin` cannot be read: {why}");
    let status = match (is_not_permitted, sources.is_empty()) {
        (_, false) => ExitStatus::Conflict,
        (true, true) => ExitStatus::NotPermitted,
        (false, true) => ExitStatus::Usage,
    };
    let failure = CommandError::message(status, message).details(listed(sources));
    hint.into_iter().fold(failure, CommandError::hint).hint(NAME_IT)
}

/// The error if the first source does not name a repository on this server.
fn elsewhere(source: &Source, session: &Session<'_>) -> CommandError {
    let server = session.settings.server.web_url.value.host_str().unwrap_or("GitHub");
    let message = format!("{} is `{}`, which is not a repository on {server}", source.from, source.text);
    let failure = CommandError::message(ExitStatus::Usage, message);
    match &source.names {
        Remote::Alias { host, repository } => {
            failure.hint(format!("if `{host}` is an SSH alias of {server}, use `--repo {repository}`"))
        }
        Remote::Here(_) | Remote::Elsewhere => failure.hint(NAME_IT),
    }
}
