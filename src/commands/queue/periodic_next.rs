//! `reproq periodic next`: when a schedule runs, by the worker's rules, and what changes of the clock do to it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use reproq_queue::cron::ClockChange;
use reproq_queue::cron::ClockChangeKind;
use reproq_queue::cron::CronError;
use reproq_queue::cron::Schedule;
use reproq_queue::cron::find_zone;
use serde::Serialize;

use super::cron_error::cron_hint;
use super::cron_error::not_a_schedule;
use crate::cli::PeriodicNextArgs;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
struct PeriodicNextReport {
    expression: String,
    /// The zone whose clock the schedule follows.
    schedule_zone: String,
    /// The zone of the local times.
    timezone: String,
    from: String,
    runs: Vec<Run>,
    /// Whether no date matches at all.
    never_fires: bool,
    /// The changes of the clock up to the last run that skip or repeat runs.
    clock_changes: Vec<ClockChangeEntry>,
}

#[derive(Debug, Serialize)]
struct Run {
    utc: String,
    local: String,
}

#[derive(Debug, Serialize)]
struct ClockChangeEntry {
    /// When the clock changes.
    at: String,
    /// `skipped` or `repeated`.
    effect: &'static str,
    /// The first local time of the schedule that is skipped or occurs twice.
    first: String,
    /// How many times of the schedule are affected.
    count: usize,
}

/// Prints the next runs.
pub(super) fn next(arguments: &PeriodicNextArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let zones = jiff::tz::db();
    let schedule =
        Schedule::parse(&arguments.expression, zones).map_err(|error| not_a_schedule(&arguments.expression, error))?;
    let shown_zone = match &arguments.timezone {
        Some(name) => find_zone(name, zones).ok_or_else(|| {
            let error = CronError::UnknownZone(name.clone());
            let hint = cron_hint(&error);
            CommandError::new(ExitStatus::Usage, error).hint(hint)
        })?,
        None => schedule.zone().clone(),
    };
    let from = match &arguments.from {
        Some(text) => text.parse::<Timestamp>().map_err(|_| {
            CommandError::message(ExitStatus::Usage, format!("`{text}` is not a time with an offset"))
                .hint("write it like 2026-01-31T12:00:00Z or 2026-01-31T13:00:00+01:00")
        })?,
        None => Timestamp::from_second(session.now.timestamp()).unwrap_or(Timestamp::UNIX_EPOCH),
    };
    let runs: Vec<Timestamp> = schedule.runs_after(from).take(usize::from(arguments.count)).collect();
    let changes = runs.last().map_or_else(Vec::new, |last| schedule.clock_changes(from, *last));
    let schedule_zone = name_of(schedule.zone());
    session.ui.report(&PeriodicNextReport {
        expression: arguments.expression.clone(),
        schedule_zone: schedule_zone.clone(),
        timezone: name_of(&shown_zone),
        from: utc(from),
        runs: runs.iter().map(|run| Run { utc: utc(*run), local: local(*run, &shown_zone) }).collect(),
        never_fires: schedule.never_fires(),
        clock_changes: changes.iter().map(entry).collect(),
    })?;
    for change in &changes {
        session.ui.warn(&describe(change, &schedule_zone));
    }
    if *schedule.zone() == TimeZone::UTC && shown_zone != TimeZone::UTC {
        let zone = name_of(&shown_zone);
        session.ui.hint(&format!(
            "this schedule follows the clock of UTC; for the clock of {zone}, begin it with `TZ={zone} `"
        ));
    }
    Ok(ExitStatus::Success)
}

fn name_of(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn entry(change: &ClockChange) -> ClockChangeEntry {
    let effect = match change.kind {
        ClockChangeKind::Skipped => "skipped",
        ClockChangeKind::Repeated => "repeated",
    };
    ClockChangeEntry { at: utc(change.at), effect, first: change.first.to_string(), count: change.count }
}

fn describe(change: &ClockChange, zone: &str) -> String {
    let (date, time) = (change.first.date(), change.first.strftime("%H:%M"));
    let more = match change.count - 1 {
        0 => String::new(),
        more => format!(" and {}", count(more, "later time")),
    };
    match change.kind {
        ClockChangeKind::Skipped => {
            format!("on {date} the clock of {zone} is set forward: {time}{more} of the schedule will be skipped")
        }
        ClockChangeKind::Repeated => {
            format!("on {date} the clock of {zone} is set back: {time}{more} of the schedule will run twice")
        }
    }
}

impl Report for PeriodicNextReport {
    const SCHEMA: &'static str = "reproq.periodic-next/1";

    fn human(&self, out: &mut TextReport) {
        if self.runs.is_empty() {
            out.line(match self.never_fires {
                true => "This schedule never runs: no date matches it.",
                false => "This schedule does not run in the next five years, and the worker does not search further.",
            });
            return;
        }
        let rows = self.runs.iter().map(|run| vec![run.utc.clone(), run.local.clone()]);
        let heading = vec!["UTC".to_owned(), self.timezone.clone()];
        // One column is enough if both are the same.
        let width = if self.timezone == "UTC" { 1 } else { 2 };
        let rows = std::iter::once(heading).chain(rows).map(|row| row[..width].to_vec());
        out.table(&rows.collect::<Vec<_>>());
    }
}
