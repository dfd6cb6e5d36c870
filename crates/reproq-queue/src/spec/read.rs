//! JSON text to a value, as Python's `json.loads` reads it: integers keep all their digits.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use thiserror::Error;

use crate::spec::integer::Integer;
use crate::spec::value::Key;
use crate::spec::value::Value;

/// Deeper values do not occur, and Python fails on them at about 1000.
const MAX_DEPTH: usize = 200;

/// Why a text is not a value.
#[derive(Debug, Error)]
pub enum ValueError {
    /// Not JSON.
    #[error("not valid JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// An integer with more digits than Python reads.
    #[error("an integer has more than 4300 digits")]
    TooManyDigits,
    /// A float that Python would read as infinity, which PostgreSQL refuses.
    #[error("the number {0} is too large for a float")]
    TooLarge(String),
    /// Nested too deeply.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
}

/// Reads one JSON value. Of equal keys the last one counts, as in Python.
pub fn read_json(text: &str) -> Result<Value, ValueError> {
    // Checked as a whole first, so that line and column of an error are those of the whole text.
    let whole: &RawValue = serde_json::from_str(text)?;
    read(whole.get(), 0)
}

fn read(text: &str, depth: usize) -> Result<Value, ValueError> {
    if depth > MAX_DEPTH {
        return Err(ValueError::TooDeep);
    }
    match text.as_bytes().first() {
        Some(b'{') => {
            let entries: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
            let read = |(key, value): (String, &RawValue)| Ok((Key::Text(key), read(value.get(), depth + 1)?));
            Ok(Value::Object(entries.into_iter().map(read).collect::<Result<_, ValueError>>()?))
        }
        Some(b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(text)?;
            Ok(Value::List(values.into_iter().map(|value| read(value.get(), depth + 1)).collect::<Result<_, _>>()?))
        }
        Some(b'"') => Ok(Value::Text(serde_json::from_str(text)?)),
        Some(b'n') => Ok(Value::Null),
        Some(b't' | b'f') => Ok(Value::Bool(serde_json::from_str(text)?)),
        Some(_) | None => number(text),
    }
}

fn number(text: &str) -> Result<Value, ValueError> {
    if !text.contains(['.', 'e', 'E']) {
        return Integer::parse(text).map(Value::Integer).ok_or(ValueError::TooManyDigits);
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() => Ok(Value::Float(float)),
        Ok(_) | Err(_) => Err(ValueError::TooLarge(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::canonical_json;

    fn canonical(text: &str) -> String {
        canonical_json(&read_json(text).expect("JSON")).expect("sortable")
    }

    #[test]
    fn numbers_stay_what_they_are() {
        assert_eq!(canonical("[1, 1.0, 1e3, -0, -0.0, 1E16]"), "[1,1.0,1000.0,0,-0.0,1e+16]");
        let large = "1".repeat(400);
        assert_eq!(canonical(&large), large);
    }

    #[test]
    fn of_equal_keys_the_last_one_counts() {
        assert_eq!(canonical(r#"{"a": 1, "b": 2, "a": 3}"#), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn what_python_or_postgresql_would_refuse_is_refused() {
        let deep = "[".repeat(202) + &"]".repeat(202);
        let digits = "1".repeat(4301);
        let texts = [
            "",
            "NaN",
            "Infinity",
            "1e400",
            "[1,]",
            "01",
            "+1",
            "'a'",
            "\"\\ud800\"",
            "\"\t\"",
            "[1] 2",
            &deep,
            &digits,
        ];
        for text in texts {
            assert!(read_json(text).is_err(), "{text}");
        }
        let error = read_json("[1,\n 2,,3]").expect_err("two commas").to_string();
        assert!(error.contains("line 2 column 4"), "{error}");
    }
}
