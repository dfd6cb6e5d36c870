//! Concurrent changes during a prune: nothing outside the plan is deleted, and nothing that must now be kept.

use std::fs;

use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;

use crate::support::Context;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::fault_table::record_as;
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
            // A patch of an old version line that sorts below everything.
            repo.add(ReleaseSpec::new("v1.0.1"));
        });
        let output = context.succeed(&PRUNE);
        assert_eq!(tags(&context), ["v1.0.1", "v1.6.0", "v1.7.0", "v1.8.0", "v1.9.0"]);
        let left = "what was published meanwhile, and the versions that were to stay";
        record(Part::Race, "prune: versions are published meanwhile", &context, &output, left);
    }
}

#[test]
fn a_release_that_becomes_latest_meanwhile_is_kept() {
    let context = with_versions(8);
    context.github.before(first_tags(), |github| {
        let repo = github.repo(PRUNED);
        let third = repo.snapshot().releases.iter().find(|release| release.tag == "v1.3.0").expect("there").id;
        repo.make_latest(third);
    });
    let output = context.run(&PRUNE);
    assert_eq!(output.code, 8, "{output:#?}");
    assert!(output.stderr.contains("v1.3.0 is now kept (GitHub's latest release)"), "{output:#?}");
    assert_eq!(tags(&context), ["v1.3.0", "v1.6.0", "v1.7.0", "v1.8.0"]);
    let snapshot = repo(&context).snapshot();
    assert_eq!(snapshot.latest.as_deref(), Some("v1.3.0"));
    insta::assert_snapshot!(context.redact(&output));
    let left = "the version that became the latest, whole";
    record(Part::Race, "prune: an old version becomes the latest meanwhile", &context, &output, left);
}

/// Checked right before each deletion, not only with the next listing.
#[test]
fn a_release_that_becomes_latest_between_two_deletions_is_kept() {
    for made_latest in ["v1.4.0", "v1.9.0"] {
        let context = with_versions(12);
        context.github.before(Matcher::api().method("DELETE").nth(3), move |github| {
            let repo = github.repo(PRUNED);
            let id = repo.snapshot().releases.iter().find(|release| release.tag == made_latest).expect("there").id;
            repo.make_latest(id);
        });
        let output = context.run(&PRUNE);
        assert_eq!(output.code, 8, "{output:#?}");
        assert!(output.stderr.contains(&format!("{made_latest} is now kept (GitHub's latest release)")), "{output:#?}");
        assert_eq!(tags(&context), ["v1.10.0", "v1.11.0", "v1.12.0", made_latest]);
        assert_eq!(repo(&context).snapshot().latest.as_deref(), Some(made_latest));
        let name = format!("prune: {made_latest} becomes the latest between two deletions");
        record(Part::Race, &name, &context, &output, "the version that became the latest, whole");
    }
}

/// GitHub returns one 404 for a listed object: replication lag.
#[test]
fn a_404_for_a_listed_object_is_retried() {
    for (name, nth) in [("the first", 1), ("a later", 3)] {
        let context = with_versions(8);
        context.github.fault(Matcher::api().method("DELETE").path("/releases/").nth(nth), Fault::status(404));
        let output = context.succeed(&PRUNE);
        assert_eq!(tags(&context), ["v1.6.0", "v1.7.0", "v1.8.0"]);
        let name = format!("prune: 404 once for {name} release that is listed");
        record(Part::Race, &name, &context, &output, "the versions that were to stay");
    }
}

#[test]
fn a_tag_that_moves_meanwhile_is_kept() {
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
        let left = "the tag where it is now";
        record(Part::Race, &format!("prune: tag {name} moves meanwhile"), &context, &output, left);
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
    let left = "the tag and its new release";
    record(Part::Race, "prune: a deleted version is published again meanwhile", &context, &output, left);
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
    let left = "the version the draft names";
    record(Part::Race, "prune: a draft names an old version meanwhile", &context, &output, left);
}

#[test]
fn a_kept_release_deleted_by_another_client_is_reported() {
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
    let left = "the other versions that were to stay";
    record(Part::Race, "prune: another client deletes a kept version", &context, &output, left);
}

/// Two concurrent prunes of the same or different versions; neither deletes versions that it keeps.
#[test]
fn two_concurrent_prunes_succeed() {
    let more = ["release", "prune", "--keep", "5", "--max-delete", "100"];
    for (round, other) in [PRUNE, more].into_iter().cycle().take(8).enumerate() {
        let context = with_versions(12);
        let audit = |name: &str| context.project().join(name).to_str().expect("UTF-8").to_owned();
        let (first, second) = (audit("first.jsonl"), audit("second.jsonl"));
        let children = [
            context.spawn(&[PRUNE.as_slice(), &["--audit", &first]].concat()),
            context.spawn(&[other.as_slice(), &["--audit", &second]].concat()),
        ];
        let outputs = children.map(crate::support::context::wait);
        for output in &outputs {
            assert!(matches!(output.code, 0 | 8), "round {round}: {output:#?}");
        }
        for (audit, kept) in [(&first, 10..=12), (&second, if other == PRUNE { 10..=12 } else { 8..=12 })] {
            let asked = fs::read_to_string(audit).unwrap_or_default();
            for line in asked.lines().filter(|line| line.contains("\"intent\"")) {
                let touched = kept.clone().find(|number| line.contains(&format!("\"v1.{number}.0\"")));
                assert_eq!(touched, None, "round {round}: {line}");
            }
        }
        assert!(repo(&context).snapshot().drafts().is_empty());
        context.succeed(&PRUNE);
        assert_eq!(tags(&context), ["v1.10.0", "v1.11.0", "v1.12.0"]);
        assert_eq!(repo(&context).snapshot().published().len(), 3);
    }
    let left = "the versions both were to keep; a plain re-run finds nothing half done";
    record_as(Part::Race, "two prunes at once", "0 or 8", "each says what it deleted and what was already gone", left);
}
