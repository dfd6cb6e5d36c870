//! Attestations: by digest, in pages, by kind, inline or by URL.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fake_github::BudgetSpec;
use fake_github::BundleDelivery;
use fake_github::FakeGitHub;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::NoAttestations;
use fake_github::Setup;
use serde_json::Value;
use serde_json::json;

use crate::REPO;
use crate::client::get;
use crate::client::get_with;
use crate::fill;
use crate::rest;
use crate::three_releases;

const HEX: &str = "2679f8be8a0319edb71b510dd207fbc9050f2327c22bfecd2e2d9eb96e1c6ee8";

fn bundle(predicate_type: &str) -> Value {
    let statement = json!({ "_type": "https://in-toto.io/Statement/v1", "predicateType": predicate_type });
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": { "certificate": {} },
        "dsseEnvelope": { "payload": BASE64_STANDARD.encode(statement.to_string()), "signatures": [] },
    })
}

fn path(query: &str) -> String {
    format!("/attestations/sha256:{HEX}{query}")
}

fn entries(github: &FakeGitHub, query: &str) -> Vec<Value> {
    let answer = get(&rest(github, &path(query))).json();
    answer["attestations"].as_array().expect("a list").clone()
}

#[test]
fn bundles_come_by_digest_as_they_were_given() {
    let github = three_releases();
    let repo = github.repo(REPO);
    let text = r#"{"b" : 1,   "a": "\u0041"}"#;
    repo.attest(&HEX.to_uppercase(), bundle("https://slsa.dev/provenance/v1")).attest_text(HEX, text);
    let answer = get(&rest(&github, &path("?per_page=100")));
    assert_eq!((answer.status, answer.text().contains(text)), (200, true));
    let entries = entries(&github, "");
    assert_eq!(entries.len(), 2);
    assert_eq!((&entries[0]["repository_id"], &entries[0]["initiator"]), (&json!(repo.id()), &json!("user")));
    assert_eq!(entries[1]["bundle"], bundle("https://slsa.dev/provenance/v1"));
    let encoded = get(&rest(&github, &format!("/attestations/sha256%3A{HEX}")));
    assert_eq!(encoded.status, 200);
    assert_eq!(get(&rest(&github, &path("").replace("2679", "2670"))).status, 404);
    repo.forget_attestations();
    let none = get(&rest(&github, &path("")));
    assert_eq!((none.status, &none.json()["message"]), (404, &json!("Not Found")));
    github.no_attestations(NoAttestations::EmptyList);
    assert_eq!(get(&rest(&github, &path(""))).text(), r#"{"attestations":[]}"#);
}

#[test]
fn kinds_and_pages_narrow_the_list() {
    let github = three_releases();
    let repo = github.repo(REPO);
    for kind in [
        "https://slsa.dev/provenance/v1",
        "https://cyclonedx.org/bom",
        "https://in-toto.io/attestation/release/v0.2",
        "https://acme.org/test",
    ] {
        repo.attest(HEX, bundle(kind));
    }
    for kind in ["provenance", "sbom", "release", "https://acme.org/test"] {
        assert_eq!(entries(&github, &format!("?predicate_type={kind}")).len(), 1, "{kind}");
    }
    assert_eq!(get(&rest(&github, &path("?predicate_type=other"))).status, 404);
    let first = get(&rest(&github, &path("?per_page=3")));
    assert_eq!(first.json()["attestations"].as_array().map(Vec::len), Some(3));
    let link = first.header("Link").expect("a second page").to_owned();
    let next = link.trim_start_matches('<').split('>').next().expect("an address");
    let second = get(next);
    let rest = second.json()["attestations"].as_array().expect("a list").clone();
    assert_eq!((rest.len(), second.header("Link")), (1, None));
    assert_eq!(rest[0]["bundle"], bundle("https://slsa.dev/provenance/v1"));
}

#[test]
fn by_url_only_the_asset_host_returns_the_bundle() {
    let github = FakeGitHub::start_with(Setup { objects_on_localhost: true, ..Setup::default() });
    fill(&github);
    let repo = github.repo(REPO);
    let bundle = bundle("https://slsa.dev/provenance/v1");
    repo.attest(HEX, bundle.clone());
    for delivery in [BundleDelivery::Address, BundleDelivery::PlainAddress] {
        github.bundle_delivery(delivery);
        let entry = entries(&github, "")[0].clone();
        assert_eq!(entry.get("bundle"), None);
        let url = entry["bundle_url"].as_str().expect("an address").to_owned();
        assert!(url.starts_with(&format!("{}/attestations/", github.objects_url())), "{url}");
        assert_eq!(get_with(&url, &[("Authorization", "Bearer reader")]).status, 400);
        let file = get(&url);
        let text = if delivery == BundleDelivery::Address {
            assert_eq!(file.header("Content-Type"), Some("application/x-snappy"));
            snap::raw::Decoder::new().decompress_vec(&file.body).expect("Snappy")
        } else {
            assert_eq!(file.header("Content-Type"), Some("application/json"));
            file.body
        };
        assert_eq!(serde_json::from_slice::<Value>(&text).expect("JSON"), bundle);
        github.fault(Matcher::objects(), Fault::ChangedBytes(b"other".as_slice().into()));
        assert_eq!(get(&url).text(), "other");
        repo.forget_attestations();
        assert_eq!(get(&url).status, 404);
        repo.attest(HEX, bundle.clone());
    }
    repo.forget_attestations().attest_at(HEX, "http://elsewhere.test/b");
    assert_eq!(entries(&github, "")[0]["bundle_url"], "http://elsewhere.test/b");
}

#[test]
fn who_may_read_the_repository_may_read_its_attestations() {
    let github = three_releases();
    let repo = github.repo(REPO);
    repo.attest(HEX, bundle("x")).private();
    let url = rest(&github, &path(""));
    assert_eq!(get(&url).status, 404);
    assert_eq!(get_with(&url, &[("Authorization", "Bearer reader")]).status, 200);
    github.rest_budget(BudgetSpec::remaining(1));
    assert_eq!(get_with(&url, &[("Authorization", "Bearer reader")]).header("x-ratelimit-remaining"), Some("0"));
    assert_eq!(get_with(&url, &[("Authorization", "Bearer reader")]).status, 403);
}

#[test]
fn numbers_and_names_of_a_repository_change_and_its_attestations_stay() {
    let github = three_releases();
    let repo = github.repo(REPO);
    repo.attest(HEX, bundle("x")).renumber(7_000, 8_000).rename("adpena/worker");
    assert_eq!((repo.id(), repo.owner_id()), (7_000, 8_000));
    let moved = get(&rest(&github, &path("?per_page=100")));
    let target = format!("{}/repositories/7000{}", github.api_url(), path("?per_page=100"));
    assert_eq!((moved.status, moved.location()), (301, target.as_str()));
    assert_eq!(get(moved.location()).json()["attestations"][0]["repository_id"], 7_000);
    let shown = get(&format!("{}/repos/adpena/worker", github.api_url())).json();
    assert_eq!((&shown["id"], &shown["owner"]["id"]), (&json!(7_000), &json!(8_000)));
}
