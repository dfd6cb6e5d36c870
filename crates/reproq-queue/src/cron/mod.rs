//! Schedules in the worker's dialect of cron, with time zones. `fields` reads an expression, `next` computes its runs,
//! `changes` finds the runs that a change of the clock skips or repeats.
//!
//! The worker steps through local time and loses its way where the clock changes at midnight, by half an hour, or over a whole
//! day: it may run on a day that does not match, or not advance at all. Here a run is always a minute in which the clock
//! matches.

mod changes;
mod fields;
mod next;
mod zone;

pub use changes::ClockChange;
pub use changes::ClockChangeKind;
pub use fields::CronError;
pub use next::Runs;
pub use zone::find_zone;

use jiff::tz::TimeZone;
use jiff::tz::TimeZoneDatabase;

use crate::cron::fields::CronField;
use crate::cron::fields::FieldKind;

/// A schedule: when the clock of its zone shows one of these minutes, it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    minutes: CronField,
    hours: CronField,
    days: CronField,
    months: CronField,
    weekdays: CronField,
    zone: TimeZone,
}

impl Schedule {
    /// Reads `MINUTE HOUR DAY MONTH WEEKDAY`, with an optional `TZ=ZONE ` or `CRON_TZ=ZONE ` before it. Without a zone the
    /// worker's clock is UTC.
    pub fn parse(expression: &str, zones: &TimeZoneDatabase) -> Result<Self, CronError> {
        let (zone, fields) = match expression.strip_prefix("TZ=").or_else(|| expression.strip_prefix("CRON_TZ=")) {
            Some(rest) => {
                // The worker crashes on a zone without a schedule.
                let (name, fields) = rest.split_once(' ').ok_or(CronError::NoFields)?;
                (find_zone(name, zones).ok_or_else(|| CronError::UnknownZone(name.to_owned()))?, fields)
            }
            None => (TimeZone::UTC, expression),
        };
        let texts: Vec<&str> = fields.split_whitespace().collect();
        if let Some(descriptor) = texts.first().filter(|text| text.starts_with('@')) {
            return Err(CronError::Descriptor((*descriptor).to_owned()));
        }
        let [minutes, hours, days, months, weekdays] = texts[..] else {
            return Err(CronError::FieldCount(texts.len()));
        };
        Ok(Self {
            minutes: CronField::parse(minutes, FieldKind::Minute)?,
            hours: CronField::parse(hours, FieldKind::Hour)?,
            days: CronField::parse(days, FieldKind::Day)?,
            months: CronField::parse(months, FieldKind::Month)?,
            weekdays: CronField::parse(weekdays, FieldKind::Weekday)?,
            zone,
        })
    }

    /// The zone whose clock decides.
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Whether no date matches, such as 31 February. The worker accepts such a schedule and then runs it all the time, so it
    /// must not be saved.
    pub fn never_fires(&self) -> bool {
        let has_a_time = !self.minutes.is_empty() && !self.hours.is_empty() && !self.months.is_empty();
        let longest = |month: u8| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let has_a_day = (1..=12)
            .filter(|month| self.months.contains(*month))
            .any(|month| (1..=longest(month)).any(|day| (0..=6).any(|weekday| self.matches_day(day, weekday))));
        !has_a_time || !has_a_day
    }

    /// If either field is `*` or `?`, both must match; if both are restricted, one is enough. This is the dialect's rule.
    fn matches_day(&self, day: u8, weekday: u8) -> bool {
        let (day, weekday) = (self.days.contains(day), self.weekdays.contains(weekday));
        if self.days.is_any() || self.weekdays.is_any() { day && weekday } else { day || weekday }
    }
}
