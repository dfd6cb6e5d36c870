//! Changes of the queue, each function in the transaction of its caller.
//!
//! A change repeats what was read as its condition, so that a row which another session changed in the meantime stays as it is.
//! An insertion names every column that has no default in any of the four ways of creating the tables.

mod columns;
mod insert;
mod task_prune;
mod tasks;

pub use insert::InsertOutcome;
pub use insert::insert_task;
pub use insert::insert_tasks;
pub use task_prune::delete_tasks;
pub use tasks::TaskWrite;
pub use tasks::change_tasks;
pub use tasks::is_duplicate;
pub use tasks::not_changed;
