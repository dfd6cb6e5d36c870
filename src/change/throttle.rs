//! How fast a run sends requests and how long it waits: the pace of changes, the waits that a server requests, the reserve of
//! requests for other clients, and attempts after a lost response.

use std::time::Duration;

use crate::change::Clock;
use crate::change::Pace;
use crate::model::progress::Progress;

/// How often a request is repeated after its outcome was unknown and turned out to be no change.
const TRIES: u32 = 3;

/// The requests that the server still accepts in its current period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestLimit {
    /// How many are left.
    pub left: u64,
    /// The time until there are more.
    pub reset_in: Duration,
}

/// Why a run does not continue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interruption {
    /// The requested wait is longer than the rest of the maximum.
    Limited {
        /// The requested wait.
        wait: Duration,
    },
    /// Few requests are left, and other clients need them.
    Reserve {
        /// How many are left.
        left: u64,
        /// The time until there are more.
        wait: Duration,
    },
    /// Too many attempts without a usable response.
    Lost {
        /// The last failure.
        reason: String,
    },
}

/// The waits of one run.
pub(crate) struct Throttle<'a> {
    clock: &'a Clock,
    progress: &'a dyn Progress,
    pace: Pace,
    /// The maximum total wait for the server's limits.
    max_wait: Duration,
    waited: Duration,
    /// Requests that are left for other clients.
    reserve: u64,
    /// The requests that are left, and when there will be more.
    remaining: Option<(u64, Duration)>,
}

impl<'a> Throttle<'a> {
    /// Before the first request.
    pub(crate) fn new(
        clock: &'a Clock,
        progress: &'a dyn Progress,
        pace: Pace,
        max_wait: Duration,
        reserve: u64,
    ) -> Self {
        Self { clock, progress, pace, max_wait, waited: Duration::ZERO, reserve, remaining: None }
    }

    /// The clock.
    pub(crate) const fn clock(&self) -> &'a Clock {
        self.clock
    }

    /// Remembers what a response reports about the limit.
    pub(crate) fn observe(&mut self, limit: RequestLimit) {
        self.remaining = Some((limit.left, self.clock.elapsed() + limit.reset_in));
    }

    /// Waits until the next change may be sent. If it counts against the limit, the reserve is kept.
    pub(crate) async fn ready(&mut self, counts: bool) -> Result<(), Interruption> {
        if let Some((left, reset_at)) = self.remaining.filter(|(left, _)| counts && *left <= self.reserve) {
            let wait = reset_at.saturating_sub(self.clock.elapsed());
            if self.waited + wait > self.max_wait {
                return Err(Interruption::Reserve { left, wait });
            }
            self.wait(wait, &format!("{left} requests remain this hour")).await?;
            self.remaining = None;
        }
        let wait = self.pace.wait(self.clock.elapsed());
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
        self.pace.sent(self.clock.elapsed());
        Ok(())
    }

    /// Waits because the server asks for it, within the total maximum.
    pub(crate) async fn wait(&mut self, wait: Duration, why: &str) -> Result<(), Interruption> {
        if self.waited + wait > self.max_wait {
            return Err(Interruption::Limited { wait });
        }
        self.waited += wait;
        self.progress.note(&format!("{why}; continuing in {} s", wait.as_secs().max(1)));
        self.clock.sleep(wait).await;
        Ok(())
    }

    /// Waits before another attempt, up to the maximum number of attempts.
    pub(crate) async fn again(&self, tries: &mut u32, reason: &str) -> Result<(), Interruption> {
        *tries += 1;
        if *tries > TRIES {
            return Err(Interruption::Lost { reason: reason.to_owned() });
        }
        self.progress.note(&format!("{reason}; checking again ({tries} of {TRIES})"));
        self.clock.sleep(Duration::from_millis(500 << *tries)).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::change::Rate;
    use crate::model::progress::NoProgress;

    const SECOND: Duration = Duration::from_secs(1);
    const RATE: Rate = Rate { burst: 2, every: SECOND, most_a_minute: 180 };

    fn run(work: impl AsyncFnOnce(&mut Throttle<'_>, &Clock)) {
        let clock = Clock::modelled(DateTime::UNIX_EPOCH);
        let mut throttle = Throttle::new(&clock, &NoProgress, Pace::new(RATE), 100 * SECOND, 50);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(work(&mut throttle, &clock));
    }

    #[test]
    fn changes_keep_the_pace() {
        run(async |throttle, clock| {
            for expected in [0, 0, 1, 2] {
                throttle.ready(true).await.expect("no limit");
                assert_eq!(clock.elapsed(), expected * SECOND);
            }
        });
    }

    #[test]
    fn the_reserve_is_kept_for_others() {
        run(async |throttle, clock| {
            throttle.observe(RequestLimit { left: 50, reset_in: 90 * SECOND });
            throttle.ready(false).await.expect("it does not count");
            assert_eq!(clock.elapsed(), Duration::ZERO);
            throttle.ready(true).await.expect("the wait is allowed");
            assert_eq!(clock.elapsed(), 90 * SECOND);
            throttle.observe(RequestLimit { left: 51, reset_in: 90 * SECOND });
            throttle.ready(true).await.expect("there are enough");
            throttle.observe(RequestLimit { left: 3, reset_in: 11 * SECOND });
            let stopped = throttle.ready(true).await.expect_err("90 of 100 seconds are spent");
            assert_eq!(stopped, Interruption::Reserve { left: 3, wait: 11 * SECOND });
        });
    }

    #[test]
    fn waits_add_up_to_the_maximum() {
        run(async |throttle, clock| {
            throttle.wait(60 * SECOND, "limited").await.expect("allowed");
            assert_eq!(throttle.wait(41 * SECOND, "limited").await, Err(Interruption::Limited { wait: 41 * SECOND }));
            throttle.wait(40 * SECOND, "limited").await.expect("allowed");
            assert_eq!(clock.elapsed(), 100 * SECOND);
        });
    }

    #[test]
    fn the_fourth_lost_response_is_the_last() {
        run(async |throttle, clock| {
            let mut tries = 0;
            for _ in 0..3 {
                throttle.again(&mut tries, "lost").await.expect("another attempt");
            }
            assert_eq!(clock.elapsed(), 7 * SECOND);
            let reason = "lost".to_owned();
            assert_eq!(throttle.again(&mut tries, "lost").await, Err(Interruption::Lost { reason }));
        });
    }
}
