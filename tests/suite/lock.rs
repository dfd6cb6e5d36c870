//! The lockfile: written by the first install, followed by every later one, changed only on request.

use std::fs;

use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;

use crate::support::Context;
use crate::support::context::asset_name;
use crate::support::redact::narrow;
use crate::support::workers;

/// A release with assets for three platforms.
fn release_for_many(context: &Context, tag: &str) -> u64 {
    let version = tag.trim_start_matches('v');
    let spec = ReleaseSpec::new(tag)
        .file(&asset_name(), workers::bytes(version))
        .file("reproq-darwin-arm64", format!("mach-o {version}").into_bytes())
        .file("reproq-windows-amd64.exe", format!("pe {version}").into_bytes());
    context.repo().add(spec)
}

fn many() -> Context {
    let context = Context::new();
    release_for_many(&context, "v0.0.144");
    context
}

/// The project of a teammate: only the lockfile, without a cache.
fn on_another_machine(context: &mut Context) {
    context.without_cache();
    fs::remove_dir_all(context.project().join(".reproq")).expect("removed");
    context.github.clear_log();
}

#[test]
fn the_first_install_locks_every_platform_without_downloading_their_assets() {
    let context = many();
    context.succeed(&["install"]);
    assert_eq!(context.github.requests_to(&Matcher::api()).len(), 2, "the release and its proofs");
    assert_eq!(context.github.requests_to(&Matcher::objects()).len(), 1);
    let text = fs::read_to_string(context.lockfile()).expect("a lock");
    // The size of the sample worker depends on the Go version.
    let text = text.replace(&format!("size = {}", workers::bytes("0.0.144").len()), "size = [SIZE]");
    insta::assert_snapshot!(crate::support::redact::redact(&text, &context));
}

#[test]
fn a_locked_installation_is_one_request() {
    let mut context = many();
    context.succeed(&["install"]);
    release_for_many(&context, "v0.0.145");
    on_another_machine(&mut context);
    for arguments in [&["install", "--locked"][..], &["install"]] {
        let lock = fs::read(context.lockfile()).expect("a lock");
        let output = context.succeed(arguments);
        assert!(output.stdout.contains("pinned: equals the digest in reproq.lock"), "{output:#?}");
        assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.144"));
        assert_eq!(context.github.requests_to(&Matcher::api()).len(), 0);
        let web = context.github.requests_to(&Matcher::web());
        assert_eq!(web.len(), 1, "one address, and where it leads");
        assert_eq!(context.github.requests_to(&Matcher::objects()).len(), 1);
        assert_eq!(fs::read(context.lockfile()).expect("a lock"), lock, "the lock is as it was");
        on_another_machine(&mut context);
    }
}

#[test]
fn a_second_project_installs_a_locked_version_without_a_request() {
    let context = many();
    context.succeed(&["install"]);
    fs::remove_dir_all(context.project().join(".reproq")).expect("removed");
    context.github.clear_log();
    let output = context.succeed(&["install", "--locked", "--offline"]);
    assert!(output.stdout.contains("pinned: equals the digest in reproq.lock"), "{output:#?}");
    assert!(context.github.requests().is_empty());
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.144"));
}

#[test]
fn a_changed_byte_in_the_cache_is_named_and_replaced() {
    let context = many();
    context.succeed(&["install"]);
    let entries = context.root().join("home/.cache/reproq/assets");
    let cached = fs::read_dir(&entries)
        .expect("a cache")
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_none())
        .expect("an asset");
    let mut bytes = fs::read(&cached).expect("readable");
    bytes[1000] ^= 1;
    fs::write(&cached, &bytes).expect("changed");
    fs::remove_dir_all(context.project().join(".reproq")).expect("removed");
    let offline = context.run(&["install", "--offline"]);
    assert_eq!(offline.code, 6, "{offline:#?}");
    assert!(offline.stderr.contains("is damaged"), "{offline:#?}");
    assert!(!context.binary().exists() && !cached.exists());
    fs::write(&cached, &bytes).expect("changed");
    let output = context.succeed(&["install"]);
    assert!(output.stderr.contains("is damaged") && output.stderr.contains("removed from the cache"), "{output:#?}");
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.144"));
    assert_eq!(fs::read(&cached).expect("cached again"), workers::bytes("0.0.144"));
}

#[test]
fn locked_refuses_what_the_lock_does_not_name() {
    let context = many();
    insta::assert_snapshot!(context.shown(&["install", "--locked"]));
    context.succeed(&["lock"]);
    insta::assert_snapshot!(context.shown(&["install", "--locked", "--tag", "v0.0.145"]));
    insta::assert_snapshot!(context.shown(&["install", "--locked", "--target", "darwin-amd64", "--to", "mac"]));
    assert_eq!(context.run(&["install", "--locked", "--repo", "some/fork"]).code, 2);
    assert_eq!(context.run(&["install", "--locked", "--build"]).code, 2);
    assert!(!context.project().join(".reproq").exists());
}

#[test]
fn a_flag_changes_the_lockfile_and_reports_it() {
    let context = many();
    context.succeed(&["install"]);
    release_for_many(&context, "v0.0.145");
    let output = context.succeed(&["install", "--tag", "v0.0.145"]);
    assert!(output.stdout.contains("Locked v0.0.145"), "{output:#?}");
    let lock = fs::read_to_string(context.lockfile()).expect("a lock");
    assert!(lock.contains("tag = \"v0.0.145\""), "{lock}");
    // The installed worker is current but the lockfile is not: it is updated.
    fs::write(context.lockfile(), lock.replace("0.0.145", "0.0.144")).expect("written");
    context.succeed(&["install", "--tag", "v0.0.145"]);
    assert_eq!(fs::read_to_string(context.lockfile()).expect("a lock"), lock);
}

#[test]
fn an_asset_that_changed_on_github_since_it_was_locked_is_its_own_error() {
    let mut context = many();
    context.succeed(&["install"]);
    context.repo().replace_bytes("v0.0.144", &asset_name(), workers::bytes("0.0.145"));
    on_another_machine(&mut context);
    context.sibling_checkout();
    insta::assert_snapshot!(context.shown(&["install"]));
    insta::assert_snapshot!(narrow(&context.shown(&["lock"])));
    assert!(!context.binary().exists());
}

#[test]
fn a_release_that_was_pruned_since_it_was_locked_is_its_own_error() {
    let mut context = Context::new();
    let release = release_for_many(&context, "v0.0.144");
    context.succeed(&["install"]);
    context.repo().delete_release(release);
    context.repo().delete_tag("v0.0.144");
    release_for_many(&context, "v0.0.150");
    // A machine with a cache is unaffected.
    fs::remove_dir_all(context.project().join(".reproq")).expect("removed");
    context.succeed(&["install"]);
    on_another_machine(&mut context);
    insta::assert_snapshot!(context.shown(&["install"]));
    assert!(!context.binary().exists());
}

#[test]
fn bytes_changed_on_the_way_are_not_called_changed_on_github() {
    let mut context = many();
    context.succeed(&["install"]);
    on_another_machine(&mut context);
    context
        .github
        .fault(Matcher::objects().always(), Fault::ChangedBytes(vec![b'x'; workers::bytes("0.0.144").len()].into()));
    let output = context.run(&["install"]);
    assert_eq!(output.code, 5, "{output:#?}");
    assert!(output.stderr.contains("but reproq.lock states") && !output.stderr.contains("since it was locked"));
    assert!(!context.binary().exists());
}

#[test]
fn a_private_repository_is_installed_from_by_id_once_it_is_known() {
    let mut context = many();
    context.succeed(&["install"]);
    on_another_machine(&mut context);
    context.repo().private();
    context.github.token("ghp_read_token", fake_github::TokenKind::Read);
    context.set("GH_TOKEN", "ghp_read_token");
    context.succeed(&["install", "--locked"]);
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.144"));
}

#[test]
fn lock_writes_checks_and_moves() {
    let context = many();
    insta::assert_snapshot!(narrow(&context.shown(&["lock"])));
    assert!(!context.project().join(".reproq").exists(), "nothing is installed by it");
    insta::assert_snapshot!(narrow(&context.shown(&["lock"])));
    release_for_many(&context, "v0.0.145");
    context.succeed(&["lock", "--check"]);
    let pending = context.run(&["lock", "--check", "--tag", "latest", "--json"]);
    assert_eq!(pending.code, 3, "{pending:#?}");
    assert!(fs::read_to_string(context.lockfile()).expect("a lock").contains("v0.0.144"));
    insta::assert_snapshot!(narrow(&context.shown(&["lock", "--tag", "latest"])));
    assert!(fs::read_to_string(context.lockfile()).expect("a lock").contains("v0.0.145"));
}

#[test]
fn an_unreadable_lockfile_is_explained_and_kept() {
    for (text, says) in [
        ("version = 9\n", "its format is 9"),
        ("<<<<<<< HEAD\nversion = 1\n", "a merge conflict marker"),
        ("version = ", "not valid TOML"),
        ("", "has no `version`"),
    ] {
        let context = many();
        fs::write(context.lockfile(), text).expect("written");
        for arguments in [&["install"][..], &["install", "--locked"], &["lock"]] {
            let output = context.run(arguments);
            assert_eq!(output.code, 2, "{output:#?}");
            assert!(output.stderr.contains(says) && output.stderr.contains("hint: "), "{output:#?}");
        }
        assert_eq!(fs::read_to_string(context.lockfile()).expect("there"), text);
        assert!(context.github.requests().is_empty());
    }
}
