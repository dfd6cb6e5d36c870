//! The doors to what is outside: files, the network, other programs. Nothing here knows what a worker or a release is for.

pub mod fs;
pub mod net;
pub mod process;
