//! A configuration file in YAML, with the types of Go's yaml.v3: a number or a boolean is accepted where a string is expected,
//! a quoted number is not accepted where a number is expected.
//!
//! Two differences remain. A key that appears twice in a section that the worker ignores is refused here, and accepted by the
//! worker; tags other than `!!str` cannot be read here.

use crate::model::yaml::YamlEntry;
use crate::model::yaml::YamlNode;
use crate::model::yaml::YamlScalar;
use crate::model::yaml::YamlValue;
use crate::worker::config::fields::KeyKind;
use crate::worker::config::fields::SECTIONS;
use crate::worker::config::fields::file_kind;
use crate::worker::config::file::FileValue;
use crate::worker::config::file::FileValues;
use crate::worker::config::file::IgnoredKey;
use crate::worker::config::file::KeyEntry;
use crate::worker::config::go;

pub(super) fn read(text: &str) -> FileValues {
    let mut file = FileValues::default();
    match YamlNode::read_first(text) {
        Ok(document) => {
            for entry in entries(&document, "the document", &mut file) {
                top_level(entry, &mut file);
            }
        }
        Err(error) => file.problem(error.at.line, error.problem),
    }
    file
}

fn top_level(entry: &YamlEntry, file: &mut FileValues) {
    if !SECTIONS.contains(&entry.key.as_str()) {
        return add(entry, &entry.key, file);
    }
    for below in entries(&entry.value, &format!("`{}`", entry.key), file) {
        add(below, &format!("{}.{}", entry.key, below.key), file);
    }
}

/// The entries of a map; nothing is an empty one.
fn entries<'a>(node: &'a YamlNode, what: &str, file: &mut FileValues) -> &'a [YamlEntry] {
    match &node.value {
        YamlValue::Map(entries) => entries,
        YamlValue::Scalar(scalar) if is_null(scalar) => &[],
        YamlValue::Scalar(_) | YamlValue::List(_) => {
            file.problem(node.at.line, format!("{what} must be a map"));
            &[]
        }
    }
}

fn add(entry: &YamlEntry, key: &str, file: &mut FileValues) {
    let line = entry.at.line;
    // A dot in a key is no section.
    let found = file_kind(key).filter(|_| !entry.key.contains('.'));
    let Some((key, kind)) = found else {
        return file.ignored.push(IgnoredKey { key: key.to_owned(), line });
    };
    match value(&entry.value, kind) {
        Ok(Some(value)) => {
            if let (FileValue::Integer(number), Some(written)) = (&value, fractional(&entry.value)) {
                file.notes.push(format!("line {line}: the worker reads `{key}: {written}` as {number}"));
            }
            file.values.insert(key, KeyEntry { value, line });
        }
        Ok(None) => {}
        Err((line, expected)) => file.problem(line, format!("`{key}` must be {expected}")),
    }
}

/// The value; `None` for null. Otherwise the line and what was expected.
fn value(node: &YamlNode, kind: KeyKind) -> Result<Option<FileValue>, (usize, &'static str)> {
    let line = node.at.line;
    if let YamlValue::Scalar(scalar) = &node.value
        && is_null(scalar)
    {
        return Ok(None);
    }
    match (kind, &node.value) {
        (KeyKind::Text, YamlValue::Scalar(scalar)) => Ok(Some(FileValue::Text(scalar.text().to_owned()))),
        (KeyKind::Text, YamlValue::List(_) | YamlValue::Map(_)) => Err((line, "a string")),
        (KeyKind::List, YamlValue::List(items)) => Ok(Some(FileValue::List(texts(items)?))),
        (KeyKind::List, YamlValue::Scalar(_) | YamlValue::Map(_)) => Err((line, "a list, such as [a, b]")),
        (KeyKind::Integer, YamlValue::Scalar(scalar)) => {
            let number = number(scalar).and_then(Number::as_integer);
            Ok(Some(FileValue::Integer(number.ok_or((line, "a whole number without quotes"))?)))
        }
        (KeyKind::Integer, YamlValue::List(_) | YamlValue::Map(_)) => Err((line, "a whole number without quotes")),
        (KeyKind::Float, YamlValue::Scalar(scalar)) => {
            let number = number(scalar).map(Number::as_float);
            Ok(Some(FileValue::Float(number.ok_or((line, "a number without quotes"))?)))
        }
        (KeyKind::Float, YamlValue::List(_) | YamlValue::Map(_)) => Err((line, "a number without quotes")),
    }
}

/// Strings; null is left out.
fn texts(items: &[YamlNode]) -> Result<Vec<String>, (usize, &'static str)> {
    let mut texts = Vec::new();
    for item in items {
        let YamlValue::Scalar(scalar) = &item.value else { return Err((item.at.line, "a list of strings")) };
        if !is_null(scalar) {
            texts.push(scalar.text().to_owned());
        }
    }
    Ok(texts)
}

fn is_null(scalar: &YamlScalar) -> bool {
    scalar.is_plain() && matches!(scalar.text(), "" | "~" | "null" | "Null" | "NULL")
}

#[derive(Debug, Clone, Copy)]
enum Number {
    Integer(i64),
    /// Larger than the largest signed number.
    Large(u64),
    Float(f64),
}

impl Number {
    /// A fraction is cut off.
    const fn as_integer(self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(number),
            Self::Float(number) if number <= i64::MAX as f64 => Some(number as i64),
            Self::Large(_) | Self::Float(_) => None,
        }
    }

    const fn as_float(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Large(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

/// The number that a scalar is to yaml.v3: any base, `_` anywhere, a float of YAML 1.2, infinity, and not a number.
fn number(scalar: &YamlScalar) -> Option<Number> {
    let text = Some(scalar.text()).filter(|_| scalar.is_plain())?;
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(Number::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(Number::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Number::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    if text.starts_with('.') {
        return go::float(text).map(Number::Float);
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')) {
        return None;
    }
    let digits = text.replace('_', "");
    let is_float = digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
    go::integer(&digits)
        .map(Number::Integer)
        .or_else(|| digits.parse().ok().filter(|_| !digits.starts_with('0')).map(Number::Large))
        .or_else(|| go::float(&digits).filter(|_| is_float).map(Number::Float))
}

/// How a number with a fraction was written.
fn fractional(node: &YamlNode) -> Option<&str> {
    let YamlValue::Scalar(scalar) = &node.value else { return None };
    match number(scalar)? {
        Number::Float(number) if number.fract() != 0.0 => Some(scalar.text()),
        Number::Float(_) | Number::Integer(_) | Number::Large(_) => None,
    }
}
