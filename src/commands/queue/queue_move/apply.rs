//! Carries out the steps of a plan. Every transaction is in one database, and leaves what the table in `plan` describes.

use std::time::Duration;

use reproq_queue::moves::MoveEnd;
use reproq_queue::moves::MovedTask;
use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::write;
use reproq_queue::write::Written;

use super::plan::MoveFacts;
use super::plan::MoveGoal;
use super::plan::MovePlan;
use super::plan::MoveStep;
use super::report::QueueMoveReport;
use crate::commands::database::Database;
use crate::commands::hints;
use crate::commands::queue::changed_meanwhile;
use crate::commands::queue::record::QueueAction;
use crate::commands::queue::record::QueueRecord;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::model::text::shell_word;

/// The tasks of a transaction.
const BATCH: usize = 500;

/// The most tasks that are listed at a time.
const MOST: i64 = 1_000_000;

/// How often tasks are looked for that were enqueued, or became READY, since the last time.
const ROUNDS: usize = 20;

/// How often a release is tried again because an equal task was enqueued at the same moment.
const TRIES: usize = 5;

/// How often running tasks are counted.
const LOOK: Duration = Duration::from_millis(500);

/// A move that is carried out.
pub(super) struct MoveRun<'a> {
    pub(super) facts: &'a MoveFacts,
    pub(super) source: &'a Database,
    pub(super) target: &'a Database,
    pub(super) wait: Duration,
    pub(super) record: QueueRecord,
    pub(super) session: &'a Session<'a>,
}

impl MoveRun<'_> {
    /// Does all steps, reads both databases again, and ends the record.
    pub(super) async fn carry_out(
        &mut self,
        plan: &MovePlan,
        report: &mut QueueMoveReport,
    ) -> Result<(), CommandError> {
        let result = self.all_steps(plan, report).await;
        let changed = report.copied + report.moved + report.cancelled;
        let recorded = self.record.end(&result, changed);
        result?;
        recorded
    }

    async fn all_steps(&mut self, plan: &MovePlan, report: &mut QueueMoveReport) -> Result<(), CommandError> {
        for (index, step) in plan.steps.iter().enumerate() {
            self.step(*step, report).await?;
            if let Some(row) = report.steps.get_mut(index) {
                row.done = true;
            }
        }
        self.verify(report).await
    }

    async fn step(&mut self, step: MoveStep, report: &mut QueueMoveReport) -> Result<(), CommandError> {
        let MoveFacts { from, to, .. } = self.facts;
        match step {
            MoveStep::PauseSource => self.pause(self.source, from, &MoveEnd::To(to).reason()).await,
            MoveStep::PauseTarget => self.pause(self.target, to, &MoveEnd::From(from).reason()).await,
            MoveStep::Drain { .. } => self.drain().await,
            MoveStep::Copy { .. } => self.copy(report).await.map(|_| ()),
            MoveStep::Switch => self.switch(report).await,
            MoveStep::CancelCopies { .. } => self.settle(false, report).await.map(|_| ()),
            MoveStep::ResumeTarget => self.resume(self.target, to, &MoveEnd::From(from).reason()).await,
            MoveStep::ResumeSource => self.resume(self.source, from, &MoveEnd::To(to).reason()).await,
        }
    }

    async fn pause(&mut self, database: &Database, alias: &str, reason: &str) -> Result<(), CommandError> {
        let queue = self.facts.queue.as_str();
        let number = self.record.intent(QueueAction::PauseQueue { queue, database: alias })?;
        let written = database
            .session
            .write(Limits::default(), async |tx| write::pause_open_queue(tx, queue, reason).await)
            .await;
        self.paused(number, written.map(|written| (written, "paused")))
    }

    async fn resume(&mut self, database: &Database, alias: &str, reason: &str) -> Result<(), CommandError> {
        let queue = self.facts.queue.as_str();
        let number = self.record.intent(QueueAction::ResumeQueue { queue, database: alias })?;
        let written = database
            .session
            .write(Limits::default(), async |tx| write::resume_paused_queue(tx, queue, reason).await)
            .await;
        self.paused(number, written.map(|written| (written, "resumed")))
    }

    fn paused<T>(&mut self, number: u64, written: Result<(Written<T>, &str), PgError>) -> Result<(), CommandError> {
        match written {
            Ok((Written::Changed(_), done)) => self.record.result(number, &Ok(done.to_owned())),
            Ok((Written::Unchanged, _)) => self.record.result(number, &Ok("nothing to do".to_owned())),
            Ok((Written::Conflict, _)) => {
                self.record.result(number, &Err("it changed".to_owned()))?;
                Err(changed_meanwhile(&format!("the pause of queue `{}`", self.facts.queue)))
            }
            Err(error) => {
                self.record.result(number, &Err(error.to_string()))?;
                Err(hints::database(error))
            }
        }
    }

    /// Waits until nothing of the queue runs in the source.
    async fn drain(&self) -> Result<(), CommandError> {
        let queue = self.facts.queue.as_str();
        let mut waited = Duration::ZERO;
        loop {
            let read = self.source.session.read(Limits::default(), async |tx| write::running_tasks(tx, queue).await);
            let (running, without_lease) = read.await.map_err(|error: PgError| hints::database(error))?;
            if running == 0 {
                return Ok(());
            }
            let tasks = count(usize::try_from(running).unwrap_or(0), "task");
            if waited >= self.wait {
                return Err(self.still_running(&tasks, without_lease));
            }
            if waited.is_zero() {
                self.session.ui.status(&format!("Waiting for {tasks} in {}", self.facts.from));
            }
            let pause = LOOK.min(self.wait.saturating_sub(waited));
            self.source.session.pause(pause).await.map_err(hints::database)?;
            waited += pause;
        }
    }

    fn still_running(&self, tasks: &str, without_lease: i64) -> CommandError {
        let MoveFacts { queue, from, .. } = self.facts;
        let message = format!("still running in `{from}` after {} s: {tasks}; nothing was copied", self.wait.as_secs());
        let error = CommandError::message(ExitStatus::Unavailable, message);
        let error = if without_lease > 0 {
            let queue = shell_word(queue);
            error.hint(format!("the worker of {without_lease} is gone: `reproq task reclaim --queue {queue}`"))
        } else {
            error.hint("wait longer with `--wait`")
        };
        error.hint("the queue stays paused: run the same command again, or with `--undo`")
    }

    /// Copies what is not there yet, in order. Returns how many were copied.
    async fn copy(&mut self, report: &mut QueueMoveReport) -> Result<usize, CommandError> {
        let queue = self.facts.queue.as_str();
        let read = self.source.session.read(Limits::default(), async |tx| write::movable_tasks(tx, queue, MOST).await);
        let ids: Vec<i64> = read.await.map_err(|error: PgError| hints::database(error))?;
        let mut rest = &ids[..];
        let before = report.copied;
        while !rest.is_empty() {
            let batch = &rest[..rest.len().min(BATCH)];
            let read = self.source.session.read(Limits::default(), async |tx| write::tasks_to_copy(tx, batch).await);
            let tasks = read.await.map_err(|error: PgError| hints::database(error))?;
            let Some(last) = tasks.last().map(|task| task.from) else {
                rest = &rest[batch.len()..];
                continue;
            };
            rest = &rest[rest.partition_point(|id| *id <= last)..];
            let from: Vec<i64> = tasks.iter().map(|task| task.from).collect();
            let number = self.record.intent(QueueAction::CopyTasks { database: &self.facts.to, tasks: &from })?;
            let identity = self.facts.source.identity.as_str();
            let held = self
                .target
                .session
                .write(Limits::default(), async |tx| write::hold_tasks(tx, identity, &tasks).await)
                .await;
            self.record.result(number, &described(held.as_ref().map(Vec::as_slice)))?;
            let held = match held {
                Ok(held) => held,
                Err(error) => return Err(hints::database(self.why_not_copied(error).await?)),
            };
            report.copied += held.len();
            if self.facts.goal == MoveGoal::Prepare {
                report.list(&held);
            }
            if ids.len() > BATCH {
                self.session.ui.status(&format!("{} of {} tasks copied", report.copied - before, ids.len()));
            }
        }
        Ok(report.copied - before)
    }

    /// A new row whose id exists already has a cause that the error of the server does not name.
    async fn why_not_copied(&self, error: PgError) -> Result<PgError, CommandError> {
        if !write::is_duplicate(&error) {
            return Ok(error);
        }
        let read = self.target.session.read(Limits::default(), async |tx| write::sequence_behind(tx).await);
        Ok(read.await.map_err(|error: PgError| hints::database(error))?.unwrap_or(error))
    }

    /// Moves everything, and what became READY in the meantime.
    async fn switch(&mut self, report: &mut QueueMoveReport) -> Result<(), CommandError> {
        for _ in 0..ROUNDS {
            let held = self.settle(true, report).await?;
            if self.copy(report).await? == 0 && held == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Decides for each copy who runs the task: the target, if its row in the source was given up, which happens here if `gives_up`;
    /// else the source, and the copy is cancelled. Returns how many copies there were.
    async fn settle(&mut self, gives_up: bool, report: &mut QueueMoveReport) -> Result<usize, CommandError> {
        let MoveFacts { queue, to, source, target, .. } = self.facts;
        let (queue, source, target) = (queue.as_str(), source.identity.as_str(), target.identity.as_str());
        let read = self.target.session.read(Limits::default(), async |tx| write::held_tasks(tx, queue, source).await);
        let ids: Vec<i64> = read.await.map_err(|error: PgError| hints::database(error))?;
        for batch in ids.chunks(BATCH) {
            let read = self.target.session.read(Limits::default(), async |tx| write::origins(tx, batch).await);
            let held = read.await.map_err(|error: PgError| hints::database(error))?;
            let tasks: Vec<MovedTask> = held.iter().map(write::HeldTask::task).collect();
            let action = if gives_up {
                QueueAction::MoveTasks { database: to, tasks: &tasks }
            } else {
                QueueAction::CancelCopies { database: to, tasks: &tasks }
            };
            let number = self.record.intent(action)?;
            let given_up = if gives_up {
                self.source
                    .session
                    .write(Limits::default(), async |tx| write::give_up_tasks(tx, &held, target, to).await)
                    .await
            } else {
                self.source
                    .session
                    .read(Limits::default(), async |tx| write::given_up_tasks(tx, &held, target).await)
                    .await
            };
            let settled = match given_up {
                Ok(given_up) => self.release(&tasks, &given_up, report).await,
                Err(error) => Err(error),
            };
            self.record.result(number, &described(settled.as_ref().map(Vec::as_slice)))?;
            let settled = settled.map_err(hints::database)?;
            report.list(&settled);
            if ids.len() > BATCH {
                self.session.ui.status(&format!("{} of {} tasks settled", report.moved, ids.len()));
            }
        }
        Ok(ids.len())
    }

    /// Releases the copies of tasks that were given up, and cancels the others. Returns those that were released.
    async fn release(
        &self,
        tasks: &[MovedTask],
        given_up: &[i64],
        report: &mut QueueMoveReport,
    ) -> Result<Vec<MovedTask>, PgError> {
        let (mut moved, kept): (Vec<MovedTask>, Vec<MovedTask>) =
            tasks.iter().partition(|task| given_up.contains(&task.to));
        let kept: Vec<i64> = kept.iter().map(|task| task.to).collect();
        let reason = format!("not moved: the task runs in {}", self.facts.from);
        let mut tries = 1;
        let (released, cancelled) = loop {
            let work = self.target.session.write(Limits::default(), async |tx| {
                let released = write::release_tasks(tx, given_up).await?;
                let cancelled = if kept.is_empty() { 0 } else { write::cancel_copies(tx, &kept, &reason).await? };
                Ok((released, cancelled))
            });
            match work.await {
                Err(error) if write::is_duplicate(&error) && tries < TRIES => tries += 1,
                other => break other?,
            }
        };
        moved.retain(|task| released.contains_key(&task.to));
        report.moved += moved.len();
        report.deduplicated += released.values().flatten().count();
        report.cancelled += usize::try_from(cancelled).unwrap_or(0);
        Ok(moved)
    }

    /// Reads both databases again.
    async fn verify(&self, report: &mut QueueMoveReport) -> Result<(), CommandError> {
        let MoveFacts { goal, queue, source, .. } = self.facts;
        let queue = queue.as_str();
        let read = self
            .target
            .session
            .read(Limits::default(), async |tx| write::held_tasks(tx, queue, source.identity.as_str()).await);
        let held = read.await.map_err(|error: PgError| hints::database(error))?.len();
        let read = self.source.session.read(Limits::default(), async |tx| write::movable_tasks(tx, queue, MOST).await);
        let movable = read.await.map_err(|error: PgError| hints::database(error))?.len();
        report.verified = match goal {
            MoveGoal::Prepare => held >= movable,
            MoveGoal::Finish | MoveGoal::Undo => held == 0,
        };
        report.left = if *goal == MoveGoal::Finish { movable } else { 0 };
        if report.verified {
            return Ok(());
        }
        let message = match goal {
            MoveGoal::Prepare => format!("{movable} tasks can move, and {held} are copied"),
            MoveGoal::Finish | MoveGoal::Undo => format!("{held} copies wait in the target"),
        };
        Err(CommandError::message(ExitStatus::Conflict, message).hint("run the same command again"))
    }
}

/// For the record: the ids in both databases.
fn described(tasks: Result<&[MovedTask], &PgError>) -> Result<String, String> {
    let tasks = tasks.map_err(ToString::to_string)?;
    let ids: Vec<String> = tasks.iter().map(|task| format!("{}={}", task.from, task.to)).collect();
    Ok(format!("{}: {}", count(tasks.len(), "task"), ids.join(" ")))
}
