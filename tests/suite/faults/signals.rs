//! SIGINT, SIGTERM and SIGHUP at every stage: exit code 130, no files left, no child process left, and the cursor restored.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;

use super::FOR_EVER;
use super::INSTALL;
use super::files;
use super::judge;
use super::project;
use super::recovers;
use super::started_by;
use crate::support::Context;
use crate::support::context::asset_name;
use crate::support::context::send;
use crate::support::context::wait;
use crate::support::fault_table::Part;
use crate::support::samples;
use crate::support::workers;

const SIGNALS: [&str; 3] = ["INT", "TERM", "HUP"];
const PATIENCE: Duration = Duration::from_secs(30);
const SAYS: &str = "interrupted; unfinished changes were discarded";

/// Starts an install for each signal, waits for a stage, sends the signal, and checks what is left.
fn at_stage(stage: &str, prepare: impl Fn(&Context), reached: impl Fn(&Context), undo: impl Fn(&Context)) {
    for signal in SIGNALS {
        let context = project();
        let before = files(&context.project());
        prepare(&context);
        let child = context.spawn(INSTALL);
        reached(&context);
        send(signal, &child);
        let output = wait(child);
        undo(&context);
        let name = format!("signal: SIGINT, SIGTERM or SIGHUP {stage}");
        judge(Part::Machine, &name, &context, &output, &before, 130, SAYS);
        context.github.clear_faults();
        recovers(&context, INSTALL);
    }
}

fn arrives(context: &Context, matcher: &Matcher) {
    assert!(context.github.wait_for(matcher, 1, PATIENCE), "the installation came so far");
}

/// Waits until the worker under test writes its process ID.
fn hanging(context: &Context) -> u32 {
    let mark = context.project().join("hanging");
    for _ in 0..3000 {
        if let Ok(text) = fs::read_to_string(&mark) {
            return text.parse().expect("a number");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the worker was never tried");
}

fn is_gone(process: u32) -> bool {
    (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        let shown = Command::new("ps").args(["-o", "stat=", "-p", &process.to_string()]).output().expect("ps runs");
        let state = String::from_utf8_lossy(&shown.stdout).trim().to_owned();
        // An orphaned process remains in the table until init reaps it.
        state.is_empty() || state.starts_with('Z')
    })
}

#[test]
fn while_the_release_is_requested() {
    let stall = |context: &Context| context.github.fault(Matcher::api(), Fault::StallHeaders { hold: FOR_EVER });
    at_stage("while the release is looked up", stall, |context| arrives(context, &Matcher::api()), |_| {});
}

#[test]
fn while_waiting_to_try_again() {
    let busy = Fault::Status { code: 503, headers: vec![("Retry-After".into(), "20".into())], body: String::new() };
    let fault = move |context: &Context| context.github.fault(Matcher::objects(), busy.clone());
    at_stage("while waiting to try again", fault, |context| arrives(context, &Matcher::objects()), |_| {});
}

#[test]
fn while_downloading() {
    let stall = Fault::StallBody { after: 100_000, hold: FOR_EVER };
    let fault = move |context: &Context| context.github.fault(Matcher::objects(), stall.clone());
    at_stage("while downloading", fault, |context| arrives(context, &Matcher::objects()), |_| {});
}

/// The download, the unpacked executable and the started program must all be cleaned up.
#[test]
fn while_the_unpacked_worker_is_started() {
    let archived = |context: &Context| {
        let archive = samples::tar_gz("reproq", &workers::bytes(super::NEW));
        let name = format!("{}.tar.gz", asset_name());
        context.repo().add(ReleaseSpec::new("v0.0.144").file(&name, archive));
        fs::write(context.project().join("hang"), "").expect("written");
    };
    let reached = |context: &Context| assert_ne!(hanging(context), 0);
    let undo = |context: &Context| {
        assert!(is_gone(hanging(context)), "the worker that was tried lives on");
        for mark in ["hanging", "hang"] {
            fs::remove_file(context.project().join(mark)).expect("removed");
        }
    };
    at_stage("while the unpacked worker is tried", archived, reached, undo);
}

#[test]
fn while_waiting_for_the_lock() {
    for signal in SIGNALS {
        let context = project();
        context.github.fault(Matcher::objects(), Fault::StallBody { after: 100_000, hold: FOR_EVER });
        let holder = context.spawn(INSTALL);
        arrives(&context, &Matcher::objects());
        let mut waiting = context.spawn(INSTALL);
        let mut said = BufReader::new(waiting.stderr.take().expect("piped")).lines();
        let line = said.next().expect("a line").expect("text");
        assert!(line.starts_with("waiting for another installation"), "{line}");
        let staged = context.staged();
        send(signal, &waiting);
        let rest: Vec<String> = said.map(|line| line.expect("text")).collect();
        let mut output = wait(waiting);
        output.stderr = rest.join("\n");
        assert_eq!((output.code, rest.as_slice()), (130, &[format!("error: {SAYS}")][..]));
        assert_eq!(context.staged(), staged, "what the other one downloads is left alone");
        let name = "signal: SIGINT, SIGTERM or SIGHUP while waiting for the lock";
        let left = "what the other installation has so far";
        crate::support::fault_table::record(Part::Machine, name, &context, &output, left);
        send(signal, &holder);
        assert_eq!(wait(holder).code, 130);
        context.github.clear_faults();
        recovers(&context, INSTALL);
    }
}

/// Runs a command on its own terminal. On an input line, Ctrl-C is typed there, which reaches the program and its children. The
/// terminal's output goes to stdout.
const TERMINAL: &str = "\
import os, pty, select, sys
child, master = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shown, inputs = b'', [master, 0]
while True:
    ready = select.select(inputs, [], [])[0]
    if 0 in ready:
        inputs.remove(0)
        os.read(0, 100)
        os.write(master, b'\\x03')
    if master in ready:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
status = os.waitpid(child, 0)[1]
sys.stdout.buffer.write(shown)
sys.stdout.flush()
os._exit(os.waitstatus_to_exitcode(status) & 255)
";

/// Presses Ctrl-C on a terminal when `reached` returns. Returns the exit code and the terminal's output.
fn typed(context: &Context, reached: impl Fn()) -> (Option<i32>, String) {
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-I", "-S", "-c", TERMINAL]);
    let mut command = started_by(python, &context.command(INSTALL));
    command.env("TERM", "xterm").stdin(Stdio::piped()).stderr(Stdio::inherit()).process_group(0);
    let mut terminal = command.spawn().expect("python3 starts");
    reached();
    // The line of a step is drawn after 300 ms, and ten times a second from then on.
    std::thread::sleep(Duration::from_millis(900));
    terminal.stdin.as_mut().expect("piped").write_all(b"now\n").expect("told");
    let output = terminal.wait_with_output().expect("it ends");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn ctrl_c_on_a_terminal_restores_the_cursor() {
    let context = project();
    context.github.fault(Matcher::objects(), Fault::StallBody { after: 100_000, hold: FOR_EVER });
    let before = files(&context.project());
    let (code, shown) = typed(&context, || arrives(&context, &Matcher::objects()));
    assert_eq!(code, Some(130), "{shown:?}");
    assert!(shown.contains("Downloading"), "a bar was drawn: {shown:?}");
    let given_back = shown.rfind("\x1b[?25h").expect("the cursor is shown again");
    assert!(shown.rfind("\x1b[?25l").is_none_or(|hidden| hidden < given_back), "{shown:?}");
    assert!(shown[given_back..].contains(SAYS), "{shown:?}");
    let without_lock = |mut files: std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>| {
        files.remove(std::path::Path::new(".reproq/lock"));
        files
    };
    assert!(without_lock(files(&context.project())) == without_lock(before), "the store is as it was");
    context.github.clear_faults();
    recovers(&context, INSTALL);
}

/// The signal also reaches the worker under test, whose exit must not count as a failure of it.
#[test]
fn ctrl_c_while_the_worker_is_started_is_not_a_failure_of_the_worker() {
    for _ in 0..5 {
        let context = project();
        fs::write(context.project().join("hang"), "").expect("written");
        let (code, shown) = typed(&context, || {
            hanging(&context);
        });
        assert_eq!(code, Some(130), "{shown:?}");
        assert!(!shown.contains("does not run"), "{shown:?}");
        assert!(is_gone(hanging(&context)) && context.staged().is_empty());
        fs::remove_file(context.project().join("hang")).expect("removed");
        fs::remove_file(context.project().join("hanging")).expect("removed");
        recovers(&context, INSTALL);
    }
}
