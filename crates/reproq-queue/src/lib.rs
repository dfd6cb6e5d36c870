//! The task queue in PostgreSQL. Modules decide over values; `pg` is the only one that connects to a server.

pub mod cron;
pub mod dsn;
pub mod pg;
pub mod routing;
pub mod schema;
pub mod spec;
pub mod state;
pub mod task_ref;
