//! `keyword=value` pairs, as pgx reads them.

use crate::dsn::error::DsnError;
use crate::dsn::settings::Settings;

const BLANKS: [char; 6] = ['\t', '\n', '\u{b}', '\u{c}', '\r', ' '];

/// The settings of such a text.
pub(super) fn parse(text: &str) -> Result<Settings, DsnError> {
    let mut settings = Settings::default();
    let mut rest = text;
    while !rest.is_empty() {
        let (key, behind) = rest.split_once('=').ok_or(DsnError::Pairs("a keyword has no value"))?;
        let key = key.trim_matches(BLANKS);
        if key.is_empty() {
            return Err(DsnError::Pairs("a value has no keyword"));
        }
        let behind = behind.trim_start_matches(BLANKS);
        let (value, end) = match behind.strip_prefix('\'') {
            Some(quoted) => {
                let end = end_of(quoted, |c| c == '\'').ok_or(DsnError::Pairs("a quoted value does not end"))?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => match end_of(behind, |c| BLANKS.contains(&c)) {
                Some(end) => (&behind[..end], &behind[end + 1..]),
                None if ends_with_an_escape(behind) => return Err(DsnError::Pairs("a value ends with a backslash")),
                None => (behind, ""),
            },
        };
        settings.set(key, &value.replace("\\\\", "\\").replace("\\'", "'"));
        rest = end;
    }
    Ok(settings)
}

/// Where a value ends: at a character that is not escaped.
fn end_of(text: &str, ends: impl Fn(char) -> bool) -> Option<usize> {
    let mut is_escaped = false;
    text.find(|c: char| {
        let ends = ends(c) && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    })
}

fn ends_with_an_escape(text: &str) -> bool {
    (text.len() - text.trim_end_matches('\\').len()) % 2 == 1
}
