//! When a schedule runs.
//!
//! Between two changes of a zone's clock, local time is UTC and a constant. So each such segment is searched by the calendar
//! alone, and the first match that lies within its segment is the next run. A time that the clock skips is in no segment,
//! and one that it shows twice is in two.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::cron::Schedule;

/// The worker gives up after the fifth year.
const YEARS: i16 = 5;

/// The runs of a schedule, without end unless it never fires again.
#[derive(Debug, Clone)]
pub struct Runs<'a> {
    schedule: &'a Schedule,
    after: Timestamp,
}

impl Iterator for Runs<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        let next = self.schedule.next_after(self.after)?;
        self.after = next;
        Some(next)
    }
}

impl Schedule {
    /// The first run that is later than this. `None` if there is none in the next five years.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let second = i64::try_from(after.as_nanosecond().div_euclid(1_000_000_000)).ok()?.checked_add(1)?;
        let mut start = Timestamp::from_second(second).ok()?;
        let last_year = self.local(start).year().saturating_add(YEARS);
        loop {
            let offset = self.zone.to_offset(start);
            let found = self.next_local(offset.to_datetime(start), last_year)?;
            let run = utc(found, offset)?;
            match self.zone.following(start).next().map(|change| change.timestamp()) {
                // The clock changes before it would show that time.
                Some(end) if run >= end => start = end,
                Some(_) | None => return Some(run),
            }
        }
    }

    /// The runs that are later than this, in order.
    pub const fn runs_after(&self, after: Timestamp) -> Runs<'_> {
        Runs { schedule: self, after }
    }

    /// What the clock of the zone shows.
    pub(super) fn local(&self, at: Timestamp) -> DateTime {
        self.zone.to_offset(at).to_datetime(at)
    }

    /// The first matching minute of the calendar that is not before this.
    pub(super) fn next_local(&self, from: DateTime, last_year: i16) -> Option<DateTime> {
        let (mut date, mut hour, mut minute) = (from.date(), from.hour().unsigned_abs(), from.minute().unsigned_abs());
        if from.second() > 0 || from.subsec_nanosecond() > 0 {
            minute += 1;
        }
        while date.year() <= last_year {
            if !self.months.contains(date.month().unsigned_abs()) {
                date = date.last_of_month().tomorrow().ok()?;
                (hour, minute) = (0, 0);
                continue;
            }
            if self.matches_date(date)
                && let Some((hour, minute)) = self.time_from(hour, minute)
            {
                return Some(date.at(hour.cast_signed(), minute.cast_signed(), 0, 0));
            }
            date = date.tomorrow().ok()?;
            (hour, minute) = (0, 0);
        }
        None
    }

    fn matches_date(&self, date: Date) -> bool {
        self.matches_day(date.day().unsigned_abs(), date.weekday().to_sunday_zero_offset().unsigned_abs())
    }

    /// The first matching time of a day that is not before this one.
    fn time_from(&self, hour: u8, minute: u8) -> Option<(u8, u8)> {
        let this_hour = self.hours.contains(hour).then(|| self.minutes.next_from(minute)).flatten();
        if let Some(minute) = this_hour {
            return Some((hour, minute));
        }
        Some((self.hours.next_from(hour + 1)?, self.minutes.next_from(0)?))
    }
}

/// The time at which a clock with this offset shows it.
pub(super) fn utc(local: DateTime, offset: Offset) -> Option<Timestamp> {
    offset.to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZoneDatabase;

    use super::*;

    fn schedule(expression: &str) -> Schedule {
        Schedule::parse(expression, &TimeZoneDatabase::bundled()).expect("a schedule")
    }

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn the_search_ends_after_five_years_and_at_the_end_of_the_calendar() {
        let leap = schedule("0 0 29 2 *");
        assert_eq!(leap.next_after(time("2091-03-01T00:00:00Z")), Some(time("2092-02-29T00:00:00Z")));
        // 2100 is not a leap year.
        assert_eq!(leap.next_after(time("2096-03-01T00:00:00Z")), None);
        assert_eq!(schedule("* * * * *").next_after(Timestamp::MAX), None);
        assert!(schedule("* * * * *").next_after(Timestamp::MIN).is_some());
    }

    /// The worker runs on 29 March too, stays at the same time, loses half an hour, and does not end: in this order.
    #[test]
    fn the_clock_decides_where_the_worker_loses_its_way() {
        let cases = [
            ("TZ=Asia/Gaza 4 18 28 * *", "2019-03-28T16:04:00Z", "2019-04-28T15:04:00Z"),
            ("TZ=America/St_Johns 9/1 0-23 * * 0", "2006-10-28T12:50:31Z", "2006-10-29T03:39:00Z"),
            ("TZ=Australia/Lord_Howe * 15-19 5 4 *", "2026-04-03T12:49:04Z", "2026-04-05T04:30:00Z"),
            ("TZ=Pacific/Apia 0 19 * * 6", "2011-12-28T12:41:47Z", "2011-12-31T05:00:00Z"),
        ];
        for (expression, after, expected) in cases {
            assert_eq!(schedule(expression).next_after(time(after)), Some(time(expected)), "{expression}");
        }
    }

    #[test]
    fn impossible_dates_never_fire() {
        for expression in ["0 0 31 2 *", "0 0 30,31 2 *", "0 0 31 4,6,9,11 *", ", * * * *", "* * * , *", "* * , * *"] {
            let schedule = schedule(expression);
            assert!(schedule.never_fires(), "{expression}");
            assert_eq!(schedule.next_after(time("2026-01-01T00:00:00Z")), None, "{expression}");
        }
        // The weekday is enough if both are restricted.
        for expression in ["0 0 29 2 *", "0 0 31 2 1", "0 0 , * 1", "0 0 31 1,2 *"] {
            assert!(!schedule(expression).never_fires(), "{expression}");
        }
    }

    #[test]
    fn a_run_is_later_than_the_fraction_of_a_second_before_it() {
        let minute = schedule("* * * * *");
        assert_eq!(minute.next_after(time("2026-01-01T00:00:59.999Z")), Some(time("2026-01-01T00:01:00Z")));
        assert_eq!(minute.next_after(time("2026-01-01T00:01:00Z")), Some(time("2026-01-01T00:02:00Z")));
        assert_eq!(minute.next_after(time("1969-12-31T23:58:59.5Z")), Some(time("1969-12-31T23:59:00Z")));
    }
}
