//! Somebody else is at work while it prunes: nothing outside the plan goes, and nothing that became worth keeping.

use fake_github::Matcher;
use fake_github::ReleaseSpec;

use crate::support::Context;
use crate::support::releases::PRUNED;
use crate::support::releases::repo;
use crate::support::releases::version;
use crate::support::releases::with_versions;

const PRUNE: [&str; 6] = ["release", "prune", "--keep", "3", "--max-delete", "100"];

fn tags(context: &Context) -> Vec<String> {
    repo(context).snapshot().tag_names().into_iter().map(str::to_owned).collect()
}

fn first_tags() -> Matcher {
    Matcher::graphql().body("updateRefs").nth(1)
}

fn last_tags() -> Matcher {
    Matcher::graphql().body("updateRefs").nth(2)
}

#[test]
fn what_is_published_meanwhile_is_never_deleted() {
    for matcher in [Matcher::api().method("DELETE").nth(1), first_tags(), last_tags()] {
        let context = with_versions(8);
        context.github.before(matcher, |github| {
            let repo = github.repo(PRUNED);
            repo.add(version(9));
            // A patch of an old line that sorts below everything.
            repo.add(ReleaseSpec::new("v1.0.1"));
        });
        context.succeed(&PRUNE);
        assert_eq!(tags(&context), ["v1.0.1", "v1.6.0", "v1.7.0", "v1.8.0", "v1.9.0"]);
    }
}

#[test]
fn what_becomes_latest_meanwhile_stays() {
    let context = with_versions(8);
    context.github.before(first_tags(), |github| {
        let repo = github.repo(PRUNED);
        let third = repo.snapshot().releases.iter().find(|release| release.tag == "v1.3.0").expect("there").id;
        repo.make_latest(third);
    });
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 8, "{output:#?}");
    assert!(output.stderr.contains("v1.3.0 is kept now (GitHub's latest release)"), "{output:#?}");
    assert_eq!(tags(&context), ["v1.3.0", "v1.6.0", "v1.7.0", "v1.8.0"]);
    let snapshot = repo(&context).snapshot();
    assert_eq!(snapshot.latest.as_deref(), Some("v1.3.0"));
    insta::assert_snapshot!(context.redact(&output));
}

#[test]
fn a_tag_that_moves_meanwhile_stays_where_it_is() {
    for (matcher, name) in [(first_tags(), "v1.1.0"), (first_tags(), "v1.4.0"), (last_tags(), "v1.4.0")] {
        let context = with_versions(8);
        let moved = name.to_owned();
        context.github.before(matcher, move |github| {
            github.repo(PRUNED).move_tag(&moved, "elsewhere");
        });
        let output = context.run(&PRUNE);
        assert_eq!(output.code, 8, "{output:#?}");
        assert!(output.stderr.contains(&format!("tag {name} ")), "{output:#?}");
        assert_eq!(tags(&context), [name, "v1.6.0", "v1.7.0", "v1.8.0"]);
        assert!(repo(&context).snapshot().drafts().is_empty());
    }
}

#[test]
fn a_tag_that_is_published_again_meanwhile_keeps_its_release() {
    let context = with_versions(8);
    context.github.before(Matcher::graphql().nth(3), |github| {
        github.repo(PRUNED).add(version(4).name("again"));
    });
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 8, "{output:#?}");
    let snapshot = repo(&context).snapshot();
    assert!(snapshot.drafts().is_empty(), "no release lost its tag");
    assert_eq!(snapshot.tag_names(), ["v1.4.0", "v1.6.0", "v1.7.0", "v1.8.0"]);
}

#[test]
fn a_draft_that_names_a_version_meanwhile_protects_it() {
    let context = with_versions(8);
    context.github.before(first_tags(), |github| {
        github.repo(PRUNED).add(ReleaseSpec::new("v1.2.0").draft());
    });
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 8, "{output:#?}");
    assert_eq!(tags(&context), ["v1.2.0", "v1.6.0", "v1.7.0", "v1.8.0"]);
}

#[test]
fn a_keeper_that_somebody_else_deletes_is_reported() {
    let context = with_versions(8);
    context.github.before(last_tags(), |github| {
        let repo = github.repo(PRUNED);
        let keeper = repo.snapshot().releases.iter().find(|release| release.tag == "v1.7.0").expect("there").id;
        repo.delete_release(keeper);
        repo.delete_tag("v1.7.0");
    });
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 8, "{output:#?}");
    assert!(output.stderr.contains("tag v1.7.0 is gone"), "{output:#?}");
}

#[test]
fn two_prunes_at_once_end_well() {
    let context = with_versions(12);
    let children = [context.spawn(&PRUNE), context.spawn(&PRUNE)];
    for child in children {
        let output = crate::support::context::wait(child);
        assert!(matches!(output.code, 0 | 8), "{output:#?}");
    }
    context.succeed(&PRUNE);
    assert_eq!(tags(&context), ["v1.10.0", "v1.11.0", "v1.12.0"]);
    assert!(repo(&context).snapshot().drafts().is_empty());
}
