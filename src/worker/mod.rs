//! The worker's binary on this machine: where it is kept, what kind of file it is, how it is unpacked or built, and which one runs.

pub mod archive;
pub mod executable;
pub mod local_build;
pub mod store;
pub mod which;
