//! Packages from PyPI, installed by uv below `target/toolchain`: exactly the files that `xtask/python/uv.lock` names.

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

use crate::root;
use crate::target_directory;

/// The oldest Python that the tools run on.
const OLDEST: (u32, u32) = (3, 11);

/// uv itself, with the hash of its file for every platform.
const UV: &str = "xtask/python/uv.txt";

/// A virtual environment.
#[derive(Debug, Clone)]
pub struct Environment(PathBuf);

/// The packages of a dependency group of `xtask/python/pyproject.toml`. `None` on a machine without a recent Python.
pub fn tools(group: &str) -> Result<Option<Environment>> {
    let Some(python) = newest() else { return Ok(None) };
    let uv = uv(&python)?;
    let directory = target_directory().join("toolchain").join(group);
    let mut sync = Command::new(uv.program("uv"));
    sync.args([
        "sync",
        "--quiet",
        "--locked",
        "--no-cache",
        "--no-build",
        "--no-python-downloads",
        "--only-group",
        group,
    ]);
    sync.arg("--project").arg(root().join("xtask/python")).arg("--python").arg(&python);
    // Only `uv.lock` decides what is installed.
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("UV_")) {
        sync.env_remove(name);
    }
    sync.env("UV_PROJECT_ENVIRONMENT", &directory).env_remove("VIRTUAL_ENV");
    run(&mut sync).with_context(|| format!("failed to install the packages of the group `{group}`"))?;
    Ok(Some(Environment(directory)))
}

/// uv, installed once by pip.
fn uv(python: &Path) -> Result<Environment> {
    let environment = Environment(target_directory().join("toolchain/uv"));
    let requirements = root().join(UV);
    let wanted =
        fs::read_to_string(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    // The stamp is written last: an environment without it is incomplete.
    let stamp = environment.0.join("installed");
    let is_usable = version(&environment.python()).is_some();
    if is_usable && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(environment);
    }
    environment.create(python)?;
    let quiet = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ];
    run(Command::new(environment.python()).args(quiet).arg("--requirement").arg(&requirements))?;
    fs::write(&stamp, wanted).with_context(|| format!("failed to write {}", stamp.display()))?;
    Ok(environment)
}

impl Environment {
    /// A new environment in this directory, without packages.
    pub fn new(python: &Path, directory: &Path) -> Result<Self> {
        let environment = Self(directory.to_owned());
        environment.create(python)?;
        Ok(environment)
    }

    fn create(&self, python: &Path) -> Result<()> {
        run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&self.0))
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// One of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.0.join(if cfg!(windows) { "Scripts" } else { "bin" }).join(format!("{name}{EXE_SUFFIX}"))
    }

    /// Its interpreter.
    pub fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// The directory of its packages.
    pub fn packages(&self) -> Result<PathBuf> {
        let script = "import sysconfig; print(sysconfig.get_path('purelib'))";
        let output = Command::new(self.python()).args(["-c", script]).stdin(Stdio::null()).output()?;
        ensure!(output.status.success(), "{} cannot be used", self.python().display());
        let path = String::from_utf8(output.stdout).context("a path that is not UTF-8")?;
        Ok(PathBuf::from(path.trim()))
    }
}

/// Runs a command with empty stdin.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("failed to start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

/// The newest Python on `PATH` or among pyenv's that can create virtual environments and run the tools.
pub fn newest() -> Option<PathBuf> {
    let names = (11..=20).map(|minor| format!("python3.{minor}")).chain(["python3".to_owned(), "python".to_owned()]);
    let on_path = names.map(PathBuf::from).filter_map(|python| Some((version(&python)?, python)));
    // Of two equally new ones the last is taken; pyenv's own ones are more reliable than its shims on PATH.
    let newest = on_path.chain(of_pyenv()).max_by_key(|(version, _)| *version);
    newest.filter(|(version, _)| *version >= OLDEST).map(|(_, python)| python)
}

fn of_pyenv() -> Vec<((u32, u32), PathBuf)> {
    let root = env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".pyenv")));
    let versions = root.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let pythons = versions.into_iter().flatten().flatten().map(|entry| entry.path().join("bin/python"));
    pythons.filter_map(|python| Some((version(&python)?, python))).collect()
}

/// Returns an interpreter's version. `None` if it does not exist, is a Python 2, or cannot create virtual environments.
fn version(python: &Path) -> Option<(u32, u32)> {
    let script = "import sys, venv, ensurepip; print(sys.version_info[0], sys.version_info[1])";
    let output = Command::new(python).args(["-c", script]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
