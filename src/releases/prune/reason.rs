//! The outcome of a unit and the one reason that is printed for it.

use std::fmt;
use std::time::Duration;

/// What happens to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitOutcome {
    /// Managed and kept.
    Keep,
    /// Managed and deleted.
    Delete,
    /// Not managed: shown, but neither counted nor deleted. Includes drafts.
    Unmanaged,
}

/// The ranks of a unit's version, newest first, from 1; only for the orders that the policy uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranks {
    /// By semver precedence.
    pub semver: Option<usize>,
    /// By publication.
    pub published: Option<usize>,
}

/// Why a unit has its outcome. If several reasons apply, the first in this order is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitReason {
    /// Its version is among the newest; the ranks are the ones that qualify.
    AmongNewest(Ranks),
    /// GitHub calls it `latest`.
    Latest,
    /// It is the version of highest precedence among those published as stable, or if there are none, among those that
    /// are not prereleases by name.
    NewestStable,
    /// It is the newest stable version with a completely uploaded asset, if the newest stable version has none.
    NewestInstallable,
    /// The tag this job runs for.
    ThisJob,
    /// A `--protect` pattern matches it.
    Protected {
        /// The pattern as written.
        glob: String,
    },
    /// A draft uses this tag name, so a release may be in preparation.
    DraftNamesIt,
    /// The upload of one of its assets is not finished.
    UnfinishedUpload {
        /// The asset's name.
        asset: String,
    },
    /// It is younger than the minimum age.
    TooYoung {
        /// Its age; zero for dates in the future.
        age: Duration,
    },
    /// The policy needs a date and the unit has none, so its age is unknown.
    Undated,
    /// A unit of the same version is kept, and a version is deleted entirely or not at all.
    SamePrecedence {
        /// The name of the kept unit.
        with: String,
    },
    /// Its release is immutable, and deleting it would make its tag name unusable.
    Immutable,
    /// It is a draft.
    Draft,
    /// Its name is not a version.
    Unmanaged {
        /// Why it is not managed.
        why: UnmanagedWhy,
    },
    /// Nothing keeps it.
    Older(Ranks),
}

/// Why a unit is not managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnmanagedWhy {
    /// Its name is not strict semver with an optional `v`.
    NotAVersion,
    /// Git does not allow its name, so no request can use it.
    ForbiddenName,
    /// It is a prerelease and the policy ignores prereleases.
    PrereleaseIgnored,
}

impl UnitReason {
    /// The outcome.
    pub const fn fate(&self) -> UnitOutcome {
        match self {
            Self::AmongNewest(_)
            | Self::Latest
            | Self::NewestStable
            | Self::NewestInstallable
            | Self::ThisJob
            | Self::Protected { .. }
            | Self::DraftNamesIt
            | Self::UnfinishedUpload { .. }
            | Self::TooYoung { .. }
            | Self::Undated
            | Self::SamePrecedence { .. }
            | Self::Immutable => UnitOutcome::Keep,
            Self::Draft | Self::Unmanaged { .. } => UnitOutcome::Unmanaged,
            Self::Older(_) => UnitOutcome::Delete,
        }
    }

    /// A stable identifier for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AmongNewest(_) => "among-newest",
            Self::Latest => "latest",
            Self::NewestStable => "newest-stable",
            Self::NewestInstallable => "newest-installable",
            Self::ThisJob => "this-job",
            Self::Protected { .. } => "protected",
            Self::DraftNamesIt => "draft-names-it",
            Self::UnfinishedUpload { .. } => "unfinished-upload",
            Self::TooYoung { .. } => "too-young",
            Self::Undated => "undated",
            Self::SamePrecedence { .. } => "same-precedence",
            Self::Immutable => "immutable",
            Self::Draft => "draft",
            Self::Unmanaged { why: UnmanagedWhy::NotAVersion } => "not-a-version",
            Self::Unmanaged { why: UnmanagedWhy::ForbiddenName } => "forbidden-name",
            Self::Unmanaged { why: UnmanagedWhy::PrereleaseIgnored } => "prerelease-ignored",
            Self::Older(_) => OLDER_CODE,
        }
    }
}

/// The code of every deletion.
pub(super) const OLDER_CODE: &str = "older";

impl fmt::Display for UnitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AmongNewest(ranks) => write!(f, "among the newest: {ranks}"),
            Self::Latest => f.write_str("GitHub's latest release"),
            Self::NewestStable => f.write_str("newest stable version"),
            Self::NewestInstallable => f.write_str("newest stable version with an installable asset"),
            Self::ThisJob => f.write_str("the tag this job runs for"),
            Self::Protected { glob } => write!(f, "protected by `{glob}`"),
            Self::DraftNamesIt => f.write_str("a draft names this tag"),
            Self::UnfinishedUpload { asset } => write!(f, "the upload of {asset} is not finished"),
            Self::TooYoung { age } => write!(f, "{} old, below the minimum age", rounded(*age)),
            Self::Undated => f.write_str("no date, so it may be new"),
            Self::SamePrecedence { with } => write!(f, "same version as {with}, which is kept"),
            Self::Immutable => {
                f.write_str("immutable; deleting it makes its tag name unusable and requires --allow-immutable")
            }
            Self::Draft => f.write_str("draft"),
            Self::Unmanaged { why } => why.fmt(f),
            Self::Older(ranks) => write!(f, "older: {ranks}"),
        }
    }
}

impl fmt::Display for UnmanagedWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAVersion => "not a version such as v1.2.3",
            Self::ForbiddenName => "not a valid git tag name",
            Self::PrereleaseIgnored => "prerelease, ignored by --prerelease",
        })
    }
}

impl fmt::Display for Ranks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.semver, self.published) {
            (Some(semver), Some(published)) => write!(f, "semver #{semver}, published #{published}"),
            (Some(semver), None) => write!(f, "semver #{semver}"),
            (None, Some(published)) => write!(f, "published #{published}"),
            (None, None) => f.write_str("not ranked"),
        }
    }
}

/// An age in the largest unit of which there are at least two.
fn rounded(age: Duration) -> String {
    let seconds = age.as_secs();
    let units = [(86_400, "days"), (3600, "hours"), (60, "minutes")];
    let unit = units.into_iter().find(|(unit, _)| seconds / unit >= 2);
    unit.map_or_else(|| format!("{seconds} seconds"), |(unit, name)| format!("{} {name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_printed_after_the_name() {
        let ranks = Ranks { semver: Some(4), published: Some(7) };
        let young = |seconds| UnitReason::TooYoung { age: Duration::from_secs(seconds) };
        for (reason, text) in [
            (UnitReason::AmongNewest(Ranks { semver: Some(1), published: None }), "among the newest: semver #1"),
            (UnitReason::Protected { glob: "v1.*".to_owned() }, "protected by `v1.*`"),
            (young(0), "0 seconds old, below the minimum age"),
            (young(7199), "119 minutes old, below the minimum age"),
            (young(90_000), "25 hours old, below the minimum age"),
            (UnitReason::SamePrecedence { with: "v1.2.3".to_owned() }, "same version as v1.2.3, which is kept"),
            (UnitReason::Unmanaged { why: UnmanagedWhy::NotAVersion }, "not a version such as v1.2.3"),
            (UnitReason::Older(ranks), "older: semver #4, published #7"),
        ] {
            assert_eq!(reason.to_string(), text);
        }
    }
}
