//! What `reproq periodic sync` does, or has done, about each schedule.

use serde::Serialize;

use super::plan::PlannedSchedule;
use super::plan::SyncAction;
use crate::commands::queue::periodic_change::ScheduleValues;
use crate::model::text::count;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
pub(super) struct PeriodicSyncReport {
    pub(super) dry_run: bool,
    /// The settings module of Django.
    pub(super) settings_module: String,
    pub(super) schedules: Vec<SyncRow>,
    pub(super) planned: usize,
    pub(super) changed: usize,
    /// Whether what was changed was read again.
    pub(super) verified: bool,
    pub(super) audit: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct SyncRow {
    pub(super) name: String,
    action: SyncAction,
    pub(super) state: SyncState,
    /// Why nothing is done.
    reason: Option<String>,
    /// The schedule as it was.
    pub(super) before: Option<ScheduleValues>,
    /// The schedule as the code defines it.
    pub(super) after: Option<ScheduleValues>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SyncState {
    /// Nothing is to be done.
    Nothing,
    /// It would be done, or the run ended before.
    Planned,
    Done,
    /// Another session changed it meanwhile, and it was left as it is.
    Conflict,
}

impl SyncRow {
    pub(super) fn new(planned: &PlannedSchedule) -> Self {
        let before = planned.before.as_ref().map(ScheduleValues::of);
        Self {
            name: planned.name.clone(),
            action: planned.action,
            state: if planned.new.is_some() { SyncState::Planned } else { SyncState::Nothing },
            reason: planned.reason.clone(),
            after: planned.new.as_ref().map(ScheduleValues::of).or_else(|| before.clone()),
            before,
        }
    }

    /// Whether it is not as the code defines it.
    pub(super) fn is_wrong(&self) -> bool {
        self.action == SyncAction::Refuse || self.state == SyncState::Conflict
    }

    fn action(&self) -> &'static str {
        match (self.action, self.state) {
            (_, SyncState::Conflict) => "left",
            (SyncAction::Create, SyncState::Done) => "created",
            (SyncAction::Change, SyncState::Done) => "changed",
            (SyncAction::Disable, SyncState::Done) => "disabled",
            (SyncAction::Create, _) => "create",
            (SyncAction::Change, _) => "change",
            (SyncAction::Disable, _) => "disable",
            (SyncAction::Keep, _) => "keep",
            (SyncAction::Leave, _) => "leave",
            (SyncAction::Elsewhere, _) => "skip",
            (SyncAction::Refuse, _) => "refuse",
        }
    }
}

impl Report for PeriodicSyncReport {
    const SCHEMA: &'static str = "reproq.periodic-sync/1";

    fn human(&self, out: &mut TextReport) {
        for row in &self.schedules {
            let reason = match row.state {
                SyncState::Conflict => Some("it changed in the meantime"),
                SyncState::Nothing | SyncState::Planned | SyncState::Done => row.reason.as_deref(),
            };
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            out.line(&format!("{:<8} {}{reason}", row.action(), row.name));
            if matches!(row.action, SyncAction::Create | SyncAction::Change)
                && let Some(after) = &row.after
            {
                for line in after.differences(row.before.as_ref()) {
                    out.line(&format!("           {line}"));
                }
            }
        }
        if !self.schedules.is_empty() {
            out.blank();
        }
        out.line(&self.summary());
    }
}

impl PeriodicSyncReport {
    fn summary(&self) -> String {
        let schedules = count(self.planned, "schedule");
        match (self.planned, self.dry_run, self.verified) {
            (0, ..) if self.schedules.is_empty() => {
                "The code defines no schedules, and the database has none.".to_owned()
            }
            (0, ..) => "Nothing to do.".to_owned(),
            (_, true, _) => format!("{schedules} would be changed; nothing was changed."),
            (planned, false, true) if self.changed == planned => format!("Verified: {schedules} changed."),
            (_, false, _) if self.audit.is_some() => format!("{} of {schedules} changed.", self.changed),
            (_, false, _) => format!("{schedules} to change."),
        }
    }
}
