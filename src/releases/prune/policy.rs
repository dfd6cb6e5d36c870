//! What the user asks to keep, beyond what always is.

use std::num::NonZeroU32;
use std::time::Duration;

use glob::Pattern;
use serde::Deserialize;
use serde::Serialize;

/// How many units one run may delete unless told otherwise.
pub const DEFAULT_MAX_DELETE: usize = 10;

/// What is kept, beyond what always is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunePolicy {
    /// How many of the newest versions stay.
    pub keep: NonZeroU32,
    /// What "newest" means.
    pub order: VersionOrder,
    /// Names that stay.
    pub protect: Vec<ProtectPattern>,
    /// Younger units stay; in seconds in a plan file.
    #[serde(with = "seconds")]
    pub min_age: Duration,
    /// How prereleases count.
    pub prerelease: Prerelease,
    /// Whether immutable releases may go, which burns the names of their tags.
    pub allow_immutable: bool,
    /// The tags this job runs for, with or without `refs/tags/`.
    pub protected_tags: Vec<String>,
    /// How many units one run may delete.
    pub max_delete: usize,
}

impl PrunePolicy {
    /// Keeps this many of the newest versions by both orders, with nothing else asked for.
    pub const fn new(keep: NonZeroU32) -> Self {
        Self {
            keep,
            order: VersionOrder::Both,
            protect: Vec::new(),
            min_age: Duration::ZERO,
            prerelease: Prerelease::Count,
            allow_immutable: false,
            protected_tags: Vec::new(),
            max_delete: DEFAULT_MAX_DELETE,
        }
    }

    /// Whether a decision under this policy needs to know when a unit came out.
    pub(super) const fn needs_dates(&self) -> bool {
        self.order.is_by_time() || !self.min_age.is_zero()
    }
}

/// What "newest" means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionOrder {
    /// By precedence or by publication: a unit goes only when it is old by both.
    #[default]
    Both,
    /// By semver precedence alone.
    Semver,
    /// By publication alone.
    Published,
}

impl VersionOrder {
    /// Whether semver precedence keeps something.
    pub const fn is_by_precedence(self) -> bool {
        match self {
            Self::Both | Self::Semver => true,
            Self::Published => false,
        }
    }

    /// Whether the date of publication keeps something.
    pub const fn is_by_time(self) -> bool {
        match self {
            Self::Both | Self::Published => true,
            Self::Semver => false,
        }
    }
}

/// How prereleases count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Prerelease {
    /// As every other version.
    #[default]
    Count,
    /// Apart from the other versions, so many of them; `None` is as many as of the others. What counts is the version:
    /// `v1.2.3-rc.1` is a prerelease, a `v1.2.3` that GitHub marks as one is not.
    Separate(Option<NonZeroU32>),
    /// Not at all: what is a prerelease by its version or by GitHub's mark is neither counted nor deleted.
    Ignore,
}

/// A pattern for names that stay. `*` stands for any characters, `/` included, `?` for one, `[…]` for one of several;
/// case matters, as in tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProtectPattern(pub(super) Pattern);

impl ProtectPattern {
    /// Whether the pattern covers a tag's whole name.
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }

    /// The pattern as given.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A duration as whole seconds.
mod seconds {
    use std::time::Duration;

    use serde::Deserialize;
    use serde::Deserializer;
    use serde::Serializer;

    pub(super) fn serialize<S: Serializer>(age: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(age.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_survives_json() {
        let mut policy = PrunePolicy::new(NonZeroU32::MIN);
        policy.protect = vec!["v1.*".parse().expect("a pattern")];
        policy.prerelease = Prerelease::Separate(NonZeroU32::new(2));
        policy.min_age = Duration::from_secs(86_400);
        let text = serde_json::to_string(&policy).expect("plain values serialise");
        assert_eq!(serde_json::from_str::<PrunePolicy>(&text).expect("what was written is read"), policy);
        let emptied = text.replace("\"keep\":1", "\"keep\":0");
        assert!(serde_json::from_str::<PrunePolicy>(&emptied).is_err());
    }
}
