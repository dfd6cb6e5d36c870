//! stderr as JSON lines (`--progress json`): one object for each change of a step, and one for each message.

use std::time::Duration;
use std::time::Instant;

use serde::Serialize;

use crate::model::text::printable_json;
use crate::ui::message::MessageKind;

/// The schema of every line.
const SCHEMA: &str = "reproq.progress/1";

/// At most this often a step reports how far it is.
const PAUSE: Duration = Duration::from_millis(250);

/// What one line reports.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum ProgressEvent<'a> {
    /// A step begins; its size in bytes, if known.
    Begin { step: u64, label: &'a str, total: Option<u64> },
    /// How many bytes are done.
    Advance { step: u64, done: u64, total: Option<u64> },
    /// The step starts over.
    Restart { step: u64 },
    /// The step has ended, successfully or not.
    End { step: u64, done: u64 },
    /// Text for the user.
    Message { kind: MessageKind, text: &'a str },
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    #[serde(flatten)]
    event: ProgressEvent<'a>,
}

impl ProgressEvent<'_> {
    /// The line, which ends with a line feed.
    pub(super) fn line(self) -> String {
        let line = serde_json::to_string(&Line { schema: SCHEMA, event: self }).expect("a map with string keys");
        printable_json(&line) + "\n"
    }
}

/// A step, as far as it is reported.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReportedStep {
    id: u64,
    total: Option<u64>,
    /// In bytes.
    done: u64,
    reported: Instant,
}

impl ReportedStep {
    pub(super) fn new(id: u64, total: Option<u64>) -> Self {
        Self { id, total, done: 0, reported: Instant::now() }
    }

    /// The step with more bytes, and an event if the last one is long enough ago.
    pub(super) fn advanced(self, bytes: u64, now: Instant) -> (Self, Option<ProgressEvent<'static>>) {
        let step = Self { done: self.done.saturating_add(bytes), ..self };
        if now.saturating_duration_since(self.reported) < PAUSE {
            return (step, None);
        }
        let event = ProgressEvent::Advance { step: step.id, done: step.done, total: step.total };
        (Self { reported: now, ..step }, Some(event))
    }

    pub(super) const fn restarted(self) -> (Self, ProgressEvent<'static>) {
        (Self { done: 0, ..self }, ProgressEvent::Restart { step: self.id })
    }

    pub(super) const fn ended(self) -> ProgressEvent<'static> {
        ProgressEvent::End { step: self.id, done: self.done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_with_its_schema() {
        let begin = ProgressEvent::Begin { step: 1, label: "Downloading \"a\"\nb", total: None }.line();
        assert_eq!(
            begin,
            "{\"schema\":\"reproq.progress/1\",\"event\":\"begin\",\"step\":1,\"label\":\"Downloading \\\"a\\\"\\nb\",\"total\":null}\n"
        );
        let message = ProgressEvent::Message { kind: MessageKind::Warning, text: "x" }.line();
        assert_eq!(
            message,
            "{\"schema\":\"reproq.progress/1\",\"event\":\"message\",\"kind\":\"warning\",\"text\":\"x\"}\n"
        );
    }

    #[test]
    fn a_step_reports_its_bytes_at_most_four_times_a_second() {
        let step = ReportedStep::new(7, Some(10));
        let (step, event) = step.advanced(3, step.reported + PAUSE / 2);
        assert!(event.is_none());
        let (step, event) = step.advanced(4, step.reported + PAUSE);
        assert!(matches!(event, Some(ProgressEvent::Advance { step: 7, done: 7, total: Some(10) })), "{event:?}");
        let (step, event) = step.advanced(1, step.reported);
        assert!(event.is_none());
        assert!(matches!(step.ended(), ProgressEvent::End { step: 7, done: 8 }));
        let (step, _) = step.restarted();
        assert!(matches!(step.ended(), ProgressEvent::End { step: 7, done: 0 }));
    }
}
