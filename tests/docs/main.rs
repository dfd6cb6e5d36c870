//! The documentation matches the program: its generated parts are current, and every command in it is accepted.
//! `cargo xtask docs` writes the generated parts.
#![expect(clippy::disallowed_methods, reason = "the documents are read and written here, and the program is started")]

mod commands;
mod generated;
mod reference;
mod schemas;
mod shell;

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The document of `reproq help --json`.
fn help() -> &'static Value {
    static HELP: OnceLock<Value> = OnceLock::new();
    HELP.get_or_init(|| {
        let output = Command::new(env!("CARGO_BIN_EXE_reproq")).args(["help", "--json"]).output().expect("it starts");
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).expect("one document")
    })
}

/// The pages that users read: the README, the security model and everything below `docs`. The changelog also names commands of
/// earlier versions.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("SECURITY.md")];
    let mut directories = vec![root().join("docs")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("readable") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// The string at a key of a JSON object.
fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{value} has no string `{key}`"))
}

/// The list at a key of a JSON object.
fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("{value} has no list `{key}`"))
}
