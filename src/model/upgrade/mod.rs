//! Upgrades: the newest release, and whether it is newer than the current one. Pure; the installer does the rest.

mod decide;

pub use decide::Move;
pub use decide::decide;
pub use decide::newest;
