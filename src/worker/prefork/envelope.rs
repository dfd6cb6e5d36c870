//! What the worker reads of a task: one JSON object on standard output. Its bytes are passed on unchanged, unless the worker could
//! not store them and the task would stay RUNNING, or there is no such object. Then there is one with the true reason. Pure.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

/// How the executor begins its result.
const START: &[u8] = br#"{"ok": "#;

/// How many beginnings of a result are looked at in output that is not one result.
const MOST_CANDIDATES: usize = 64;

/// The worker stores this many bytes of a message, and then cannot store half a character.
const MESSAGE_BYTES: usize = 1024;

/// PostgreSQL stores this many digits before the decimal point.
const MOST_DIGITS: usize = 131_072;

/// How the process of a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskEnd {
    Code(u8),
    Signal(i32),
    /// It ran longer than its specification allows.
    TimedOut(Duration),
    /// The fork server ended first.
    ServerLost,
}

/// The standard output of a task, or its end if there was more than twice the limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TaskOutput {
    pub bytes: Vec<u8>,
    /// How much there was.
    pub total: u64,
}

impl TaskOutput {
    /// Adds a piece, and drops the beginning if there is too much.
    pub(crate) fn add(&mut self, piece: &[u8], limit: usize) {
        self.bytes.extend(piece);
        self.total += piece.len() as u64;
        if self.bytes.len() > limit.saturating_mul(2) {
            self.bytes.drain(..self.bytes.len() - limit);
        }
    }
}

/// What the worker gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskResult {
    pub stdout: Vec<u8>,
    /// What standard output had besides the result.
    pub stderr: Vec<u8>,
}

/// The result of a task in at most `limit` bytes.
pub(crate) fn result(output: &TaskOutput, end: TaskEnd, limit: usize) -> TaskResult {
    let is_whole = output.total == output.bytes.len() as u64;
    if is_whole && output.bytes.len() <= limit {
        match Envelope::read(&output.bytes).map(|envelope| envelope.storable()) {
            Some(Storable::AsItIs) => return TaskResult { stdout: output.bytes.clone(), stderr: Vec::new() },
            Some(Storable::Changed(stdout)) if stdout.len() <= limit => {
                return TaskResult { stdout, stderr: Vec::new() };
            }
            Some(Storable::Changed(_) | Storable::Not(_)) | None => {}
        }
    }
    let Some(found) = find(&output.bytes) else {
        let reason = match end {
            _ if output.total > limit as u64 => too_long(output.total, limit),
            TaskEnd::Code(_) | TaskEnd::Signal(_) | TaskEnd::TimedOut(_) | TaskEnd::ServerLost => without_result(end),
        };
        return TaskResult { stdout: reason, stderr: output.bytes.clone() };
    };
    let line = &output.bytes[found.start..found.end];
    let rest = [&output.bytes[..found.start], &output.bytes[found.end..]].concat();
    let with_line = || [rest.as_slice(), line, b"\n"].concat();
    match found.storable {
        Storable::AsItIs if line.len() < limit => TaskResult { stdout: [line, b"\n"].concat(), stderr: rest },
        Storable::Changed(stdout) if stdout.len() <= limit => TaskResult { stdout, stderr: rest },
        Storable::AsItIs | Storable::Changed(_) => {
            TaskResult { stdout: too_long(line.len() as u64, limit), stderr: rest }
        }
        Storable::Not(reason) => {
            let message = format!("the return value of the task cannot be stored: {reason}");
            TaskResult { stdout: failure("ValueError", &message, None), stderr: with_line() }
        }
    }
}

/// A result among other output.
struct Found {
    start: usize,
    end: usize,
    storable: Storable,
}

/// The last result in output that may have anything else before and after it.
fn find(bytes: &[u8]) -> Option<Found> {
    let starts: Vec<usize> = memchr::memmem::find_iter(bytes, START).collect();
    let starts = &starts[starts.len().saturating_sub(MOST_CANDIDATES)..];
    let mut found: Option<Found> = None;
    for start in starts {
        // A result in the value of another one.
        if found.as_ref().is_some_and(|found| *start < found.end) {
            continue;
        }
        let rest = &bytes[*start..];
        if let Some((envelope, length)) = Envelope::read_prefix(rest) {
            found = Some(Found { start: *start, end: start + length, storable: envelope.storable() });
        } else if let Some(length) = with_numbers_that_json_has_not(rest) {
            let reason = "it contains NaN or Infinity, which are not numbers in JSON";
            found = Some(Found { start: *start, end: start + length, storable: Storable::Not(reason) });
        }
    }
    found
}

/// The length of a result with NaN or Infinity, which Python writes and a parser of JSON rejects.
fn with_numbers_that_json_has_not(bytes: &[u8]) -> Option<usize> {
    let line = &bytes[..memchr::memchr(b'\n', bytes).unwrap_or(bytes.len())];
    let mut replaced = Vec::with_capacity(line.len());
    let (mut is_in_string, mut index, mut has_replaced) = (false, 0, false);
    while let Some(&byte) = line.get(index) {
        let token = [&b"-Infinity"[..], b"Infinity", b"NaN"].into_iter().find(|token| line[index..].starts_with(token));
        match (is_in_string, byte, token) {
            (true, b'\\', _) => {
                replaced.extend(line.get(index..index + 2).unwrap_or(b"\\"));
                index += 2;
                continue;
            }
            (_, b'"', _) => is_in_string = !is_in_string,
            (false, _, Some(token)) => {
                replaced.push(b'0');
                index += token.len();
                has_replaced = true;
                continue;
            }
            (_, _, _) => {}
        }
        replaced.push(byte);
        index += 1;
    }
    (has_replaced && Envelope::read(&replaced).is_some()).then_some(line.len())
}

/// The object, as the worker reads it. Texts are decoded later: they may contain what a string cannot.
#[derive(Deserialize)]
struct Envelope<'a> {
    ok: bool,
    #[serde(borrow, default, rename = "return")]
    returned: Option<&'a RawValue>,
    #[serde(borrow, default)]
    exception_class: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    traceback: Option<&'a RawValue>,
}

/// Whether the worker can store a result.
enum Storable {
    AsItIs,
    /// With other texts.
    Changed(Vec<u8>),
    Not(&'static str),
}

impl<'a> Envelope<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Reads the object at the beginning, and its length.
    fn read_prefix(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let mut values = serde_json::Deserializer::from_slice(bytes).into_iter();
        let envelope = values.next()?.ok()?;
        Some((envelope, values.byte_offset()))
    }

    fn storable(&self) -> Storable {
        if self.ok {
            return self.returned.and_then(|value| not_storable(value.get())).map_or(Storable::AsItIs, Storable::Not);
        }
        let texts = [self.exception_class, self.message, self.traceback];
        let texts = texts.map(|text| text.map(|text| decoded(text.get())));
        if texts.iter().any(|text| matches!(text, Some(None))) {
            // Not a string: the worker refuses the object.
            return Storable::Not("its error is not a string");
        }
        let [class, message, traceback] = texts.map(|text| text.flatten().unwrap_or_default());
        let changed = [without_nul(&class), storable_message(&message), without_nul(&traceback)];
        if changed.iter().all(|text| matches!(text, Cow::Borrowed(_))) {
            return Storable::AsItIs;
        }
        let [class, message, traceback] = &changed;
        Storable::Changed(failure(class, message, Some(traceback)))
    }
}

/// Why PostgreSQL does not store a JSON value.
fn not_storable(json: &str) -> Option<&'static str> {
    if has_long_number(json) {
        return Some("it contains a number of more than 131072 digits");
    }
    let half = "it contains half of a surrogate pair";
    let mut second_half_at = None;
    for (at, unit) in escapes(json) {
        match (second_half_at.take(), unit) {
            (Some(expected), Some(0xDC00..=0xDFFF)) if expected == at => {}
            (Some(_), _) | (None, Some(0xDC00..=0xDFFF)) => return Some(half),
            (None, Some(0)) => return Some("it contains a NUL character"),
            (None, Some(0xD800..=0xDBFF)) => second_half_at = Some(at + UNIT.len()),
            (None, _) => {}
        }
    }
    second_half_at.map(|_| half)
}

/// Whether a number has more digits than PostgreSQL stores. Digits in strings do not count.
fn has_long_number(json: &str) -> bool {
    let (mut is_in_string, mut is_escaped, mut digits) = (false, false, 0_usize);
    json.len() > MOST_DIGITS
        && json.bytes().any(|byte| {
            digits = if byte.is_ascii_digit() && !is_in_string { digits + 1 } else { 0 };
            is_in_string ^= byte == b'"' && !is_escaped;
            is_escaped = is_in_string && byte == b'\\' && !is_escaped;
            digits > MOST_DIGITS
        })
}

/// The form of an escape with a number.
const UNIT: &str = r"\u0000";

/// The escapes in the strings of a JSON value: where each is, and its number if it has one.
fn escapes(json: &str) -> impl Iterator<Item = (usize, Option<u16>)> {
    let bytes = json.as_bytes();
    let mut next = 0;
    std::iter::from_fn(move || {
        let at = next + memchr::memchr(b'\\', bytes.get(next..)?)?;
        let has_number = bytes.get(at + 1) == Some(&b'u');
        next = at + if has_number { UNIT.len() } else { 2 };
        let number = json.get(at + 2..next).filter(|_| has_number);
        Some((at, number.and_then(|digits| u16::from_str_radix(digits, 16).ok())))
    })
}

/// The text of a JSON string, as Go decodes it: half of a surrogate pair becomes U+FFFD, and null is empty.
fn decoded(json: &str) -> Option<String> {
    if json == "null" {
        return Some(String::new());
    }
    if let Ok(text) = serde_json::from_str(json) {
        return Some(text);
    }
    let found: Vec<(usize, Option<u16>)> = escapes(json).collect();
    let mut replaced = json.to_owned();
    let is_second = |index: usize, at: usize| {
        found.get(index).is_some_and(|(next, unit)| *next == at && matches!(unit, Some(0xDC00..=0xDFFF)))
    };
    let mut is_paired = false;
    for (index, (at, unit)) in found.iter().enumerate() {
        let was_paired = std::mem::take(&mut is_paired);
        match unit {
            Some(0xD800..=0xDBFF) if is_second(index + 1, at + UNIT.len()) => is_paired = true,
            Some(0xD800..=0xDFFF) if !was_paired => replaced.replace_range(*at..at + UNIT.len(), r"\ufffd"),
            Some(_) | None => {}
        }
    }
    serde_json::from_str(&replaced).ok()
}

/// PostgreSQL stores no NUL.
fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', r"\0").into() } else { text.into() }
}

/// The worker cuts a message after [`MESSAGE_BYTES`]: blanks move a character away that it would cut.
fn storable_message(text: &str) -> Cow<'_, str> {
    let text = without_nul(text);
    if text.len() <= MESSAGE_BYTES || text.is_char_boundary(MESSAGE_BYTES) {
        return text;
    }
    let start = (0..MESSAGE_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let blanks = " ".repeat(MESSAGE_BYTES - start);
    format!("{}{blanks}{}", &text[..start], &text[start..]).into()
}

fn too_long(length: u64, limit: usize) -> Vec<u8> {
    let message = format!(
        "the task wrote {length} bytes to standard output, and the worker reads {limit} \
         (`worker.max_stdout_bytes`)"
    );
    failure("OutputTooLong", &message, None)
}

fn without_result(end: TaskEnd) -> Vec<u8> {
    let (class, message) = match end {
        TaskEnd::Code(code) => {
            ("ProcessExit", format!("the task ended its process with exit code {code}, without a result"))
        }
        TaskEnd::Signal(number) => ("ProcessKilled", format!("the process of the task was ended by signal {number}")),
        TaskEnd::TimedOut(limit) => {
            ("TimeoutError", format!("the task ran longer than its time limit of {} s", limit.as_secs_f64()))
        }
        TaskEnd::ServerLost => ("ProcessLost", "the fork server ended while the task ran".to_owned()),
    };
    failure(class, &message, None)
}

/// A failure, as the executor writes it.
fn failure(class: &str, message: &str, traceback: Option<&str>) -> Vec<u8> {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let traceback = traceback.map(|traceback| format!(r#", "traceback": {}"#, text(traceback))).unwrap_or_default();
    let (class, message) = (text(class), text(message));
    format!("{{\"ok\": false, \"exception_class\": {class}, \"message\": {message}{traceback}}}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 4096;

    fn of(stdout: &[u8], end: TaskEnd) -> (String, String) {
        let mut output = TaskOutput::default();
        output.add(stdout, LIMIT);
        let result = result(&output, end, LIMIT);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (text(result.stdout), text(result.stderr))
    }

    #[test]
    fn a_result_that_the_worker_can_store_is_unchanged() {
        let long = format!(r#"{{"ok": false, "message": "{}é"}}"#, "a".repeat(1022));
        let whole = [
            r#"{"ok": true, "return": null}"#,
            "\n{\"ok\": true, \"return\": {\"a\": [1, 2.5, \"\\ud83d\\ude00 \\\\u0000\"]}}\n\n",
            r#"{"ok": true, "return": {"ok": false}}"#,
            r#"{"ok": false, "exception_class": "E", "message": "half \ud800", "traceback": "T"}"#,
            r#"{"ok": true}"#,
            &long,
        ];
        for text in whole {
            assert_eq!(of(text.as_bytes(), TaskEnd::Code(0)), (text.to_owned(), String::new()), "{text}");
        }
    }

    #[test]
    fn what_would_leave_a_task_running_is_a_failure_with_its_reason() {
        let cut = format!("{{\"ok\": false, \"message\": \"{}é\"}}", "a".repeat(1023));
        let large = format!("{{\"ok\": true, \"return\": \"{}\"}}\n", "a".repeat(LIMIT));
        let noise = "x".repeat(3 * LIMIT);
        let noisy = format!("{noise}\n{{\"ok\": true, \"return\": 1}}\n");
        let cases: Vec<(&[u8], TaskEnd)> = vec![
            (br#"{"ok": true, "return": "a\u0000b"}"#, TaskEnd::Code(0)),
            (br#"{"ok": true, "return": ["\ud800"]}"#, TaskEnd::Code(0)),
            (br#"{"ok": true, "return": {"\udc00\ud800": 1}}"#, TaskEnd::Code(0)),
            (br#"{"ok": true, "return": [NaN, "NaN", -Infinity]}"#, TaskEnd::Code(0)),
            (
                br#"{"ok": false, "exception_class": "E", "message": "a\u0000\ud800", "traceback": "\u0000"}"#,
                TaskEnd::Code(1),
            ),
            (b"before {\"ok\": true, \"return\": {\"ok\": 1}}\nafter", TaskEnd::Code(0)),
            (b"\xff{\"ok\": true, \"return\": 2}\n", TaskEnd::Code(0)),
            (br#"{"ok": false, "message": 3}"#, TaskEnd::Code(1)),
            (b"", TaskEnd::Code(3)),
            (b"only noise", TaskEnd::Signal(9)),
            (b"", TaskEnd::TimedOut(Duration::from_millis(1500))),
            (b"{\"ok\": true, \"ret", TaskEnd::ServerLost),
            (large.as_bytes(), TaskEnd::Code(0)),
            (noise.as_bytes(), TaskEnd::Code(0)),
        ];
        let mut shown = String::new();
        for (bytes, end) in cases {
            let (stdout, stderr) = of(bytes, end);
            assert!(stdout.len() <= LIMIT && Envelope::read(stdout.as_bytes()).is_some(), "{stdout}");
            let short = |text: &str| if text.len() > 200 { format!("{} bytes\n", text.len()) } else { text.to_owned() };
            shown.push_str(&format!(
                "{end:?} {}\n  {}  {:?}\n",
                short(&String::from_utf8_lossy(bytes)),
                short(&stdout),
                short(&stderr)
            ));
        }
        insta::assert_snapshot!(shown);
        let with_digits =
            |count: usize| format!(r#"["\\\"", {}, "{}"]"#, "1".repeat(count), "1".repeat(MOST_DIGITS + 1));
        assert!(!has_long_number(&with_digits(MOST_DIGITS)) && has_long_number(&with_digits(MOST_DIGITS + 1)));
        // Every byte of the message is kept.
        let (stdout, _) = of(cut.as_bytes(), TaskEnd::Code(1));
        let message: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
        let message = message["message"].as_str().expect("a string");
        assert!(
            message.is_char_boundary(MESSAGE_BYTES) && message.replace(' ', "") == format!("{}é", "a".repeat(1023))
        );
        assert_eq!(of(noisy.as_bytes(), TaskEnd::Code(0)).0, "{\"ok\": true, \"return\": 1}\n");
    }

    proptest! {
        #[test]
        fn any_output_becomes_one_result_that_the_worker_can_store(
            pieces in prop::collection::vec(prop_oneof![
                Just(r#"{"ok": true, "return": "#.to_owned()),
                Just(r#"{"ok": false, "message": "#.to_owned()),
                Just("}\n".to_owned()),
                Just("NaN".to_owned()),
                Just(r#""\u0000""#.to_owned()),
                Just(r#""\ud800\udc00\udc00""#.to_owned()),
                "\"[a-zé\\x00]{0,600}\"",
                "[ -~]{0,20}",
            ], 0..8),
            code in any::<u8>(),
        ) {
            let text = pieces.concat();
            let (stdout, _) = of(text.as_bytes(), TaskEnd::Code(code));
            let envelope = Envelope::read(stdout.as_bytes()).expect("one object");
            prop_assert!(matches!(envelope.storable(), Storable::AsItIs), "{stdout}");
            prop_assert!(stdout.len() <= LIMIT);
            // A second client would change nothing.
            prop_assert_eq!(of(stdout.as_bytes(), TaskEnd::Code(code)).0, stdout);
        }
    }
}
