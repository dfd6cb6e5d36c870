//! Parses the one-line response of the query in the project's Python. Pure.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::model::text::printable_line;
use crate::worker::which::DjangoAnswer;
use crate::worker::which::DjangoFacts;
use crate::worker::which::DjangoSetting;

#[derive(Debug, Deserialize)]
struct Line {
    python: String,
    #[serde(default)]
    django: String,
    #[serde(default)]
    settings_module: String,
    setting: Option<SettingLine>,
    environment: Option<String>,
    package: Option<String>,
    problem: Option<Problem>,
    manage_problem: Option<Problem>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum SettingLine {
    Unset,
    Empty,
    Set { value: String },
    WrongType { r#type: String },
}

#[derive(Debug, Deserialize)]
struct Problem {
    r#type: String,
    message: String,
    file: Option<String>,
    line: Option<u64>,
}

/// Parses the response of the interpreter `python`. `None` if it does not start with this marker.
pub(super) fn read(text: &str, marker: &str, python: &Path) -> Option<DjangoAnswer> {
    let line: Line = serde_json::from_str(text.strip_prefix(marker)?).ok()?;
    if let Some(problem) = line.problem {
        return Some(DjangoAnswer::Failed {
            reason: problem.reason(&line.settings_module, python),
            stderr: Vec::new(),
            hint: None,
        });
    }
    Some(DjangoAnswer::Answered(Box::new(DjangoFacts {
        python: python.to_owned(),
        python_version: line.python,
        django_version: line.django,
        settings_module: line.settings_module,
        setting: match line.setting? {
            SettingLine::Unset => DjangoSetting::Unset,
            SettingLine::Empty => DjangoSetting::Empty,
            SettingLine::Set { value } => DjangoSetting::Set(decode(&value)),
            SettingLine::WrongType { r#type } => DjangoSetting::WrongType(printable_line(&r#type)),
        },
        environment: line.environment.as_deref().map(decode),
        package: line.package.as_deref().map(decode).map(PathBuf::from),
        manage_problem: line.manage_problem.map(|problem| {
            format!("manage.py was skipped, because it failed before it called Django: {}", problem.sentence())
        }),
    })))
}

impl Problem {
    fn reason(&self, settings_module: &str, python: &Path) -> String {
        if self.r#type == "ModuleNotFoundError" && self.message == "No module named 'django'" {
            let python = printable_line(&python.to_string_lossy());
            return format!("Django is not installed for {python}; activate the project's environment");
        }
        let module =
            if settings_module.is_empty() { String::new() } else { format!(" `{}`", printable_line(settings_module)) };
        format!("failed to load the project's settings{module}: {}", self.sentence())
    }

    fn sentence(&self) -> String {
        let what = match (self.r#type.as_str(), self.message.as_str()) {
            ("", message) => printable_line(message),
            ("SystemExit", code) => format!("they call sys.exit({})", printable_line(code)),
            (name, "") => printable_line(name),
            (name, message) => format!("{}: {}", printable_line(name), printable_line(&without_credentials(message))),
        };
        match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{what} ({}, line {line})", printable_line(file)),
            (Some(file), None) => format!("{what} ({})", printable_line(file)),
            (None, _) => what,
        }
    }
}

/// The query percent-encodes values that may not be UTF-8.
fn decode(text: &str) -> OsString {
    let bytes: Vec<u8> = percent_decode_str(text).collect();
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(bytes);
    #[cfg(not(unix))]
    return String::from_utf8_lossy(&bytes).into_owned().into();
}

/// Removes user names and passwords from URLs: failing settings often print their database's URL.
pub(super) fn without_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let authority = after.split([' ', '\t', '\n', '"', '\'', '<', '>', '?', '#']).next().unwrap_or_default();
        let credentials = authority.rfind('@');
        clean.push_str(before);
        clean.push_str("://");
        if credentials.is_some() {
            clean.push_str("[redacted]");
        }
        rest = &after[credentials.unwrap_or(0)..];
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failure(text: &str) -> String {
        match read(text, "M", Path::new("/v/bin/python")) {
            Some(DjangoAnswer::Failed { reason, .. }) => reason,
            other => panic!("expected a failure, found {other:?}"),
        }
    }

    #[test]
    fn a_full_answer() {
        let text = r#"M {"python": "3.12.1", "django": "6.0", "settings_module": "shop.settings", "package": "/v/reproq_django",
            "setting": {"kind": "set", "value": "~/w%C3%B6rker"}, "environment": "", "added_later": 1}"#;
        let expected = DjangoFacts {
            python: "/v/bin/python".into(),
            python_version: "3.12.1".to_owned(),
            django_version: "6.0".to_owned(),
            settings_module: "shop.settings".to_owned(),
            setting: DjangoSetting::Set("~/wörker".into()),
            environment: Some("".into()),
            package: Some("/v/reproq_django".into()),
            manage_problem: None,
        };
        let found = read(text, "M", Path::new("/v/bin/python"));
        assert_eq!(found, Some(DjangoAnswer::Answered(Box::new(expected))));
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_utf8_arrives_as_it_is() {
        let expected: OsString = std::os::unix::ffi::OsStringExt::from_vec(vec![b'/', 0xff, b'x']);
        assert_eq!(decode("/%FFx"), expected);
    }

    #[test]
    fn failures_become_sentences() {
        let cases = [
            (
                r#"{"type": "ModuleNotFoundError", "message": "No module named 'django'"}"#,
                "Django is not installed for /v/bin/python; activate the project's environment",
            ),
            (
                r#"{"type": "KeyError", "message": "'SECRET'", "file": "shop/settings.py", "line": 3}"#,
                "failed to load the project's settings: KeyError: 'SECRET' (shop/settings.py, line 3)",
            ),
            (
                r#"{"type": "SystemExit", "message": "3"}"#,
                "failed to load the project's settings: they call sys.exit(3)",
            ),
            (
                r#"{"type": "ValueError", "message": "bad postgres://me:s3cret@db/x\u001b[31m"}"#,
                "failed to load the project's settings: ValueError: bad postgres://[redacted]@db/x\\x1b[31m",
            ),
        ];
        for (problem, expected) in cases {
            assert_eq!(failure(&format!(r#"M {{"python": "3.12.1", "problem": {problem}}}"#)), expected);
        }
    }

    #[test]
    fn other_output_is_not_parsed() {
        for text in ["", "M", "M {}", "N {\"python\": \"3\"}", "M {\"python\": \"3\"}", "M {\"python\": \"3\"} more"] {
            assert_eq!(read(text, "M", Path::new("python")), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_password_survives(before in "[^:@]{0,9}", after in "[^@]{0,9}", password in "[A-Z]{8}") {
            let text = format!("{before} a://user:{password}@host/{after}");
            prop_assert!(!without_credentials(&text).contains(&password));
        }

        #[test]
        fn text_without_credentials_is_unchanged(text in "[^@]*") {
            prop_assert_eq!(without_credentials(&text), text);
        }

        #[test]
        fn reading_never_panics(text in "\\PC*") {
            let _ = read(&text, "", Path::new("python"));
            let _ = without_credentials(&text);
        }
    }
}
