//! The generated tables and pages.

use std::fs;

use reproq::internals::config::VARIABLES;
use reproq::internals::failure::exit::ExitStatus;
use reproq::internals::trust::Level;

use crate::read;
use crate::reference;
use crate::root;

#[test]
fn the_generated_tables_are_current() {
    let tables = [
        ("README.md", "verdicts", verdicts()),
        ("docs/reference/exit-codes.md", "exit codes", exit_codes()),
        ("docs/reference/settings.md", "variables", variables()),
    ];
    for (file, name, table) in tables {
        let text = read(file);
        current(file, &text, &replaced(file, &text, name, &table));
    }
}

#[test]
fn the_generated_pages_are_current() {
    for (file, text) in [
        ("docs/reference/commands.md", reference::commands()),
        ("docs/reference/json.md", reference::documents()),
        ("docs/llms.txt", reference::llms()),
    ] {
        let old = fs::read_to_string(root().join(file)).unwrap_or_default();
        current(file, &old, &text);
    }
}

/// Compares a document with its new text, or writes it.
fn current(file: &str, old: &str, new: &str) {
    if std::env::var_os("REPROQ_WRITE_DOCS").is_some() {
        return fs::write(root().join(file), new).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    assert!(old == new, "the generated part of {file} is stale; run `cargo xtask docs`");
}

fn replaced(file: &str, text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let from = text.find(&begin).unwrap_or_else(|| panic!("{file} has no `{}`", begin.trim())) + begin.len();
    let length = text[from..].find(&end).unwrap_or_else(|| panic!("{file} has no `{end}`"));
    format!("{}{table}{}", &text[..from], &text[from + length..])
}

fn exit_codes() -> String {
    let rows = ExitStatus::ALL.iter().map(|status| format!("| {} | {} |\n", status.code(), status.meaning()));
    format!("| code | meaning |\n| --- | --- |\n{}", rows.collect::<String>())
}

fn variables() -> String {
    let rows = VARIABLES.iter().map(|(name, meaning)| format!("| `{name}` | {meaning} |\n"));
    format!("| variable | meaning |\n| --- | --- |\n{}", rows.collect::<String>())
}

fn verdicts() -> String {
    let rows = Level::ALL.iter().rev().map(|level| format!("| `{level}` | {} |\n", level.meaning()));
    format!("| verdict | meaning |\n| --- | --- |\n{}", rows.collect::<String>())
}
