//! `reproq release …`: manages the releases of one explicitly specified repository.

mod check;
mod checkout;
mod checksums;
mod errors;
mod evidence;
mod list;
mod markdown;
mod outputs;
mod prune;
mod prune_report;
mod remote;
mod repository;
mod restore;

use std::path::PathBuf;

use crate::change::Audit;
use crate::change::AuditError;
use crate::cli::ReleaseCommand;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::fs::Dir;
use crate::io::fs::FileError;
use crate::io::net;
use crate::io::net::Http;
use crate::model::RepoSlug;
use crate::model::Tag;
use crate::sources::github::GitHub;
use crate::worker::store;

pub(super) fn run(command: &ReleaseCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        ReleaseCommand::List(arguments) => list::list(arguments, session),
        ReleaseCommand::Prune(arguments) => prune::prune(arguments, session),
        ReleaseCommand::Restore(arguments) => restore::restore(arguments, session),
        ReleaseCommand::Check(arguments) => check::check(arguments, session),
        ReleaseCommand::Checksums(arguments) => checksums::checksums(arguments, session),
    }
}

/// The tag that a repository's page for its newest release leads to; counts against no limit of the API.
pub(in crate::commands) fn newest_page(repository: &RepoSlug, session: &Session<'_>) -> Result<Tag, CommandError> {
    runtime()?
        .block_on(async { client(repository, session)?.newest_page().await.map_err(|error| hints::network(&error)) })
}

/// The runtime; requests are sent one after another.
pub(in crate::commands) fn runtime() -> Result<&'static tokio::runtime::Runtime, CommandError> {
    net::runtime()
        .map_err(|error| CommandError::new(ExitStatus::Failure, error).context("failed to start the network runtime"))
}

/// The client for a repository. Must be called inside the runtime.
fn client(repository: &RepoSlug, session: &Session<'_>) -> Result<GitHub, CommandError> {
    let settings = &session.settings;
    if settings.offline.value {
        let message = format!("releases are on GitHub, but network access is disabled ({})", settings.offline.from);
        return Err(CommandError::message(ExitStatus::Usage, message).hint("remove `--offline`"));
    }
    Http::new(session.http.clone())
        .map_err(Into::into)
        .and_then(|http| GitHub::new(http, repository.clone(), settings.server.clone(), settings.tokens.clone()))
        .map_err(|error| errors::api(error, repository))
}

/// Creates the audit record at the given path, else in `.reproq/audit` with a unique name.
pub(in crate::commands) fn begin_audit(
    named: Option<&PathBuf>,
    command: &str,
    session: &Session<'_>,
) -> Result<Audit, CommandError> {
    let audit = match named {
        Some(path) => Audit::open(&session.env.cwd.join(path)),
        None => own_audit(command, session),
    };
    let audit = audit.map_err(errors::audit)?;
    keep_out_of_version_control(session);
    Ok(audit)
}

fn own_audit(command: &str, session: &Session<'_>) -> Result<Audit, AuditError> {
    let root = &session.project.root;
    let missing = || FileError::io("open the directory", root)(std::io::ErrorKind::NotFound.into());
    let project = Dir::open(root)?.ok_or_else(missing)?;
    let directory = project.make_directory(".reproq")?.make_directory("audit")?;
    Audit::create(&directory, &format!("{command}-{}", session.current_time().format("%Y%m%dT%H%M%SZ")))
}

/// Excludes `.reproq` from version control.
fn keep_out_of_version_control(session: &Session<'_>) {
    let home = session.project.root.join(".reproq");
    if home.is_dir()
        && let Err(error) = store::keep_out_of_version_control(&home)
    {
        session.ui.debug(&error.to_string());
    }
}
