//! Installs the proven Reproq worker binary, says which one will run and why, and keeps its GitHub releases lean.
//!
//! The library behind the `reproq` command. In one breath: read the world into values, decide in pure functions, show the
//! decision, carry out exactly that. The map of the folders is in `ARCHITECTURE.md`.

pub mod address;
pub mod archive;
pub mod attestation;
pub mod binary;
pub mod build;
pub mod bundle;
pub mod cache;
pub mod cli;
mod commands;
pub mod config;
pub mod doctor;
pub mod exit;
pub mod failure;
pub mod github;
pub mod hygiene;
pub mod install;
pub mod keyring;
pub mod locate;
pub mod lockfile;
pub mod mirror;
pub mod net;
pub mod origin;
pub mod platform;
pub mod progress;
pub mod proof;
pub mod prune;
pub mod release;
pub mod secret;
mod session;
pub mod small_file;
pub mod staging;
pub mod store;
pub mod text;
pub mod trust;
pub mod ui;
pub mod upgrade;

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::Cli;
use crate::config::Env;
use crate::exit::ExitStatus;
use crate::failure::CommandError;
use crate::session::Session;
use crate::ui::ColorChoice;
use crate::ui::Ui;
use crate::ui::Verbosity;

/// Runs one command line to its exit status: parse, read the surroundings once, dispatch, report.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitStatus {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let env = match Env::capture() {
        Ok(env) => env,
        Err(error) => {
            let failure = CommandError::new(ExitStatus::Failure, error).context("there is no current folder");
            return bare_failure(&failure);
        }
    };
    report_panics_without(env.secrets());
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &arguments, &env),
    };
    let verbosity = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    };
    let ui = Ui::new(verbosity, cli.global.json, cli.global.color, &env);
    env.secrets().iter().for_each(|secret| ui.redact(secret));
    let outcome = Session::begin(&cli, env, &ui).and_then(|session| commands::run(&cli.command, &session));
    outcome.unwrap_or_else(|failure| {
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
        _ if arguments.iter().any(|argument| argument == "--json") => {
            bare_ui(true, env).failure(&mistake(error));
            ExitStatus::Usage
        }
        // What clap repeats of such an argument would act on the terminal.
        _ if arguments.iter().any(|argument| argument.to_string_lossy().contains(char::is_control)) => {
            bare_ui(false, env).failure(&mistake(error));
            ExitStatus::Usage
        }
        _ => {
            let _ = error.print();
            ExitStatus::Usage
        }
    }
}

/// A mistake in the command line as a failure of ours: clap's first line is the error, the rest belongs to it.
fn mistake(error: &clap::Error) -> CommandError {
    let text = error.render().to_string();
    let mut lines = text.trim().trim_start_matches("error: ").lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    CommandError::message(ExitStatus::Usage, first).details(lines.map(str::to_owned))
}

fn bare_ui(json: bool, env: &Env) -> Ui {
    let ui = Ui::new(Verbosity::Normal, json, ColorChoice::Auto, env);
    env.secrets().iter().for_each(|secret| ui.redact(secret));
    ui
}

/// A panic is a defect of this program; what it says about it must not say more than anything else may.
fn report_panics_without(secrets: Vec<String>) {
    std::panic::set_hook(Box::new(move |panic| {
        let env = Env::built(std::path::Path::new("."), []);
        let ui = bare_ui(false, &env);
        secrets.iter().for_each(|secret| ui.redact(secret));
        ui.failure(&CommandError::message(ExitStatus::Failure, format!("this is a defect of reproq: {panic}")));
    }));
}

fn bare_failure(failure: &CommandError) -> ExitStatus {
    bare_ui(false, &Env::built(std::path::Path::new("."), [])).failure(failure);
    failure.status
}
