//! How a task is named: `N`, or `ALIAS:N` where there are several databases.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The id of a task, and the alias of its database if it is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskRef {
    alias: Option<String>,
    id: i64,
}

/// Why a text does not name a task.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TaskRefError {
    /// The id is not a positive whole number.
    #[error("`{0}` is not the id of a task")]
    Id(String),
    /// Nothing before the colon.
    #[error("`{0}` has no database alias before the colon")]
    Alias(String),
}

impl TaskRef {
    /// A task in the default database.
    pub const fn new(id: i64) -> Self {
        Self { alias: None, id }
    }

    /// A task in the database with this alias.
    pub const fn in_database(alias: String, id: i64) -> Self {
        Self { alias: Some(alias), id }
    }

    /// The alias, if one is named.
    pub fn alias(&self) -> Option<&str> {
        self.alias.as_deref()
    }

    /// The column `result_id`.
    pub const fn id(&self) -> i64 {
        self.id
    }
}

impl FromStr for TaskRef {
    type Err = TaskRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // At the first colon, as Django does: an id contains none.
        let (alias, id) = text.split_once(':').map_or((None, text), |(alias, id)| (Some(alias), id));
        if alias == Some("") {
            return Err(TaskRefError::Alias(text.to_owned()));
        }
        let is_plain = id.bytes().all(|byte| byte.is_ascii_digit());
        let number = id.parse().ok().filter(|number| *number > 0 && is_plain);
        let id = number.ok_or_else(|| TaskRefError::Id(text.to_owned()))?;
        Ok(Self { alias: alias.map(str::to_owned), id })
    }
}

impl fmt::Display for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.alias {
            Some(alias) => write!(f, "{alias}:{}", self.id),
            None => write!(f, "{}", self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_an_optional_alias() {
        assert_eq!("5".parse(), Ok(TaskRef::new(5)));
        assert_eq!("queues:5".parse(), Ok(TaskRef::in_database("queues".to_owned(), 5)));
        assert_eq!("9223372036854775807".parse(), Ok(TaskRef::new(i64::MAX)));
        for text in ["", "0", "-1", "+1", " 1", "1.0", "a", "a:", "a:b", "default:x:y", ":5", "9223372036854775808"] {
            assert!(text.parse::<TaskRef>().is_err(), "{text}");
        }
        for text in ["5", "queues:5"] {
            assert_eq!(text.parse::<TaskRef>().map(|task| task.to_string()), Ok(text.to_owned()));
        }
    }
}
