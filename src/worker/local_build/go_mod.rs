//! Parses Go files: a `go.mod`, and the version declared in a source file.

use thiserror::Error;

use crate::worker::local_build::request::GoVersion;

/// The parts of a `go.mod` that a build needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GoMod {
    /// The module's path.
    pub module: String,
    /// The minimum Go version.
    pub go: Option<GoVersion>,
    /// The suggested toolchain; a local build never downloads one.
    pub toolchain: Option<String>,
    /// Whether it requires other modules.
    pub requires: bool,
}

/// Why a `go.mod` is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum GoModError {
    /// One line is invalid.
    #[error("line {line}: {problem}")]
    Line {
        /// Starting at 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no `module` line.
    #[error("it has no `module` line")]
    NoModule,
}

/// Parses a `go.mod`: strict about what a build needs, tolerant of comments, blocks, quotes and unknown directives.
pub(crate) fn parse_go_mod(text: &str) -> Result<GoMod, GoModError> {
    let mut module = None;
    let mut found = GoMod { module: String::new(), go: None, toolchain: None, requires: false };
    let mut block: Option<String> = None;
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let wrong = |problem: String| GoModError::Line { line: index + 1, problem };
        let words = go_mod_words(line).map_err(&wrong)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (verb, arguments) = match (block.take(), words.as_slice()) {
            (open, []) => {
                block = open;
                continue;
            }
            (Some(_), [")"]) | (None, [_, "(", ")"]) => continue,
            (None, [verb, "("]) => {
                block = Some((*verb).to_owned());
                continue;
            }
            (Some(verb), arguments) => {
                block = Some(verb.clone());
                (verb, arguments)
            }
            (None, [verb, arguments @ ..]) => ((*verb).to_owned(), arguments),
        };
        match (verb.as_str(), arguments) {
            ("module", [path]) if module.is_none() => module = Some((*path).to_owned()),
            ("go", [version]) if found.go.is_none() => {
                let parsed = GoVersion::parse(version);
                found.go = Some(parsed.ok_or_else(|| wrong(format!("`{version}` is not a Go version")))?);
            }
            ("toolchain", [name]) if found.toolchain.is_none() => found.toolchain = Some((*name).to_owned()),
            ("require", [_, _]) => found.requires = true,
            ("module" | "go" | "toolchain" | "require" | "(" | ")", _) => {
                return Err(wrong(format!("unexpected `{verb}`")));
            }
            _ => {}
        }
    }
    if block.is_some() {
        return Err(GoModError::Line { line: text.lines().count(), problem: "a block is not closed".to_owned() });
    }
    module.map(|module| GoMod { module, ..found }).ok_or(GoModError::NoModule)
}

/// The words of a line, separated by spaces or quotes; parentheses are separate words, comments are skipped.
fn go_mod_words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next().filter(|_| !rest.starts_with("//")) {
        let (word, after) = match first {
            '"' | '`' => quoted(rest).ok_or("a quote is not closed")?,
            '(' | ')' => (first.to_string(), &rest[1..]),
            _ => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')');
                let end = [rest.find(ends), rest.find("//")].into_iter().flatten().min().unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

/// Splits a Go string literal from the start of the text: its value and the rest. A backslash stands for the next character,
/// which suffices for paths.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut characters = text.char_indices();
    let (_, quote) = characters.next()?;
    let mut value = String::new();
    while let Some((at, c)) = characters.next() {
        match c {
            c if c == quote => return Some((value, &text[at + c.len_utf8()..])),
            '\\' if quote != '`' => value.push(characters.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// A token of Go source, as far as needed to find a constant.
#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Mark(char),
    LineEnd,
}

/// The value of a `Version` declared at the top level of Go source, by `const` or `var`, alone or in a block, as one string
/// literal. Occurrences in comments and strings are ignored.
pub(crate) fn version_constant(text: &str) -> Option<String> {
    let mut tokens = Tokens { rest: text };
    let mut depth = 0_usize;
    let mut in_block = false;
    let mut before: Option<Token> = None;
    // Token by token, because all tokens together take many times the memory of the text.
    while let Some(token) = tokens.next() {
        let is_keyword = |token: &Token| matches!(token, Token::Word(word) if word == "const" || word == "var");
        match &token {
            Token::Mark('(' | '{' | '[') => {
                in_block |= depth == 0 && before.as_ref().is_some_and(is_keyword);
                depth += 1;
            }
            Token::Mark(')' | '}' | ']') => {
                depth = depth.saturating_sub(1);
                in_block &= depth > 0;
            }
            Token::Word(name) if name == "Version" => {
                let alone = depth == 0 && before.as_ref().is_some_and(is_keyword);
                let opens = |token: &Token| matches!(token, Token::LineEnd | Token::Mark(';' | '('));
                let listed = in_block && depth == 1 && before.as_ref().is_some_and(opens);
                let ahead = || tokens.clone().take(DECLARATION).collect::<Vec<_>>();
                let value = if alone || listed { string_value(&ahead()) } else { None };
                if value.is_some() {
                    return value;
                }
            }
            Token::Word(_) | Token::Text(_) | Token::Mark(_) | Token::LineEnd => {}
        }
        before = Some(token);
    }
    None
}

/// The number of tokens needed to see what is assigned: a type, the sign, the value, and the end.
const DECLARATION: usize = 4;

/// The assigned literal, if nothing else is assigned.
fn string_value(tokens: &[Token]) -> Option<String> {
    let ([Token::Mark('='), assigned @ ..] | [Token::Word(_), Token::Mark('='), assigned @ ..]) = tokens else {
        return None;
    };
    match assigned {
        [Token::Text(value)] | [Token::Text(value), Token::LineEnd | Token::Mark(';' | ')'), ..] => Some(value.clone()),
        _ => None,
    }
}

/// The relevant token at the start of the text.
#[derive(Clone)]
struct Tokens<'a> {
    rest: &'a str,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        loop {
            let rest = self.rest;
            let first = rest.chars().next()?;
            let (length, token) = if rest.starts_with("//") {
                (rest.find('\n').unwrap_or(rest.len()), None)
            } else if rest.starts_with("/*") {
                (rest.find("*/").map_or(rest.len(), |end| end + 2), None)
            } else if let Some((value, after)) =
                Some(rest).filter(|_| matches!(first, '"' | '`' | '\'')).and_then(quoted)
            {
                (rest.len() - after.len(), Some(Token::Text(value)))
            } else if is_word(first) {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                (end, Some(Token::Word(rest[..end].to_owned())))
            } else {
                let token = match first {
                    '\n' => Some(Token::LineEnd),
                    c if c.is_whitespace() => None,
                    c => Some(Token::Mark(c)),
                };
                (first.len_utf8(), token)
            };
            self.rest = &rest[length..];
            if token.is_some() {
                return token;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn go_mod(module: &str, go: Option<&str>, toolchain: Option<&str>, requires: bool) -> GoMod {
        let go = go.map(|text| GoVersion::parse(text).expect("a Go version"));
        GoMod { module: module.to_owned(), go, toolchain: toolchain.map(str::to_owned), requires }
    }

    #[test]
    fn valid_go_mod_files_are_parsed() {
        let cases = [
            ("module reproq-worker\n\ngo 1.21\n", go_mod("reproq-worker", Some("1.21"), None, false)),
            ("module m", go_mod("m", None, None, false)),
            ("\u{feff}module m\r\ngo 1.24.0\r\n", go_mod("m", Some("1.24.0"), None, false)),
            (
                "// go 1.9\nmodule \"m/v2\" // Deprecated: x\ngo 1.25rc1//x",
                go_mod("m/v2", Some("1.25rc1"), None, false),
            ),
            ("module `m`\ntoolchain go1.24.4\n", go_mod("m", None, Some("go1.24.4"), false)),
            ("module (\n\tm\n)\nrequire (\n)\n", go_mod("m", None, None, false)),
            ("module m\nrequire ()\n", go_mod("m", None, None, false)),
            ("module m\nrequire a.test/b v1.0.0 // indirect", go_mod("m", None, None, true)),
            ("module m\nrequire(\n // none\n\n \"a\" v1\n) // end\ngo 1.21", go_mod("m", Some("1.21"), None, true)),
            (
                "module m\nreplace a => \"C:\\\\b\"\nretract [v1.0.0, v1.1.0]\nfuture (\n module x\n)\ntool a/b\n",
                go_mod("m", None, None, false),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_go_mod(text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn invalid_go_mod_files_are_refused() {
        let line = |line, problem: &str| GoModError::Line { line, problem: problem.to_owned() };
        let cases = [
            ("", GoModError::NoModule),
            ("go 1.21\n// module m", GoModError::NoModule),
            ("module", line(1, "unexpected `module`")),
            ("module a b", line(1, "unexpected `module`")),
            ("module a\nmodule b", line(2, "unexpected `module`")),
            ("module a\n\ngo 1.21\ngo 1.22", line(4, "unexpected `go`")),
            ("module a\ngo latest", line(2, "`latest` is not a Go version")),
            ("module a\nrequire b", line(2, "unexpected `require`")),
            ("module a\n)", line(2, "unexpected `)`")),
            ("module \"a", line(1, "a quote is not closed")),
            ("module a\nrequire (\n b v1\n", line(3, "a block is not closed")),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_go_mod(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn the_version_is_read_where_go_declares_it() {
        let cases = [
            ("package main\nconst Version = \"0.0.144\"\n", Some("0.0.144")),
            ("const Version string = \"1.0.0\"", Some("1.0.0")),
            ("var Version = `1.0.0` // set at release", Some("1.0.0")),
            ("const (\n\tA = iota\n\tVersion = \"1.0.0\"\n)", Some("1.0.0")),
            ("const (Version = \"1.0.0\"; B = 2)", Some("1.0.0")),
            ("const(\n A = f(1)\n Version /* the */ = /* one */ \"2.0.0\")", Some("2.0.0")),
            ("const quote = '\"'\nconst Version = \"3.0.0\"", Some("3.0.0")),
            ("const x = \"\\\"\"\nconst Version = \"3.0.0\"", Some("3.0.0")),
            ("// const Version = \"9\"\n/* const Version = \"9\" */", None),
            ("const help = `\nconst Version = \"9\"\n`", None),
            ("func f() {\n\tconst Version = \"9\"\n}", None),
            ("func f() {\n\tconst (\n\tVersion = \"9\"\n)\n}", None),
            ("const Versions = \"9\"\nconst MyVersion = \"9\"", None),
            ("const Version = \"9\" + suffix", None),
            ("const Version = 9", None),
            ("type T struct {\n Version string\n}\nvar t = T{\nVersion: \"9\"}", None),
            ("var (\n t = f(\nVersion = \"9\")\n)", None),
            ("x.Version = \"9\"\nVersion = \"9\"", None),
            ("const Version = \"9", None),
        ];
        for (text, expected) in cases {
            assert_eq!(version_constant(text).as_deref(), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(module in "[a-z][a-z0-9./-]{0,20}[a-z]", minor in 0u32..40, indent in "[ \t]{0,3}") {
            prop_assume!(!module.contains("//"));
            let text = format!("{indent}module{indent} \"{module}\"{indent}//x\n{indent}go 1.{minor}.3\r\n");
            prop_assert_eq!(parse_go_mod(&text), Ok(go_mod(&module, Some(&format!("1.{minor}.3")), None, false)));
        }

        #[test]
        fn a_declared_version_is_found(version in "[ -!#-\\[\\]-~é]{0,20}", before in "[a-z =\n\"`'/*(){};]{0,30}") {
            let text = format!("const Version = \"{version}\"\n{before}");
            prop_assert_eq!(version_constant(&text), Some(version));
        }

        #[test]
        fn parsing_never_panics(text in "(module|go|require|const|Version|[(){}\"'`/*\\\\=; \n\ra.é1]|\\PC){0,40}") {
            let _ = parse_go_mod(&text);
            let _ = version_constant(&text);
        }
    }
}
