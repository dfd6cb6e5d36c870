//! External effects: files, the network, other programs. Nothing here depends on workers or releases.

pub mod fs;
#[cfg(unix)]
pub(crate) mod ipc;
pub mod net;
pub mod process;
