//! Command lines of `reproq` in documents.

use std::path::Path;

/// A command line in a document.
#[derive(Debug)]
pub struct CommandLine {
    /// The file and the line number.
    pub place: String,
    /// The line as written.
    pub written: String,
    /// Its words, as a shell splits them; without a comment and anything after the command.
    pub words: Vec<String>,
    /// Whether it is in running text, where a command may be incomplete.
    pub is_inline: bool,
}

impl CommandLine {
    /// The command without its comment.
    pub fn command(&self) -> String {
        self.words.join(" ")
    }
}

/// What can precede a command on a line of a code block.
const PREFIXES: [&str; 4] = ["$ ", "RUN ", "HEALTHCHECK CMD ", "run: "];

/// Every command line in the code blocks and code spans of a page.
pub fn command_lines(path: &Path, text: &str) -> Vec<CommandLine> {
    let mut found = Vec::new();
    let mut is_code = false;
    let mut is_synopsis = false;
    for (index, line) in text.lines().enumerate() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let place = format!("{name}:{}", index + 1);
        if let Some(language) = line.trim_start().strip_prefix("```") {
            is_code = !is_code;
            is_synopsis = is_code && language == "text";
            continue;
        }
        if is_synopsis {
            continue;
        }
        let spans: Vec<&str> = if is_code { vec![line] } else { line.split('`').skip(1).step_by(2).collect() };
        for span in spans {
            let span = span.trim();
            let command = PREFIXES.iter().find_map(|prefix| span.strip_prefix(prefix)).unwrap_or(span);
            if command.starts_with("reproq ") {
                let words = words(command);
                found.push(CommandLine {
                    place: place.clone(),
                    written: command.to_owned(),
                    words,
                    is_inline: !is_code,
                });
            }
        }
    }
    found
}

/// The words of a command, up to a comment, a pipe, a redirection or the end of the command.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '#' | '>' | '|' | ';' | '&') if word.is_none() => break,
            (None, ' ') => words.extend(word.take()),
            (Some(_) | None, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[test]
fn a_line_is_split_as_in_a_shell() {
    assert_eq!(
        words("reproq release prune --protect 'v1 *' # a note"),
        ["reproq", "release", "prune", "--protect", "v1 *"]
    );
    assert_eq!(words("reproq completions zsh > ~/x"), ["reproq", "completions", "zsh"]);
    assert_eq!(words("reproq install | cat"), ["reproq", "install"]);
}
