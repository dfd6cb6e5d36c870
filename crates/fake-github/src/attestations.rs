//! The attestations of a repository, and its bundles as files of the asset host.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::spec::AssetState;
use crate::spec::BundleDelivery;
use crate::spec::Digest;
use crate::world::Asset;
use crate::world::Blob;
use crate::world::Repo;

/// One attestation about one digest. A bundle with several subjects is one attestation for each.
#[derive(Debug, Clone)]
pub(crate) struct Attestation {
    pub(crate) id: u64,
    /// `sha256:` and hexadecimal digits.
    pub(crate) digest: String,
    pub(crate) content: Content,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// The bundle's text.
    Bundle(String),
    /// A URL that the test provides.
    Elsewhere(String),
}

impl Attestation {
    /// Whether it is of a type the API's `predicate_type` names: `provenance`, `sbom`, `release` or a type itself.
    pub(crate) fn is_of(&self, wanted: &str) -> bool {
        let Some(found) = self.predicate_type() else { return false };
        match wanted {
            "provenance" => found.starts_with("https://slsa.dev/provenance/"),
            "sbom" => found.starts_with("https://spdx.dev/Document") || found.starts_with("https://cyclonedx.org/bom"),
            "release" => found.starts_with("https://in-toto.io/attestation/release/"),
            exact => found == exact,
        }
    }

    fn predicate_type(&self) -> Option<String> {
        let Content::Bundle(text) = &self.content else { return None };
        let bundle: Value = serde_json::from_str(text).ok()?;
        let payload = BASE64_STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str()?).ok()?;
        let statement: Value = serde_json::from_slice(&payload).ok()?;
        statement["predicateType"].as_str().map(str::to_owned)
    }
}

/// The bundle as the asset host has it.
pub(crate) fn as_file(repo: &Repo, id: u64, delivery: BundleDelivery) -> Option<Asset> {
    let attestation = repo.attestations.iter().find(|attestation| attestation.id == id)?;
    let Content::Bundle(text) = &attestation.content else { return None };
    let (bytes, content_type) = match delivery {
        BundleDelivery::Inline | BundleDelivery::Address => {
            let packed = snap::raw::Encoder::new().compress_vec(text.as_bytes()).expect("a bundle is below 4 GiB");
            (packed, "application/x-snappy")
        }
        BundleDelivery::PlainAddress => (text.clone().into_bytes(), "application/json"),
    };
    Some(Asset {
        id,
        name: format!("{id}.json.sn"),
        blob: Blob::new(bytes.into()),
        state: AssetState::Uploaded,
        digest: Digest::Missing,
        downloads: 0,
        stated_size: None,
        content_type: content_type.to_owned(),
        updated_at: "2024-01-01T00:00:00Z".to_owned(),
    })
}
