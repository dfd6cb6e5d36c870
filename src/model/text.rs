//! What may be shown: names and messages from outside with their control characters escaped.

use std::fmt::Write;

/// The text with every control character spelled out (`\x1b`, `\u{202e}`), so that nothing from a network, an archive or a
/// file can move the cursor, colour the terminal or turn the direction of a line. Line feeds and tabs stay.
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

/// As [`printable`], on one line: line feeds and tabs are spelled out too.
pub fn printable_line(text: &str) -> String {
    printable(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// A JSON document without a character that acts on a terminal: those that JSON lets stand in its texts are spelled out as
/// `\\u202e`, which means the same to every reader. The line feeds between its parts stay.
pub fn printable_json(document: &str) -> String {
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

/// A size as people say it: `15.0 MiB`.
pub fn size(bytes: u64) -> String {
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
pub fn count(number: usize, singular: &str) -> String {
    if number == 1 { format!("1 {singular}") } else { format!("{number} {singular}s") }
}

/// Whether a character moves, colours, hides or reorders instead of being seen.
fn acts_on_a_terminal(c: char) -> bool {
    c.is_control() || is_line_end(c) || is_bidirectional(c) || is_invisible(c)
}

/// Characters without any width, with which two names can look like one. The joiners stay: scripts and emoji need them.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Unicode's own ends of lines and paragraphs, which some viewers of logs obey.
const fn is_line_end(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// The marks and overrides of the Unicode bidirectional algorithm (its property `Bidi_Control`), with which a name can be
/// made to read as another one.
const fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_codes_are_spelled_out() {
        assert_eq!(printable("v1\u{1b}[31m\u{7}\u{9b}x"), "v1\\x1b[31m\\x07\\u{9b}x");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(printable("a\u{61c}b\u{2066}c"), "a\\u{61c}b\\u{2066}c");
        assert_eq!(printable("a\u{2028}b\u{2029}c"), "a\\u{2028}b\\u{2029}c");
        assert_eq!(printable("a\u{200b}b\u{feff}c\u{e0041}d"), "a\\u{200b}b\\u{feff}c\\u{e0041}d");
        assert_eq!(printable_line("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(printable("résumé"), "résumé");
    }

    #[test]
    fn a_document_means_the_same_and_acts_on_nothing() {
        let text = "a\u{1b}[31m\u{7f}\u{9b}\u{202e}\u{e0041}\nr\u{e9}sum\u{e9} \u{1f600}";
        let document = serde_json::to_string_pretty(&serde_json::json!({ "text": text })).expect("a document");
        let shown = printable_json(&document);
        assert!(shown.chars().all(|c| c == '\n' || !acts_on_a_terminal(c)), "{shown}");
        let read: serde_json::Value = serde_json::from_str(&shown).expect("a document still");
        assert_eq!(read["text"], text);
    }

    #[test]
    fn sizes_are_said_in_powers_of_two() {
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
