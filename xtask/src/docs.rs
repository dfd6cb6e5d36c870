//! The README's generated tables, written from the values the program itself uses.

use std::fs;
use std::path::Path;

use anyhow::Context;
use anyhow::bail;
use reproq::config::VARIABLES;
use reproq::exit::ExitStatus;
use reproq::trust::Level;

/// Writes the tables, or only compares them.
pub fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let path = root.join("README.md");
    let text = fs::read_to_string(&path).context("failed to read README.md")?;
    let mut fresh = text.clone();
    for (name, table) in [("exit codes", exit_codes()), ("variables", variables()), ("verdicts", verdicts())] {
        fresh = replaced(&fresh, name, &table)?;
    }
    if fresh == text {
        return Ok(());
    }
    if check {
        bail!("the generated tables of README.md are stale; run `cargo xtask docs`");
    }
    fs::write(&path, fresh).context("failed to write README.md")
}

fn replaced(text: &str, name: &str, table: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let from = text.find(&begin).with_context(|| format!("README.md has no `{}`", begin.trim()))? + begin.len();
    let length = text[from..].find(&end).with_context(|| format!("README.md has no `{end}`"))?;
    Ok(format!("{}{table}{}", &text[..from], &text[from + length..]))
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
