//! Markdown tables with all content escaped. Pure.

use std::fmt::Write;

use crate::model::text::printable_line;

/// Escapes a string for a table cell.
pub(super) fn cell(text: &str) -> String {
    let mut escaped = String::new();
    for c in printable_line(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // An at sign would notify the user with that name.
            '@' => escaped.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A table; the first row is the heading.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
        if index == 0 {
            let _ = writeln!(text, "|{}", " --- |".repeat(row.len()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_cell_is_escaped() {
        assert_eq!(cell("v1|<b>`x`</b> @me\n::warning::"), "v1\\|&lt;b&gt;\\`x\\`&lt;/b&gt; &#64;me\\\\n::warning::");
        assert_eq!(
            table(&[vec!["A".into(), "B".into()], vec!["1".into(), "2".into()]]),
            "| A | B |\n| --- | --- |\n| 1 | 2 |\n"
        );
    }
}
