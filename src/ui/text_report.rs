//! The sheet a report is written on for people: every text is made printable, styles come from here alone.

use unicode_width::UnicodeWidthStr;

use crate::model::text::printable_line;

/// Collects the lines of a report.
#[derive(Debug)]
pub struct TextReport {
    text: String,
    color: bool,
    quiet: bool,
}

impl TextReport {
    /// An empty sheet.
    pub const fn new(color: bool, quiet: bool) -> Self {
        Self { text: String::new(), color, quiet }
    }

    /// Whether only data is wanted.
    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A line of plain text.
    pub fn line(&mut self, text: &str) {
        self.text.push_str(&printable_line(text));
        self.text.push('\n');
    }

    /// A line that stands out.
    pub fn strong(&mut self, text: &str) {
        self.styled("1", text);
    }

    /// A line that may be passed over.
    pub fn faint(&mut self, text: &str) {
        self.styled("2", text);
    }

    /// An empty line.
    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Lines of a name and a value, the values under each other.
    pub fn pairs(&mut self, pairs: &[(&str, String)]) {
        let rows: Vec<Vec<String>> =
            pairs.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]).collect();
        self.details(&rows);
    }

    /// Rows below the sentence they belong to: indented, their cells under each other, without a heading.
    pub fn details(&mut self, rows: &[Vec<String>]) {
        for line in aligned(rows) {
            self.line(&format!("  {line}"));
        }
    }

    /// Rows with their cells under each other; the first row is the heading, which is left out when only data is wanted.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        for (index, line) in aligned(rows).iter().enumerate() {
            match index {
                0 if self.quiet => {}
                0 => self.strong(line),
                _ => self.line(line),
            }
        }
    }

    /// A program of our own making for another program to read, tabs and all.
    pub fn script(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// All that was written.
    pub fn into_text(self) -> String {
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

/// One line for each row: every cell is filled with blanks to the width of its column on a terminal, and two blanks stand
/// between columns.
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
    fn cells_stand_under_each_other_however_wide_their_characters_are() {
        let lines =
            aligned(&rows(&[&["TAG", "SIZE", "WHY"], &["ver\u{301}", "1 KiB", "x"], &["\u{65e5}\u{672c}", "", "y"]]));
        assert_eq!(lines, ["TAG   SIZE   WHY", "ver\u{301}   1 KiB  x", "\u{65e5}\u{672c}         y"]);
    }

    #[test]
    fn rows_may_be_shorter_and_leave_no_blanks_at_the_end() {
        assert_eq!(aligned(&rows(&[&["a"], &["bcd", "e", ""]])), ["a", "bcd  e"]);
        assert!(aligned(&[]).is_empty());
    }

    #[test]
    fn a_cell_with_a_line_feed_or_an_escape_code_stays_one_cell() {
        assert_eq!(aligned(&rows(&[&["a\nb", "c"], &["\u{1b}", "d"]])), ["a\\nb  c", "\\x1b  d"]);
    }

    #[test]
    fn only_data_means_no_heading() {
        let mut paper = TextReport::new(false, true);
        paper.table(&rows(&[&["TAG"], &["v1"]]));
        assert_eq!(paper.into_text(), "v1\n");
    }
}
