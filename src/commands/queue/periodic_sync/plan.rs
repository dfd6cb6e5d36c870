//! What is done about each schedule, of those that the code defines and those that the database has. Pure.

use std::collections::BTreeMap;
use std::error::Error;

use chrono::DateTime;
use chrono::Utc;
use jiff::tz::TimeZoneDatabase;
use reproq_queue::routing::QueueRouting;
use reproq_queue::schedules::ScheduleChange;
use reproq_queue::spec::PeriodicPayload;
use reproq_queue::spec::read_json;
use reproq_queue::stats::ScheduleRow;
use serde::Serialize;

use crate::commands::queue::periodic_set::has_nul;
use crate::django::RecurringSchedule;

/// The schedules of the code, by name.
pub(super) type CodeSchedules<'a> = BTreeMap<&'a str, &'a RecurringSchedule>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SyncAction {
    Create,
    Change,
    /// It is not defined by the code.
    Disable,
    /// It is as the code defines it.
    Keep,
    /// It is not defined by the code, and left as it is.
    Leave,
    /// It belongs into another database.
    Elsewhere,
    /// The worker could not run it.
    Refuse,
}

/// What is done about one schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlannedSchedule {
    pub(super) name: String,
    pub(super) action: SyncAction,
    /// Why nothing is done, or why it is disabled.
    pub(super) reason: Option<String>,
    /// The schedule as it was read.
    pub(super) before: Option<ScheduleRow>,
    /// What is written; `None` if nothing is.
    pub(super) new: Option<ScheduleRow>,
}

/// What the plan depends on, apart from the schedules.
pub(super) struct SyncRules<'a> {
    pub(super) routing: &'a QueueRouting,
    /// The alias of the database that is synchronized.
    pub(super) target: &'a str,
    pub(super) disable_missing: bool,
    /// The time of the database.
    pub(super) now: DateTime<Utc>,
    pub(super) zones: &'a TimeZoneDatabase,
}

/// Every schedule of the code, then those that it does not define.
pub(super) fn plan(
    code: &CodeSchedules<'_>,
    existing: &BTreeMap<&str, &ScheduleRow>,
    rules: &SyncRules<'_>,
) -> Vec<PlannedSchedule> {
    let defined = code.iter().map(|(name, schedule)| rules.of_code(schedule, existing.get(name).copied()));
    let others = existing.iter().filter(|(name, _)| !code.contains_key(*name)).map(|(_, row)| rules.of_others(row));
    defined.chain(others).collect()
}

impl SyncRules<'_> {
    fn of_code(&self, schedule: &RecurringSchedule, row: Option<&ScheduleRow>) -> PlannedSchedule {
        let planned = |action, reason, new| PlannedSchedule {
            name: schedule.key.clone(),
            action,
            reason,
            before: row.cloned(),
            new,
        };
        if let Some(reason) = self.elsewhere(&schedule.queue_name) {
            return planned(SyncAction::Elsewhere, Some(reason), None);
        }
        match self.wanted(schedule, row) {
            Err(reason) => planned(SyncAction::Refuse, Some(reason), None),
            Ok(new) if Some(&new) == row => planned(SyncAction::Keep, None, None),
            Ok(new) if row.is_some() => planned(SyncAction::Change, None, Some(new)),
            Ok(new) => planned(SyncAction::Create, None, Some(new)),
        }
    }

    fn of_others(&self, row: &ScheduleRow) -> PlannedSchedule {
        let is_disabled = self.disable_missing && row.enabled;
        PlannedSchedule {
            name: row.name.clone(),
            action: if is_disabled { SyncAction::Disable } else { SyncAction::Leave },
            reason: Some("the code does not define it".to_owned()),
            before: Some(row.clone()),
            new: is_disabled.then(|| ScheduleRow { enabled: false, ..row.clone() }),
        }
    }

    /// Why a queue is not in the database; `None` if it is.
    fn elsewhere(&self, queue: &str) -> Option<String> {
        let route = self.routing.route_of(queue);
        (route.alias != self.target)
            .then(|| format!("its queue {queue} is in {route}: use `--database {}`", route.alias))
    }

    /// The row that the code asks for, or why the worker could not run it.
    fn wanted(&self, schedule: &RecurringSchedule, row: Option<&ScheduleRow>) -> Result<ScheduleRow, String> {
        if schedule.key.is_empty() {
            return Err("it has no name".to_owned());
        }
        let payload = PeriodicPayload::read(&schedule.payload).map_err(|error| error.to_string())?;
        if read_json(&schedule.payload).is_ok_and(|payload| has_nul(&payload)) {
            return Err("its arguments contain U+0000, which PostgreSQL does not store".to_owned());
        }
        change(schedule, &payload).apply(row, self.now, self.zones).map_err(|error| {
            let cause = error.source().map(|cause| format!(": {cause}"));
            format!("{error}{}", cause.unwrap_or_default())
        })
    }
}

/// Everything that Django's `sync-recurring` writes, except for the next run.
fn change(schedule: &RecurringSchedule, payload: &PeriodicPayload) -> ScheduleChange {
    ScheduleChange {
        name: schedule.key.clone(),
        cron_expr: Some(schedule.schedule.clone()),
        task_path: Some(schedule.task_path.clone()),
        args: Some(payload.args().to_owned()),
        kwargs: Some(payload.kwargs().to_owned()),
        queue_name: Some(schedule.queue_name.clone()),
        priority: Some(schedule.priority),
        max_attempts: Some(schedule.max_attempts),
        concurrency_key: Some(schedule.concurrency_key.clone().unwrap_or_default()),
        concurrency_limit: Some(schedule.concurrency_limit),
        enabled: Some(schedule.enabled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(key: &str, cron: &str, queue: &str) -> RecurringSchedule {
        RecurringSchedule {
            key: key.to_owned(),
            schedule: cron.to_owned(),
            task_path: format!("shop.tasks.{key}"),
            payload: r#"{"args": [], "kwargs": {}}"#.to_owned(),
            queue_name: queue.to_owned(),
            priority: 0,
            max_attempts: 3,
            concurrency_key: None,
            concurrency_limit: 0,
            enabled: true,
        }
    }

    fn planned(code: &[RecurringSchedule], rows: &[ScheduleRow], disable_missing: bool) -> Vec<PlannedSchedule> {
        let routes = [("m*", "default"), ("mail", "mail"), ("*", "other"), ("d*", "default")];
        let routing = QueueRouting::new("default", routes.map(|(name, alias)| (name.to_owned(), alias.to_owned())));
        let zones = TimeZoneDatabase::bundled();
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let rules = SyncRules { routing: &routing, target: "default", disable_missing, now, zones: &zones };
        let code = code.iter().map(|schedule| (schedule.key.as_str(), schedule)).collect();
        let rows = rows.iter().map(|row| (row.name.as_str(), row)).collect();
        plan(&code, &rows, &rules)
    }

    fn actions(planned: &[PlannedSchedule]) -> Vec<(&str, SyncAction)> {
        planned.iter().map(|it| (it.name.as_str(), it.action)).collect()
    }

    /// The rows that a first run creates.
    fn created(code: &[RecurringSchedule]) -> Vec<ScheduleRow> {
        planned(code, &[], false).into_iter().filter_map(|it| it.new).collect()
    }

    #[test]
    fn each_schedule_has_one_action() {
        let code = [
            schedule("a", "0 2 * * *", "medium"),
            schedule("b", "0 2 * * *", "mail"),
            schedule("c", "0 2 * * *", "default"),
            schedule("d", "0 0 31 2 *", "m"),
            schedule("e", "0 0 * * 7", "m"),
            RecurringSchedule {
                payload: r#"{"args": ["\u0000"], "kwargs": {}}"#.to_owned(),
                ..schedule("f", "0 2 * * *", "m")
            },
            schedule("", "0 2 * * *", "m"),
        ];
        let first = planned(&code, &[], false);
        use SyncAction::{Create, Elsewhere, Refuse};
        let expected = [
            ("", Refuse),
            ("a", Create),
            ("b", Elsewhere),
            ("c", Elsewhere),
            ("d", Refuse),
            ("e", Refuse),
            ("f", Refuse),
        ];
        assert_eq!(actions(&first), expected);
        let reason = |index: usize| first.get(index).and_then(|it| it.reason.as_deref()).unwrap_or_default();
        assert_eq!(
            reason(3),
            "its queue default is in the database `other`, by `*` in REPROQ_QUEUE_DATABASES: use `--database other`",
            "the first pattern that matches counts"
        );
        assert!(first.iter().all(|it| it.new.is_some() == (it.action == Create)), "{first:#?}");
    }

    #[test]
    fn what_is_as_defined_is_kept_and_the_rest_is_changed_once() {
        let code = [schedule("a", "0 2 * * *", "m"), schedule("b", "0 3 * * *", "m")];
        let rows = created(&code);
        assert_eq!(actions(&planned(&code, &rows, true)), [("a", SyncAction::Keep), ("b", SyncAction::Keep)]);
        let mut changed = rows.clone();
        changed[1].priority = 9;
        let again = planned(&code, &changed, false);
        assert_eq!(actions(&again), [("a", SyncAction::Keep), ("b", SyncAction::Change)]);
        assert_eq!((again[1].before.as_ref(), again[1].new.as_ref()), (Some(&changed[1]), Some(&rows[1])));
    }

    #[test]
    fn what_the_code_does_not_define_is_left_unless_it_is_to_be_disabled() {
        let mut rows = created(&[schedule("on", "0 2 * * *", "m"), schedule("off", "0 2 * * *", "m")]);
        rows.iter_mut().for_each(|row| row.enabled = row.name == "on");
        let left = planned(&[], &rows, false);
        assert_eq!(actions(&left), [("off", SyncAction::Leave), ("on", SyncAction::Leave)]);
        let disabled = planned(&[], &rows, true);
        assert_eq!(actions(&disabled), [("off", SyncAction::Leave), ("on", SyncAction::Disable)]);
        assert_eq!(disabled[1].new.as_ref().map(|row| row.enabled), Some(false));
    }
}
