//! The README's generated tables match the program's own values. `cargo xtask docs` writes them.
#![expect(clippy::disallowed_methods, reason = "the README is read and written here")]

use std::fs;
use std::path::Path;

use reproq::config::VARIABLES;
use reproq::failure::exit::ExitStatus;
use reproq::trust::Level;

#[test]
fn the_generated_tables_of_the_readme_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path).expect("README.md");
    let tables = [("exit codes", exit_codes()), ("variables", variables()), ("verdicts", verdicts())];
    let fresh = tables.iter().fold(text.clone(), |text, (name, table)| replaced(&text, name, table));
    if std::env::var_os("REPROQ_WRITE_DOCS").is_some() {
        return fs::write(&path, fresh).expect("README.md can be written");
    }
    assert!(fresh == text, "the generated tables of README.md are stale; run `cargo xtask docs`");
}

fn replaced(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let from = text.find(&begin).unwrap_or_else(|| panic!("README.md has no `{}`", begin.trim())) + begin.len();
    let length = text[from..].find(&end).unwrap_or_else(|| panic!("README.md has no `{end}`"));
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
