//! Changes of the queue, each function in the transaction of its caller.
//!
//! A change repeats what was read as its condition, so that a row which another session changed in the meantime stays as it is.
//! An insertion names every column that has no default in any of the four ways of creating the tables.

mod beat;
mod columns;
mod depth;
mod insert;
mod limits;
mod moves;
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
pub use depth::record_depth;
pub use insert::InsertOutcome;
pub use insert::insert_task;
pub use insert::insert_tasks;
pub use insert::sequence_behind;
pub use limits::LimitState;
pub use limits::remove_limit;
pub use limits::set_limit;
pub use moves::CopiedTask;
pub use moves::HeldTask;
pub use moves::cancel_copies;
pub use moves::column_not_copied;
pub use moves::give_up_tasks;
pub use moves::given_up_tasks;
pub use moves::held_tasks;
pub use moves::hold_tasks;
pub use moves::movable_tasks;
pub use moves::move_side;
pub use moves::origins;
pub use moves::release_tasks;
pub use moves::running_tasks;
pub use moves::tasks_to_copy;
pub use queues::QueueState;
pub use queues::pause_open_queue;
pub use queues::pause_queue;
pub use queues::pause_queue_as_seen;
pub use queues::queue_state;
pub use queues::resume_paused_queue;
pub use queues::resume_queue;
pub use queues::resume_queue_as_seen;
pub use replay::ReplayOutcome;
pub use replay::replay_task;
pub use schedules::SCHEDULES_CHANGED;
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
