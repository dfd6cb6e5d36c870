//! A value as Python's `json.dumps` accepts it: JSON, with integers of any size and keys that are not only strings.

use thiserror::Error;

use crate::spec::integer::Integer;

/// A value of a task's arguments.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`.
    Null,
    /// `True` or `False`.
    Bool(bool),
    /// An `int`, of any size.
    Integer(Integer),
    /// A `float`.
    Float(f64),
    /// A `str`.
    Text(String),
    /// A `list` or `tuple`.
    List(Vec<Value>),
    /// A `dict`, in any order.
    Object(Vec<(Key, Value)>),
}

/// A key of a Python `dict` that `json.dumps` accepts. It is written as a string, but sorted as what it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// A `str`.
    Text(String),
    /// An `int`.
    Integer(Integer),
    /// A `float`.
    Float(f64),
    /// A `bool`, which Python sorts as 0 or 1.
    Bool(bool),
    /// `None`, which has no order: it can only be the single key.
    Null,
}

/// Why a value has no canonical text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpecError {
    /// Python cannot compare them either.
    #[error("an object has keys of different types, which have no order")]
    MixedKeys,
}

impl Value {
    /// An object with string keys.
    pub fn object<const N: usize>(entries: [(&str, Value); N]) -> Self {
        Self::Object(entries.into_iter().map(|(key, value)| (Key::Text(key.to_owned()), value)).collect())
    }

    /// A string, or `None`.
    pub fn optional_text(text: Option<&str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.to_owned()))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Integer::from(value))
    }
}
