//! Attestations and trusted roots: what is taken out of a text is read the same alone, noise proves
//! nothing, and no bundle unpacks to more than a bundle.

use chrono::DateTime;
use reproq::internals::model::Sha256Digest;
use reproq::internals::sources::github::Packing;
use reproq::internals::sources::github::unpacked_bundle;
use reproq::internals::trust::attestation;
use reproq::internals::trust::attestation::AttestationRefusalReason;
use reproq::internals::trust::attestation::MAX_BUNDLE;
use reproq::internals::trust::attestation::MAX_BUNDLES;
use reproq::internals::trust::attestation::NotProven;
use reproq::internals::trust::attestation::Policy;
use reproq::internals::trust::attestation::Roots;

/// A file with bundles, or with trusted roots.
pub fn attestation(bytes: &[u8]) {
    if let Ok(bundles) = attestation::split(bytes) {
        assert!(bundles.len() <= MAX_BUNDLES);
        let policy = Policy::of_repository("nobody/nothing".parse().expect("a repository"));
        let digest = Sha256Digest::from_bytes([0; 32]);
        let now = DateTime::from_timestamp(1_795_000_000, 0).expect("a time");
        let roots = Roots::embedded();
        for bundle in &bundles {
            assert!(bundle.len() <= MAX_BUNDLE);
            let is_the_same = attestation::split(bundle.as_bytes()).is_ok_and(|alone| alone == [bundle.as_str()]);
            let outcome = attestation::verify(&[bundle.as_bytes()], digest, &policy, &roots, now);
            let is_malformed = matches!(&outcome, Err(NotProven::Refused(refusals))
                if matches!(refusals[0].reason, AttestationRefusalReason::Malformed { .. }));
            assert!(outcome.is_err() && (is_the_same || is_malformed), "{outcome:?}");
        }
        let texts: Vec<&[u8]> = bundles.iter().map(String::as_bytes).collect();
        assert!(attestation::verify(&texts, digest, &policy, &roots, now).is_err());
    }
    if let Ok(roots) = Roots::from_file("roots.json", bytes) {
        for root in roots.iter() {
            let alone = Roots::from_file("roots.json", root.text().as_bytes()).expect("it was one of several");
            assert_eq!(alone.iter().map(|root| root.sha256).collect::<Vec<_>>(), [root.sha256]);
        }
    }
}

/// A bundle as it lies at the address GitHub gives.
pub fn packed(bytes: &[u8]) {
    for packing in [Packing::Json, Packing::Snappy] {
        if let Ok(Some(text)) = unpacked_bundle(packing, bytes) {
            assert!(text.len() <= MAX_BUNDLE);
            assert_eq!(unpacked_bundle(Packing::Json, text.as_bytes()), Ok(Some(text)));
        }
    }
}
