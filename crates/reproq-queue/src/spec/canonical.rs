//! The text of a value, as `json.dumps(…, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` writes it.

use std::cmp::Ordering;
use std::fmt::Write;

use crate::spec::float::write_float;
use crate::spec::value::Key;
use crate::spec::value::SpecError;
use crate::spec::value::Value;

/// The canonical text of a value.
pub fn canonical_json(value: &Value) -> Result<String, SpecError> {
    let mut text = String::new();
    write_value(&mut text, value)?;
    Ok(text)
}

fn write_value(text: &mut String, value: &Value) -> Result<(), SpecError> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Integer(integer) => text.push_str(integer.as_str()),
        Value::Float(float) => write_float(text, *float),
        Value::Text(string) => write_string(text, string),
        Value::List(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(text, value)?;
            }
            text.push(']');
        }
        Value::Object(entries) => {
            text.push('{');
            for (index, (key, value)) in sorted(entries)?.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_key(text, key);
                text.push(':');
                write_value(text, value)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

/// The entries in Python's order of their keys, which is compared before the keys become strings.
fn sorted(entries: &[(Key, Value)]) -> Result<Vec<&(Key, Value)>, SpecError> {
    let mut sorted: Vec<&(Key, Value)> = entries.iter().collect();
    let mut is_mixed = false;
    sorted.sort_by(|(one, _), (other, _)| {
        compare(one, other).unwrap_or_else(|| {
            is_mixed = true;
            Ordering::Equal
        })
    });
    if is_mixed { Err(SpecError::MixedKeys) } else { Ok(sorted) }
}

/// `None` where Python raises a `TypeError`. Strings are compared by code point, which is the order of their UTF-8 bytes.
fn compare(one: &Key, other: &Key) -> Option<Ordering> {
    let one = match one {
        Key::Bool(value) => &Key::Integer(i64::from(*value).into()),
        Key::Text(_) | Key::Integer(_) | Key::Float(_) | Key::Null => one,
    };
    let other = match other {
        Key::Bool(value) => &Key::Integer(i64::from(*value).into()),
        Key::Text(_) | Key::Integer(_) | Key::Float(_) | Key::Null => other,
    };
    match (one, other) {
        (Key::Text(one), Key::Text(other)) => Some(one.cmp(other)),
        (Key::Integer(one), Key::Integer(other)) => Some(one.cmp(other)),
        (Key::Float(one), Key::Float(other)) => Some(one.total_cmp(other)),
        (Key::Integer(one), Key::Float(other)) => Some(one.compare_to_float(*other)),
        (Key::Float(one), Key::Integer(other)) => Some(other.compare_to_float(*one).reverse()),
        (Key::Text(_) | Key::Integer(_) | Key::Float(_) | Key::Bool(_) | Key::Null, _) => None,
    }
}

fn write_key(text: &mut String, key: &Key) {
    let plain = match key {
        Key::Text(string) => return write_string(text, string),
        Key::Integer(integer) => integer.to_string(),
        Key::Float(float) => {
            let mut plain = String::new();
            write_float(&mut plain, *float);
            plain
        }
        Key::Bool(value) => value.to_string(),
        Key::Null => "null".to_owned(),
    };
    let _ = write!(text, "\"{plain}\"");
}

/// Only quotes, backslashes and control characters below 0x20 are escaped.
pub(super) fn write_string(text: &mut String, string: &str) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            c if c < ' ' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::read_json;

    fn object(entries: Vec<(Key, i64)>) -> Value {
        Value::Object(entries.into_iter().map(|(key, value)| (key, Value::from(value))).collect())
    }

    #[test]
    fn keys_that_are_not_strings_are_sorted_before_they_become_strings() {
        let integers = object(vec![
            (Key::Integer(10.into()), 1),
            (Key::Integer(9.into()), 2),
            (Key::Integer(1.into()), 3),
            (Key::Float(9.5), 4),
            (Key::Bool(false), 5),
        ]);
        let expected = r#"{"false":5,"1":3,"9":2,"9.5":4,"10":1}"#;
        assert_eq!(canonical_json(&integers).as_deref(), Ok(expected));
        let alone = [(Key::Bool(true), "true"), (Key::Null, "null"), (Key::Float(1.5), "1.5")];
        for (key, name) in alone {
            assert_eq!(canonical_json(&object(vec![(key, 1)])), Ok(format!("{{\"{name}\":1}}")));
        }
        let mixed = object(vec![(Key::Integer(1.into()), 1), (Key::Text("1".to_owned()), 2)]);
        assert_eq!(canonical_json(&mixed), Err(SpecError::MixedKeys));
        let nothing_and_text = object(vec![(Key::Null, 1), (Key::Text(String::new()), 2)]);
        assert_eq!(canonical_json(&nothing_and_text), Err(SpecError::MixedKeys));
    }

    #[test]
    fn strings_are_sorted_by_code_point_and_escaped_as_little_as_possible() {
        let text = "{\"\u{1f600}\":1,\"\u{ffff}\":2,\"\u{e9}\":3,\"B\":4,\"a\":5,\"\":6}";
        let value = read_json(text).expect("JSON");
        let expected = "{\"\":6,\"B\":4,\"a\":5,\"\u{e9}\":3,\"\u{ffff}\":2,\"\u{1f600}\":1}";
        assert_eq!(canonical_json(&value).as_deref(), Ok(expected));
        let value = Value::from("\u{0}\u{1f}\u{7f}\u{2028}</script>&/\"\\\n\r\t\u{8}\u{c}");
        let expected = "\"\\u0000\\u001f\u{7f}\u{2028}</script>&/\\\"\\\\\\n\\r\\t\\b\\f\"";
        assert_eq!(canonical_json(&value).as_deref(), Ok(expected));
    }
}
