//! Carries out a plan, one variable at a time. Before each change everything is read again; if anything differs from what
//! is expected, nothing more is changed. At the end everything is read once more.

mod expected;
mod run;

pub(crate) use expected::MovedVariable;
pub(crate) use run::AppliedEnv;
pub(crate) use run::ApplyEnv;
pub(crate) use run::ChangeEnd;
pub(crate) use run::ChangeResult;
pub(crate) use run::ChangedOwners;
pub(crate) use run::EnvEvent;
pub(crate) use run::EnvStop;
pub(crate) use run::FinalRead;
