//! The sheet a report is written on for people: every text is made printable, styles come from here alone.

use crate::text::printable_line;

/// Collects the lines of a report.
#[derive(Debug)]
pub struct Paper {
    text: String,
    color: bool,
    quiet: bool,
}

impl Paper {
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
        let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in pairs {
            self.line(&format!("  {name:<width$}  {value}"));
        }
    }

    /// Rows with their cells under each other; the first row is the heading.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| printable_line(cell)).collect()).collect();
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in rows.iter().enumerate() {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            let line = cells.join("  ");
            if index == 0 { self.strong(line.trim_end()) } else { self.line(line.trim_end()) }
        }
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
