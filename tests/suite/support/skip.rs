//! Records skipped tests: `cargo xtask test` prints them at its end, because the output of a passing test is not shown.

use std::env;
use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::thread;

/// Records what was not tested on this machine, and what the test needs.
pub(crate) fn record(unseen: &str, remedy: &str) {
    let current = thread::current();
    let test = current.name().unwrap_or("a test");
    // Directly to the stream: the test harness hides the output of a passing test.
    let _ = writeln!(io::stderr(), "SKIPPED: {test}: {unseen} (to run it: {remedy})");
    let Some(directory) = env::var_os("REPROQ_TEST_SKIPS").filter(|directory| !directory.is_empty()) else { return };
    let name: String =
        format!("{test} {unseen}").chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name: String = name.chars().take(200).collect();
    let line = format!("{test}\t{unseen}\t{remedy}\n");
    fs::write(Path::new(&directory).join(name), line).expect("the directory for what is skipped can be written");
}
