//! Bytes that are not accepted, and binaries that do not fit.

use std::io;

use crate::binary::PreflightError;
use crate::binary::SmokeError;
use crate::exit::ExitStatus;
use crate::install::InstallRequest;
use crate::trust::EvidenceSource;
use crate::trust::VerifyError;

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
        VerifyError::BelowRequired { level, .. } => {
            (ExitStatus::Unverified, vec![format!("accept less with `--require {level}`")])
        }
    }
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

pub(super) fn smoke(error: &SmokeError) -> Vec<String> {
    match error {
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
    }
}
