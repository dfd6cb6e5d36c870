//! A configuration file in TOML, with the types of go-toml 2: keys in upper or lower case, a whole number where a fraction is
//! expected, and no other conversion.

use std::ops::Range;

use toml::de::DeTable;
use toml::de::DeValue;

use crate::worker::config::fields::KeyKind;
use crate::worker::config::fields::SECTIONS;
use crate::worker::config::fields::file_kind;
use crate::worker::config::file::FileValue;
use crate::worker::config::file::FileValues;
use crate::worker::config::file::IgnoredKey;
use crate::worker::config::file::KeyEntry;

pub(super) fn read(text: &str) -> FileValues {
    let mut file = FileValues::default();
    let lines = Lines(text);
    match DeTable::parse(text) {
        Ok(document) => {
            for (name, value, line) in in_order(document.get_ref(), lines) {
                top_level(&name, value, line, lines, &mut file);
            }
        }
        Err(error) => {
            let line = lines.of(error.span().unwrap_or(0..0));
            // The first line of the message; the others repeat the file.
            let problem = error.message().lines().next().unwrap_or("invalid TOML").to_owned();
            file.problem(line, problem);
        }
    }
    file
}

#[derive(Clone, Copy)]
struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn of(self, span: Range<usize>) -> usize {
        self.0.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
    }
}

/// The entries in the order of the file, with the lines of their keys.
fn in_order<'a, 'i>(table: &'a DeTable<'i>, lines: Lines<'_>) -> Vec<(String, &'a DeValue<'i>, usize)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let entries = entries.into_iter();
    entries.map(|(key, value)| (key.get_ref().to_string(), value.get_ref(), lines.of(key.span()))).collect()
}

fn top_level(name: &str, value: &DeValue<'_>, line: usize, lines: Lines<'_>, file: &mut FileValues) {
    let lower = name.to_lowercase();
    if !SECTIONS.contains(&lower.as_str()) {
        // A dot in a quoted key is no section.
        if name.contains('.') {
            return file.ignored.push(IgnoredKey { key: name.to_owned(), line });
        }
        return add(name, value, line, file);
    }
    let DeValue::Table(table) = value else { return file.problem(line, format!("`{lower}` must be a table")) };
    for (name, value, line) in in_order(table, lines) {
        add(&format!("{lower}.{name}"), value, line, file);
    }
}

fn add(name: &str, value: &DeValue<'_>, line: usize, file: &mut FileValues) {
    let Some((key, kind)) = file_kind(&name.to_lowercase()) else {
        return file.ignored.push(IgnoredKey { key: name.to_owned(), line });
    };
    match typed(value, kind) {
        Ok(value) => {
            file.values.insert(key, KeyEntry { value, line });
        }
        Err(expected) => file.problem(line, format!("`{key}` must be {expected}")),
    }
}

fn typed(value: &DeValue<'_>, kind: KeyKind) -> Result<FileValue, &'static str> {
    let radix = |number: &toml::de::DeInteger<'_>| i64::from_str_radix(number.as_str(), number.radix()).ok();
    let (value, expected) = match (kind, value) {
        (KeyKind::Text, DeValue::String(text)) => (Some(FileValue::Text(text.to_string())), "a string"),
        (KeyKind::Text, _) => (None, "a string in quotes"),
        (KeyKind::List, DeValue::Array(items)) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
            (texts.map(FileValue::List), "a list of strings")
        }
        (KeyKind::List, _) => (None, "a list of strings"),
        (KeyKind::Integer, DeValue::Integer(number)) => {
            (radix(number).map(FileValue::Integer), "a whole number of at most 64 bits")
        }
        (KeyKind::Integer, _) => (None, "a whole number"),
        (KeyKind::Float, DeValue::Integer(number)) => {
            (number.as_str().parse().ok().map(FileValue::Float), "a decimal number")
        }
        (KeyKind::Float, DeValue::Float(number)) => (number.as_str().parse().ok().map(FileValue::Float), "a number"),
        (KeyKind::Float, _) => (None, "a number"),
    };
    value.ok_or(expected)
}
