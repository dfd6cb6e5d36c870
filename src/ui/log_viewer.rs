//! Keeps text from acting on GitHub's log viewer: a runner takes a line that begins with `::` for a command (`::error::…`,
//! `::stop-commands::…`), and `##[` anywhere in a line (`##[group]`), whoever wrote it.

/// A report or a sentence, changed as little as possible so that nothing in it is a command.
pub(super) fn without_commands(text: &str) -> String {
    if !text.contains("::") && !text.contains("##[") {
        return text.to_owned();
    }
    let lines: Vec<String> = text.replace("##[", "## [").split('\n').map(without_command).collect();
    lines.join("\n")
}

/// A runner leaves out white space before it looks.
fn without_command(line: &str) -> String {
    let shown = line.trim_start();
    match shown.strip_prefix("::") {
        Some(rest) => format!("{}: :{rest}", &line[..line.len() - shown.len()]),
        None => line.to_owned(),
    }
}

/// A JSON document with the same values. No line of one begins with `::`.
pub(super) fn json_without_commands(text: &str) -> String {
    text.replace("##[", "#\\u0023[")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commands_of_a_runner_are_text() {
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
        fn nothing_is_a_command(text in "[:#\\[ \na\u{2003}\"]{0,30}") {
            let shown = without_commands(&text);
            prop_assert!(!shown.contains("##["), "{shown}");
            prop_assert!(!shown.lines().any(|line| line.trim_start().starts_with("::")), "{shown}");
            let document = serde_json::to_string(&text).expect("JSON");
            let shown = json_without_commands(&document);
            prop_assert!(!shown.contains("##["), "{shown}");
            prop_assert_eq!(serde_json::from_str::<String>(&shown).expect("the same"), text);
        }
    }
}
