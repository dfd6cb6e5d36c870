//! The worker's binary on this machine: installing, inspecting, unpacking and building it, and which one runs.

pub(crate) mod archive;
pub(crate) mod config;
pub(crate) mod executable;
pub(crate) mod launch;
pub(crate) mod local_build;
#[cfg(unix)]
pub(crate) mod prefork;
pub(crate) mod service;
pub(crate) mod store;
pub(crate) mod which;
