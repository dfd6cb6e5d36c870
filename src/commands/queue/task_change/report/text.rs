//! The text form of the report.

use reproq_queue::changes::TaskStep;

use super::CancelEnd;
use super::TaskChangeReport;
use super::TaskOutcome;
use crate::commands::queue::table;
use crate::model::text::count;
use crate::ui::Report;
use crate::ui::TextReport;

/// The tasks that are shown one by one in the text form; above that, their numbers are.
const SHOWN: usize = 20;

impl Report for TaskChangeReport {
    const SCHEMA: &'static str = "reproq.task-change/1";

    fn human(&self, out: &mut TextReport) {
        if self.is_empty() {
            if !out.is_quiet() {
                out.line("No task matches.");
            }
            return;
        }
        if self.tasks.len() + self.unlisted <= SHOWN {
            self.rows(out);
        } else {
            self.numbers(out);
        }
        for row in &self.ends {
            out.line(&format!("Task {} {}.", row.id, row.end.sentence()));
        }
        if !out.is_quiet() {
            out.blank();
            out.line(&self.summary());
        }
    }
}

impl TaskChangeReport {
    /// Each task in sentences, for a narrow place.
    pub(in crate::commands::queue::task_change) fn sentences(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for row in &self.tasks {
            if let (Some(path), Some(queue)) = (&row.task_path, &row.queue_name) {
                lines.push(format!("Task {} ({path}) in queue {queue}", row.id));
            } else {
                lines.push(format!("Task {}", row.id));
            }
            if let (Some(status), Some(becomes)) = (row.status, row.becomes) {
                lines.push(format!("  {}: {status} → {becomes}", row.outcome.word(row.step)));
            }
            if let Some(note) = &row.note {
                let outcome = if row.step.is_none() { "left as it is: " } else { "" };
                lines.push(format!("  {outcome}{note}"));
            }
        }
        lines.extend(
            self.paused_queues
                .iter()
                .map(|queue| format!("Queue {queue} is paused: the task waits until it is resumed.")),
        );
        lines.push(self.summary());
        lines
    }

    /// Each task.
    fn rows(&self, out: &mut TextReport) {
        let rows = self.tasks.iter().map(|row| {
            let or_dash = |value: Option<&str>| value.unwrap_or("-").to_owned();
            vec![
                row.id.to_string(),
                or_dash(row.queue_name.as_deref()),
                or_dash(row.task_path.as_deref()),
                or_dash(row.status),
                or_dash(row.becomes),
                row.outcome.word(row.step).to_owned(),
                row.note.clone().unwrap_or_default(),
            ]
        });
        out.table(&table(&["ID", "QUEUE", "TASK", "STATUS", "BECOMES", "RESULT", "NOTE"], rows));
    }

    /// The number of tasks of each kind, and of each reason.
    fn numbers(&self, out: &mut TextReport) {
        let rows = self.kind_rows().into_iter().take(SHOWN).map(|row| {
            let result = row.step.result();
            vec![row.tasks.to_string(), row.queue_name, row.task_path, result.as_str().to_owned()]
        });
        out.table(&table(&["TASKS", "QUEUE", "TASK", "BECOMES"], rows));
        for row in &self.reasons {
            let ids: Vec<String> = row.ids.iter().map(ToString::to_string).collect();
            let more = if row.tasks > row.ids.len() { ", …" } else { "" };
            let outcome = row.outcome.word(None);
            out.line(&format!("{} {outcome}: {} ({}{more})", count(row.tasks, "task"), row.message, ids.join(", ")));
        }
    }

    fn summary(&self) -> String {
        let steps = self.step_counts.iter().map(|(step, tasks)| format!("{tasks} {}", step.done()));
        let mut parts: Vec<String> = steps.collect();
        if parts.is_empty() {
            parts.push(format!("0 {}", self.done));
        }
        if self.followed > 0 {
            parts.push(format!("{} with their workflow", self.followed));
        }
        for (number, what) in [(self.kept, "kept"), (self.skipped, "skipped"), (self.left, "not reached")] {
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        }
        let list = parts.join(", ");
        match (self.dry_run, self.verified) {
            (true, _) => format!("Planned: {list}. Nothing was changed."),
            (false, true) => format!("Verified: {list}."),
            (false, false) => format!("Not verified: {list}."),
        }
    }
}

impl TaskOutcome {
    const fn word(self, step: Option<TaskStep>) -> &'static str {
        match (self, step) {
            (Self::Planned, _) => "planned",
            (Self::Changed, Some(step)) => step.done(),
            (Self::Changed, None) => "changed",
            (Self::Kept, _) => "kept",
            (Self::Skipped, _) => "skipped",
        }
    }
}

impl CancelEnd {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Stopped => "was stopped",
            Self::Finished => "succeeded before its worker saw the request",
            Self::Failed => "failed before its worker saw the request",
            Self::Cancelled => "failed before its worker saw the request, and was cancelled before its next attempt",
            Self::RunsAgain => "was given back: the request was withdrawn",
            Self::Deleted => "no longer exists",
            Self::Pending => "still runs",
        }
    }
}
