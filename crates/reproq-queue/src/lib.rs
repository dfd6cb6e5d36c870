//! The task queue in PostgreSQL. Modules decide over values; `pg` is the only one that connects to a server.
#![warn(unreachable_pub)]

pub mod beat;
pub mod changes;
pub mod cron;
pub mod dsn;
pub mod limit_key;
pub mod moves;
pub mod pg;
pub mod read;
pub mod routing;
pub mod schedules;
pub mod schema;
pub mod spec;
mod sql;
pub mod state;
pub mod stats;
pub mod task_ref;
pub mod tasks;
pub mod text;
pub mod why;
pub mod workflow;
pub mod write;
