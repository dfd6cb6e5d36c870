//! Errors of verification, and binaries that do not run on this platform.

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
                "nothing was installed; the existing binary is unchanged".to_owned(),
                "run the same command again; if the digests still differ, the asset or the connection was tampered with: tell the maintainers"
                    .to_owned(),
            ],
        ),
        VerifyError::Disagreement { .. } => (
            ExitStatus::Unverified,
            vec!["nothing was installed; tell the maintainers that the checksums of the release disagree".to_owned()],
        ),
        VerifyError::Unknown { origin: EvidenceSource::ApiDigest, transient: true, .. } => (
            ExitStatus::Unavailable,
            vec![
                "wait, or set REPROQ_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN; the release has no checksum file to use instead of GitHub's digest"
                    .to_owned(),
            ],
        ),
        VerifyError::Unknown { transient: true, .. } => (
            ExitStatus::Unavailable,
            vec!["run the same command again; evidence that cannot be read is not treated as absent".to_owned()],
        ),
        VerifyError::Unknown { origin: EvidenceSource::Provenance, transient: false, .. } => {
            let hint = if attestation::is_available() {
                "try a token with the permission `attestations: read`, or no token; a file NAME.sigstore.json in the release needs neither"
            } else {
                WITH_DEFAULT_FEATURES
            };
            (ExitStatus::Unverified, vec![hint.to_owned()])
        }
        VerifyError::Unknown { transient: false, .. } => {
            (ExitStatus::Unverified, vec!["tell the maintainers that the release's checksums cannot be read".to_owned()])
        }
        VerifyError::NoEvidence { .. } => (
            ExitStatus::Unverified,
            vec![
                "ask the maintainers to publish a SHA256SUMS file with the release".to_owned(),
                "build from a checkout with `--build`, or install without verification with `--allow-unverified`".to_owned(),
            ],
        ),
        VerifyError::BelowRequired { level, required } if required.is_signed() => (
            ExitStatus::Unverified,
            vec![
                "ask the maintainers to attest their releases (see docs/attestation.md)".to_owned(),
                format!("or lower the requirement with `--require {level}`"),
            ],
        ),
        VerifyError::BelowRequired { level, .. } => {
            (ExitStatus::Unverified, vec![format!("lower the requirement with `--require {level}`")])
        }
    }
}

/// The hints for attestations that could not be verified.
pub(super) fn refused(error: &NotProven) -> Vec<String> {
    let nothing = "nothing was installed; the existing binary is unchanged".to_owned();
    let NotProven::Refused(refusals) = error else {
        let hint = match error {
            NotProven::CannotVerify => WITH_DEFAULT_FEATURES,
            NotProven::NoBundle | NotProven::Root(_) | NotProven::Refused(_) => {
                "list the trusted roots with `reproq trust show`"
            }
        };
        return vec![nothing, hint.to_owned()];
    };
    let mut hints: Vec<String> = refusals.iter().map(|refusal| reason(&refusal.reason).to_owned()).collect();
    hints.dedup();
    hints.insert(0, nothing);
    hints
}

/// The hint for one rejected attestation.
fn reason(reason: &AttestationRefusalReason) -> &'static str {
    match reason {
        AttestationRefusalReason::Malformed { .. } | AttestationRefusalReason::Unsupported { .. } => {
            "run the same command again; if it happens again, tell the maintainers that their attestations cannot be verified"
        }
        AttestationRefusalReason::Broken { .. } | AttestationRefusalReason::OtherBytes { .. } => {
            "the release or the connection may have been tampered with: tell the maintainers"
        }
        AttestationRefusalReason::UnknownKey { .. } if reason.may_be_too_new() => {
            "fetch the current keys with `reproq trust update`, then run the same command again"
        }
        AttestationRefusalReason::UnknownKey { .. } => {
            "the release may have been tampered with; if you know the signer, trust their root with `reproq trust accept FILE`"
        }
        AttestationRefusalReason::Clock { .. } => "correct the system clock and try again",
        AttestationRefusalReason::Unfit { mismatches } => {
            let only = |field: Field| mismatches.iter().all(|mismatch| mismatch.field == field);
            if only(Field::Workflow) {
                "if the worker is built by a workflow in another repository, review that workflow and specify it with `--workflow`"
            } else if only(Field::Runner) {
                "if the worker is built on self-hosted runners, set `allow-self-hosted = true` in [tool.reproq]"
            } else if only(Field::Ref) {
                "if the worker is built from a branch, set `allow-branch = true` in [tool.reproq]"
            } else {
                "tell the maintainers: the attestation is for a different release or asset"
            }
        }
    }
}

/// The hints for a signer other than the locked one.
pub(super) fn other_signer(tag: &Tag) -> Vec<String> {
    let hint = "nothing was installed; ask the maintainers, not through the release itself, why the signer changed";
    vec![hint.to_owned(), accept(tag)]
}

/// The hints for a release without the locked signer's attestation.
pub(super) fn less_than_locked(tag: &Tag) -> Vec<String> {
    let hint = "nothing was installed; an attacker with a stolen account can publish a release but not attest it: ask the maintainers";
    vec![hint.to_owned(), accept(tag)]
}

/// The hints for attestations that could not be requested.
pub(super) fn not_queried(transient: bool) -> (ExitStatus, Vec<String>) {
    let (status, hint) = if transient {
        (ExitStatus::Unavailable, "wait, or set REPROQ_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN")
    } else {
        (ExitStatus::Unverified, "try a token with the permission `attestations: read`, or no token")
    };
    let why = "nothing was changed; an attestation that could not be requested may still exist";
    (status, vec![why.to_owned(), hint.to_owned()])
}

/// How to accept a different signer, or none.
fn accept(tag: &Tag) -> String {
    format!("if this is intended, run `reproq lock --tag {tag} --accept-signer-change`, then the same command again")
}

pub(super) fn preflight(error: &PreflightError, request: &InstallRequest) -> Vec<String> {
    match error {
        PreflightError::LoaderMissing { .. } | PreflightError::GlibcTooOld { .. } => vec![
            "build the worker with `reproq install --build`; this needs Go and a checkout, but no C library".to_owned(),
            "or use an image with a newer glibc, for example debian:bookworm-slim".to_owned(),
        ],
        PreflightError::WrongOs { .. } | PreflightError::WrongMachine { .. } | PreflightError::BuiltFor { .. } => {
            vec![format!(
                "the asset for {} has a binary for another platform; tell the maintainers",
                request.options.target
            )]
        }
        PreflightError::NotAProgram { .. }
        | PreflightError::NotExecutable { .. }
        | PreflightError::AnotherProgram { .. } => {
            vec![format!("check that {} publishes the worker", request.options.repository)]
        }
    }
}

pub(super) fn smoke(error: &SmokeError) -> (ExitStatus, Vec<String>) {
    // A binary that could not be started for reasons of the system is not unverified.
    if let SmokeError::CouldNotStart { path, source } = error
        && source.kind() != io::ErrorKind::PermissionDenied
        && source.kind() != io::ErrorKind::NotFound
        && let Some(row) = SystemError::of(source)
    {
        return (row.status(), vec![row.hint(Some(path))]);
    }
    if let SmokeError::Failed { said, .. } = error
        && let Some(row) = go_runtime_limit(said)
    {
        return (row.status(), vec![row.hint(None)]);
    }
    let hints = match error {
        SmokeError::CouldNotStart { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            vec![
                "the file system may not allow programs to run (noexec); install elsewhere with `--to PATH`".to_owned(),
            ]
        }
        SmokeError::LoaderMissing { .. } => {
            vec!["build the worker with `reproq install --build`".to_owned()]
        }
        SmokeError::CouldNotStart { .. }
        | SmokeError::TimedOut { .. }
        | SmokeError::Flooded { .. }
        | SmokeError::Failed { .. } => {
            vec!["choose another release with `--tag`, or build from a checkout with `--build`".to_owned()]
        }
        SmokeError::OtherWords { .. } => {
            vec!["the binary is not the worker; check `--repo` and the release".to_owned()]
        }
    };
    (ExitStatus::Unverified, hints)
}

/// The limit that the Go runtime hit before `main`, by the runtime's messages (`runtime/os_linux.go`, `runtime/malloc.go`).
fn go_runtime_limit(output: &str) -> Option<SystemError> {
    if output.contains("failed to create new OS thread") {
        return Some(SystemError::NoMoreProcesses);
    }
    (output.contains("cannot allocate memory") || output.contains("out of memory")).then_some(SystemError::NoMemory)
}
