//! How fast changes are sent: a burst, then one per second, as GitHub asks clients to do.
//! Pure: time is a parameter.

use std::collections::VecDeque;
use std::time::Duration;

/// GitHub's secondary rate limit: 900 points per minute, five for each change.
const MOST_A_MINUTE: usize = 180;

const MINUTE: Duration = Duration::from_secs(60);

/// The pace of changes.
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

/// Computes when the next change may be sent.
#[derive(Debug, Clone)]
pub struct Pace {
    burst: u32,
    every: Duration,
    /// When the bucket is full again; each change moves it into the future.
    full_at: Duration,
    sent: VecDeque<Duration>,
}

impl Pace {
    /// A full bucket.
    pub const fn new(name: PaceName) -> Self {
        let (burst, every) = match name {
            PaceName::Fast => (30, Duration::from_millis(334)),
            PaceName::Normal => (30, Duration::from_secs(1)),
            PaceName::Strict => (1, Duration::from_secs(1)),
        };
        Self { burst, every, full_at: Duration::ZERO, sent: VecDeque::new() }
    }

    /// How long to wait before the next change.
    pub fn wait(&self, now: Duration) -> Duration {
        let bucket = (self.full_at + self.every).saturating_sub(self.every * self.burst).saturating_sub(now);
        let window = match self.sent.len().checked_sub(MOST_A_MINUTE) {
            Some(index) => (self.sent[index] + MINUTE).saturating_sub(now),
            None => Duration::ZERO,
        };
        bucket.max(window)
    }

    /// Records a change that is sent now.
    pub fn sent(&mut self, now: Duration) {
        self.full_at = self.full_at.max(now) + self.every;
        self.sent.push_back(now);
        while self.sent.front().is_some_and(|first| *first + MINUTE <= now) {
            self.sent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The times at which `count` changes are sent if each is sent as early as allowed.
    fn moments(name: PaceName, count: usize) -> Vec<Duration> {
        let mut pace = Pace::new(name);
        let mut now = Duration::ZERO;
        let mut moments = Vec::new();
        for _ in 0..count {
            now += pace.wait(now);
            assert_eq!(pace.wait(now), Duration::ZERO);
            pace.sent(now);
            moments.push(now);
        }
        moments
    }

    #[test]
    fn thirty_at_once_and_then_one_a_second() {
        let moments = moments(PaceName::Normal, 50);
        assert_eq!(moments[29], Duration::ZERO);
        assert_eq!(moments[30], Duration::from_secs(1));
        assert_eq!(moments[49], Duration::from_secs(20));
    }

    #[test]
    fn strict_is_one_a_second_from_the_first() {
        assert_eq!(moments(PaceName::Strict, 4)[3], Duration::from_secs(3));
    }

    #[test]
    fn no_minute_holds_more_than_is_allowed() {
        for name in [PaceName::Fast, PaceName::Normal, PaceName::Strict] {
            let moments = moments(name, 600);
            for (index, moment) in moments.iter().enumerate().skip(MOST_A_MINUTE) {
                assert!(*moment >= moments[index - MOST_A_MINUTE] + MINUTE, "{name:?} {index}");
            }
        }
    }

    #[test]
    fn a_pause_refills_the_bucket() {
        let mut pace = Pace::new(PaceName::Normal);
        (0..30).for_each(|_| pace.sent(Duration::ZERO));
        assert_eq!(pace.wait(Duration::from_secs(30)), Duration::ZERO);
        (0..30).for_each(|_| pace.sent(Duration::from_secs(40)));
        assert_eq!(pace.wait(Duration::from_secs(40)), Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn the_returned_wait_is_sufficient(pauses in proptest::collection::vec(0_u64..3000, 1..300)) {
            let mut pace = Pace::new(PaceName::Fast);
            let mut now = Duration::ZERO;
            for pause in pauses {
                now += Duration::from_millis(pause);
                now += pace.wait(now);
                prop_assert_eq!(pace.wait(now), Duration::ZERO);
                pace.sent(now);
            }
        }
    }
}
