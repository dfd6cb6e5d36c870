//! `install --to`: what it replaces, and what it never replaces.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::Context;
use crate::support::Output;
use crate::support::context::program_under_test;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::workers;

/// Runs a copy of the program.
fn run(program: &Path, context: &Context, arguments: &[&str]) -> Output {
    let template = context.command(arguments);
    let mut command = Command::new(program);
    command.args(arguments).current_dir(context.project()).env_clear();
    command.envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))));
    context.output(command)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn this_command_is_never_replaced_by_whatever_name() {
    let context = Context::released();
    let own = context.root().join("usr/local/bin/reproq");
    for directory in ["usr/local/bin", "linked", "hard", "copied"] {
        fs::create_dir_all(context.root().join(directory)).expect("made");
    }
    fs::copy(program_under_test(), &own).expect("copied");
    let bytes = fs::read(&own).expect("readable");
    let at = |name: &str| context.root().join(name);
    symlink(own.parent().expect("a directory"), at("directory")).expect("a link");
    symlink(&own, at("linked/reproq")).expect("a link");
    fs::hard_link(&own, at("hard/reproq")).expect("linked");
    fs::copy(&own, at("copied/reproq")).expect("copied");
    for (what, place) in [
        ("this command", "usr/local/bin/"),
        ("a directory with this command, by a link", "directory/"),
        ("a link to this command", "linked/reproq"),
        ("a hard link of this command", "hard/reproq"),
        ("a copy of this command", "copied/"),
    ] {
        let to = format!("{}/{place}", text(context.root()));
        for more in [&[][..], &["--force"], &["--dry-run"]] {
            let output = run(&own, &context, &[&["install", "--no-django", "--to", &to], more].concat());
            assert_eq!(output.code, 8, "{what}: {output:#?}");
            assert!(output.stderr.contains("this command itself"), "{what}: {output:#?}");
            if more.is_empty() {
                let left = "this command, as it was";
                record(Part::Machine, &format!("install --to: {what}"), &context, &output, left);
            }
        }
    }
    for name in ["usr/local/bin/reproq", "hard/reproq", "copied/reproq"] {
        assert!(fs::read(at(name)).expect("there") == bytes, "{name}");
        let directory = at(name).with_file_name(".reproq.reproq");
        assert!(!directory.exists(), "nothing is made before it is refused");
    }
    assert!(at("linked/reproq").is_symlink());
    // In a project it is not replaced while it runs either.
    let inside = context.binary();
    fs::create_dir_all(inside.parent().expect("a directory")).expect("made");
    fs::hard_link(&own, &inside).expect("linked");
    assert_eq!(run(&own, &context, &["install", "--no-django"]).code, 8);
}

#[test]
fn a_file_that_was_not_installed_is_replaced_only_with_force() {
    let context = Context::released();
    let notes = context.project().join("notes.txt");
    fs::write(&notes, "mine").expect("written");
    let install = ["install", "--no-django", "--to", "notes.txt"];
    let output = context.run(&install);
    assert_eq!(output.code, 8, "{output:#?}");
    assert_eq!(fs::read_to_string(&notes).expect("there"), "mine");
    assert!(!context.project().join(".notes.txt.reproq").exists(), "nothing is made before it is refused");
    record(Part::Machine, "install --to: a file that reproq did not install", &context, &output, "the file, as it was");
    assert_eq!(context.run(&[&install[..], &["--dry-run"]].concat()).code, 8);
    context.succeed(&[&install[..], &["--force"]].concat());
    assert_eq!(fs::read(&notes).expect("there"), workers::bytes("0.0.144"));
    // A link is not a plain file, regardless of its target.
    symlink("notes.txt", context.project().join("link")).expect("a link");
    for more in [&[][..], &["--force"]] {
        let output = context.run(&[&["install", "--no-django", "--to", "link"], more].concat());
        assert_eq!(output.code, 8, "{output:#?}");
    }
    assert!(context.project().join("link").is_symlink());
}

#[test]
fn what_was_installed_is_upgraded_and_repaired_and_another_program_in_its_place_is_not() {
    let context = Context::released();
    context.release("v0.0.143");
    let place = context.root().join("bin/worker");
    let install = |tag: &str| context.run(&["install", "--no-django", "--to", text(&place), "--tag", tag]);
    assert_eq!(install("v0.0.143").code, 0);
    assert_eq!(install("v0.0.144").code, 0, "it is upgraded without --force");
    let mut damaged = workers::bytes("0.0.144");
    damaged.push(0);
    fs::write(&place, damaged).expect("written");
    let output = install("v0.0.144");
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(fs::read(&place).expect("there"), workers::bytes("0.0.144"));
    fs::remove_file(&place).expect("removed");
    fs::write(&place, "#!/bin/sh\necho mine\n").expect("written");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("executable");
    let output = install("v0.0.144");
    assert_eq!(output.code, 8, "{output:#?}");
    let fault = "install --to: another program in the place of the worker";
    record(Part::Machine, fault, &context, &output, "the program, as it was");
    assert_eq!(fs::read_to_string(&place).expect("there"), "#!/bin/sh\necho mine\n");
}
