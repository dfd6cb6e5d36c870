//! How Django's Python searches `PATH` and interprets a configured value. Pure: the caller accesses the disk.

use std::collections::HashSet;
use std::env;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::MAIN_SEPARATOR;
use std::path::Path;
use std::path::PathBuf;

use crate::model::Os;
use crate::worker::which::Aim;

/// Python's default for `PATHEXT`.
const DEFAULT_PATHEXT: &str = ".COM;.EXE;.BAT;.CMD;.VBS;.JS;.WS;.MSC";

/// A directory to search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathDirectory {
    /// Its position in the search, from 0; duplicates are skipped.
    pub(super) index: usize,
    /// The directory, absolute.
    pub(super) path: PathBuf,
}

/// The directories of `PATH` in order, without duplicates. Empty and relative entries are relative to `start`. If `PATH` is not
/// set, the system's default is used; if it is empty, there are no directories.
pub(super) fn directories(path: Option<&OsStr>, start: &Path, os: Os) -> Vec<PathDirectory> {
    let fallback = match os {
        Os::Linux => "/bin:/usr/bin",
        Os::Darwin => "/usr/bin:/bin:/usr/sbin:/sbin",
        Os::Windows => ".;C:\\bin",
    };
    let path = path.unwrap_or(OsStr::new(fallback));
    if path.is_empty() {
        return Vec::new();
    }
    let here = matches!(os, Os::Windows).then(PathBuf::new);
    let mut seen = HashSet::new();
    here.into_iter()
        .chain(env::split_paths(path))
        .map(|entry| start.join(entry))
        .enumerate()
        .filter(|(_, path)| seen.insert(path.clone()))
        .map(|(index, path)| PathDirectory { index, path })
        .collect()
}

/// The file names to try for a program name, in order: on Windows with each extension of `PATHEXT`; the name itself comes first
/// if it has one of these extensions, otherwise last.
pub(super) fn spellings(name: &OsStr, pathext: Option<&OsStr>, os: Os) -> Vec<OsString> {
    if !matches!(os, Os::Windows) {
        return vec![name.to_owned()];
    }
    let endings = pathext.filter(|value| !value.is_empty()).unwrap_or(OsStr::new(DEFAULT_PATHEXT)).to_string_lossy();
    let endings: Vec<&str> = endings.split(';').filter(|ending| !ending.is_empty()).collect();
    let extended = endings.iter().map(|ending| {
        let mut spelling = name.to_owned();
        spelling.push(ending);
        spelling
    });
    let own = Path::new(name).extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    let is_complete = own.is_some_and(|own| endings.iter().any(|ending| ending.eq_ignore_ascii_case(&own)));
    let plain = std::iter::once(name.to_owned());
    if is_complete { plain.chain(extended).collect() } else { extended.chain(plain).collect() }
}

/// Searches every directory for every file name, in order; `probe` returns what is at a path, or `None`.
pub(super) fn search<'a, T>(
    directories: &'a [PathDirectory],
    spellings: &[OsString],
    mut probe: impl FnMut(&Path) -> Option<T>,
) -> Vec<(&'a PathDirectory, T)> {
    let mut hits = Vec::new();
    for directory in directories {
        for spelling in spellings {
            if let Some(hit) = probe(&directory.path.join(spelling)) {
                hits.push((directory, hit));
            }
        }
    }
    hits
}

/// How a configured value is interpreted: as an absolute path, a relative path, or a name to look up.
pub(super) fn aim(written: &OsStr) -> Aim {
    let is_separator = |byte: u8| byte == b'/' || char::from(byte) == MAIN_SEPARATOR;
    if Path::new(written).is_absolute() {
        Aim::Absolute
    } else if written.as_encoded_bytes().iter().copied().any(is_separator) {
        Aim::Relative
    } else {
        Aim::Bare
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn entries_of_path_become_directories() {
        let cases = [
            (Some("/a:/b"), vec![(0, "/a"), (1, "/b")]),
            (Some("/a:/b:/a:/c"), vec![(0, "/a"), (1, "/b"), (3, "/c")]),
            (Some(":/a"), vec![(0, "/here/"), (1, "/a")]),
            (Some("/a:"), vec![(0, "/a"), (1, "/here/")]),
            (Some("bin:./x"), vec![(0, "/here/bin"), (1, "/here/./x")]),
            (Some(""), vec![]),
            (None, vec![(0, "/bin"), (1, "/usr/bin")]),
        ];
        for (path, expected) in cases {
            let found = directories(path.map(OsStr::new), Path::new("/here"), Os::Linux);
            let found: Vec<_> = found.iter().map(|directory| (directory.index, directory.path.as_os_str())).collect();
            let expected: Vec<_> = expected.iter().map(|(index, path)| (*index, OsStr::new(path))).collect();
            assert_eq!(found, expected, "{path:?}");
        }
    }

    #[test]
    fn windows_looks_in_the_current_directory_first() {
        let start = env::temp_dir();
        let found = directories(Some(OsStr::new("elsewhere")), &start, Os::Windows);
        assert_eq!(found[0].path, start.join(""));
        assert_eq!(found[1].path, start.join("elsewhere"));
    }

    #[test]
    fn windows_adds_the_endings_of_pathext() {
        let cases = [
            ("reproq", Some(".EXE;.BAT"), vec!["reproq.EXE", "reproq.BAT", "reproq"]),
            ("reproq.exe", Some(".EXE;.BAT"), vec!["reproq.exe", "reproq.exe.EXE", "reproq.exe.BAT"]),
            ("reproq.py", Some(".EXE;;"), vec!["reproq.py.EXE", "reproq.py"]),
        ];
        for (name, pathext, expected) in cases {
            assert_eq!(spellings(OsStr::new(name), pathext.map(OsStr::new), Os::Windows), expected);
        }
        assert_eq!(spellings(OsStr::new("reproq"), None, Os::Windows).len(), 9);
        assert_eq!(spellings(OsStr::new("reproq"), Some(OsStr::new(".EXE")), Os::Linux), ["reproq"]);
    }

    #[cfg(unix)]
    #[test]
    fn values_are_interpreted_as_by_python() {
        let cases = [
            ("/opt/reproq", Aim::Absolute),
            ("bin/reproq", Aim::Relative),
            ("./reproq", Aim::Relative),
            ("../reproq", Aim::Relative),
            ("~/bin/reproq", Aim::Relative),
            ("reproq/", Aim::Relative),
            ("reproq", Aim::Bare),
            ("~", Aim::Bare),
            (".", Aim::Bare),
            ("a\\b", Aim::Bare),
        ];
        for (written, expected) in cases {
            assert_eq!(aim(OsStr::new(written)), expected, "{written}");
        }
    }

    proptest! {
        #[test]
        fn hits_come_in_the_order_of_the_directories(present in proptest::collection::vec(any::<bool>(), 0..8)) {
            let directories: Vec<PathDirectory> =
                (0..present.len()).map(|index| PathDirectory { index, path: PathBuf::from(index.to_string()) }).collect();
            let hits = search(&directories, &["reproq".into()], |path| {
                let directory: usize = path.parent()?.to_str()?.parse().ok()?;
                present[directory].then_some(directory)
            });
            let expected: Vec<usize> = (0..present.len()).filter(|index| present[*index]).collect();
            prop_assert_eq!(hits.iter().map(|(_, hit)| *hit).collect::<Vec<_>>(), &expected[..]);
            prop_assert_eq!(hits.iter().map(|(directory, _)| directory.index).collect::<Vec<_>>(), expected);
        }
    }
}
