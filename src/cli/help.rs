//! `reproq help`: the command or topic that the words name, and the text of a command. Pure.

use std::fmt;

use crate::cli::CommandDescription;
use crate::cli::OptionDescription;
use crate::cli::command;
use crate::cli::description;

/// Names that differ by more than this are not suggested; clap uses the same limit.
const SIMILARITY: f64 = 0.7;

/// A subject of the help that is not a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HelpTopic {
    /// The environment variables.
    Environment,
    /// The exit codes.
    ExitCodes,
    /// The JSON documents.
    Json,
}

impl HelpTopic {
    /// Every topic.
    pub(crate) const ALL: [Self; 3] = [Self::Environment, Self::ExitCodes, Self::Json];

    const fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::ExitCodes => "exit-codes",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for HelpTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the words after `help` name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HelpSubject {
    /// A command: the words that are typed after `reproq`.
    Command(Vec<String>),
    /// A topic.
    Topic(HelpTopic),
}

/// A word after `help` that names nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownCommand {
    /// The word.
    pub word: String,
    /// The command it was expected below, as it is typed.
    pub parent: String,
    /// The most similar name there.
    pub similar: Option<String>,
}

/// The help of a command, for a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HelpText {
    /// Without styles.
    pub plain: String,
    /// With ANSI styles.
    pub styled: String,
}

impl HelpSubject {
    /// Finds a command, or a topic.
    pub(crate) fn find(words: &[String]) -> Result<Self, UnknownCommand> {
        if let [word] = words
            && let Some(topic) = HelpTopic::ALL.into_iter().find(|topic| topic.name() == word)
        {
            return Ok(Self::Topic(topic));
        }
        let tree = command();
        let mut parent = &tree;
        let mut typed = "reproq".to_owned();
        for word in words {
            let Some(below) = parent.find_subcommand(word) else {
                let topics = HelpTopic::ALL.iter().filter(|_| typed == "reproq").map(|topic| topic.name());
                let similar = most_similar(word, parent.get_subcommands().map(clap::Command::get_name).chain(topics));
                return Err(UnknownCommand { word: word.clone(), parent: typed, similar });
            };
            typed = format!("{typed} {word}");
            parent = below;
        }
        Ok(Self::Command(words.to_owned()))
    }

    /// The same text as with `--help`; empty for a topic.
    pub(crate) fn text(&self) -> HelpText {
        let Self::Command(words) = self else { return HelpText::default() };
        let tree = command();
        let found = words.iter().try_fold(&tree, |parent, word| parent.find_subcommand(word));
        let help = found.expect("`find` found it").clone().render_long_help();
        HelpText { plain: help.to_string(), styled: help.ansi().to_string() }
    }

    /// The command and those below it, as data; none for a topic.
    pub(crate) fn described(&self) -> Vec<CommandDescription> {
        let Self::Command(words) = self else { return Vec::new() };
        let tree = command();
        let found = words.iter().try_fold(&tree, |parent, word| parent.find_subcommand(word));
        let name = ["reproq"].into_iter().chain(words.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
        description::describe(found.expect("`find` found it"), &name)
    }
}

/// The options that every command takes.
pub(crate) fn global_options() -> Vec<OptionDescription> {
    description::global_options(&command())
}

fn most_similar<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let scored = names.map(|name| (strsim::jaro(word, name), name)).filter(|(score, _)| *score > SIMILARITY);
    scored.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(words: &str) -> Result<HelpSubject, UnknownCommand> {
        HelpSubject::find(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_subject_is_a_command_at_any_depth_or_a_topic() {
        assert_eq!(find("exit-codes"), Ok(HelpSubject::Topic(HelpTopic::ExitCodes)));
        assert_eq!(find("release prune"), Ok(HelpSubject::Command(vec!["release".to_owned(), "prune".to_owned()])));
        assert_eq!(find(""), Ok(HelpSubject::Command(Vec::new())));
    }

    #[test]
    fn an_unknown_word_is_named_with_what_was_probably_meant() {
        let unknown = |words: &str| find(words).expect_err("it names nothing");
        assert_eq!(unknown("instal").similar.as_deref(), Some("install"));
        assert_eq!(unknown("exit-code").similar.as_deref(), Some("exit-codes"));
        let nested = unknown("release purne");
        assert_eq!((nested.parent.as_str(), nested.similar.as_deref()), ("reproq release", Some("prune")));
        assert_eq!(unknown("install v1").similar, None);
    }

    #[test]
    fn no_command_has_the_name_of_a_topic() {
        let tree = command();
        assert!(HelpTopic::ALL.iter().all(|topic| tree.find_subcommand(topic.name()).is_none()));
    }
}
