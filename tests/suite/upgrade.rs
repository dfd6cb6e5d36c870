//! Upgrade and rollback: the newest by version with its lockfile, and the previous version offline.

use std::fs;

use fake_github::Matcher;
use fake_github::ReleaseSpec;

use crate::support::Context;
use crate::support::context::asset_name;
use crate::support::redact::narrow;
use crate::support::workers;

fn installed() -> Context {
    let context = Context::released();
    context.succeed(&["install"]);
    context
}

fn binary_is(context: &Context, version: &str) {
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes(version), "{version}");
}

fn lock_names(context: &Context, tag: &str) {
    let lock = fs::read_to_string(context.lockfile()).expect("a lock");
    assert!(lock.contains(&format!("tag = \"{tag}\"")), "{lock}");
}

#[test]
fn the_newest_by_version_is_installed_and_locked() {
    let context = installed();
    context.release("v0.0.145");
    // Published later, but older by version; and one that is not requested.
    context.release("v0.0.99");
    context.repo().add(ReleaseSpec::new("v0.0.146-rc.1").prerelease());
    insta::assert_snapshot!(context.shown(&["upgrade"]));
    binary_is(&context, "0.0.145");
    lock_names(&context, "v0.0.145");
    insta::assert_snapshot!(context.shown(&["upgrade"]));
}

#[test]
fn check_and_dry_run_change_nothing() {
    let context = installed();
    assert_eq!(context.run(&["upgrade", "--check"]).code, 0);
    context.release("v0.0.145");
    let before = context.inventory();
    let check = context.run(&["upgrade", "--check", "--json"]);
    assert_eq!(check.code, 3, "{check:#?}");
    insta::assert_snapshot!(context.redact(&check));
    insta::assert_snapshot!(context.shown(&["upgrade", "--dry-run"]));
    assert_eq!(context.inventory(), before);
}

#[test]
fn an_older_tag_needs_the_option() {
    let context = installed();
    context.release("v0.0.145");
    context.succeed(&["upgrade"]);
    insta::assert_snapshot!(context.shown(&["upgrade", "--tag", "v0.0.144"]));
    binary_is(&context, "0.0.145");
    context.succeed(&["upgrade", "--tag", "v0.0.144", "--allow-downgrade"]);
    binary_is(&context, "0.0.144");
    lock_names(&context, "v0.0.144");
}

#[test]
fn an_installed_prerelease_is_not_downgraded() {
    let context = installed();
    context
        .repo()
        .add(ReleaseSpec::new("v0.0.145-rc.1").prerelease().file(&asset_name(), workers::bytes("0.0.145-rc.1")));
    context.succeed(&["upgrade", "--pre"]);
    binary_is(&context, "0.0.145-rc.1");
    let output = context.succeed(&["upgrade"]);
    assert!(output.stdout.contains("already installed"), "{output:#?}");
    binary_is(&context, "0.0.145-rc.1");
}

#[test]
fn upgrade_without_a_listing_fails_with_a_hint() {
    let context = installed();
    insta::assert_snapshot!(context.shown(&["upgrade", "--offline"]));
    let empty = Context::new();
    empty.repo().add(ReleaseSpec::new("nightly"));
    insta::assert_snapshot!(empty.shown(&["upgrade"]));
}

#[test]
fn rollback_restores_the_binary_and_its_lockfile_offline() {
    let context = installed();
    let lock = fs::read_to_string(context.lockfile()).expect("a lock");
    context.release("v0.0.145");
    context.succeed(&["upgrade"]);
    context.succeed(&["cache", "clean"]);
    context.github.clear_log();
    insta::assert_snapshot!(context.shown(&["rollback"]));
    binary_is(&context, "0.0.144");
    assert_eq!(fs::read_to_string(context.lockfile()).expect("a lock"), lock);
    // Installing changes nothing: binary, receipt and lockfile agree. A second rollback restores the newer version.
    assert!(context.succeed(&["install", "--locked"]).stdout.contains("already installed"));
    context.succeed(&["rollback", "--offline"]);
    binary_is(&context, "0.0.145");
    lock_names(&context, "v0.0.145");
    assert!(context.github.requests().is_empty());
    assert!(context.staged().is_empty());
}

#[test]
fn rollback_without_a_kept_lockfile_names_this_platform_only() {
    let context = installed();
    context.release("v0.0.145");
    context.succeed(&["upgrade"]);
    for entry in fs::read_dir(context.project().join(".reproq/receipts")).expect("receipts").flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "lock") {
            fs::remove_file(entry.path()).expect("removed");
        }
    }
    let output = context.succeed(&["rollback"]);
    assert!(output.stderr.contains("only the asset for this platform"), "{output:#?}");
    lock_names(&context, "v0.0.144");
    assert!(context.succeed(&["install", "--locked", "--offline"]).stdout.contains("already installed"));
}

#[test]
fn an_impossible_rollback_is_explained() {
    let context = Context::released();
    insta::assert_snapshot!(context.shown(&["rollback"]));
    context.succeed(&["install"]);
    insta::assert_snapshot!(context.shown(&["rollback"]));
    context.release("v0.0.145");
    context.succeed(&["upgrade"]);
    let kept = fs::read_dir(context.project().join(".reproq/previous")).expect("kept").flatten().next().expect("one");
    let kept = kept.path().join("reproq");
    // A new file with the same name, so that the running program is not changed.
    fs::remove_file(&kept).expect("removed");
    fs::write(&kept, "something else").expect("written");
    insta::assert_snapshot!(context.shown(&["rollback"]));
    binary_is(&context, "0.0.145");
    lock_names(&context, "v0.0.145");
    fs::remove_file(&kept).expect("removed");
    assert_eq!(context.run(&["rollback"]).code, 4);
}

#[test]
fn the_locked_version_is_kept_whatever_comes_after_it() {
    let mut context = installed();
    context.with_go().without_cache();
    let checkout = context.sibling_checkout();
    for version in ["0.0.145", "0.0.146"] {
        workers::copy_checkout(&checkout, version);
        context.succeed(&["install", "--build"]);
    }
    let versions = context.succeed(&["versions", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&versions.stdout).expect("a document");
    let kept = report["kept"].as_array().expect("a list");
    assert_eq!(kept.len(), 3, "{versions:#?}");
    let locked: Vec<_> = kept.iter().filter(|kept| kept["locked"] == true).collect();
    assert_eq!(locked.len(), 1);
    assert_eq!((&locked[0]["present"], &locked[0]["current"]), (&true.into(), &false.into()));
}

#[test]
fn versions_and_the_cache_are_listed() {
    let context = installed();
    context.release("v0.0.145");
    context.succeed(&["upgrade"]);
    insta::assert_snapshot!(narrow(&context.shown(&["versions"])));
    insta::assert_snapshot!(narrow(&context.shown(&["cache", "list"])));
    insta::assert_snapshot!(context.shown(&["cache", "dir"]));
    insta::assert_snapshot!(narrow(&context.shown(&["cache", "clean"])));
    assert!(context.succeed(&["cache", "list", "--json"]).stdout.contains("\"entries\": []"));
    assert_eq!(context.github.requests_to(&Matcher::objects()).len(), 2);
}

#[test]
fn the_cache_is_shrunk_on_demand() {
    let context = installed();
    context.release("v0.0.145");
    context.succeed(&["upgrade"]);
    context.succeed(&["cache", "prune"]);
    assert!(context.succeed(&["cache", "list", "--json"]).stdout.contains("v0.0.144"));
    context.succeed(&["cache", "prune", "--max-size", "0"]);
    assert!(context.succeed(&["cache", "list", "--json"]).stdout.contains("\"entries\": []"));
}
