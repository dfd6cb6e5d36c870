//! The server within this process, with limits that a test can reach, in front of a real PostgreSQL.
#![cfg(unix)]

mod events;
mod rude;
mod running;
mod statements;
