//! Bytes that are not accepted, and binaries that do not fit.

use std::io;

use crate::failure::SystemError;
use crate::failure::exit::ExitStatus;
use crate::flows::install::InstallRequest;
use crate::model::Tag;
use crate::trust::EvidenceSource;
use crate::trust::VerifyError;
use crate::trust::attestation;
use crate::trust::attestation::AttestationRefusalReason;
use crate::trust::attestation::Field;
use crate::trust::attestation::NotProven;
use crate::worker::executable::PreflightError;
use crate::worker::executable::SmokeError;

const WITH_DEFAULT_FEATURES: &str = "use a build of reproq with its default features";

pub(super) fn verify(error: &VerifyError) -> (ExitStatus, Vec<String>) {
    match error {
        VerifyError::Mismatch { .. } => (
            ExitStatus::Unverified,
            vec![
                "nothing was installed; the binary in place is as it was".to_owned(),
                "run the command again; if the digests still differ, somebody changed the asset or the traffic: tell the maintainers"
                    .to_owned(),
            ],
        ),
        VerifyError::Disagreement { .. } => (
            ExitStatus::Unverified,
            vec!["nothing was installed; tell the maintainers that the release contradicts itself".to_owned()],
        ),
        VerifyError::Unknown { origin: EvidenceSource::ApiDigest, transient: true, .. } => (
            ExitStatus::Unavailable,
            vec![
                "wait, or set REPROQ_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN; no checksum file of the release stands in for GitHub's digest"
                    .to_owned(),
            ],
        ),
        VerifyError::Unknown { transient: true, .. } => (
            ExitStatus::Unavailable,
            vec!["run the same command again; a source that cannot be read is never taken for one that is silent".to_owned()],
        ),
        VerifyError::Unknown { origin: EvidenceSource::Provenance, transient: false, .. } => {
            let way = if attestation::is_available() {
                "a token that may read attestations (`attestations: read`), or none, may be answered; a file NAME.sigstore.json in the release needs neither"
            } else {
                WITH_DEFAULT_FEATURES
            };
            (ExitStatus::Unverified, vec![way.to_owned()])
        }
        VerifyError::Unknown { transient: false, .. } => {
            (ExitStatus::Unverified, vec!["tell the maintainers that the release's checksums cannot be read".to_owned()])
        }
        VerifyError::NoEvidence { .. } => (
            ExitStatus::Unverified,
            vec![
                "ask the maintainers to publish a SHA256SUMS file with the release".to_owned(),
                "build from a checkout with `--build`, or accept the bytes unproven with `--allow-unverified`".to_owned(),
            ],
        ),
        VerifyError::BelowRequired { level, required } if required.is_signed() => (
            ExitStatus::Unverified,
            vec![
                "ask the maintainers to attest their releases (docs/attestation.md says how)".to_owned(),
                format!("or accept less with `--require {level}`"),
            ],
        ),
        VerifyError::BelowRequired { level, .. } => {
            (ExitStatus::Unverified, vec![format!("accept less with `--require {level}`")])
        }
    }
}

/// Signatures that do not hold.
pub(super) fn not_proven(error: &NotProven) -> Vec<String> {
    let nothing = "nothing was installed; the binary in place is as it was".to_owned();
    let NotProven::Refused(refusals) = error else {
        let way = match error {
            NotProven::CannotVerify => WITH_DEFAULT_FEATURES,
            NotProven::NoBundle | NotProven::Root(_) | NotProven::Refused(_) => {
                "see whose keys are trusted with `reproq trust show`"
            }
        };
        return vec![nothing, way.to_owned()];
    };
    let mut ways: Vec<String> = refusals.iter().map(|refusal| reason(&refusal.reason).to_owned()).collect();
    ways.dedup();
    ways.insert(0, nothing);
    ways
}

/// What to do about a signature for a release that does not hold.
fn reason(reason: &AttestationRefusalReason) -> &'static str {
    match reason {
        AttestationRefusalReason::Malformed { .. } | AttestationRefusalReason::Unsupported { .. } => {
            "run the command again; if it stays so, tell the maintainers that what they sign cannot be verified"
        }
        AttestationRefusalReason::Broken { .. } | AttestationRefusalReason::OtherBytes { .. } => {
            "somebody may have changed the release or the traffic: tell the maintainers"
        }
        AttestationRefusalReason::UnknownKey { .. } if reason.may_be_too_new() => {
            "get the present keys with `reproq trust update`, then run the command again"
        }
        AttestationRefusalReason::UnknownKey { .. } => {
            "somebody may have changed the release; if you know who signs it, `reproq trust accept FILE` trusts their root"
        }
        AttestationRefusalReason::Clock { .. } => "set this machine's clock right and try again",
        AttestationRefusalReason::Unfit { mismatches } => {
            let only = |field: Field| mismatches.iter().all(|mismatch| mismatch.field == field);
            if only(Field::Workflow) {
                "if the worker is built by a workflow of another repository, name it with `--workflow` after you checked it"
            } else if only(Field::Runner) {
                "if the worker is built on machines of its owner, say so with `allow-self-hosted = true` in [tool.reproq]"
            } else if only(Field::Ref) {
                "if the worker is built from a branch, say so with `allow-branch = true` in [tool.reproq]"
            } else {
                "tell the maintainers: the release holds what was built for something else"
            }
        }
    }
}

/// Somebody else signed.
pub(super) fn other_signer(tag: &Tag) -> Vec<String> {
    let ask = "nothing was installed; ask the maintainers why somebody else signs, and not through the release itself";
    vec![ask.to_owned(), accept(tag)]
}

/// Nobody signed.
pub(super) fn less_than_locked(tag: &Tag) -> Vec<String> {
    let ask = "nothing was installed; whoever steals an account can publish a release and not sign for it: ask the maintainers";
    vec![ask.to_owned(), accept(tag)]
}

/// Signatures could not be asked for.
pub(super) fn not_asked(transient: bool) -> (ExitStatus, Vec<String>) {
    let (status, way) = if transient {
        (ExitStatus::Unavailable, "wait, or set REPROQ_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN")
    } else {
        (ExitStatus::Unverified, "a token that may read attestations (`attestations: read`), or none, may be answered")
    };
    let why = "nothing was changed: a proof that could not be asked for is not missing";
    (status, vec![why.to_owned(), way.to_owned()])
}

/// How a lock comes to record somebody else, or nobody.
fn accept(tag: &Tag) -> String {
    format!("if that is meant: `reproq lock --tag {tag} --accept-signer-change`, then the same command again")
}

pub(super) fn preflight(error: &PreflightError, request: &InstallRequest) -> Vec<String> {
    match error {
        PreflightError::LoaderMissing { .. } | PreflightError::GlibcTooOld { .. } => vec![
            "build one for this machine with `reproq install --build`; it needs Go and a checkout, and no C library"
                .to_owned(),
            "or use an image with a newer glibc, for example debian:bookworm-slim".to_owned(),
        ],
        PreflightError::WrongOs { .. } | PreflightError::WrongMachine { .. } | PreflightError::BuiltFor { .. } => {
            vec![format!("the asset for {} holds another machine's binary; tell the maintainers", request.target)]
        }
        PreflightError::NotAProgram { .. }
        | PreflightError::NotExecutable { .. }
        | PreflightError::AnotherProgram { .. } => {
            vec![format!("check that {} publishes the worker", request.repository)]
        }
    }
}

pub(super) fn smoke(error: &SmokeError) -> (ExitStatus, Vec<String>) {
    // A binary that was never asked is not unverified.
    if let SmokeError::CouldNotStart { path, source } = error
        && source.kind() != io::ErrorKind::PermissionDenied
        && source.kind() != io::ErrorKind::NotFound
        && let Some(row) = SystemError::of(source)
    {
        return (row.status(), vec![row.hint(Some(path))]);
    }
    if let SmokeError::Failed { said, .. } = error
        && let Some(row) = limit_of_the_go_runtime(said)
    {
        return (row.status(), vec![row.hint(None)]);
    }
    let hints = match error {
        SmokeError::CouldNotStart { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            vec!["the file system may forbid programs (noexec); install elsewhere with `--to PATH`".to_owned()]
        }
        SmokeError::LoaderMissing { .. } => {
            vec!["build one for this machine with `reproq install --build`".to_owned()]
        }
        SmokeError::CouldNotStart { .. }
        | SmokeError::TimedOut { .. }
        | SmokeError::Flooded { .. }
        | SmokeError::Failed { .. } => {
            vec!["name another release with `--tag`, or build from a checkout with `--build`".to_owned()]
        }
        SmokeError::OtherWords { .. } => {
            vec!["the binary is not the worker; check `--repo` and the release".to_owned()]
        }
    };
    (ExitStatus::Unverified, hints)
}

/// The limit that the Go runtime met before the program began, in the runtime's own words (`runtime/os_linux.go`,
/// `runtime/malloc.go`).
fn limit_of_the_go_runtime(said: &str) -> Option<SystemError> {
    if said.contains("failed to create new OS thread") {
        return Some(SystemError::NoMoreProcesses);
    }
    (said.contains("cannot allocate memory") || said.contains("out of memory")).then_some(SystemError::NoMemory)
}
