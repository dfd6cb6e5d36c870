//! The worker's binary on this machine: installing, inspecting, unpacking and building it, and which one runs.

pub mod archive;
pub mod executable;
pub mod local_build;
pub mod store;
pub mod which;
