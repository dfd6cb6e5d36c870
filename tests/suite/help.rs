//! `reproq help`: every command at any depth, topics, and the document that describes the command line.

use std::fs;

use serde_json::Value;

use crate::support::Context;

fn document(context: &Context, arguments: &[&str]) -> Value {
    serde_json::from_str(&context.succeed(&[arguments, &["--json"]].concat()).stdout).expect("one document")
}

/// The names of all commands in a document of the help.
fn names(document: &Value) -> Vec<String> {
    let commands = document["commands"].as_array().expect("a list");
    commands.iter().map(|command| command["command"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn help_for_each_command_is_the_same_as_its_option() {
    let context = Context::new();
    let names = names(&document(&context, &["help"]));
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        let words: Vec<&str> = name.split(' ').skip(1).collect();
        let by_command = context.succeed(&[&["help"], &words[..]].concat()).stdout;
        let by_option = context.succeed(&[&words[..], &["--help"]].concat()).stdout;
        assert_eq!(by_command, by_option, "{name}");
        assert!(words.is_empty() || by_option.contains("\nExamples:\n  reproq "), "{name}: {by_option}");
    }
}

#[test]
fn the_document_describes_the_whole_command_line() {
    let context = Context::new();
    // Settings that cannot be read do not matter.
    fs::write(context.project().join("pyproject.toml"), "[tool.reproq\n").expect("written");
    let help = document(&context, &["help"]);
    assert_eq!(help["schema"], "reproq.help/1");
    for name in ["reproq", "reproq install", "reproq release prune", "reproq self version", "reproq help"] {
        assert!(names(&help).iter().any(|it| it == name), "{name}");
    }
    let mut one = document(&context, &["help", "release", "prune"]);
    assert_eq!(names(&one), ["reproq release prune"]);
    let prune = one["commands"][0].take();
    let keep = prune["options"].as_array().expect("a list").iter().find(|option| option["name"] == "--keep");
    assert_eq!(keep.expect("the option")["value"], "N");
    assert_eq!(prune["schemas"], serde_json::json!(["reproq.prune/2"]));
    // The tables are the same for every subject.
    for table in ["exit_codes", "environment", "documents", "global_options"] {
        assert_eq!(one[table], help[table], "{table}");
    }
    assert_eq!(
        help["exit_codes"][5],
        serde_json::json!({"code": 5, "status": "unverified", "meaning": "unverified; nothing was installed"})
    );
    assert_eq!(context.github.requests().len(), 0);
}

#[test]
fn topics_are_tables() {
    let context = Context::new();
    for (topic, expected) in [
        ("exit-codes", "130   interrupted by a signal"),
        ("environment", "REPROQ_OFFLINE"),
        ("json", "reproq.install/2"),
    ] {
        let shown = context.succeed(&["help", topic]).stdout;
        assert!(shown.contains(expected), "{shown}");
        let document = document(&context, &["help", topic]);
        assert!(names(&document).is_empty() && !document["documents"].as_array().expect("a list").is_empty());
    }
}

#[test]
fn a_word_that_names_nothing_is_an_error_with_a_hint() {
    let context = Context::new();
    for words in ["instal", "release purne", "install v1", "pg-cron", "triage"] {
        let words: Vec<&str> = words.split(' ').collect();
        insta::assert_snapshot!(words.join("_"), context.shown(&[&["help"], &words[..]].concat()));
    }
}

#[test]
fn help_has_styles_only_where_they_are_wanted() {
    let context = Context::new();
    assert!(!context.succeed(&["help", "install"]).stdout.contains('\x1b'));
    assert!(context.succeed(&["help", "install", "--color", "always"]).stdout.contains("\x1b[1m"));
}
