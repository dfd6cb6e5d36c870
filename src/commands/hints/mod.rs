//! The exit status and the hints of every installation error. They are chosen here, because only the command line knows the
//! options.

mod build;
mod bundle;
mod database;
mod lock;
mod mirror;
mod network;
mod trusted_roots;
mod verification;

pub(in crate::commands) use bundle::bundle;
pub(in crate::commands) use bundle::disagreement;
pub(in crate::commands) use bundle::fetching;
pub(in crate::commands) use bundle::source;
pub(in crate::commands) use bundle::writing;
pub(in crate::commands) use database::FORM;
pub(in crate::commands) use database::database;
pub(in crate::commands) use database::finding;
pub(in crate::commands) use database::no_database;
pub(in crate::commands) use lock::lockfile;
pub(in crate::commands) use network::api_status;
pub(in crate::commands) use network::network_status;
pub(in crate::commands) use network::reading;
pub(in crate::commands) use trusted_roots::trusted_roots;
pub(in crate::commands) use trusted_roots::update;

use std::io;
use std::path::Path;

use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::failure::io_advice;
use crate::failure::io_again;
use crate::flows::install::AccessError;
use crate::flows::install::AcquireError;
use crate::flows::install::ExecutableError;
use crate::flows::install::Fallback;
use crate::flows::install::InstallError;
use crate::flows::install::InstallRequest;
use crate::flows::install::LocalBuildError;
use crate::flows::install::NewestError;
use crate::flows::install::NoBuild;
use crate::flows::install::ResolveError;
use crate::flows::install::RollbackError;
use crate::flows::install::SignerError;
use crate::flows::install::SyncError;
use crate::io::fs::Distrust;
use crate::io::fs::FileError;
use crate::io::fs::FileKind;
use crate::io::fs::LockError;
use crate::io::net::NetError;
use crate::worker::archive::ArchiveError;
use crate::worker::store::StoreError;

/// More than a release has with assets for every platform and their checksums.
const SHOWN_NAMES: usize = 24;

/// Converts an error of a flow.
pub(in crate::commands) fn explain(error: impl Explained, request: &InstallRequest) -> CommandError {
    let (status, hints) = error.advice(request);
    let lines = error.details();
    let mut failure = CommandError::new(status, error).details(lines);
    failure.hints = hints;
    failure
}

/// Converts a network error.
pub(in crate::commands) fn network(error: &NetError) -> CommandError {
    let (status, hints) = network::net(error);
    let mut failure = if let NetError::System { doing, source } = error {
        CommandError::system(doing, io_again(source))
    } else {
        CommandError::message(status, error.to_string())
    };
    failure.hints = hints;
    failure
}

/// Converts a store error.
pub(in crate::commands) fn store(error: &StoreError) -> CommandError {
    if let StoreError::File(FileError::Io { doing, path, source }) = error {
        return CommandError::io(doing, path, io_again(source));
    }
    let (status, hints) = in_the_store(error);
    CommandError { hints, ..CommandError::message(status, error.to_string()) }
}

/// Converts an error of a file to be written.
pub(in crate::commands) fn output(error: FileError) -> CommandError {
    store(&StoreError::from(error))
}

/// An error of a flow, as the command line explains it.
pub(in crate::commands) trait Explained: std::error::Error + Send + Sync + 'static {
    /// The exit status and the hints.
    fn advice(&self, request: &InstallRequest) -> (ExitStatus, Vec<String>);

    /// Lines shown below the error.
    fn details(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Explained for InstallError {
    fn advice(&self, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
        match self {
            Self::Acquire(error) => error.advice(request),
            Self::Access(error) => error.advice(request),
            Self::Executable(error) => error.advice(request),
            Self::Build(error) => error.advice(request),
            Self::Lockfile(error) => lock::unreadable(error),
            Self::Disagreement(error) => bundle::disagreeing(error),
        }
    }

    fn details(&self) -> Vec<String> {
        Self::details(self)
    }
}

impl Explained for AcquireError {
    fn advice(&self, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
        match self {
            Self::Source(error) => network::source(error, request),
            Self::Drift { drift } => lock::drift(drift),
            Self::Offline => (
                ExitStatus::Unavailable,
                vec![
                    "remove `--offline`, or use `--tag` with a release that is in the cache, a bundle or a mirror"
                        .to_owned(),
                ],
            ),
            Self::Everywhere { tried } => everywhere(tried, request),
            Self::Resolve(error) => resolve(error),
            Self::Download { source, .. } => network::source(source, request),
            Self::Verify { source, .. } => verification::verify(source),
            Self::Signer(error) => error.advice(request),
            Self::TrustedRoots(error) => trusted_roots::advice(error),
            Self::Archive { source, .. } => archive(source),
            Self::Staging { source, .. } => of_ours(&request.options.layout.home, source),
        }
    }

    fn details(&self) -> Vec<String> {
        Self::details(self)
    }
}

impl Explained for SignerError {
    fn advice(&self, _: &InstallRequest) -> (ExitStatus, Vec<String>) {
        match self {
        Self::NotProven { source, .. } => (ExitStatus::Unverified, verification::refused(source)),
        Self::OtherSigner { tag, .. } => (ExitStatus::Unverified, verification::other_signer(tag)),
        Self::NotAsked { transient, .. } => verification::not_queried(*transient),
        Self::SeveralSigners { .. } => (
            ExitStatus::Unverified,
            vec![
                "ask the maintainers why; to install for one platform use `--target`, or set the workflow with REPROQ_WORKFLOW"
                    .to_owned(),
            ],
        ),
        Self::TwoWorkflows { .. } => (
            ExitStatus::Usage,
            vec![
                "run `reproq doctor` to see where the workflow is set; to update reproq.lock: `reproq lock --accept-signer-change`"
                    .to_owned(),
            ],
        ),
        Self::LessThanLocked { not_queried: true, transient, .. } => verification::not_queried(*transient),
        Self::LessThanLocked { tag, .. } => (ExitStatus::Unverified, verification::less_than_locked(tag)),
        }
    }
}

impl Explained for AccessError {
    fn advice(&self, _: &InstallRequest) -> (ExitStatus, Vec<String>) {
        match self {
            Self::Store(error) => in_the_store(error),
            Self::Lock(LockError::Held { .. }) => (
                ExitStatus::Conflict,
                vec!["wait for it to finish, or wait longer with `--lock-timeout 30m`".to_owned()],
            ),
            Self::Lock(LockError::File(error)) => file(error),
            Self::PulledAway { .. } => (ExitStatus::Conflict, vec!["run the same command again".to_owned()]),
            Self::InTheWay { path, .. } => {
                (ExitStatus::Conflict, vec![format!("move `{}` away and run the same command again", path.display())])
            }
            Self::ThisCommand { .. } => (
                ExitStatus::Conflict,
                vec![
                    "choose another directory or file with `--to`; this command and the worker have the same name"
                        .to_owned(),
                ],
            ),
            Self::NotOurs { path } => (
                ExitStatus::Conflict,
                vec![format!(
                    "choose another directory or file with `--to`, or replace `{}` with `--force`",
                    path.display()
                )],
            ),
        }
    }
}

impl Explained for ExecutableError {
    fn advice(&self, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
        match self {
            Self::Inspect(_) => (ExitStatus::Failure, Vec::new()),
            Self::Preflight { source, .. } => (ExitStatus::Unverified, verification::preflight(source, request)),
            Self::Smoke { source, .. } => verification::smoke(source),
            Self::Version { .. } => (
                ExitStatus::Unverified,
                vec!["report it to the maintainers: the binary of the release does not match its tag".to_owned()],
            ),
        }
    }
}

impl Explained for LocalBuildError {
    fn advice(&self, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
        match self {
            Self::NothingServes { fallback, build } => nothing_serves(fallback, build, request),
            Self::Prepare { source, .. } => build::prepare(source),
            Self::Build { source, .. } => build::build(source),
        }
    }
}

impl Explained for RollbackError {
    fn advice(&self, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
        match self {
            Self::Access(error) => error.advice(request),
            Self::Acquire(error) => error.advice(request),
            Self::NoPrevious { .. } => {
                (ExitStatus::NotFound, vec!["install a specific version with `reproq install --tag TAG`".to_owned()])
            }
            Self::PreviousChanged { .. } => (
                ExitStatus::Unverified,
                vec!["nothing was changed; reinstall that version with `reproq install --tag TAG`".to_owned()],
            ),
            Self::LessComesBack { .. } => (
                ExitStatus::Unverified,
                vec!["nothing was changed; to roll back anyway: `reproq rollback --accept-signer-change`".to_owned()],
            ),
        }
    }

    fn details(&self) -> Vec<String> {
        if let Self::Acquire(error) = self { error.details() } else { Vec::new() }
    }
}

impl Explained for SyncError {
    fn advice(&self, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
        match self {
            Self::Access(error) => error.advice(request),
            Self::Acquire(error) => error.advice(request),
            Self::NotMirrored { tag, refusal } => mirror::not_mirrored(tag, refusal),
            Self::Empty(_) => no_versions(),
        }
    }

    fn details(&self) -> Vec<String> {
        if let Self::Acquire(error) = self { error.details() } else { Vec::new() }
    }
}

impl Explained for NewestError {
    fn advice(&self, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
        match self {
            Self::Acquire(error) => error.advice(request),
            Self::Empty(_) => no_versions(),
        }
    }

    fn details(&self) -> Vec<String> {
        if let Self::Acquire(error) = self { error.details() } else { Vec::new() }
    }
}

fn no_versions() -> (ExitStatus, Vec<String>) {
    (ExitStatus::NotFound, vec!["choose a release with `--tag`, or include prereleases with `--pre`".to_owned()])
}

fn in_the_store(error: &StoreError) -> (ExitStatus, Vec<String>) {
    match error {
        StoreError::File(error) => file(error),
        StoreError::StagedChanged { .. } => (
            ExitStatus::Unverified,
            vec![
                "nothing was installed; find out which program modified it, and run the same command again".to_owned(),
            ],
        ),
    }
}

/// A file or directory of the wrong type, or with an unsafe owner or mode.
fn file(error: &FileError) -> (ExitStatus, Vec<String>) {
    match error {
        FileError::NotAFile { path, .. } | FileError::NotADirectory { path, .. } | FileError::TooLarge { path, .. } => {
            (ExitStatus::Conflict, vec![format!("move `{}` away and run the same command again", path.display())])
        }
        FileError::NotReplaceable { kind: FileKind::Directory, .. } => {
            (ExitStatus::Conflict, vec!["nothing was written; choose a file in it, or another file".to_owned()])
        }
        FileError::NotReplaceable { path, .. } => {
            let hint = format!("nothing was written; choose another file, or move `{}` away", path.display());
            (ExitStatus::Conflict, vec![hint])
        }
        FileError::SeveralNames { path } => (
            ExitStatus::Conflict,
            vec![format!("nothing was written; choose another file, or append to a copy of `{}`", path.display())],
        ),
        FileError::Distrusted { path, reason: Distrust::Owner(_) } => {
            let path = path.display();
            let hint = format!("run as the user who owns `{path}`, or remove it so that this user creates it");
            (ExitStatus::NotPermitted, vec![hint])
        }
        FileError::Distrusted { path, reason: Distrust::Writable } => {
            let path = path.display();
            let hint = format!(
                "remove the permission (`chmod go-w {path}`); if it is a mounted volume, set its mode to 755, or mount the volume at the project"
            );
            (ExitStatus::Conflict, vec![hint])
        }
        FileError::Io { path, source, .. } => of_ours(path, source),
    }
}

/// An I/O error in the `.reproq` directory. Exit code 4 is for what the user requested; a file that is missing here was removed
/// in the meantime.
fn of_ours(path: &Path, source: &io::Error) -> (ExitStatus, Vec<String>) {
    if source.kind() == io::ErrorKind::NotFound {
        return (ExitStatus::Failure, vec!["run the same command again".to_owned()]);
    }
    io_advice(source, Some(path))
}

/// An error reading a file. If it is not a regular file, there is no error number, so a hint is added.
fn of_a_file(path: &Path, source: &io::Error) -> (ExitStatus, Vec<String>) {
    let (status, mut hints) = io_advice(source, Some(path));
    if hints.is_empty() {
        hints.push(format!("move `{}` away and run the same command again", path.display()));
    }
    (status, hints)
}

/// The most severe error: failed verification first, else that of the last source, which is the most authoritative.
fn everywhere(tried: &[(String, AcquireError)], request: &InstallRequest) -> (ExitStatus, Vec<String>) {
    let candidates: Vec<_> = tried.iter().map(|(_, error)| error.advice(request)).collect();
    let refused = candidates.iter().find(|(status, _)| *status == ExitStatus::Unverified);
    refused.or(candidates.last()).cloned().unwrap_or((ExitStatus::Failure, Vec::new()))
}

fn resolve(error: &ResolveError) -> (ExitStatus, Vec<String>) {
    match error {
        ResolveError::Incomplete { .. } => (
            ExitStatus::Unavailable,
            vec!["the release is being published right now; run the same command again in a few minutes".to_owned()],
        ),
        ResolveError::Draft { .. } => {
            (ExitStatus::NotFound, vec!["publish the release, or choose another one with `--tag`".to_owned()])
        }
        ResolveError::Fallback(reason) => fallback(reason),
    }
}

fn archive(error: &ArchiveError) -> (ExitStatus, Vec<String>) {
    if error.is_refusal() {
        let hint = "the release published an archive that cannot be unpacked safely; report it to the maintainers";
        return (ExitStatus::Unverified, vec![hint.to_owned()]);
    }
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.map_or((ExitStatus::Failure, Vec::new()), |source| io_advice(source, Some(Path::new(".reproq/staging"))))
}

/// Why a release cannot be used, and what to do.
fn fallback(reason: &Fallback) -> (ExitStatus, Vec<String>) {
    match reason {
        Fallback::Asked | Fallback::RepairsBuild => (ExitStatus::NotFound, Vec::new()),
        Fallback::NoAsset { wanted, has, .. } => {
            (ExitStatus::NotFound, vec![format!("expected {}; the release has {}", wanted.join(" or "), listed(has))])
        }
        Fallback::NotInBundle { tag, target, has, .. } => (
            ExitStatus::NotFound,
            vec![
                format!("it has {}", listed(has)),
                format!(
                    "with network access: `reproq bundle create --tag {tag} --target {target} -o FILE`, or include the source with `--with-source DIR`"
                ),
            ],
        ),
        Fallback::NotInMirror { tag, has, .. } => (
            ExitStatus::NotFound,
            vec![
                format!("it has {}", listed(has)),
                format!("with network access: `reproq mirror sync DIR --tag {tag} --target all`"),
            ],
        ),
        Fallback::Unreachable { .. } => {
            (ExitStatus::Unavailable, vec!["check the network, DNS and HTTPS_PROXY".to_owned()])
        }
        Fallback::Offline { searched } if searched.is_empty() => {
            (ExitStatus::Unavailable, vec!["remove `--offline`, or run the command with network access".to_owned()])
        }
        Fallback::Offline { searched } => (ExitStatus::Unavailable, searched.clone()),
    }
}

fn nothing_serves(reason: &Fallback, build: &NoBuild, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
    let (status, mut hints) = fallback(reason);
    match build {
        NoBuild::Signed | NoBuild::Locked => {
            hints.push("to build one anyway, use `reproq install --build`".to_owned());
        }
        NoBuild::Forbidden => hints.push("remove `--no-build` to build from a checkout instead".to_owned()),
        NoBuild::BelowRequired => {
            let required = request.decided.policy.require;
            hints.push(format!(
                "a local build has the verdict `built`, and `{required}` is required; use `--require built`"
            ));
        }
        NoBuild::NoCheckout { searched } => {
            if request.options.from.is_some() {
                hints.push("the bundle contains no source to build from".to_owned());
            }
            let searched: Vec<String> =
                searched.iter().map(|(origin, path)| format!("{} ({origin})", path.display())).collect();
            hints.push(format!("no checkout to build from was found in {}", searched.join(", ")));
            let page =
                request.options.server.page(&[request.options.repository.owner(), request.options.repository.name()]);
            hints.push(format!("clone {page} there, or specify a checkout with `--source DIR`"));
        }
    }
    (status, hints)
}

/// A list of names for a message, truncated.
pub(in crate::commands) fn listed(names: &[String]) -> String {
    match names.len() {
        0 => "no assets".to_owned(),
        count @ 1..=SHOWN_NAMES => names[..count].join(", "),
        count => format!("{} and {} more", names[..SHOWN_NAMES].join(", "), count - SHOWN_NAMES),
    }
}
