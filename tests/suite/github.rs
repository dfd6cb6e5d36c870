//! GitHub's behavior: missing releases and assets, drafts, unfinished uploads, tokens, private repositories, limits.

use fake_github::AssetDelivery;
use fake_github::AssetSpec;
use fake_github::BudgetSpec;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;
use fake_github::RetryAfter;
use fake_github::Setup;
use fake_github::TokenKind;
use sha2::Digest as _;

use crate::support::Context;
use crate::support::context::REPOSITORY;
use crate::support::context::asset_name;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::workers;

#[test]
fn a_missing_tag_is_not_found() {
    let context = Context::released();
    insta::assert_snapshot!(context.shown(&["install", "--tag", "v9.9.9"]));
    insta::assert_snapshot!(context.shown(&["install", "--tag", "v9.9.9", "--json"]));
}

#[test]
fn a_repository_without_releases_is_explained() {
    let context = Context::new();
    context.repo();
    insta::assert_snapshot!(context.shown(&["install"]));
}

#[test]
fn a_missing_asset_lists_what_the_release_has() {
    let context = Context::new();
    context
        .repo()
        .add(ReleaseSpec::new("v0.0.144").file("reproq-plan9-amd64", b"x".to_vec()).file("README", b"x".to_vec()));
    insta::assert_snapshot!(context.shown(&["install"]));
    insta::assert_snapshot!(context.shown(&["install", "--no-build"]));
}

#[test]
fn an_unfinished_upload_is_distinguished_from_a_missing_asset() {
    let context = Context::new();
    context
        .repo()
        .add(ReleaseSpec::new("v0.0.144").asset(AssetSpec::new(&asset_name(), workers::bytes("0.0.144")).open()));
    insta::assert_snapshot!(context.shown(&["install"]));
}

#[test]
fn a_private_repository_provides_its_asset_through_the_api() {
    for delivery in [AssetDelivery::Redirect, AssetDelivery::Body] {
        let github = fake_github::FakeGitHub::start_with(Setup { objects_on_localhost: true, ..Setup::default() });
        let mut context = Context::with(github);
        context.release("v0.0.144");
        context.repo().private();
        context.github.asset_delivery(delivery);
        context.github.token("ghp_readtoken", TokenKind::Read);
        let anonymous = context.run(&["install"]);
        assert_eq!(anonymous.code, 4, "{anonymous:#?}");
        context.set("GH_TOKEN", "ghp_readtoken");
        context.succeed(&["install"]);
        for request in context.github.requests() {
            let authorized = request.header("authorization").is_some();
            assert!(!authorized || request.origin == fake_github::Origin::Api, "the token left the API: {request:?}");
        }
    }
}

#[test]
fn a_token_that_is_refused_is_named_and_omitted() {
    let mut context = Context::released();
    context.set("GH_TOKEN", "ghp_expired_token");
    insta::assert_snapshot!(context.shown(&["install"]));
    context.repo().private();
    context.forget_lock();
    insta::assert_snapshot!(context.shown(&["install", "--tag", "v0.0.144", "--force"]));
}

#[test]
fn single_sign_on_is_explained() {
    let mut context = Context::released();
    context.github.token("ghp_sso_token", TokenKind::SsoRequired);
    context.set("GITHUB_TOKEN", "ghp_sso_token");
    context.repo().private();
    insta::assert_snapshot!(context.shown(&["install"]));
}

#[test]
fn while_the_api_limits_requests_the_pages_and_checksum_files_are_used() {
    let context = Context::new();
    let worker = workers::bytes("0.0.144");
    let digest: String = sha2::Sha256::digest(&worker).iter().map(|byte| format!("{byte:02x}")).collect();
    let sums = format!("{digest}  {}\n", asset_name());
    context.repo().add(ReleaseSpec::new("v0.0.144").file(&asset_name(), worker).file("SHA256SUMS", sums.into_bytes()));
    context.github.rest_budget(BudgetSpec::remaining(0));
    let output = context.succeed(&["install", "--json"]);
    assert!(output.stdout.contains("\"verdict\": \"checksum\""), "{output:#?}");
    assert!(output.stderr.contains("reading the release pages instead"), "{output:#?}");
}

#[test]
fn a_limit_without_checksum_files_is_a_limit_and_not_a_missing_release() {
    let context = Context::released();
    context
        .github
        .fault(Matcher::api().always(), Fault::RateLimitSecondary { status: 429, retry_after: RetryAfter::None });
    insta::assert_snapshot!(context.shown(&["install"]));
    assert!(context.staged().is_empty());
}

#[test]
fn a_renamed_repository_is_followed() {
    let context = Context::released();
    context.repo().rename("acme/reproq-worker");
    let output = context.succeed(&["install", "--json"]);
    assert!(output.stdout.contains("v0.0.144"), "{output:#?}");
}

#[test]
fn the_token_stays_with_the_api() {
    let github = fake_github::FakeGitHub::start_with(Setup { objects_on_localhost: true, ..Setup::default() });
    let mut context = Context::with(github);
    context.release("v0.0.144");
    context.github.token("ghp_write_token", TokenKind::Write);
    context.set("REPROQ_GITHUB_TOKEN", "ghp_write_token");
    let output = context.succeed(&["install", "-v"]);
    assert!(!output.stderr.contains("ghp_write_token") && !output.stdout.contains("ghp_write_token"));
    assert!(output.stderr.contains("REPROQ_GITHUB_TOKEN"));
    let sent: Vec<_> = context
        .github
        .requests()
        .into_iter()
        .filter(|request| request.headers.iter().any(|(_, value)| value.contains("ghp_write_token")))
        .map(|request| request.origin)
        .collect();
    assert_eq!(sent, [fake_github::Origin::Api; 2], "for the release and for its proofs");
    let receipt =
        std::fs::read_dir(context.project().join(".reproq/receipts")).expect("there").flatten().next().expect("one");
    assert!(!std::fs::read_to_string(receipt.path()).expect("text").contains("ghp_write_token"));
}

#[test]
fn an_unknown_platform_lists_what_the_release_has() {
    let context = Context::released();
    insta::assert_snapshot!(context.shown(&["install", "--target", "linux-riscv64"]));
    insta::assert_snapshot!(context.shown(&["install", "--target", "linux-riscv64", "--offline"]));
    insta::assert_snapshot!(context.shown(&["install", "--target", "linux"]));
}

#[test]
fn an_enterprise_server_has_its_api_below_its_own_url() {
    let mut context = Context::released();
    let web = context.github.web_url();
    context.set("REPROQ_GITHUB_API_URL", "").set("REPROQ_GITHUB_SERVER_URL", web);
    context.github.token("ghe_token_of_nobody", TokenKind::Read);
    context.set("GH_ENTERPRISE_TOKEN", "not for loopback").set("GH_TOKEN", "ghe_token_of_nobody");
    let output = context.succeed(&["install", "-v"]);
    assert!(output.stderr.contains("/api/v3 from the variable REPROQ_GITHUB_SERVER_URL"), "{output:#?}");
    let asked = context.github.requests();
    assert!(asked[0].path.starts_with("/api/v3/repos/adpena/reproq-worker/releases/latest"), "{asked:#?}");
    context.repo().private();
    context.without_cache().forget_lock();
    context.succeed(&["install", "--force"]);
    let last = context.github.requests();
    assert!(last.iter().any(|request| request.path.starts_with("/api/v3/repos/adpena/reproq-worker/releases/assets/")));
}

#[test]
fn the_runners_own_server_is_not_used_for_the_worker() {
    let mut context = Context::released();
    context.succeed(&["install"]);
    context.set("GITHUB_SERVER_URL", "http://127.0.0.1:1").set("GITHUB_API_URL", "http://127.0.0.1:1/api/v3");
    context.without_cache();
    context.succeed(&["install", "--locked", "--force"]);
    context.succeed(&["lock", "--check"]);
    let output = context.run(&["release", "list", "--repo", REPOSITORY]);
    assert!(output.code == 6 && output.stderr.contains("127.0.0.1"), "{output:#?}");
}

#[test]
fn what_is_not_found_names_the_server_and_what_selected_it() {
    let context = Context::released();
    context.succeed(&["install"]);
    for (name, arguments, says) in [
        (
            "server: another one than has the locked release",
            &["install", "--locked", "--force"][..],
            "the locked release v0.0.144 was not found on",
        ),
        ("server: another one than has the release", &["install", "--tag", "v9.9.9"], "was not found on"),
        (
            "server: another one than has the repository",
            &["release", "list", "--repo", "acme/tool"],
            "was not found on",
        ),
    ] {
        // The same project with another GitHub.
        let mut elsewhere = Context::new();
        let project = context.project();
        let arguments = [&["-C", project.to_str().expect("UTF-8")], arguments].concat();
        let output = elsewhere.without_cache().run(&arguments);
        assert_eq!(output.code, 4, "{output:#?}");
        assert!(output.stderr.contains(says), "{output:#?}");
        let variable = if arguments.contains(&"release") { "GITHUB_SERVER_URL" } else { "REPROQ_GITHUB_SERVER_URL" };
        assert!(output.stderr.contains(&format!("(the variable {variable}")), "{output:#?}");
        assert!(!output.stderr.contains("https://github.com"), "{output:#?}");
        record(Part::Network, name, &elsewhere, &output, "the old binary");
    }
    let installed = context.run(&["verify"]);
    assert_eq!(installed.code, 0, "{installed:#?}");
}
