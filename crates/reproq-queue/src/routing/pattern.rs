//! Patterns as Python's `fnmatch.fnmatchcase` reads them.

/// Whether a name matches a pattern of `*`, `?`, `[abc]`, `[a-z]` and `[!abc]`. Nothing is escaped; a `[` without its `]` is
/// a plain character.
pub fn matches_pattern(name: &str, pattern: &str) -> bool {
    let (name, pattern): (Vec<char>, Vec<char>) = (name.chars().collect(), pattern.chars().collect());
    let tokens = tokens(&pattern);
    // Where to continue if a `*` has to match one more character.
    let (mut at, mut token, mut retry) = (0, 0, None);
    while at < name.len() {
        match tokens.get(token) {
            Some(Token::Any) => {
                retry = Some((at, token + 1));
                token += 1;
            }
            Some(Token::One(set)) if set.contains(name[at]) => {
                at += 1;
                token += 1;
            }
            Some(Token::One(_)) | None => match retry {
                Some((from, behind)) => {
                    (at, token) = (from + 1, behind);
                    retry = Some((from + 1, behind));
                }
                None => return false,
            },
        }
    }
    tokens[token..].iter().all(|token| matches!(token, Token::Any))
}

enum Token<'a> {
    /// Any number of characters.
    Any,
    /// One character.
    One(Set<'a>),
}

enum Set<'a> {
    Everything,
    Character(char),
    /// The characters between the brackets, without the `!`.
    Listed {
        characters: &'a [char],
        is_negated: bool,
    },
}

impl Set<'_> {
    fn contains(&self, c: char) -> bool {
        match self {
            Self::Everything => true,
            Self::Character(other) => *other == c,
            Self::Listed { characters, is_negated } => is_listed(characters, c) != *is_negated,
        }
    }
}

fn is_listed(mut characters: &[char], c: char) -> bool {
    loop {
        characters = match characters {
            [first, '-', last, rest @ ..] => {
                if (*first..=*last).contains(&c) {
                    return true;
                }
                rest
            }
            [first, rest @ ..] => {
                if *first == c {
                    return true;
                }
                rest
            }
            [] => return false,
        }
    }
}

fn tokens(mut pattern: &[char]) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    while let [first, rest @ ..] = pattern {
        pattern = rest;
        tokens.push(match first {
            '*' => Token::Any,
            '?' => Token::One(Set::Everything),
            '[' => match listed(rest) {
                Some((set, behind)) => {
                    pattern = behind;
                    Token::One(set)
                }
                None => Token::One(Set::Character('[')),
            },
            other => Token::One(Set::Character(*other)),
        });
    }
    tokens
}

/// The set between brackets, and what follows it. A `]` directly after the `[` or `[!` belongs to the set.
fn listed(pattern: &[char]) -> Option<(Set<'_>, &[char])> {
    let is_negated = pattern.first() == Some(&'!');
    let characters = &pattern[usize::from(is_negated)..];
    let end = 1 + characters.get(1..)?.iter().position(|c| *c == ']')?;
    Some((Set::Listed { characters: &characters[..end], is_negated }, &characters[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_python() {
        let cases = [
            ("", "", true),
            ("", "*", true),
            ("a", "", false),
            ("mail-slow", "mail*", true),
            ("mail-slow", "*slow", true),
            ("mail-slow", "*l*l*", true),
            ("mail-slow", "*x*", false),
            ("mail", "mai?", true),
            ("mai", "mai?", false),
            ("b", "[a-c]", true),
            ("B", "[a-c]", false),
            ("d", "[!a-c]", true),
            ("]", "[]]", true),
            ("]", "[!]]", false),
            ("-", "[a-]", true),
            ("[", "[", true),
            ("[a", "[a", true),
            ("a\nb", "a*b", true),
            ("\u{1f600}", "?", true),
            ("a*b", "a*b", true),
            ("aXb", "a\\*b", false),
        ];
        for (name, pattern, expected) in cases {
            assert_eq!(matches_pattern(name, pattern), expected, "{name} {pattern}");
        }
    }
}
