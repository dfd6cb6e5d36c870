//! Strings that fit into columns of the terminal. Pure.

use unicode_width::UnicodeWidthChar;
use unicode_width::UnicodeWidthStr;

/// The columns of a string.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The string without its end, if it is longer than this many columns.
pub(super) fn cut_end(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else { return String::new() };
    format!("{}…", beginning(text, room))
}

/// The string without its beginning, if it is longer than this many columns.
pub(super) fn cut_start(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else { return String::new() };
    let mut used = 0;
    let kept = text.char_indices().rev().take_while(|(_, c)| {
        used += c.width().unwrap_or(0);
        used <= room
    });
    let start = kept.last().map_or(text.len(), |(start, _)| start);
    // A mark without the character that it belongs to would go onto the ellipsis.
    let end = text[start..].trim_start_matches(|c: char| c.width().unwrap_or(0) == 0);
    format!("…{end}")
}

/// As much of the beginning as fits.
fn beginning(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > columns
    });
    &text[..end.map_or(text.len(), |(end, _)| end)]
}

/// The string in lines of at most this many columns, broken at spaces where there are some. Lines after the first are
/// indented as the first is.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    // A character of two columns needs them.
    let columns = columns.max(2);
    let indent: String = text.chars().take_while(|c| *c == ' ').take(columns / 2).collect();
    let mut rest = text.trim_end();
    let mut lines = Vec::new();
    while width(rest) > columns {
        let fitting = beginning(rest, columns);
        let own_indent = if lines.is_empty() { 0 } else { indent.len() };
        let at_space = fitting.rfind(' ').filter(|at| *at > own_indent && !fitting[..*at].trim().is_empty());
        let end = match at_space {
            // What ends exactly at a space needs none before.
            _ if rest[fitting.len()..].starts_with(' ') => fitting.len(),
            Some(at) => at,
            None => fitting.len().max(rest.chars().next().map_or(1, char::len_utf8)),
        };
        lines.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
        if rest.is_empty() {
            return lines;
        }
        // The indent is put before each of the following lines.
        if !indent.is_empty() {
            let more = wrapped(rest, columns.saturating_sub(indent.len()));
            lines.extend(more.into_iter().map(|line| format!("{indent}{line}")));
            return lines;
        }
    }
    lines.push(rest.to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn either_end_is_left_out() {
        assert_eq!(cut_end("shop.tasks.charge", 8), "shop.ta…");
        assert_eq!(cut_start("shop.tasks.charge", 8), "….charge");
        assert_eq!(cut_start("charge", 6), "charge");
        assert_eq!(cut_end("請求書を送る", 6), "請求…");
        assert_eq!(cut_start("請求書を送る", 6), "…送る");
        // The accent belongs to the letter that is left out.
        assert_eq!(cut_start("xe\u{301}ab", 3), "…ab");
        assert_eq!((cut_end("ab", 0), cut_start("ab", 0)), (String::new(), String::new()));
    }

    #[test]
    fn long_lines_are_broken_at_spaces() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghijk", 4), ["abcd", "efgh", "ijk"]);
        assert_eq!(wrapped("  one two three", 8), ["  one", "  two", "  three"]);
        assert_eq!(wrapped("", 8), [""]);
        assert_eq!(wrapped("請求書", 3), ["請", "求", "書"]);
    }

    proptest! {
        #[test]
        fn everything_fits(text in "\\PC{0,80}", columns in 0_usize..60) {
            prop_assert!(width(&cut_end(&text, columns)) <= columns);
            prop_assert!(width(&cut_start(&text, columns)) <= columns);
            for line in wrapped(&text, columns) {
                prop_assert!(width(&line) <= columns.max(2), "{line:?}");
            }
        }

        #[test]
        fn no_word_is_lost(text in "[a-z ]{0,80}", columns in 3_usize..60) {
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            let all: String = wrapped(&text, columns).concat();
            prop_assert_eq!(letters(&all), letters(&text));
        }
    }
}
