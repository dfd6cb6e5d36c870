//! Offline, no command opens a socket; and a command that cannot work offline reports what would help.

use std::fs;
use std::process::Command;

use crate::support::Context;
use crate::support::skip;
use crate::support::strace::STRACE;

/// Whether strace can be used here.
fn can_trace() -> bool {
    let works = Command::new("strace").args(["-e", "trace=socket", "true"]).output();
    let works = works.is_ok_and(|output| output.status.success());
    if !works {
        skip::record("that no socket is opened", STRACE);
    }
    works
}

/// Runs under strace and returns the exit code and the sockets other than Unix sockets.
fn traced(context: &Context, arguments: &[&str]) -> (i32, Vec<String>) {
    let log = context.root().join("trace");
    let plain = context.command(arguments);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", "trace=socket,connect,sendto", "-o"]).arg(&log).arg(plain.get_program());
    command.args(plain.get_args()).current_dir(context.project()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().expect("strace runs");
    let trace = fs::read_to_string(&log).expect("a trace");
    let sockets = trace.lines().filter(|line| line.contains("AF_INET")).map(str::to_owned).collect();
    (output.status.code().unwrap_or(-1), sockets)
}

#[test]
fn no_socket_is_opened_by_any_command() {
    if !can_trace() {
        return;
    }
    let mut context = Context::released();
    context.succeed(&["install"]);
    context.release("v0.0.145");
    context.succeed(&["upgrade"]);
    context.github.clear_log();
    // Checks that the probe detects sockets.
    let (code, sockets) = traced(&context, &["install", "--tag", "latest"]);
    assert!(code == 0 && !sockets.is_empty(), "{code} {sockets:?}");
    context.set("REPROQ_OFFLINE", "1");
    for (arguments, expected) in [
        (&["install"][..], 0),
        (&["install", "--force"], 0),
        (&["verify"], 0),
        (&["which", "--no-django"], 0),
        (&["versions"], 0),
        (&["cache", "list"], 0),
        (&["doctor", "--no-django"], 0),
        (&["rollback"], 0),
        (&["install", "--locked"], 0),
        (&["upgrade"], 6),
        (&["lock", "--tag", "v0.0.150"], 6),
        (&["install", "--tag", "v0.0.150"], 6),
    ] {
        let (code, sockets) = traced(&context, arguments);
        assert_eq!(code, expected, "{arguments:?}");
        assert!(sockets.is_empty(), "{arguments:?}: {sockets:#?}");
    }
}

#[test]
fn offline_missing_files_are_named_with_a_remedy() {
    let mut context = Context::released();
    context.succeed(&["lock"]);
    context.github.clear_log();
    insta::assert_snapshot!(context.shown(&["install", "--offline"]));
    insta::assert_snapshot!(context.shown(&["install", "--offline", "--locked"]));
    assert!(context.github.requests().is_empty());
    // A checkout of the locked version is used only for an explicit build.
    context.with_go().sibling_checkout();
    let refused = context.run(&["install", "--offline"]);
    assert!(refused.code == 6 && refused.stderr.contains("`reproq install --build`"), "{refused:#?}");
    let output = context.succeed(&["install", "--offline", "--build"]);
    assert!(output.stdout.contains("built"), "{output:#?}");
}
