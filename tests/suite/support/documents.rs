//! Every JSON document that a test sees is one that `reproq help --json` lists for its command.

use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::Output;
use super::context::program_under_test;

/// Fails if the command printed a document that is not listed for it.
pub fn check(arguments: &[&str], output: &Output) {
    if !arguments.contains(&"--json") {
        return;
    }
    let Ok(document) = serde_json::from_str::<Value>(&output.stdout) else { return };
    let (Some(schema), Some(command)) = (document["schema"].as_str(), command(arguments)) else { return };
    let is_failure = schema == "reproq.error/1" && output.code != 0;
    let is_listed = command["schemas"].as_array().is_some_and(|schemas| schemas.iter().any(|listed| listed == schema));
    assert!(
        is_failure || is_listed,
        "{arguments:?} printed {schema}, which src/commands/help/documents.rs does not list"
    );
}

/// The description of the command that is run.
fn command(arguments: &[&str]) -> Option<&'static Value> {
    static HELP: OnceLock<Value> = OnceLock::new();
    let help = HELP.get_or_init(|| {
        let output = Command::new(program_under_test()).args(["help", "--json"]).output().expect("it starts");
        serde_json::from_slice(&output.stdout).expect("one document")
    });
    let commands = help["commands"].as_array().expect("a list");
    let named = |name: &str| commands.iter().find(|command| command["command"] == name);
    let first = arguments.iter().position(|word| named(&format!("reproq {word}")).is_some())?;
    let mut name = "reproq".to_owned();
    let mut found = None;
    for word in &arguments[first..] {
        name = format!("{name} {word}");
        let Some(command) = named(&name) else { break };
        found = Some(command);
    }
    found
}
