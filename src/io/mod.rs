//! External effects: files, the network, other programs. Nothing here depends on workers or releases.

pub mod fs;
pub mod net;
pub mod process;
