//! A program built without the feature `attestation` can prove no signature, and never takes that for none being needed.

use std::fs;

use serde_json::json;

use crate::support::context::Context;

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
    fs::write(context.lockfile(), &lock).expect("written");
    let repo = context.repo();
    let asset = repo.snapshot().releases[0].assets[0].name.clone();
    for proofs in [false, true] {
        if proofs {
            let digest = crate::support::workers::sha256(&crate::support::workers::bytes("0.0.145"));
            repo.attest(&digest, json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}));
        }
        for command in [&["install"][..], &["install", "--locked"], &["lock"], &["bundle", "create", "-o", "b.tar"]] {
            let output = context.run(command);
            assert_eq!(output.code, 5, "{command:?} for {asset}: {output:#?}");
            assert!(!context.binary().exists());
            assert_eq!(fs::read_to_string(context.lockfile()).expect("a lock"), lock);
        }
    }
    // Who says that the signer no longer matters gets what the digests prove.
    context.succeed(&["install", "--accept-signer-change"]);
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
    assert!(output.stdout.contains("not proven"), "{output:#?}");
}
