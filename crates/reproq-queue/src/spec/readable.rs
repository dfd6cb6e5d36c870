//! JSON as people read it.

use super::canonical::write_string;
use super::stored::string_length;

/// The same JSON with the characters that its strings escape without need: `é` for `\u00e9`. Everything else is left as it is.
pub fn readable_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(start) = rest.find('"') {
        let (before, string) = rest.split_at(start);
        let (string, after) = string.split_at(string_length(string));
        text.push_str(before);
        match serde_json::from_str::<String>(string) {
            Ok(value) => write_string(&mut text, &value),
            // Half of a surrogate pair is no character.
            Err(_) => text.push_str(string),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_need_not_be_escaped_is_shown() {
        let cases = [
            (
                r#"{"a": "\u00e9\u003c", "\u00fc": [1.0, 1e16, "\ud83d\ude00"]}"#,
                r#"{"a": "é<", "ü": [1.0, 1e16, "😀"]}"#,
            ),
            (r#"["\\u00e9", "\"\u0022\n\u0000\u007f"]"#, "[\"\\\\u00e9\", \"\\\"\\\"\\n\\u0000\u{7f}\"]"),
            (r#"["\ud83d", "\u00e9"]"#, r#"["\ud83d", "é"]"#),
            ("[]", "[]"),
            (r#"["cut"#, r#"["cut"#),
            ("", ""),
        ];
        for (json, expected) in cases {
            assert_eq!(readable_json(json), expected);
        }
    }
}
