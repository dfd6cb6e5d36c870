//! What to do next, for every failure of an installation. Classes and hints are chosen here, because only the outer ring
//! knows the flags.

mod build;
mod bundle;
mod keyring;
mod lock;
mod mirror;
mod network;
mod proof;

pub(in crate::commands) use bundle::bundle;
pub(in crate::commands) use bundle::disagreement;
pub(in crate::commands) use bundle::fetching;
pub(in crate::commands) use bundle::source;
pub(in crate::commands) use bundle::writing;
pub(in crate::commands) use keyring::trusted_roots;
pub(in crate::commands) use keyring::update;
pub(in crate::commands) use lock::lockfile;
pub(in crate::commands) use lock::unsatisfied;
pub(in crate::commands) use network::reading;

use std::io;
use std::path::Path;

use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::failure::io_advice;
use crate::failure::io_again;
use crate::flows::install::Fallback;
use crate::flows::install::InstallError;
use crate::flows::install::InstallRequest;
use crate::flows::install::NoBuild;
use crate::flows::install::ResolveError;
use crate::io::fs::Distrust;
use crate::io::fs::FileError;
use crate::io::fs::FileKind;
use crate::io::fs::LockError;
use crate::io::net::NetError;
use crate::worker::archive::ArchiveError;
use crate::worker::store::StoreError;

/// A release with every machine's assets and their checksums has fewer.
const SHOWN_NAMES: usize = 24;

/// Turns a failed installation into what the user is told.
pub(in crate::commands) fn explain(error: InstallError, request: &InstallRequest) -> CommandError {
    let (status, hints) = judge(&error, request);
    let lines = error.details();
    let mut failure = CommandError::new(status, error).details(lines);
    failure.hints = hints;
    failure
}

/// Turns a failure of the network into what the user is told.
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

/// Turns a store that cannot be used into what the user is told.
pub(in crate::commands) fn store(error: &StoreError) -> CommandError {
    if let StoreError::File(FileError::Io { doing, path, source }) = error {
        return CommandError::io(doing, path, io_again(source));
    }
    let (status, hints) = in_the_store(error);
    CommandError { hints, ..CommandError::message(status, error.to_string()) }
}

/// Turns a file that could not be written into what the user is told.
pub(in crate::commands) fn output(error: FileError) -> CommandError {
    store(&StoreError::from(error))
}

fn judge(error: &InstallError, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
    match error {
        InstallError::Store(error) => in_the_store(error),
        InstallError::Lock(LockError::Held { .. }) => {
            (ExitStatus::Conflict, vec!["wait for it, or allow more time with `--lock-timeout 30m`".to_owned()])
        }
        InstallError::Lock(LockError::File(error)) => file(error),
        InstallError::PulledAway { .. } => (ExitStatus::Conflict, vec!["run the same command again".to_owned()]),
        InstallError::Lockfile(error) => lock::unreadable(error),
        InstallError::Disagreement(error) => bundle::disagreeing(error),
        InstallError::InTheWay { path, .. } => {
            (ExitStatus::Conflict, vec![format!("move `{}` away and run the same command again", path.display())])
        }
        InstallError::ThisCommand { .. } => (
            ExitStatus::Conflict,
            vec!["name another directory or file with `--to`; this command and the worker have the same name".to_owned()],
        ),
        InstallError::NotOurs { path } => (
            ExitStatus::Conflict,
            vec![format!(
                "name another directory or file with `--to`; if `{}` may be replaced, say so with `--force`",
                path.display()
            )],
        ),
        InstallError::NotMirrored { tag, refusal } => mirror::not_mirrored(tag, refusal),
        InstallError::Origin(error) => network::origin(error, request),
        InstallError::Drift { drift } => lock::drift(drift),
        InstallError::NoPrevious { .. } => {
            (ExitStatus::NotFound, vec!["name the version to install with `reproq install --tag TAG`".to_owned()])
        }
        InstallError::PreviousChanged { .. } => (
            ExitStatus::Unverified,
            vec!["nothing was changed; install that version again with `reproq install --tag TAG`".to_owned()],
        ),
        InstallError::NoVersions { .. } => {
            (ExitStatus::NotFound, vec!["name a release with `--tag`, or prereleases with `--pre`".to_owned()])
        }
        InstallError::Offline => (
            ExitStatus::Unavailable,
            vec![
                "leave out `--offline`, or name a release that the cache, a bundle or a mirror has with `--tag`"
                    .to_owned(),
            ],
        ),
        InstallError::Everywhere { tried } => everywhere(tried, request),
        InstallError::Resolve(error) => resolve(error),
        InstallError::Download { source, .. } => network::origin(source, request),
        InstallError::Verify { source, .. } => proof::verify(source),
        InstallError::NotProven { source, .. } => (ExitStatus::Unverified, proof::not_proven(source)),
        InstallError::OtherSigner { tag, .. } => (ExitStatus::Unverified, proof::other_signer(tag)),
        InstallError::NotAsked { transient, .. } => proof::not_asked(*transient),
        InstallError::SeveralSigners { .. } => (
            ExitStatus::Unverified,
            vec![
                "ask the maintainers why; for one machine alone name it with `--target`, or the workflow with REPROQ_WORKFLOW"
                    .to_owned(),
            ],
        ),
        InstallError::TwoWorkflows { .. } => (
            ExitStatus::Usage,
            vec![
                "see `reproq doctor` for who names the workflow; to move the lock: `reproq lock --accept-signer-change`"
                    .to_owned(),
            ],
        ),
        InstallError::LessComesBack { .. } => (
            ExitStatus::Unverified,
            vec![
                "nothing was changed; if going back is worth it: `reproq rollback --accept-signer-change`".to_owned(),
            ],
        ),
        InstallError::LessThanLocked { not_queried: true, transient, .. } => proof::not_asked(*transient),
        InstallError::LessThanLocked { tag, .. } => (ExitStatus::Unverified, proof::less_than_locked(tag)),
        InstallError::TrustedRoots(error) => keyring::judge(error),
        InstallError::Archive { source, .. } => archive(source),
        InstallError::Inspect(_) => (ExitStatus::Failure, Vec::new()),
        InstallError::Preflight { source, .. } => (ExitStatus::Unverified, proof::preflight(source, request)),
        InstallError::Smoke { source, .. } => proof::smoke(source),
        InstallError::Version { .. } => (
            ExitStatus::Unverified,
            vec!["tell the maintainers: the release's binary and its tag do not belong together".to_owned()],
        ),
        InstallError::NothingServes { fallback, build } => nothing_serves(fallback, build, request),
        InstallError::Prepare { source, .. } => build::prepare(source),
        InstallError::Build { source, .. } => build::build(source),
        InstallError::Staging { source, .. } => of_ours(&request.layout.home, source),
    }
}

fn in_the_store(error: &StoreError) -> (ExitStatus, Vec<String>) {
    match error {
        StoreError::File(error) => file(error),
        StoreError::StagedChanged { .. } => (
            ExitStatus::Unverified,
            vec![
                "nothing was installed; find out which program wrote to it, and run the same command again".to_owned(),
            ],
        ),
    }
}

/// A file or a directory that is not used, because of what it is, or who may change it.
fn file(error: &FileError) -> (ExitStatus, Vec<String>) {
    match error {
        FileError::NotAFile { path, .. } | FileError::NotADirectory { path, .. } | FileError::TooLarge { path, .. } => {
            (ExitStatus::Conflict, vec![format!("move `{}` away and run the same command again", path.display())])
        }
        FileError::NotReplaceable { kind: FileKind::Directory, .. } => {
            (ExitStatus::Conflict, vec!["nothing was written; name a file in it, or another file".to_owned()])
        }
        FileError::NotReplaceable { path, .. } => {
            let hint = format!("nothing was written; name another file, or move `{}` away", path.display());
            (ExitStatus::Conflict, vec![hint])
        }
        FileError::SeveralNames { path } => (
            ExitStatus::Conflict,
            vec![format!(
                "nothing was written; name another file, or make a copy of `{}` and add to that",
                path.display()
            )],
        ),
        FileError::Distrusted { path, reason: Distrust::Owner(_) } => {
            let path = path.display();
            let hint = format!("run as the user who owns `{path}`; or remove it, and have it made by this user");
            (ExitStatus::NotPermitted, vec![hint])
        }
        FileError::Distrusted { path, reason: Distrust::Writable } => {
            let path = path.display();
            let hint = format!(
                "take the permission away (`chmod go-w {path}`); where a volume is mounted there, give it mode 755, or mount it at the project"
            );
            (ExitStatus::Conflict, vec![hint])
        }
        FileError::Io { path, source, .. } => of_ours(path, source),
    }
}

/// What the file system refused in a directory of ours. Exit code 4 is for what the user asked for; what is not found here was
/// there a moment ago.
fn of_ours(path: &Path, source: &io::Error) -> (ExitStatus, Vec<String>) {
    if source.kind() == io::ErrorKind::NotFound {
        return (ExitStatus::Failure, vec!["run the same command again".to_owned()]);
    }
    io_advice(source, Some(path))
}

/// What the file system refused of a file that was read. What is no file at all has no error number to tell the way out.
fn of_a_file(path: &Path, source: &io::Error) -> (ExitStatus, Vec<String>) {
    let (status, mut hints) = io_advice(source, Some(path));
    if hints.is_empty() {
        hints.push(format!("move `{}` away and run the same command again", path.display()));
    }
    (status, hints)
}

/// The class of the worst of them: refused bytes before everything, else the last place's, which is the most official.
fn everywhere(tried: &[(String, InstallError)], request: &InstallRequest) -> (ExitStatus, Vec<String>) {
    let judged: Vec<_> = tried.iter().map(|(_, error)| judge(error, request)).collect();
    let refused = judged.iter().find(|(status, _)| *status == ExitStatus::Unverified);
    refused.or(judged.last()).cloned().unwrap_or((ExitStatus::Failure, Vec::new()))
}

fn resolve(error: &ResolveError) -> (ExitStatus, Vec<String>) {
    match error {
        ResolveError::Incomplete { .. } => (
            ExitStatus::Unavailable,
            vec!["the release is being published right now; run the same command again in a few minutes".to_owned()],
        ),
        ResolveError::Draft { .. } => {
            (ExitStatus::NotFound, vec!["publish the release, or name another one with `--tag`".to_owned()])
        }
        ResolveError::Fallback(reason) => fallback(reason),
    }
}

fn archive(error: &ArchiveError) -> (ExitStatus, Vec<String>) {
    if error.is_refusal() {
        let hint = "the archive is what the release published, and not fit to be unpacked; tell the maintainers";
        return (ExitStatus::Unverified, vec![hint.to_owned()]);
    }
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.map_or((ExitStatus::Failure, Vec::new()), |source| io_advice(source, Some(Path::new(".reproq/staging"))))
}

/// Why a release cannot serve, with what would.
fn fallback(reason: &Fallback) -> (ExitStatus, Vec<String>) {
    match reason {
        Fallback::Asked | Fallback::RepairsBuild => (ExitStatus::NotFound, Vec::new()),
        Fallback::NoAsset { wanted, has, .. } => {
            (ExitStatus::NotFound, vec![format!("wanted {}; the release has {}", wanted.join(" or "), listed(has))])
        }
        Fallback::NotInBundle { tag, target, has, .. } => (
            ExitStatus::NotFound,
            vec![
                format!("it has {}", listed(has)),
                format!(
                    "where there is a network: `reproq bundle create --tag {tag} --target {target} -o FILE`, or one with a source: `--with-source DIR`"
                ),
            ],
        ),
        Fallback::NotInMirror { tag, has, .. } => (
            ExitStatus::NotFound,
            vec![
                format!("it has {}", listed(has)),
                format!("where there is a network: `reproq mirror sync DIR --tag {tag} --target all`"),
            ],
        ),
        Fallback::Unreachable { .. } => {
            (ExitStatus::Unavailable, vec!["check the network, its name server and HTTPS_PROXY".to_owned()])
        }
        Fallback::Offline { looked } if looked.is_empty() => {
            (ExitStatus::Unavailable, vec!["leave out `--offline`, or do it where there is a network".to_owned()])
        }
        Fallback::Offline { looked } => (ExitStatus::Unavailable, looked.clone()),
    }
}

fn nothing_serves(reason: &Fallback, build: &NoBuild, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
    let (status, mut hints) = fallback(reason);
    match build {
        NoBuild::Signed | NoBuild::Locked => {
            hints.push("to build one all the same, say so with `reproq install --build`".to_owned());
        }
        NoBuild::Forbidden => hints.push("leave out `--no-build` to build from a checkout instead".to_owned()),
        NoBuild::BelowRequired => {
            let required = request.policy.require;
            hints.push(format!(
                "a local build is proven as `built`, and `{required}` is required; use `--require built`"
            ));
        }
        NoBuild::NoCheckout { looked } => {
            if request.from.is_some() {
                hints.push("the bundle carries no source to build from".to_owned());
            }
            let looked: Vec<String> =
                looked.iter().map(|(origin, path)| format!("{} ({origin})", path.display())).collect();
            hints.push(format!("no checkout to build from was found at {}", looked.join(", ")));
            let page = request.server.page(&[request.repository.owner(), request.repository.name()]);
            hints.push(format!("clone {page} there, or name a checkout with `--source DIR`"));
        }
    }
    (status, hints)
}

/// Names for a sentence, no more of them than anybody reads.
pub(in crate::commands) fn listed(names: &[String]) -> String {
    match names.len() {
        0 => "no assets".to_owned(),
        count @ 1..=SHOWN_NAMES => names[..count].join(", "),
        count => format!("{} and {} more", names[..SHOWN_NAMES].join(", "), count - SHOWN_NAMES),
    }
}
