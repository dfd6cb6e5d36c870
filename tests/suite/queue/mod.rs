//! The commands that read the queue, against real servers with the tables of each origin.

mod lists;
pub mod rows;
mod stats;
mod tasks;
mod without_scans;
