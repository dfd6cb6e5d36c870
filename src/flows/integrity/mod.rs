//! Compares the installation with its receipt, with the lockfile and with GitHub. Pure; the callers read each of them.

mod compare;

pub use compare::Again;
pub use compare::Difference;
pub use compare::InstalledFacts;
pub use compare::Published;
pub use compare::compare;
