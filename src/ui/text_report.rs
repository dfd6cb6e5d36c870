//! Builds the text form of a report: makes all text printable and applies the only styles.

use unicode_width::UnicodeWidthStr;

use crate::model::text::printable_line;

/// Collects the lines of a report.
#[derive(Debug)]
pub(crate) struct TextReport {
    text: String,
    color: bool,
    quiet: bool,
    /// The columns of the terminal; `None` if the report is not shown on one.
    columns: Option<usize>,
}

impl TextReport {
    /// An empty report.
    pub(crate) const fn new(color: bool, quiet: bool) -> Self {
        Self { text: String::new(), color, quiet, columns: None }
    }

    /// The same, drawn on a terminal with this many columns.
    pub(crate) const fn drawn(mut self, columns: Option<usize>) -> Self {
        self.columns = columns;
        self
    }

    /// How many columns a drawing may have; `None` if numbers are listed instead.
    pub(crate) const fn columns(&self) -> Option<usize> {
        self.columns
    }

    /// Whether only data is printed.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether styles are used.
    pub(crate) const fn is_colored(&self) -> bool {
        self.color
    }

    /// Adds a plain line.
    pub(crate) fn line(&mut self, text: &str) {
        self.text.push_str(&printable_line(text));
        self.text.push('\n');
    }

    /// Adds a bold line.
    pub(crate) fn strong(&mut self, text: &str) {
        self.styled("1", text);
    }

    /// Adds a dim line.
    pub(crate) fn faint(&mut self, text: &str) {
        self.styled("2", text);
    }

    /// Adds an empty line.
    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Adds one line per name and value, with the values aligned.
    pub(crate) fn pairs(&mut self, pairs: &[(&str, String)]) {
        let rows: Vec<Vec<String>> =
            pairs.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]).collect();
        self.details(&rows);
    }

    /// Adds indented rows with aligned cells, without a heading.
    pub(crate) fn details(&mut self, rows: &[Vec<String>]) {
        for line in aligned(rows) {
            self.line(&format!("  {line}"));
        }
    }

    /// Adds rows with aligned cells; the first row is the heading, which is omitted if only data is printed.
    pub(crate) fn table(&mut self, rows: &[Vec<String>]) {
        for (index, line) in aligned(rows).iter().enumerate() {
            match index {
                0 if self.quiet => {}
                0 => self.strong(line),
                _ => self.line(line),
            }
        }
    }

    /// Adds trusted text unchanged, such as a completion script.
    pub(crate) fn script(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The finished text.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn styled(&mut self, style: &str, text: &str) {
        let text = printable_line(text);
        if self.color {
            self.text.push_str(&format!("\x1b[{style}m{text}\x1b[0m\n"));
        } else {
            self.text.push_str(&text);
            self.text.push('\n');
        }
    }
}

/// One line per row. Cells are padded to the display width of their column, with two spaces between columns.
pub(crate) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| printable_line(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let fill = |(cell, width): (&String, &usize)| format!("{cell}{}", " ".repeat(width - cell.width()));
        let cells: Vec<String> = row.iter().zip(&widths).map(fill).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn cells_are_aligned_by_display_width() {
        let lines =
            aligned(&rows(&[&["TAG", "SIZE", "WHY"], &["ver\u{301}", "1 KiB", "x"], &["\u{65e5}\u{672c}", "", "y"]]));
        assert_eq!(lines, ["TAG   SIZE   WHY", "ver\u{301}   1 KiB  x", "\u{65e5}\u{672c}         y"]);
    }

    #[test]
    fn short_rows_have_no_trailing_spaces() {
        assert_eq!(aligned(&rows(&[&["a"], &["bcd", "e", ""]])), ["a", "bcd  e"]);
        assert!(aligned(&[]).is_empty());
    }

    #[test]
    fn line_feeds_and_escape_codes_in_cells_are_escaped() {
        assert_eq!(aligned(&rows(&[&["a\nb", "c"], &["\u{1b}", "d"]])), ["a\\nb  c", "\\x1b  d"]);
    }

    #[test]
    fn a_quiet_table_has_no_heading() {
        let mut out = TextReport::new(false, true);
        out.table(&rows(&[&["TAG"], &["v1"]]));
        assert_eq!(out.into_text(), "v1\n");
    }
}
