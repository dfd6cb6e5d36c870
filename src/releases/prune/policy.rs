//! What the user wants to keep, in addition to what is always kept.

use std::num::NonZeroU32;
use std::time::Duration;

use glob::Pattern;
use serde::Deserialize;
use serde::Serialize;

/// The default maximum number of deletions per run.
pub(crate) const DEFAULT_MAX_DELETE: usize = 10;

/// What is kept, in addition to what is always kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunePolicy {
    /// How many of the newest versions are kept.
    pub keep: NonZeroU32,
    /// The order that defines "newest".
    pub order: VersionOrder,
    /// Names that are kept.
    pub protect: Vec<ProtectPattern>,
    /// Units younger than this are kept; in seconds in a plan file.
    #[serde(with = "seconds")]
    pub min_age: Duration,
    /// How prereleases count.
    pub prerelease: Prerelease,
    /// Whether immutable releases may be deleted, which makes their tag names unusable.
    pub allow_immutable: bool,
    /// The tags this job runs for, with or without `refs/tags/`.
    pub protected_tags: Vec<String>,
    /// The maximum number of deletions per run.
    pub max_delete: usize,
}

impl PrunePolicy {
    /// Keeps this many of the newest versions by both orders, with defaults for everything else.
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

    /// Whether this policy needs publication dates.
    pub(super) const fn needs_dates(&self) -> bool {
        self.order.is_by_time() || !self.min_age.is_zero()
    }
}

/// The order that defines "newest".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionOrder {
    /// Semver precedence and publication: a unit is deleted only if it is old by both.
    #[default]
    Both,
    /// Semver precedence only.
    Semver,
    /// Publication only.
    Published,
}

impl VersionOrder {
    /// Whether semver precedence is used.
    pub const fn is_by_precedence(self) -> bool {
        match self {
            Self::Both | Self::Semver => true,
            Self::Published => false,
        }
    }

    /// Whether the publication date is used.
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
    /// Like every other version.
    #[default]
    Count,
    /// Counted separately, this many of them; `None` means as many as of the others. The version decides:
    /// `v1.2.3-rc.1` is a prerelease, a `v1.2.3` that GitHub marks as one is not.
    Separate(Option<NonZeroU32>),
    /// Ignored: a prerelease by version or by GitHub's mark is neither counted nor deleted.
    Ignore,
}

/// A pattern for names to keep. `*` matches any characters, including `/`, `?` matches one, `[…]` matches one of
/// several; case matters, as in tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProtectPattern(pub(super) Pattern);

impl ProtectPattern {
    /// Whether the pattern matches the entire name of a tag.
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }

    /// The pattern as written.
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
    fn a_policy_round_trips_through_json() {
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
