//! What differs between systems about files, and the few effects on staged ones.
#![expect(clippy::disallowed_methods, reason = "staged files are changed here")]

use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;

/// Lets everybody run a file and its owner change it (0755), whatever the umask; on Windows the name alone decides. Some
/// mounted file systems refuse every mode but their own, which is fine where it lets this user run the file.
pub fn make_executable(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    match fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)) {
        Err(error) if !is_executable(path) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Whether this very user may execute a file.
#[cfg(unix)]
pub fn is_executable(path: &Path) -> bool {
    // The system decides for this very user, as it does for Python's `os.access`; permission bits alone would not tell.
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Whether this very user may execute a file: on Windows its name decides.
#[cfg(not(unix))]
pub fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// Whether this very user may make files in a directory.
#[cfg(unix)]
pub fn is_writable(directory: &Path) -> bool {
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

/// Whether this very user may make files in a directory; only trying tells on Windows, so it is believed.
#[cfg(not(unix))]
pub fn is_writable(_directory: &Path) -> bool {
    true
}

/// Whether a directory that exists is on another file system than one above it, as where a volume is mounted.
#[cfg(unix)]
pub fn is_on_another_device(directory: &Path, above: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).ok().map(|metadata| std::os::unix::fs::MetadataExt::dev(&metadata));
    device(directory).zip(device(above)).is_some_and(|(one, other)| one != other)
}

/// Whether a directory is on another file system than one above it; not known on Windows.
#[cfg(not(unix))]
pub const fn is_on_another_device(_directory: &Path, _above: &Path) -> bool {
    false
}

/// Waits until a file's data are on the disk.
pub fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_data()
}

/// A path with all links followed, or the path itself where that is not possible.
pub fn real_path(path: &Path) -> std::path::PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
