//! The signed content: an in-toto statement about one or more subjects, parsed strictly and within limits.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::model::Sha256Digest;

use super::json;
use super::verified::AttestationKind;

/// The statement types in use; both have the same fields.
const TYPES: [&str; 2] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

/// The predicate types of build provenance.
const PROVENANCE: [&str; 2] = ["https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"];

/// The predicate types of GitHub's release attestation.
const RELEASE: [&str; 2] =
    ["https://in-toto.io/attestation/release/v0.1", "https://in-toto.io/attestation/release/v0.2"];

/// The fields of a statement that are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) kind: AttestationKind,
    pub(super) predicate_type: String,
    pub(super) subjects: Vec<StatementSubject>,
    /// The release in a release attestation.
    pub(super) release: Option<ReleasePredicate>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatementSubject {
    pub(super) name: Option<String>,
    pub(super) sha256: Option<Sha256Digest>,
    /// Only the commit of a release has one.
    pub(super) sha1: Option<String>,
}

/// The predicate of a release attestation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReleasePredicate {
    pub(super) repository: String,
    pub(super) repository_id: String,
    pub(super) owner_id: Option<String>,
    pub(super) tag: String,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<WireSubject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

#[derive(Deserialize)]
struct WireSubject {
    name: Option<String>,
    digest: BTreeMap<String, String>,
}

impl Statement {
    /// Parses the payload of an envelope.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, String> {
        json::strict(payload).map_err(|error| error.to_string())?;
        let wire: Wire = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        if !TYPES.contains(&wire.kind.as_str()) {
            return Err(format!("`{}` is not a known type of statement", wire.kind));
        }
        let kind = kind(&wire.predicate_type);
        let release = match kind {
            AttestationKind::Release => {
                Some(serde_json::from_value(wire.predicate).map_err(|error| error.to_string())?)
            }
            AttestationKind::Build | AttestationKind::Signature | AttestationKind::Statement => None,
        };
        let subjects = wire.subject.into_iter().map(subject).collect::<Result<_, _>>()?;
        Ok(Self { kind, predicate_type: wire.predicate_type, subjects, release })
    }

    /// The names of these bytes in the statement; `None` if the statement is not about them.
    pub(super) fn names_of(&self, digest: Sha256Digest) -> Option<Vec<&str>> {
        let mut about = self.subjects.iter().filter(|subject| subject.sha256 == Some(digest)).peekable();
        about.peek()?;
        Some(about.filter_map(|subject| subject.name.as_deref()).collect())
    }

    /// The commit that the tag of the release points at.
    pub(super) fn release_commit(&self) -> Option<&str> {
        self.release.as_ref()?;
        self.subjects.iter().find(|subject| subject.sha256.is_none())?.sha1.as_deref()
    }
}

fn kind(predicate_type: &str) -> AttestationKind {
    if PROVENANCE.contains(&predicate_type) {
        AttestationKind::Build
    } else if RELEASE.contains(&predicate_type) {
        AttestationKind::Release
    } else {
        AttestationKind::Statement
    }
}

fn subject(wire: WireSubject) -> Result<StatementSubject, String> {
    let sha256 = match wire.digest.get("sha256") {
        Some(hex) => Some(hex.parse().map_err(|error| format!("the sha256 of a subject: {error}"))?),
        None => None,
    };
    let name = wire.name.filter(|name| !name.is_empty());
    Ok(StatementSubject { name, sha256, sha1: wire.digest.get("sha1").cloned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: &str, subject: &str, predicate_type: &str, predicate: &str) -> String {
        format!(
            r#"{{"_type": "{kind}", "subject": [{subject}], "predicateType": "{predicate_type}", "predicate": {predicate}}}"#
        )
    }

    fn digest() -> Sha256Digest {
        Sha256Digest::from_bytes([7; 32])
    }

    fn parsed(subject: &str, predicate_type: &str, predicate: &str) -> Result<Statement, String> {
        Statement::parse(text(TYPES[0], subject, predicate_type, predicate).as_bytes())
    }

    #[test]
    fn subjects_are_found_by_sha256_only() {
        let subject = format!(
            r#"{{"name": "dist/a", "digest": {{"sha256": "{0}"}}}}, {{"digest": {{"sha256": "{0}"}}}}, {{"name": "b", "digest": {{"sha512": "{0}{0}"}}}}"#,
            digest()
        );
        let statement = parsed(&subject, PROVENANCE[0], "{}").expect("a statement");
        assert_eq!(statement.kind, AttestationKind::Build);
        assert_eq!(statement.names_of(digest()), Some(vec!["dist/a"]));
        assert_eq!(statement.names_of(Sha256Digest::from_bytes([8; 32])), None);
        assert_eq!(statement.release_commit(), None);
    }

    #[test]
    fn kinds_follow_the_exact_predicate_type() {
        for (predicate_type, kind) in [
            ("https://slsa.dev/provenance/v1", AttestationKind::Build),
            ("https://slsa.dev/provenance/v1x", AttestationKind::Statement),
            ("https://spdx.dev/Document/v2.3", AttestationKind::Statement),
            ("https://in-toto.io/attestation/release/v0.3", AttestationKind::Statement),
        ] {
            assert_eq!(
                parsed("", predicate_type, "null").map(|statement| statement.kind),
                Ok(kind),
                "{predicate_type}"
            );
        }
    }

    #[test]
    fn a_release_names_its_repository_and_tag() {
        let subject = r#"{"uri": "pkg:github/acme/tool@v1", "digest": {"sha1": "abc"}}"#;
        let predicate = r#"{"repository": "acme/tool", "repositoryId": "7", "ownerId": "8", "tag": "v1", "purl": "x"}"#;
        let statement = parsed(subject, RELEASE[1], predicate).expect("a statement");
        assert_eq!(statement.release_commit(), Some("abc"));
        assert_eq!(statement.release.map(|release| release.tag), Some("v1".to_owned()));
        assert!(parsed(subject, RELEASE[0], r#"{"repository": "acme/tool", "tag": "v1"}"#).is_err());
        assert!(parsed(subject, RELEASE[0], r#"{"repository": "acme/tool", "repositoryId": 7, "tag": "v1"}"#).is_err());
    }

    #[test]
    fn ambiguous_statements_are_refused() {
        assert!(Statement::parse(text("https://in-toto.io/Statement/v9", "", "x", "{}").as_bytes()).is_err());
        assert!(parsed(r#"{"digest": {"sha256": "00"}}"#, "x", "{}").is_err());
        assert!(parsed(r#"{"digest": {"sha256": "00", "sha256": "11"}}"#, "x", "{}").is_err());
        assert!(parsed("", "x", r#"{"a": 1, "a": 2}"#).is_err());
        assert!(Statement::parse(b"no").is_err());
    }
}
