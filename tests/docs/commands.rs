//! Every command in the documents and in the examples of the help is accepted by the program's own parser.

use std::fs;

use clap::Parser;
use clap::error::ErrorKind;
use reproq::internals::cli::Cli;

use crate::help;
use crate::list;
use crate::pages;
use crate::shell;
use crate::text;

#[test]
fn every_command_in_the_documents_is_accepted() {
    let mut problems = Vec::new();
    let mut checked = 0;
    for path in pages() {
        let page = fs::read_to_string(&path).expect("a page");
        for line in shell::command_lines(&path, &page) {
            checked += 1;
            if let Err(error) = accepted(&line.words, line.is_inline || line.command().contains('…')) {
                problems.push(format!("{}: `{}`: {error}", line.place, line.written));
            }
        }
    }
    assert!(checked > 150, "only {checked} commands were found");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_example_of_the_help_is_accepted() {
    let mut problems = Vec::new();
    for command in list(help(), "commands").iter().skip(1) {
        for example in list(command, "examples") {
            let line = text(example, "line");
            if let Err(error) = accepted(&shell::words(line), false) {
                problems.push(format!("{}: `{line}`: {error}", text(command, "command")));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_examples_of_a_command_use_it() {
    for command in list(help(), "commands").iter().skip(1) {
        let name = text(command, "command");
        let uses = list(command, "examples").iter().any(|example| text(example, "line").starts_with(name));
        assert!(uses, "no example of `{name}` starts with it");
    }
}

/// Parses a command. `is_abbreviated`: values are placeholders, and required ones may be missing.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other kinds of errors are errors of the document")]
fn accepted(words: &[String], is_abbreviated: bool) -> Result<(), String> {
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "…").collect();
    let Err(error) = Cli::try_parse_from(&words) else { return Ok(()) };
    let has_placeholder = words.iter().any(|word| word.chars().all(|c| c.is_ascii_uppercase() || c == '-' || c == '/'));
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(()),
        ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand if is_abbreviated => Ok(()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if is_abbreviated => Ok(()),
        ErrorKind::ValueValidation | ErrorKind::InvalidValue if is_abbreviated && has_placeholder => Ok(()),
        // The last word is an option without its value.
        ErrorKind::InvalidValue if is_abbreviated && words.last().is_some_and(|word| word.starts_with("--")) => Ok(()),
        _ => Err(error.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}
