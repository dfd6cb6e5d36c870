//! PostgreSQL servers for the tests: real ones on loopback, a pooler, a relay that cuts connections, a standby, and one that speaks
//! only the beginning of the protocol.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, clippy::print_stderr, reason = "test support, which consists of effects")]

mod cluster;
mod fake;
mod guarded;
mod pgbouncer;
mod relay;
#[path = "../../../tests/suite/support/skip.rs"]
mod skip;
mod standby;

pub use cluster::Cluster;
pub use cluster::Database;
pub use cluster::GUEST;
pub use cluster::ORIGINS;
pub use cluster::OWNER;
pub use cluster::PsqlSession;
pub use cluster::SUPERUSER;
pub use cluster::cluster;
pub use cluster::free_port;
pub use cluster::majors;
pub use cluster::own_cluster;
pub use fake::FakePostgres;
pub use pgbouncer::PgBouncer;
pub use relay::Cut;
pub use relay::Relay;
pub use standby::Standby;

/// Records what a test of another crate could not check on this machine.
pub fn record_skip(unseen: &str, remedy: &str) {
    skip::record(unseen, remedy);
}
