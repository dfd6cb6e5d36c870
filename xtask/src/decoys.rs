//! The system's temporary directory as a machine may have it: full of what belongs to others. The tests run with their own
//! directories inside such a one, so that a test that looks outside of its own directory fails here and not on somebody's machine.

use std::fs;

use anyhow::Context;
use tempfile::TempDir;

/// Files by the names that the program and its tests look for.
const FILES: [(&str, &str); 3] = [
    ("reproq", "not the worker"),
    ("evil", "of another user"),
    ("reproq-worker/go.mod", "module example.org/another\n"),
];

/// A directory for `TMPDIR` that holds the decoys; gone with this value.
pub fn temporary_directory() -> anyhow::Result<TempDir> {
    let directory = tempfile::Builder::new().prefix("reproq-tests-").tempdir().context("failed to make a directory")?;
    for (name, text) in FILES {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().context("a file lies in a directory")?)?;
        fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    open_to_everybody(&directory)?;
    Ok(directory)
}

/// As the system's own is: some tests become another user.
#[cfg(unix)]
fn open_to_everybody(directory: &TempDir) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    Ok(fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o1777))?)
}

#[cfg(not(unix))]
fn open_to_everybody(_directory: &TempDir) -> anyhow::Result<()> {
    Ok(())
}
