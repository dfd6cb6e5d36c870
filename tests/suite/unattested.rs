//! A program built without the feature `attestation` cannot verify attestations, and never treats them as not required.

use std::fs;

use serde_json::json;

use crate::support::context::Context;
use crate::support::workers;

const SIGNER: &str = "\
[worker.signer]
verdict = \"attested\"
workflow = \"adpena/reproq-worker/.github/workflows/release.yml\"
issuer = \"https://token.actions.githubusercontent.com\"

[[worker.asset]]";

#[test]
fn a_lock_that_names_a_signer_is_refused() {
    let context = Context::released();
    context.succeed(&["lock"]);
    let lock = fs::read_to_string(context.lockfile()).expect("a lock");
    let lock = lock.replacen("version = 1", "version = 2", 1).replacen("[[worker.asset]]", SIGNER, 1);
    let lock = lock.replace("verdict = \"digest\"", "verdict = \"attested\"");
    fs::write(context.lockfile(), &lock).expect("written");
    for proofs in [false, true] {
        if proofs {
            let digest = workers::sha256(&workers::bytes("0.0.144"));
            context.repo().attest(&digest, json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}));
        }
        for command in [&["install"][..], &["install", "--locked"], &["lock"], &["bundle", "create", "-o", "b.tar"]] {
            let output = context.run(command);
            assert_eq!(output.code, 5, "{command:?}: {output:#?}");
            assert!(!context.binary().exists());
            assert_eq!(fs::read_to_string(context.lockfile()).expect("a lock"), lock);
        }
    }
    // The current signer is unknown, so a change cannot be accepted.
    let output = context.run(&["install", "--accept-signer-change"]);
    assert!(output.code == 5 && output.stderr.contains("a build of reproq with its default features"), "{output:#?}");
}

#[test]
fn a_signature_that_is_required_is_refused() {
    let context = Context::released();
    for level in ["attested", "released"] {
        let output = context.run(&["install", "--require", level]);
        assert_eq!(output.code, 5, "{output:#?}");
    }
    assert!(!context.binary().exists());
    let output = context.succeed(&["install"]);
    assert!(output.stdout.contains("not attested"), "{output:#?}");
}
