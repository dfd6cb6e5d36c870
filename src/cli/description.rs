//! The command line as data: every command with its arguments, options and examples, read from clap's own tree. Pure.

use clap::Arg;
use clap::ArgAction;
use clap::Command;
use serde::Serialize;

/// A command and everything that can be passed to it, except the options that every command takes.
#[derive(Debug, Serialize)]
pub(crate) struct CommandDescription {
    /// As it is typed, such as `reproq release prune`.
    pub command: String,
    /// What it does.
    pub about: String,
    /// The synopsis.
    pub usage: String,
    /// Positional arguments, in order.
    pub arguments: Vec<ArgumentDescription>,
    /// Options, in the order of the help.
    pub options: Vec<OptionDescription>,
    /// Complete command lines.
    pub examples: Vec<CommandExample>,
}

/// A positional argument.
#[derive(Debug, Serialize)]
pub(crate) struct ArgumentDescription {
    /// Its name in the synopsis.
    pub name: String,
    /// What it means.
    pub help: String,
    /// Whether the command fails without it.
    pub required: bool,
    /// Whether it can be given more than once.
    pub repeatable: bool,
    /// The values that are accepted; empty if any string may be.
    pub possible_values: Vec<PossibleValue>,
}

/// An option.
#[derive(Debug, Serialize)]
pub(crate) struct OptionDescription {
    /// Its long name, with the dashes.
    pub name: String,
    /// Its short name, with the dash.
    pub short: Option<String>,
    /// The placeholder of its value; `null` for a flag.
    pub value: Option<String>,
    /// What it does.
    pub help: String,
    /// Whether the command fails without it.
    pub required: bool,
    /// Whether it can be given more than once.
    pub repeatable: bool,
    /// The value without the option.
    pub default: Option<String>,
    /// The environment variables that set the same value.
    pub environment: Vec<String>,
    /// The values that are accepted; empty if any string may be.
    pub possible_values: Vec<PossibleValue>,
}

/// A value that an option or argument accepts.
#[derive(Debug, Serialize)]
pub(crate) struct PossibleValue {
    /// As it is typed.
    pub value: String,
    /// What it means, if that is not obvious.
    pub help: Option<String>,
}

/// A complete command line.
#[derive(Debug, Serialize)]
pub(crate) struct CommandExample {
    /// As it is typed in a shell.
    pub line: String,
    /// What it does, if that is not obvious.
    pub note: Option<String>,
}

/// Describes a command and all commands below it; `command` must be built.
pub(super) fn describe(command: &Command, name: &str) -> Vec<CommandDescription> {
    let own = CommandDescription {
        command: name.to_owned(),
        about: command.get_about().map(ToString::to_string).unwrap_or_default(),
        usage: usage(command),
        arguments: command.get_positionals().map(argument).collect(),
        options: command.get_opts_and_flags().filter(|it| !it.is_global_set() && !is_of_clap(it)).map(option).collect(),
        examples: examples(command),
    };
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    std::iter::once(own)
        .chain(below.flat_map(|below| describe(below, &format!("{name} {}", below.get_name()))))
        .collect()
}

/// The options of every command, including `--help` and `--version`.
pub(super) fn global_options(command: &Command) -> Vec<OptionDescription> {
    command.get_opts_and_flags().filter(|it| it.is_global_set() || is_of_clap(it)).map(option).collect()
}

trait OptionsAndFlags {
    fn get_opts_and_flags(&self) -> impl Iterator<Item = &Arg>;
}

impl OptionsAndFlags for Command {
    /// Everything that is not positional; clap's `get_opts` leaves flags out.
    fn get_opts_and_flags(&self) -> impl Iterator<Item = &Arg> {
        self.get_arguments().filter(|argument| !argument.is_positional() && !argument.is_hide_set())
    }
}

/// `--help` and `--version`, which clap adds to every command.
fn is_of_clap(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version)
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage:").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn argument(argument: &Arg) -> ArgumentDescription {
    ArgumentDescription {
        name: value_name(argument),
        help: help(argument),
        required: argument.is_required_set(),
        repeatable: is_repeatable(argument),
        possible_values: possible_values(argument),
    }
}

fn option(argument: &Arg) -> OptionDescription {
    let help = help(argument);
    let takes_value = takes_value(argument);
    let from_clap: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default = (takes_value && !from_clap.is_empty()).then(|| from_clap.join(" "));
    OptionDescription {
        name: argument.get_long().map(|long| format!("--{long}")).unwrap_or_default(),
        short: argument.get_short().map(|short| format!("-{short}")),
        value: takes_value.then(|| value_name(argument)),
        required: argument.is_required_set(),
        repeatable: is_repeatable(argument),
        default: default.or_else(|| in_brackets(&help, "default").map(str::to_owned)),
        environment: in_brackets(&help, "env").map(variables).unwrap_or_default(),
        possible_values: if takes_value { possible_values(argument) } else { Vec::new() },
        help,
    }
}

fn takes_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

fn is_repeatable(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Append)
        || argument.get_num_args().is_some_and(|number| number.max_values() > 1)
}

fn value_name(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    if names.is_empty() { argument.get_id().as_str().to_uppercase() } else { names.join(" ") }
}

fn help(argument: &Arg) -> String {
    let help = argument.get_long_help().or_else(|| argument.get_help());
    help.map(ToString::to_string).unwrap_or_default()
}

fn possible_values(argument: &Arg) -> Vec<PossibleValue> {
    let visible = argument.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
    visible
        .map(|value| PossibleValue {
            value: value.get_name().to_owned(),
            help: value.get_help().map(ToString::to_string),
        })
        .collect()
}

/// The content of `[label: …]` in a help text: variables and defaults that are no constants for clap are written like that.
fn in_brackets<'a>(help: &'a str, label: &str) -> Option<&'a str> {
    let (_, rest) = help.split_once(&format!("[{label}: "))?;
    // A default may itself contain brackets, such as `[tool.reproq.release]`.
    let mut depth = 1;
    let end = rest.find(|character| {
        depth += match character {
            '[' => 1,
            ']' => -1,
            _ => 0,
        };
        depth == 0
    })?;
    Some(&rest[..end])
}

/// The names of variables in a text.
fn variables(text: &str) -> Vec<String> {
    let is_of_name = |character: char| character.is_ascii_uppercase() || character.is_ascii_digit() || character == '_';
    text.split(|character| !is_of_name(character)).filter(|word| word.contains('_')).map(str::to_owned).collect()
}

/// The lines of the section `Examples:`. Two blanks separate a line from its note.
fn examples(command: &Command) -> Vec<CommandExample> {
    let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| line.starts_with("reproq "));
    lines
        .map(|line| match line.split_once("  ") {
            Some((line, note)) => CommandExample { line: line.to_owned(), note: Some(note.trim().to_owned()) },
            None => CommandExample { line: line.to_owned(), note: None },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    fn described(name: &str) -> CommandDescription {
        let all = describe(&command(), "reproq");
        all.into_iter().find(|described| described.command == name).expect("a command")
    }

    #[test]
    fn options_have_their_values_defaults_and_variables() {
        let install = described("reproq install");
        let option = |name: &str| install.options.iter().find(|option| option.name == name).expect("an option");
        let require = option("--require");
        assert_eq!(require.environment, ["REPROQ_REQUIRE"]);
        assert_eq!(require.value.as_deref(), Some("LEVEL"));
        assert!(require.possible_values.iter().any(|value| value.value == "attested"));
        assert_eq!(option("--lock-timeout").default.as_deref(), Some("10m"));
        assert!(option("--mirror").repeatable && !option("--tag").repeatable);
        let force = option("--force");
        assert!(force.value.is_none() && force.default.is_none() && force.possible_values.is_empty());
        assert!(install.options.iter().all(|option| option.name != "--json" && option.name != "--help"));
    }

    #[test]
    fn a_default_with_brackets_is_complete() {
        let list = described("reproq release list");
        let repo = list.options.iter().find(|option| option.name == "--repo").expect("an option");
        let expected = "[tool.reproq.release], GITHUB_REPOSITORY or the git remote `origin`";
        assert_eq!(repo.default.as_deref(), Some(expected));
    }

    #[test]
    fn global_options_are_listed_once_with_every_variable() {
        let options = global_options(&command());
        let server = options.iter().find(|option| option.name == "--github-server-url").expect("an option");
        assert_eq!(server.environment, ["REPROQ_GITHUB_SERVER_URL", "GITHUB_SERVER_URL"]);
        for name in ["--json", "--help", "--version"] {
            assert_eq!(options.iter().filter(|option| option.name == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn every_command_has_examples() {
        let all = describe(&command(), "reproq");
        let without: Vec<_> = all.iter().skip(1).filter(|it| it.examples.is_empty()).map(|it| &it.command).collect();
        assert!(without.is_empty(), "no examples: {without:?}");
    }
}
