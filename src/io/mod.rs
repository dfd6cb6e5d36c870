//! External effects: files, the network, other programs. Nothing here depends on workers or releases.

pub(crate) mod fs;
#[cfg(unix)]
pub(crate) mod ipc;
pub(crate) mod net;
pub(crate) mod process;
