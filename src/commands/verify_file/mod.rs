//! `reproq verify FILE`: verifies the attestations of a file, offline. Writes nothing.
#![expect(clippy::disallowed_methods, reason = "files named on the command line are read here")]

mod report;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use crate::cli::KindChoice;
use crate::cli::VerifyFileArgs;
use crate::commands::hints;
use crate::commands::request;
use crate::commands::session::Session;
use crate::commands::verify_file::report::FileReport;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::fs::hashing_writer;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::trust::attestation;
use crate::trust::attestation::MAX_TEXT;
use crate::trust::attestation::NotProven;
use crate::trust::attestation::Policy;
use crate::trust::attestation::Roots;
use crate::trust::attestation::WantedAttestation;
use crate::trust::attestation::Workflow;

/// The size limit of a file of roots or a key.
const MAX_SMALL: usize = 1024 * 1024;

/// The bytes to verify: their digest, and the file if there is one.
struct Bytes {
    sha256: Sha256Digest,
    file: Option<PathBuf>,
}

pub(super) fn verify(
    file: &OsStr,
    arguments: &VerifyFileArgs,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    let policy = policy(arguments, session)?;
    let roots = roots(&arguments.trusted_root, session)?;
    let bytes = bytes(file, session)?;
    let mut bundles = Vec::new();
    for path in &arguments.bundle {
        let text = read(&session.env.cwd.join(path), MAX_TEXT)?;
        let found = attestation::split(&text).map_err(|error| {
            let failure = CommandError::new(ExitStatus::Unverified, error);
            failure.context(format!("failed to read attestations from `{}`", path.display()))
        })?;
        bundles.extend(found);
    }
    let texts: Vec<&[u8]> = bundles.iter().map(String::as_bytes).collect();
    let outcome = attestation::verify(&texts, bytes.sha256, &policy, &roots, session.now);
    let outcome = outcome.map_err(|error| match error {
        NotProven::Refused(refused) => Ok(refused),
        NotProven::CannotVerify | NotProven::NoBundle | NotProven::Root(_) => Err(error),
    });
    let report = match outcome {
        Ok(proven) => FileReport::proven(&bytes, proven, &policy),
        Err(Ok(refused)) => FileReport::refused(&bytes, refused, &roots, session.now),
        Err(Err(error)) => return Err(unable(error)),
    };
    let status = if report.ok { ExitStatus::Success } else { ExitStatus::Unverified };
    session.ui.report(&report)?;
    Ok(status)
}

/// The error if no attestation could be checked.
fn unable(error: NotProven) -> CommandError {
    let hint = match &error {
        NotProven::CannotVerify => "use a build of reproq with its default features",
        NotProven::NoBundle => "there is no attestation; ask the publisher of the file for one",
        NotProven::Root(_) | NotProven::Refused(_) => "get the trusted root again, and compare its digest",
    };
    CommandError::new(ExitStatus::Unverified, error).hint(hint)
}

fn policy(arguments: &VerifyFileArgs, session: &Session<'_>) -> Result<Policy, CommandError> {
    let usage = |error: anyhow::Error| CommandError::new(ExitStatus::Usage, error);
    let mut policy = match (&arguments.repo, &arguments.certificate_identity, &arguments.key) {
        (Some(repo), identity, _) => {
            let repository: RepoSlug = repo.parse().map_err(|error| usage(anyhow::Error::new(error)))?;
            let mut policy = Policy::of_repository(repository.clone());
            if let Some(text) = &arguments.workflow {
                policy.workflow =
                    Some(Workflow::named(text, &repository).map_err(|error| usage(anyhow::Error::new(error)))?);
            }
            match identity {
                Some(identity) => policy.and_identity(identity),
                None => policy,
            }
        }
        (None, Some(identity), _) => Policy::of_identity(identity, ""),
        (None, None, Some(path)) => {
            let pem = read(&session.env.cwd.join(path), MAX_SMALL)?;
            let pem = String::from_utf8(pem).map_err(|_| not_a_key(path))?;
            if !pem.contains("-----BEGIN PUBLIC KEY-----") {
                return Err(not_a_key(path));
            }
            Policy::of_key(pem)
        }
        (None, None, None) => {
            let message = "the expected signer is missing";
            return Err(CommandError::message(ExitStatus::Usage, message)
                .hint("require the repository that it was built from with `--repo OWNER/NAME`")
                .hint("for other signers, use `--certificate-identity` with `--certificate-issuer`, or `--key`"));
        }
    };
    if let Some(issuer) = &arguments.certificate_issuer {
        policy.issuer.clone_from(issuer);
    }
    policy.wanted = match arguments.kind {
        KindChoice::Build => WantedAttestation::Build,
        KindChoice::Release => WantedAttestation::Release,
        KindChoice::Any => WantedAttestation::Any,
    };
    policy.tag = match &arguments.tag {
        Some(tag) => Some(tag.parse().map_err(|error| usage(anyhow::Error::new(error)))?),
        None => None,
    };
    policy.repository_id = arguments.repo_id;
    policy.require_tag_ref = arguments.require_tag_ref;
    policy.asset.clone_from(&arguments.asset);
    policy.allow_self_hosted = arguments.allow_self_hosted;
    Ok(policy)
}

fn not_a_key(path: &Path) -> CommandError {
    let message = format!("`{}` is not a public key in PEM format (`-----BEGIN PUBLIC KEY-----`)", path.display());
    CommandError::message(ExitStatus::Usage, message)
}

/// The trusted roots: those in the given files, else the user's and the embedded ones.
pub(super) fn roots(paths: &[PathBuf], session: &Session<'_>) -> Result<Roots, CommandError> {
    let mut named: Option<Roots> = None;
    for path in paths {
        let text = read(&session.env.cwd.join(path), MAX_SMALL)?;
        let roots = Roots::from_file(&path.to_string_lossy(), &text).map_err(|error| unable(NotProven::Root(error)))?;
        named = Some(match named {
            Some(earlier) => earlier.and(roots),
            None => roots,
        });
    }
    match named {
        Some(roots) => Ok(roots),
        None => request::trusted_roots(session).roots().map_err(hints::trusted_roots),
    }
}

/// Parses a digest, or computes the digest of a file.
fn bytes(file: &OsStr, session: &Session<'_>) -> Result<Bytes, CommandError> {
    if let Some(text) = file.to_str().filter(|text| text.starts_with("sha256:")) {
        let sha256 = Sha256Digest::parse_prefixed(text).map_err(|error| {
            let failure =
                CommandError::new(ExitStatus::Usage, error).context(format!("`{text}` is not a valid digest"));
            failure.hint(format!("for a file with that name, use `./{text}`"))
        })?;
        return Ok(Bytes { sha256, file: None });
    }
    let path = session.env.cwd.join(file);
    let sha256 = hashing_writer::hash_file(&path).map_err(|error| CommandError::io("read", &path, error))?;
    Ok(Bytes { sha256, file: Some(PathBuf::from(file)) })
}

/// Reads a file named on the command line, up to a size limit.
fn read(path: &Path, most: usize) -> Result<Vec<u8>, CommandError> {
    let bounded = |file: File| -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        file.take(most as u64 + 1).read_to_end(&mut text)?;
        Ok(text)
    };
    let text = File::open(path).and_then(bounded).map_err(|error| CommandError::io("read", path, error))?;
    if text.len() > most {
        let message = format!("`{}` is larger than {most} bytes, the limit for such a file", path.display());
        return Err(CommandError::message(ExitStatus::Unverified, message));
    }
    Ok(text)
}
