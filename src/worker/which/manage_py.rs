//! What a project's `manage.py` says, read as text: whether it is Django's, which settings it names, whether it does more
//! than the one Django generates. Pure.

/// Every line of a generated `manage.py`, from any version of Django, begins with one of these; so do its doc strings.
const GENERATED: [&str; 17] = [
    "import os",
    "import sys",
    "def main():",
    "\"",
    "'",
    "os.environ.setdefault(",
    "from django.core.management import execute_from_command_line",
    "import django",
    "try:",
    "except ImportError",
    "raise ImportError(",
    "raise",
    ") from exc",
    ")",
    "execute_from_command_line(sys.argv)",
    "if __name__ ==",
    "main()",
];

/// What a `manage.py` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ManagePy {
    /// The settings module it names, where that stands there as a plain text.
    pub(super) settings_module: Option<String>,
    /// It does what the one Django generates does, and nothing else. Others load a `.env` file or change the module path
    /// before they hand over to Django, so that they have to be run for the same answer.
    pub(super) is_generated: bool,
}

impl ManagePy {
    /// Reads it. `None`: it has nothing to do with Django; other tools have a `manage.py` too.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let code: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        let speaks_of_django = code.iter().any(|line| line.to_ascii_lowercase().contains("django"));
        speaks_of_django.then(|| Self {
            settings_module: settings_module(&code.join("\n")),
            is_generated: code.iter().all(|line| is_generated(line)),
        })
    }
}

fn is_generated(line: &str) -> bool {
    // A second statement on the line could be anything.
    !line.contains(';') && GENERATED.iter().any(|beginning| line.starts_with(beginning))
}

/// Finds the text after `"DJANGO_SETTINGS_MODULE",` (of `setdefault`) or `"DJANGO_SETTINGS_MODULE"] =`.
fn settings_module(code: &str) -> Option<String> {
    code.match_indices("DJANGO_SETTINGS_MODULE").find_map(|(start, name)| {
        let rest = code[start + name.len()..].strip_prefix(['"', '\''])?.trim_start();
        let rest = rest.strip_prefix(']').unwrap_or(rest).trim_start();
        let rest = rest.strip_prefix([',', '='])?.trim_start();
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (module, _) = rest[1..].split_once(quote)?;
        let is_dotted = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
        module.split('.').all(is_dotted).then(|| module.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GENERATED_TODAY: &str = r#"#!/usr/bin/env python
"""Django's command-line utility for administrative tasks."""

import os
import sys


def main():
    """Run administrative tasks."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as exc:
        raise ImportError(
            "Couldn't import Django. Are you sure it's installed and "
            "available on your PYTHONPATH environment variable? Did you "
            "forget to activate a virtual environment?"
        ) from exc
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
"#;

    #[test]
    fn the_generated_one_names_its_settings() {
        let expected = ManagePy { settings_module: Some("shop.settings".to_owned()), is_generated: true };
        assert_eq!(ManagePy::parse(GENERATED_TODAY), Some(expected));
    }

    #[test]
    fn what_does_more_is_not_generated() {
        for line in [
            "from dotenv import load_dotenv",
            "load_dotenv()",
            "sys.path.append(\"shop\")",
            "os.environ[\"REPROQ_WORKER_BIN\"] = \"/opt/reproq\"",
            "import os; load()",
            "from configurations.management import execute_from_command_line",
        ] {
            let text = GENERATED_TODAY.replace("    try:", &format!("    {line}\n    try:"));
            let parsed = ManagePy::parse(&text).expect("Django's");
            assert_eq!(parsed, ManagePy { settings_module: Some("shop.settings".to_owned()), is_generated: false });
        }
    }

    #[test]
    fn settings_are_found_however_they_are_written() {
        let cases = [
            ("os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'a.b')", Some("a.b")),
            ("os.environ.setdefault(\n    \"DJANGO_SETTINGS_MODULE\",\n    \"a.b\",\n)", Some("a.b")),
            ("os.environ[\"DJANGO_SETTINGS_MODULE\"] = \"config.settings.local\"", Some("config.settings.local")),
            ("# \"DJANGO_SETTINGS_MODULE\", \"old\"\nx(\"DJANGO_SETTINGS_MODULE\", 'new')", Some("new")),
            ("if \"DJANGO_SETTINGS_MODULE\" in e: pass\nx('DJANGO_SETTINGS_MODULE','é')", Some("é")),
            ("x('DJANGO_SETTINGS_MODULE', f'{name}.settings')", None),
            ("x('DJANGO_SETTINGS_MODULE', '')", None),
            ("x('DJANGO_SETTINGS_MODULE', 'a b')", None),
            ("x('DJANGO_SETTINGS_MODULE', ", None),
        ];
        for (text, expected) in cases {
            let parsed = ManagePy::parse(text).expect("Django's");
            assert_eq!(parsed.settings_module.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn other_tools_have_a_manage_py_too() {
        assert_eq!(ManagePy::parse("from flask_script import Manager\nManager(app).run()\n# not django"), None);
        assert_eq!(ManagePy::parse(""), None);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "(\\PC|\n|'|\"|DJANGO_SETTINGS_MODULE|,|=|\\])*") {
            let _ = ManagePy::parse(&text);
        }
    }
}
