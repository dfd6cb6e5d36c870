//! The library behind the `reproq` command, which installs and verifies the Reproq worker and manages GitHub releases.
//!
//! Every command reads external state into values, decides in pure functions, shows the decision, and carries out exactly
//! that decision. `ARCHITECTURE.md` describes the directories.

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
pub mod render;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "skipped tests are recorded in a file")]
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

/// Runs one command line and returns its exit status: parse, read the environment once, dispatch, report.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitStatus {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let env = match Env::capture() {
        Ok(env) => env,
        Err(error) => {
            let failure =
                CommandError::new(ExitStatus::Failure, error).context("failed to determine the current directory");
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
        let failure = failure.with_system_advice();
        ui.failure(&failure);
        failure.status
    })
}

/// Help and version go to stdout. A usage error exits with 2; with `--json` it is printed as a document.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other kinds of usage errors are handled alike")]
fn usage(error: &clap::Error, arguments: &[OsString], env: &Env) -> ExitStatus {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            ExitStatus::Success
        }
        ErrorKind::InvalidSubcommand if upstream_command(error).is_some() => {
            let json = arguments.iter().any(|argument| argument == "--json");
            bare_ui(json, env).failure(&upstream_command(error).expect("the match guard found one"));
            ExitStatus::Usage
        }
        _ if arguments.iter().any(|argument| argument == "--json") => {
            bare_ui(true, env).failure(&usage_error(error));
            ExitStatus::Usage
        }
        // clap repeats the argument in its message, which could control the terminal or GitHub's log viewer, or leak a secret.
        _ if arguments.iter().any(|argument| {
            let argument = argument.to_string_lossy();
            has_control_sequence(&argument, env) || !is_plain(&argument, env)
        }) =>
        {
            bare_ui(false, env).failure(&usage_error(error));
            ExitStatus::Usage
        }
        _ => {
            let _ = error.print();
            ExitStatus::Usage
        }
    }
}

fn has_control_sequence(argument: &str, env: &Env) -> bool {
    let is_on_actions = env.var_os("GITHUB_ACTIONS").is_some();
    argument.contains(char::is_control) || (is_on_actions && (argument.contains("::") || argument.contains("##[")))
}

/// The error for a command that `manage.py reproq` or the worker has and this program has not.
fn upstream_command(error: &clap::Error) -> Option<CommandError> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    commands::foreign_command(word)
}

/// Converts a usage error: clap's first line is the message, the rest are details.
fn usage_error(error: &clap::Error) -> CommandError {
    let text = error.render().to_string();
    let mut lines = text.trim().trim_start_matches("error: ").lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    CommandError::message(ExitStatus::Usage, first).details(lines.map(str::to_owned))
}

/// Whether a string can be shown unchanged.
fn is_plain(text: &str, env: &Env) -> bool {
    bare_ui(false, env).clean(text) == text
}

fn bare_ui(json: bool, env: &Env) -> Ui {
    let ui = Ui::new(Verbosity::Normal, json, ColorChoice::Auto, env);
    env.secrets().iter().for_each(|secret| ui.redact(secret));
    ui
}

/// Turns a panic into an error, which is printed like any other: without secrets and control sequences.
fn guarded(secrets: Vec<String>, work: impl FnOnce() -> ExitStatus) -> Result<ExitStatus, CommandError> {
    let message = Arc::new(Mutex::new(String::new()));
    let (hook_message, main_thread) = (Arc::clone(&message), thread::current().id());
    std::panic::set_hook(Box::new(move |panic| {
        if thread::current().id() == main_thread {
            *hook_message.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
        } else {
            // The command continues without that thread, or fails and reports its own error.
            let ui = bare_ui(false, &unknown_environment());
            secrets.iter().for_each(|secret| ui.redact(secret));
            ui.failure(&internal_error(&panic.to_string()));
        }
    }));
    // Unwind safe: no state of `work` is used after a panic.
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| internal_error(&message.lock().unwrap_or_else(PoisonError::into_inner)))
}

fn internal_error(panic: &str) -> CommandError {
    CommandError::message(ExitStatus::Failure, format!("internal error in reproq: {panic}")).hint(concat!(
        "please report this with the lines above and the output of `reproq --version`: ",
        env!("CARGO_PKG_REPOSITORY"),
        "/issues"
    ))
}

/// An environment for errors that occur before the real one is known. It assumes GitHub's log viewer.
fn unknown_environment() -> Env {
    Env::built(std::path::Path::new("."), [("GITHUB_ACTIONS", "true".to_owned())])
}

fn bare_failure(failure: &CommandError) -> ExitStatus {
    bare_ui(false, &unknown_environment()).failure(failure);
    failure.status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_a_hint_and_exit_code_1() {
        let failure = guarded(Vec::new(), || panic!("test panic")).expect_err("it panicked");
        let _ = std::panic::take_hook();
        let document = serde_json::to_value(failure.document()).expect("a document");
        assert_eq!(document["exit_code"], 1);
        let error = document["error"].as_str().expect("a sentence");
        assert!(error.starts_with("internal error in reproq: panicked at") && error.ends_with("test panic"), "{error}");
        assert!(document["hints"][0].as_str().is_some_and(|hint| hint.contains("/issues")), "{document}");
        assert_eq!(guarded(Vec::new(), || ExitStatus::Pending).expect("no panic"), ExitStatus::Pending);
        let _ = std::panic::take_hook();
    }
}
