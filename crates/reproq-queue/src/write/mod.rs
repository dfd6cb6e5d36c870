//! Changes of the queue, each function in the transaction of its caller.
//!
//! A change repeats what was read as its condition, so that a row which another session changed in the meantime stays as it is.
//! An insertion names every column that has no default in any of the four ways of creating the tables.

mod columns;
mod insert;

pub use insert::InsertOutcome;
pub use insert::insert_task;
pub use insert::insert_tasks;
