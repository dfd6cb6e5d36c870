//! Depth and throughput over time. The rows say when each task was enqueued and finished; the depth of the past follows from
//! the depth of now. Rows that were deleted say nothing, so the result states how many are missing.

use chrono::DateTime;
use chrono::Duration;
use chrono::Utc;
use serde::Serialize;

/// How often something happened in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCount {
    /// `ENQUEUED`, a final status, or `ROWS` for the row about all of them.
    pub event: String,
    /// The bucket, from 0.
    pub bucket: Option<i64>,
    /// How often.
    pub tasks: i64,
    /// When the first was enqueued, in the row about all.
    pub first: Option<DateTime<Utc>>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrendWindow {
    /// Where the first bucket begins.
    pub start: DateTime<Utc>,
    /// The end.
    pub now: DateTime<Utc>,
    /// The length of a bucket in seconds.
    pub bucket_seconds: i64,
    /// Rows with an id up to this one were not read.
    pub after_id: i64,
    /// The oldest id that exists.
    pub oldest_id: i64,
    /// The newest.
    pub newest_id: i64,
    /// The live tasks now.
    pub live: i64,
}

/// What happened in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrendBucket {
    /// Its begin.
    pub start: DateTime<Utc>,
    /// Tasks that were enqueued.
    pub enqueued: i64,
    /// Tasks that succeeded.
    pub successful: i64,
    /// Tasks that failed for the last time.
    pub failed: i64,
    /// Tasks that were cancelled.
    pub cancelled: i64,
    /// Live tasks at its end.
    pub depth: i64,
}

/// Depth and throughput.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trend {
    /// Oldest first.
    pub buckets: Vec<TrendBucket>,
    /// Whether nothing is missing.
    pub exact: bool,
    /// Rows that were read.
    pub rows: i64,
    /// Ids in between that have no row: deleted, or never committed.
    pub missing_rows: i64,
    /// If older rows exist that were not read: from here on all are known.
    pub known_since: Option<DateTime<Utc>>,
    /// Whether rows older than all that exist were deleted at some time.
    pub older_rows_deleted: bool,
    /// Buckets whose depth was sampled, and does not depend on what was deleted.
    pub sampled_buckets: usize,
}

impl TrendWindow {
    /// The number of buckets.
    pub fn buckets(&self) -> usize {
        let seconds = (self.now - self.start).num_seconds().max(0);
        usize::try_from((seconds + self.bucket_seconds - 1) / self.bucket_seconds.max(1)).unwrap_or(0).max(1)
    }
}

impl Trend {
    /// Arranges the counts.
    pub fn new(window: &TrendWindow, events: &[EventCount]) -> Self {
        let number = window.buckets();
        let mut buckets: Vec<TrendBucket> = (0..number)
            .map(|index| TrendBucket {
                start: window.start + Duration::seconds(window.bucket_seconds * i64::try_from(index).unwrap_or(0)),
                enqueued: 0,
                successful: 0,
                failed: 0,
                cancelled: 0,
                depth: 0,
            })
            .collect();
        let mut all = None;
        for event in events {
            let Some(index) = event.bucket else {
                all = Some(event);
                continue;
            };
            let index = usize::try_from(index).unwrap_or(0).min(number - 1);
            let Some(bucket) = buckets.get_mut(index) else { continue };
            let count = match event.event.as_str() {
                "ENQUEUED" => &mut bucket.enqueued,
                "SUCCESSFUL" => &mut bucket.successful,
                "FAILED" => &mut bucket.failed,
                _ => &mut bucket.cancelled,
            };
            *count += event.tasks;
        }
        let mut depth = window.live;
        for bucket in buckets.iter_mut().rev() {
            bucket.depth = depth.max(0);
            depth += bucket.successful + bucket.failed + bucket.cancelled - bucket.enqueued;
        }
        let rows = all.map_or(0, |event| event.tasks);
        let first_id = window.after_id.max(window.oldest_id - 1);
        let missing_rows = if window.newest_id == 0 { 0 } else { (window.newest_id - first_id - rows).max(0) };
        let is_cut = window.after_id >= window.oldest_id && window.oldest_id > 0;
        let known_since = if is_cut { all.and_then(|event| event.first) } else { None };
        let older_rows_deleted = !is_cut && window.oldest_id > 1;
        let reaches = known_since.is_none_or(|since| since <= window.start);
        // What was deleted before the first row that exists may have been live in the window.
        let exact = missing_rows == 0 && reaches && !older_rows_deleted;
        Self { buckets, exact, rows, missing_rows, known_since, older_rows_deleted, sampled_buckets: 0 }
    }

    /// Replaces the depth of buckets by their last sample. That of the last bucket is the depth of now, which is known.
    pub fn use_samples(&mut self, samples: &[(i64, i64)]) {
        let last = self.buckets.len().saturating_sub(1);
        for (bucket, depth) in samples {
            let index = usize::try_from(*bucket).ok().filter(|index| *index < last);
            if let Some(bucket) = index.and_then(|index| self.buckets.get_mut(index)) {
                bucket.depth = *depth;
                self.sampled_buckets += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn window() -> TrendWindow {
        TrendWindow {
            start: at("2026-01-01T00:00:00Z"),
            now: at("2026-01-01T02:30:00Z"),
            bucket_seconds: 3600,
            after_id: 0,
            oldest_id: 1,
            newest_id: 10,
            live: 4,
        }
    }

    fn event(name: &str, bucket: Option<i64>, tasks: i64) -> EventCount {
        EventCount { event: name.to_owned(), bucket, tasks, first: Some(at("2026-01-01T01:00:00Z")) }
    }

    #[test]
    fn the_depth_of_the_past_follows_from_that_of_now() {
        let events = [
            event("ROWS", None, 10),
            event("ENQUEUED", Some(0), 5),
            event("SUCCESSFUL", Some(0), 1),
            event("ENQUEUED", Some(1), 3),
            event("FAILED", Some(1), 2),
            event("CANCELLED", Some(2), 1),
        ];
        let trend = Trend::new(&window(), &events);
        let depths: Vec<i64> = trend.buckets.iter().map(|bucket| bucket.depth).collect();
        // Before the first bucket there was none: 0 + 5 - 1 = 4, + 3 - 2 = 5, - 1 = 4.
        assert_eq!(depths, [4, 5, 4]);
        assert_eq!(trend.buckets[1].start, at("2026-01-01T01:00:00Z"));
        assert!(trend.exact && trend.missing_rows == 0 && trend.known_since.is_none(), "{trend:?}");
    }

    #[test]
    fn samples_replace_the_depth_of_the_past_and_not_that_of_now() {
        let mut trend = Trend::new(&window(), &[event("ROWS", None, 7)]);
        trend.use_samples(&[(-1, 50), (0, 9), (2, 60), (7, 70)]);
        let depths: Vec<i64> = trend.buckets.iter().map(|bucket| bucket.depth).collect();
        assert_eq!((depths, trend.sampled_buckets), (vec![9, 4, 4], 1));
    }

    #[test]
    fn what_cannot_be_known_is_said() {
        let missing = Trend::new(&window(), &[event("ROWS", None, 7)]);
        assert_eq!((missing.exact, missing.missing_rows), (false, 3));
        let cut = TrendWindow { after_id: 5, ..window() };
        let cut = Trend::new(&cut, &[event("ROWS", None, 5)]);
        assert_eq!((cut.exact, cut.missing_rows, cut.known_since), (false, 0, Some(at("2026-01-01T01:00:00Z"))));
        let pruned = TrendWindow { oldest_id: 4, ..window() };
        let pruned = Trend::new(&pruned, &[event("ROWS", None, 7)]);
        assert_eq!((pruned.exact, pruned.missing_rows, pruned.older_rows_deleted), (false, 0, true));
        let empty = TrendWindow { oldest_id: 0, newest_id: 0, live: 0, ..window() };
        let empty = Trend::new(&empty, &[event("ROWS", None, 0)]);
        assert!(empty.exact && empty.buckets.len() == 3, "{empty:?}");
    }
}
