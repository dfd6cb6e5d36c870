//! Kills the program at a chosen system call with `strace`, so that every visible change can be the last one.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use super::Context;
use super::skip;

/// The calls that make visible changes to a file system.
const CHANGES: &str = "openat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,\
                       rmdir,write,writev,pwrite64,fsync,fdatasync,chmod,fchmod,fchmodat,truncate,ftruncate,flock";

/// How to install it.
pub const STRACE: &str = "install strace, and run where processes may be traced";

/// A moment of a run: the nth call of this name in a thread.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    call: String,
    nth: usize,
}

/// Whether tracing works here. Recorded as skipped if it does not.
pub fn is_there() -> bool {
    let tried = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let is_there = tried.is_ok_and(|status| status.success());
    if !is_there {
        skip::record("a kill at every system call; only at random instants", STRACE);
    }
    is_there
}

/// Runs the program and lists the moments at which it is about to change something below `.reproq`. Nothing changes between two
/// of them, so a kill at each covers every visible step.
pub fn moments(context: &Context, arguments: &[&str]) -> BTreeSet<Moment> {
    moments_about(context, arguments, "/.reproq")
}

/// As [`moments`], for paths that contain this.
pub fn moments_about(context: &Context, arguments: &[&str], part: &str) -> BTreeSet<Moment> {
    let log = context.root().join("strace.log");
    let log_name = log.to_str().expect("UTF-8");
    let output = traced(context, &["-y", "-e", &format!("trace={CHANGES}"), "-o", log_name], arguments)
        .output()
        .expect("strace starts");
    assert!(output.status.success(), "{output:#?}");
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut moments = BTreeSet::new();
    for line in fs::read_to_string(&log).expect("a log").lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((call, arguments)) = rest.trim_start().split_once('(') else { continue };
        let nth = counts.entry((thread.to_owned(), call.to_owned())).or_default();
        *nth += 1;
        let changes = arguments.contains(part) && (call != "openat" || arguments.contains("O_CREAT"));
        if changes {
            moments.insert(Moment { call: call.to_owned(), nth: *nth });
        }
    }
    assert!(moments.len() > 3, "the log names the changes");
    moments
}

/// Every path that the program passes to a system call.
pub fn paths(context: &Context, arguments: &[&str]) -> BTreeSet<PathBuf> {
    let log = context.root().join("strace.log");
    let log_name = log.to_str().expect("UTF-8");
    traced(context, &["-y", "-e", "trace=%file", "-o", log_name], arguments).status().expect("strace starts");
    let text = fs::read_to_string(&log).expect("a log");
    text.lines().flat_map(|line| paths_of(line, &context.project())).collect()
}

/// The call with which the program's main thread renames something to a path with this suffix, in the form for [`refusing`]:
/// its name and position.
pub fn rename_to(context: &Context, arguments: &[&str], end: &str) -> (String, usize) {
    let log = context.root().join("strace.log");
    let log_name = log.to_str().expect("UTF-8");
    let options = ["-y", "-e", "trace=rename,renameat,renameat2", "-o", log_name];
    assert!(main_thread(context, &options, arguments).status().expect("strace starts").success());
    let text = fs::read_to_string(&log).expect("a log");
    let calls: Vec<(&str, Option<PathBuf>)> = text
        .lines()
        .filter_map(|line| Some((line.split_once('(')?.0, paths_of(line, &context.project()).pop())))
        .collect();
    let found =
        calls.iter().position(|(_, to)| to.as_ref().is_some_and(|to| to.ends_with(end))).expect("it is renamed");
    let call = calls[found].0;
    (call.to_owned(), calls[..=found].iter().filter(|(other, _)| *other == call).count())
}

/// The program, started so that some system calls of its main thread fail: `flock:error=ENOLCK`. Its children are not affected.
pub fn refusing(context: &Context, inject: &str, arguments: &[&str]) -> Command {
    let calls = inject.split(':').next().unwrap_or_default();
    let options = ["-e", &format!("trace={calls}"), "-e", &format!("inject={inject}"), "-o", "/dev/null"];
    let mut command = main_thread(context, &options, arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn main_thread(context: &Context, options: &[&str], arguments: &[&str]) -> Command {
    let program = context.command(arguments);
    let mut command = Command::new("strace");
    command.args(["-qq"]).args(options).arg("--").arg(program.get_program());
    command.args(arguments).current_dir(context.project()).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The paths in one line of a log: strings, each relative to the directory of the preceding descriptor.
fn paths_of(line: &str, directory: &Path) -> Vec<PathBuf> {
    let parts: Vec<&str> = line.split('"').collect();
    let named = parts.chunks_exact(2).filter_map(|pair| {
        let [before, name] = pair else { return None };
        let descriptor = before.strip_suffix(">, ").and_then(|before| before.rsplit_once('<')).map(|(_, path)| path);
        (!name.is_empty()).then(|| directory.join(descriptor.unwrap_or_default()).join(name))
    });
    named.collect()
}

/// Runs the program and kills it at this moment. Returns whether it was reached.
pub fn killed_at(context: &Context, moment: &Moment, arguments: &[&str]) -> bool {
    let Moment { call, nth } = moment;
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let options = ["-e", &format!("trace={call}"), "-e", &inject, "-o", "/dev/null"];
    let status = traced(context, &options, arguments).status().expect("strace starts");
    !status.success()
}

fn traced(context: &Context, options: &[&str], arguments: &[&str]) -> Command {
    let program = context.command(arguments);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-s", "0"]).args(options).arg("--").arg(program.get_program());
    command.args(arguments).current_dir(context.project()).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
