//! Looks up variables in the captured environment.

use std::ffi::OsStr;
use std::ffi::OsString;

use crate::model::secret::is_named;

/// The value of a variable, even if empty. Names are case-insensitive on Windows.
pub(crate) fn variable<'a>(environment: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    environment.iter().find(|(key, _)| is_named(key, name)).map(|(_, value)| value.as_os_str())
}

/// The value of a variable, unless empty.
pub(crate) fn non_empty<'a>(environment: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    variable(environment, name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(entries: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        entries.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
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
