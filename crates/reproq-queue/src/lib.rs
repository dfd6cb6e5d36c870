//! The task queue in PostgreSQL. Modules decide over values; `pg` is the only one that connects to a server.

pub mod pg;
pub mod schema;
