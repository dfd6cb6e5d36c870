//! Installs the proven Reproq worker binary, says which one will run and why, and keeps its GitHub releases lean.
//!
//! The library behind the `reproq` command. In one breath: read the world into values, decide in pure functions, show the
//! decision, carry out exactly that. The map of the folders is in `ARCHITECTURE.md`.

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
pub mod locate;
pub mod lockfile;
pub mod net;
pub mod origin;
pub mod platform;
pub mod progress;
pub mod proof;
pub mod prune;
pub mod release;
pub mod secret;
mod session;
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
            let text = error.render().to_string();
            let text = text.trim().trim_start_matches("error: ").to_owned();
            let ui = Ui::new(Verbosity::Normal, true, ColorChoice::Auto, env);
            ui.failure(&CommandError::message(ExitStatus::Usage, text));
            ExitStatus::Usage
        }
        _ => {
            let _ = error.print();
            ExitStatus::Usage
        }
    }
}

fn bare_failure(failure: &CommandError) -> ExitStatus {
    let env = Env::built(std::path::Path::new("."), []);
    Ui::new(Verbosity::Normal, false, ColorChoice::Auto, &env).failure(failure);
    failure.status
}
