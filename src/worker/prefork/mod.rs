//! `reproq worker --prefork`: one process imports Django and the modules of the tasks, and each task runs in a child of it.
//!
//! - The worker starts the *client* in the place of Python, once for each task. It ends as the task ends.
//! - The *fork server* (`server.py`) has imported everything, and forks.
//! - The *keeper* is a child of the worker. It starts the fork server and passes connections to it.
//!
//! All three find each other in a private directory of this user.

mod call;
mod check;
mod client;
mod envelope;
mod keeper;
mod launch;
mod project;
mod protocol;
mod signals;
mod state;

pub(crate) use call::PayloadFacts;
pub(crate) use call::TaskCall;
pub(crate) use check::check;
pub(crate) use client::directory_of as client_directory;
pub(crate) use client::run as run_client;
pub(crate) use keeper::directory_of as keeper_directory;
pub(crate) use keeper::keep;
pub(crate) use launch::PreforkDirectory;
pub(crate) use launch::PreforkError;
pub(crate) use launch::RunningServer;
pub(crate) use launch::ServerStatus;
pub(crate) use launch::running_servers;
pub(crate) use project::PreforkProject;
pub(crate) use project::environment_digest;
pub(crate) use protocol::Loaded;
