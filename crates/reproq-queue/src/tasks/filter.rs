//! Which tasks are listed.

use crate::state::TaskStatus;

/// What a list is restricted to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskFilter {
    /// One of these; any if empty.
    pub statuses: Vec<TaskStatus>,
    /// In this queue.
    pub queue: Option<String>,
    /// With this path, or a path that matches this pattern of `*`, `?` and `[…]`.
    pub task: Option<String>,
    /// Enqueued at least so many seconds ago.
    pub older_seconds: Option<i64>,
    /// Enqueued at most so many seconds ago.
    pub newer_seconds: Option<i64>,
    /// With this in the message of the last error, in upper or lower case.
    pub error: Option<String>,
    /// In this workflow.
    pub workflow: Option<String>,
    /// Running without a valid lease.
    pub without_lease: bool,
    /// With a smaller id.
    pub after: Option<i64>,
}

/// The regular expression of PostgreSQL that accepts what a pattern accepts; see `routing::matches_pattern`. `None` for a plain
/// name, which an index can find.
pub fn regex_of_pattern(pattern: &str) -> Option<String> {
    if !pattern.contains(['*', '?', '[']) {
        return None;
    }
    let mut regex = "^".to_owned();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => rest = push_set(&mut regex, rest),
            other => push_plain(&mut regex, other),
        }
    }
    regex.push('$');
    Some(regex)
}

/// A set of characters. A `]` directly after the `[` or `[!` belongs to it; without its end, the `[` is a plain character.
fn push_set<'a>(regex: &mut String, rest: &'a str) -> &'a str {
    let (negation, inner) = rest.strip_prefix('!').map_or(("", rest), |inner| ("^", inner));
    let first = inner.chars().next().map_or(0, char::len_utf8);
    let Some(end) = inner.get(first..).and_then(|behind| behind.find(']')).filter(|_| first > 0) else {
        push_plain(regex, '[');
        return rest;
    };
    let (set, behind) = (&inner[..first + end], &inner[first + end + 1..]);
    regex.push('[');
    regex.push_str(negation);
    for c in set.chars() {
        // A `[` could begin a class such as `[:alpha:]`, a `^` a negation.
        if matches!(c, '\\' | '[' | ']' | '^') {
            regex.push('\\');
        }
        regex.push(c);
    }
    regex.push(']');
    behind
}

fn push_plain(regex: &mut String, c: char) {
    if c.is_ascii_punctuation() && c != '_' {
        regex.push('\\');
    }
    regex.push(c);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_anchored_regular_expressions() {
        let cases = [
            ("myapp.tasks.add", None),
            ("myapp.*", Some(r"^myapp\..*$")),
            ("a?c", Some("^a.c$")),
            ("[a-c]x", Some("^[a-c]x$")),
            ("[!a]x", Some("^[^a]x$")),
            ("[]x]", Some(r"^[\]x]$")),
            ("[^x]", Some(r"^[\^x]$")),
            ("[x", Some(r"^\[x$")),
            ("[", Some(r"^\[$")),
            ("[!]", Some(r"^\[\!\]$")),
            ("*(a|b)+{2}\\d", Some(r"^.*\(a\|b\)\+\{2\}\\d$")),
            ("[[:alpha:]]", Some(r"^[\[:alpha:]\]$")),
        ];
        for (pattern, regex) in cases {
            assert_eq!(regex_of_pattern(pattern).as_deref(), regex, "{pattern}");
        }
    }
}
