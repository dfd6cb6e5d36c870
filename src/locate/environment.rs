//! The captured environment: looking a variable up, and what of it a child process may see.

use std::ffi::OsStr;
use std::ffi::OsString;

/// This command's tokens. The project's Python has no business with them.
const TOKENS: [&str; 4] = ["REPROQ_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN"];

/// The value of a variable, the empty text included. Windows does not tell upper from lower case in names.
pub(super) fn variable<'a>(environment: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    environment.iter().find(|(key, _)| is_named(key, name)).map(|(_, value)| value.as_os_str())
}

/// The value of a variable, unless it is empty.
pub(super) fn non_empty<'a>(environment: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    variable(environment, name).filter(|value| !value.is_empty())
}

/// What a child process gets: everything except the tokens.
pub(super) fn for_children(environment: &[(OsString, OsString)]) -> impl Iterator<Item = &(OsString, OsString)> {
    environment.iter().filter(|(key, _)| !TOKENS.iter().any(|token| is_named(key, token)))
}

fn is_named(key: &OsStr, name: &str) -> bool {
    if cfg!(windows) { key.eq_ignore_ascii_case(name) } else { key == name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(entries: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        entries.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    }

    #[test]
    fn children_get_everything_but_the_tokens() {
        let mut entries = vec![("PATH", "/bin"), ("GITHUB_TOKEN_FILE", "kept"), ("DATABASE_URL", "kept")];
        entries.extend(TOKENS.iter().map(|token| (*token, "ghp_secret")));
        let captured = pairs(&entries);
        let passed: Vec<_> = for_children(&captured).cloned().collect();
        assert_eq!(passed, pairs(&[("PATH", "/bin"), ("GITHUB_TOKEN_FILE", "kept"), ("DATABASE_URL", "kept")]));
    }

    #[test]
    fn empty_is_a_value_but_not_a_non_empty_one() {
        let captured = pairs(&[("A", ""), ("B", "b")]);
        assert_eq!(variable(&captured, "A"), Some(OsStr::new("")));
        assert_eq!(non_empty(&captured, "A"), None);
        assert_eq!(non_empty(&captured, "B"), Some(OsStr::new("b")));
        assert_eq!(variable(&captured, "C"), None);
    }
}
