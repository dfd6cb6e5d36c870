//! The commands of the queue, against real servers with the tables of each origin.

mod beat;
mod beat_service;
mod changes;
mod changes_bulk;
mod changes_kill;
mod changes_prune;
pub mod controls;
mod enqueue;
mod lists;
pub mod moves;
mod repair;
pub mod rows;
mod schedules;
mod statements;
mod stats;
pub mod sync;
mod tasks;
pub mod without_scans;
mod workers;
