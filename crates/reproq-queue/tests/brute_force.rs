//! A schedule runs exactly in the minutes in which the clock of its zone matches, compared with a search of every minute.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::tz::TimeZoneDatabase;
use reproq_queue::cron::Schedule;

/// Zones whose clocks change at odd times and by odd amounts, or changed the date.
const ZONES: [&str; 12] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Africa/Monrovia",
    "Asia/Gaza",
    "Pacific/Kwajalein",
];

/// Days around which something happens in one of the zones.
const STARTS: [&str; 12] = [
    "2026-03-28T12:00:00Z",
    "2026-10-24T12:00:00Z",
    "2026-04-03T12:00:00Z",
    "2026-10-02T12:00:00Z",
    "2025-04-24T12:00:00Z",
    "2025-10-30T12:00:00Z",
    "2006-10-28T12:00:00Z",
    "2011-12-28T12:00:00Z",
    "2018-11-03T12:00:00Z",
    "1972-01-06T12:00:00Z",
    "1969-09-29T12:00:00Z",
    "2026-02-27T12:00:00Z",
];

/// The values of each field that an expression matches, by construction and not by reading it.
struct Random {
    text: String,
    sets: [BTreeSet<i8>; 5],
    is_any: [bool; 5],
}

fn random_field(random: &mut fastrand::Rng, low: i8, high: i8) -> (String, BTreeSet<i8>, bool) {
    if random.u8(..3) == 0 {
        return (["*", "?", "*/1"][random.usize(..3)].to_owned(), (low..=high).collect(), true);
    }
    let mut parts = Vec::new();
    let mut set = BTreeSet::new();
    for _ in 0..random.usize(1..4) {
        let first = random.i8(low..=high);
        let last = random.i8(first..=high);
        let step = random.i8(2..9);
        let by = |from: i8, to: i8| (from..=to).step_by(step as usize);
        match random.u8(..5) {
            0 => {
                parts.push(format!("{first}-{last}"));
                set.extend(first..=last);
            }
            1 => {
                parts.push(format!("{first}-{last}/{step}"));
                set.extend(by(first, last));
            }
            2 => {
                parts.push(format!("{first}/{step}"));
                set.extend(by(first, high));
            }
            3 => {
                parts.push(format!("*/{step}"));
                set.extend(by(low, high));
            }
            _ => {
                parts.push(first.to_string());
                set.insert(first);
            }
        }
    }
    (parts.join(","), set, false)
}

fn random_expression(random: &mut fastrand::Rng, zone: &str) -> Random {
    let bounds = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
    let mut texts = Vec::new();
    let (mut sets, mut is_any) = (Vec::new(), Vec::new());
    for (index, (low, high)) in bounds.into_iter().enumerate() {
        // Mostly every month, else hardly anything runs within the days that are searched.
        let (text, set, any) = if index == 3 && random.u8(..4) > 0 {
            ("*".to_owned(), (low..=high).collect(), true)
        } else {
            random_field(random, low, high)
        };
        texts.push(text);
        sets.push(set);
        is_any.push(any);
    }
    let text = format!("TZ={zone} {}", texts.join(" "));
    let sets = sets.try_into().unwrap_or_else(|_| panic!("five sets"));
    Random { text, sets, is_any: is_any.try_into().unwrap_or_else(|_| panic!("five fields")) }
}

impl Random {
    fn matches(&self, time: DateTime) -> bool {
        let [minutes, hours, days, months, weekdays] = &self.sets;
        let day = days.contains(&time.day());
        let weekday = weekdays.contains(&time.date().weekday().to_sunday_zero_offset());
        let matches_day = if self.is_any[2] || self.is_any[4] { day && weekday } else { day || weekday };
        time.second() == 0
            && minutes.contains(&time.minute())
            && hours.contains(&time.hour())
            && months.contains(&time.month())
            && matches_day
    }
}

#[test]
fn a_thousand_random_schedules_run_as_a_search_of_every_minute_finds() {
    let zones = TimeZoneDatabase::bundled();
    let mut random = fastrand::Rng::with_seed(20_261_130);
    let mut found = 0;
    for _ in 0..1000 {
        let zone = ZONES[random.usize(..ZONES.len())];
        let expression = random_expression(&mut random, zone);
        let schedule =
            Schedule::parse(&expression.text, &zones).unwrap_or_else(|error| panic!("{}: {error}", expression.text));
        let start: Timestamp = STARTS[random.usize(..STARTS.len())].parse().expect("a time");
        let start = start + SignedDuration::from_secs(random.i64(0..43_200));
        let until = start + SignedDuration::from_hours(48);
        let expected: Vec<Timestamp> = minutes(schedule.zone(), start, until)
            .into_iter()
            .filter(|(_, clock)| expression.matches(*clock))
            .map(|(at, _)| at)
            .collect();
        let runs: Vec<Timestamp> = schedule.runs_after(start).take_while(|run| *run <= until).collect();
        assert_eq!(runs, expected, "{} after {start}", expression.text);
        assert!(runs.is_sorted_by(|one, next| one < next));
        found += runs.len();
    }
    assert!(found > 50_000, "only {found} runs were compared");
}

/// Every time at which a new minute begins on the clock. Some offsets have seconds, so that this is not always a minute of
/// UTC.
fn minutes(zone: &TimeZone, after: Timestamp, until: Timestamp) -> Vec<(Timestamp, DateTime)> {
    let mut minutes = Vec::new();
    let mut at = Timestamp::from_second(after.as_second() + 1).expect("a time");
    while at <= until {
        let clock = zone.to_datetime(at);
        let is_minute = clock.second() == 0;
        if is_minute {
            minutes.push((at, clock));
        }
        at += SignedDuration::from_secs(if is_minute { 60 } else { 1 });
    }
    minutes
}
