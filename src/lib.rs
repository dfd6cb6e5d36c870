//! The library behind the `reproq` command, which installs and verifies the Reproq worker and manages GitHub releases.
//!
//! Every command reads external state into values, decides in pure functions, shows the decision, and carries out exactly
//! that decision. `ARCHITECTURE.md` describes the directories.
#![allow(missing_docs, reason = "`main` is the interface; `internals` is for this repository's own packages")]
// The unit tests share modules with the suite, whose items are public.
#![cfg_attr(not(test), warn(unreachable_pub))]

mod change;
mod cli;
mod commands;
mod config;
mod django;
mod flows;
mod io;
mod lockfile;
mod model;
mod platform;
mod releases;
mod render;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "skipped tests are recorded in a file")]
#[path = "../tests/suite/support/skip.rs"]
mod skip;
mod sources;
mod trust;
mod ui;
mod worker;

/// What the tests, the fuzz targets, the measurements and `crates/dist` use. No other package may depend on it.
#[doc(hidden)]
pub mod internals {
    pub mod cli {
        pub use crate::cli::Cli;
        pub use crate::cli::command;
    }

    pub mod config {
        pub use crate::config::Env;
        pub use crate::config::Provenance;
        pub use crate::config::Server;
        pub use crate::config::Setting;
        pub use crate::config::Settings;
        pub use crate::config::SettingsInput;
        pub use crate::config::Token;
        pub use crate::config::VARIABLES;
        pub use crate::config::parse_pyproject;
    }

    pub mod django {
        pub use crate::django::DatabaseProblem;
        pub use crate::django::DjangoAnswer;
        pub use crate::django::DjangoDatabase;
        pub use crate::django::DjangoFacts;
        pub use crate::django::DjangoQuestion;
        pub use crate::django::DjangoScope;
        pub use crate::django::DjangoSetting;
        pub use crate::django::DjangoUrl;
        pub use crate::django::NamedValues;
        pub use crate::django::RecurringSchedule;
        pub use crate::django::RegisteredTasks;
        pub use crate::django::TaskBackend;
        pub use crate::django::TaskModules;
        pub use crate::django::ask;
    }

    pub mod failure {
        pub mod exit {
            pub use crate::failure::exit::ExitStatus;
        }
    }

    pub mod io {
        pub mod fs {
            pub use crate::io::fs::OutputFile;

            pub mod hashing_writer {
                pub use crate::io::fs::hashing_writer::Written;
                pub use crate::io::fs::hashing_writer::hash_file;
            }
        }

        pub mod net {
            pub mod api {
                pub use crate::io::net::api::next_link;
            }

            pub use crate::io::net::Backoff;
            pub use crate::io::net::Http;
            pub use crate::io::net::HttpOptions;
            pub use crate::io::net::NetError;
            pub use crate::io::net::parse_retry_after;
        }
    }

    pub mod lockfile {
        pub use crate::lockfile::LockedAsset;
        pub use crate::lockfile::Lockfile;
        pub use crate::lockfile::parse;
        pub use crate::lockfile::render;
    }

    pub mod model {
        pub use crate::model::AssetState;
        pub use crate::model::RepoSlug;
        pub use crate::model::Sha256Digest;
        pub use crate::model::Tag;
        pub use crate::model::Target;
        pub use crate::model::Tool;
        pub use crate::model::VersionSpec;

        pub mod mirror_layout {
            pub use crate::model::mirror_layout::asset_path;
            pub use crate::model::mirror_layout::is_file_name;
        }

        pub mod progress {
            pub use crate::model::progress::NoProgress;
        }

        pub mod secret {
            pub use crate::model::secret::Secret;
        }

        pub mod text {
            pub use crate::model::text::printable;
            pub use crate::model::text::printable_line;
        }
    }

    pub mod releases {
        pub mod prune {
            pub use crate::change::AUDIT_SCHEMA;
            pub use crate::change::Audit;
            pub use crate::change::Clock;
            pub use crate::change::Pace;
            pub use crate::releases::prune::Action;
            pub use crate::releases::prune::Applied;
            pub use crate::releases::prune::AssetRecord;
            pub use crate::releases::prune::AuditEvent;
            pub use crate::releases::prune::ChangedRepository;
            pub use crate::releases::prune::Completeness;
            pub use crate::releases::prune::Inventory;
            pub use crate::releases::prune::PaceName;
            pub use crate::releases::prune::PlanFile;
            pub use crate::releases::prune::PlannedRepository;
            pub use crate::releases::prune::Prerelease;
            pub use crate::releases::prune::PruneContext;
            pub use crate::releases::prune::PrunePlan;
            pub use crate::releases::prune::PrunePolicy;
            pub use crate::releases::prune::ReleaseRecord;
            pub use crate::releases::prune::RepoFacts;
            pub use crate::releases::prune::Stop;
            pub use crate::releases::prune::TagKind;
            pub use crate::releases::prune::TagRecord;
            pub use crate::releases::prune::Unit;
            pub use crate::releases::prune::VersionOrder;
            pub use crate::releases::prune::apply;
            pub use crate::releases::prune::read_audit;
            pub use crate::releases::prune::still_allowed;
            pub use crate::releases::prune::units;
        }
    }

    pub mod render {
        pub use crate::render::Blueprint;
    }

    pub mod sources {
        pub mod bundle {
            pub use crate::sources::bundle::Bundle;
            pub use crate::sources::bundle::BundleError;
            pub use crate::sources::bundle::BundlePlan;
            pub use crate::sources::bundle::Manifest;
            pub use crate::sources::bundle::Parts;
            pub use crate::sources::bundle::write;
        }

        pub mod github {
            pub use crate::sources::github::ApiError;
            pub use crate::sources::github::Attestations;
            pub use crate::sources::github::GitHub;
            pub use crate::sources::github::Lister;
            pub use crate::sources::github::MutationRefusal;
            pub use crate::sources::github::Packing;
            pub use crate::sources::github::TagAt;
            pub use crate::sources::github::Writer;
            pub use crate::sources::github::requests_left;
            pub use crate::sources::github::unpacked_bundle;
        }

        pub mod mirror {
            pub use crate::sources::mirror::Index;
            pub use crate::sources::mirror::SCHEMA;
        }
    }

    pub mod trust {
        pub use crate::trust::ChecksumFile;
        pub use crate::trust::Level;

        pub mod attestation {
            pub use crate::trust::attestation::AttestationKind;
            pub use crate::trust::attestation::AttestationRefusalReason;
            pub use crate::trust::attestation::CryptoPart;
            pub use crate::trust::attestation::Field;
            pub use crate::trust::attestation::MAX_BUNDLE;
            pub use crate::trust::attestation::MAX_BUNDLES;
            pub use crate::trust::attestation::NotProven;
            pub use crate::trust::attestation::Policy;
            pub use crate::trust::attestation::Roots;
            pub use crate::trust::attestation::SigningTime;
            pub use crate::trust::attestation::VerifiedAttestation;
            pub use crate::trust::attestation::WantedAttestation;
            pub use crate::trust::attestation::Workflow;
            pub use crate::trust::attestation::split;
            pub use crate::trust::attestation::verify;
        }
    }

    pub mod worker {
        pub mod archive {
            pub use crate::worker::archive::ArchiveError;
            pub use crate::worker::archive::ArchiveForm;
            pub use crate::worker::archive::Limits;
            pub use crate::worker::archive::Unpacked;
            pub use crate::worker::archive::unpack;
        }

        pub mod executable {
            pub use crate::worker::executable::ExecutableIdentity;
            pub use crate::worker::executable::ExecutableKind;
            pub use crate::worker::executable::Glibc;
            pub use crate::worker::executable::GlibcVersion;
            pub use crate::worker::executable::GoBuildInfo;
            pub use crate::worker::executable::Inspection;
            pub use crate::worker::executable::Libc;
            pub use crate::worker::executable::LoaderHost;
            pub use crate::worker::executable::PreflightError;
            pub use crate::worker::executable::is_worker;
            pub use crate::worker::executable::preflight;
            pub use crate::worker::executable::read_inspection;
        }

        pub mod store {
            pub use crate::worker::store::Commit;
            pub use crate::worker::store::Installed;
            pub use crate::worker::store::Layout;
            pub use crate::worker::store::Receipt;
            pub use crate::worker::store::Staged;
            pub use crate::worker::store::State;
            pub use crate::worker::store::Step;
            pub use crate::worker::store::WrittenLock;
            pub use crate::worker::store::apply;
            pub use crate::worker::store::glance;
            pub use crate::worker::store::scan;
            pub use crate::worker::store::steps;
        }

        pub mod which {
            pub use crate::worker::which::CandidateIdentity;
            pub use crate::worker::which::CandidateSource;
            pub use crate::worker::which::Fault;
            pub use crate::worker::which::Resolution;
            pub use crate::worker::which::SurveyInput;
            pub use crate::worker::which::decide;
            pub use crate::worker::which::survey;
        }
    }
}

use crate::model::failure;

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
use crate::model::progress::ProgressStyle;
use crate::ui::ColorChoice;
use crate::ui::Ui;
use crate::ui::Verbosity;

/// Runs one command line and returns its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    #[cfg(unix)]
    if let Some(code) = prefork(&arguments) {
        return code;
    }
    run_command(arguments).code()
}

/// The programs of the fork server, which are told by their names. Nothing else is read before: the client runs for each task.
#[cfg(unix)]
fn prefork(arguments: &[OsString]) -> Option<u8> {
    if let Some(directory) = worker::prefork::client_directory(arguments.first()?) {
        return Some(worker::prefork::run_client(&directory, &arguments[1..]));
    }
    worker::prefork::keeper_directory(arguments).map(|directory| worker::prefork::keep(&directory))
}

/// Parse, read the environment once, dispatch, report.
fn run_command(arguments: Vec<OsString>) -> ExitStatus {
    let env = match Env::capture() {
        Ok(env) => env,
        Err(error) => {
            let failure =
                CommandError::new(ExitStatus::Failure, error).context("failed to determine the current directory");
            return bare_failure(&failure);
        }
    };
    if commands::complete(&arguments, &env) {
        return ExitStatus::Success;
    }
    let (arguments, note) = match cli::translate(&arguments) {
        Some(translated) => (translated.arguments, Some(translated.note)),
        None => (cli::separate(arguments), None),
    };
    let env = env.with_secrets_of(&arguments);
    let ui = bare_ui(&arguments, &env);
    guarded(env.secrets(), || run(&arguments, note.as_deref(), env)).unwrap_or_else(|failure| {
        ui.failure(&failure);
        failure.status
    })
}

fn run(arguments: &[OsString], note: Option<&str>, env: Env) -> ExitStatus {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, arguments, &env),
    };
    let verbosity = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    };
    // An invalid variable is reported with the other settings.
    let progress = config::progress_style(cli.global.progress.as_deref(), &env);
    let progress = progress.map_or(ProgressStyle::Auto, |setting| setting.value);
    let ui = Ui::new(verbosity, cli.global.json, cli.global.color, progress, &env);
    env.secrets().iter().for_each(|secret| ui.redact(secret));
    if let Some(note) = note {
        ui.hint(note);
    }
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
            bare_ui(arguments, env).failure(&upstream_command(error).expect("the match guard found one"));
            ExitStatus::Usage
        }
        _ if has_json(arguments) || style_before_parsing(arguments, env) == ProgressStyle::Json => {
            bare_ui(arguments, env).failure(&usage_error(error));
            ExitStatus::Usage
        }
        // clap repeats the argument in its message, which could control the terminal or GitHub's log viewer, or leak a secret.
        _ if arguments.iter().any(|argument| {
            let argument = argument.to_string_lossy();
            has_control_sequence(&argument, env) || !is_plain(&argument, env)
        }) =>
        {
            bare_ui(arguments, env).failure(&usage_error(error));
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
    bare_ui(&[], env).clean(text) == text
}

/// The output before the command line is parsed, and if that fails.
fn bare_ui(arguments: &[OsString], env: &Env) -> Ui {
    let (json, progress) = (has_json(arguments), style_before_parsing(arguments, env));
    let ui = Ui::new(Verbosity::Normal, json, ColorChoice::Auto, progress, env);
    env.secrets().iter().for_each(|secret| ui.redact(secret));
    ui
}

fn has_json(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == "--json")
}

/// `--progress` in arguments that are not parsed, else the variable.
fn style_before_parsing(arguments: &[OsString], env: &Env) -> ProgressStyle {
    let words = arguments.iter().map(|argument| argument.to_string_lossy());
    let following = words.clone().skip(1).map(Some).chain([None]);
    let named = words.zip(following).find_map(|(word, next)| match word.strip_prefix("--progress") {
        Some("") => next.map(|next| next.into_owned()),
        Some(rest) => rest.strip_prefix('=').map(str::to_owned),
        None => None,
    });
    config::progress_style(named.as_deref(), env).map_or(ProgressStyle::Auto, |setting| setting.value)
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
            let ui = bare_ui(&[], &unknown_environment());
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
    bare_ui(&[], &unknown_environment()).failure(failure);
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
