//! Text that is safe to display: control characters in untrusted input are escaped.

use std::fmt::Write;

use chrono::DateTime;
use chrono::Utc;

/// The text with every control character escaped (`\x1b`, `\u{202e}`), so that nothing from a network, an archive or a
/// file can move the cursor, change colors or reverse the direction of a line. Line feeds and tabs are kept.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if c.is_ascii_control() => {
                let _ = write!(shown, "\\x{:02x}", u32::from(c));
            }
            c if acts_on_a_terminal(c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// As [`printable`], on one line: line feeds and tabs are escaped too.
pub fn printable_line(text: &str) -> String {
    printable(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// A JSON document without characters that affect a terminal: those that JSON allows in strings are escaped as
/// `\\u202e`, which is equivalent. Line feeds between its parts are kept.
pub(crate) fn printable_json(document: &str) -> String {
    let mut shown = String::with_capacity(document.len());
    for c in document.chars() {
        if c != '\n' && acts_on_a_terminal(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A human-readable size: `15.0 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `1 asset`, `2 assets`.
pub(crate) fn count(number: usize, singular: &str) -> String {
    if number == 1 { format!("1 {singular}") } else { format!("{number} {singular}s") }
}

/// Whether a character moves, colors, hides or reorders text.
fn acts_on_a_terminal(c: char) -> bool {
    c.is_control() || is_line_end(c) || is_bidirectional(c) || is_invisible(c)
}

/// Zero-width characters, which make two names look like one. The joiners are kept: scripts and emoji need them.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Unicode's line and paragraph separators, which some log viewers interpret.
const fn is_line_end(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// The marks and overrides of the Unicode bidirectional algorithm (its property `Bidi_Control`), which can
/// make a name look like a different one.
const fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A word for a POSIX shell, quoted if it must be.
pub(crate) fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:+,@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A time in UTC, to the second.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_codes_are_escaped() {
        assert_eq!(printable("v1\u{1b}[31m\u{7}\u{9b}x"), "v1\\x1b[31m\\x07\\u{9b}x");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(printable("a\u{61c}b\u{2066}c"), "a\\u{61c}b\\u{2066}c");
        assert_eq!(printable("a\u{2028}b\u{2029}c"), "a\\u{2028}b\\u{2029}c");
        assert_eq!(printable("a\u{200b}b\u{feff}c\u{e0041}d"), "a\\u{200b}b\\u{feff}c\\u{e0041}d");
        assert_eq!(printable_line("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(printable("résumé"), "résumé");
    }

    #[test]
    fn a_document_is_equivalent_and_safe_to_print() {
        let text = "a\u{1b}[31m\u{7f}\u{9b}\u{202e}\u{e0041}\nr\u{e9}sum\u{e9} \u{1f600}";
        let document = serde_json::to_string_pretty(&serde_json::json!({ "text": text })).expect("a document");
        let shown = printable_json(&document);
        assert!(shown.chars().all(|c| c == '\n' || !acts_on_a_terminal(c)), "{shown}");
        let read: serde_json::Value = serde_json::from_str(&shown).expect("a document still");
        assert_eq!(read["text"], text);
    }

    #[test]
    fn sizes_use_binary_units() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(15 * 1024 * 1024), "15.0 MiB");
        assert_eq!(size(u64::MAX), "16777216.0 TiB");
    }

    proptest! {
        #[test]
        fn nothing_printable_controls_a_terminal(text in any::<String>()) {
            prop_assert!(!printable_line(&text).chars().any(acts_on_a_terminal));
        }
    }
}
