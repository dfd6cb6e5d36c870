//! One pass over the schedules that are due, in batches.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use reproq_queue::pg;
use reproq_queue::pg::PgError;
use reproq_queue::write;
use reproq_queue::write::BeatBatch;
use reproq_queue::write::TickOutcome;
use reproq_queue::write::TickResult;

use crate::commands::beat::LIMITS;

/// No pass works on more schedules that fail, so that memory has a limit.
const MAX_FAILURES: usize = 10_000;

/// How long a schedule that failed is left alone: first, and at most. It is tried at once if its row changes.
const FIRST_RETRY: Duration = Duration::from_secs(30);
const LAST_RETRY: Duration = Duration::from_secs(15 * 60);

/// Schedules that failed, by the version of their row.
#[derive(Debug, Default)]
pub(super) struct FailedSchedules(BTreeMap<String, FailedSchedule>);

#[derive(Debug)]
struct FailedSchedule {
    reason: String,
    retry_at: Instant,
    delay: Duration,
}

impl FailedSchedules {
    /// The versions that are left alone now.
    pub(super) fn resting(&self, now: Instant) -> Vec<String> {
        self.0.iter().filter(|(_, failed)| failed.retry_at > now).map(|(version, _)| version.clone()).collect()
    }

    /// Forgets those that were tried and did not fail again.
    fn forget_tried(&mut self, before: Instant) {
        self.0.retain(|_, failed| failed.retry_at > before);
    }

    /// Whether the failure is news.
    fn add(&mut self, version: &str, reason: &str, now: Instant) -> bool {
        let known = self.0.get(version);
        let is_news = known.is_none_or(|known| known.reason != reason);
        let delay = known.map_or(FIRST_RETRY, |known| (known.delay * 2).min(LAST_RETRY));
        if known.is_some() || self.0.len() < MAX_FAILURES {
            let failed = FailedSchedule { reason: reason.to_owned(), retry_at: now + delay, delay };
            self.0.insert(version.to_owned(), failed);
        }
        is_news
    }
}

/// Enqueues everything that is due, and hands over each result with whether it is news. Ends after a batch if it is to stop.
pub(super) async fn pass(
    session: &pg::Session,
    failed: &mut FailedSchedules,
    must_stop: impl Fn() -> bool,
    mut on_result: impl FnMut(TickResult, bool),
) -> Result<(), PgError> {
    let zones = jiff::tz::db();
    let began = Instant::now();
    let mut except = failed.resting(began);
    loop {
        let BeatBatch { results, is_full } =
            session.write(LIMITS, async |tx| write::beat_batch(tx, &except, zones).await).await?;
        for result in results {
            let mut is_news = true;
            if let TickOutcome::Failed(reason) = &result.outcome {
                is_news = failed.add(&result.version, reason, Instant::now());
                except.push(result.version.clone());
            }
            on_result(result, is_news);
        }
        if !is_full || except.len() >= MAX_FAILURES || must_stop() {
            break;
        }
    }
    failed.forget_tried(began);
    Ok(())
}

/// Hands over what a pass would do.
pub(super) async fn preview(session: &pg::Session, mut on_result: impl FnMut(TickResult)) -> Result<(), PgError> {
    let zones = jiff::tz::db();
    let mut except = Vec::new();
    loop {
        let BeatBatch { results, is_full } =
            session.read(LIMITS, async |tx| write::preview_batch(tx, &except, zones).await).await?;
        for result in results {
            except.push(result.version.clone());
            on_result(result);
        }
        if !is_full || except.len() >= MAX_FAILURES {
            return Ok(());
        }
    }
}

/// How long until a schedule is due that has not failed; `None` if there is none.
pub(super) async fn time_to_next(session: &pg::Session, failed: &FailedSchedules) -> Result<Option<Duration>, PgError> {
    let except = failed.resting(Instant::now());
    let seconds = session.read(LIMITS, async |tx| write::seconds_to_next(tx, &except).await).await?;
    Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_that_fails_again_rests_longer_and_is_news_only_with_another_reason() {
        let mut failed = FailedSchedules::default();
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert!(failed.add("1 a", "no", at(0)));
        assert_eq!((failed.resting(at(29)), failed.resting(at(30))), (vec!["1 a".to_owned()], Vec::new()));
        assert!(!failed.add("1 a", "no", at(30)));
        assert_eq!(failed.resting(at(89)).len(), 1);
        assert!(failed.resting(at(90)).is_empty());
        assert!(failed.add("1 a", "another", at(90)));
        for _ in 0..20 {
            failed.add("1 a", "another", at(90));
        }
        assert!(failed.resting(at(90 + 15 * 60)).is_empty());
        // The row was changed, so its version is another one.
        assert!(failed.add("2 a", "no", at(90)));
        failed.forget_tried(at(100));
        assert_eq!(failed.0.len(), 2);
        failed.forget_tried(at(90 + 15 * 60));
        assert!(failed.0.is_empty());
    }
}
