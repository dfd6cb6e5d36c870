//! A Python that can import Django, for the tests of `reproq which`; made once below `target/toolchain/django`.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use xtask::target_directory;

/// The Django that Reproq is for, and the oldest Python it runs on.
const DJANGO_6: Pin = Pin { requirement: "Django==6.0.10", oldest: (3, 12) };
/// What older Pythons get: the settings machinery is the same.
const DJANGO_5: Pin = Pin { requirement: "Django==5.2.19", oldest: (3, 10) };

struct Pin {
    requirement: &'static str,
    oldest: (u32, u32),
}

/// A Python (in a virtual environment of its own) that can import Django. `None` when this machine has no Python that is new
/// enough. An error means that there is one, but that Django could not be installed for it.
pub fn python_with_django() -> Result<Option<PathBuf>> {
    let folder = target_directory().join("toolchain/django");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    // The stamp is written last: an environment without it is a half-made one.
    let stamp = folder.join("made-for");
    let made_for = fs::read_to_string(&stamp).ok().filter(|_| python_version(&python).is_some());
    if made_for.as_deref() == Some(DJANGO_6.requirement) {
        return Ok(Some(python));
    }
    let Some((base, version)) = newest_python() else { return Ok(None) };
    let Some(pin) = [DJANGO_6, DJANGO_5].into_iter().find(|pin| version >= pin.oldest) else { return Ok(None) };
    if made_for.as_deref() == Some(pin.requirement) {
        return Ok(Some(python));
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    }
    run(Command::new(&base).args(["-m", "venv"]).arg(&folder))?;
    let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"];
    run(Command::new(&python).args(quiet).arg(pin.requirement))?;
    fs::write(&stamp, pin.requirement).with_context(|| format!("failed to write {}", stamp.display()))?;
    Ok(Some(python))
}

/// The newest Python of this machine that Django runs on.
pub fn newest() -> Option<PathBuf> {
    newest_python().filter(|(_, version)| *version >= DJANGO_5.oldest).map(|(python, _)| python)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("failed to start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

/// The newest Python on `PATH` or among pyenv's.
fn newest_python() -> Option<(PathBuf, (u32, u32))> {
    let names = (10..=20).map(|minor| format!("python3.{minor}")).chain(["python3".to_owned(), "python".to_owned()]);
    let on_path = names.map(PathBuf::from).filter_map(|python| Some((python_version(&python)?, python)));
    // Of two equally new ones the last is taken; pyenv's own ones are more reliable than its shims on PATH.
    let newest = on_path.chain(of_pyenv()).max_by_key(|(version, _)| *version);
    newest.map(|(version, python)| (python, version))
}

fn of_pyenv() -> Vec<((u32, u32), PathBuf)> {
    let root = env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".pyenv")));
    let versions = root.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let pythons = versions.into_iter().flatten().flatten().map(|entry| entry.path().join("bin/python"));
    pythons.filter_map(|python| Some((python_version(&python)?, python))).collect()
}

/// Asks an interpreter for its version. `None` when it is not there, is a Python 2, or cannot make virtual environments.
fn python_version(python: &Path) -> Option<(u32, u32)> {
    let script = "import sys, venv, ensurepip; print(sys.version_info[0], sys.version_info[1])";
    let output = Command::new(python).args(["-c", script]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
