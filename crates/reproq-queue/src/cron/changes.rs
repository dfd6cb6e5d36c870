//! Runs that a change of the clock skips or repeats.

use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::cron::Schedule;

/// What a change of the clock does to a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockChangeKind {
    /// The clock is set forward over a time of the schedule, which does not run then.
    Skipped,
    /// The clock is set back over a time of the schedule, which runs twice.
    Repeated,
}

/// A change of the clock that affects a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockChange {
    /// When the clock changes.
    pub at: Timestamp,
    /// What happens.
    pub kind: ClockChangeKind,
    /// The first local time that is skipped or shown twice.
    pub first: DateTime,
    /// How many times of the schedule are affected.
    pub count: usize,
}

impl Schedule {
    /// The changes after `from` and up to `until` that affect this schedule.
    pub fn clock_changes(&self, from: Timestamp, until: Timestamp) -> Vec<ClockChange> {
        let changes = self.zone.following(from).map(|change| change.timestamp());
        changes.take_while(|at| *at <= until).filter_map(|at| self.clock_change(at)).collect()
    }

    fn clock_change(&self, at: Timestamp) -> Option<ClockChange> {
        let before = at.checked_sub(SignedDuration::from_secs(1)).ok()?;
        let (before, after) = (self.zone.to_offset(before), self.zone.to_offset(at));
        let (kind, start, end) = if after > before {
            (ClockChangeKind::Skipped, before.to_datetime(at), after.to_datetime(at))
        } else {
            (ClockChangeKind::Repeated, after.to_datetime(at), before.to_datetime(at))
        };
        let mut times = std::iter::successors(self.time_before(start, end), |time| {
            self.time_before(time.checked_add(SignedDuration::from_mins(1)).ok()?, end)
        });
        let first = times.next()?;
        Some(ClockChange { at, kind, first, count: 1 + times.count() })
    }

    fn time_before(&self, from: DateTime, end: DateTime) -> Option<DateTime> {
        self.next_local(from, end.year()).filter(|time| *time < end)
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZoneDatabase;

    use super::*;

    fn changes(expression: &str) -> Vec<(ClockChangeKind, String, usize)> {
        let schedule = Schedule::parse(expression, &TimeZoneDatabase::bundled()).expect("a schedule");
        let [from, until] = ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"].map(|time| time.parse().expect("a time"));
        let changes = schedule.clock_changes(from, until);
        changes.into_iter().map(|change| (change.kind, change.first.to_string(), change.count)).collect()
    }

    #[test]
    fn only_changes_that_affect_the_schedule_are_reported() {
        let (skipped, repeated) = (ClockChangeKind::Skipped, ClockChangeKind::Repeated);
        let expected =
            [(skipped, "2026-03-29T02:30:00".to_owned(), 1), (repeated, "2026-10-25T02:30:00".to_owned(), 1)];
        assert_eq!(changes("TZ=Europe/Berlin 30 2 * * *"), expected);
        let counts: Vec<usize> =
            changes("TZ=Europe/Berlin */20 * * * *").into_iter().map(|(_, _, count)| count).collect();
        assert_eq!(counts, [3, 3]);
        assert_eq!(changes("TZ=Europe/Berlin 0 12 * * *"), []);
        assert_eq!(changes("30 2 * * *"), []);
        assert_eq!(changes("TZ=Australia/Lord_Howe 45 1 * * *"), [(repeated, "2026-04-05T01:45:00".to_owned(), 1)]);
    }
}
