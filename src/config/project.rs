//! Which folder is the project, and why.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

use crate::config::file::MAX_BYTES;
use crate::small_file;

/// What made a folder the project's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RootReason {
    /// `-C` named it.
    Named,
    /// It holds a `.reproq` folder.
    ReproqFolder,
    /// It holds `manage.py`.
    ManagePy,
    /// Its `pyproject.toml` has a `[tool.reproq]` table.
    Settings,
    /// Nothing was found on the way up, so it is the current folder.
    CurrentFolder,
}

impl fmt::Display for RootReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "named with -C",
            Self::ReproqFolder => "it holds .reproq",
            Self::ManagePy => "it holds manage.py",
            Self::Settings => "its pyproject.toml has [tool.reproq]",
            Self::CurrentFolder => "the current folder",
        })
    }
}

/// The project a command works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its root, absolute.
    pub root: PathBuf,
    /// Why it is the root.
    pub reason: RootReason,
}

impl Project {
    /// The folder that was named, or the nearest one above `cwd` that is a project, or `cwd`.
    pub fn find(named: Option<&Path>, cwd: &Path) -> Self {
        if let Some(named) = named {
            return Self { root: cwd.join(named), reason: RootReason::Named };
        }
        cwd.ancestors()
            .find_map(|folder| Some(Self { root: folder.to_owned(), reason: root_reason(folder)? }))
            .unwrap_or_else(|| Self { root: cwd.to_owned(), reason: RootReason::CurrentFolder })
    }
}

fn root_reason(folder: &Path) -> Option<RootReason> {
    if folder.join(".reproq").is_dir() {
        return Some(RootReason::ReproqFolder);
    }
    if folder.join("manage.py").is_file() {
        return Some(RootReason::ManagePy);
    }
    // Asked of the text, so that a broken file is reported where it is read and not by a search on its way up.
    let text = small_file::read_text(&folder.join("pyproject.toml"), MAX_BYTES).ok()?;
    text.lines().any(|line| line.trim_start().starts_with("[tool.reproq")).then_some(RootReason::Settings)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make projects")]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mark_on_the_way_up_wins() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let deep = root.join("a/b/c");
        std::fs::create_dir_all(&deep).expect("folders");
        assert_eq!(Project::find(None, &deep), Project { root: deep.clone(), reason: RootReason::CurrentFolder });
        std::fs::write(root.join("manage.py"), "").expect("written");
        assert_eq!(Project::find(None, &deep), Project { root: root.to_owned(), reason: RootReason::ManagePy });
        std::fs::write(root.join("a/pyproject.toml"), "[project]\nname = \"x\"\n").expect("written");
        assert_eq!(Project::find(None, &deep).root, root);
        std::fs::write(root.join("a/pyproject.toml"), "[tool.reproq]\n").expect("written");
        assert_eq!(Project::find(None, &deep), Project { root: root.join("a"), reason: RootReason::Settings });
        std::fs::create_dir(root.join("a/b/.reproq")).expect("a folder");
        assert_eq!(Project::find(None, &deep), Project { root: root.join("a/b"), reason: RootReason::ReproqFolder });
        assert_eq!(Project::find(Some(Path::new("x")), &deep).root, deep.join("x"));
    }
}
