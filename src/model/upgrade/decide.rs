//! The newest release by version, and how it compares with the current one.

use semver::Version;

use crate::model::Release;
use crate::model::Tag;

/// The change from one release to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// There is no current release.
    First,
    /// It is the same release.
    Stay,
    /// It is a newer version, or the versions cannot be compared because a tag is not a version.
    Forward,
    /// It is an older version.
    Back,
}

/// Compares by version; build metadata is ignored, as in semver.
pub(crate) fn decide(current: Option<&Tag>, wanted: &Tag) -> Move {
    let Some(current) = current else { return Move::First };
    if current == wanted {
        return Move::Stay;
    }
    match (current.version(), wanted.version()) {
        (Some(current), Some(wanted)) if wanted.cmp_precedence(&current).is_lt() => Move::Back,
        (Some(_), Some(_)) | (None, _) | (_, None) => Move::Forward,
    }
}

/// The newest published release by version. Prereleases, by mark or by version, count only if requested.
pub(crate) fn newest(releases: &[Release], prereleases: bool) -> Option<&Release> {
    let version = |release: &Release| release.tag.version();
    let counts = |release: &&Release| {
        let Some(version) = version(release) else { return false };
        !release.draft && (prereleases || !(release.prerelease || is_prerelease(&version)))
    };
    releases.iter().filter(counts).max_by(|a, b| match (version(a), version(b)) {
        (Some(a), Some(b)) => a.cmp_precedence(&b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    })
}

fn is_prerelease(version: &Version) -> bool {
    !version.pre.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(tag: &str, prerelease: bool, draft: bool) -> Release {
        Release {
            id: None,
            tag: tag.parse().expect("a tag"),
            draft,
            prerelease,
            immutable: false,
            published_at: None,
            assets: Vec::new(),
        }
    }

    fn tag(text: &str) -> Tag {
        text.parse().expect("a tag")
    }

    #[test]
    fn the_version_decides_and_not_the_order_of_the_list() {
        let releases = [
            release("v0.0.99", false, false),
            release("v0.0.144", false, false),
            release("nightly", false, false),
            release("v0.0.145-rc.1", false, false),
            release("v0.0.146", true, false),
            release("v9.9.9", false, true),
        ];
        let newest = |prereleases| newest(&releases, prereleases).map(|release| release.tag.to_string());
        assert_eq!(newest(false).as_deref(), Some("v0.0.144"));
        assert_eq!(newest(true).as_deref(), Some("v0.0.146"));
        assert_eq!(super::newest(&releases[2..3], true), None);
    }

    #[test]
    fn downgrades_are_distinguished_from_upgrades() {
        let decide = |current: Option<&str>, wanted| decide(current.map(tag).as_ref(), &tag(wanted));
        assert_eq!(decide(None, "v1.0.0"), Move::First);
        assert_eq!(decide(Some("v1.0.0"), "v1.0.0"), Move::Stay);
        assert_eq!(decide(Some("v1.0.0"), "v1.0.1"), Move::Forward);
        assert_eq!(decide(Some("v1.0.1-rc.1"), "v1.0.1"), Move::Forward);
        assert_eq!(decide(Some("v1.0.1"), "v1.0.1-rc.1"), Move::Back);
        assert_eq!(decide(Some("v0.0.144"), "v0.0.99"), Move::Back);
        assert_eq!(decide(Some("nightly"), "v0.0.99"), Move::Forward);
    }
}
