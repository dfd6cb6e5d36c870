//! What a configuration file contains: typed values with their lines, keys that the worker ignores, and what it refuses.

use std::collections::BTreeMap;

use serde::Serialize;

/// The values of a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct FileValues {
    /// By key, such as `worker.queues`.
    pub values: BTreeMap<&'static str, KeyEntry>,
    pub ignored: Vec<IgnoredKey>,
    pub problems: Vec<FileProblem>,
    pub notes: Vec<String>,
}

/// A value and its line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KeyEntry {
    pub value: FileValue,
    pub line: usize,
}

/// A value as the file has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FileValue {
    Text(String),
    List(Vec<String>),
    Integer(i64),
    Float(f64),
}

impl FileValue {
    /// The worker treats an empty string and an empty list as not set.
    pub(super) fn is_set(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Integer(_) | Self::Float(_) => true,
        }
    }
}

/// A key without a meaning for the worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct IgnoredKey {
    pub key: String,
    pub line: usize,
}

/// Why the worker refuses a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileProblem {
    pub line: usize,
    pub problem: String,
}

impl FileValues {
    pub(super) fn problem(&mut self, line: usize, problem: impl Into<String>) {
        self.problems.push(FileProblem { line, problem: problem.into() });
    }
}
