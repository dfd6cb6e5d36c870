//! Finds other programs, starts them, and watches them to their end: as a stream of lines, or as one short answer.
#![expect(clippy::disallowed_methods, reason = "`go` and `git` are found and started here")]

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsStr;
use std::ffi::OsString;
#[cfg(unix)]
use std::fs;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::build::environment::Environment;
use crate::build::environment::variable;
use crate::secret::without_credentials;
use crate::text::printable;

/// How long `git` and `go` may think about a question.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// How many bytes of one line are shown.
pub(super) const LINE_LIMIT: usize = 1000;

/// How long an answer may be; a list of all files of a large checkout is far shorter.
const ANSWER_LIMIT: u64 = 16 * 1024 * 1024;

/// A child that does not outlive the interest in it.
pub(super) struct Running(pub(super) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn command(program: &Path, environment: &Environment) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The lines of both outputs, as they come, ready to be shown. The channel is bounded, so that a child that prints
/// without end waits instead of filling the memory.
pub(super) fn lines_of(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::sync_channel(256);
    let outputs: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|output| Box::new(output) as Box<dyn Read + Send>),
        child.stderr.take().map(|output| Box::new(output) as Box<dyn Read + Send>),
    ];
    for output in outputs.into_iter().flatten() {
        let sender = sender.clone();
        // Not joined: each ends with its pipe, and a pipe that a grandchild keeps open must not hold anybody up.
        thread::spawn(move || send_lines(BufReader::new(output), &sender));
    }
    lines
}

/// Sends line after line until the output ends or nobody listens. What exceeds the limit of a line is passed over.
fn send_lines(mut output: impl BufRead, lines: &mpsc::SyncSender<String>) {
    loop {
        let mut line = Vec::new();
        let limit = LINE_LIMIT as u64 + 1;
        match output.by_ref().take(limit).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let cut = line.len() > LINE_LIMIT && line.last() != Some(&b'\n');
        if cut {
            line.truncate(LINE_LIMIT);
            if output.skip_until(b'\n').is_err() {
                return;
            }
        }
        let mut shown = shown(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
        if cut {
            shown.push('…');
        }
        if lines.send(shown).is_err() {
            return;
        }
    }
}

/// A line as it may be shown: without control characters, and without the user names and passwords that addresses of
/// proxies and repositories carry.
fn shown(line: &str) -> String {
    printable(&without_credentials(line)).replace('\t', "    ")
}

/// What a short question to another program brought.
#[derive(Debug)]
pub(super) struct Captured {
    /// Whether it exited with 0.
    pub(super) success: bool,
    /// Its standard output; bytes that are no UTF-8 are replaced.
    pub(super) stdout: String,
    /// Its standard error, the same way.
    pub(super) stderr: String,
    status: ExitStatus,
}

impl Captured {
    /// Why it failed, in one line: the last thing it said, else how it ended.
    pub(super) fn complaint(&self) -> String {
        let said = self.stderr.lines().map(str::trim).rfind(|line| !line.is_empty());
        said.map_or_else(|| self.status.to_string(), shown)
    }
}

/// Asks a program a question: runs it in a folder with exactly this environment, no longer than the limit.
pub(super) fn capture(
    program: &Path,
    arguments: &[&OsStr],
    folder: Option<&Path>,
    environment: &[(OsString, OsString)],
    limit: Duration,
) -> io::Result<Captured> {
    let deadline = Instant::now() + limit;
    let mut command = command(program, environment);
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let mut child = Running(command.args(arguments).spawn()?);
    let stdout = child.0.stdout.take().map(read_aside);
    let stderr = child.0.stderr.take().map(read_aside);
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} seconds", limit.as_secs()));
    let receive = |answer: Option<mpsc::Receiver<Vec<u8>>>| -> io::Result<String> {
        let left = deadline.saturating_duration_since(Instant::now());
        let bytes = answer.map_or(Ok(Vec::new()), |answer| answer.recv_timeout(left)).map_err(|_| late())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let (stdout, stderr) = (receive(stdout)?, receive(stderr)?);
    // Half a list would be taken for all of it.
    if stdout.len() as u64 >= ANSWER_LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "its answer is too long"));
    }
    let status = loop {
        match child.0.try_wait()? {
            Some(status) => break status,
            None if Instant::now() >= deadline => return Err(late()),
            None => thread::sleep(Duration::from_millis(1)),
        }
    };
    Ok(Captured { success: status.success(), stdout, stderr, status })
}

/// Reads an output to its end on a thread of its own, keeping what fits the limit.
fn read_aside(mut output: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, answer) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What cannot be read is not part of the answer, and the exit status says whether that matters.
        let _ = output.by_ref().take(ANSWER_LIMIT).read_to_end(&mut bytes);
        let _ = io::copy(&mut output, &mut io::sink());
        let _ = sender.send(bytes);
    });
    answer
}

/// Finds a program in the absolute folders of `PATH`, then in one more; else says where it was looked for.
pub(super) fn find_program(
    name: &str,
    environment: &Environment,
    last: Option<PathBuf>,
) -> Result<PathBuf, Vec<PathBuf>> {
    let path = variable(environment, "PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(path).chain(last).filter(|folder| folder.is_absolute()).collect();
    let file = format!("{name}{EXE_SUFFIX}");
    folders.iter().map(|folder| folder.join(&file)).find(|path| is_executable(path)).ok_or(folders)
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_question_without_an_answer_ends_in_time() {
        let arguments = ["-c", "sleep 60"].map(OsStr::new);
        let asked = capture(Path::new("/bin/sh"), &arguments, None, &[], Duration::from_millis(100));
        assert_eq!(asked.expect_err("no answer").kind(), io::ErrorKind::TimedOut);
    }

    proptest! {
        #[test]
        fn nothing_printed_controls_a_terminal(line in "\\PC{0,20}|[a-z:/@ \"\u{1b}\t]{0,20}", user in "[a-z:]{1,9}") {
            let shown = shown(&format!("{line} https://{user}secret@host.test/"));
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert!(!shown.contains("secret@"));
        }
    }
}
