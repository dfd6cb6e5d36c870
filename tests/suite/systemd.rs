//! `reproq systemd`: units that systemd accepts, with every special character, and no secret in them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::Context;
use crate::support::context::program_under_test;
use crate::support::skip;

const ARGUMENTS: [&str; 4] = ["systemd", "--user", "reproq", "--no-django"];

/// The output, without the path of this program.
fn shown(context: &Context, arguments: &[&str]) -> String {
    context.shown(arguments).replace(program_under_test(), "[REPROQ]")
}

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&ARGUMENTS[..], more].concat()
}

#[test]
fn units_a_procfile_and_services_are_printed() {
    let context = Context::new();
    insta::assert_snapshot!(shown(&context, &with(&["--group", "www", "--concurrency", "4", "--queues", "a b"])));
    insta::assert_snapshot!(shown(
        &context,
        &with(&["--schedule", "--credential", "/etc/reproq/dsn", "--name", "my shop"])
    ));
    insta::assert_snapshot!(shown(&context, &with(&["--prefork", "--name", "shop"])));
    insta::assert_snapshot!(shown(&context, &["systemd", "--procfile", "--queues", "it's"]));
    insta::assert_snapshot!(shown(&context, &["systemd", "--compose", "--queues", "$x \"y\""]));
}

#[test]
fn secrets_are_in_the_environment_file_alone() {
    let context = Context::new();
    let secrets = ["--dsn", "postgres://u:hunter2@h/d", "--metrics-auth-token=tokentoken"];
    let arguments = with(&[&secrets[..], &["--output", "units"]].concat());
    let output = context.succeed(&arguments);
    assert!(!format!("{output:?}").contains("hunter2") && !format!("{output:?}").contains("tokentoken"), "{output:?}");
    insta::assert_snapshot!(context.redact(&output));
    let directory = context.project().join("units");
    for entry in fs::read_dir(&directory).expect("written").flatten() {
        let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
        let text = fs::read_to_string(entry.path()).expect("text");
        let has_secrets = text.contains("hunter2") && text.contains("tokentoken");
        assert_eq!(has_secrets, entry.file_name() == "project.env", "{:?}", entry.path());
    }
    // Without `--output` nothing shows them.
    let printed = context.succeed(&with(&secrets));
    assert!(!format!("{printed:?}").contains("hunter2"), "{printed:?}");
    assert!(printed.stdout.contains("DATABASE_URL and METRICS_AUTH_TOKEN"), "{printed:?}");
}

#[test]
fn a_file_that_differs_is_kept_unless_it_may_be_replaced() {
    let context = Context::new();
    let arguments = with(&["-o", "units"]);
    context.succeed(&arguments);
    let (unit, variables) =
        (context.project().join("units/reproq-worker-project.service"), context.project().join("units/project.env"));
    assert!(context.succeed(&arguments).stdout.contains("unchanged"));
    fs::write(&unit, "mine").expect("written");
    fs::write(&variables, "DATABASE_URL=mine").expect("written");
    insta::assert_snapshot!(shown(&context, &arguments));
    assert_eq!(fs::read_to_string(&unit).expect("text"), "mine");
    let replaced = context.succeed(&with(&["-o", "units", "--force"]));
    assert!(replaced.stdout.contains("replaced"), "{replaced:?}");
    assert!(fs::read_to_string(&unit).expect("text").contains("ExecStart="));
    assert_eq!(fs::read_to_string(&variables).expect("text"), "DATABASE_URL=mine");
}

#[test]
fn what_a_unit_cannot_express_is_refused() {
    let context = Context::new();
    insta::assert_snapshot!(shown(&context, &with(&["--env-file", "/etc/a\nUser=root"])));
    insta::assert_snapshot!(shown(&context, &["systemd"]));
}

/// The values that `sh` reads from the file are the values that were given; systemd has the same rules in double quotes.
#[test]
fn the_environment_file_keeps_every_character() {
    let context = Context::new();
    let token = r#"a\ "b" 'c' $HOME ${X} `id` % # ; 100\"#;
    let output =
        context.succeed(&with(&["-o", "units", "--metrics-auth-token", token, "--dsn", "postgres://u@h/d?x=1&y=2"]));
    assert_eq!(output.code, 0);
    let script = ". ./units/project.env; printf '%s|%s' \"$METRICS_AUTH_TOKEN\" \"$DATABASE_URL\"";
    let read = Command::new("/bin/sh").args(["-c", script]).current_dir(context.project()).output().expect("sh");
    assert_eq!(String::from_utf8_lossy(&read.stdout), format!("{token}|postgres://u@h/d?x=1&y=2"));
}

/// A Procfile and a Compose file lead to the same arguments.
#[test]
fn the_procfile_keeps_every_argument() {
    let context = Context::new();
    let strange = r#"a b"c'd$e\f%g;h"#;
    let printed = context.succeed(&["systemd", "--procfile", "--queues", strange]).stdout;
    let line = printed.lines().find_map(|line| line.strip_prefix("worker: exec reproq ")).expect("a process");
    let words = Command::new("/bin/sh").args(["-c", &format!("printf '%s\\n' {line}")]).output().expect("sh");
    let words = String::from_utf8(words.stdout).expect("UTF-8");
    assert_eq!(words.lines().collect::<Vec<_>>(), ["worker", "--", &format!("--queues={strange}")]);
}

#[test]
fn systemd_accepts_the_units() {
    if !Path::new("/usr/bin/systemd-analyze").exists() {
        skip::record("units as systemd reads them", "install systemd");
        return;
    }
    let mut context = Context::new();
    let strange = context.root().join("a 50% \"it's\" $x");
    fs::create_dir_all(&strange).expect("made");
    context.move_project(strange);
    // Another target than a running system has, so that the user and the paths of this machine do not matter.
    let arguments =
        ["systemd", "--user", "root", "-o", "units", "--name", "shop", "--schedule", "--queues", "a b%c$d\"e\\f"];
    context.succeed(&arguments);
    context.succeed(&["systemd", "--user", "root", "-o", "units", "--name", "shop", "--queues", "a b%c$d\"e\\f"]);
    let directory = context.project().join("units");
    let units = fs::read_dir(&directory).expect("written").flatten().map(|entry| entry.path());
    let units: Vec<_> = units.filter(|path| path.extension().is_some_and(|extension| extension != "env")).collect();
    assert_eq!(units.len(), 4);
    let output = Command::new("/usr/bin/systemd-analyze").arg("verify").args(&units).output().expect("it starts");
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    // The units of this machine may have problems of their own.
    let ours: Vec<&str> = complaints.lines().filter(|line| line.contains("units/reproq-")).collect();
    let unexpected: Vec<&&str> = ours.iter().filter(|line| !line.contains("world-inaccessible")).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}
