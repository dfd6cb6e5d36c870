//! The commands of the queue, against real servers with the tables of each origin.

mod beat;
mod beat_service;
pub mod controls;
mod lists;
pub mod rows;
mod schedules;
mod stats;
mod tasks;
mod without_scans;
