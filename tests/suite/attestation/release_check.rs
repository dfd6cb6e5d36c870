//! `release check` for the builder of assets: attestations next to them, at GitHub, of another kind, by another signer, and
//! none.

use std::fs;
use std::time::Duration;

use fake_github::BundleDelivery;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;
use fake_github::Request;
use fake_sigstore::Claims;
use fake_sigstore::How;
use fake_sigstore::Instance;
use fake_sigstore::provenance;
use fake_sigstore::released;
use serde_json::Value;
use serde_json::json;

use super::sha256;
use crate::support::Context;
use crate::support::releases::pruning;
use crate::support::releases::repo;

const NAMES: [&str; 3] = ["tool-linux", "tool-macos", "tool-windows.exe"];

/// A release with three assets, and an authority that can attest them.
struct Stage {
    context: Context,
    acme: Instance,
    release: u64,
}

impl Stage {
    fn new() -> Self {
        let context = pruning();
        let acme = Instance::new("acme", "acme authority");
        fs::write(context.project().join("root.json"), acme.root(true).to_string()).expect("written");
        let mut release = ReleaseSpec::new("v1.2.3").published_at("2026-03-01T12:00:00Z").immutable();
        let mut sums = String::new();
        for name in NAMES {
            release = release.file(name, name.as_bytes().to_vec());
            sums.push_str(&format!("{}  {name}\n", digest(name)));
        }
        let release = repo(&context).add(release.file("SHA256SUMS", sums.into_bytes()));
        Self { context, acme, release }
    }

    fn bundle(&self, claims: &Claims, statement: &Value) -> Value {
        self.acme.bundle(claims, statement, How::default())
    }

    /// One bundle about these assets.
    fn build(&self, names: &[&str]) -> Value {
        self.bundle(&Claims::build(), &about(provenance(names[0], &digest(names[0])), &names[1..]))
    }

    /// Publishes a bundle next to an asset.
    fn beside(&self, name: &str, text: impl Into<Vec<u8>>) {
        let file = fake_github::AssetSpec::new(&format!("{name}.sigstore.json"), text.into());
        repo(&self.context).add_asset(self.release, file);
    }

    /// Registers a bundle at GitHub for each of these assets.
    fn attest(&self, names: &[&str], bundle: &Value) {
        for name in names {
            repo(&self.context).attest(&digest(name), bundle.clone());
        }
    }

    fn arguments<'a>(&self, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["release", "check", "--tag", "v1.2.3", "--trusted-root", "root.json"];
        arguments.extend(NAMES.iter().flat_map(|name| ["--asset", name]));
        arguments.extend(more);
        arguments
    }

    fn shown(&self, more: &[&str]) -> String {
        self.context.shown(&self.arguments(more))
    }

    fn code(&self, more: &[&str]) -> i32 {
        self.context.run(&self.arguments(more)).code
    }

    /// The number of requests for attestations.
    fn asked(&self) -> Vec<Request> {
        self.context.github.requests_to(&Matcher::api().path("/attestations/"))
    }
}

fn digest(name: &str) -> String {
    sha256(name.as_bytes()).to_string()
}

/// The statement with these additional subjects.
fn about(mut statement: Value, names: &[&str]) -> Value {
    let subjects = statement["subject"].as_array_mut().expect("a list");
    subjects.extend(names.iter().map(|name| json!({"name": name, "digest": {"sha256": digest(name)}})));
    statement
}

#[test]
fn one_file_next_to_an_asset_covers_the_others() {
    let stage = Stage::new();
    stage.beside(NAMES[0], stage.build(&NAMES).to_string());
    insta::assert_snapshot!(stage.shown(&["--require-attested"]));
    insta::assert_snapshot!(stage.shown(&["--require-attested", "--json"]));
    assert!(stage.asked().is_empty(), "the files of the release are enough");
}

#[test]
fn github_is_requested_once_for_all_assets_of_a_bundle() {
    let stage = Stage::new();
    stage.attest(&NAMES, &stage.build(&NAMES));
    assert_eq!(stage.code(&["--require-attested"]), 0);
    assert_eq!(stage.asked().len(), 1);
    stage.context.github.clear_log();
    stage.context.github.bundle_delivery(BundleDelivery::Address);
    assert_eq!(stage.code(&["--require-attested"]), 0);
    assert_eq!((stage.asked().len(), stage.context.github.requests_to(&Matcher::objects()).len()), (1, 2));
}

#[test]
fn an_unattested_asset_is_reported_and_fails_if_required() {
    let stage = Stage::new();
    insta::assert_snapshot!(stage.shown(&[]));
    insta::assert_snapshot!(stage.shown(&["--require-attested"]));
    stage.attest(&NAMES[..1], &stage.build(&NAMES[..1]));
    insta::assert_snapshot!(stage.shown(&["--require-attested"]));
}

#[test]
fn released_is_weaker_than_built() {
    let stage = Stage::new();
    let statement = about(released(NAMES[0], &digest(NAMES[0])), &NAMES[1..]);
    stage.attest(&NAMES, &stage.bundle(&Claims::release(), &statement));
    insta::assert_snapshot!(stage.shown(&[]));
    assert_eq!(stage.code(&["--require-attested"]), 1);
    stage.attest(&NAMES, &stage.build(&NAMES));
    assert_eq!(stage.code(&["--require-attested"]), 0);
}

#[test]
fn an_sbom_does_not_attest_the_build() {
    let stage = Stage::new();
    let mut statement = provenance(NAMES[0], &digest(NAMES[0]));
    statement["predicateType"] = json!("https://cyclonedx.org/bom");
    stage.attest(&NAMES[..1], &stage.bundle(&Claims::build(), &statement));
    let output = stage.context.run(&stage.arguments(&[]));
    assert_eq!(output.code, 0, "{output:#?}");
    assert!(
        output.stdout.contains("tool-linux: signed by acme/tool/.github/workflows/release.yml; no build provenance"),
        "{output:#?}"
    );
}

#[test]
fn an_attestation_that_does_not_match_is_always_a_failure() {
    let stage = Stage::new();
    let foreign = "https://github.com/org/shared/.github/workflows/build.yml@refs/tags/v3";
    let statement = about(provenance(NAMES[0], &digest(NAMES[0])), &NAMES[1..]);
    stage.attest(&NAMES, &stage.bundle(&Claims::build().signed_by(foreign), &statement));
    insta::assert_snapshot!(stage.shown(&[]));
    assert_eq!(stage.code(&["--workflow", "org/shared/.github/workflows/build.yml", "--require-attested"]), 0);
    assert_eq!(stage.code(&["--workflow", "no workflow"]), 2);
    for wrong in ["<html>".to_owned(), stage.build(&NAMES[1..]).to_string()] {
        stage.beside(NAMES[0], wrong);
        let output = stage.context.run(&stage.arguments(&[]));
        assert_eq!(output.code, 1, "{output:#?}");
        assert!(output.stdout.contains("tool-linux: attestation verification failed: "), "{output:#?}");
    }
    // With the embedded keys, nothing here is genuine.
    let mut arguments = stage.arguments(&[]);
    arguments.retain(|argument| !["--trusted-root", "root.json"].contains(argument));
    assert_eq!(stage.context.run(&arguments).code, 1);
}

#[test]
fn a_failed_request_is_neither_verified_nor_absent() {
    let stage = Stage::new();
    let limit = Fault::RateLimitPrimary { reset_in: Duration::from_secs(3600) };
    stage.context.github.fault(Matcher::api().path("/attestations/").always(), limit);
    let output = stage.context.run(&stage.arguments(&[]));
    assert_eq!(output.code, 0, "{output:#?}");
    assert!(
        output
            .stdout
            .contains("note  attested          all 3 assets: attestations could not be queried: GitHub rate limit"),
        "{output:#?}"
    );
    assert_eq!(stage.asked().len(), 1, "a server that limits requests is not queried again");
    assert_eq!(stage.code(&["--require-attested"]), 6);
    assert_eq!(stage.code(&["--require-attested", "--asset", "missing"]), 1);
    stage.context.github.clear_faults();
    stage.beside(NAMES[0], "half");
    stage.context.github.fault(Matcher::web().path(".sigstore.json").always(), Fault::status(410));
    let output = stage.context.run(&stage.arguments(&["--require-attested"]));
    assert!(output.stdout.contains("tool-linux: attestations could not be queried: "), "{output:#?}");
}

#[test]
fn a_release_that_install_refuses_does_not_pass() {
    let stage = Stage::new();
    let statement = about(provenance(NAMES[0], &digest(NAMES[0])), &NAMES[1..]);
    stage.attest(&NAMES, &stage.bundle(&Claims::build().with(14, "refs/heads/main"), &statement));
    let output = stage.context.run(&stage.arguments(&[]));
    assert_eq!(output.code, 1, "{output:#?}");
    assert!(output.stdout.contains("refs/heads/main"), "{output:#?}");
    // What the settings allow for an install is accepted here as well.
    fs::write(stage.context.project().join("pyproject.toml"), "[tool.reproq]\nallow-branch = true\n").expect("written");
    assert_eq!(stage.code(&["--require-attested"]), 0);
}

#[test]
fn a_full_page_without_the_attestation_is_not_final() {
    let stage = Stage::new();
    let mut statement = provenance(NAMES[0], &digest(NAMES[0]));
    statement["predicateType"] = json!("https://cyclonedx.org/bom");
    let inside = stage.bundle(&Claims::build(), &statement);
    for _ in 0..=100 {
        repo(&stage.context).attest(&digest(NAMES[0]), inside.clone());
    }
    let output = stage.context.run(&stage.arguments(&[]));
    assert!(
        output.stdout.contains("tool-linux: attestations could not be queried: it has more than 100"),
        "{output:#?}"
    );
    assert_eq!(output.code, 0, "{output:#?}");
    assert_ne!(stage.code(&["--require-attested"]), 0);
}
