//! Assembles `docs/faults.md` from the rows that the tests wrote.

use std::fs;
use std::path::Path;

use anyhow::Context;
use anyhow::bail;
use xtask::target_directory;

const DOCUMENT: &str = "docs/faults.md";

/// Where the tests write their rows, and the title of each part.
const PARTS: [(&str, &str); 5] = [
    ("1-network", "Networks and servers"),
    ("2-machine", "Disks, permissions and environment"),
    ("3-crash", "Killed or interrupted"),
    ("4-race", "Concurrency"),
    ("5-hostile", "Attacks"),
];

const HEAD: &str = "\
# Faults

How `reproq` behaves under failure. Each row is written by the test that causes the fault, from the program's output and the
files on disk. `cargo xtask faults` runs these tests and writes this page; `cargo xtask test` fails if it is out of date.
After every failure the same command succeeds once the fault is gone, without manual cleanup.
";

/// Removes the rows of earlier runs, so that rows of removed tests disappear.
pub fn begin() -> anyhow::Result<()> {
    let directory = target_directory().join("tmp/fault-rows");
    match fs::remove_dir_all(&directory) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).context("failed to remove the rows of earlier runs"),
    }
}

/// Writes the document from the rows, or only compares it.
pub fn finish(root: &Path, check: bool) -> anyhow::Result<()> {
    let mut text = HEAD.to_owned();
    for (directory, title) in PARTS {
        let rows = rows(&target_directory().join("tmp/fault-rows").join(directory))?;
        if !rows.is_empty() {
            text.push_str(&format!(
                "\n## {title}\n\n| fault | exit | output | state on disk |\n| --- | --- | --- | --- |\n"
            ));
            text.extend(rows);
        }
    }
    let path = root.join(DOCUMENT);
    if fs::read_to_string(&path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    if check {
        bail!("{DOCUMENT} is out of date; run `cargo xtask faults`");
    }
    fs::write(path, text).with_context(|| format!("failed to write {DOCUMENT}"))
}

fn rows(directory: &Path) -> anyhow::Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(directory) else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    for entry in entries {
        rows.push(fs::read_to_string(entry?.path())?);
    }
    rows.sort();
    Ok(rows)
}
