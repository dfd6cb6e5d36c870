//! `verify`: every difference between disk, receipt, lockfile and GitHub has a status and an exit code, and nothing is written.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::Context;
use crate::support::Output;
use crate::support::context::asset_name;
use crate::support::workers;

fn installed() -> Context {
    let context = Context::released();
    context.succeed(&["install"]);
    context
}

/// Runs `verify` and checks that it wrote nothing and made no request.
fn verified(context: &Context, arguments: &[&str]) -> Output {
    let before = context.inventory();
    context.github.clear_log();
    let output = context.run(&[&["verify"], arguments].concat());
    assert_eq!(context.inventory(), before);
    assert!(arguments.contains(&"--online") || context.github.requests().is_empty());
    output
}

#[test]
fn an_unchanged_installation_is_reported_as_such() {
    let context = installed();
    insta::assert_snapshot!(context.redact(&verified(&context, &[])));
    insta::assert_snapshot!(context.redact(&verified(&context, &["--json"])));
    let quiet = verified(&context, &["-q"]);
    assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (0, "", ""));
    insta::assert_snapshot!(context.redact(&verified(&context, &["--online"])));
}

#[test]
fn a_changed_byte_is_found_although_size_and_times_are_as_they_were() {
    let context = installed();
    let metadata = fs::metadata(context.binary()).expect("there");
    let mut bytes = fs::read(context.binary()).expect("readable");
    bytes[5000] ^= 1;
    fs::write(context.binary(), bytes).expect("changed");
    let file = fs::File::options().append(true).open(context.binary()).expect("open");
    file.set_modified(metadata.modified().expect("a time")).expect("set");
    insta::assert_snapshot!(context.redact(&verified(&context, &[])));
}

#[test]
fn every_other_difference_has_its_code() {
    let nothing = Context::released();
    insta::assert_snapshot!(nothing.redact(&verified(&nothing, &[])));

    let removed = installed();
    fs::remove_file(removed.binary()).expect("removed");
    assert_eq!(verified(&removed, &[]).code, 4);

    let foreign = Context::released();
    fs::create_dir_all(foreign.binary().parent().expect("a directory")).expect("made");
    fs::write(foreign.binary(), "placed by hand").expect("written");
    assert_eq!(verified(&foreign, &[]).code, 5);

    let directory = Context::released();
    fs::create_dir_all(directory.binary()).expect("made");
    assert_eq!(verified(&directory, &[]).code, 8);

    let mode = installed();
    fs::set_permissions(mode.binary(), fs::Permissions::from_mode(0o644)).expect("changed");
    let output = verified(&mode, &[]);
    assert_eq!(output.code, 9, "{output:#?}");

    let moved = installed();
    moved.release("v0.0.145");
    moved.succeed(&["lock", "--tag", "v0.0.145"]);
    let output = verified(&moved, &[]);
    assert_eq!(output.code, 3, "{output:#?}");
    assert!(output.stdout.contains("v0.0.144 is installed, but reproq.lock pins v0.0.145"), "{output:#?}");

    let bytes = installed();
    let lock = fs::read_to_string(bytes.lockfile()).expect("a lock");
    let at = lock.find("sha256 = \"").expect("a digest") + "sha256 = \"".len();
    let flipped = if lock.as_bytes()[at] == b'0' { "1" } else { "0" };
    fs::write(bytes.lockfile(), format!("{}{flipped}{}", &lock[..at], &lock[at + 1..])).expect("written");
    let output = verified(&bytes, &["--json"]);
    assert_eq!(output.code, 5, "{output:#?}");
    assert!(output.stdout.contains("\"kind\": \"other_bytes\""), "{output:#?}");

    let strict = installed();
    fs::remove_file(strict.lockfile()).expect("removed");
    assert_eq!(verified(&strict, &["--require", "pinned"]).code, 5);
    assert_eq!(verified(&strict, &["--require", "digest"]).code, 0);
}

#[test]
fn github_is_requested_only_with_online() {
    let context = installed();
    context.repo().replace_bytes("v0.0.144", &asset_name(), workers::bytes("0.0.145"));
    insta::assert_snapshot!(context.redact(&verified(&context, &["--online"])));
    assert_eq!(verified(&context, &["--online", "--offline"]).code, 2);

    let pruned = Context::new();
    let spec = fake_github::ReleaseSpec::new("v0.0.144").file(&asset_name(), workers::bytes("0.0.144"));
    let release = pruned.repo().add(spec);
    pruned.succeed(&["install"]);
    pruned.repo().delete_release(release);
    pruned.repo().delete_tag("v0.0.144");
    let output = verified(&pruned, &["--online"]);
    assert_eq!(output.code, 0, "what is installed is what was accepted: {output:#?}");
    assert!(output.stdout.contains("v0.0.144 was not found on"), "{output:#?}");

    let mut away = installed();
    away.set("REPROQ_GITHUB_API_URL", "http://127.0.0.1:9").set("REPROQ_HTTP_TIMEOUT", "1");
    assert_eq!(verified(&away, &["--online"]).code, 6);
}
