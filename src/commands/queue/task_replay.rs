//! `reproq task replay`: enqueues a finished task again, as a new task.

use reproq_queue::write;
use reproq_queue::write::InsertOutcome;
use reproq_queue::write::ReplayOutcome;

use crate::cli::TaskReplayArgs;
use crate::commands::database::Database;
use crate::commands::queue::no_task;
use crate::commands::queue::task_enqueue::TaskEnqueueReport;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn replay(arguments: &TaskReplayArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let task = &arguments.task.task;
    let database = Database::of_task(task, &arguments.task.database)?;
    let outcome = Database::write(&database, session, async |tx| {
        write::replay_task(tx, task.id(), arguments.from_workflow).await
    })?;
    match outcome {
        ReplayOutcome::Done { task: new, spec_hash, task_path, queue_name } => {
            session.ui.report(&TaskEnqueueReport {
                id: new.id(),
                database: database.database,
                enqueued: matches!(new, InsertOutcome::Inserted(_)),
                task_path,
                queue_name,
                spec_hash,
                replayed: Some(task.id()),
            })?;
            Ok(ExitStatus::Success)
        }
        ReplayOutcome::Missing => Err(no_task(task)),
        ReplayOutcome::NotFinished(status) => {
            let message = format!("task {task} is {status}; only a finished task can be replayed");
            Err(CommandError::message(ExitStatus::Conflict, message)
                .hint(format!("`reproq task why {task}` explains what it waits for")))
        }
        ReplayOutcome::InWorkflow(workflow) => {
            let message = format!("task {task} belongs to the workflow {workflow}, which a replay would not continue");
            Err(CommandError::message(ExitStatus::Conflict, message)
                .hint(format!("`reproq task retry {task}` repeats a failed task within its workflow"))
                .hint("`--from-workflow` enqueues it on its own"))
        }
    }
}
