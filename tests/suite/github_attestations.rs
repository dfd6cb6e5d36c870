//! Requests for attestations to GitHub: found, not found, and every kind of failure.

use fake_github::BudgetSpec;
use fake_github::BundleDelivery;
use fake_github::Cut;
use fake_github::FakeGitHub;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::NoAttestations;
use fake_github::Origin;
use fake_github::RetryAfter;
use fake_github::Setup;
use fake_github::TokenKind;
use reproq::internals::config::Provenance;
use reproq::internals::config::Server;
use reproq::internals::config::Setting;
use reproq::internals::config::Token;
use reproq::internals::io::net::Http;
use reproq::internals::io::net::HttpOptions;
use reproq::internals::io::net::NetError;
use reproq::internals::model::Sha256Digest;
use reproq::internals::model::progress::NoProgress;
use reproq::internals::model::secret::Secret;
use reproq::internals::sources::github::ApiError;
use reproq::internals::sources::github::Attestations;
use reproq::internals::sources::github::GitHub;
use std::time::Duration;

const REPO: &str = "acme/tool";
const TOKEN: &str = "ghp_readtoken";

/// Formatted as no library would write it, to test that its bytes are kept.
const BUNDLE: &str = r#"{"mediaType" : "x",  "b": "\u0041", "a": [1.50]}"#;

fn digest() -> Sha256Digest {
    Sha256Digest::from_bytes([7; 32])
}

fn stage() -> FakeGitHub {
    let github = FakeGitHub::start_with(Setup { objects_on_localhost: true, ..Setup::default() });
    github.token(TOKEN, TokenKind::Read);
    let repo = github.repo(REPO);
    repo.attest_text(&digest().to_string(), BUNDLE);
    github
}

fn asked(github: &FakeGitHub, token: Option<&str>) -> Result<Attestations, ApiError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = HttpOptions { idle_timeout: Duration::from_millis(500), ..HttpOptions::default() };
        let http = Http::new(options).expect("a client");
        let address = |text: String| text.parse().expect("an address");
        let token = token.map(|text| Token { variable: "GH_TOKEN", value: Secret::new(text.to_owned()) });
        let from = Provenance::Flag("--github-server-url");
        let url = |text| Setting { value: address(text), from: from.clone() };
        let server = Server { api_url: url(github.api_url()), web_url: url(github.web_url()) };
        let client = GitHub::new(http, REPO.parse().expect("a repository"), server, token).expect("a client");
        client.attestations(digest(), &NoProgress).await
    })
}

fn found(github: &FakeGitHub) -> Vec<String> {
    let Attestations { bundles, incomplete } = asked(github, Some(TOKEN)).expect("an answer");
    assert_eq!(incomplete, None);
    bundles
}

fn shape(github: &FakeGitHub) -> String {
    let answer = asked(github, None);
    let Err(ApiError::Shape { reason, .. }) = answer else { panic!("{answer:?}") };
    reason
}

#[test]
fn bundles_arrive_unchanged_inline_or_from_their_url() {
    let github = stage();
    let repo = github.repo(REPO);
    repo.attest_text(&digest().to_string(), "[ 2 ]").attest_text(&"8".repeat(64), "[ 3 ]");
    for delivery in [BundleDelivery::Inline, BundleDelivery::Address, BundleDelivery::PlainAddress] {
        github.bundle_delivery(delivery);
        assert_eq!(found(&github), ["[ 2 ]", BUNDLE], "{delivery:?}");
    }
    let paths: Vec<String> = github.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths[0], format!("/repos/acme/tool/attestations/sha256:{}?per_page=100", digest()));
    for request in github.requests() {
        assert_eq!(request.header("authorization").is_some(), request.origin == Origin::Api, "{request:?}");
    }
    repo.rename("acme/renamed");
    assert_eq!(found(&github).len(), 2);
}

#[test]
fn none_is_reported_in_two_ways() {
    let github = stage();
    github.repo(REPO).forget_attestations();
    for answer in [NoAttestations::NotFound, NoAttestations::EmptyList] {
        github.no_attestations(answer);
        assert_eq!(found(&github), Vec::<String>::new(), "{answer:?}");
        assert_eq!(asked(&github, None).expect("an answer"), Attestations::default(), "{answer:?}");
    }
}

#[test]
fn a_failed_request_is_not_none() {
    let github = stage();
    github.repo(REPO).forget_attestations();
    let always = || Matcher::api().always();
    type Fits = fn(&ApiError) -> bool;
    let limited: Fits = |error| matches!(error, ApiError::RateLimited { .. });
    let forbidden: Fits = |error| matches!(error, ApiError::Forbidden { .. });
    let unreadable: Fits = |error| matches!(error, ApiError::Shape { .. });
    let lost: Fits = |error| matches!(error, ApiError::Net(_));
    let forbids = Fault::Status {
        code: 403,
        headers: vec![("X-Accepted-GitHub-Permissions".to_owned(), "attestations=read".to_owned())],
        body: r#"{"message":"Resource not accessible by personal access token"}"#.to_owned(),
    };
    let answers = |body: &str| Fault::Status { code: 200, headers: Vec::new(), body: body.to_owned() };
    let many = format!(r#"{{"attestations":[{}{{}}]}}"#, "{},".repeat(100));
    for (fault, fits) in [
        (Fault::RateLimitPrimary { reset_in: Duration::from_secs(3600) }, limited),
        (Fault::RateLimitSecondary { status: 429, retry_after: RetryAfter::Seconds(3600) }, limited),
        (Fault::RateLimitSecondary { status: 403, retry_after: RetryAfter::None }, limited),
        (forbids, forbidden),
        (Fault::status(401), forbidden),
        (Fault::status(501), lost),
        (Fault::RedirectTo("https://elsewhere.test/".to_owned()), lost),
        (Fault::Html200, unreadable),
        (Fault::CutBody { after: 5, with: Cut::Fin }, lost),
        (answers("{}"), unreadable),
        (answers("[]"), unreadable),
        (answers(r#"{"attestations":null}"#), unreadable),
        (answers(r#"{"attestations":[{"repository_id":1}]}"#), unreadable),
        (answers(r#"{"attestations":[{"bundle":null,"bundle_url":null}]}"#), unreadable),
        (answers(&many), unreadable),
    ] {
        let name = format!("{fault:?}");
        github.fault(always(), fault);
        let error = asked(&github, None).expect_err(&name);
        assert!(fits(&error), "{name}: {error:?}");
        github.clear_faults();
    }
    github.rest_budget(BudgetSpec::remaining(0));
    assert!(limited(&asked(&github, None).expect_err("limited")));
}

#[test]
fn temporary_failures_are_retried() {
    let github = stage();
    for fault in [Fault::status(500), Fault::ResetBeforeHeaders, Fault::CutBody { after: 9, with: Cut::Rst }] {
        github.fault(Matcher::api(), fault);
        assert_eq!(found(&github), [BUNDLE]);
    }
    github.bundle_delivery(BundleDelivery::Address);
    for fault in [Fault::status(503), Fault::ResetBeforeHeaders, Fault::CutBody { after: 9, with: Cut::Rst }] {
        github.fault(Matcher::objects(), fault);
        assert_eq!(found(&github), [BUNDLE]);
    }
}

#[test]
fn a_refused_token_is_left_out_and_a_private_repository_is_not_silent_about_it() {
    let github = stage();
    assert_eq!(asked(&github, Some("ghp_expired")).expect("an answer").bundles, [BUNDLE]);
    github.repo(REPO).private();
    assert!(matches!(asked(&github, Some("ghp_expired")), Err(ApiError::BadToken { variable: "GH_TOKEN" })));
    assert_eq!(found(&github), [BUNDLE]);
}

#[test]
fn content_at_a_bundle_url_is_not_trusted() {
    let github = stage();
    github.bundle_delivery(BundleDelivery::Address);
    let meets = |bytes: &'static [u8]| {
        github.fault(Matcher::objects(), Fault::ChangedBytes(bytes.into()));
        shape(&github)
    };
    // A header that declares 4 GiB is not trusted, and no memory is allocated for it.
    github.fault(Matcher::objects(), Fault::ChangedBytes(b"\xff\xff\xff\xff\x0f"[..].into()));
    let Attestations { bundles, incomplete } = asked(&github, None).expect("an answer");
    assert!(bundles.is_empty());
    assert_eq!(incomplete.as_deref(), Some("1 of its 1 attestations have more than 1048576 bytes"));
    for bytes in [&b"{\"a\": 1}"[..], b"\xff\xff\xff\xff\xff\xff", b"\x00"] {
        let reason = meets(bytes);
        assert!(reason.starts_with("a bundle is not "), "{reason}");
    }
    let hex = digest().to_string();
    let again = |url: &str| {
        github.repo(REPO).forget_attestations().attest_at(&hex, url);
        shape(&github)
    };
    let nowhere = format!("{}/acme/other/nowhere", github.web_url());
    assert_eq!(again("file:///etc/passwd"), "the URL of a bundle has the scheme `file:`");
    assert_eq!(again("/b"), "a bundle has an invalid URL");
    assert_eq!(again(&nowhere), "a bundle was not found at its URL");
    github.fault(Matcher::web(), Fault::Html200);
    assert!(matches!(asked(&github, None), Err(ApiError::Net(NetError::WebPage { .. }))));
}

#[test]
fn responses_and_bundles_are_read_up_to_a_limit() {
    let github = stage();
    let hex = digest().to_string();
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));
    github.repo(REPO).attest_text(&hex, &large);
    for delivery in [BundleDelivery::Inline, BundleDelivery::Address, BundleDelivery::PlainAddress] {
        github.bundle_delivery(delivery);
        let Attestations { bundles, incomplete } = asked(&github, Some(TOKEN)).expect("an answer");
        assert_eq!((bundles.as_slice(), incomplete.is_some()), ([BUNDLE.to_owned()].as_slice(), true), "{delivery:?}");
    }
    github.bundle_delivery(BundleDelivery::Inline);
    for _ in 0..8 {
        github.repo(REPO).attest_text(&hex, &large);
    }
    assert_eq!(shape(&github), "it is longer than 8388608 bytes");
}
