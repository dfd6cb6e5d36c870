//! Starting the worker: a request becomes a plan, which is shown or carried out. Pure; the environment and the binary are values.
//!
//! No secret is ever an argument: other users of the machine see the arguments of every process. The URL of the database and
//! the token for metrics are moved to the variables in which the worker reads them. An argument with a password that cannot be
//! moved is refused.

mod environment;
mod plan;

pub(crate) use environment::ChildEnvironment;
pub(crate) use environment::RemovedVariable;
pub(crate) use environment::SetVariable;
pub(crate) use plan::LaunchBinary;
pub(crate) use plan::LaunchError;
pub(crate) use plan::LaunchPlan;
pub(crate) use plan::LaunchRequest;
pub(crate) use plan::without_secrets;
