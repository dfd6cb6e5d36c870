//! The peak memory of a run, as counted by the system.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use super::Output;
use super::context;

/// The memory that any run on hostile input may take beyond what the same program takes for `--version`. The pages of the
/// tests' unoptimized program are as many again, and more with each command that it gets.
const HOSTILE_LIMIT_KIB: u64 = 20 * 1024;

/// Starts the program and reads its resource usage afterwards, in a separate process: a program started by the tests themselves
/// would inherit their peak.
const MEASURE: &str = "\
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
if sys.platform == 'darwin':
    peak //= 1024
with open(sys.argv[1], 'w') as file:
    file.write(str(peak))
sys.exit(code if code >= 0 else 128 - code)
";

/// Runs a command and returns its output and the largest resident set of it and its children, in KiB. Keeps the command's
/// directory and environment changes; captures its streams.
#[expect(clippy::needless_pass_by_value, reason = "a command is run once")]
pub fn peak_kib(command: Command) -> (Output, u64) {
    let directory = tempfile::tempdir().expect("a directory for the answer");
    let answer = directory.path().join("peak");
    let mut measured = Command::new(python());
    measured.args(["-I", "-S", "-c", MEASURE]).arg(&answer).arg(command.get_program()).args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        measured.current_dir(directory);
    }
    // A command does not expose whether it clears its environment; the suite's commands do.
    measured.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    measured.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = context::wait(measured.spawn().expect("python3 starts"));
    let peak = fs::read_to_string(&answer).unwrap_or_else(|error| panic!("nothing was measured: {error}: {output:#?}"));
    (output, peak.parse().expect("a number"))
}

/// The memory that a response may take beyond a short one to the same request: the 8 MiB that are read of it, and half as many. Both
/// runs execute the same code, whose pages therefore do not count.
const ENDLESS_LIMIT_KIB: u64 = 12 * 1024;

/// As [`within_the_limit`], beside the peak of the same command with a short response.
pub fn within_the_limit_of_a_response(command: Command, usual: u64) -> Output {
    let (output, peak) = peak_kib(command);
    let taken = peak.saturating_sub(usual);
    assert!(taken < ENDLESS_LIMIT_KIB, "{taken} KiB beyond the {usual} KiB of a short response: {output:#?}");
    output
}

/// As [`peak_kib`], but panics if the run exceeds the limit for hostile input.
pub fn within_the_limit(command: Command) -> Output {
    let (_, idle) = peak_kib(idle(&command));
    let (output, peak) = peak_kib(command);
    let taken = peak.saturating_sub(idle);
    assert!(taken < HOSTILE_LIMIT_KIB, "{taken} KiB beyond the {idle} KiB of the program: {output:#?}");
    output
}

/// The same program in the same environment, with nothing to do.
fn idle(command: &Command) -> Command {
    let mut idle = Command::new(command.get_program());
    idle.arg("--version").env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    idle
}

/// The system's own, because a version manager's shim needs an environment that the suite's runs do not have.
fn python() -> PathBuf {
    let systems = Path::new("/usr/bin/python3");
    if systems.is_file() { systems.to_owned() } else { PathBuf::from("python3") }
}

#[test]
fn memory_is_counted_where_it_is_taken() {
    let python = |code: &str| {
        let mut command = Command::new(python());
        command.args(["-I", "-S", "-c", code]);
        peak_kib(command)
    };
    let (idle, little) = python("raise SystemExit(3)");
    assert_eq!(idle.code, 3, "{idle:#?}");
    let (_, much) = python("b'x' * (64 << 20)");
    assert!(little < 2 * HOSTILE_LIMIT_KIB, "{little}");
    assert!(much - little > 60 * 1024, "{much}");
}
