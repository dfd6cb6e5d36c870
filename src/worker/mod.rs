//! The worker's binary on this machine: installing, inspecting, unpacking and building it, and which one runs.

pub(crate) mod archive;
pub(crate) mod executable;
pub(crate) mod local_build;
pub(crate) mod store;
pub(crate) mod which;
