//! The local `go build`, for when no release can be used. Facts are read, a pure function turns them into a plan or a
//! refusal, and the plan is carried out unchanged.
//!
//! The steps of a build:
//!
//! 1. [`candidate_sources`] lists where a checkout may be, and who configured that;
//! 2. [`SourceFacts::read`] reads the checkout, [`GoFacts::find`] the Go toolchain;
//! 3. [`BuildPlan::compute`] turns both into an exact command, or a [`BuildRefusal`];
//! 4. [`apply`] runs that command and returns the result.
//!
//! [`source_tree`] lists the files of a checkout needed to build it elsewhere, without a module proxy.

mod apply;
mod environment;
mod git;
mod go;
mod go_mod;
mod output;
mod plan;
mod refusal;
mod request;
#[cfg(test)]
mod samples;
mod source;
mod tree;
mod vendor;

use thiserror::Error;

pub(crate) use apply::BuildError;
#[cfg(test)]
pub(crate) use apply::Built;
pub(crate) use apply::apply;
pub(crate) use environment::Environment;
pub(crate) use git::GitFacts;
pub(crate) use git::GitUnknown;
pub(crate) use go::Go;
pub(crate) use go::GoFacts;
pub(crate) use go_mod::version_constant;
pub(crate) use plan::BuildPlan;
pub(crate) use refusal::BuildRefusal;
pub(crate) use request::BuildRequest;
pub(crate) use request::SourceOrigin;
pub(crate) use request::candidate_sources;
pub(crate) use source::CheckoutError;
pub(crate) use source::SourceFacts;
pub(crate) use tree::SourceTree;
pub(crate) use tree::TreeError;
pub(crate) use tree::TreeFile;
pub(crate) use tree::TreeRequest;
pub(crate) use tree::source_tree;

use crate::io::process::ProcessError;

/// Why there is no build plan.
#[derive(Debug, Error)]
pub(crate) enum PrepareError {
    /// The checkout cannot be read.
    #[error(transparent)]
    Source(#[from] CheckoutError),
    /// The checkout or the toolchain does not satisfy the request.
    #[error(transparent)]
    Refused(#[from] BuildRefusal),
    /// No program could be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// Reads the checkout and the toolchain and computes the build plan. Runs `git` and `go`, but changes nothing.
pub(crate) fn prepare(request: &BuildRequest, environment: &Environment) -> Result<BuildPlan, PrepareError> {
    let source = SourceFacts::read(&request.source, &request.tool, environment)?;
    let go = GoFacts::find(environment)?;
    Ok(BuildPlan::compute(request, &source, &go)?)
}
