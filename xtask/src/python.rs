//! Python interpreters of this machine, and environments with tools from PyPI below `target/toolchain`.

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use xtask::target_directory;

/// The oldest Python that the tools run on.
const OLDEST: (u32, u32) = (3, 10);

/// The newest Python that can create virtual environments and run the tools.
pub fn newest() -> Option<PathBuf> {
    newest_with_version().filter(|(_, version)| *version >= OLDEST).map(|(python, _)| python)
}

/// A separate environment with exactly these packages; created once.
pub fn environment_with(python: &Path, name: &str, packages: &[&str]) -> Result<PathBuf> {
    environment_for(python, name, &packages.join(" "), packages)
}

/// A separate environment with the packages of a requirements file that states the hash of every file; created once.
pub fn environment_from(python: &Path, name: &str, requirements: &Path) -> Result<PathBuf> {
    let wanted = fs::read_to_string(requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let path = requirements.to_str().context("the repository's path is not UTF-8")?;
    environment_for(python, name, &wanted, &["--require-hashes", "--only-binary", ":all:", "--requirement", path])
}

/// A separate environment, created by `pip install` unless it was created for the same packages before.
fn environment_for(python: &Path, name: &str, wanted: &str, arguments: &[&str]) -> Result<PathBuf> {
    let directory = target_directory().join("toolchain").join(name);
    // The stamp is written last: an environment without it is incomplete.
    let stamp = directory.join("made-for");
    if fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == wanted) {
        return Ok(directory);
    }
    environment(python, &directory)?;
    let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(script(&directory, "python")).args(quiet).args(arguments))?;
    fs::write(&stamp, wanted).with_context(|| format!("failed to write {}", stamp.display()))?;
    Ok(directory)
}

/// A new virtual environment.
pub fn environment(python: &Path, directory: &Path) -> Result<()> {
    run(Command::new(python).args(["-m", "venv", "--clear"]).arg(directory))
}

/// The path of a program in an environment.
pub fn script(environment: &Path, name: &str) -> PathBuf {
    environment.join(if cfg!(windows) { "Scripts" } else { "bin" }).join(format!("{name}{EXE_SUFFIX}"))
}

/// Runs a command with empty stdin.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("failed to start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

/// The newest Python on `PATH` or among pyenv's.
pub fn newest_with_version() -> Option<(PathBuf, (u32, u32))> {
    let names = (10..=20).map(|minor| format!("python3.{minor}")).chain(["python3".to_owned(), "python".to_owned()]);
    let on_path = names.map(PathBuf::from).filter_map(|python| Some((version(&python)?, python)));
    // Of two equally new ones the last is taken; pyenv's own ones are more reliable than its shims on PATH.
    let newest = on_path.chain(of_pyenv()).max_by_key(|(version, _)| *version);
    newest.map(|(version, python)| (python, version))
}

fn of_pyenv() -> Vec<((u32, u32), PathBuf)> {
    let root = env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".pyenv")));
    let versions = root.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let pythons = versions.into_iter().flatten().flatten().map(|entry| entry.path().join("bin/python"));
    pythons.filter_map(|python| Some((version(&python)?, python))).collect()
}

/// Returns an interpreter's version. `None` if it does not exist, is a Python 2, or cannot create virtual environments.
pub fn version(python: &Path) -> Option<(u32, u32)> {
    let script = "import sys, venv, ensurepip; print(sys.version_info[0], sys.version_info[1])";
    let output = Command::new(python).args(["-c", script]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
