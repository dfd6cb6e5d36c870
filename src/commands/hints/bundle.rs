//! Bundles: not one, damaged, or in disagreement with the project.

use std::path::Path;

use crate::commands::hints;
use crate::commands::hints::build;
use crate::commands::hints::lock;
use crate::commands::hints::network;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::failure::io_advice;
use crate::flows::install::Disagreement;
use crate::flows::install::InstallError;
use crate::sources::bundle::BundleError;
use crate::sources::bundle::ManifestError;
use crate::sources::bundle::WriteError;
use crate::sources::source::OriginError;
use crate::worker::archive::ArchiveError;
use crate::worker::local_build::BuildRefusal;
use crate::worker::local_build::GitUnknown;
use crate::worker::local_build::TreeError;

const ANOTHER_CHECKOUT: &str = "name a checkout of the worker with `--with-source DIR`";

/// The class and the ways out of a bundle that cannot be used.
pub(super) fn judge(error: &BundleError, bundle: &str) -> (ExitStatus, Vec<String>) {
    match error {
        BundleError::Manifest(ManifestError::Newer { .. }) => (
            ExitStatus::Usage,
            vec!["it was written by a later version of this program; install that version".to_owned()],
        ),
        BundleError::OtherRelease { found, .. } => {
            (ExitStatus::NotFound, vec![format!("leave out `--tag`, or say `--tag {found}`")])
        }
        BundleError::Archive(ArchiveError::Open(path, source)) => io_advice(source, Some(path)),
        BundleError::Archive(ArchiveError::Read(source)) => io_advice(source, Some(Path::new(bundle))),
        BundleError::Archive(ArchiveError::Write(path, source)) | BundleError::Write { path, source } => {
            io_advice(source, Some(path))
        }
        _ if error.is_of_another_kind() => (
            ExitStatus::Unverified,
            vec!["a bundle is what `reproq bundle create` makes; nothing else is taken for one".to_owned()],
        ),
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
                "nothing that came out of it stays; what was installed is as it was".to_owned(),
                format!(
                    "copy it here again and look at it with `reproq bundle inspect {bundle}`; if it stays so, make it anew where there is a network"
                ),
            ],
        ),
    }
}

/// Turns a bundle that cannot be used into what the user is told.
pub(in crate::commands) fn bundle(error: BundleError, name: &str) -> CommandError {
    let (status, ways) = judge(&error, name);
    let mut failure = CommandError::new(status, error).context(format!("the bundle `{name}` cannot be used"));
    failure.hints = ways;
    failure
}

/// Turns a bundle that is not what the project wants into what the user is told.
pub(in crate::commands) fn disagreement(error: Disagreement) -> CommandError {
    let (status, ways) = disagreeing(&error);
    with(CommandError::new(status, error), ways)
}

pub(super) fn disagreeing(error: &Disagreement) -> (ExitStatus, Vec<String>) {
    let nothing = "nothing was installed; the lock has the last word";
    match error {
        Disagreement::Unsatisfied(unsatisfied) => (ExitStatus::Usage, vec![lock::unsatisfied_hint(unsatisfied)]),
        Disagreement::Repository { carried, .. } => {
            (ExitStatus::Usage, vec![format!("if that is meant, say so with `--repo {carried}`")])
        }
        Disagreement::Release { carried, .. } => {
            (ExitStatus::NotFound, vec![format!("leave out `--tag`, or say `--tag {carried}`")])
        }
        Disagreement::LockedRelease { carried, locked, .. } => (
            ExitStatus::Conflict,
            vec![
                nothing.to_owned(),
                format!("bring a bundle of {locked}, or move the lock to this one with `--tag {carried}`"),
            ],
        ),
        Disagreement::LockedRepository { .. } => (
            ExitStatus::Conflict,
            vec![nothing.to_owned(), "to start over from the bundle, remove reproq.lock".to_owned()],
        ),
        Disagreement::Digest { .. } => (
            ExitStatus::Unverified,
            vec![
                nothing.to_owned(),
                "one release has one set of bytes: ask where the lock and the bundle come from".to_owned(),
            ],
        ),
    }
}

/// Turns a bundle that could not be fetched into what the user is told.
#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else can go wrong before there is a file")]
pub(in crate::commands) fn fetching(error: InstallError) -> CommandError {
    let (status, ways) = match &error {
        InstallError::Origin(OriginError::Net(error)) => network::net(error),
        InstallError::Store(error) => {
            let failure = hints::store(error);
            (failure.status, failure.hints)
        }
        _ => (ExitStatus::Failure, Vec::new()),
    };
    with(CommandError::new(status, error).context("failed to fetch the bundle"), ways)
}

/// Turns a bundle that could not be written into what the user is told.
pub(in crate::commands) fn writing(error: WriteError) -> CommandError {
    match error {
        WriteError::Read { path, source } => CommandError::io("read", &path, source),
        WriteError::File(error) => hints::output(error),
        WriteError::Write { path, source } => CommandError::io("write", &path, source),
        WriteError::ChangedMeanwhile { .. } => CommandError::new(ExitStatus::Conflict, error)
            .hint("run the same command again when nobody writes there; no bundle was written"),
    }
}

/// Turns a source that cannot be carried along into what the user is told.
pub(in crate::commands) fn source(error: TreeError) -> CommandError {
    let (status, ways) = match &error {
        TreeError::Source(_) => (ExitStatus::NotFound, vec![ANOTHER_CHECKOUT.to_owned()]),
        TreeError::Refused(BuildRefusal::OtherVersion { directory, wanted, found }) => (
            ExitStatus::NotFound,
            vec![
                format!("check out the tag: `git -C {} checkout {wanted}`", directory.display()),
                format!("or bundle the release the source is of: `--tag v{found}`"),
            ],
        ),
        TreeError::Refused(refusal) => build::refused(refusal),
        TreeError::Modules { source, .. } => build::build(source),
        TreeError::Untidy { directory } => (
            ExitStatus::Conflict,
            vec![format!("run `go mod tidy` in {} and commit what changes", directory.display())],
        ),
        TreeError::Git { reason: GitUnknown::NotTrusted, directory } => (
            ExitStatus::NotPermitted,
            vec![format!("`git config --global --add safe.directory {}`, if you trust its owner", directory.display())],
        ),
        TreeError::Git { directory, .. } => (
            ExitStatus::Failure,
            vec![format!("put git on PATH, or name a copy without {}", directory.join(".git").display())],
        ),
        TreeError::Link { .. } | TreeError::Special { .. } => {
            (ExitStatus::Usage, vec!["a bundle carries plain files alone; take it out of the source".to_owned()])
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
    with(CommandError::new(status, error).details(lines), ways)
}

fn with(mut failure: CommandError, ways: Vec<String>) -> CommandError {
    failure.hints = ways;
    failure
}
