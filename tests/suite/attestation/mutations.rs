//! Thousands of altered copies of real attestations: none crashes the program, and those still accepted give the same result.

use std::env;
use std::fs;

use fastrand::Rng;
use reproq::internals::model::Sha256Digest;
use reproq::internals::trust::attestation;
use reproq::internals::trust::attestation::Policy;
use reproq::internals::trust::attestation::Roots;
use reproq::internals::trust::attestation::SigningTime;
use reproq::internals::trust::attestation::VerifiedAttestation;
use serde_json::Value;

use super::real::REAL;
use super::shared;

/// The number of random changes per attestation; `REPROQ_TEST_MUTATIONS` overrides it.
const MUTATIONS: usize = 1000;

#[test]
fn no_change_to_a_real_attestation_changes_its_result() {
    let Some(directory) = shared("real") else { return };
    let count = env::var("REPROQ_TEST_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(MUTATIONS);
    let roots = Roots::embedded();
    for real in REAL {
        let text = fs::read_to_string(directory.join(real.bundle)).expect("text");
        let (digest, policy) = (real.digest(&directory), real.policy());
        let verify = |text: &[u8]| proof(text, digest, &policy, &roots);
        let original = verify(text.as_bytes()).expect("the original is proven");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let structural = without_each_part(&document);
        let mut random = Rng::with_seed(0x5157);
        let changed = (0..count).map(|_| flipped(text.as_bytes(), &mut random));
        let all = structural.iter().map(|value| value.to_string().into_bytes()).chain(changed);
        let (mut accepted, mut total) = (0, 0);
        for mutant in all {
            total += 1;
            if let Some(proof) = verify(&mutant) {
                accepted += 1;
                assert_eq!(proof, expected(&original, &proof), "{}", String::from_utf8_lossy(&mutant));
            }
        }
        eprintln!(
            "mutations of {}: {total}, of them {} by leaving out a part; {accepted} accepted, each with the same proof",
            real.bundle,
            structural.len()
        );
    }
}

fn proof(text: &[u8], digest: Sha256Digest, policy: &Policy, roots: &Roots) -> Option<VerifiedAttestation> {
    let now = "2026-11-23T00:00:00Z".parse().expect("a time");
    attestation::verify(&[text], digest, policy, roots, now).ok().map(|mut proven| proven.proofs.remove(0))
}

/// The original. One of two verified times may be omitted; the other must then be within the certificate's ten minutes.
fn expected(original: &VerifiedAttestation, found: &VerifiedAttestation) -> VerifiedAttestation {
    let mut expected = original.clone();
    if original.time == Some(SigningTime::LogAndTimestampAuthority) && found.time != original.time {
        let (first, then) = (original.signed_at.expect("a time"), found.signed_at.expect("a time"));
        assert!((then - first).num_minutes() < 10, "{found:?}");
        (expected.time, expected.signed_at) = (found.time, found.signed_at);
    }
    expected
}

/// Changes one to four bytes.
fn flipped(text: &[u8], random: &mut Rng) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for _ in 0..random.usize(1..=4) {
        let place = random.usize(..bytes.len());
        bytes[place] = if random.bool() { random.u8(b' '..=b'~') } else { bytes[place] ^ (1 << random.u8(..8)) };
    }
    bytes
}

/// The document without each of its parts, one at a time.
fn without_each_part(document: &Value) -> Vec<Value> {
    let mut places = Vec::new();
    collect(document, &mut String::new(), &mut places);
    let without = |place: &String| {
        let mut document = document.clone();
        let (parent, name) = place.rsplit_once('/').expect("a part has a parent");
        match document.pointer_mut(parent).expect("there") {
            Value::Object(fields) => drop(fields.remove(name)),
            Value::Array(items) => drop(items.remove(name.parse().expect("an index"))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => unreachable!("these have no parts"),
        }
        document
    };
    places.iter().map(without).collect()
}

fn collect(value: &Value, place: &mut String, places: &mut Vec<String>) {
    let mut part = |name: &str, value: &Value| {
        let length = place.len();
        place.push('/');
        place.push_str(name);
        places.push(place.clone());
        collect(value, place, places);
        place.truncate(length);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| part(name, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| part(&index.to_string(), value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
