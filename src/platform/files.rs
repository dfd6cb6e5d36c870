//! Operations on files that differ between systems, and a few effects on staged files.
#![expect(clippy::disallowed_methods, reason = "staged files are changed here")]

use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;

/// Makes a file executable by everyone and writable by its owner (0755), whatever the umask; on Windows the name alone
/// decides. Some mounted file systems reject every mode but their own, which is fine if this user can execute the file.
pub(crate) fn make_executable(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    match fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)) {
        Err(error) if !is_executable(path) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Whether this user may execute a file.
#[cfg(unix)]
pub(crate) fn is_executable(path: &Path) -> bool {
    // The system decides for this user, as it does for Python's `os.access`; permission bits alone are not sufficient.
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Whether this user may execute a file: on Windows its name decides.
#[cfg(not(unix))]
pub fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// Whether this user may create files in a directory.
#[cfg(unix)]
pub(crate) fn is_writable(directory: &Path) -> bool {
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

/// Whether this user may create files in a directory. On Windows only an attempt would show that, so this returns true.
#[cfg(not(unix))]
pub fn is_writable(_directory: &Path) -> bool {
    true
}

/// Whether an existing directory is on a different file system than one above it, for example a mounted volume.
#[cfg(unix)]
pub(crate) fn is_on_another_device(directory: &Path, above: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).ok().map(|metadata| std::os::unix::fs::MetadataExt::dev(&metadata));
    device(directory).zip(device(above)).is_some_and(|(one, other)| one != other)
}

/// Whether a directory is on a different file system than one above it; unknown on Windows.
#[cfg(not(unix))]
pub const fn is_on_another_device(_directory: &Path, _above: &Path) -> bool {
    false
}

/// Flushes a file's data to disk.
pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_data()
}

/// A path with all links resolved, or the path itself if that is not possible.
pub(crate) fn real_path(path: &Path) -> std::path::PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
