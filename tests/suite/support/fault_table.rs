//! The rows of `docs/faults.md`: each is written by the test that caused the fault, from the program's output and the files on
//! disk. `cargo xtask faults` assembles them; `cargo xtask test` fails if the document is out of date.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::Context;
use super::Output;
use super::redact;
use super::skip;

/// The parts of the document, in its order.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// Networks and servers.
    Network,
    /// Disks, permissions and environment.
    Machine,
    /// Killed or interrupted.
    Crash,
    /// Concurrency.
    Race,
    /// Attacks.
    Hostile,
}

impl Part {
    fn directory(self) -> &'static str {
        match self {
            Self::Network => "1-network",
            Self::Machine => "2-machine",
            Self::Crash => "3-crash",
            Self::Race => "4-race",
            Self::Hostile => "5-hostile",
        }
    }
}

/// Records this run under the fault's name. Rows are sorted by name, so names start with their subject:
/// `body: reset in the middle, every time`. `left` describes the files on disk afterwards, usually from [`left`].
pub fn record(part: Part, fault: &str, context: &Context, output: &Output, left: &str) {
    record_as(part, fault, &output.code.to_string(), &shown(context, output), left);
}

/// As [`record`], for cases that are not a single run: many processes, or a killed one without output.
pub fn record_as(part: Part, fault: &str, code: &str, seen: &str, left: &str) {
    let cells = [fault, code, seen, left].map(|cell| cell.replace('|', "\\|").replace('\n', " "));
    let row = format!("| {} |\n", cells.join(" | "));
    write_row(part, fault, &row);
    let document = fs::read_to_string(document()).unwrap_or_default();
    let is_writing = std::env::var_os("REPROQ_WRITE_FAULTS").is_some();
    assert!(
        is_writing || document.contains(&row),
        "docs/faults.md has no such row; `cargo xtask faults` writes it:\n{row}"
    );
}

/// Records that a fault is not possible on this machine, and keeps the row written on another one.
pub fn skipped(part: Part, fault: &str, remedy: &str) {
    skip::record(&format!("the fault \"{fault}\""), remedy);
    let document = fs::read_to_string(document()).unwrap_or_default();
    if let Some(row) = document.lines().find(|line| line.starts_with(&format!("| {fault} | "))) {
        write_row(part, fault, &format!("{row}\n"));
    }
}

fn write_row(part: Part, fault: &str, row: &str) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fault-rows").join(part.directory());
    fs::create_dir_all(&directory).expect("a directory for the rows");
    let name: String = fault.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    fs::write(directory.join(name), row).expect("a row");
}

/// Describes the project's `.reproq` after a fault: which binary, and every unexpected file. `before` are the previously
/// installed bytes, if any; `after` those that the run should have placed.
pub fn left(context: &Context, before: Option<&[u8]>, after: &[u8]) -> String {
    let binary = match fs::read(context.binary()) {
        Ok(bytes) if before == Some(bytes.as_slice()) => "the old binary",
        Ok(bytes) if bytes == after => "the new binary",
        Ok(_) => panic!("neither the old binary nor the new one"),
        Err(_) if before.is_none() => "no binary",
        Err(error) => panic!("the old binary is gone: {error}"),
    };
    let litter = context.staged();
    assert!(litter.is_empty(), "litter: {litter:?}");
    format!("{binary}, nothing in staging")
}

/// The user's view: the error with its causes and the first hint; for a success all progress messages and the report's first
/// line.
fn shown(context: &Context, output: &Output) -> String {
    let text = redact::redact(&output.stderr, context);
    let mut lines: Vec<&str> = if output.code == 0 {
        // The number of tries is at least the fault's own; a slow machine may add one.
        let mut tries = 0;
        let is_first_try = |line: &&str| {
            tries += usize::from(line.contains("; retrying ("));
            tries < 2 || !line.contains("; retrying (")
        };
        let lines = text.lines().filter(|line| !line.starts_with("Downloading ") && !line.trim().is_empty());
        lines.filter(is_first_try).collect()
    } else {
        let told = |line: &&str| line.starts_with("error: ") || line.trim_start().starts_with("caused by: ");
        let mut told: Vec<&str> = text.lines().filter(told).map(str::trim).collect();
        told.extend(text.lines().find(|line| line.starts_with("hint: ")));
        told
    };
    let report = redact::redact(&output.stdout, context);
    if output.code == 0 {
        lines.extend(report.lines().next());
    }
    steady(&lines.join("<br>")).replace('<', "&lt;").replace("&lt;br>", "<br>")
}

/// Sizes depend on the compiler of the sample worker, columns on the port of the loopback server, waits on the current time,
/// and names of staging directories are random.
fn steady(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let length = rest[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - start);
        let (before, digits) = (&rest[..start], &rest[start..start + length]);
        let varies = length > 4 || before.ends_with("retry after ") || before.ends_with("column ");
        shown.push_str(before);
        shown.push_str(if varies { "[N]" } else { digits });
        rest = &rest[start + length..];
    }
    shown.push_str(rest);
    let Some((before, after)) = shown.split_once("/staging/install-") else { return shown };
    let name = after.find(['/', '`', ' ']).unwrap_or(after.len());
    format!("{before}/staging/install-[RANDOM]{}", &after[name..])
}

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md")
}
