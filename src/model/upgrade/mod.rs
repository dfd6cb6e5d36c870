//! Upgrades: the newest release, and whether it is newer than the current one. Pure; the installer does the rest.

mod decide;

pub(crate) use decide::Move;
pub(crate) use decide::decide;
pub(crate) use decide::newest;
