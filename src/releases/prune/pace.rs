//! How fast changes may follow each other: some at once, then one a second, as GitHub asks of clients that change much.
//! Pure; time is a value.

use std::collections::VecDeque;
use std::time::Duration;

/// GitHub's bound: 900 points a minute, five for each change.
const MOST_A_MINUTE: usize = 180;

const MINUTE: Duration = Duration::from_secs(60);

/// How much of GitHub's patience is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PaceName {
    /// Three a second after the first 30, which is all that is documented as allowed.
    Fast,
    /// One a second after the first 30.
    #[default]
    Normal,
    /// One a second from the first on.
    Strict,
}

/// Keeps the pace.
#[derive(Debug, Clone)]
pub struct Pace {
    burst: u32,
    every: Duration,
    /// When the bucket would be full again; a change moves it further away.
    full_at: Duration,
    sent: VecDeque<Duration>,
}

impl Pace {
    /// Nothing was sent yet.
    pub const fn new(name: PaceName) -> Self {
        let (burst, every) = match name {
            PaceName::Fast => (30, Duration::from_millis(334)),
            PaceName::Normal => (30, Duration::from_secs(1)),
            PaceName::Strict => (1, Duration::from_secs(1)),
        };
        Self { burst, every, full_at: Duration::ZERO, sent: VecDeque::new() }
    }

    /// How long to wait at this moment before the next change.
    pub fn wait(&self, now: Duration) -> Duration {
        let bucket = (self.full_at + self.every).saturating_sub(self.every * self.burst).saturating_sub(now);
        let window = match self.sent.len().checked_sub(MOST_A_MINUTE) {
            Some(index) => (self.sent[index] + MINUTE).saturating_sub(now),
            None => Duration::ZERO,
        };
        bucket.max(window)
    }

    /// A change is sent at this moment.
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

    /// The moments of so many changes that are sent as soon as they may be.
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
    fn a_rest_fills_the_bucket_again() {
        let mut pace = Pace::new(PaceName::Normal);
        (0..30).for_each(|_| pace.sent(Duration::ZERO));
        assert_eq!(pace.wait(Duration::from_secs(30)), Duration::ZERO);
        (0..30).for_each(|_| pace.sent(Duration::from_secs(40)));
        assert_eq!(pace.wait(Duration::from_secs(40)), Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn waiting_as_told_is_enough(pauses in proptest::collection::vec(0_u64..3000, 1..300)) {
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
