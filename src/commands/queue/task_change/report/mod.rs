//! What a change of tasks did, or would do.

mod text;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use reproq_queue::changes::ChangeRefusal;
use reproq_queue::changes::ObservedTask;
use reproq_queue::changes::RefusedTask;
use reproq_queue::changes::TaskStep;
use reproq_queue::changes::TaskToChange;
use reproq_queue::write::TaskWrite;
use serde::Serialize;

use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

/// The tasks of each outcome that are listed one by one.
const LISTED: usize = 100;

/// The different tasks, and the ids of a reason, that are listed.
const KINDS: usize = 200;
const EXAMPLES: usize = 10;

#[derive(Debug, Serialize)]
pub(super) struct TaskChangeReport {
    command: &'static str,
    pub(super) dry_run: bool,
    /// Tasks that were changed; in a dry run, that would be.
    pub(super) changed: usize,
    /// Tasks that are left as they are, as expected.
    kept: usize,
    /// Tasks that are left as they are for another reason.
    skipped: usize,
    /// Tasks of the plan that the run did not reach.
    pub(super) left: usize,
    /// Other tasks of their workflows that were changed with them.
    followed: u64,
    /// Whether more tasks match.
    pub(super) more: bool,
    /// Whether what was changed was read again.
    pub(super) verified: bool,
    kinds: Vec<KindRow>,
    reasons: Vec<ReasonRow>,
    tasks: Vec<TaskRow>,
    /// The number of tasks that are not listed.
    unlisted: usize,
    pub(super) paused_queues: Vec<String>,
    /// How the tasks ended that were asked to stop, with `--wait`.
    ends: Vec<EndRow>,
    pub(super) audit: Option<String>,
    #[serde(skip)]
    done: &'static str,
    #[serde(skip)]
    is_bulk: bool,
    #[serde(skip)]
    step_counts: BTreeMap<TaskStep, usize>,
    #[serde(skip)]
    kind_counts: BTreeMap<(TaskStep, String, String), usize>,
    #[serde(skip)]
    listed: BTreeMap<TaskOutcome, usize>,
    /// The tasks that are asked to stop now, or were before.
    #[serde(skip)]
    asked: BTreeSet<i64>,
    /// Tasks that were left out when the plan was made.
    #[serde(skip)]
    refused_before: usize,
}

/// How many tasks of a kind are changed.
#[derive(Debug, Serialize)]
struct KindRow {
    step: TaskStep,
    queue_name: String,
    task_path: String,
    tasks: usize,
}

/// How many tasks are left as they are for a reason.
#[derive(Debug, Serialize)]
struct ReasonRow {
    outcome: TaskOutcome,
    message: String,
    tasks: usize,
    /// The first of them.
    ids: Vec<i64>,
}

#[derive(Debug, Serialize)]
struct TaskRow {
    id: i64,
    queue_name: Option<String>,
    task_path: Option<String>,
    outcome: TaskOutcome,
    /// The status before.
    status: Option<&'static str>,
    step: Option<TaskStep>,
    /// The status after.
    becomes: Option<&'static str>,
    refusal: Option<ChangeRefusal>,
    note: Option<String>,
}

#[derive(Debug, Serialize)]
struct EndRow {
    id: i64,
    end: CancelEnd,
}

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum TaskOutcome {
    Planned,
    Changed,
    Kept,
    Skipped,
}

/// How a task ended that was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CancelEnd {
    /// Its worker saw the request.
    Stopped,
    /// It succeeded before.
    Finished,
    /// It failed before.
    Failed,
    /// It failed before, and was cancelled before its next attempt.
    Cancelled,
    /// The request was taken back.
    RunsAgain,
    /// Its row no longer exists.
    Deleted,
    /// It still runs.
    Pending,
}

impl TaskChangeReport {
    pub(super) fn new(command: &'static str, done: &'static str, dry_run: bool, is_bulk: bool) -> Self {
        Self {
            command,
            dry_run,
            changed: 0,
            kept: 0,
            skipped: 0,
            left: 0,
            followed: 0,
            more: false,
            verified: !dry_run,
            kinds: Vec::new(),
            reasons: Vec::new(),
            tasks: Vec::new(),
            unlisted: 0,
            paused_queues: Vec::new(),
            ends: Vec::new(),
            audit: None,
            done,
            is_bulk,
            step_counts: BTreeMap::new(),
            kind_counts: BTreeMap::new(),
            listed: BTreeMap::new(),
            asked: BTreeSet::new(),
            refused_before: 0,
        }
    }

    /// The report of carrying out this plan: what was refused stays refused.
    pub(super) fn applied(self) -> Self {
        let mut report = Self::new(self.command, self.done, false, self.is_bulk);
        report.tasks = self.tasks.into_iter().filter(|row| row.refusal.is_some()).collect();
        report.listed = self.listed.into_iter().filter(|(outcome, _)| *outcome != TaskOutcome::Planned).collect();
        report.unlisted = (self.kept + self.skipped).saturating_sub(report.tasks.len());
        report.refused_before = self.kept + self.skipped;
        Self {
            kept: self.kept,
            skipped: self.skipped,
            more: self.more,
            reasons: self.reasons,
            asked: self.asked,
            ..report
        }
    }

    /// Adds a task that is changed, or would be.
    pub(super) fn change(&mut self, it: &TaskToChange) {
        self.changed += 1;
        let (task, step) = (&it.task, it.step);
        if step == TaskStep::RequestCancel {
            self.asked.insert(task.result_id);
        }
        *self.step_counts.entry(step).or_default() += 1;
        let key = (step, task.queue_name.clone(), task.task_path.clone());
        if self.kind_counts.len() < KINDS || self.kind_counts.contains_key(&key) {
            *self.kind_counts.entry(key).or_default() += 1;
        }
        let outcome = if self.dry_run { TaskOutcome::Planned } else { TaskOutcome::Changed };
        self.list(TaskRow {
            id: task.result_id,
            queue_name: Some(task.queue_name.clone()),
            task_path: Some(task.task_path.clone()),
            outcome,
            status: Some(task.status.as_str()),
            step: Some(step),
            becomes: Some(step.result().as_str()),
            refusal: None,
            note: note(task, step),
        });
    }

    /// Adds a task that is left as it is.
    pub(super) fn refuse(&mut self, it: RefusedTask) {
        let RefusedTask { id, task, refusal } = it;
        // A user who names a task wants it changed; only the wish of a request is fulfilled already.
        let is_expected =
            if self.is_bulk { refusal.is_expected_in_bulk() } else { refusal == ChangeRefusal::AlreadyRequested };
        let outcome = if is_expected { TaskOutcome::Kept } else { TaskOutcome::Skipped };
        if refusal == ChangeRefusal::AlreadyRequested {
            self.asked.insert(id);
        }
        *(if is_expected { &mut self.kept } else { &mut self.skipped }) += 1;
        let message = refusal.in_general();
        let index = self.reasons.iter().position(|it| it.message == message).unwrap_or(self.reasons.len());
        if index == self.reasons.len() {
            self.reasons.push(ReasonRow { outcome, message, tasks: 0, ids: Vec::new() });
        }
        let row = &mut self.reasons[index];
        row.tasks += 1;
        if row.ids.len() < EXAMPLES {
            row.ids.push(id);
        }
        self.list(TaskRow {
            id,
            queue_name: task.as_ref().map(|task| task.queue_name.clone()),
            task_path: task.as_ref().map(|task| task.task_path.clone()),
            outcome,
            status: task.as_ref().map(|task| task.status.as_str()),
            step: None,
            becomes: None,
            note: Some(refusal.to_string()),
            refusal: Some(refusal),
        });
    }

    /// Adds a batch.
    pub(super) fn written(&mut self, written: TaskWrite) {
        self.followed += written.followed;
        written.changed.iter().for_each(|it| self.change(it));
        written.refused.into_iter().for_each(|it| self.refuse(it));
    }

    fn list(&mut self, row: TaskRow) {
        let listed = self.listed.entry(row.outcome).or_default();
        if *listed < LISTED {
            *listed += 1;
            self.tasks.push(row);
        } else {
            self.unlisted += 1;
        }
    }

    /// The tasks of the plan that were changed or left as they are while it was carried out.
    pub(super) const fn settled_of_plan(&self) -> usize {
        self.changed + (self.kept + self.skipped).saturating_sub(self.refused_before)
    }

    /// The tasks whose worker is to stop them.
    pub(super) fn asked_to_stop(&self) -> Vec<i64> {
        self.asked.iter().copied().collect()
    }

    /// Adds how a task ended.
    pub(super) fn end(&mut self, id: i64, end: CancelEnd) {
        if self.ends.len() < LISTED {
            self.ends.push(EndRow { id, end });
        }
    }

    /// The queues of changed tasks.
    pub(super) fn queues(&self) -> BTreeSet<String> {
        self.kind_counts.keys().map(|(_, queue, _)| queue.clone()).collect()
    }

    /// The reason, if the only task that the user named is left as it is.
    pub(super) fn only_refusal(&self) -> Option<(i64, &ChangeRefusal)> {
        let [row] = &self.tasks[..] else { return None };
        let is_only = !self.is_bulk && self.unlisted == 0 && row.outcome == TaskOutcome::Skipped;
        row.refusal.as_ref().filter(|_| is_only).map(|refusal| (row.id, refusal))
    }

    /// Puts everything in the order of ids.
    pub(super) fn sort(&mut self) {
        self.tasks.sort_by_key(|row| row.id);
        self.ends.sort_by_key(|row| row.id);
        self.kinds = self.kind_rows();
    }

    fn kind_rows(&self) -> Vec<KindRow> {
        let rows = self.kind_counts.iter().map(|((step, queue, path), tasks)| KindRow {
            step: *step,
            queue_name: queue.clone(),
            task_path: path.clone(),
            tasks: *tasks,
        });
        let mut rows: Vec<KindRow> = rows.collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.tasks));
        rows
    }

    /// Whether nothing is known about any task.
    pub(super) const fn is_empty(&self) -> bool {
        self.changed + self.kept + self.skipped == 0
    }

    /// The exit status.
    pub(super) fn status(&self, failure: Option<&CommandError>, exit_code: bool) -> ExitStatus {
        match failure {
            Some(failure) if failure.status == ExitStatus::Interrupted => ExitStatus::Interrupted,
            Some(failure) if failure.status == ExitStatus::Unavailable && self.left == 0 => ExitStatus::Unavailable,
            Some(_) if self.changed > 0 => ExitStatus::Partial,
            Some(failure) => failure.status,
            None if self.dry_run && exit_code && self.changed > 0 => ExitStatus::Pending,
            None if self.dry_run => ExitStatus::Success,
            None if self.skipped > 0 => ExitStatus::Partial,
            None => ExitStatus::Success,
        }
    }
}

/// What to do about a running task if no worker holds it, so that none will see a request.
pub(super) fn lost_lease(task: &ObservedTask) -> Option<String> {
    let id = task.result_id;
    match task.leased_until {
        None => Some(format!("it has no lease: `reproq task reclaim {id} --include-missing` ends it")),
        Some(until) if until < task.now => Some(format!("its lease has expired: `reproq task reclaim {id}` ends it")),
        Some(_) => None,
    }
}

/// What is worth knowing about a change.
fn note(task: &ObservedTask, step: TaskStep) -> Option<String> {
    match step {
        TaskStep::Retry => Some(format!("attempt {} of {}", task.attempts + 1, task.max_attempts_of_retry())),
        TaskStep::RequestCancel => Some(match lost_lease(task) {
            Some(hint) => hint,
            None => {
                let by = task.leased_by.as_deref().unwrap_or("an unknown worker");
                format!("{by} sees the request at its next heartbeat")
            }
        }),
        TaskStep::Requeue | TaskStep::GiveUp => {
            Some(format!("after attempt {} of {}", task.attempts, task.max_attempts))
        }
        TaskStep::Cancel | TaskStep::Discard => None,
    }
}
