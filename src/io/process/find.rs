//! Finds a program by name.
#![expect(clippy::disallowed_methods, reason = "programs are looked for here")]

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsStr;
use std::ffi::OsString;
#[cfg(unix)]
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// Finds a program in the absolute directories of `PATH`, then in one more; otherwise returns the searched directories.
/// A relative or empty entry would run a program from the current directory.
pub(crate) fn find_program(
    name: &str,
    environment: &[(OsString, OsString)],
    last: Option<PathBuf>,
) -> Result<PathBuf, Vec<PathBuf>> {
    let path = environment.iter().find(|(known, _)| is_named(known, "PATH"));
    let path = path.map(|(_, value)| value.as_os_str()).unwrap_or_default();
    let directories: Vec<_> =
        std::env::split_paths(path).chain(last).filter(|directory| directory.is_absolute()).collect();
    let file = format!("{name}{EXE_SUFFIX}");
    directories.iter().map(|directory| directory.join(&file)).find(|path| is_executable(path)).ok_or(directories)
}

/// Whether a variable has this name; case-insensitive on Windows.
pub(super) fn is_named(known: &OsStr, name: &str) -> bool {
    if cfg!(windows) { known.eq_ignore_ascii_case(name) } else { known == name }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn relative_and_empty_entries_of_path_are_ignored() {
        let directory = tempfile::tempdir().expect("a directory");
        let program = directory.path().join("tool");
        fs::write(&program, "").expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("set");
        let found = |path: &str| find_program("tool", &[("PATH".into(), path.into())], None);
        let absolute = directory.path().to_str().expect("UTF-8");
        let here = std::env::current_dir().expect("a directory");
        let up = "../".repeat(here.components().count());
        for relative in [String::new(), ".".to_owned(), format!("{up}{absolute}"), format!(":{up}{absolute}:")] {
            assert_eq!(found(&relative), Err(Vec::new()), "{relative}");
            assert_eq!(found(&format!("{relative}:{absolute}")), Ok(program.clone()), "{relative}");
        }
        assert_eq!(find_program("tool", &[], Some(directory.path().to_owned())), Ok(program.clone()));
        fs::set_permissions(&program, fs::Permissions::from_mode(0o644)).expect("set");
        assert_eq!(found(absolute), Err(vec![directory.path().to_owned()]));
    }
}
