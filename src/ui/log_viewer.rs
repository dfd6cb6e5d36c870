//! Escapes workflow commands for GitHub's log viewer: a runner executes every line that begins with `::` (`::error::…`,
//! `::stop-commands::…`) and every `##[` in a line (`##[group]`), even in untrusted text.

/// The text with the smallest change that disables all commands.
pub(super) fn without_commands(text: &str) -> String {
    if !text.contains("::") && !text.contains("##[") {
        return text.to_owned();
    }
    let lines: Vec<String> = text.replace("##[", "## [").split('\n').map(without_command).collect();
    lines.join("\n")
}

/// A runner ignores leading white space.
fn without_command(line: &str) -> String {
    let shown = line.trim_start();
    match shown.strip_prefix("::") {
        Some(rest) => format!("{}: :{rest}", &line[..line.len() - shown.len()]),
        None => line.to_owned(),
    }
}

/// An equal JSON document without commands. No line of a JSON document begins with `::`.
pub(super) fn json_without_commands(text: &str) -> String {
    text.replace("##[", "#\\u0023[")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn workflow_commands_are_escaped() {
        for (text, expected) in [
            ("::error::x", ": :error::x"),
            ("  ::add-mask::x\n\t::endgroup::\n", "  : :add-mask::x\n\t: :endgroup::\n"),
            ("a ::error::x", "a ::error::x"),
            ("a ##[group]b", "a ## [group]b"),
            ("###[x", "### [x"),
            ("::::", ": :::"),
            ("plain\ntext\n", "plain\ntext\n"),
        ] {
            assert_eq!(without_commands(text), expected);
        }
    }

    proptest! {
        #[test]
        fn no_command_is_left(text in "[:#\\[ \na\u{2003}\"]{0,30}") {
            let shown = without_commands(&text);
            prop_assert!(!shown.contains("##["), "{shown}");
            prop_assert!(!shown.lines().any(|line| line.trim_start().starts_with("::")), "{shown}");
            let document = serde_json::to_string(&text).expect("JSON");
            let shown = json_without_commands(&document);
            prop_assert!(!shown.contains("##["), "{shown}");
            prop_assert_eq!(serde_json::from_str::<String>(&shown).expect("valid JSON"), text);
        }
    }
}
