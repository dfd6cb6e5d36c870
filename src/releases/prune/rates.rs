//! The rates at which GitHub accepts changes. Pure.

use std::time::Duration;

use crate::change::Rate;

/// GitHub's secondary rate limit: 900 points per minute, five for each change.
const MOST_A_MINUTE: usize = 180;

/// A choice of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PaceName {
    /// Three per second after the first 30, the documented maximum.
    Fast,
    /// One per second after the first 30.
    #[default]
    Normal,
    /// One per second from the start.
    Strict,
}

impl PaceName {
    /// Its rate.
    pub const fn rate(self) -> Rate {
        let (burst, every) = match self {
            Self::Fast => (30, Duration::from_millis(334)),
            Self::Normal => (30, Duration::from_secs(1)),
            Self::Strict => (1, Duration::from_secs(1)),
        };
        Rate { burst, every, most_a_minute: MOST_A_MINUTE }
    }
}
