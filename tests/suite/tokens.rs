//! Tokens: read only if used; if GitHub refuses one the next is tried, and finally reads are repeated without one.

use fake_github::Fault;
use fake_github::Matcher;
use fake_github::Request;
use fake_github::TokenKind;

use crate::support::Context;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::releases::mutations;
use crate::support::releases::repo;
use crate::support::releases::with_versions;
use crate::support::workers;

const FIRST: &str = "ghp_0000first0000";
const SECOND: &str = "ghp_0000second000";
const INSTALL: [&str; 4] = ["install", "--no-django", "--force", "--no-build"];

/// GitHub's message for a valid token that an organization does not allow.
fn refusals() -> Vec<(&'static str, Fault)> {
    let forbidden = |header: Option<(&str, &str)>, message: &str| Fault::Status {
        code: 403,
        headers: header.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: serde_json::json!({ "message": message }).to_string(),
    };
    let sso = Some(("X-GitHub-SSO", "required; url=https://github.com/orgs/acme/sso?authorization_request=A"));
    vec![
        ("401, it is not valid", Fault::status(401)),
        (
            "403, an IP allow list",
            forbidden(
                None,
                "Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled, and your IP address is not permitted to access this resource.",
            ),
        ),
        (
            "403, it lives too long",
            forbidden(
                None,
                "The 'acme' organization forbids access via a fine-grained personal access tokens if the token's lifetime is greater than 366 days.",
            ),
        ),
        (
            "403, it is a classic one",
            forbidden(None, "`acme` forbids access via a personal access token (classic). Please use a GitHub App."),
        ),
        ("403, no single sign-on", forbidden(sso, "Resource protected by organization SAML enforcement.")),
        (
            "403, without the permission",
            forbidden(
                Some(("X-Accepted-GitHub-Permissions", "contents=read")),
                "Resource not accessible by personal access token",
            ),
        ),
    ]
}

fn refuses(token: &str) -> Matcher {
    Matcher::api().token(token).always()
}

fn with_tokens() -> Context {
    let mut context = Context::released();
    context.github.token(FIRST, TokenKind::Read);
    context.github.token(SECOND, TokenKind::Read);
    context.without_cache().set("GH_TOKEN", FIRST);
    context
}

fn token_of(request: &Request) -> Option<String> {
    request.header("authorization").map(|value| value.rsplit(' ').next().unwrap_or_default().to_owned())
}

#[test]
fn a_token_is_read_only_if_used() {
    let mut context = Context::released();
    context.succeed(&["install", "--no-django"]);
    for junk in ["Bearer ghp_0000first0000", "this is no token", "ghp_000\u{1b}[2J", "ghp_\u{e9}"] {
        for variable in ["REPROQ_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN"] {
            context.set(variable, junk);
        }
        for arguments in [
            &["which", "--no-django"][..],
            &["verify"],
            &["versions"],
            &["cache", "list"],
            &["doctor", "--no-django"],
            &["install", "--no-django"],
            &["install", "--no-django", "--offline", "--force"],
            &["rollback", "--help"],
        ] {
            let output = context.succeed(arguments);
            assert!(!output.stderr.contains("TOKEN"), "{arguments:?}: {output:#?}");
        }
        let output = context.run(&["install", "--tag", "latest", "--no-django", "--force"]);
        assert_eq!(output.code, 2, "{output:#?}");
        let says =
            "the variable REPROQ_GITHUB_TOKEN is invalid: it contains characters that are not allowed in a token";
        assert!(output.stderr.contains(says) && !output.stderr.contains(junk), "{output:#?}");
        assert_eq!(context.run(&["release", "list"]).code, 2);
        let output = context.run(&["doctor", "--network", "--no-django"]);
        assert!(output.stdout.contains("the variable REPROQ_GITHUB_TOKEN is invalid"), "{output:#?}");
        if junk.starts_with("Bearer") {
            let output = context.run(&["install", "--tag", "latest", "--no-django", "--force"]);
            let worker = workers::bytes("0.0.144");
            let left = left(&context, Some(&worker), &worker);
            record(Part::Network, "token: the variable holds none", &context, &output, &left);
        }
    }
}

#[test]
fn reads_of_a_public_repository_continue_without_a_refused_token() {
    for (kind, fault) in refusals() {
        let context = with_tokens();
        context.github.fault(refuses(FIRST), fault);
        let output = context.succeed(&INSTALL);
        let says = "GitHub refused the token from GH_TOKEN";
        assert_eq!(output.stderr.matches(says).count(), 1, "once: {output:#?}");
        assert!(output.stderr.contains("; continuing without it"), "{output:#?}");
        assert!(!output.stderr.contains("write"), "{output:#?}");
        let asked = |path: &str| {
            let requests = context.github.requests_to(&Matcher::api().path(path));
            requests.iter().any(|request| token_of(request).is_none() && request.status != Some(401))
        };
        assert!(asked("/releases/latest") && asked("/attestations/"), "{kind}");
        record(Part::Network, &format!("token: {kind}"), &context, &output, "the new binary, nothing in staging");
        context.succeed(&["release", "list", "--repo", "adpena/reproq-worker"]);
    }
}

#[test]
fn a_refused_token_is_followed_by_the_next_variables() {
    for (kind, fault) in refusals() {
        let mut context = with_tokens();
        context.repo().private();
        context.set("GITHUB_TOKEN", SECOND);
        context.github.fault(refuses(FIRST), fault);
        let output = context.succeed(&INSTALL);
        assert!(output.stderr.contains("; trying the one from GITHUB_TOKEN"), "{kind}: {output:#?}");
        let list = context.succeed(&["release", "list", "--repo", "adpena/reproq-worker"]);
        assert!(list.stdout.contains("v0.0.144"), "{kind}: {list:#?}");
    }
}

#[test]
fn without_an_alternative_the_refusal_is_reported_without_asking_for_write_permission() {
    for (kind, fault) in refusals() {
        let context = with_tokens();
        context.repo().private();
        context.github.fault(refuses(FIRST), fault);
        for arguments in [&INSTALL[..], &["release", "list", "--repo", "adpena/reproq-worker"]] {
            let output = context.run(arguments);
            assert_eq!(output.code, 9, "{kind}: {output:#?}");
            assert!(output.stderr.contains("GH_TOKEN") && output.stderr.contains("hint: "), "{kind}: {output:#?}");
            assert!(!output.stderr.contains("write"), "{kind}: {output:#?}");
        }
        let output = context.run(&INSTALL);
        let worker = workers::bytes("0.0.144");
        let left = left(&context, None, &worker);
        record(Part::Network, &format!("token: {kind}, of a private repository"), &context, &output, &left);
    }
}

#[test]
fn changes_are_never_sent_without_a_token() {
    const PRUNE: [&str; 4] = ["release", "prune", "--keep", "3"];
    for (kind, fault) in refusals() {
        let mut context = with_versions(5);
        context.set("GH_TOKEN", FIRST);
        context.github.token(FIRST, TokenKind::Write);
        context.github.fault(refuses(FIRST), fault.clone());
        let output = context.run(&PRUNE);
        assert_eq!(output.code, 9, "{kind}: {output:#?}");
        assert_eq!(mutations(&context), Vec::<String>::new(), "{kind}: {output:#?}");
        context.github.token(SECOND, TokenKind::Write);
        context.set("GITHUB_TOKEN", SECOND);
        let output = context.run(&PRUNE);
        let changes: Vec<Request> = context.github.requests().into_iter().filter(Request::is_mutation).collect();
        assert!(changes.iter().all(|request| token_of(request).is_some()), "{kind}: {changes:#?}");
        // A missing read permission is no reason to use another identity.
        if kind != "403, without the permission" {
            assert_eq!(output.code, 0, "{kind}: {output:#?}");
            assert!(output.stderr.contains("; trying the one from GITHUB_TOKEN"), "{kind}: {output:#?}");
            assert!(changes.iter().all(|request| token_of(request).as_deref() == Some(SECOND)), "{kind}");
            assert_eq!(repo(&context).snapshot().tags.len(), 3, "{kind}");
        }
    }
}
