//! The connection and the schema, against real servers.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "the tests start programs and read what they left")]

mod changes;
mod changes_race;
mod door;
mod insert;
mod origins;
