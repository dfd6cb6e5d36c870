//! What the worker accepts as the result of a task, and what PostgreSQL stores of it.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The worker's default limits on what a task prints.
pub(super) const LIMIT: usize = 1024 * 1024;

/// Where the worker cuts the message of an error, in bytes.
const MESSAGE_LIMIT: usize = 1024;

/// How many digits PostgreSQL stores before the decimal point.
const DIGITS: usize = 131_072;

/// Why this cannot be stored as the result of a task.
pub(super) fn refusal(stdout: &[u8]) -> Option<String> {
    if stdout.len() > LIMIT {
        return Some(format!("{} bytes are over the limit", stdout.len()));
    }
    let parsed = serde_json::from_slice::<BTreeMap<String, Box<RawValue>>>(stdout.trim_ascii());
    let fields = match parsed {
        Ok(fields) => fields,
        Err(error) => return Some(format!("it is not one JSON object: {error}")),
    };
    if !matches!(fields.get("ok").map(|ok| ok.get()), Some("true" | "false")) {
        return Some("`ok` is neither true nor false".to_owned());
    }
    for (name, value) in &fields {
        let problem = match name.as_str() {
            "return" => stored_number(value.get()).or_else(|| stored_text(value.get(), true)),
            // The worker reads a lone surrogate in them as U+FFFD.
            "message" | "traceback" | "exception_class" => stored_text(value.get(), false),
            _ => None,
        };
        if let Some(problem) = problem {
            return Some(format!("`{name}` has {problem}"));
        }
    }
    let message = fields.get("message").map(|text| units(text.get())).unwrap_or_default();
    let message = String::from_utf16_lossy(&message);
    (message.len() > MESSAGE_LIMIT && !message.is_char_boundary(MESSAGE_LIMIT))
        .then(|| "`message` is cut in the middle of a character".to_owned())
}

/// The result in an output that has other text too, and that text.
pub(super) fn among(stdout: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let start = b"{\"ok\": ";
    let starts = (0..stdout.len()).rev().filter(|at| stdout[*at..].starts_with(start));
    starts.into_iter().find_map(|at| {
        let mut values = serde_json::Deserializer::from_slice(&stdout[at..]).into_iter::<Box<RawValue>>();
        let found = values.next()?.ok()?;
        let end = at + values.byte_offset();
        let rest = [&stdout[..at], &stdout[end..]].concat();
        refusal(found.get().as_bytes()).is_none().then(|| (stdout[at..end].to_vec(), rest))
    })
}

fn stored_number(value: &str) -> Option<String> {
    let longest = value.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    (longest > DIGITS).then(|| format!("a number of {longest} digits"))
}

/// What jsonb refuses in a text: NUL, and surrogates that are not a pair.
fn stored_text(value: &str, is_kept_as_it_is: bool) -> Option<String> {
    let units = units(value);
    if units.contains(&0) {
        return Some("a NUL".to_owned());
    }
    let has_surrogate = char::decode_utf16(units).any(|unit| unit.is_err());
    (is_kept_as_it_is && has_surrogate).then(|| "a lone surrogate".to_owned())
}

/// The strings of a JSON value as UTF-16, in which alone a lone surrogate can be expressed. The rest of the value is taken as text.
fn units(json: &str) -> Vec<u16> {
    let mut units = Vec::new();
    let mut rest = json.trim_matches('"').chars();
    while let Some(next) = rest.next() {
        let unescaped = match next {
            '\\' => match rest.next() {
                Some('u') => {
                    let digits: String = rest.by_ref().take(4).collect();
                    units.extend(u16::from_str_radix(&digits, 16));
                    continue;
                }
                Some('n') => '\n',
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        units.extend(unescaped.encode_utf16(&mut [0; 2]).iter());
    }
    units
}

#[test]
fn what_cannot_be_stored_is_recognized() {
    let refused = |text: &str| refusal(text.as_bytes()).unwrap_or_default();
    for fine in [
        r#"{"ok": true, "return": null}"#,
        " {\"ok\": true, \"return\": \"\\\\u0000 \\ud83d\\ude00\"}\n",
        r#"{"ok": false, "exception_class": "E", "message": "\ud800"}"#,
    ] {
        assert_eq!(refused(fine), "", "{fine}");
    }
    for (text, reason) in [
        ("", "not one JSON object"),
        (r#"{"ok": true, "return": NaN}"#, "not one JSON object"),
        (r#"{"ok": true}{"ok": true}"#, "not one JSON object"),
        (r#"{"ok": 1}"#, "neither true nor false"),
        (r#"{"ok": true, "return": ["\u0000"]}"#, "a NUL"),
        (r#"{"ok": true, "return": ["\ude00\ud83d"]}"#, "a lone surrogate"),
        (r#"{"ok": false, "message": "\u0000"}"#, "a NUL"),
    ] {
        assert!(refused(text).contains(reason), "{text}: {}", refused(text));
    }
    let message = |text: &str| refused(&format!(r#"{{"ok": false, "message": "{text}"}}"#));
    assert_eq!(message(&format!("{}\\u00e9", "x".repeat(1022))), "");
    assert!(message(&format!("{}\\u00e9", "x".repeat(1023))).contains("middle of a character"));
    assert!(refused(&format!(r#"{{"ok": true, "return": {}}}"#, "1".repeat(131_073))).contains("digits"));
    assert!(refused(&format!(r#"{{"ok": true, "return": "{}"}}"#, "x".repeat(LIMIT))).contains("limit"));
}

#[test]
fn a_result_is_found_among_other_text() {
    let found = |text: &str| among(text.as_bytes()).map(|(found, rest)| (text_of(&found), text_of(&rest)));
    let parts = |found: &str, rest: &str| Some((found.to_owned(), rest.to_owned()));
    assert_eq!(found("before{\"ok\": true}\nafter"), parts("{\"ok\": true}", "before\nafter"));
    assert_eq!(found("{\"ok\": false}\n{\"ok\": true}\n"), parts("{\"ok\": true}", "{\"ok\": false}\n\n"));
    assert_eq!(found("{\"ok\": true} {\"ok\": "), parts("{\"ok\": true}", " {\"ok\": "));
    assert_eq!(found("nothing"), None);
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
