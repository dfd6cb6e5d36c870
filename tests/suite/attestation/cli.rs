//! `verify FILE` and `trust show` as users see them: reports, errors with hints, usage, missing files.

use std::fs;

use fake_sigstore::Claims;
use fake_sigstore::How;
use fake_sigstore::Instance;
use fake_sigstore::provenance;
use fake_sigstore::released;
use serde_json::Value;

use super::sha256;
use crate::support::Context;

/// A project with a file, its attestations and the trusted root of their signer.
fn project() -> Context {
    let context = Context::new();
    let acme = Instance::new("acme", "acme authority");
    let digest = sha256(b"the tool").to_string();
    let write = |name: &str, text: &[u8]| fs::write(context.project().join(name), text).expect("written");
    let bundle = |claims: Claims, statement: Value| acme.bundle(&claims, &statement, How::default()).to_string();
    write("tool", b"the tool");
    write("root.json", acme.root(true).to_string().as_bytes());
    let build = bundle(Claims::build(), provenance("tool", &digest));
    let branch = bundle(Claims::build().with(14, "refs/heads/main"), provenance("tool", &digest));
    let release = bundle(Claims::release(), released("tool", &digest));
    let foreign = "https://github.com/org/shared/.github/workflows/build.yml@refs/tags/v3";
    let shared = bundle(Claims::build().signed_by(foreign), provenance("tool", &digest));
    write("build.json", build.as_bytes());
    write("branch.json", branch.as_bytes());
    write("release.json", release.as_bytes());
    write("shared.json", shared.as_bytes());
    write("both.jsonl", format!("{build}\n{release}\n").as_bytes());
    write("answer.json", format!(r#"{{"attestations":[{{"bundle":{build},"repository_id":7}}]}}"#).as_bytes());
    write("none.json", br#"{"attestations":[]}"#);
    write("pretty.json", build.replace(',', ",\n").as_bytes());
    write("garbage.json", b"<html>");
    context
}

fn arguments<'a>(bundle: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = ["verify", "tool", "--bundle", bundle, "--repo", "acme/tool", "--trusted-root", "root.json"];
    [&fixed, more].concat()
}

#[test]
fn an_attestation_is_described() {
    let context = project();
    let before = context.inventory();
    insta::assert_snapshot!("build", context.shown(&arguments("build.json", &["--tag", "v1.2.3"])));
    insta::assert_snapshot!("build_json", context.shown(&arguments("build.json", &["--json"])));
    insta::assert_snapshot!("branch", context.shown(&arguments("branch.json", &["--tag", "v1.2.3"])));
    insta::assert_snapshot!("release", context.shown(&arguments("release.json", &["--kind", "release"])));
    let quiet = context.run(&arguments("build.json", &["-q"]));
    assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (0, "", ""));
    assert_eq!(context.inventory(), before, "nothing is written");
    assert!(context.github.requests().is_empty(), "no request is made");
}

#[test]
fn a_refusal_shows_expected_and_found() {
    let context = project();
    insta::assert_snapshot!("foreign_workflow", context.redact(&context.run(&arguments("shared.json", &[]))));
    insta::assert_snapshot!(
        "foreign_workflow_json",
        context.redact(&context.run(&arguments("shared.json", &["--json"])))
    );
    let several = ["--bundle", "release.json", "--kind", "build", "--repo-id", "8"];
    insta::assert_snapshot!("several", context.redact(&context.run(&arguments("shared.json", &several))));
    let embedded = ["verify", "tool", "--bundle", "build.json", "--repo", "acme/tool"];
    insta::assert_snapshot!("embedded_roots", context.redact(&context.run(&embedded)));
    fs::write(context.project().join("tool"), b"another tool").expect("written");
    insta::assert_snapshot!("other_bytes", context.redact(&context.run(&arguments("build.json", &[]))));
}

#[test]
fn every_form_of_a_bundle_is_read() {
    let context = project();
    for bundle in ["build.json", "pretty.json", "both.jsonl", "answer.json"] {
        context.succeed(&arguments(bundle, &["--kind", "build"]));
    }
    let by_digest = format!("sha256:{}", sha256(b"the tool"));
    context.succeed(&[
        "verify",
        &by_digest,
        "--bundle",
        "build.json",
        "--repo",
        "acme/tool",
        "--trusted-root",
        "root.json",
    ]);
    let both = context.succeed(&arguments("both.jsonl", &["--json"]));
    let report: Value = serde_json::from_str(&both.stdout).expect("a report");
    assert_eq!(report["attestations"].as_array().map(Vec::len), Some(2));
    assert_eq!(context.run(&arguments("none.json", &[])).code, 5);
    assert_eq!(context.run(&arguments("garbage.json", &[])).code, 5);
    // An attestation that does not match does not affect one that does.
    context.succeed(&arguments("build.json", &["--bundle", "shared.json"]));
}

#[test]
fn missing_or_mistyped_arguments_have_their_exit_codes() {
    let context = project();
    let code = |arguments: &[&str]| context.run(arguments).code;
    assert_eq!(code(&["verify", "nothing", "--bundle", "build.json", "--repo", "acme/tool"]), 4);
    assert_eq!(code(&["verify", "tool", "--bundle", "nothing.json", "--repo", "acme/tool"]), 4);
    assert_eq!(code(&arguments("build.json", &["--trusted-root", "nothing.json"])), 4);
    assert_eq!(code(&["verify", "tool", "--bundle", "build.json", "--key", "nothing.pem"]), 4);
    assert_eq!(code(&arguments("build.json", &["--trusted-root", "build.json"])), 5);
    for mistyped in [
        &["verify", "tool", "--repo", "acme/tool"][..],
        &["verify", "--bundle", "build.json"],
        &["verify", "tool", "--bundle", "build.json"],
        &["verify", "tool", "--bundle", "build.json", "--repo", "acme"],
        &["verify", "tool", "--bundle", "build.json", "--certificate-identity", "x"],
        &["verify", "tool", "--bundle", "build.json", "--key", "build.json"],
        &["verify", "sha256:12", "--bundle", "build.json", "--repo", "acme/tool"],
        &["verify", "tool", "--bundle", "build.json", "--repo", "acme/tool", "--online"],
        &["verify", "--kind", "build"],
    ] {
        assert_eq!(code(mistyped), 2, "{mistyped:?}");
    }
    assert_eq!(code(&arguments("build.json", &["--workflow", "release.yml"])), 2);
    assert_eq!(code(&arguments("build.json", &["--require-tag-ref"])), 2);
    insta::assert_snapshot!("nobody", context.shown(&["verify", "tool", "--bundle", "build.json"]));
}

#[test]
fn the_trusted_roots_are_shown() {
    let context = Context::new();
    insta::assert_snapshot!("trust", context.redact(&context.run(&["trust", "show"])));
    let json = context.succeed(&["trust", "show", "--json"]);
    let report: Value = serde_json::from_str(&json.stdout).expect("a report");
    assert_eq!(report["schema"], "reproq.trust/1");
    assert_eq!(report["roots"][1]["instance"], "github");
    assert_eq!(report["roots"][0]["source"]["on"], "2026-10-23");
}
