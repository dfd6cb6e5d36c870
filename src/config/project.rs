//! The project directory, and why it was chosen.
#![expect(clippy::disallowed_methods, reason = "the names in `.reproq` are listed here")]

use std::fmt;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

use crate::config::FileSettings;
use crate::config::SettingsFileError;
use crate::config::read_pyproject;

/// Why a directory is the project root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RootReason {
    /// `-C` named it.
    Named,
    /// It contains `reproq.lock`.
    Lockfile,
    /// It contains `manage.py`.
    ManagePy,
    /// Its `.reproq` contains more than audit records.
    InstalledWorker,
    /// Its `pyproject.toml` has a table `tool.reproq`.
    Settings,
    /// No project was found, so it is the current directory.
    CurrentDirectory,
}

impl fmt::Display for RootReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "named with -C",
            Self::Lockfile => "it contains reproq.lock",
            Self::ManagePy => "it contains manage.py",
            Self::InstalledWorker => "it contains .reproq",
            Self::Settings => "its pyproject.toml has [tool.reproq]",
            Self::CurrentDirectory => "the current directory",
        })
    }
}

/// The project a command works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Project {
    /// Its absolute root.
    pub root: PathBuf,
    /// Why it is the root.
    pub reason: RootReason,
}

impl Project {
    /// The named directory, or the nearest project from `cwd` up to the root of its git work tree or the
    /// home directory, or `cwd`. Returned with the settings of its `pyproject.toml`, so that each file is parsed once.
    pub(crate) fn find(
        named: Option<&Path>,
        cwd: &Path,
        home: Option<&Path>,
    ) -> Result<(Self, FileSettings), SettingsFileError> {
        if let Some(named) = named {
            let root = cwd.join(named);
            let settings = read_pyproject(&root)?;
            return Ok((Self { root, reason: RootReason::Named }, settings));
        }
        let homes = [home.map(Path::to_owned), home.and_then(|home| home.canonicalize().ok())];
        for directory in cwd.ancestors() {
            let (settings, mark) = (read_pyproject(directory), mark(directory));
            let settings = match settings {
                // A directory without read access on the way up belongs to another user.
                Err(SettingsFileError::Read { .. }) if mark.is_none() && directory != cwd => FileSettings::default(),
                // Any other error is reported, because the file may contain trust settings.
                settings => settings?,
            };
            let by_settings = settings.path.as_ref().map(|_| RootReason::Settings);
            if let Some(reason) = mark.or(by_settings) {
                return Ok((Self { root: directory.to_owned(), reason }, settings));
            }
            let is_home = homes.iter().flatten().any(|home| home == directory);
            if is_home || directory.join(".git").symlink_metadata().is_ok() {
                break;
            }
        }
        let nothing = Self { root: cwd.to_owned(), reason: RootReason::CurrentDirectory };
        Ok((nothing, FileSettings::default()))
    }
}

/// What makes a directory a project, apart from its settings.
fn mark(directory: &Path) -> Option<RootReason> {
    if directory.join("reproq.lock").symlink_metadata().is_ok() {
        return Some(RootReason::Lockfile);
    }
    if directory.join("manage.py").is_file() {
        return Some(RootReason::ManagePy);
    }
    contains_a_worker(&directory.join(".reproq")).then_some(RootReason::InstalledWorker)
}

/// `release prune` writes audit records wherever it runs, and they do not make a project.
fn contains_a_worker(store: &Path) -> bool {
    match fs::read_dir(store) {
        Ok(entries) => entries.flatten().any(|entry| {
            let name = entry.file_name();
            name != "audit" && !name.to_string_lossy().starts_with(".gitignore")
        }),
        // A worker may be in a directory that is not readable.
        Err(_) => store.join("bin").is_dir(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(cwd: &Path, home: Option<&Path>) -> (PathBuf, RootReason) {
        let (project, _) = Project::find(None, cwd, home).expect("readable");
        (project.root, project.reason)
    }

    #[test]
    fn the_nearest_project_on_the_way_up_wins() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        let deep = root.join("a/b/c");
        fs::create_dir_all(&deep).expect("directories");
        fs::create_dir(root.join(".git")).expect("a directory");
        assert_eq!(found(&deep, None), (deep.clone(), RootReason::CurrentDirectory));
        fs::write(root.join("manage.py"), "").expect("written");
        assert_eq!(found(&deep, None), (root.to_owned(), RootReason::ManagePy));
        fs::write(root.join("a/pyproject.toml"), "[project]\nname = \"x\"\n").expect("written");
        assert_eq!(found(&deep, None).0, root);
        fs::write(root.join("a/pyproject.toml"), "tool.reproq.require = \"attested\"\n").expect("written");
        assert_eq!(found(&deep, None), (root.join("a"), RootReason::Settings));
        let (_, settings) = Project::find(None, &deep, None).expect("readable");
        assert_eq!(settings.require.as_deref(), Some("attested"));
        fs::create_dir_all(root.join("a/b/.reproq/audit")).expect("a directory");
        fs::write(root.join("a/b/.reproq/.gitignore"), "*\n").expect("written");
        assert_eq!(found(&deep, None), (root.join("a"), RootReason::Settings), "audit records make no project");
        fs::create_dir(root.join("a/b/.reproq/bin")).expect("a directory");
        assert_eq!(found(&deep, None), (root.join("a/b"), RootReason::InstalledWorker));
        fs::write(root.join("a/b/c/reproq.lock"), "").expect("written");
        assert_eq!(found(&deep, None), (deep.clone(), RootReason::Lockfile));
        let (project, _) = Project::find(Some(Path::new("x")), &deep, None).expect("readable");
        assert_eq!(project.root, deep.join("x"));
    }

    #[test]
    fn the_search_ends_at_the_work_tree_and_at_home() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        let deep = root.join("home/me/outer/inner/app");
        fs::create_dir_all(&deep).expect("directories");
        fs::write(root.join("manage.py"), "").expect("written");
        let home = root.join("home/me");
        assert_eq!(found(&deep, None).0, root);
        assert_eq!(found(&deep, Some(&home)).0, deep);
        fs::write(home.join("manage.py"), "").expect("written");
        assert_eq!(found(&deep, Some(&home)).0, home, "home itself may be a project");
        // A file, as in a submodule or a linked work tree.
        fs::write(home.join("outer/inner/.git"), "gitdir: elsewhere\n").expect("written");
        assert_eq!(found(&deep, Some(&home)).0, deep);
        fs::write(home.join("outer/inner/manage.py"), "").expect("written");
        assert_eq!(found(&deep, Some(&home)).0, home.join("outer/inner"));
    }

    #[test]
    fn unreadable_settings_are_errors() {
        let directory = tempfile::tempdir().expect("a directory");
        let deep = directory.path().join("docs");
        fs::create_dir(&deep).expect("a directory");
        fs::write(directory.path().join("pyproject.toml"), "[tool.reproq\n").expect("written");
        assert!(Project::find(None, &deep, None).is_err());
        fs::write(directory.path().join("pyproject.toml"), "[tool.other\n").expect("written");
        assert_eq!(found(&deep, None).1, RootReason::CurrentDirectory);
    }
}
