//! A dry run shows the same resolution that the install uses: in every case both report the same source, size, verdict, signer
//! and lockfile, or fail alike.

use std::fs;

use fake_github::AssetSpec;
use fake_github::BudgetSpec;
use fake_github::Digest;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;
use serde_json::Value;
use sha2::Digest as _;

#[cfg(feature = "attestation")]
use crate::attested;
use crate::mirror;
use crate::support::Context;
use crate::support::Output;
use crate::support::context::asset_name;
use crate::support::samples;
use crate::support::workers;

/// Runs the dry run, then the installation, and compares what they report.
fn agree(scene: &str, context: &Context, arguments: &[&str]) {
    let before = fs::read(context.lockfile()).ok();
    let dry = context.run(&[&["install", "--json", "--dry-run"], arguments].concat());
    assert_eq!(fs::read(context.lockfile()).ok(), before, "{scene}: a dry run writes nothing");
    context.github.clear_log();
    let real = context.run(&[&["install", "--json"], arguments].concat());
    assert_eq!(dry.code, real.code, "{scene}: {dry:#?} {real:#?}");
    let (planned, done) = (document(&dry), document(&real));
    if real.code != 0 {
        assert_eq!(planned["status"], done["status"], "{scene}");
        assert_eq!(planned["error"], done["error"], "{scene}");
        assert_eq!(planned["causes"], done["causes"], "{scene}");
        return;
    }
    match planned["would"].as_str().expect("what it would do") {
        "nothing" => assert_eq!(done["change"], "unchanged", "{scene}: {done:#}"),
        "build" => assert_eq!(done["receipt"]["verdict"], "built", "{scene}: {done:#}"),
        "download" => {
            let asset = &done["receipt"]["origin"]["asset"];
            assert_eq!(planned["url"], asset["url"], "{scene}: the source");
            assert_eq!(planned["asset"], asset["name"], "{scene}: the asset");
            if !planned["size"].is_null() {
                assert_eq!(planned["size"], asset["size"], "{scene}: the size");
            }
            // A mirror in a directory is read without a request.
            if planned["url"].as_str().is_some_and(|url| url.starts_with("http")) {
                let downloads = context.github.requests_to(&Matcher::any().path(&format!("/{}", asset_name())));
                let fetched =
                    downloads.iter().any(|request| request.path.ends_with(planned["asset"].as_str().unwrap_or("?")));
                assert_eq!(planned["cached"], !fetched, "{scene}: whether the bytes are in the cache");
            }
            assert_eq!(planned["tag"], done["receipt"]["origin"]["tag"], "{scene}: the release");
            assert_eq!(planned["verdict"], done["receipt"]["verdict"], "{scene}: the verdict");
            let locks = fs::read(context.lockfile()).ok() != before;
            assert_eq!(planned["locks"], locks, "{scene}: the lockfile");
            let signer = fs::read_to_string(context.lockfile()).unwrap_or_default();
            match planned["signer"].as_str() {
                Some(workflow) => assert!(signer.contains(workflow), "{scene}: {workflow} is not in {signer}"),
                None if locks => assert!(!signer.contains("[signer]"), "{scene}: {signer}"),
                None => {}
            }
        }
        other => panic!("{scene}: {other} is none of the answers"),
    }
}

fn document(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:#?}"))
}

fn sha256(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A release whose asset has this digest in the API, and other files beside it.
fn published(digest: Digest, files: &[(&str, String)]) -> Context {
    let context = Context::new();
    let asset = AssetSpec::new(&asset_name(), workers::bytes("0.0.144")).digest(digest);
    let release = files.iter().fold(ReleaseSpec::new("v0.0.144").asset(asset), |release, (name, text)| {
        release.file(name, text.clone().into_bytes())
    });
    context.repo().add(release);
    context
}

#[test]
fn dry_run_agrees_about_published_evidence() {
    let worker = sha256(&workers::bytes("0.0.144"));
    let right = format!("{worker}  {}\n", asset_name());
    let wrong = format!("{}  {}\n", "b".repeat(64), asset_name());
    agree("a digest", &published(Digest::Right, &[]), &[]);
    agree("a checksum file", &published(Digest::Absent, &[("SHA256SUMS", right.clone())]), &[]);
    agree(
        "a checksum file of the asset",
        &published(Digest::Absent, &[(&format!("{}.sha256", asset_name()), worker)]),
        &[],
    );
    agree("both", &published(Digest::Right, &[("SHA256SUMS", right)]), &[]);
    agree("statements that contradict each other", &published(Digest::Right, &[("SHA256SUMS", wrong)]), &[]);
    agree("nothing", &published(Digest::Absent, &[]), &[]);
    agree("nothing, and that is accepted", &published(Digest::Absent, &[]), &["--allow-unverified"]);
    agree("less than required", &published(Digest::Right, &[]), &["--require", "attested"]);
    agree("no such release", &published(Digest::Right, &[]), &["--tag", "v9.9.9"]);
}

#[test]
fn dry_run_agrees_about_what_is_installed() {
    let context = Context::released();
    agree("installed", &context, &[]);
    agree("nothing to do", &context, &[]);
    fs::write(context.binary(), "changed").expect("written");
    agree("a repair from the cache", &context, &[]);
    agree("forced, from the cache", &context, &["--force"]);
    context.release("v0.0.145");
    agree("the newest", &context, &["--tag", "latest"]);
    agree("an older one", &context, &["--tag", "v0.0.144"]);
    context.forget_lock();
    agree("locked again", &context, &["--force"]);

    // Only the checksum file says which bytes the cache has to have.
    let sums = format!("{}  {}\n", sha256(&workers::bytes("0.0.144")), asset_name());
    let context = published(Digest::Absent, &[("SHA256SUMS", sums)]);
    agree("installed by a checksum file", &context, &[]);
    context.forget_lock();
    agree("again, from the cache", &context, &["--force"]);
}

#[test]
fn dry_run_agrees_about_a_pin() {
    let mut context = Context::released();
    context.without_cache();
    context.succeed(&["lock"]);
    context.github.clear_log();
    agree("pinned", &context, &[]);
    fs::remove_file(context.binary()).expect("removed");
    agree("locked", &context, &["--locked"]);
    agree("pinned, and more is required", &context, &["--force", "--require", "attested"]);
}

/// Neither requests what the lockfile already names: that a source has other bytes is detected when they arrive.
#[test]
fn other_bytes_than_the_locked_ones_are_detected_when_they_arrive() {
    let mut context = Context::released();
    context.without_cache();
    context.succeed(&["lock"]);
    let lock = fs::read_to_string(context.lockfile()).expect("a lock");
    let worker = sha256(&workers::bytes("0.0.144"));
    fs::write(context.lockfile(), lock.replace(&worker, &"c".repeat(64))).expect("written");
    context.github.clear_log();
    let dry = document(&context.run(&["install", "--json", "--dry-run"]));
    assert_eq!(dry["verdict"], "pinned");
    assert!(context.github.requests().is_empty(), "a dry run of a locked installation makes no request");
    assert_eq!(context.run(&["install"]).code, 5);
    assert!(!context.binary().exists());
}

#[cfg(feature = "attestation")]
#[test]
fn dry_run_agrees_about_attestations() {
    let world = attested::attested_project();
    agree("attested", &world, &[]);
    agree("pinned and attested", &world, &["--force", "--require", "attested"]);
}

#[test]
fn dry_run_agrees_about_mirrors() {
    let (context, root) = mirror::mirrored();
    agree("a mirror", &context, &["--mirror", "../../mirror"]);
    context.forget_lock();
    context.succeed(&["cache", "clean"]);
    agree(
        "a mirror that is not there, then GitHub",
        &context,
        &["--force", "--mirror", "nowhere", "--mirror", "github"],
    );
    context.succeed(&["cache", "clean"]);
    let asset = root.join("adpena/reproq-worker/releases/download/v0.0.145").join(asset_name());
    fs::remove_file(asset).expect("removed");
    agree(
        "locked, and the mirror lacks the file",
        &context,
        &["--force", "--mirror", "../../mirror", "--mirror", "github"],
    );
    context.succeed(&["cache", "clean"]);
    agree("locked, and no mirror has it", &context, &["--force", "--mirror", "../../mirror"]);
}

/// While the API limits requests, only the names of assets are known.
#[test]
fn dry_run_agrees_about_names_alone() {
    let worker = workers::bytes("0.0.144");
    let sums = |name: &str, bytes: &[u8]| format!("{}  {name}\n", sha256(bytes)).into_bytes();
    let context = Context::new();
    let release = ReleaseSpec::new("v0.0.144").file("SHA256SUMS", sums(&asset_name(), &worker));
    context.repo().add(release.file(&asset_name(), worker.clone()));
    context.github.rest_budget(BudgetSpec::remaining(0));
    agree("the pages instead of the API", &context, &[]);

    let context = Context::new();
    let packed = samples::tar_gz("reproq", &worker);
    let name = format!("{}.tar.gz", asset_name());
    let release = ReleaseSpec::new("v0.0.144").file("SHA256SUMS", sums(&name, &packed));
    context.repo().add(release.file(&name, packed));
    context.github.rest_budget(BudgetSpec::remaining(0));
    agree("the pages, and an archive", &context, &[]);
}

#[test]
fn dry_run_agrees_about_faults() {
    for (fault, status) in [("limited", 429), ("out of order", 503), ("forbidden", 403)] {
        let context = Context::released();
        context.github.fault(Matcher::api().always(), Fault::status(status));
        agree(fault, &context, &[]);
    }
    let context = Context::released();
    context.github.fault(Matcher::any().path("/SHA256SUMS").always(), Fault::status(500));
    agree("no checksum file is listed, so that none is requested", &context, &[]);
    let mut context = Context::released();
    context.with_go().sibling_checkout();
    agree("a build instead", &context, &["--offline"]);
    agree("a build that is asked for", &context, &["--build", "--force"]);
}
