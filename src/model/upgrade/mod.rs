//! Moving to another release: which one is the newest, and whether going there is an upgrade. Pure; installing does the rest.

mod decide;

pub use decide::Move;
pub use decide::decide;
pub use decide::newest;
