//! What `reproq queue move` does, or has done.

use reproq_queue::moves::MovedTask;
use serde::Serialize;

use super::plan::MoveGoal;
use super::plan::MoveStep;
use super::plan::QueueRoute;
use crate::commands::queue::table;
use crate::model::text::count;
use crate::model::text::shell_word;
use crate::ui::Report;
use crate::ui::TextReport;

/// The most tasks that are listed. All of them are in the audit record, and each row in the source names its copy.
const LISTED: usize = 1000;

/// The tasks that are shown in the text form.
const SHOWN: usize = 20;

#[derive(Debug, Serialize)]
pub(super) struct QueueMoveReport {
    pub(super) queue: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) goal: MoveGoal,
    pub(super) dry_run: bool,
    pub(super) steps: Vec<StepRow>,
    /// The number of tasks that the plan is about.
    pub(super) planned: usize,
    pub(super) copied: usize,
    pub(super) moved: usize,
    /// Tasks that did not run in the target because one that is the same was there.
    pub(super) deduplicated: usize,
    /// Copies that were cancelled.
    pub(super) cancelled: usize,
    /// The first tasks, with their ids in both databases.
    pub(super) tasks: Vec<MovedTask>,
    /// Tasks that were enqueued meanwhile and have not moved.
    pub(super) left: usize,
    /// Where Django enqueues, if it was asked.
    pub(super) route: Option<QueueRoute>,
    /// What the settings must say; `None` if they do.
    pub(super) setting: Option<String>,
    pub(super) notes: Vec<String>,
    /// Whether both databases were read again, and are as they should be.
    pub(super) verified: bool,
    pub(super) audit: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct StepRow {
    #[serde(flatten)]
    pub(super) step: MoveStep,
    pub(super) summary: String,
    pub(super) done: bool,
}

impl QueueMoveReport {
    /// Keeps the first tasks.
    pub(super) fn list(&mut self, tasks: &[MovedTask]) {
        let room = LISTED.saturating_sub(self.tasks.len());
        self.tasks.extend(tasks.iter().take(room));
    }
}

impl StepRow {
    pub(super) fn new(step: MoveStep, from: &str, to: &str) -> Self {
        let tasks = |number: usize| count(number, "task");
        let number = |tasks: i64| usize::try_from(tasks).unwrap_or(0);
        let summary = match step {
            MoveStep::PauseSource => format!("pause the queue in {from}"),
            MoveStep::PauseTarget => format!("pause the queue in {to}"),
            MoveStep::Drain { running: 0 } => format!("wait until nothing runs in {from}"),
            MoveStep::Drain { running } => {
                format!("wait until nothing runs in {from}; now {}", tasks(number(running)))
            }
            MoveStep::Copy { tasks: 0 } => format!("copy what is new to {to}"),
            MoveStep::Copy { tasks: copied } => format!("copy {} to {to}, where nobody claims them yet", tasks(copied)),
            MoveStep::Switch => format!("give up each task in {from}, and release its copy in {to}"),
            MoveStep::CancelCopies { tasks: copies } => format!("cancel the copies of {} in {to}", tasks(copies)),
            MoveStep::ResumeTarget => format!("resume the queue in {to}"),
            MoveStep::ResumeSource => format!("resume the queue in {from}"),
        };
        Self { step, summary, done: false }
    }
}

impl Report for QueueMoveReport {
    const SCHEMA: &'static str = "reproq.queue-move/1";

    fn human(&self, out: &mut TextReport) {
        out.line(&format!("Queue {}, from {} to {}:", self.queue, self.from, self.to));
        let has_begun = self.audit.is_some();
        let rows = self.steps.iter().enumerate().map(|(index, row)| {
            let done = if row.done {
                "done"
            } else if has_begun {
                "not done"
            } else {
                ""
            };
            vec![format!("{}.", index + 1), row.summary.clone(), done.to_owned()]
        });
        out.table(&rows.collect::<Vec<_>>());
        for note in &self.notes {
            out.line(&format!("note: {note}"));
        }
        if !self.tasks.is_empty() {
            out.blank();
            let ids = |id: i64| id.to_string();
            let heading = [format!("ID IN {}", self.from), format!("ID IN {}", self.to)];
            let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
            let rows = self.tasks.iter().take(SHOWN).map(|task| vec![ids(task.from), ids(task.to)]);
            out.table(&table(&heading, rows));
            if self.tasks.len() > SHOWN {
                out.faint("The audit record has the rest.");
            }
        }
        out.blank();
        out.line(&self.summary());
        if self.verified || self.steps.is_empty() {
            self.next(out);
        }
    }
}

impl QueueMoveReport {
    fn summary(&self) -> String {
        let tasks = |number| count(number, "task");
        let verified = if self.verified { "Verified: " } else { "" };
        if self.steps.is_empty() {
            return match self.goal {
                MoveGoal::Prepare => format!("Nothing to do: {} are copied.", tasks(self.planned)),
                MoveGoal::Finish | MoveGoal::Undo => "Nothing to do.".to_owned(),
            };
        }
        if self.dry_run {
            return format!("{} would be affected; nothing was changed.", tasks(self.planned));
        }
        if self.audit.is_none() {
            return match self.goal {
                MoveGoal::Prepare => format!("{} to copy; nothing moves yet.", tasks(self.planned)),
                MoveGoal::Finish => format!("{} to move. This cannot be undone.", tasks(self.planned)),
                MoveGoal::Undo if self.planned == 1 => "1 copy to cancel.".to_owned(),
                MoveGoal::Undo => format!("{} copies to cancel.", self.planned),
            };
        }
        let cancelled = match self.cancelled {
            0 => String::new(),
            1 => ", 1 copy cancelled".to_owned(),
            copies => format!(", {copies} copies cancelled"),
        };
        match self.goal {
            MoveGoal::Prepare => format!("{verified}{} copied; nothing has moved yet.", tasks(self.copied)),
            MoveGoal::Finish => {
                let same = match self.deduplicated {
                    0 => String::new(),
                    number => format!(", {number} of them cancelled because the same task is there"),
                };
                let left = match self.left {
                    0 => String::new(),
                    number => format!(", {} left: run the command again", tasks(number)),
                };
                format!("{verified}{} moved{same}{cancelled}{left}.", tasks(self.moved))
            }
            MoveGoal::Undo => {
                let moved = match self.moved {
                    0 => String::new(),
                    number => format!(", {} had moved already", tasks(number)),
                };
                format!("{verified}the move is undone{cancelled}{moved}.")
            }
        }
    }

    /// What is left to do by hand.
    fn next(&self, out: &mut TextReport) {
        if self.goal != MoveGoal::Prepare || out.is_quiet() {
            return;
        }
        let (queue, to) = (shell_word(&self.queue), shell_word(&self.to));
        out.line("Then:");
        if let Some(setting) = &self.setting {
            out.line(&format!("  in Django's settings, and restart it: {setting}"));
        }
        out.line(&format!("  reproq worker --database {to} -- --queues {queue}"));
        let from = if self.from == "default" { String::new() } else { format!(" --from {}", shell_word(&self.from)) };
        out.line(&format!("  reproq queue move {queue} --to {to}{from} --finish"));
        out.line("With `--undo` instead of `--finish`, nothing moves.");
    }
}
