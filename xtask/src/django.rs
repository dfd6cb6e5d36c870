//! A Python that can import Django, for the tests of `reproq which`; created once below `target/toolchain/django`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use xtask::target_directory;

use crate::python;
use crate::python::run;

/// The Django version that Reproq supports, and the oldest Python it runs on.
const DJANGO_6: Pin = Pin { requirement: "Django==6.0.10", oldest: (3, 12) };
/// The version for older Pythons: it loads settings in the same way.
const DJANGO_5: Pin = Pin { requirement: "Django==5.2.19", oldest: (3, 10) };

struct Pin {
    requirement: &'static str,
    oldest: (u32, u32),
}

/// A Python in its own virtual environment that can import Django. `None` if this machine has no recent enough Python; an error
/// if there is one but Django could not be installed.
pub fn python_with_django() -> Result<Option<PathBuf>> {
    let directory = target_directory().join("toolchain/django");
    let python = directory.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    // The stamp is written last: an environment without it is incomplete.
    let stamp = directory.join("made-for");
    let made_for = fs::read_to_string(&stamp).ok().filter(|_| python::version(&python).is_some());
    if made_for.as_deref() == Some(DJANGO_6.requirement) {
        return Ok(Some(python));
    }
    let Some((base, version)) = python::newest_with_version() else { return Ok(None) };
    let Some(pin) = [DJANGO_6, DJANGO_5].into_iter().find(|pin| version >= pin.oldest) else { return Ok(None) };
    if made_for.as_deref() == Some(pin.requirement) {
        return Ok(Some(python));
    }
    if directory.exists() {
        fs::remove_dir_all(&directory).with_context(|| format!("failed to remove {}", directory.display()))?;
    }
    run(Command::new(&base).args(["-m", "venv"]).arg(&directory))?;
    let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"];
    run(Command::new(&python).args(quiet).arg(pin.requirement))?;
    fs::write(&stamp, pin.requirement).with_context(|| format!("failed to write {}", stamp.display()))?;
    Ok(Some(python))
}
