//! Tags and versions.

use std::fmt;
use std::str::FromStr;

use semver::Version;
use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

/// Why a string is not a valid git tag name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TagError {
    /// It is empty or only white space.
    #[error("the tag is empty")]
    Empty,
    /// git does not allow it in a ref name (`git check-ref-format`).
    #[error("`{0}` is not a valid git tag name")]
    Forbidden(String),
}

/// The name of a git tag, exactly as in the repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// The tag's exact name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The version in the tag: strict semver with an optional `v`. `v1`, `nightly` and `2024.01.05` are not
    /// versions.
    pub fn version(&self) -> Option<Version> {
        Version::parse(self.0.strip_prefix('v').unwrap_or(&self.0)).ok()
    }
}

impl FromStr for Tag {
    type Err = TagError;

    /// Accepts what `git check-ref-format` accepts below `refs/tags/`.
    fn from_str(text: &str) -> Result<Self, TagError> {
        if text.trim().is_empty() {
            return Err(TagError::Empty);
        }
        let component_is_bad =
            |component: &str| component.is_empty() || component.starts_with('.') || component.ends_with(".lock");
        let character_is_bad =
            |c: char| c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
        let forbidden = text.contains("..")
            || text.contains("@{")
            || text == "@"
            || text.ends_with('.')
            || text.starts_with('-')
            || text.chars().any(character_is_bad)
            || text.split('/').any(component_is_bad);
        if forbidden { Err(TagError::Forbidden(text.to_owned())) } else { Ok(Self(text.to_owned())) }
    }
}

impl TryFrom<String> for Tag {
    type Error = TagError;

    fn try_from(text: String) -> Result<Self, TagError> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The requested release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionSpec {
    /// The release that the repository marks as latest.
    Latest,
    /// The release with this tag.
    Exact(Tag),
}

impl FromStr for VersionSpec {
    type Err = TagError;

    /// `latest` is the newest release, as in the worker's `--tag latest`; a bare version such as `0.0.144` means the
    /// tag `v0.0.144`, because the worker's tags have the `v`.
    fn from_str(text: &str) -> Result<Self, TagError> {
        match text.trim() {
            "latest" => Ok(Self::Latest),
            bare if Version::parse(bare).is_ok() => format!("v{bare}").parse().map(Self::Exact),
            tag => tag.parse().map(Self::Exact),
        }
    }
}

impl fmt::Display for VersionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("the latest release"),
            Self::Exact(tag) => write!(f, "the release {tag}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_strict_semver_is_a_version() {
        for (tag, version) in [
            ("v0.0.144", Some("0.0.144")),
            ("1.2.3", Some("1.2.3")),
            ("v1.0.0-rc.1+build.5", Some("1.0.0-rc.1+build.5")),
            ("v1", None),
            ("v1.2", None),
            ("nightly", None),
            ("2024.01.05", None),
            ("V1.2.3", None),
            ("vv1.2.3", None),
            ("reproq-v1.2.3", None),
        ] {
            let tag: Tag = tag.parse().expect("a tag git allows");
            assert_eq!(tag.version().map(|found| found.to_string()), version.map(str::to_owned), "{tag}");
        }
    }

    #[test]
    fn names_that_git_forbids_are_not_tags() {
        for text in [
            "",
            " ",
            "a b",
            "a..b",
            "v1/../v2",
            "a^",
            "a~1",
            "a:b",
            "a?",
            "a*",
            "[a",
            "a\\b",
            "/a",
            "a/",
            ".a",
            "a.lock",
            "@",
            "a@{1}",
            "-d",
            "a.",
            "a\u{1b}[0m",
        ] {
            assert!(text.parse::<Tag>().is_err(), "{text:?}");
        }
        for text in ["a#8", "v1%2e0", "résumé", "v1.0.0+build.5", "release/1.0"] {
            assert!(text.parse::<Tag>().is_ok(), "{text:?}");
        }
    }

    #[test]
    fn a_bare_version_means_its_v_tag() {
        assert_eq!("0.0.144".parse(), Ok(VersionSpec::Exact(Tag("v0.0.144".to_owned()))));
        assert_eq!("latest".parse(), Ok(VersionSpec::Latest));
        assert_eq!("nightly".parse(), Ok(VersionSpec::Exact(Tag("nightly".to_owned()))));
    }

    proptest! {
        #[test]
        fn a_version_round_trips_through_its_tag(
            numbers in any::<[u64; 3]>(),
            pre in "((0|[1-9][0-9]{0,3}|[a-z-]{1,4})(\\.(0|[a-z]{1,4}))?)?",
            build in "([0-9a-z]{1,4}(\\.[0-9a-z]{1,4})?)?",
            with_v in any::<bool>(),
        ) {
            let [major, minor, patch] = numbers;
            let mut version = Version::new(major, minor, patch);
            version.pre = semver::Prerelease::new(&pre).expect("a prerelease");
            version.build = semver::BuildMetadata::new(&build).expect("build metadata");
            let text = format!("{}{version}", if with_v { "v" } else { "" });
            let tag: Tag = text.parse().expect("git allows every version");
            prop_assert_eq!(tag.version(), Some(version.clone()));
            let json = serde_json::to_string(&tag).expect("a text");
            prop_assert_eq!(&serde_json::from_str::<Tag>(&json).expect("read"), &tag);
            let meant: VersionSpec = version.to_string().parse().expect("a version");
            prop_assert_eq!(meant, VersionSpec::Exact(format!("v{version}").parse().expect("a tag")));
        }

        #[test]
        fn parsing_never_panics_and_keeps_the_spelling(text in "\\PC*") {
            if let Ok(tag) = text.parse::<Tag>() {
                prop_assert_eq!(tag.as_str(), text.as_str());
            }
        }
    }
}
