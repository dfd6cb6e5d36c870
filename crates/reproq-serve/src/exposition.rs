//! The text format of Prometheus. Pure.

use std::fmt::Write;

/// The media type of the format.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

impl MetricKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Writes metrics, each with its help, its type and all of its samples together.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
    name: &'static str,
}

impl Exposition {
    /// Begins a metric.
    pub(crate) fn metric(&mut self, name: &'static str, kind: MetricKind, help: &str) {
        self.name = name;
        let _ = writeln!(self.text, "# HELP {name} {}", escaped(help, false));
        let _ = writeln!(self.text, "# TYPE {name} {}", kind.name());
    }

    /// A sample of the metric.
    pub(crate) fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        self.sample_of("", labels, value);
    }

    /// A sample whose value is a number of things.
    pub(crate) fn count(&mut self, labels: &[(&str, &str)], value: i64) {
        self.sample(labels, precise(value));
    }

    /// A sample of a part of the metric: `_bucket`, `_sum`, `_count`.
    pub(crate) fn sample_of(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.text, "{}{suffix}", self.name);
        for (index, (name, value)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{name}=\"{}\"", escaped(value, true));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{after} {}", number(value));
    }

    /// The text.
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// In a help text, a quotation mark is written as it is.
fn escaped(text: &str, is_label: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '"' if is_label => escaped.push_str("\\\""),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A number as Prometheus reads it.
pub(crate) fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}

/// Exact up to 2^53, as every number of the format.
#[expect(clippy::cast_precision_loss, reason = "the format has no other numbers")]
pub(crate) const fn precise(value: i64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_contain_special_characters_are_escaped() {
        let mut text = Exposition::default();
        text.metric("a_total", MetricKind::Counter, "Lines\nand \\ and \"quotes\"");
        text.sample(&[("queue", "a\"b\\c\nd"), ("status", "é")], 3.0);
        text.count(&[], -1);
        text.metric("b", MetricKind::Histogram, "B");
        text.sample_of("_bucket", &[("le", &number(f64::INFINITY))], 0.25);
        assert_eq!(
            text.into_text(),
            "# HELP a_total Lines\\nand \\\\ and \"quotes\"\n# TYPE a_total counter\n\
             a_total{queue=\"a\\\"b\\\\c\\nd\",status=\"é\"} 3\na_total -1\n# HELP b B\n# TYPE b histogram\n\
             b_bucket{le=\"+Inf\"} 0.25\n"
        );
        assert_eq!((number(f64::NAN), number(f64::NEG_INFINITY)), ("NaN".to_owned(), "-Inf".to_owned()));
    }
}
