//! The request for a build, possible locations of the source, and Go versions.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use crate::model::Tag;
use crate::model::Target;
use crate::model::Tool;

/// One local build, as requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BuildRequest {
    /// The checkout to build from.
    pub source: PathBuf,
    pub tool: Tool,
    pub target: Target,
    /// Whether network access is disabled.
    pub offline: bool,
    /// The expected release, if one was requested.
    pub wanted_tag: Option<Tag>,
    /// The output file, as an absolute path, because the build runs in the checkout.
    pub output: PathBuf,
}

/// How a checkout was specified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SourceOrigin {
    /// The command line.
    Flag,
    Environment,
    /// The project's settings.
    Setting,
    /// Not specified: the default directory next to the project.
    Sibling,
}

impl SourceOrigin {
    /// Whether the user chose the directory, so that it is an error if it does not exist.
    pub(crate) const fn is_chosen(self) -> bool {
        match self {
            Self::Flag | Self::Environment | Self::Setting => true,
            Self::Sibling => false,
        }
    }
}

impl fmt::Display for SourceOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "--source",
            Self::Environment => "REPROQ_WORKER_SOURCE",
            Self::Setting => "[tool.reproq] source",
            Self::Sibling => "the project's sibling",
        })
    }
}

/// Possible locations of the checkout, in order. A directory chosen by the user is the only candidate: building from another
/// one is not what they requested. A setting is relative to the project, a flag or a variable to the current directory; `~` is
/// the home directory in each. An empty variable counts as unset.
pub(crate) fn candidate_sources(
    flag: Option<&Path>,
    variable: Option<&OsStr>,
    setting: Option<&Path>,
    project_root: &Path,
    home: Option<&Path>,
) -> Vec<(SourceOrigin, PathBuf)> {
    let variable = variable.filter(|value| !value.is_empty()).map(Path::new);
    let candidate = match (flag, variable, setting) {
        (Some(path), _, _) => (SourceOrigin::Flag, expand_home(path, home)),
        (None, Some(path), _) => (SourceOrigin::Environment, expand_home(path, home)),
        (None, None, Some(path)) => (SourceOrigin::Setting, project_root.join(expand_home(path, home))),
        (None, None, None) => (SourceOrigin::Sibling, sibling(project_root, Tool::WORKER.name)),
    };
    vec![candidate]
}

/// A Go version in Go's own order: `1.24` (the language) < `1.24rc1` < `1.24.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GoVersion {
    major: u32,
    minor: u32,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    Language,
    Beta(u32),
    Candidate(u32),
    Patch(u32),
}

impl GoVersion {
    /// Parses the version of a `go` line: `1.21`, `1.24.0`, `1.25rc1`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (major, rest) = text.split_once('.').unwrap_or((text, "0"));
        let (minor, stage) = match rest.find(|c: char| !c.is_ascii_digit()) {
            None => (rest, Stage::Language),
            Some(end) => {
                let (minor, stage) = rest.split_at(end);
                let patch = stage.strip_prefix('.').and_then(number).map(Stage::Patch);
                let candidate = || stage.strip_prefix("rc").and_then(number).map(Stage::Candidate);
                let beta = || stage.strip_prefix("beta").and_then(number).map(Stage::Beta);
                (minor, patch.or_else(candidate).or_else(beta)?)
            }
        };
        let (major, minor) = (number(major).filter(|major| *major > 0)?, number(minor)?);
        // Before 1.21 the first release of a series had no `.0`, so there the bare name is the release.
        let stage = if stage == Stage::Language && (major, minor) < (1, 21) { Stage::Patch(0) } else { stage };
        Some(Self { major, minor, stage })
    }

    /// Parses the name reported by a toolchain: `go1.24.11`, `go1.25rc1`, `go1.24.4 X:nocoverageredesign`, `go1.23.1-custom`,
    /// `devel go1.27-5d0d513e98 Tue …`. A development build counts as its language version, or is unknown if it names none.
    pub(crate) fn of_toolchain(text: &str) -> Option<Self> {
        let names = text.split_whitespace().filter_map(|word| word.strip_prefix("go"));
        names.filter_map(|name| name.split(['-', '+']).next()).find_map(Self::parse)
    }
}

impl fmt::Display for GoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        match self.stage {
            Stage::Language => Ok(()),
            Stage::Beta(number) => write!(f, "beta{number}"),
            Stage::Candidate(number) => write!(f, "rc{number}"),
            Stage::Patch(number) => write!(f, ".{number}"),
        }
    }
}

/// The directory next to the project. A root such as `.` or `..` has no name to replace, so its parent is used.
fn sibling(project_root: &Path, name: &str) -> PathBuf {
    match (project_root.parent(), project_root.file_name()) {
        (Some(parent), Some(_)) => parent.join(name),
        (Some(_) | None, _) => project_root.join("..").join(name),
    }
}

fn expand_home(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(below), Some(home)) => home.join(below),
        (Ok(_) | Err(_), _) => path.to_owned(),
    }
}

/// Go's numbers have no sign and no leading zero.
fn number(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidates(flag: Option<&str>, variable: Option<&str>, setting: Option<&str>) -> Vec<(SourceOrigin, PathBuf)> {
        let [flag, setting] = [flag, setting].map(|path| path.map(Path::new));
        let (root, home) = (Path::new("/work/site"), Path::new("/home/ada"));
        candidate_sources(flag, variable.map(OsStr::new), setting, root, Some(home))
    }

    #[test]
    fn the_explicit_choice_is_the_only_candidate() {
        let cases = [
            ((Some("/f"), Some("/v"), Some("s")), SourceOrigin::Flag, "/f"),
            ((Some("f"), None, None), SourceOrigin::Flag, "f"),
            ((Some(""), Some("/v"), None), SourceOrigin::Flag, ""),
            ((None, Some("/v"), Some("s")), SourceOrigin::Environment, "/v"),
            ((None, Some("~/v"), None), SourceOrigin::Environment, "/home/ada/v"),
            ((None, Some(""), Some("../s")), SourceOrigin::Setting, "/work/site/../s"),
            ((None, None, Some("/s")), SourceOrigin::Setting, "/s"),
            ((None, None, Some("~")), SourceOrigin::Setting, "/home/ada"),
            ((None, None, Some("~bob/s")), SourceOrigin::Setting, "/work/site/~bob/s"),
            ((None, Some(""), None), SourceOrigin::Sibling, "/work/reproq-worker"),
            ((None, None, None), SourceOrigin::Sibling, "/work/reproq-worker"),
        ];
        for ((flag, variable, setting), origin, path) in cases {
            let found = candidates(flag, variable, setting);
            assert_eq!(found, [(origin, PathBuf::from(path))], "{flag:?} {variable:?} {setting:?}");
        }
    }

    #[test]
    fn only_the_sibling_is_not_chosen_by_the_user() {
        let origins = [SourceOrigin::Flag, SourceOrigin::Environment, SourceOrigin::Setting, SourceOrigin::Sibling];
        assert_eq!(origins.map(SourceOrigin::is_chosen), [true, true, true, false]);
    }

    #[test]
    fn every_root_has_a_sibling() {
        let cases = [
            ("/work/site", "/work/reproq-worker"),
            ("site", "reproq-worker"),
            (".", "./../reproq-worker"),
            ("..", "../../reproq-worker"),
            ("/", "/../reproq-worker"),
        ];
        for (root, expected) in cases {
            assert_eq!(sibling(Path::new(root), "reproq-worker"), PathBuf::from(expected), "{root}");
        }
    }

    #[test]
    fn without_a_home_the_tilde_is_kept() {
        assert_eq!(expand_home(Path::new("~/x"), None), PathBuf::from("~/x"));
    }

    #[test]
    fn versions_are_ordered_as_go_orders_them() {
        let ascending =
            ["1.9.7", "1.20rc1", "1.20", "1.20.1", "1.21", "1.21beta1", "1.21rc2", "1.21.0", "1.21.10", "1.24"];
        let versions = ascending.map(|text| GoVersion::parse(text).expect(text));
        assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
        assert_eq!(GoVersion::parse("1.20"), GoVersion::parse("1.20.0"));
    }

    #[test]
    fn toolchain_names_are_parsed() {
        let cases = [
            ("go1.24.11", Some("1.24.11")),
            ("go1.25rc1", Some("1.25rc1")),
            ("go version go1.13.8 linux/amd64", Some("1.13.8")),
            ("go1.24.4 X:nocoverageredesign", Some("1.24.4")),
            ("go1.23.1-custom", Some("1.23.1")),
            ("devel go1.27-5d0d513e98 Tue Jan 6", Some("1.27")),
            ("go1.27-devel_5d0d513e98", Some("1.27")),
            ("devel +5d0d513e98", None),
            ("gopher", None),
            ("go1.", None),
            ("go01.2", None),
            ("go1.02", None),
            ("go1.2.3.4", None),
            ("", None),
        ];
        for (text, version) in cases {
            let found = GoVersion::of_toolchain(text).map(|version| version.to_string());
            assert_eq!(found.as_deref(), version, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn shown_versions_are_read_again(major in 1u32..3, minor in 0u32..40, patch in 0u32..40, form in 0usize..4) {
            let forms = ["", &format!(".{patch}"), &format!("rc{patch}"), &format!("beta{patch}")];
            let version = GoVersion::parse(&format!("{major}.{minor}{}", forms[form])).expect("a Go version");
            prop_assert_eq!(GoVersion::parse(&version.to_string()), Some(version));
            prop_assert_eq!(GoVersion::of_toolchain(&format!("go{version}")), Some(version));
        }

        #[test]
        fn parsing_versions_never_panics(text in "(go)?[0-9.a-z+ -]{0,12}|\\PC*") {
            let _ = GoVersion::parse(&text);
            let _ = GoVersion::of_toolchain(&text);
        }
    }
}
