//! Settings by the keys of libpq, as texts. Never printed: one of them is the password.

use std::collections::BTreeMap;

/// Settings of one source, or of several on top of each other.
#[derive(Clone, Default)]
pub(super) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Sets a value; `dbname` is the other name of `database`.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        let key = if key == "dbname" { "database" } else { key };
        self.0.insert(key.to_owned(), value.to_owned());
    }

    /// The value, or an empty text.
    pub(super) fn get(&self, key: &str) -> &str {
        self.named(key).unwrap_or_default()
    }

    /// The value, which may be empty, if it is set.
    pub(super) fn named(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// With these on top.
    pub(super) fn and(mut self, over: Self) -> Self {
        self.0.extend(over.0);
        self
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}
