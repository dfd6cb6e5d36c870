//! Runs a program without a time limit and passes on each line it prints.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::io::process::ProcessError;
use crate::io::process::Request;
use crate::io::process::group::Group;
use crate::io::process::group::command;
use crate::io::process::group::start;
use crate::model::secret::without_credentials;
use crate::model::text::printable;

/// The maximum length of a displayed line, in bytes.
pub(crate) const LINE_LIMIT: usize = 1000;

/// How often a silent program is polled.
const PULSE: Duration = Duration::from_millis(50);

/// How long to wait for output after the program has ended; only a process that left its process group can keep the
/// pipe open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs a program to its end. Each line it prints is passed on immediately, sanitized for display. `is_canceled` is polled
/// many times per second; when it returns true, the program and everything it started are killed.
pub(crate) fn stream(
    request: &Request<'_>,
    line: &mut dyn FnMut(String),
    is_canceled: &dyn Fn() -> bool,
) -> Result<ExitStatus, ProcessError> {
    let mut command = command(request.program, request.environment);
    command.args(request.arguments);
    if let Some(directory) = request.directory {
        command.current_dir(directory);
    }
    let failed = |source| ProcessError::Start { program: request.program.to_owned(), source };
    let began = Instant::now();
    let mut group = start(&mut command).map_err(failed)?;
    let lines = lines_of(&mut group).map_err(failed)?;
    let mut gone: Option<(Instant, ExitStatus)> = None;
    loop {
        if is_canceled() {
            return Err(ProcessError::GivenUp);
        }
        let mut is_silent = false;
        match lines.recv_timeout(PULSE) {
            Ok(text) => line(text),
            Err(RecvTimeoutError::Disconnected) => {
                is_silent = true;
                thread::sleep(Duration::from_millis(1));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        match gone {
            Some((since, status)) if is_silent || since.elapsed() > LAST_WORDS => return Ok(status),
            Some(_) => {}
            None => gone = ended(&mut group, request.program)?.map(|status| (Instant::now(), status)),
        }
        if gone.is_none() && began.elapsed() > request.limit {
            return Err(ProcessError::TimedOut { limit: request.limit, stdout: Vec::new(), stderr: Vec::new() });
        }
    }
}

fn ended(group: &mut Group, program: &Path) -> Result<Option<ExitStatus>, ProcessError> {
    group.ended().map_err(|source| ProcessError::Lost { program: program.to_owned(), source })
}

/// The lines of both outputs, sanitized for display. The channel is bounded, so that a child with endless output
/// blocks instead of filling the memory.
fn lines_of(group: &mut Group) -> io::Result<mpsc::Receiver<String>> {
    let (sender, lines) = mpsc::sync_channel(256);
    let outputs: [Option<Box<dyn Read + Send>>; 2] = [
        group.child.stdout.take().map(|output| Box::new(output) as Box<dyn Read + Send>),
        group.child.stderr.take().map(|output| Box::new(output) as Box<dyn Read + Send>),
    ];
    for output in outputs.into_iter().flatten() {
        let sender = sender.clone();
        // Not joined: each ends with its pipe, and a pipe that another process keeps open must not block.
        thread::Builder::new().name("lines".to_owned()).spawn(move || send_lines(BufReader::new(output), &sender))?;
    }
    Ok(lines)
}

/// Sends lines until the output ends or the receiver is gone. The excess of a long line is dropped.
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

/// A line for display: without control characters, and without user names and passwords in the URLs of proxies and
/// repositories.
pub(crate) fn shown(line: &str) -> String {
    printable(&without_credentials(line)).replace('\t', "    ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_printed_controls_a_terminal(line in "\\PC{0,20}|[a-z:/@ \"\u{1b}\t]{0,20}", user in "[a-z:]{1,9}") {
            let shown = shown(&format!("{line} https://{user}secret@host.test/"));
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert!(!shown.contains("secret@"));
        }
    }
}
