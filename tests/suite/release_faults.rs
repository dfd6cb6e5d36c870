//! Faults of GitHub during a prune: rate limits, rulesets, permissions, lost responses, lag, renames. Each has its own exit
//! code, and nothing is deleted that should be kept.

use std::time::Duration;

use fake_github::BudgetSpec;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;
use fake_github::RetryAfter;
use fake_github::RulesetSpec;
use fake_github::TagSpec;
use fake_github::TokenKind;

use crate::support::Context;
use crate::support::releases::PRUNED;
use crate::support::releases::mutations;
use crate::support::releases::pruning;
use crate::support::releases::repo;
use crate::support::releases::version;
use crate::support::releases::with_versions;

const PRUNE: [&str; 6] = ["release", "prune", "--keep", "3", "--max-delete", "1000"];

fn tags(context: &Context) -> Vec<String> {
    repo(context).snapshot().tag_names().into_iter().map(str::to_owned).collect()
}

fn deletes() -> Matcher {
    Matcher::api().method("DELETE")
}

fn update_refs() -> Matcher {
    Matcher::graphql().body("updateRefs")
}

#[test]
fn a_ruleset_costs_one_release_entry_and_is_named() {
    for is_graphql_there in [true, false] {
        let context = with_versions(10);
        context.github.graphql(is_graphql_there);
        repo(&context).ruleset(RulesetSpec::forbids_deletion("release tags stay", "v*"));
        let output = context.run(&PRUNE);
        assert_eq!(output.code, 9, "{output:#?}");
        assert!(output.stderr.contains("`release tags stay`"), "{output:#?}");
        let snapshot = repo(&context).snapshot();
        assert_eq!(snapshot.tags.len(), 10, "no tag is gone");
        assert_eq!(snapshot.published().len(), 9, "one release entry is gone");
        assert!(snapshot.drafts().is_empty());
        if is_graphql_there {
            insta::assert_snapshot!(context.redact(&output));
        }
    }
}

#[test]
fn a_hidden_ruleset_still_applies() {
    let context = with_versions(5);
    repo(&context).ruleset(RulesetSpec::forbids_deletion("secret", "v*").hidden());
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 9, "{output:#?}");
    assert!(output.stderr.contains("a ruleset this token cannot see") && !output.stderr.contains("secret"));
}

#[test]
fn a_ruleset_for_some_tags_leaves_those_and_deletes_the_rest() {
    let context = with_versions(20);
    repo(&context).ruleset(RulesetSpec::forbids_deletion("seven stays", "v1.7.0"));
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 9, "{output:#?}");
    assert!(output.stderr.contains("v1.7.0") && output.stderr.contains("`seven stays`"), "{output:#?}");
    assert_eq!(tags(&context), ["v1.18.0", "v1.19.0", "v1.20.0", "v1.7.0"]);
}

#[test]
fn a_missing_permission_is_named() {
    let mut context = with_versions(5);
    context.github.token("ghp_readtoken0", TokenKind::Read);
    context.set("GH_TOKEN", "ghp_readtoken0");
    insta::assert_snapshot!(context.shown(&PRUNE));
    context.set("GH_TOKEN", "");
    insta::assert_snapshot!(context.shown(&PRUNE));
    context.set("GH_TOKEN", "ghp_unknowntoken");
    insta::assert_snapshot!(context.shown(&PRUNE));
    assert_eq!(mutations(&context), Vec::<String>::new());
}

#[test]
fn a_permission_that_is_missing_only_for_the_deletion_names_the_scope() {
    let context = with_versions(5);
    let refusal = Fault::Status {
        code: 403,
        headers: vec![("X-Accepted-GitHub-Permissions".into(), "contents=write".into())],
        body: r#"{"message":"Resource not accessible by integration"}"#.into(),
    };
    context.github.fault(deletes().always(), refusal);
    insta::assert_snapshot!(context.shown(&PRUNE));
    assert_eq!(tags(&context).len(), 5);
}

#[test]
fn not_found_for_everything_is_no_success() {
    let context = with_versions(6);
    context.github.fault(deletes().always(), Fault::status(404));
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 9, "{output:#?}");
    assert!(output.stderr.contains("returns `not found` for v1.1.0 but still lists it"), "{output:#?}");
    let snapshot = repo(&context).snapshot();
    assert_eq!((snapshot.tags.len(), snapshot.published().len()), (6, 6));
    assert_eq!(mutations(&context).len(), 2, "the first, once more after the listing, and nothing else");
}

#[test]
fn a_release_deleted_by_another_client_counts_as_done() {
    let context = with_versions(6);
    context.github.before(deletes().nth(2), |github| {
        let repo = github.repo(PRUNED);
        let second = repo.snapshot().releases[0].id;
        repo.delete_release(second);
        repo.delete_tag("v1.2.0");
    });
    let output = context.succeed(&PRUNE);
    assert_eq!(tags(&context), ["v1.4.0", "v1.5.0", "v1.6.0"], "{output:#?}");
}

#[test]
fn lost_responses_are_resolved_by_a_listing_before_a_retry() {
    for fault in [Fault::TruncateAfterProcessing, Fault::ResetInHeaders, Fault::ResetBeforeHeaders, Fault::status(502)]
    {
        for matcher in [deletes().nth(1), deletes().nth(3), update_refs().nth(1), update_refs().nth(2)] {
            let context = with_versions(8);
            context.github.fault(matcher.clone(), fault.clone());
            let output = context.succeed(&PRUNE);
            assert_eq!(tags(&context), ["v1.6.0", "v1.7.0", "v1.8.0"], "{fault:?} {matcher:?} {output:#?}");
            let snapshot = repo(&context).snapshot();
            assert!(snapshot.drafts().is_empty(), "{fault:?} {matcher:?}");
        }
    }
}

#[test]
fn a_server_that_never_answers_ends_the_run_resumably() {
    let context = with_versions(6);
    context.github.fault(deletes().nth(2).always(), Fault::status(502));
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 6, "{output:#?}");
    assert!(output.stderr.contains("run the same command again to continue"), "{output:#?}");
    context.github.clear_faults();
    context.succeed(&PRUNE);
    assert_eq!(tags(&context), ["v1.4.0", "v1.5.0", "v1.6.0"]);
}

#[test]
fn a_limit_is_waited_for_as_stated() {
    let context = with_versions(6);
    let secondary = Fault::RateLimitSecondary { status: 403, retry_after: RetryAfter::Seconds(1) };
    context.github.fault(deletes().nth(2), secondary);
    context
        .github
        .fault(update_refs().nth(2), Fault::RateLimitSecondary { status: 429, retry_after: RetryAfter::Seconds(1) });
    let output = context.succeed(&PRUNE);
    assert!(output.stderr.contains("GitHub limits requests; continuing in 1 s"), "{output:#?}");
    assert_eq!(tags(&context).len(), 3);
}

#[test]
fn a_limit_beyond_max_wait_ends_with_6_and_the_next_run_finishes() {
    let context = with_versions(6);
    context.github.fault(deletes().nth(2), Fault::RateLimitPrimary { reset_in: Duration::from_secs(1800) });
    let output = context.run(&[&PRUNE[..], &["--max-wait", "5m"]].concat());
    insta::assert_snapshot!(context.redact(&output));
    assert_eq!(output.code, 6);
    assert_eq!(mutations(&context).len(), 3, "nothing is sent after a limit");
    context.succeed(&PRUNE);
    assert_eq!(tags(&context), ["v1.4.0", "v1.5.0", "v1.6.0"]);
}

#[test]
fn a_limit_without_end_stops_the_work_however_long_it_waited_before() {
    let context = with_versions(6);
    let limit = |seconds| Fault::RateLimitSecondary { status: 429, retry_after: RetryAfter::Seconds(seconds) };
    context.github.fault(deletes().nth(2), limit(1));
    context.github.fault(deletes().nth(3), limit(u64::MAX));
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 6, "{output:#?}");
    assert!(output.stderr.contains("longer than --max-wait allows"), "{output:#?}");
    context.succeed(&PRUNE);
    assert_eq!(tags(&context), ["v1.4.0", "v1.5.0", "v1.6.0"]);
}

#[test]
fn a_reserve_of_requests_is_left_to_others() {
    let context = with_versions(12);
    context.github.rest_budget(BudgetSpec::remaining(54));
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 6, "{output:#?}");
    assert!(output.stderr.contains("only 50 requests remain"), "{output:#?}");
    let snapshot = repo(&context).snapshot();
    assert_eq!(snapshot.tags.len(), snapshot.published().len(), "what was begun was finished");
    assert_eq!(snapshot.tags.len(), 9);
    context.github.rest_budget(BudgetSpec::remaining(5000));
    context.succeed(&PRUNE);
    assert_eq!(tags(&context).len(), 3);
}

#[test]
fn a_listing_that_lags_is_given_time() {
    let context = with_versions(5);
    repo(&context).lag(2);
    context.succeed(&PRUNE);
    assert_eq!(tags(&context).len(), 3);
}

#[test]
fn a_renamed_repository_stops_everything() {
    let context = with_versions(6);
    repo(&context).rename("acme/renamed");
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 8, "{output:#?}");
    assert_eq!(mutations(&context), Vec::<String>::new());
    insta::assert_snapshot!(context.redact(&output));
}

#[test]
fn a_repository_that_is_renamed_meanwhile_stops_everything() {
    for status in [301, 307, 308] {
        let context = with_versions(6);
        context.github.moved_status(status);
        context.github.before(deletes().nth(2), |github| {
            github.repo(PRUNED).rename("acme/renamed");
        });
        let output = context.run(&PRUNE);
        assert_eq!(output.code, 8, "{output:#?}");
        assert_eq!(context.github.repo("acme/renamed").snapshot().published().len(), 5, "nothing followed it");
    }
}

#[test]
fn an_archived_repository_is_refused() {
    let context = with_versions(5);
    repo(&context).archive();
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 9, "{output:#?}");
    assert_eq!(mutations(&context), Vec::<String>::new());
}

#[test]
fn an_incomplete_list_allows_no_deletion() {
    // A page that is never sent.
    let context = with_versions(150);
    context.github.fault(Matcher::graphql().nth(2).always(), Fault::status(502));
    assert_eq!(context.run(&PRUNE).code, 6);
    // A truncated page.
    context.github.clear_faults();
    context.github.fault(Matcher::graphql().nth(2).always(), Fault::HalfJson);
    assert_eq!(context.run(&PRUNE).code, 6);
    // More than GitHub lists.
    let many = with_versions(1001);
    let output = many.run(&PRUNE);
    assert_eq!(output.code, 8, "{output:#?}");
    assert!(output.stderr.contains("at most 1000 releases"), "{output:#?}");
    many.github.graphql(false);
    assert_eq!(many.run(&PRUNE).code, 8);
    assert_eq!((mutations(&context), mutations(&many)), (Vec::new(), Vec::new()));
}

#[test]
fn a_deletion_during_paging_restarts_the_listing() {
    let context = with_versions(150);
    context.github.before(Matcher::graphql().nth(2), |github| {
        let repo = github.repo(PRUNED);
        let first = repo.snapshot().releases[0].id;
        repo.delete_release(first);
        repo.delete_tag("v1.1.0");
    });
    let output = context.succeed(&["release", "prune", "--keep", "3", "--dry-run"]);
    assert!(output.stderr.contains("the list changed while it was read; reading it again"), "{output:#?}");
    assert!(output.stdout.starts_with("146 versions"), "{output:#?}");
}

#[test]
fn without_graphql_tags_are_deleted_one_by_one_only_if_unmoved() {
    let context = with_versions(6);
    context.github.graphql(false);
    context.github.before(Matcher::api().path("/git/ref/tags/v1.2.0"), |github| {
        github.repo(PRUNED).move_tag("v1.2.0", "elsewhere");
    });
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 8, "{output:#?}");
    assert!(output.stderr.contains("v1.2.0"), "{output:#?}");
    assert_eq!(tags(&context), ["v1.2.0", "v1.4.0", "v1.5.0", "v1.6.0"]);
}

#[test]
fn immutable_releases_need_the_option() {
    let context = pruning();
    for number in 1..=5 {
        let release = version(number);
        repo(&context).add(if number < 3 { release.immutable() } else { release });
    }
    let output = context.succeed(&PRUNE);
    assert!(output.stdout.starts_with("Nothing to delete"), "{output:#?}");
    let output = context.succeed(&[&PRUNE[..], &["--allow-immutable"]].concat());
    assert!(output.stderr.contains("can never be used again"), "{output:#?}");
    assert_eq!(tags(&context).len(), 3);
    let audit = std::fs::read_dir(context.project().join(".reproq/audit")).expect("a directory").flatten().next();
    let audit = audit.expect("a record").path();
    let output = context.run(&["release", "restore", "--from", audit.to_str().expect("UTF-8"), "--tags-only"]);
    assert_eq!(output.code, 7, "{output:#?}");
    assert!(output.stdout.contains("cannot be restored"), "{output:#?}");
    assert_eq!(tags(&context).len(), 3);
}

#[test]
fn odd_tags_are_matched_exactly() {
    for is_graphql_there in [true, false] {
        let context = with_versions(5);
        context.github.graphql(is_graphql_there);
        let repo = repo(&context);
        for tag in ["a", "a#8", "v1%2e0", "v1.0", "v1/../v2", "v2", "résumé", "v1.0.0+build", "v1"] {
            repo.add_tag(TagSpec::new(tag).committed_at("2023-01-01T00:00:00Z"));
        }
        repo.add(
            ReleaseSpec::new("v1.0.0+build.5").created_at("2023-01-01T00:00:00Z").published_at("2023-01-01T00:00:00Z"),
        );
        context.succeed(&[&PRUNE[..], &["--protect", "v1.0.0+build"]].concat());
        // The two builds are one version, and one of them is protected.
        let odd = ["a", "a#8", "résumé", "v1", "v1%2e0", "v1.0", "v1.0.0+build", "v1.0.0+build.5", "v1/../v2", "v2"];
        let left: Vec<String> = tags(&context).into_iter().filter(|tag| odd.contains(&tag.as_str())).collect();
        assert_eq!(left.len(), odd.len(), "{left:?}");
        context.succeed(&PRUNE);
        let mut left: Vec<String> = tags(&context).into_iter().filter(|tag| odd.contains(&tag.as_str())).collect();
        left.sort_by_key(|tag| odd.iter().position(|one| one == tag));
        assert_eq!(left, ["a", "a#8", "résumé", "v1", "v1%2e0", "v1.0", "v1/../v2", "v2"]);
    }
}

#[test]
fn two_releases_of_one_tag_are_deleted_together_by_id() {
    let context = with_versions(5);
    let extra = repo(&context).add(version(1));
    context.succeed(&PRUNE);
    let sent = mutations(&context);
    assert!(sent.contains(&format!("DELETE /repos/{PRUNED}/releases/{extra}")), "{sent:?}");
    assert_eq!(repo(&context).snapshot().published(), ["v1.3.0", "v1.4.0", "v1.5.0"]);
    assert!(repo(&context).snapshot().drafts().is_empty());
}

#[test]
fn nothing_that_is_a_version_is_an_error_and_not_everything() {
    let context = pruning();
    for tag in ["nightly", "v1", "2024.01.05", "release-3"] {
        repo(&context).add(ReleaseSpec::new(tag));
    }
    insta::assert_snapshot!(context.shown(&PRUNE));
}

#[test]
fn a_record_that_cannot_be_written_stops_everything() {
    let context = with_versions(5);
    std::fs::write(context.project().join(".reproq"), "in the way").expect("written");
    let output = context.run(&PRUNE);
    assert_ne!(output.code, 0, "{output:#?}");
    assert_eq!(mutations(&context), Vec::<String>::new());
}

#[test]
fn secrets_stay_secret() {
    let context = with_versions(5);
    context.github.fault(deletes().always(), Fault::status(502));
    let output = context.run(&[&PRUNE[..], &["-v", "--json", "--max-wait", "0s"]].concat());
    assert!(!format!("{output:?}").contains(crate::support::releases::TOKEN));
    for request in context.github.requests() {
        assert_eq!(request.origin, fake_github::Origin::Api);
    }
}
