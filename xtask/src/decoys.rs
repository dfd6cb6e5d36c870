//! A temporary directory full of unrelated files, as on a real machine. The tests run with their own directories inside it, so
//! that a test that reads outside its own directory fails here and not only on some machines.

use std::fs;

use anyhow::Context;
use tempfile::TempDir;

/// Files with the names that the program and its tests look for.
const FILES: [(&str, &str); 3] = [
    ("reproq", "not the worker"),
    ("evil", "of another user"),
    ("reproq-worker/go.mod", "module example.org/another\n"),
];

/// A directory for `TMPDIR` with the decoys; removed when the value is dropped.
pub fn temporary_directory() -> anyhow::Result<TempDir> {
    let directory =
        tempfile::Builder::new().prefix("reproq-tests-").tempdir().context("failed to create a directory")?;
    for (name, text) in FILES {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().context("a file is in a directory")?)?;
        fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    open_to_everybody(&directory)?;
    Ok(directory)
}

/// Writable by everyone, like the system's own, because some tests run as another user.
#[cfg(unix)]
fn open_to_everybody(directory: &TempDir) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    Ok(fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o1777))?)
}

#[cfg(not(unix))]
fn open_to_everybody(_directory: &TempDir) -> anyhow::Result<()> {
    Ok(())
}
