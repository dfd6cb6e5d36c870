//! The local `go build`, for when no release can serve: what the world offers is read into facts, a pure function makes
//! them a plan or a refusal, and the plan is carried out as it stands.
//!
//! The order of a build:
//!
//! 1. [`candidate_sources`] says where a checkout may lie and who said so;
//! 2. [`SourceFacts::read`] looks at the checkout, [`GoFacts::find`] at the Go toolchain;
//! 3. [`BuildPlan::compute`] turns both into an exact command, or into a [`BuildRefusal`];
//! 4. [`apply`] runs that command and tells what it made.
//!
//! [`source_tree`] says which files of a checkout somebody else needs to build it, without a module proxy.

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

pub use apply::BuildError;
pub use apply::Built;
pub use apply::apply;
pub use environment::Environment;
pub use git::GitFacts;
pub use git::GitUnknown;
pub use go::Go;
pub use go::GoFacts;
pub use go_mod::GoMod;
pub use go_mod::GoModError;
pub use go_mod::parse_go_mod;
pub use go_mod::version_constant;
pub use plan::BuildPlan;
pub use plan::ModuleOrigin;
pub use refusal::BuildRefusal;
pub use request::BuildRequest;
pub use request::GoVersion;
pub use request::SourceOrigin;
pub use request::candidate_sources;
pub use source::CheckoutError;
pub use source::SourceFacts;
pub use tree::SourceTree;
pub use tree::TreeError;
pub use tree::TreeFile;
pub use tree::TreeRequest;
pub use tree::source_tree;

use crate::io::process::ProcessError;

/// Why there is no plan for a build.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// The checkout cannot be read.
    #[error(transparent)]
    Source(#[from] CheckoutError),
    /// The checkout or the toolchain is not what the request needs.
    #[error(transparent)]
    Refused(#[from] BuildRefusal),
    /// No program could be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// Reads the checkout and the toolchain and makes the plan of a build. Runs `git` and `go`, changes nothing.
pub fn prepare(request: &BuildRequest, environment: &Environment) -> Result<BuildPlan, PrepareError> {
    let source = SourceFacts::read(&request.source, &request.tool, environment)?;
    let go = GoFacts::find(environment)?;
    Ok(BuildPlan::compute(request, &source, &go)?)
}
