//! How fast changes are sent: a burst, then a steady rate, and no more than a maximum in any minute. Pure: time is a parameter.

use std::collections::VecDeque;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// What a server accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The changes that may be sent at once.
    pub burst: u32,
    /// The time between changes after that.
    pub every: Duration,
    /// The most changes in any minute.
    pub most_a_minute: usize,
}

/// Computes when the next change may be sent.
#[derive(Debug, Clone)]
pub struct Pace {
    rate: Rate,
    /// When the bucket is full again; each change moves it into the future.
    full_at: Duration,
    sent: VecDeque<Duration>,
}

impl Pace {
    /// A full bucket.
    pub const fn new(rate: Rate) -> Self {
        Self { rate, full_at: Duration::ZERO, sent: VecDeque::new() }
    }

    /// How long to wait before the next change.
    pub fn wait(&self, now: Duration) -> Duration {
        let bucket =
            (self.full_at + self.rate.every).saturating_sub(self.rate.every * self.rate.burst).saturating_sub(now);
        let window = match self.sent.len().checked_sub(self.rate.most_a_minute) {
            Some(index) => (self.sent[index] + MINUTE).saturating_sub(now),
            None => Duration::ZERO,
        };
        bucket.max(window)
    }

    /// Records a change that is sent now.
    pub fn sent(&mut self, now: Duration) {
        self.full_at = self.full_at.max(now) + self.rate.every;
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

    const MOST: usize = 180;

    const fn rate(burst: u32, milliseconds: u64) -> Rate {
        Rate { burst, every: Duration::from_millis(milliseconds), most_a_minute: MOST }
    }

    const FAST: Rate = rate(30, 334);
    const NORMAL: Rate = rate(30, 1000);
    const STRICT: Rate = rate(1, 1000);

    /// The times at which `count` changes are sent if each is sent as early as allowed.
    fn moments(rate: Rate, count: usize) -> Vec<Duration> {
        let mut pace = Pace::new(rate);
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
        let moments = moments(NORMAL, 50);
        assert_eq!(moments[29], Duration::ZERO);
        assert_eq!(moments[30], Duration::from_secs(1));
        assert_eq!(moments[49], Duration::from_secs(20));
    }

    #[test]
    fn strict_is_one_a_second_from_the_first() {
        assert_eq!(moments(STRICT, 4)[3], Duration::from_secs(3));
    }

    #[test]
    fn no_minute_holds_more_than_is_allowed() {
        for rate in [FAST, NORMAL, STRICT] {
            let moments = moments(rate, 600);
            for (index, moment) in moments.iter().enumerate().skip(MOST) {
                assert!(*moment >= moments[index - MOST] + MINUTE, "{rate:?} {index}");
            }
        }
    }

    #[test]
    fn a_pause_refills_the_bucket() {
        let mut pace = Pace::new(NORMAL);
        (0..30).for_each(|_| pace.sent(Duration::ZERO));
        assert_eq!(pace.wait(Duration::from_secs(30)), Duration::ZERO);
        (0..30).for_each(|_| pace.sent(Duration::from_secs(40)));
        assert_eq!(pace.wait(Duration::from_secs(40)), Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn the_returned_wait_is_sufficient(pauses in proptest::collection::vec(0_u64..3000, 1..300)) {
            let mut pace = Pace::new(FAST);
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
