//! All checks of a release, as functions of values. Pure.

use semver::Version;
use serde::Serialize;

use crate::model::AssetState;
use crate::model::Release;
use crate::model::Sha256Digest;
use crate::releases::check::Attested;
use crate::releases::check::SourceVersion;
use crate::releases::check::attested::attested;
use crate::trust::ChecksumFile;

/// One check and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// The name of the check.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// What was found.
    pub detail: String,
    /// A qualification of the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<Remark>,
}

/// A qualification of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Remark {
    /// Not a failure, but worth showing.
    WorthKnowing,
    /// The query failed; the outcome may differ on the next run.
    QueryFailed,
}

/// The contents of the release's checksum file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StatedSums {
    /// There is none.
    Absent,
    /// It cannot be used.
    Unusable {
        /// The file.
        name: String,
        /// Why.
        why: String,
    },
    /// It was parsed.
    Read {
        /// The file.
        name: String,
        /// Its entries.
        sums: ChecksumFile,
    },
}

/// The input of the checks.
#[derive(Debug)]
pub(crate) struct ReleaseFacts<'a> {
    /// The release.
    pub release: &'a Release,
    /// The required assets, each with its alternative names.
    pub expected: &'a [Vec<String>],
    /// Its checksum file.
    pub sums: &'a StatedSums,
    /// The versions in the source; `None` if no source was given.
    pub source: Option<&'a [SourceVersion]>,
    /// The migrations; `None` if the check was not requested.
    pub migrations: Option<&'a [String]>,
    /// The attestation results for the assets that exist.
    pub attested: &'a [Attested],
    /// Whether build provenance is required for each asset.
    pub require_attested: bool,
    /// The number of versions and the maximum.
    pub at_most: Option<(usize, usize)>,
}

/// Runs all checks.
pub(crate) fn judge(facts: &ReleaseFacts<'_>) -> Vec<Check> {
    let mut checks = vec![published(facts.release), immutable(facts.release)];
    let assets: Vec<Check> = facts.expected.iter().map(|names| asset(facts.release, names)).collect();
    checks.extend(assets);
    checks.extend(sums(facts));
    checks.extend(attested(facts.attested, facts.require_attested));
    checks.extend(facts.source.into_iter().flat_map(|found| versions(facts.release, found)));
    checks.extend(facts.migrations.map(one_migration));
    checks.extend(
        facts
            .at_most
            .map(|(found, most)| check("number of versions", found <= most, format!("{found}, at most {most}"))),
    );
    checks
}

fn check(name: &str, passed: bool, detail: impl Into<String>) -> Check {
    Check { name: name.to_owned(), passed, detail: detail.into(), remark: None }
}

fn published(release: &Release) -> Check {
    let detail = match (release.draft, release.published_at) {
        (true, _) => "it is a draft".to_owned(),
        (false, Some(when)) => format!("published {}", when.format("%Y-%m-%d")),
        (false, None) => "published".to_owned(),
    };
    check("release", !release.draft, detail)
}

/// A mutable release is not a failure: immutability is a repository setting, and newer than most repositories.
fn immutable(release: &Release) -> Check {
    match (release.immutable, release.draft) {
        (true, _) => check("immutable", true, "its assets and tag cannot be changed"),
        (false, true) => check("immutable", true, "a draft is not immutable until it is published"),
        (false, false) => {
            let detail = "its assets and tag can be changed; enable immutable releases in the repository's settings";
            Check { remark: Some(Remark::WorthKnowing), ..check("immutable", true, detail) }
        }
    }
}

/// The completely uploaded assets with their digests.
pub(crate) fn complete_assets(release: &Release, expected: &[Vec<String>]) -> Vec<(String, Sha256Digest)> {
    let assets = expected.iter().filter_map(|names| release.asset(found_name(release, names)?));
    let whole = assets.filter(|asset| asset.state == AssetState::Uploaded);
    whole.filter_map(|asset| Some((asset.name.clone(), asset.digest.clone().ok().flatten()?))).collect()
}

/// The first of the names that the release has.
fn found_name<'a>(release: &Release, names: &'a [String]) -> Option<&'a String> {
    names.iter().find(|name| release.asset(name).is_some())
}

fn asset(release: &Release, names: &[String]) -> Check {
    let wanted = names.first().map_or("", String::as_str);
    let Some(asset) = found_name(release, names).and_then(|name| release.asset(name)) else {
        return check(wanted, false, format!("missing; the release has none of {}", names.join(", ")));
    };
    match (&asset.state, &asset.digest, asset.size) {
        (AssetState::Incomplete, _, _) => check(&asset.name, false, "its upload is not finished"),
        (AssetState::Uploaded, _, Some(0)) => check(&asset.name, false, "it is empty"),
        (AssetState::Uploaded, Ok(Some(digest)), _) => check(&asset.name, true, format!("sha256 {digest}")),
        (AssetState::Uploaded, Ok(None), _) => check(&asset.name, false, "GitHub reports no digest; upload it again"),
        (AssetState::Uploaded, Err(text), _) => {
            check(&asset.name, false, format!("GitHub reports an invalid digest: {text}"))
        }
    }
}

fn sums(facts: &ReleaseFacts<'_>) -> Vec<Check> {
    let (name, sums) = match facts.sums {
        StatedSums::Absent => {
            return vec![check("checksum file", false, "missing; write one with `reproq release checksums DIR`")];
        }
        StatedSums::Unusable { name, why } => return vec![check(name, false, why.clone())],
        StatedSums::Read { name, sums } => (name, sums),
    };
    let mut problems = Vec::new();
    let mut agreeing = 0;
    for asset in facts.expected.iter().filter_map(|names| found_name(facts.release, names)) {
        let stated = facts.release.asset(asset).and_then(|asset| asset.digest.clone().ok().flatten());
        match (sums.digest_of(asset), stated) {
            (None, _) => problems.push(format!("{asset} is not listed")),
            (Some(listed), Some(stated)) if listed != stated => {
                problems.push(format!("{asset} has a different digest"));
            }
            (Some(_), _) => agreeing += 1,
        }
    }
    if problems.is_empty() {
        vec![check(name, true, format!("matches {agreeing} assets"))]
    } else {
        vec![check(name, false, problems.join("; "))]
    }
}

fn versions(release: &Release, found: &[SourceVersion]) -> Vec<Check> {
    if found.is_empty() {
        return vec![check("version in the source", false, "no file with a version was found")];
    }
    let tag = release.tag.as_str();
    let named = tag.strip_prefix('v').unwrap_or(tag);
    found
        .iter()
        .map(|source| {
            let same = source.version == named
                || Version::parse(&source.version)
                    .ok()
                    .zip(release.tag.version())
                    .is_some_and(|(one, other)| one == other)
                || (!source.place.ends_with(".go") && is_same_to_python(&source.version, named));
            let relation = if same { "same as the tag".to_owned() } else { format!("but the tag is {tag}") };
            check(&source.place, same, format!("version {}, {relation}", source.version))
        })
        .collect()
}

/// Whether Python considers two spellings the same version, such as `1.2.3rc1` and `1.2.3-rc.1`. In semver `1.2.3-1` is
/// a prerelease; in Python it is a later release, so it never equals the same text.
fn is_same_to_python(one: &str, other: &str) -> bool {
    let read = |text: &str| {
        let is_by_number = Version::parse(text)
            .is_ok_and(|version| version.pre.as_str().starts_with(|first: char| first.is_ascii_digit()));
        if is_by_number { None } else { text.parse::<pep440_rs::Version>().ok() }
    };
    read(one).zip(read(other)).is_some_and(|(one, other)| one == other)
}

fn one_migration(found: &[String]) -> Check {
    let detail = match found {
        [] => "no migration found".to_owned(),
        [one] => one.clone(),
        several => format!("{} migrations found: {}", several.len(), several.join(", ")),
    };
    check("exactly one migration", found.len() == 1, detail)
}

#[cfg(test)]
mod tests {
    use crate::model::Asset;

    use super::*;

    fn release(names: &[&str]) -> Release {
        Release {
            id: Some(1),
            tag: "v1.2.3".parse().expect("a tag"),
            draft: false,
            prerelease: false,
            immutable: false,
            published_at: None,
            assets: names
                .iter()
                .map(|name| Asset {
                    id: Some(1),
                    name: (*name).to_owned(),
                    size: Some(5),
                    state: AssetState::Uploaded,
                    digest: Ok(Some(Sha256Digest::from_bytes([7; 32]))),
                })
                .collect(),
        }
    }

    fn failed(facts: &ReleaseFacts<'_>) -> Vec<String> {
        judge(facts).into_iter().filter(|check| !check.passed).map(|check| check.name).collect()
    }

    #[test]
    fn every_fault_fails_its_own_check() {
        let sums = |digest: [u8; 32]| {
            let text =
                format!("{}  a\n{}  b.zip\n", Sha256Digest::from_bytes(digest), Sha256Digest::from_bytes([7; 32]));
            StatedSums::Read {
                name: "SHA256SUMS".to_owned(),
                sums: ChecksumFile::parse(text.as_bytes()).expect("sums"),
            }
        };
        let whole = release(&["a", "b.zip"]);
        let expected = [vec!["a".to_owned()], vec!["b".to_owned(), "b.zip".to_owned()]];
        let said = |version: &str| [SourceVersion { place: "pyproject.toml".to_owned(), version: version.to_owned() }];
        let (good, right) = (sums([7; 32]), said("1.2.3"));
        fn facts<'a>(
            release: &'a Release,
            expected: &'a [Vec<String>],
            sums: &'a StatedSums,
            source: &'a [SourceVersion],
        ) -> ReleaseFacts<'a> {
            ReleaseFacts {
                release,
                expected,
                sums,
                source: Some(source),
                migrations: None,
                attested: &[],
                require_attested: false,
                at_most: Some((3, 3)),
            }
        }
        let failing = |release: &Release, sums: &StatedSums, source: &[SourceVersion]| {
            failed(&facts(release, &expected, sums, source))
        };
        assert_eq!(failing(&whole, &good, &right), Vec::<String>::new());
        assert_eq!(failing(&whole, &sums([8; 32]), &right), ["SHA256SUMS"]);
        assert_eq!(failing(&whole, &StatedSums::Absent, &right), ["checksum file"]);
        assert_eq!(failing(&whole, &good, &said("1.2.4")), ["pyproject.toml"]);
        assert_eq!(failing(&release(&["a"]), &good, &right), ["b"]);
        let mut open = whole.clone();
        open.assets[0].state = AssetState::Incomplete;
        open.assets[1].digest = Ok(None);
        assert_eq!(failing(&open, &good, &right), ["a", "b.zip"]);
        let many =
            ReleaseFacts { at_most: Some((4, 3)), migrations: Some(&[]), ..facts(&whole, &expected, &good, &right) };
        assert_eq!(failed(&many), ["exactly one migration", "number of versions"]);
    }

    #[test]
    fn python_spellings_of_a_version_are_equal() {
        for (one, other) in [
            ("1.2.3rc1", "1.2.3-rc.1"),
            ("1.2.3a1", "1.2.3-alpha.1"),
            ("1.2.3.b2", "1.2.3-beta.2"),
            ("1.2.3.dev4", "1.2.3-dev.4"),
            ("1.2.3-rc1", "1.2.3-rc.1"),
            ("1.2", "1.2.0"),
        ] {
            assert!(is_same_to_python(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("1.2.3", "1.2.4"),
            ("1.2.3rc1", "1.2.3"),
            ("1.2.3.post1", "1.2.3-1"),
            ("x", "x"),
            ("1.2.3rc1", "1.2.3-rc.2"),
        ] {
            assert!(!is_same_to_python(one, other), "{one} {other}");
        }
    }
}
