//! Shared test support: hermetic runs of the real program, sample workers, and a GitHub on loopback.

pub mod context;
#[cfg(unix)]
pub mod django;
mod documents;
pub mod fault_table;
pub mod machine;
#[cfg(unix)]
pub mod memory;
pub mod nginx;
pub mod redact;
pub mod releases;
pub mod samples;
pub mod schemas;
pub mod skip;
pub mod store;
pub mod strace;
#[cfg(unix)]
pub mod tmux;
pub mod workers;

pub use context::Context;
pub use context::Output;
pub use machine::Machine;
pub use nginx::Nginx;
