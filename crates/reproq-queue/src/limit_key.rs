//! The keys of rate limits.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Which tasks a rate limit governs. Of the limits that exist, a task follows that of its path, else that of its queue, else the
/// global one, even if that limit does not limit anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitKey {
    /// Tasks with this path.
    Task(String),
    /// Tasks of this queue.
    Queue(String),
    /// All tasks.
    Global,
}

/// The text is not the key of a limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected task:PATH, queue:NAME or global")]
pub struct LimitKeyError;

impl LimitKey {
    /// `task`, `queue` or `global`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Task(_) => "task",
            Self::Queue(_) => "queue",
            Self::Global => "global",
        }
    }

    /// The path or the queue.
    pub fn name(&self) -> &str {
        match self {
            Self::Task(name) | Self::Queue(name) => name,
            Self::Global => "",
        }
    }
}

impl FromStr for LimitKey {
    type Err = LimitKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("task", name)) if !name.trim().is_empty() => Ok(Self::Task(name.to_owned())),
            Some(("queue", name)) if !name.trim().is_empty() => Ok(Self::Queue(name.to_owned())),
            None if text == "global" => Ok(Self::Global),
            Some(_) | None => Err(LimitKeyError),
        }
    }
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(name) => write!(f, "task:{name}"),
            Self::Queue(name) => write!(f, "queue:{name}"),
            Self::Global => f.write_str("global"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        for text in ["task:shop.tasks.add", "queue:mail", "queue:a:b", "global"] {
            assert_eq!(text.parse::<LimitKey>().expect("a key").to_string(), text);
        }
        for text in ["", "mail", "task:", "queue: ", "Global", "global:", "tasks:a.b", "TASK:a.b"] {
            assert_eq!(text.parse::<LimitKey>(), Err(LimitKeyError), "{text}");
        }
    }
}
