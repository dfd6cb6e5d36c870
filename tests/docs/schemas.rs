//! The list of JSON documents in `reproq help --json` is complete.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::help;
use crate::list;
use crate::root;
use crate::text;

#[test]
fn every_schema_in_the_sources_is_listed_and_every_listed_one_exists() {
    let listed: BTreeSet<String> =
        list(help(), "documents").iter().map(|document| text(document, "schema").to_owned()).collect();
    let mut named = BTreeSet::new();
    for sources in ["src", "crates/reproq-serve/src"] {
        collect(&root().join(sources), &mut named);
    }
    assert!(named.len() > 30, "only {} schemas were found", named.len());
    assert_eq!(listed, named, "`src/commands/help/documents.rs` differs from the sources");
}

#[test]
fn every_command_that_reports_prints_a_listed_document() {
    let commands = list(help(), "commands");
    let is_group = |name: &str| commands.iter().any(|other| text(other, "command").starts_with(&format!("{name} ")));
    for command in commands {
        let name = text(command, "command");
        // A screen has no document.
        if name == "reproq top" {
            continue;
        }
        // One group is a command too.
        let is_group = is_group(name) && name != "reproq stats";
        assert_ne!(is_group, !list(command, "schemas").is_empty(), "{name}");
    }
    for document in list(help(), "documents") {
        for command in list(document, "printed_by") {
            let is_there = commands.iter().any(|it| it["command"] == *command);
            assert!(is_there, "{} is printed by {command}, which does not exist", document["schema"]);
        }
    }
}

/// Every string `"reproq.NAME/NUMBER"` in the product code below a directory.
fn collect(directory: &Path, named: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, named);
            continue;
        }
        let is_table = path.ends_with("commands/help/documents.rs");
        // Tests of a reader name formats that do not exist.
        let is_test = path.file_stem().is_some_and(|stem| stem == "laws" || stem == "tests");
        if is_table || is_test {
            continue;
        }
        let source = fs::read_to_string(&path).expect("a source file");
        let product = source.split("\nmod tests {").next().unwrap_or_default();
        named.extend(product.split('"').filter(|literal| is_schema(literal)).map(str::to_owned));
    }
}

fn is_schema(literal: &str) -> bool {
    let Some((name, number)) = literal.strip_prefix("reproq.").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let is_name = !name.is_empty() && name.chars().all(|character| character.is_ascii_lowercase() || character == '-');
    is_name && number.parse::<u32>().is_ok()
}
