//! Shell completion: the script of each shell, and the values that this program adds to it. The engine is clap's; it
//! reads the variables that a script sets, and prints to stdout.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;

use clap::Arg;
use clap::Command;
use clap::CommandFactory;
use clap::Parser;
use clap_complete::CompleteEnv;
use clap_complete::Shell;
use clap_complete::engine::ArgValueCompleter;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::Shells;

use crate::cli::Cli;
use crate::cli::HelpTopic;
use crate::cli::command;
use crate::model::Target;

/// Set by a script that asks for completions, to the name of its shell.
const VARIABLE: &str = "REPROQ_COMPLETE";

/// The program that a script asks. By name: the path of an environment would outlive it. If the worker is found instead, it
/// prints its usage and fails, and the shell offers nothing.
const NAME: &str = "reproq";

/// A value with a description.
pub(crate) type LocalValue = (String, Option<String>);

/// Values that can be read without a request, each when it is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalValues {
    /// Tags of releases.
    pub(crate) tags: fn() -> Vec<LocalValue>,
    /// Sources of releases.
    pub(crate) sources: fn() -> Vec<LocalValue>,
    /// Repositories of the worker.
    pub(crate) repositories: fn() -> Vec<LocalValue>,
    /// Digests of the roots that a user accepted.
    pub(crate) roots: fn() -> Vec<LocalValue>,
}

/// The script for a shell. A static one completes by itself; any other asks this program.
pub(crate) fn script(shell: Shell, is_static: bool) -> String {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    match shells.completer(&shell.to_string()).filter(|_| !is_static) {
        Some(completer) => {
            let written = completer.write_registration(VARIABLE, NAME, NAME, NAME, &mut script);
            written.expect("a vector can be written");
        }
        None => clap_complete::generate(shell, &mut command(), NAME, &mut script),
    }
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Zsh && !is_static {
        // zsh loads the file from `fpath` when it completes for the first time, and runs it as the function `_reproq`.
        script
            .push_str("if [ \"$funcstack[1]\" = \"_reproq\" ]; then\n    _clap_dynamic_completer_reproq \"$@\"\nfi\n");
    }
    script
}

/// Answers a script that asks for completions; `false` if no script asks.
pub(crate) fn complete(arguments: &[OsString], directory: &Path, values: LocalValues) -> bool {
    let request = CompleteEnv::with_factory(|| with_values(Cli::command().name(NAME), values)).var(VARIABLE);
    // An unknown shell, or a closed pipe: there is nothing to complete, and nobody who would read an error.
    request.try_complete(arguments.iter().cloned(), Some(directory)).unwrap_or(true)
}

/// The command line of a session that reads values: no output, no request.
pub(crate) fn quiet_and_offline() -> Option<Cli> {
    Cli::try_parse_from([NAME, "--quiet", "--offline", "versions"]).ok()
}

/// Adds the values to the options of a command and of those below it.
fn with_values(command: Command, values: LocalValues) -> Command {
    command.mut_args(|argument| with_value(argument, values)).mut_subcommands(|below| {
        // Their tags and repositories are not the worker's.
        if below.get_name() == "release" { below } else { with_values(below, values) }
    })
}

fn with_value(argument: Arg, values: LocalValues) -> Arg {
    let name = argument.get_value_names().and_then(<[_]>::first).map(ToString::to_string).unwrap_or_default();
    match (argument.get_id().as_str(), name.as_str()) {
        ("tag", "TAG") => argument.add(offering(values.tags)),
        ("mirror", "SOURCE") => argument.add(offering(values.sources)),
        ("repo", "OWNER/NAME") => argument.add(offering(values.repositories)),
        ("target", "OS-ARCH") => argument.add(offering(targets)),
        ("sha256", "SHA256") => argument.add(offering(values.roots)),
        ("words", _) => argument.add(offering(subjects)),
        _ => argument,
    }
}

/// Offers the values that begin with the current word.
fn offering(values: fn() -> Vec<LocalValue>) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        let Some(current) = current.to_str() else { return Vec::new() };
        let fitting = values().into_iter().filter(|(value, _)| value.starts_with(current));
        fitting.map(|(value, help)| CompletionCandidate::new(value).help(help.map(Into::into))).collect()
    })
}

fn targets() -> Vec<LocalValue> {
    Target::all().map(|target| (target.to_string(), None)).collect()
}

/// What `help` describes. It is not known which words precede, so the names at every depth are offered.
fn subjects() -> Vec<LocalValue> {
    let mut subjects: Vec<LocalValue> = HelpTopic::ALL.iter().map(|topic| (topic.to_string(), None)).collect();
    let tree = Cli::command();
    let top = tree.get_subcommands().map(|command| (command, true));
    let below = tree.get_subcommands().flat_map(|command| command.get_subcommands().map(|below| (below, false)));
    for (command, is_top) in top.chain(below) {
        let about = command.get_about().map(ToString::to_string).filter(|_| is_top);
        if !subjects.iter().any(|(name, _)| name == command.get_name()) {
            subjects.push((command.get_name().to_owned(), about));
        }
    }
    subjects
}
