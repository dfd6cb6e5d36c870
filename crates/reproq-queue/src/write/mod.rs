//! Changes of the queue, each function in the transaction of its caller.
//!
//! A change repeats what was read as its condition, so that a row which another session changed in the meantime stays as it is.
//! An insertion names every column that has no default in any of the four ways of creating the tables.

mod beat;
mod columns;
mod insert;
mod limits;
mod queues;
mod replay;
mod schedules;
mod task_prune;
mod tasks;
mod workers;
mod workflows;

pub use beat::BeatBatch;
pub use beat::TickOutcome;
pub use beat::TickResult;
pub use beat::beat_batch;
pub use beat::preview_batch;
pub use beat::seconds_to_next;
pub use insert::InsertOutcome;
pub use insert::insert_task;
pub use insert::insert_tasks;
pub use limits::LimitState;
pub use limits::remove_limit;
pub use limits::set_limit;
pub use queues::QueueState;
pub use queues::pause_queue;
pub use queues::resume_queue;
pub use replay::ReplayOutcome;
pub use replay::replay_task;
pub use schedules::ScheduleState;
pub use schedules::all_schedules;
pub use schedules::delete_schedule;
pub use schedules::insert_schedule;
pub use schedules::schedule;
pub use schedules::update_schedule;
pub use task_prune::delete_tasks;
pub use tasks::TaskWrite;
pub use tasks::change_tasks;
pub use tasks::is_duplicate;
pub use tasks::not_changed;
pub use workers::delete_workers;
pub use workflows::repair_workflow;

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written<T> {
    /// The row is like this now.
    Changed(T),
    /// It already was.
    Unchanged,
    /// Another session changed it after it was read, and nothing was written.
    Conflict,
}
