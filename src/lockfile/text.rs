//! The text of a lockfile: TOML in a fixed order, so that an upgrade is a small diff. Pure.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

use crate::lockfile::LockedAsset;
use crate::lockfile::Lockfile;
use crate::lockfile::Signer;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::Target;
use crate::model::Tool;
use crate::trust::Level;

/// The format this program writes. A reader accepts its own number and rejects a higher one: new keys that affect
/// trust raise it, other new keys are ignored by older readers.
pub(crate) const FORMAT: i64 = 2;

/// The format of a lockfile without a signer. It is sufficient, and older versions can read it.
const UNSIGNED_FORMAT: i64 = 1;

const HEAD: &str = "\
# Which worker this project runs, on every machine. Written by `reproq`; commit it.
# `reproq upgrade` moves it to a newer release, `reproq lock` writes it anew.
";

/// Why a text is not a lockfile.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TextError {
    /// It is not TOML.
    #[error("it is not valid TOML (line {line}): {reason}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        reason: String,
    },
    /// It has an unresolved merge conflict.
    #[error("line {line} is a merge conflict marker")]
    Conflict {
        /// The line, from 1.
        line: usize,
    },
    /// It was written by a later version of reproq.
    #[error("its format is {found}, but this version of reproq supports up to {FORMAT}")]
    Newer {
        /// Its format.
        found: i64,
    },
    /// It has invalid content.
    #[error("{0}")]
    Content(String),
}

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    version: i64,
    worker: Worker,
}

#[derive(Debug, Serialize, Deserialize)]
struct Worker {
    repository: RepoSlug,
    tag: Tag,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signer: Option<Signer>,
    #[serde(default, rename = "asset")]
    assets: Vec<AssetTable>,
}

#[derive(Debug, Serialize, Deserialize)]
struct AssetTable {
    target: Target,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    sha256: Sha256Digest,
    #[serde(default)]
    evidence: Vec<String>,
    verdict: Level,
}

#[derive(Debug, Deserialize)]
struct FormatAlone {
    version: Option<i64>,
}

/// The text of a lockfile. Deterministic.
pub fn render(lockfile: &Lockfile) -> String {
    let assets = lockfile.assets.iter().map(|asset| AssetTable {
        target: asset.target,
        name: asset.name.clone(),
        size: asset.size,
        sha256: asset.sha256,
        evidence: asset.evidence.clone(),
        verdict: asset.verdict,
    });
    let document = Document {
        version: if lockfile.signer.is_some() { FORMAT } else { UNSIGNED_FORMAT },
        worker: Worker {
            repository: lockfile.repository.clone(),
            tag: lockfile.tag.clone(),
            version: lockfile.tag.version().map(|version| version.to_string()),
            published: lockfile.published.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true)),
            signer: lockfile.signer.clone(),
            assets: assets.collect(),
        },
    };
    let body = toml::to_string(&document).expect("a lock is a table of texts, numbers and tables");
    format!("{HEAD}{body}")
}

/// Parses a lockfile. Names must be those computed for their platforms, so that a lockfile cannot lead anywhere else.
pub fn parse(text: &str, tool: &Tool) -> Result<Lockfile, TextError> {
    // A conflict is not TOML either, but this error is clearer.
    let marks = ["<<<<<<< ", "=======", ">>>>>>> "];
    if let Some(index) = text.lines().position(|line| marks.iter().any(|mark| line.starts_with(mark))) {
        return Err(TextError::Conflict { line: index + 1 });
    }
    let syntax = |error: toml::de::Error| TextError::Syntax {
        line: line_of(text, error.span()),
        reason: error.message().trim().to_owned(),
    };
    // The version is parsed first, because a later format may have a different shape.
    let format: FormatAlone = toml::from_str(text).map_err(syntax)?;
    match format.version {
        Some(found) if found > FORMAT => return Err(TextError::Newer { found }),
        Some(UNSIGNED_FORMAT..=FORMAT) => {}
        Some(found) => return Err(TextError::Content(format!("its format is {found}, which does not exist"))),
        None => return Err(TextError::Content("it has no `version`, the number of its format".to_owned())),
    }
    let document: Document = toml::from_str(text).map_err(syntax)?;
    let Worker { repository, tag, published, signer, assets, .. } = document.worker;
    // Versions that only know the first format ignore a signer and accept less.
    if signer.is_some() && format.version == Some(UNSIGNED_FORMAT) {
        return Err(TextError::Content(format!(
            "it has a signer, but its format is {UNSIGNED_FORMAT} instead of {FORMAT}"
        )));
    }
    if let Some(signer) = &signer
        && (!signer.verdict.is_signed() || (signer.verdict == Level::Attested) != signer.workflow.is_some())
    {
        return Err(TextError::Content("its signer is neither a workflow nor GitHub's release service".to_owned()));
    }
    let mut targets = BTreeSet::new();
    let mut locked = Vec::with_capacity(assets.len());
    for asset in assets {
        if !targets.insert(asset.target) {
            return Err(TextError::Content(format!("{} is locked twice", asset.target)));
        }
        if !tool.asset_names(asset.target).iter().any(|(name, _)| *name == asset.name) {
            let (name, target) = (asset.name, asset.target);
            return Err(TextError::Content(format!("`{name}` is not a name of {}'s asset for {target}", tool.name)));
        }
        let AssetTable { target, name, size, sha256, evidence, verdict } = asset;
        if verdict.is_signed() && signer.as_ref().is_none_or(|signer| signer.verdict < verdict) {
            return Err(TextError::Content(format!(
                "{name} is locked as `{verdict}`, but no signer is recorded for it"
            )));
        }
        locked.push(LockedAsset { target, name, size, sha256, evidence, verdict });
    }
    let published = published.as_deref().map(moment).transpose()?;
    Ok(Lockfile::new(repository, tag, published, locked).signed_by(signer))
}

fn moment(text: &str) -> Result<DateTime<Utc>, TextError> {
    let parsed = DateTime::parse_from_rfc3339(text);
    parsed
        .map(|time| time.to_utc())
        .map_err(|_| TextError::Content(format!("`published` is not a timestamp: `{text}`")))
}

fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start).min(text.len());
    text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Lockfile {
        let asset = |target: &str, byte: u8| LockedAsset {
            target: target.parse().expect("a target"),
            name: format!("reproq-{target}"),
            size: Some(15_000_000),
            sha256: Sha256Digest::from_bytes([byte; 32]),
            evidence: vec!["GitHub's asset digest".to_owned()],
            verdict: Level::Digest,
        };
        Lockfile::new(
            "adpena/reproq-worker".parse().expect("a repository"),
            "v0.0.144".parse().expect("a tag"),
            Some(moment("2026-01-31T12:00:00Z").expect("a time")),
            vec![asset("linux-arm64", 2), asset("darwin-arm64", 1)],
        )
    }

    fn refused(text: &str) -> TextError {
        parse(text, &Tool::WORKER).expect_err("refused")
    }

    #[test]
    fn the_text_is_stable() {
        let (one, two) = ("01".repeat(32), "02".repeat(32));
        let expected = format!(
            r#"version = 1

[worker]
repository = "adpena/reproq-worker"
tag = "v0.0.144"
version = "0.0.144"
published = "2026-01-31T12:00:00Z"

[[worker.asset]]
target = "darwin-arm64"
name = "reproq-darwin-arm64"
size = 15000000
sha256 = "{one}"
evidence = ["GitHub's asset digest"]
verdict = "digest"

[[worker.asset]]
target = "linux-arm64"
name = "reproq-linux-arm64"
size = 15000000
sha256 = "{two}"
evidence = ["GitHub's asset digest"]
verdict = "digest"
"#
        );
        assert_eq!(render(&sample()), format!("{HEAD}{expected}"));
    }

    #[test]
    fn an_upgrade_is_a_small_diff() {
        let mut next = sample();
        next.tag = "v0.0.145".parse().expect("a tag");
        for asset in &mut next.assets {
            asset.sha256 = Sha256Digest::from_bytes([9; 32]);
        }
        let (old, new) = (render(&sample()), render(&next));
        let changed = old.lines().zip(new.lines()).filter(|(old, new)| old != new).count();
        assert_eq!(changed, 2 + 2, "the tag, its version, and a digest for each platform");
    }

    #[test]
    fn unknown_keys_are_ignored_and_a_later_format_is_refused() {
        let text = render(&sample());
        let more = text.replace("[worker]\n", "[worker]\nlater = { a = 1 }\n");
        assert_eq!(parse(&more, &Tool::WORKER), Ok(sample()));
        assert_eq!(refused("version = 3\nworker = 'different shape'\n"), TextError::Newer { found: 3 });
        assert!(matches!(refused("version = 0\n"), TextError::Content(_)));
        assert!(matches!(refused("[worker]\n"), TextError::Content(_)));
    }

    #[test]
    fn invalid_content_is_refused_with_its_line() {
        let text = render(&sample());
        let name = text.replace("reproq-linux-arm64\"", "../reproq-linux-arm64\"");
        assert!(matches!(refused(&name), TextError::Content(reason) if reason.contains("../reproq-linux-arm64")));
        let twice = text.replace("\"linux-arm64\"", "\"darwin-arm64\"");
        assert!(matches!(refused(&twice), TextError::Content(reason) if reason.contains("twice")));
        let conflict = text.replace("tag = ", "<<<<<<< HEAD\ntag = ");
        assert!(matches!(refused(&conflict), TextError::Conflict { line: 7 }), "{:?}", refused(&conflict));
        let broken = text.replace("sha256 = \"01", "sha256 = \"zz");
        assert!(matches!(refused(&broken), TextError::Syntax { line: 15, .. }), "{:?}", refused(&broken));
    }

    fn signed() -> Lockfile {
        let mut lockfile = sample();
        lockfile.assets[0].verdict = Level::Attested;
        lockfile.signed_by(Some(Signer {
            verdict: Level::Attested,
            workflow: "adpena/reproq-worker/.github/workflows/release.yml".parse().ok(),
            issuer: Some("https://token.actions.githubusercontent.com".to_owned()),
            repository_id: Some(1234),
            owner_id: Some(56),
        }))
    }

    #[test]
    fn a_signer_is_kept_in_a_format_that_older_versions_refuse() {
        let text = render(&signed());
        assert!(text.contains("version = 2\n"), "{text}");
        let table = "[worker.signer]\nverdict = \"attested\"\nworkflow = \"adpena/reproq-worker/.github/workflows/release.yml\"\n\
                     issuer = \"https://token.actions.githubusercontent.com\"\nrepository-id = 1234\nowner-id = 56\n";
        assert!(text.contains(table), "{text}");
        assert_eq!(parse(&text, &Tool::WORKER), Ok(signed()));
    }

    #[test]
    fn a_signer_cannot_be_ignored() {
        let text = render(&signed());
        for (from, to, named) in [
            ("version = 2\n", "version = 1\n", "format is 1"),
            ("verdict = \"attested\"\nworkflow", "verdict = \"digest\"\nworkflow", "neither a workflow"),
            ("verdict = \"attested\"\nworkflow", "verdict = \"released\"\nworkflow", "neither a workflow"),
            ("adpena/reproq-worker/.github/workflows/release.yml", "release.yml", "is not a workflow"),
            ("workflow = \"adpena/reproq-worker/.github/workflows/release.yml\"\n", "", "neither a workflow"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            let refused = refused(&changed).to_string();
            assert!(refused.contains(named), "{from}: {refused}");
        }
        let (head, rest) = text.split_once("[worker.signer]").expect("a signer");
        let (_, rest) = rest.split_once("[[").expect("assets");
        let removed = refused(&format!("{head}[[{rest}")).to_string();
        assert!(removed.contains("no signer is recorded"), "{removed}");
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,300}") {
            let _ = parse(&text, &Tool::WORKER);
        }

        #[test]
        fn written_lockfiles_parse(
            digests in proptest::collection::btree_map(0usize..6, (any::<[u8; 32]>(), proptest::option::of(0..u64::MAX / 2), 0usize..3), 0..6),
            seconds in proptest::option::of(0i64..4_000_000_000),
        ) {
            let targets: Vec<Target> = Target::all().collect();
            let assets = digests.into_iter().map(|(index, (bytes, size, form))| LockedAsset {
                target: targets[index],
                name: Tool::WORKER.asset_names(targets[index])[form].0.clone(),
                size,
                sha256: Sha256Digest::from_bytes(bytes),
                evidence: vec!["SHA256SUMS".to_owned()],
                verdict: Level::Checksum,
            });
            let time = seconds.map(|seconds| DateTime::from_timestamp(seconds, 0).expect("a time"));
            let lockfile = Lockfile::new(sample().repository, sample().tag, time, assets.collect());
            prop_assert_eq!(parse(&render(&lockfile), &Tool::WORKER), Ok(lockfile));
        }
    }
}
