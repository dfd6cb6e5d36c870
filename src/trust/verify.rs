//! Compares a download with all evidence about it. Only this module creates a [`Verified`].

use std::path::Path;

use thiserror::Error;

use crate::io::fs::hashing_writer::Written;
use crate::model::Sha256Digest;
use crate::trust::Evidence;
use crate::trust::EvidenceSource;
use crate::trust::Finding;
use crate::trust::Level;
use crate::trust::TrustPolicy;

/// Why bytes were not accepted. In every case nothing was unpacked, run or installed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum VerifyError {
    /// A source has a different digest.
    #[error("the downloaded bytes have sha256 {actual}, but {origin} states {stated}")]
    Mismatch {
        origin: EvidenceSource,
        stated: Sha256Digest,
        /// The digest of the bytes.
        actual: Sha256Digest,
    },
    /// Two sources have different digests.
    #[error("the sources disagree: {first} states sha256 {first_digest}, {second} states {second_digest}")]
    Disagreement {
        first: EvidenceSource,
        first_digest: Sha256Digest,
        second: EvidenceSource,
        second_digest: Sha256Digest,
    },
    /// A source exists but its query failed or its result is invalid. It must not be treated as absent.
    #[error("{origin} could not be read: {reason}")]
    Unknown {
        origin: EvidenceSource,
        /// Why.
        reason: String,
        /// Whether a later query may succeed.
        transient: bool,
    },
    /// No source has a digest.
    #[error("no published checksum or attestation verifies these bytes: {}", tried.join("; "))]
    NoEvidence {
        /// Each source with its result.
        tried: Vec<String>,
    },
    /// The verified level is too low.
    #[error("the bytes are verified as `{level}`, but `{required}` is required")]
    BelowRequired {
        /// The verified level.
        level: Level,
        required: Level,
    },
}

/// A file whose bytes match all evidence about them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(crate) struct Verified {
    download: Written,
    level: Level,
}

impl Verified {
    pub(crate) fn path(&self) -> &Path {
        &self.download.path
    }

    /// The file: path, size and digest.
    pub(crate) const fn file(&self) -> &Written {
        &self.download
    }

    pub(crate) const fn level(&self) -> Level {
        self.level
    }
}

/// Accepts a download if every source with a digest agrees and the policy is satisfied.
pub(crate) fn verify(download: Written, evidence: &[Evidence], policy: TrustPolicy) -> Result<Verified, VerifyError> {
    let level = judge(Some(download.sha256), evidence, policy)?;
    Ok(Verified { download, level })
}

/// The level that the evidence alone gives; with `actual`, also whether it matches. Also called before the download, so
/// that bytes that could never be accepted are not fetched.
pub(crate) fn judge(
    actual: Option<Sha256Digest>,
    evidence: &[Evidence],
    policy: TrustPolicy,
) -> Result<Level, VerifyError> {
    let mut first: Option<(&EvidenceSource, Sha256Digest)> = None;
    let mut level = Level::Unverified;
    for statement in evidence {
        let Finding::Found { sha256 } = statement.finding else { continue };
        if let Some((earlier, digest)) = first.filter(|(_, digest)| *digest != sha256) {
            return Err(VerifyError::Disagreement {
                first: earlier.clone(),
                first_digest: digest,
                second: statement.source.clone(),
                second_digest: sha256,
            });
        }
        first = first.or(Some((&statement.source, sha256)));
        level = level.max(statement.source.level());
    }
    if let (Some(actual), Some((source, stated))) = (actual, first)
        && actual != stated
    {
        return Err(VerifyError::Mismatch { origin: source.clone(), stated, actual });
    }
    for statement in evidence {
        if let Finding::Unknown { reason, transient } = &statement.finding
            && !(statement.dispensable && first.is_some())
        {
            let (origin, reason) = (statement.source.clone(), reason.clone());
            return Err(VerifyError::Unknown { origin, reason, transient: *transient });
        }
    }
    if first.is_none() && !policy.allow_unverified {
        return Err(VerifyError::NoEvidence { tried: evidence.iter().map(describe).collect() });
    }
    // `--allow-unverified` only accepts bytes without evidence, and lowers no other requirement.
    if level < policy.require && !(first.is_none() && policy.require <= Level::Built) {
        return Err(VerifyError::BelowRequired { level, required: policy.require });
    }
    Ok(level)
}

fn describe(statement: &Evidence) -> String {
    match &statement.finding {
        Finding::Found { sha256 } => format!("{} states {}", statement.source, sha256.short()),
        Finding::Absent { reason } | Finding::Unknown { reason, .. } => format!("{}: {reason}", statement.source),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: TrustPolicy = TrustPolicy { require: Level::Built, allow_unverified: false };

    fn digest(byte: u8) -> Sha256Digest {
        Sha256Digest::from_bytes([byte; 32])
    }

    fn download(byte: u8) -> Written {
        Written { path: "x".into(), size: 1, sha256: digest(byte), id: None }
    }

    fn sums(byte: u8) -> Evidence {
        Evidence::found(EvidenceSource::SumsFile { name: "SHA256SUMS".to_owned() }, digest(byte))
    }

    fn api(byte: u8) -> Evidence {
        Evidence::found(EvidenceSource::ApiDigest, digest(byte))
    }

    #[test]
    fn the_strongest_agreeing_source_determines_the_verdict() {
        let level = |evidence: &[Evidence]| verify(download(1), evidence, POLICY).expect("accepted").level();
        assert_eq!(level(&[api(1)]), Level::Digest);
        assert_eq!(level(&[sums(1)]), Level::Checksum);
        assert_eq!(level(&[sums(1), api(1)]), Level::Digest);
        assert_eq!(level(&[Evidence::absent(EvidenceSource::ApiDigest, "null"), sums(1)]), Level::Checksum);
    }

    #[test]
    fn one_differing_source_refuses_the_bytes() {
        assert!(matches!(verify(download(1), &[api(2)], POLICY), Err(VerifyError::Mismatch { .. })));
        assert!(matches!(verify(download(1), &[api(1), sums(2)], POLICY), Err(VerifyError::Disagreement { .. })));
        assert!(matches!(verify(download(2), &[api(1), sums(2)], POLICY), Err(VerifyError::Disagreement { .. })));
    }

    #[test]
    fn unknown_is_never_absent() {
        let unknown = Evidence::unknown(EvidenceSource::SumsFile { name: "SHA256SUMS".to_owned() }, "HTTP 500", true);
        assert!(matches!(verify(download(1), &[api(1), unknown.clone()], POLICY), Err(VerifyError::Unknown { .. })));
        let allowing = TrustPolicy { allow_unverified: true, ..POLICY };
        assert!(matches!(verify(download(1), &[unknown], allowing), Err(VerifyError::Unknown { .. })));
        let mut limited = Evidence::unknown(EvidenceSource::ApiDigest, "rate limited", true);
        limited.dispensable = true;
        assert_eq!(
            verify(download(1), &[limited.clone(), sums(1)], POLICY).map(|verified| verified.level()),
            Ok(Level::Checksum)
        );
        assert!(matches!(verify(download(1), &[limited], POLICY), Err(VerifyError::Unknown { .. })));
    }

    #[test]
    fn no_evidence_is_refused_unless_allowed() {
        let absent = [Evidence::absent(EvidenceSource::ApiDigest, "the API states none")];
        assert!(matches!(verify(download(1), &absent, POLICY), Err(VerifyError::NoEvidence { .. })));
        let allowing = TrustPolicy { allow_unverified: true, ..POLICY };
        assert_eq!(verify(download(1), &absent, allowing).map(|verified| verified.level()), Ok(Level::Unverified));
        let strict = TrustPolicy { require: Level::Digest, allow_unverified: true };
        assert!(matches!(verify(download(1), &absent, strict), Err(VerifyError::BelowRequired { .. })));
        assert!(matches!(verify(download(2), &[api(1)], allowing), Err(VerifyError::Mismatch { .. })));
    }

    #[test]
    fn less_than_required_is_refused() {
        let strict = TrustPolicy { require: Level::Digest, allow_unverified: false };
        assert!(matches!(verify(download(1), &[sums(1)], strict), Err(VerifyError::BelowRequired { .. })));
    }

    proptest! {
        /// Accepted bytes contradict none of the evidence, whatever it is.
        #[test]
        fn accepted_bytes_contradict_no_evidence(
            actual in 0u8..3,
            stated in proptest::collection::vec((0u8..4, 0u8..3), 0..5),
            allow_unverified: bool,
        ) {
            let evidence: Vec<Evidence> = stated
                .into_iter()
                .map(|(kind, byte)| match kind {
                    0 => api(byte),
                    1 => sums(byte),
                    2 => Evidence::absent(EvidenceSource::ApiDigest, "none"),
                    _ => Evidence::unknown(EvidenceSource::Sidecar { name: "x.sha256".to_owned() }, "cut", true),
                })
                .collect();
            let policy = TrustPolicy { require: Level::Unverified, allow_unverified };
            if verify(download(actual), &evidence, policy).is_ok() {
                let agrees = |statement: &Evidence| match statement.finding {
                    Finding::Found { sha256 } => sha256 == digest(actual),
                    Finding::Absent { .. } => true,
                    Finding::Unknown { .. } => false,
                };
                prop_assert!(evidence.iter().all(agrees));
                let proven = evidence.iter().any(|statement| matches!(statement.finding, Finding::Found { .. }));
                prop_assert!(proven || allow_unverified);
            }
        }
    }
}
