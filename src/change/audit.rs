//! The audit record: one JSON line before and one after each request, flushed to disk before the next step.
//! It contains what is needed to undo the changes, as far as they can be undone.
#![expect(clippy::disallowed_methods, reason = "the record is written and read here")]

use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::io::fs::Dir;
use crate::io::fs::FileError;
use crate::io::fs::bounded_read;
use crate::io::fs::new_record;
use crate::io::fs::open_record;

/// The schema of an audit record.
pub const AUDIT_SCHEMA: &str = "reproq.audit/1";

/// The maximum size of a record, in bytes.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The maximum length of a line, in bytes: a release has at most a thousand assets.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeLine<S, A> {
    /// The time.
    pub time: DateTime<Utc>,
    /// The event.
    #[serde(flatten)]
    pub event: ChangeEvent<S, A>,
}

/// An event. `S` names what is changed, such as a repository; `A` is one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum ChangeEvent<S, A> {
    /// A run begins.
    Begin {
        /// [`AUDIT_SCHEMA`].
        schema: String,
        /// The version of reproq.
        tool_version: String,
        /// The command, such as `prune`.
        command: String,
        /// What is changed.
        #[serde(flatten)]
        subject: S,
        /// The digest of the plan, if there is one.
        plan_digest: Option<String>,
        /// The affected names, in order of execution.
        units: Vec<String>,
    },
    /// A request is about to be sent.
    Intent {
        /// Its number in this run, from 1.
        request: u64,
        /// The change it requests.
        #[serde(flatten)]
        action: A,
    },
    /// The response to a request.
    Result {
        /// The number of the request.
        request: u64,
        /// `done`, or the kind of refusal.
        outcome: String,
        /// The HTTP status, if there was a response.
        status: Option<u16>,
        /// The server's ID of the request.
        request_id: Option<String>,
        /// The server's message.
        message: Option<String>,
    },
    /// A new listing resolved an ambiguous response.
    Decided {
        /// The unit; its field keeps the name it has since the first version.
        #[serde(rename = "tag")]
        unit: String,
        /// Its outcome.
        finding: String,
    },
    /// The run ends.
    End {
        /// The outcome.
        status: String,
        /// The changed units; its field keeps the name it has since the first version.
        #[serde(rename = "deleted")]
        changed: usize,
    },
    /// An event of a later version.
    #[serde(other)]
    Unknown,
}

/// Why the audit record cannot be written or read.
#[derive(Debug, Error)]
pub enum AuditError {
    /// The file cannot be written. Nothing is changed without a record.
    #[error("failed to write the audit record `{path}`", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// Something else has its name, or an I/O error occurs.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file cannot be read.
    #[error("failed to read the audit record `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// The line that begins a run is missing.
    #[error("line {line} of `{path}` has no repository: the first line of its run is missing", path = path.display())]
    Unbound {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
    },
    /// A line is not a valid audit record.
    #[error("line {line} of `{path}` is not a valid audit record: {reason}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// An audit record that is being written.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    file: File,
    requests: u64,
}

impl Audit {
    /// Opens a record. An existing file is continued, so no earlier line is lost. A line that a crash truncated is
    /// terminated, so that the next line is not appended to it.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let error = |source| AuditError::Write { path: path.to_owned(), source };
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).map_err(error)?;
        }
        let mut file = open_record(path)?;
        if is_cut(&mut file).map_err(error)? {
            file.write_all(b"\n").map_err(error)?;
        }
        Ok(Self { path: path.to_owned(), file, requests: 0 })
    }

    /// Creates a record in a directory, with a unique name that begins with `stem`.
    pub fn create(directory: &Dir, stem: &str) -> Result<Self, AuditError> {
        let (path, file) = new_record(directory, stem, "jsonl")?;
        Ok(Self { path, file, requests: 0 })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of recorded requests.
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Records a request before it is sent; returns its number for its result.
    pub fn intent<A: Serialize>(&mut self, time: DateTime<Utc>, action: A) -> Result<u64, AuditError> {
        let request = self.requests + 1;
        self.write(time, ChangeEvent::<(), A>::Intent { request, action })?;
        self.requests = request;
        Ok(request)
    }

    /// Appends a line and flushes it to disk.
    pub fn write<S: Serialize, A: Serialize>(
        &mut self,
        time: DateTime<Utc>,
        event: ChangeEvent<S, A>,
    ) -> Result<(), AuditError> {
        let mut line = serde_json::to_vec(&ChangeLine { time, event }).expect("a line is serializable as JSON");
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        written.map_err(|source| AuditError::Write { path: self.path.clone(), source })
    }
}

/// Whether an existing record does not end with a newline.
fn is_cut(record: &mut File) -> io::Result<bool> {
    if record.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    record.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    record.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Reads a record line by line, with line numbers, in bounded memory. A line that a crash truncated is ignored; it can
/// only be followed by another run or the end of the file.
pub(crate) fn read_audit_lines<S: DeserializeOwned, A: DeserializeOwned>(
    path: &Path,
    each: &mut dyn FnMut(usize, ChangeLine<S, A>) -> Result<(), AuditError>,
) -> Result<(), AuditError> {
    let error = |source| AuditError::Read { path: path.to_owned(), source };
    let (file, metadata) = bounded_read::open_regular(path).map_err(error)?;
    if metadata.len() > MAX_BYTES {
        // A truncated record would be taken for a complete one.
        let too_long = format!("it has more than {MAX_BYTES} bytes");
        return Err(error(io::Error::new(io::ErrorKind::InvalidData, too_long)));
    }
    let mut record = BufReader::new(file.take(MAX_BYTES));
    let mut cut = None;
    // One buffer for all lines: freeing a long one for each line leaves holes.
    let mut text = Vec::new();
    for index in 0.. {
        text.clear();
        if record.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text).map_err(error)? == 0 {
            break;
        }
        let has_end = text.ends_with(b"\n");
        if !has_end && text.len() as u64 == LONGEST_LINE {
            let reason = format!("it has more than {LONGEST_LINE} bytes");
            return Err(AuditError::Line { path: path.to_owned(), line: index + 1, reason });
        }
        let line = text.trim_ascii();
        if line.is_empty() {
            continue;
        }
        match serde_json::from_slice::<ChangeLine<S, A>>(line) {
            Ok(line) => {
                let is_begin = matches!(line.event, ChangeEvent::Begin { .. });
                if let Some(error) = cut.take().filter(|_| !is_begin) {
                    return Err(error);
                }
                each(index + 1, line)?;
            }
            Err(error) => {
                let is_cut = error.is_eof() || !has_end;
                let error = AuditError::Line { path: path.to_owned(), line: index + 1, reason: error.to_string() };
                if !is_cut {
                    return Err(error);
                }
                // A run may be truncated in its first line, after another truncated line: report the first.
                cut.get_or_insert(error);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    struct Subject {
        service: String,
    }

    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(tag = "action", rename_all = "kebab-case")]
    enum Step {
        Set { key: String },
    }

    type Event = ChangeEvent<Subject, Step>;

    fn read(path: &Path) -> Result<Vec<Event>, AuditError> {
        let mut events = Vec::new();
        read_audit_lines(path, &mut |_, line| {
            events.push(line.event);
            Ok(())
        })?;
        Ok(events)
    }

    fn begin() -> Event {
        Event::Begin {
            schema: AUDIT_SCHEMA.to_owned(),
            tool_version: "1.0.0".to_owned(),
            command: "apply".to_owned(),
            subject: Subject { service: "srv-1".to_owned() },
            plan_digest: None,
            units: vec!["r\u{e9}sum\u{e9}".to_owned()],
        }
    }

    #[test]
    fn a_record_names_what_is_changed_whatever_it_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("deep/audit.jsonl");
        let mut audit = Audit::open(&path).expect("opened");
        audit.write(DateTime::UNIX_EPOCH, begin()).expect("written");
        let step = Step::Set { key: "A".to_owned() };
        assert_eq!(audit.intent(DateTime::UNIX_EPOCH, step.clone()).expect("written"), 1);
        let text = std::fs::read_to_string(&path).expect("text");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!((&lines[0]["event"], &lines[0]["service"]), (&"begin".into(), &"srv-1".into()));
        assert_eq!((&lines[1]["action"], &lines[1]["key"]), (&"set".into(), &"A".into()));
        assert_eq!(read(&path).expect("read"), [begin(), Event::Intent { request: 1, action: step }]);
    }

    /// Wherever a crash truncates a record, even inside a character, the lines before it are read, and a run appended
    /// to the same file loses none of them.
    #[test]
    fn a_record_truncated_anywhere_is_read_and_continued() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("audit.jsonl");
        let time = DateTime::UNIX_EPOCH;
        let mut audit = Audit::open(&path).expect("opened");
        audit.write(time, begin()).expect("written");
        audit.intent(time, Step::Set { key: "r\u{e9}sum\u{e9}".to_owned() }).expect("written");
        let text = std::fs::read(&path).expect("text");
        let whole = read(&path).expect("read");
        for length in 0..text.len() {
            std::fs::write(&path, &text[..length]).expect("cut");
            let left = read(&path).unwrap_or_else(|error| panic!("cut to {length} bytes: {error}"));
            assert!(whole.starts_with(&left), "cut to {length} bytes");
            Audit::open(&path).expect("opened again").write(time, begin()).expect("written");
            let continued = read(&path).unwrap_or_else(|error| panic!("continued at {length} bytes: {error}"));
            assert_eq!(continued, [&left[..], &whole[..1]].concat(), "continued at {length} bytes");
        }
        std::fs::write(&path, [b"nonsense\n", &text[..]].concat()).expect("spoilt");
        assert!(matches!(read(&path), Err(AuditError::Line { line: 1, .. })));
    }

    #[test]
    fn events_of_a_later_version_are_ignored() {
        let line = r#"{"time":"2026-01-01T00:00:00Z","event":"something-new","x":1}"#;
        let line: ChangeLine<Subject, Step> = serde_json::from_str(line).expect("read");
        assert_eq!(line.event, Event::Unknown);
    }

    #[test]
    fn only_a_regular_file_is_a_record() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(Audit::open(directory.path()).is_err());
        assert!(read(directory.path()).is_err());
    }
}
