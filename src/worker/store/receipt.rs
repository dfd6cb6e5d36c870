//! The receipt of an accepted binary: its source, its evidence, and what installed it.

use serde::Deserialize;
use serde::Serialize;

use crate::model::AssetForm;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::Target;
use crate::trust::Evidence;
use crate::trust::Level;
use crate::trust::attestation::VerifiedAttestation;

/// The format this program writes. Readers accept every `reproq.receipt/1`; fields may be added but not changed.
pub(crate) const SCHEMA: &str = "reproq.receipt/1";

/// The receipt of one binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// `SCHEMA`.
    pub schema: String,
    /// The tool's name.
    pub tool: String,
    /// The platform it is for.
    pub target: Target,
    /// The digest of the binary as installed.
    pub sha256: Sha256Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The version it reported when started, if it could be started.
    pub version: Option<String>,
    /// The verification level.
    pub verdict: Level,
    /// What every evidence source stated.
    pub evidence: Vec<Evidence>,
    /// The verified signers of the asset, by the attestations stored next to this receipt.
    #[serde(default, alias = "proofs", skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<VerifiedAttestation>,
    /// Where it came from.
    pub origin: ReceiptOrigin,
    /// Notes of the preflight.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The program that installed it, with its version.
    pub installer: String,
    /// The time of installation, in RFC 3339.
    pub installed_at: String,
}

/// Where a binary came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ReceiptOrigin {
    /// An asset of a release.
    Release {
        repository: RepoSlug,
        /// The release's tag.
        tag: Tag,
        asset: ReceiptAsset,
    },
    /// A local build.
    Build(BuildRecord),
}

/// The asset a binary was taken from. For an archive, its digest differs from the binary's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptAsset {
    pub name: String,
    /// Its URL, without query.
    pub url: String,
    /// Its size in bytes.
    pub size: u64,
    pub sha256: Sha256Digest,
    /// The path of the binary in the archive, if the asset is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
}

/// The source of a local build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRecord {
    /// The checkout.
    pub source: String,
    /// Its commit, if it is a git repository.
    pub commit: Option<String>,
    /// Whether it had uncommitted changes, if known.
    pub dirty: Option<bool>,
    /// The version declared by its source.
    pub source_version: Option<String>,
    /// The Go version that built it.
    pub go_version: String,
    /// Why it was built and not downloaded.
    pub reason: String,
}

impl Receipt {
    /// The release's tag, if it came from one.
    pub const fn tag(&self) -> Option<&Tag> {
        match &self.origin {
            ReceiptOrigin::Release { tag, .. } => Some(tag),
            ReceiptOrigin::Build(_) => None,
        }
    }

    /// Whether the binary can be from the asset it names: if the asset is the executable, the digests are equal. That an
    /// executable was unpacked from an archive is stated by this record only.
    pub fn is_of_its_asset(&self) -> bool {
        let ReceiptOrigin::Release { asset, .. } = &self.origin else { return true };
        let is_archive =
            AssetForm::ALL.iter().any(|form| *form != AssetForm::Raw && asset.name.ends_with(form.suffix()));
        match (is_archive, &asset.member) {
            (true, member) => member.is_some(),
            (false, Some(_)) => false,
            (false, None) => asset.sha256 == self.sha256,
        }
    }

    /// Its name in messages: the tag, or the version that was built.
    pub fn label(&self) -> String {
        match &self.origin {
            ReceiptOrigin::Release { tag, .. } => tag.to_string(),
            ReceiptOrigin::Build(build) => {
                let version = self.version.as_ref().or(build.source_version.as_ref());
                version.map_or_else(|| "a local build".to_owned(), |version| format!("{version} (built here)"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::trust::EvidenceSource;

    fn digest() -> impl Strategy<Value = Sha256Digest> {
        any::<[u8; 32]>().prop_map(Sha256Digest::from_bytes)
    }

    prop_compose! {
        fn evidence()(sha256 in digest(), name in "\\PC{0,12}", source in 0_u8..3, finding in 0_u8..3, transient: bool) -> Evidence {
            let source = match source {
                0 => EvidenceSource::ApiDigest,
                1 => EvidenceSource::SumsFile { name: name.clone() },
                _ => EvidenceSource::Sidecar { name: name.clone() },
            };
            match finding {
                0 => Evidence::found(source, sha256),
                1 => Evidence::absent(source, name),
                _ => Evidence::unknown(source, name, transient),
            }
        }
    }

    fn origin() -> impl Strategy<Value = ReceiptOrigin> {
        let texts = proptest::collection::vec("\\PC{0,12}", 3);
        (any::<bool>(), texts, digest(), any::<u64>(), proptest::option::of(any::<bool>())).prop_map(
            |(released, texts, sha256, size, dirty)| {
                let text = |place: usize| texts[place].clone();
                let unless_empty = |place: usize| Some(text(place)).filter(|text| !text.is_empty());
                if released {
                    return ReceiptOrigin::Release {
                        repository: "acme/tool".parse().expect("a repository"),
                        tag: "v1.0.0".parse().expect("a tag"),
                        asset: ReceiptAsset { name: text(0), url: text(1), size, sha256, member: unless_empty(2) },
                    };
                }
                ReceiptOrigin::Build(BuildRecord {
                    source: text(0),
                    commit: unless_empty(1),
                    dirty,
                    source_version: unless_empty(2),
                    go_version: text(1),
                    reason: text(2),
                })
            },
        )
    }

    prop_compose! {
        fn receipt()(
            target in proptest::sample::select(Target::all().collect::<Vec<_>>()),
            sha256 in digest(),
            size in any::<u64>(),
            version in proptest::option::of("\\PC{0,12}"),
            verdict in proptest::sample::select(Level::ALL.to_vec()),
            evidence in proptest::collection::vec(evidence(), 0..4),
            origin in origin(),
            notes in proptest::collection::vec("\\PC{0,12}", 0..3),
        ) -> Receipt {
            Receipt {
                schema: SCHEMA.to_owned(),
                tool: "reproq-worker".to_owned(),
                target,
                sha256,
                size,
                version,
                verdict,
                evidence,
                attestations: Vec::new(),
                origin,
                notes,
                installer: "reproq-cli 0.1.0".to_owned(),
                installed_at: "2026-01-01T00:00:00Z".to_owned(),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(receipt in receipt()) {
            let mut document = serde_json::to_value(&receipt).expect("a receipt is serializable as JSON");
            prop_assert_eq!(&serde_json::from_value::<Receipt>(document.clone()).expect("read"), &receipt);
            // A later version of this program may add fields at any level.
            document["added-later"] = serde_json::json!([1]);
            document["origin"]["added-later"] = serde_json::json!({});
            prop_assert_eq!(&serde_json::from_value::<Receipt>(document).expect("read"), &receipt);
        }
    }
}
