//! Errors of local builds.

use crate::failure::exit::ExitStatus;
use crate::worker::local_build::BuildError;
use crate::worker::local_build::BuildRefusal;
use crate::worker::local_build::PrepareError;

pub(super) fn prepare(error: &PrepareError) -> (ExitStatus, Vec<String>) {
    match error {
        PrepareError::Refused(refusal) => refused(refusal),
        PrepareError::Process(error) => (ExitStatus::Failure, error.hint().into_iter().collect()),
        PrepareError::Source(_) => (
            ExitStatus::NotFound,
            vec!["specify a checkout of the worker with `--source DIR` or REPROQ_WORKER_SOURCE".to_owned()],
        ),
    }
}

pub(super) fn refused(refusal: &BuildRefusal) -> (ExitStatus, Vec<String>) {
    match refusal {
        BuildRefusal::GoMissing { required, .. } => {
            let version = required.map(|version| format!(" {version} or newer")).unwrap_or_default();
            (ExitStatus::NotFound, vec![format!("install Go{version} from https://go.dev/dl and add it to PATH")])
        }
        BuildRefusal::GoTooOld { required, .. } => {
            (ExitStatus::NotFound, vec![format!("install Go {required} or newer from https://go.dev/dl")])
        }
        BuildRefusal::GoUnusable { .. } => {
            (ExitStatus::Failure, vec!["put a working Go toolchain first in PATH".to_owned()])
        }
        BuildRefusal::OtherModule { .. } | BuildRefusal::NoPackage { .. } => (
            ExitStatus::NotFound,
            vec!["specify a checkout of the worker with `--source DIR` or REPROQ_WORKER_SOURCE".to_owned()],
        ),
        BuildRefusal::OtherVersion { directory, wanted, .. } => (
            ExitStatus::NotFound,
            vec![
                format!("check out the tag: `git -C {} checkout {wanted}`", directory.display()),
                "or remove `--tag` to build the current version".to_owned(),
            ],
        ),
        BuildRefusal::TargetTooNew { .. } => {
            (ExitStatus::NotFound, vec!["install a newer Go from https://go.dev/dl".to_owned()])
        }
        BuildRefusal::RelativeOutput(_) => (ExitStatus::Failure, Vec::new()),
    }
}

pub(super) fn build(error: &BuildError) -> (ExitStatus, Vec<String>) {
    match error {
        BuildError::Failed { directory, .. } => (
            ExitStatus::Failure,
            vec![format!(
                "run the same build manually: `cd {} && go build -tags prod ./cmd/reproq`",
                directory.display()
            )],
        ),
        BuildError::ModulesMissing { directory, .. } => (
            ExitStatus::NotFound,
            vec![format!(
                "run `go mod vendor` in {} on a machine with network access, and copy the checkout here",
                directory.display()
            )],
        ),
        BuildError::VendorFailed { directory, .. } => (
            ExitStatus::Failure,
            vec![format!(
                "run it manually: `cd {} && go mod vendor`; a complete vendor/ directory is used unchanged",
                directory.display()
            )],
        ),
        BuildError::GivenUp => (ExitStatus::Interrupted, Vec::new()),
        BuildError::Process(_) | BuildError::OutputMissing(_) => (ExitStatus::Failure, Vec::new()),
    }
}
