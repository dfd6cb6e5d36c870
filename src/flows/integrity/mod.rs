//! Compares the installation with its receipt, with the lockfile and with GitHub. Pure; the callers read each of them.

mod compare;

pub(crate) use compare::Again;
pub(crate) use compare::Difference;
pub(crate) use compare::InstalledFacts;
pub(crate) use compare::Published;
pub(crate) use compare::compare;
