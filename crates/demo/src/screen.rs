//! A captured screen as rows of styled text.

/// How a part of a row is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    pub is_bold: bool,
    pub is_dim: bool,
    /// The number of one of the eight colors of a terminal.
    pub color: Option<u8>,
}

/// The rows of a screen, without empty ones at the end; each is a list of parts with one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen(pub Vec<Vec<(Style, String)>>);

impl Screen {
    /// Reads what `tmux capture-pane -e` prints.
    pub fn parse(captured: &str) -> Self {
        let mut style = Style::default();
        let mut rows: Vec<Vec<(Style, String)>> = captured.lines().map(|line| row(line, &mut style)).collect();
        while rows.last().is_some_and(Vec::is_empty) {
            rows.pop();
        }
        Self(rows)
    }

    /// The text of each row.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|row| row.iter().map(|(_, text)| text.as_str()).collect())
    }
}

/// One row; a style continues on the next one.
fn row(line: &str, style: &mut Style) -> Vec<(Style, String)> {
    let mut parts = Vec::new();
    let mut add = |style: Style, text: &str| {
        if !text.is_empty() {
            parts.push((style, text.to_owned()));
        }
    };
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        add(*style, before);
        let end = after.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (codes, following) = after.split_at(end);
        if following.starts_with('m') {
            codes.split(';').for_each(|code| *style = changed(*style, code));
        }
        rest = following.get(1..).unwrap_or_default();
    }
    add(*style, rest);
    trimmed(parts)
}

/// Without white space at the end.
fn trimmed(mut parts: Vec<(Style, String)>) -> Vec<(Style, String)> {
    while let Some((_, text)) = parts.last_mut() {
        text.truncate(text.trim_end().len());
        if !text.is_empty() {
            break;
        }
        parts.pop();
    }
    parts
}

fn changed(style: Style, code: &str) -> Style {
    match code.parse() {
        Ok(1) => Style { is_bold: true, ..style },
        Ok(2) => Style { is_dim: true, ..style },
        Ok(22) => Style { is_bold: false, is_dim: false, ..style },
        Ok(number @ 30..=37) => Style { color: Some(number - 30), ..style },
        Ok(39) => Style { color: None, ..style },
        Ok(0_u8) => Style::default(),
        // `ESC [ m`.
        Err(_) if code.is_empty() => Style::default(),
        Ok(_) | Err(_) => style,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_end_where_the_terminal_says() {
        let screen = Screen::parse("a \x1b[1;33mwarning:\x1b[0m b  \n\n\x1b[2mdim\x1b[22m \n\n");
        let bold = Style { is_bold: true, color: Some(3), is_dim: false };
        let dim = Style { is_dim: true, ..Style::default() };
        let plain = |text: &str| (Style::default(), text.to_owned());
        assert_eq!(
            screen.0,
            [vec![plain("a "), (bold, "warning:".to_owned()), plain(" b")], vec![], vec![(dim, "dim".to_owned())]]
        );
        assert_eq!(screen.texts().collect::<Vec<_>>(), ["a warning: b", "", "dim"]);
    }
}
