//! The specification of a scheduled run, as the worker's `beat` writes it: fields in the order of a Go struct, compact, and
//! escaped as Go escapes JSON for HTML.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use serde_json::value::RawValue;
use thiserror::Error;

/// The worker ignores the row's time limit for scheduled runs.
const TIMEOUT_SECONDS: u32 = 900;

/// One run of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledSpec {
    /// The dotted path of the task's function.
    pub task_path: String,
    /// Its arguments.
    pub payload: PeriodicPayload,
    /// The queue; `default` if it is empty.
    pub queue_name: String,
    /// Tasks with a higher priority run first.
    pub priority: i32,
    /// Of all tasks with this key, `concurrency_limit` run at a time.
    pub concurrency_key: Option<String>,
    /// No limit if it is 0.
    pub concurrency_limit: i32,
    /// The name of the schedule.
    pub name: String,
    /// The time of this run: the schedule's `next_run_at`.
    pub scheduled_at: Timestamp,
    /// How often the task is attempted; 3 if it is not positive.
    pub max_attempts: i32,
}

impl ScheduledSpec {
    /// The queue that the row is written to.
    pub fn resolved_queue(&self) -> &str {
        if self.queue_name.is_empty() { "default" } else { &self.queue_name }
    }

    /// The number of attempts that the row is written with.
    pub const fn resolved_max_attempts(&self) -> i32 {
        if self.max_attempts <= 0 { 3 } else { self.max_attempts }
    }

    /// The text that is hashed.
    pub fn canonical(&self) -> String {
        let concurrency_key = self.concurrency_key.as_deref().map_or_else(|| "null".to_owned(), go_string);
        format!(
            "{{\"task_path\":{},\"args\":{},\"kwargs\":{},\"queue_name\":{},\"priority\":{},\"concurrency_key\":{concurrency_key},\
             \"concurrency_limit\":{},\"periodic_name\":{},\"scheduled_at\":\"{}\",\
             \"exec\":{{\"timeout_seconds\":{TIMEOUT_SECONDS},\"max_attempts\":{}}}}}",
            go_string(&self.task_path),
            self.payload.args,
            self.payload.kwargs,
            go_string(self.resolved_queue()),
            self.priority,
            self.concurrency_limit,
            go_string(&self.name),
            self.scheduled_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            self.resolved_max_attempts(),
        )
    }
}

/// The arguments of a schedule, compact and escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodicPayload {
    args: String,
    kwargs: String,
}

/// Why the worker refuses a payload, every time the schedule is due.
#[derive(Debug, Error)]
pub enum PayloadError {
    /// Not JSON.
    #[error("the payload is not valid JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// `args` is not an array.
    #[error("`args` of the payload is not an array")]
    Args,
    /// `kwargs` is not an object.
    #[error("`kwargs` of the payload is not an object")]
    Kwargs,
    /// Neither an array nor an object.
    #[error("the payload is neither an array nor an object")]
    Neither,
    /// The worker cannot read such a number.
    #[error("the payload contains a number that is too large for a float")]
    NumberTooLarge,
}

impl PeriodicPayload {
    /// The positional arguments: a JSON array, or `null`.
    pub fn args(&self) -> &str {
        &self.args
    }

    /// The keyword arguments: a JSON object, or `null`.
    pub fn kwargs(&self) -> &str {
        &self.kwargs
    }

    /// Reads a payload, as PostgreSQL prints the column `payload_json`: an object with `args` or `kwargs`, an array of
    /// arguments, or an object of keyword arguments.
    pub fn read(payload: &str) -> Result<Self, PayloadError> {
        if payload.is_empty() {
            return Self::of("[]", "{}");
        }
        let whole: &RawValue = serde_json::from_str(payload)?;
        let whole = whole.get();
        match whole.as_bytes().first() {
            // Go reads `null` as an empty array.
            Some(b'[' | b'n') => Self::of(whole, "{}"),
            Some(b'{') => Self::of_object(whole),
            Some(_) | None => Err(PayloadError::Neither),
        }
    }

    fn of_object(object: &str) -> Result<Self, PayloadError> {
        let entries: BTreeMap<String, &RawValue> = serde_json::from_str(object)?;
        let (args, kwargs) = (entries.get("args"), entries.get("kwargs"));
        if args.is_none() && kwargs.is_none() {
            return Self::of("[]", object);
        }
        let args = args.map_or("[]", |args| args.get());
        let kwargs = kwargs.map_or("{}", |kwargs| kwargs.get());
        if !args.starts_with('[') && args != "null" {
            return Err(PayloadError::Args);
        }
        if !kwargs.starts_with('{') && kwargs != "null" {
            return Err(PayloadError::Kwargs);
        }
        Self::of(args, kwargs)
    }

    fn of(args: &str, kwargs: &str) -> Result<Self, PayloadError> {
        if has_a_number_too_large(args) || has_a_number_too_large(kwargs) {
            return Err(PayloadError::NumberTooLarge);
        }
        Ok(Self { args: compact(args), kwargs: compact(kwargs) })
    }
}

/// Whether a valid JSON text contains a number that is infinite as a float.
fn has_a_number_too_large(json: &str) -> bool {
    outside_of_strings(json).any(|text| {
        text.split(|c: char| !matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'))
            .any(|number| number.parse::<f64>().is_ok_and(f64::is_infinite))
    })
}

/// The parts of a valid JSON text between its strings.
fn outside_of_strings(json: &str) -> impl Iterator<Item = &str> {
    let mut rest = json;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, behind) = rest.split_once('"').unwrap_or((rest, ""));
        let mut is_escaped = false;
        let end = behind.find(|c| {
            let ends = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            ends
        });
        rest = end.map_or("", |end| &behind[end + 1..]);
        Some(part)
    })
}

/// A valid JSON text without white space between its parts, escaped for HTML.
fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut is_in_string, mut is_escaped) = (false, false);
    for c in json.chars() {
        if !is_in_string && matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        if c == '"' && !is_escaped {
            is_in_string = !is_in_string;
        }
        is_escaped = is_in_string && c == '\\' && !is_escaped;
        push_for_html(&mut text, c);
    }
    text
}

/// A string as Go's `json.Marshal` writes it.
fn go_string(string: &str) -> String {
    let mut text = String::with_capacity(string.len() + 2);
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            c if c < ' ' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => push_for_html(&mut text, c),
        }
    }
    text.push('"');
    text
}

fn push_for_html(text: &mut String, c: char) {
    match c {
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        }
        c => text.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::spec_hash;

    fn payload(text: &str) -> (String, String) {
        let payload = PeriodicPayload::read(text).expect("a payload");
        (payload.args, payload.kwargs)
    }

    /// Recorded from the real worker.
    #[test]
    fn a_run_is_hashed_as_the_worker_does() {
        let text = "{\"args\": [1.0, 1000, {\"a\": 2, \"z\": 1}], \"kwargs\": {\"b\": \"<a&b>\u{e9}\"}}";
        let spec = ScheduledSpec {
            task_path: "myapp.tasks.rec".to_owned(),
            payload: PeriodicPayload::read(text).expect("a payload"),
            queue_name: "maintenance".to_owned(),
            priority: 0,
            concurrency_key: None,
            concurrency_limit: 0,
            name: "every5".to_owned(),
            scheduled_at: "2026-01-01T00:00:00.75Z".parse().expect("a time"),
            max_attempts: 3,
        };
        let hash = spec_hash(&spec.canonical());
        assert_eq!(hash, "24cb287c0879efa1eb500ea0df863823a166b471159f44501cfdeb7fc02205d3", "{}", spec.canonical());
        let defaults = ScheduledSpec { queue_name: String::new(), max_attempts: -1, ..spec };
        assert_eq!((defaults.resolved_queue(), defaults.resolved_max_attempts()), ("default", 3));
        assert!(defaults.canonical().contains("\"queue_name\":\"default\""));
    }

    #[test]
    fn payloads_are_read_as_the_worker_does() {
        let pair = |args: &str, kwargs: &str| (args.to_owned(), kwargs.to_owned());
        let cases = [
            ("", pair("[]", "{}")),
            ("null", pair("null", "{}")),
            ("[1, 2]", pair("[1,2]", "{}")),
            ("{}", pair("[]", "{}")),
            ("{\"a\": 1}", pair("[]", "{\"a\":1}")),
            ("{\"args\": null}", pair("null", "{}")),
            ("{\"kwargs\": {\"a b\": \" \\\" \"}, \"other\": 1}", pair("[]", "{\"a b\":\" \\\" \"}")),
            ("[\"\u{2028}<\\\\\", 1]", pair("[\"\\u2028\\u003c\\\\\",1]", "{}")),
        ];
        for (text, expected) in cases {
            assert_eq!(payload(text), expected, "{text}");
        }
        let large = format!("[\"1e400\", 1{}]", "0".repeat(400));
        for text in ["1", "\"a\"", "{\"args\": {}}", "{\"kwargs\": []}", "[", &large] {
            assert!(PeriodicPayload::read(text).is_err(), "{text}");
        }
        assert!(PeriodicPayload::read("[\"1e400\", \"\\\"1e400\"]").is_ok());
    }

    #[test]
    fn strings_are_escaped_as_go_does() {
        assert_eq!(
            go_string("<a&b>\u{2029}\u{1}\u{7f}\n\"\\"),
            "\"\\u003ca\\u0026b\\u003e\\u2029\\u0001\u{7f}\\n\\\"\\\\\""
        );
    }
}
