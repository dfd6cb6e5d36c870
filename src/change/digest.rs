//! The digest of the decisions of a plan, reproducible across runs. Pure.

use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::model::Sha256Digest;

/// The digest of the named parts of a JSON object, with sorted keys and no white space. `ignored` are the fields that do not
/// affect a decision, at any depth.
pub(crate) fn digest_of(document: &Value, parts: &[&str], ignored: &[&str]) -> Sha256Digest {
    let mut text = String::new();
    for part in parts {
        text.push_str(part);
        text.push('=');
        canonical(document.get(part).unwrap_or(&Value::Null), ignored, &mut text);
        text.push('\n');
    }
    Sha256Digest::from_bytes(Sha256::digest(text.as_bytes()).into())
}

/// Sorts explicitly: the order of the map depends on a Cargo feature that any crate can enable.
fn canonical(value: &Value, ignored: &[&str], text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().filter(|(key, _)| !ignored.contains(&key.as_str())).collect();
            members.sort_by_key(|(key, _)| *key);
            list(text, ('{', '}'), members, |(key, value), text| {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                canonical(value, ignored, text);
            });
        }
        Value::Array(items) => list(text, ('[', ']'), items, |item, text| canonical(item, ignored, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

fn list<T>(
    text: &mut String,
    (open, close): (char, char),
    items: impl IntoIterator<Item = T>,
    write: impl Fn(T, &mut String),
) {
    text.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(item, text);
    }
    text.push(close);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const IGNORED: [&str; 2] = ["dated", "downloads"];

    #[test]
    fn only_decisive_fields_count() {
        let document = json!({"a": [{"id": 1, "downloads": 5, "dated": "x"}], "b": {"x": 1, "y": "\"\n"}, "c": 1});
        let digest = digest_of(&document, &["a", "b"], &IGNORED);
        let same = json!({"c": 2, "b": {"y": "\"\n", "x": 1}, "a": [{"dated": null, "id": 1}]});
        assert_eq!(digest_of(&same, &["a", "b"], &IGNORED), digest);
        let other = json!({"a": [{"id": 2}], "b": {"x": 1, "y": "\"\n"}});
        assert_ne!(digest_of(&other, &["a", "b"], &IGNORED), digest);
        assert_ne!(digest_of(&document, &["a"], &IGNORED), digest);
    }

    #[test]
    fn the_canonical_form_is_sorted_and_compact() {
        let mut text = String::new();
        canonical(&json!({"b": [1, null, true], "a": "\u{e9}\"", "dated": "older"}), &IGNORED, &mut text);
        assert_eq!(text, "{\"a\":\"\u{e9}\\\"\",\"b\":[1,null,true]}");
    }
}
