//! Installs the proven Reproq worker binary, says which one will run and why, and keeps its GitHub releases lean.
//!
//! The library behind the `reproq` command. In one breath: read the world into values, decide in pure functions, show the
//! decision, carry out exactly that. The map of the directories is in `ARCHITECTURE.md`.

pub mod cli;
mod commands;
pub mod config;
pub mod failure;
pub mod flows;
pub mod io;
pub mod lockfile;
pub mod model;
pub mod platform;
pub mod releases;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "what is skipped is recorded in a file")]
#[path = "../tests/suite/support/skip.rs"]
mod skip;
pub mod sources;
pub mod trust;
pub mod ui;
pub mod worker;

use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

use clap::Parser;
use clap::error::ContextKind;
use clap::error::ContextValue;
use clap::error::ErrorKind;

use crate::cli::Cli;
use crate::commands::session::Session;
use crate::config::Env;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::ui::ColorChoice;
use crate::ui::Ui;
use crate::ui::Verbosity;

/// Runs one command line to its exit status: parse, read the surroundings once, dispatch, report.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitStatus {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let env = match Env::capture() {
        Ok(env) => env,
        Err(error) => {
            let failure = CommandError::new(ExitStatus::Failure, error).context("there is no current directory");
            return bare_failure(&failure);
        }
    };
    let ui = bare_ui(arguments.iter().any(|argument| argument == "--json"), &env);
    guarded(env.secrets(), || run(&arguments, env)).unwrap_or_else(|failure| {
        ui.failure(&failure);
        failure.status
    })
}

fn run(arguments: &[OsString], env: Env) -> ExitStatus {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, arguments, &env),
    };
    let verbosity = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    };
    let ui = Ui::new(verbosity, cli.global.json, cli.global.color, &env);
    env.secrets().iter().for_each(|secret| ui.redact(secret));
    let outcome = commands::run_without_project(&cli.command, &ui)
        .unwrap_or_else(|| Session::begin(&cli, env, &ui).and_then(|session| commands::run(&cli.command, &session)));
    outcome.unwrap_or_else(|failure| {
        let failure = failure.as_the_system_has_it();
        ui.failure(&failure);
        failure.status
    })
}

/// Help and version are data and go to stdout; a mistake in the command line exits with 2, and with `--json` as a document.
#[expect(clippy::wildcard_enum_match_arm, reason = "clap knows many mistakes, and all are one to us")]
fn usage(error: &clap::Error, arguments: &[OsString], env: &Env) -> ExitStatus {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            ExitStatus::Success
        }
        ErrorKind::InvalidSubcommand if of_manage_py(error).is_some() => {
            let json = arguments.iter().any(|argument| argument == "--json");
            bare_ui(json, env).failure(&of_manage_py(error).expect("looked at just now"));
            ExitStatus::Usage
        }
        _ if arguments.iter().any(|argument| argument == "--json") => {
            bare_ui(true, env).failure(&mistake(error));
            ExitStatus::Usage
        }
        // What clap repeats of such an argument would act on the terminal or on GitHub's log viewer, or tell a secret.
        _ if arguments.iter().any(|argument| {
            let argument = argument.to_string_lossy();
            acts(&argument, env) || !is_plain(&argument, env)
        }) =>
        {
            bare_ui(false, env).failure(&mistake(error));
            ExitStatus::Usage
        }
        _ => {
            let _ = error.print();
            ExitStatus::Usage
        }
    }
}

fn acts(argument: &str, env: &Env) -> bool {
    let is_on_actions = env.var_os("GITHUB_ACTIONS").is_some();
    argument.contains(char::is_control) || (is_on_actions && (argument.contains("::") || argument.contains("##[")))
}

/// A command of `manage.py reproq` that this program does not have, with what does it.
fn of_manage_py(error: &clap::Error) -> Option<CommandError> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let (word, hint) = cli::OF_MANAGE_PY.iter().find(|(known, _)| known == word)?;
    let message = format!("`{word}` is a command of `manage.py reproq` that this version of `reproq` does not have");
    Some(CommandError::message(ExitStatus::Usage, message).hint(*hint))
}

/// A mistake in the command line as a failure of ours: clap's first line is the error, the rest belongs to it.
fn mistake(error: &clap::Error) -> CommandError {
    let text = error.render().to_string();
    let mut lines = text.trim().trim_start_matches("error: ").lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    CommandError::message(ExitStatus::Usage, first).details(lines.map(str::to_owned))
}

/// Whether a text may be shown as it is.
fn is_plain(text: &str, env: &Env) -> bool {
    bare_ui(false, env).clean(text) == text
}

fn bare_ui(json: bool, env: &Env) -> Ui {
    let ui = Ui::new(Verbosity::Normal, json, ColorChoice::Auto, env);
    env.secrets().iter().for_each(|secret| ui.redact(secret));
    ui
}

/// Runs what may panic. A panic is a defect of this program: it ends the command with an error like any other, and says no
/// more than anything else may.
fn guarded(secrets: Vec<String>, work: impl FnOnce() -> ExitStatus) -> Result<ExitStatus, CommandError> {
    let said = Arc::new(Mutex::new(String::new()));
    let (hears, here) = (Arc::clone(&said), thread::current().id());
    std::panic::set_hook(Box::new(move |panic| {
        if thread::current().id() == here {
            *hears.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
        } else {
            // The work goes on without that thread, or fails for want of it and says so.
            let ui = bare_ui(false, &nothing_known());
            secrets.iter().for_each(|secret| ui.redact(secret));
            ui.failure(&defect(&panic.to_string()));
        }
    }));
    // Nothing of what the work held is looked at again.
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| defect(&said.lock().unwrap_or_else(PoisonError::into_inner)))
}

fn defect(panic: &str) -> CommandError {
    CommandError::message(ExitStatus::Failure, format!("this is a defect of reproq: {panic}")).hint(concat!(
        "report it with these lines and `reproq --version`: ",
        env!("CARGO_PKG_REPOSITORY"),
        "/issues"
    ))
}

/// Surroundings for when the real ones are not known. Their log may be GitHub's.
fn nothing_known() -> Env {
    Env::built(std::path::Path::new("."), [("GITHUB_ACTIONS", "true".to_owned())])
}

fn bare_failure(failure: &CommandError) -> ExitStatus {
    bare_ui(false, &nothing_known()).failure(failure);
    failure.status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_a_hint_and_exit_code_1() {
        let failure = guarded(Vec::new(), || panic!("a slip")).expect_err("it panicked");
        let _ = std::panic::take_hook();
        let document = serde_json::to_value(failure.document()).expect("a document");
        assert_eq!(document["exit_code"], 1);
        let error = document["error"].as_str().expect("a sentence");
        assert!(error.starts_with("this is a defect of reproq: panicked at") && error.ends_with("a slip"), "{error}");
        assert!(document["hints"][0].as_str().is_some_and(|hint| hint.contains("/issues")), "{document}");
        assert_eq!(guarded(Vec::new(), || ExitStatus::Pending).expect("no panic"), ExitStatus::Pending);
        let _ = std::panic::take_hook();
    }
}
