//! `which` runs continuously while versions replace each other: every result is consistent.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use fake_github::ReleaseSpec;
use reproq::internals::model::Sha256Digest;
use sha2::Digest;
use sha2::Sha256;

use crate::support::Context;
use crate::support::context::asset_name;
use crate::support::fault_table::Part;
use crate::support::fault_table::record_as;
use crate::support::workers;

/// The report of `which` for one version: label, digest, file size.
type Answer = (String, String, u64);

fn answer(context: &Context) -> Answer {
    let output = context.succeed(&["which", "--no-django", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("a document");
    let installed = &document["installed"];
    let text = |name: &str| installed[name].as_str().unwrap_or_else(|| panic!("{output:#?}")).to_owned();
    let candidates = document["candidates"].as_array().expect("a list");
    let used = candidates.iter().find(|candidate| candidate["verdict"] == "winner").expect("one that runs");
    (text("label"), text("sha256"), used["size"].as_u64().expect("a size"))
}

/// Three versions of different sizes: bytes after an executable do not affect it.
fn released() -> (Context, [(Vec<u8>, Answer); 3]) {
    let context = Context::new();
    let versions = ["0.0.144", "0.0.145", "0.0.146"].map(|version| {
        let mut bytes = workers::bytes(version);
        let more = if version == "0.0.144" { 0 } else { usize::from(version == "0.0.145") + 1 };
        bytes.extend(vec![0; more]);
        context.repo().add(ReleaseSpec::new(&format!("v{version}")).file(&asset_name(), bytes.clone()));
        let sha256 = Sha256Digest::from_bytes(Sha256::digest(&bytes).into()).to_string();
        let size = bytes.len() as u64;
        (bytes, (format!("v{version}"), sha256, size))
    });
    (context, versions)
}

#[test]
fn which_sees_the_old_world_or_the_new_one() {
    let (context, versions) = released();
    context.succeed(&["install", "--tag", "v0.0.146"]);
    let is_over = AtomicBool::new(false);
    let answers = std::thread::scope(|scope| {
        scope.spawn(|| {
            for (_, (tag, ..)) in versions.iter().cycle().take(36) {
                let output = context.run(&["install", "--tag", tag]);
                assert_eq!(output.code, 0, "{output:#?}");
            }
            is_over.store(true, Ordering::SeqCst);
        });
        let mut answers = 0;
        while !is_over.load(Ordering::SeqCst) {
            answers += 1;
            let answer = answer(&context);
            assert!(versions.iter().any(|(_, known)| *known == answer), "answer {answers}: {answer:?}");
            let found = fs::read(context.binary()).expect("always there");
            assert!(versions.iter().any(|(bytes, _)| *bytes == found), "answer {answers}: half a binary");
        }
        answers
    });
    assert!(answers > 10, "{answers} answers");
    let seen = "the old version or the new one; label, digest and size belong together";
    let left = "the old binary or the new one, whole at every moment";
    record_as(Part::Race, "`which` during installs", "0", seen, left);
}
