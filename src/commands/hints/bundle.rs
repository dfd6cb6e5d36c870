//! Errors of bundles: not a bundle, damaged, or in conflict with the project.

use std::path::Path;

use crate::commands::hints;
use crate::commands::hints::build;
use crate::commands::hints::lock;
use crate::commands::hints::network;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::failure::io_advice;
use crate::flows::install::AccessError;
use crate::flows::install::AcquireError;
use crate::flows::install::Disagreement;
use crate::flows::install::InstallError;
use crate::sources::bundle::BundleError;
use crate::sources::bundle::ManifestError;
use crate::sources::bundle::WriteError;
use crate::sources::source::SourceError;
use crate::worker::archive::ArchiveError;
use crate::worker::local_build::BuildRefusal;
use crate::worker::local_build::GitUnknown;
use crate::worker::local_build::TreeError;

const ANOTHER_CHECKOUT: &str = "specify a checkout of the worker with `--with-source DIR`";

/// The exit status and the hints for a bundle that cannot be used.
pub(super) fn advice(error: &BundleError, bundle: &str) -> (ExitStatus, Vec<String>) {
    match error {
        BundleError::Manifest(ManifestError::Newer { .. }) => {
            (ExitStatus::Usage, vec!["it was written by a newer version of reproq; upgrade reproq".to_owned()])
        }
        BundleError::OtherRelease { found, .. } => {
            (ExitStatus::NotFound, vec![format!("remove `--tag`, or use `--tag {found}`")])
        }
        BundleError::Archive(ArchiveError::Open(path, source)) => io_advice(source, Some(path)),
        BundleError::Archive(ArchiveError::Read(source)) => io_advice(source, Some(Path::new(bundle))),
        BundleError::Archive(ArchiveError::Write(path, source)) | BundleError::Write { path, source } => {
            io_advice(source, Some(path))
        }
        _ if error.is_of_another_kind() => {
            (ExitStatus::Unverified, vec!["only files created by `reproq bundle create` are accepted".to_owned()])
        }
        BundleError::Archive(_)
        | BundleError::NotABundle(_)
        | BundleError::Manifest(ManifestError::NotOurs | ManifestError::Content(_))
        | BundleError::Changed { .. }
        | BundleError::WrongSize { .. }
        | BundleError::WrongMode { .. }
        | BundleError::Unlisted(_)
        | BundleError::Missing(_)
        | BundleError::Sums(_)
        | BundleError::Lock(_)
        | BundleError::TooLong { .. }
        | BundleError::ChangedMeanwhile => (
            ExitStatus::Unverified,
            vec![
                "everything extracted from it was removed; the installed binary is unchanged".to_owned(),
                format!(
                    "copy it again and check it with `reproq bundle inspect {bundle}`; if that fails, recreate it with network access"
                ),
            ],
        ),
    }
}

/// Converts an error of a bundle.
pub(in crate::commands) fn bundle(error: BundleError, name: &str) -> CommandError {
    let (status, hints) = advice(&error, name);
    let mut failure = CommandError::new(status, error).context(format!("failed to use the bundle `{name}`"));
    failure.hints = hints;
    failure
}

/// Converts a conflict between a bundle and the project.
pub(in crate::commands) fn disagreement(error: Disagreement) -> CommandError {
    let (status, hints) = disagreeing(&error);
    with(CommandError::new(status, error), hints)
}

pub(super) fn disagreeing(error: &Disagreement) -> (ExitStatus, Vec<String>) {
    let nothing = "nothing was installed; reproq.lock takes precedence";
    match error {
        Disagreement::Unsatisfied(unsatisfied) => (ExitStatus::Usage, vec![lock::unsatisfied_hint(unsatisfied)]),
        Disagreement::Repository { carried, .. } => {
            (ExitStatus::Usage, vec![format!("if this is intended, use `--repo {carried}`")])
        }
        Disagreement::Release { carried, .. } => {
            (ExitStatus::NotFound, vec![format!("remove `--tag`, or use `--tag {carried}`")])
        }
        Disagreement::LockedRelease { carried, locked, .. } => (
            ExitStatus::Conflict,
            vec![
                nothing.to_owned(),
                format!("use a bundle of {locked}, or update reproq.lock to this one with `--tag {carried}`"),
            ],
        ),
        Disagreement::LockedRepository { .. } => (
            ExitStatus::Conflict,
            vec![nothing.to_owned(), "to lock the bundle's release instead, remove reproq.lock".to_owned()],
        ),
        Disagreement::Digest { .. } => (
            ExitStatus::Unverified,
            vec![
                nothing.to_owned(),
                "a release never changes: check where reproq.lock and the bundle come from".to_owned(),
            ],
        ),
    }
}

/// Converts an error while downloading a bundle.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other error can occur before there is a file")]
pub(in crate::commands) fn fetching(error: InstallError) -> CommandError {
    let (status, hints) = match &error {
        InstallError::Acquire(AcquireError::Source(SourceError::Net(error))) => network::net(error),
        InstallError::Access(AccessError::Store(error)) => {
            let failure = super::store(error);
            (failure.status, failure.hints)
        }
        _ => (ExitStatus::Failure, Vec::new()),
    };
    with(CommandError::new(status, error).context("failed to download the bundle"), hints)
}

/// Converts an error while writing a bundle.
pub(in crate::commands) fn writing(error: WriteError) -> CommandError {
    match error {
        WriteError::Read { path, source } => CommandError::io("read", &path, source),
        WriteError::File(error) => hints::output(error),
        WriteError::Write { path, source } => CommandError::io("write", &path, source),
        WriteError::ChangedMeanwhile { .. } => CommandError::new(ExitStatus::Conflict, error)
            .hint("run the same command again when no other program writes there; no bundle was written"),
    }
}

/// Converts an error of a source tree to be bundled.
pub(in crate::commands) fn source(error: TreeError) -> CommandError {
    let (status, hints) = match &error {
        TreeError::Source(_) => (ExitStatus::NotFound, vec![ANOTHER_CHECKOUT.to_owned()]),
        TreeError::Refused(BuildRefusal::OtherVersion { directory, wanted, found }) => (
            ExitStatus::NotFound,
            vec![
                format!("check out the tag: `git -C {} checkout {wanted}`", directory.display()),
                format!("or bundle the release of the source: `--tag v{found}`"),
            ],
        ),
        TreeError::Refused(refusal) => build::refused(refusal),
        TreeError::Modules { source, .. } => build::build(source),
        TreeError::Untidy { directory } => {
            (ExitStatus::Conflict, vec![format!("run `go mod tidy` in {} and commit the changes", directory.display())])
        }
        TreeError::Git { reason: GitUnknown::NotTrusted, directory } => (
            ExitStatus::NotPermitted,
            vec![format!(
                "if you trust its owner, run `git config --global --add safe.directory {}`",
                directory.display()
            )],
        ),
        TreeError::Git { directory, .. } => (
            ExitStatus::Failure,
            vec![format!("add git to PATH, or specify a copy without {}", directory.join(".git").display())],
        ),
        TreeError::Link { .. } | TreeError::Special { .. } => {
            (ExitStatus::Usage, vec!["a bundle can contain only regular files; remove it from the source".to_owned()])
        }
        TreeError::Unreadable { path, source } => io_advice(source, Some(path)),
    };
    let lines = match &error {
        TreeError::Modules { source, .. } => source.lines().to_vec(),
        TreeError::Source(_)
        | TreeError::Refused(_)
        | TreeError::Untidy { .. }
        | TreeError::Git { .. }
        | TreeError::Link { .. }
        | TreeError::Special { .. }
        | TreeError::Unreadable { .. } => Vec::new(),
    };
    with(CommandError::new(status, error).details(lines), hints)
}

fn with(mut failure: CommandError, hints: Vec<String>) -> CommandError {
    failure.hints = hints;
    failure
}
