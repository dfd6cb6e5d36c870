//! Carries out the steps of the plan, each of them completely or not at all.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use crate::cli::InitArgs;
use crate::commands::db;
use crate::commands::hints;
use crate::commands::init::gather;
use crate::commands::init::plan::InitStep;
use crate::commands::init::plan::StepState;
use crate::commands::init::plan::StepWork;
use crate::commands::request;
use crate::commands::session::Session;
use crate::django::APP;
use crate::django::DjangoFacts;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::install;
use crate::flows::install::InstallError;
use crate::flows::install::InstallOptions;
use crate::io::fs::write_through_link;
use crate::io::process::Keep;
use crate::io::process::Request;
use crate::io::process::Stdin;
use crate::io::process::stream;
use crate::model::secret::for_children;
use crate::model::text::count;
use crate::platform;

/// A migration may rewrite a large table.
const MIGRATION_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How many of the last lines of a failed migration are shown.
const LAST_LINES: usize = 15;

/// What to do after a step that failed.
const CONTINUE: &str = "correct this, then run `reproq init` again: it continues with the steps that are not done";

/// Carries out the planned steps in order. A failed step ends it; the steps before it stay done.
pub(super) fn apply(
    steps: &mut [InitStep],
    django: &DjangoFacts,
    arguments: &InitArgs,
    session: &Session<'_>,
) -> Result<(), CommandError> {
    let mut done = Vec::new();
    for step in steps.iter_mut() {
        let Some(work) = step.work.take() else { continue };
        let summary = carry_out(&work, django, arguments, session).map_err(|failure| {
            let before = done.iter().map(|line| format!("done: {line}"));
            let is_interrupt = failure.status == ExitStatus::Interrupted;
            let failure = failure.context(format!("the step `{}` failed", step.step.as_str())).details(before);
            if is_interrupt { failure } else { failure.hint(CONTINUE) }
        })?;
        session.ui.status(&format!("{}: {summary}", step.step.as_str()));
        done.push(summary.clone());
        (step.state, step.summary) = (StepState::Done, summary);
    }
    Ok(())
}

/// Returns what was done.
fn carry_out(
    work: &StepWork,
    django: &DjangoFacts,
    arguments: &InitArgs,
    session: &Session<'_>,
) -> Result<String, CommandError> {
    match work {
        StepWork::Write { path, old, added } => write(path, old.as_deref(), added, session),
        StepWork::Install { again } => install_worker(*again, arguments, session),
        StepWork::DjangoMigrate { fake_initial } => django_migrate(*fake_initial, django, session),
        StepWork::DbMigrate => {
            let (applied, blocked) = db::apply_all(session)?;
            for blocked in blocked {
                session.ui.warn(&format!("{}: {}", blocked.change, blocked.reason));
            }
            Ok(format!("{} applied", count(applied, "statement")))
        }
    }
}

/// Continues a file, or creates it, if it is still as it was when the plan was made.
fn write(name: &str, old: Option<&str>, added: &str, session: &Session<'_>) -> Result<String, CommandError> {
    let path = session.project.root.join(name);
    if gather::read(&path)?.as_deref() != old {
        let message = format!("`{}` was changed in the meantime", path.display());
        return Err(CommandError::message(ExitStatus::Conflict, message));
    }
    let text = format!("{}{added}", old.unwrap_or_default());
    write_through_link(&path, text.as_bytes())
        .map_err(|error| CommandError::new(ExitStatus::Failure, error).context(format!("failed to write {name}")))?;
    Ok(if old.is_some() {
        format!("{} was added to", first_line(added)) + " " + name
    } else {
        format!("{name} was written")
    })
}

fn first_line(text: &str) -> &str {
    text.trim_start().lines().next().unwrap_or_default()
}

fn install_worker(again: bool, arguments: &InitArgs, session: &Session<'_>) -> Result<String, CommandError> {
    let environment = request::environment(session);
    let progress = session.ui.progress();
    let context = request::install_context(session, &environment, LOCK_TIMEOUT, &progress);
    let options = InstallOptions { force: again, ..gather::install_options(arguments, session)? };
    let request = request::request(options, session)?;
    platform::watch_signals();
    let outcome = install::run(&request, &context);
    platform::exit_if_signaled(outcome.as_ref().is_err_and(InstallError::is_of_a_child));
    let outcome = outcome.map_err(|error| hints::explain(error, &request))?;
    let label = outcome.receipt.label();
    let locked = if outcome.locked.is_some() { ", and reproq.lock pins it" } else { "" };
    Ok(format!("{label} is installed (`{}`){locked}", outcome.receipt.verdict))
}

/// As `install` waits by default.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Runs Django's own command for the app of the queue, and passes on what it prints.
fn django_migrate(fake_initial: bool, django: &DjangoFacts, session: &Session<'_>) -> Result<String, CommandError> {
    let root = &session.project.root;
    let mut words: Vec<&OsStr> = if root.join("manage.py").is_file() {
        vec![OsStr::new("manage.py")]
    } else {
        vec![OsStr::new("-m"), OsStr::new("django")]
    };
    words.extend(["migrate", APP, "--noinput", "--no-color"].map(OsStr::new));
    words.extend(fake_initial.then(|| OsStr::new("--fake-initial")));
    if django.default_alias() != "default" {
        words.extend([OsStr::new("--database"), OsStr::new(django.default_alias())]);
    }
    run_python(&django.python, &words, root, session)?;
    Ok(format!("Django migrated `{APP}`"))
}

fn run_python(python: &Path, words: &[&OsStr], root: &Path, session: &Session<'_>) -> Result<(), CommandError> {
    let all = request::environment(session);
    let environment: Vec<_> = for_children(&all).cloned().collect();
    let run = Request {
        program: python,
        arguments: words,
        directory: Some(root),
        environment: &environment,
        stdin: Stdin::Empty,
        limit: MIGRATION_LIMIT,
        output_limit: usize::MAX,
        keep: Keep::All,
    };
    platform::watch_signals();
    // A signal ends Python first, which rolls back the migration.
    let _hold = platform::hold_exit();
    let mut lines: Vec<String> = Vec::new();
    let mut remember = |line: String| {
        session.ui.status(&format!("  {line}"));
        lines.push(line);
        lines.drain(..lines.len().saturating_sub(LAST_LINES));
    };
    let status = stream(&run, &mut remember, &platform::is_interrupted);
    if platform::is_interrupted() {
        return Err(CommandError::message(ExitStatus::Interrupted, "interrupted"));
    }
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let last = lines.last().cloned().unwrap_or_else(|| status.to_string());
            Err(CommandError::message(ExitStatus::Failure, format!("`manage.py migrate` failed: {last}"))
                .details(lines))
        }
        Err(error) => Err(CommandError::message(ExitStatus::Failure, error.line())),
    }
}
