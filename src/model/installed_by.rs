//! How this program was installed, by the path it runs from and the files next to it. Pure.

use std::path::Path;

/// The program that installed this one, and that has to upgrade it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstalledBy {
    Homebrew,
    /// `uv tool install`.
    UvTool,
    /// `uvx`, which keeps an environment in its cache.
    Uvx,
    Pipx,
    /// pip or `uv pip`, into an environment.
    Pip,
    /// `cargo install` or `cargo binstall`.
    Cargo,
    /// An archive, install.sh, a system package, or anything else.
    Unknown,
}

impl InstalledBy {
    /// Decides by the canonical path of the program; `exists` looks for the marks that installers leave.
    pub(crate) fn of(program: &Path, exists: &dyn Fn(&Path) -> bool) -> Self {
        let has = |name: &str| program.components().any(|component| component.as_os_str() == name);
        if has("Cellar") {
            return Self::Homebrew;
        }
        let Some(prefix) = program.parent().and_then(Path::parent) else { return Self::Unknown };
        let mark = |name: &str| exists(&prefix.join(name));
        match () {
            () if mark("uv-receipt.toml") => Self::UvTool,
            () if mark("pipx_metadata.json") => Self::Pipx,
            () if has("archive-v0") => Self::Uvx,
            () if mark("pyvenv.cfg") => Self::Pip,
            () if mark(".crates2.json") => Self::Cargo,
            () => Self::Unknown,
        }
    }

    /// What people call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Homebrew => "Homebrew",
            Self::UvTool => "uv tool",
            Self::Uvx => "uvx",
            Self::Pipx => "pipx",
            Self::Pip => "pip",
            Self::Cargo => "cargo",
            Self::Unknown => "unknown",
        }
    }

    /// How to upgrade, in one line.
    pub(crate) const fn upgrade(self) -> &'static str {
        match self {
            Self::Homebrew => "run `brew upgrade reproq`",
            Self::UvTool => "run `uv tool upgrade reproq`",
            Self::Uvx => "run `uvx reproq@latest`",
            Self::Pipx => "run `pipx upgrade reproq`",
            Self::Pip => "run `pip install --upgrade reproq` in the same environment",
            Self::Cargo => "run `cargo install --git https://github.com/adpena/reproq --locked reproq`",
            Self::Unknown => "see https://github.com/adpena/reproq/releases/latest",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_installer_is_recognized_by_its_marks() {
        let cases: &[(&str, &[&str], InstalledBy)] = &[
            ("/opt/homebrew/Cellar/reproq/0.2.0/bin/reproq", &[], InstalledBy::Homebrew),
            (
                "/home/u/.local/share/uv/tools/reproq/bin/reproq",
                &[
                    "/home/u/.local/share/uv/tools/reproq/uv-receipt.toml",
                    "/home/u/.local/share/uv/tools/reproq/pyvenv.cfg",
                ],
                InstalledBy::UvTool,
            ),
            (
                "/home/u/.cache/uv/archive-v0/x/bin/reproq",
                &["/home/u/.cache/uv/archive-v0/x/pyvenv.cfg"],
                InstalledBy::Uvx,
            ),
            (
                "/home/u/.local/share/pipx/venvs/reproq/bin/reproq",
                &["/home/u/.local/share/pipx/venvs/reproq/pipx_metadata.json"],
                InstalledBy::Pipx,
            ),
            ("/srv/app/.venv/bin/reproq", &["/srv/app/.venv/pyvenv.cfg"], InstalledBy::Pip),
            ("/home/u/.cargo/bin/reproq", &["/home/u/.cargo/.crates2.json"], InstalledBy::Cargo),
            ("/usr/local/bin/reproq", &[], InstalledBy::Unknown),
            ("/reproq", &[], InstalledBy::Unknown),
        ];
        for (program, marks, expected) in cases {
            let exists = |path: &Path| marks.iter().any(|mark| path == Path::new(mark));
            assert_eq!(InstalledBy::of(Path::new(program), &exists), *expected, "{program}");
        }
    }
}
