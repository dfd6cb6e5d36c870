//! The commands: arguments to request, request to flow, outcome to report, and the text form of each report.

mod beat;
mod bundle;
mod cache;
mod completions;
mod config;
mod consent;
mod database;
mod database_url;
mod db;
mod django;
mod doctor;
mod from;
mod help;
mod hints;
mod init;
mod install;
mod lock;
mod login;
mod mirror;
#[cfg_attr(not(unix), path = "no_prefork.rs")]
mod prefork;
mod queue;
mod release;
mod render;
mod request;
mod rollback;
mod run;
mod self_version;
mod serve;
pub(crate) mod session;
mod signatures;
mod stats;
mod systemd;
mod token;
mod top;
mod trust;
mod upgrade;
mod verify;
mod verify_file;
mod versions;
mod which;

pub(crate) use completions::complete;
pub(crate) use help::foreign_command;

use crate::cli::BundleCommand;
use crate::cli::Command;
use crate::cli::ReleaseCommand;
use crate::cli::SelfCommand;
use crate::cli::TrustCommand;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::platform;
use crate::ui::Ui;

/// Runs a command that needs no project, so that it works even if the project's settings are invalid.
pub(crate) fn run_without_project(command: &Command, ui: &Ui) -> Option<Result<ExitStatus, CommandError>> {
    if let Command::Completions(arguments) = command {
        return Some(completions::completions(arguments, ui));
    }
    if let Command::Help(arguments) = command { Some(help::help(arguments, ui)) } else { None }
}

/// Runs a command.
pub(crate) fn run(command: &Command, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    session.ui.on_interrupt(platform::INTERRUPTION);
    if let Some(activity) = activity(command) {
        session.ui.begin_activity(activity);
    }
    match command {
        Command::Init(arguments) => init::init(arguments, session),
        Command::Install(arguments) => install::install(arguments, session),
        Command::Lock(arguments) => lock::lock(arguments, session),
        Command::Upgrade(arguments) => upgrade::upgrade(arguments, session),
        Command::Rollback(arguments) => rollback::rollback(arguments, session),
        Command::Verify(arguments) => match &arguments.file {
            Some(file) => verify_file::verify(file, &arguments.attestation, session),
            None => verify::verify(arguments, session),
        },
        Command::Trust(command) => trust::trust(command, session),
        Command::Versions => versions::versions(session),
        Command::Doctor(arguments) => doctor::doctor(arguments, session),
        Command::Cache(command) => cache::cache(command, session),
        Command::Bundle(command) => bundle::run(command, session),
        Command::Mirror(command) => mirror::run(command, session),
        Command::Which(arguments) => which::which(arguments, session),
        Command::Periodic(command) => queue::periodic(command, session),
        Command::Task(command) => queue::task(command, session),
        Command::Stats(arguments) => stats::run(arguments, session),
        Command::Serve(arguments) => serve::serve(arguments, session),
        Command::Top(arguments) => top::top(arguments, session),
        Command::Queue(command) => queue::queue(command, session),
        Command::Workers(command) => queue::workers(command, session),
        Command::Limit(command) => queue::limit(command, session),
        Command::Workflow(command) => queue::workflow(command, session),
        Command::Db(command) => db::run(command, session),
        Command::Login(arguments) => login::login(arguments, session),
        Command::Token(command) => token::run(command, session),
        Command::Release(command) => release::run(command, session),
        Command::Render(command) => render::run(command, session),
        Command::Worker(arguments) => run::worker(arguments, session),
        Command::Prefork(command) => prefork::run(command, session),
        Command::Beat(arguments) => beat::beat(arguments, session),
        Command::Schedule(arguments) => beat::schedule(arguments, session),
        Command::Systemd(arguments) => systemd::systemd(arguments, session),
        Command::Config(command) => config::config(command, session),
        Command::SelfCommand(SelfCommand::Version(arguments)) => self_version::version(arguments, session),
        Command::Completions(arguments) => completions::completions(arguments, session.ui),
        Command::Help(arguments) => help::help(arguments, session.ui),
    }
}

/// What a command does, shown while it is silent. `None` if the command shows nothing then.
const fn activity(command: &Command) -> Option<&'static str> {
    Some(match command {
        Command::Init(_) => "Setting up the project",
        Command::Install(_) => "Installing",
        Command::Lock(_) => "Locking",
        Command::Upgrade(_) => "Upgrading",
        Command::Rollback(_) => "Rolling back",
        Command::Verify(_) => "Verifying",
        Command::Trust(TrustCommand::Update(_)) => "Updating the trusted roots",
        Command::Trust(_) => "Reading the trusted roots",
        Command::Versions => "Listing versions",
        Command::Doctor(_) => "Examining the installation",
        Command::Cache(_) => "Reading the cache",
        Command::Bundle(BundleCommand::Create(_)) => "Creating the bundle",
        Command::Bundle(BundleCommand::Inspect(_)) => "Inspecting the bundle",
        Command::Mirror(_) => "Synchronizing the mirror",
        Command::Which(_) => "Looking for the worker",
        Command::Release(ReleaseCommand::List(_)) => "Listing releases",
        Command::Release(ReleaseCommand::Prune(_)) => "Pruning releases",
        Command::Release(ReleaseCommand::Restore(_)) => "Restoring tags",
        Command::Release(ReleaseCommand::Check(_)) => "Checking the release",
        Command::Release(ReleaseCommand::Checksums(_)) => "Computing checksums",
        Command::Render(_) => "Working on environment variables",
        Command::SelfCommand(_) => "Looking for a newer version",
        // This becomes the worker, which has the terminal to itself.
        Command::Worker(_) => return None,
        // On Ctrl-C these cancel their statement on the server first, which a moving line would not wait for.
        Command::Db(_)
        | Command::Beat(_)
        | Command::Schedule(_)
        | Command::Stats(_)
        | Command::Serve(_)
        | Command::Top(_)
        | Command::Task(_)
        | Command::Queue(_)
        | Command::Workers(_)
        | Command::Limit(_)
        | Command::Workflow(_)
        | Command::Periodic(_) => return None,
        // This waits for a person, who needs to read the code.
        Command::Login(_) => return None,
        // These take no time.
        Command::Token(_)
        | Command::Config(_)
        | Command::Completions(_)
        | Command::Help(_)
        | Command::Systemd(_)
        | Command::Prefork(_) => {
            return None;
        }
    })
}
