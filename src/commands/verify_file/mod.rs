//! `reproq verify FILE`: who made a file, by its attestations, without the network. Writes nothing.
#![expect(clippy::disallowed_methods, reason = "the files people name on the command line are read here")]

mod report;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use crate::cli::KindChoice;
use crate::cli::ProofArgs;
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

/// No list of roots and no key comes near this many bytes.
const MAX_SMALL: usize = 1024 * 1024;

/// What is asked about: some bytes, by their digest, and the file they came from.
struct Bytes {
    sha256: Sha256Digest,
    file: Option<PathBuf>,
}

/// Verifies.
pub(super) fn verify(file: &OsStr, arguments: &ProofArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let policy = policy(arguments, session)?;
    let roots = roots(&arguments.trusted_root, session)?;
    let bytes = bytes(file, session)?;
    let mut bundles = Vec::new();
    for path in &arguments.bundle {
        let text = read(&session.env.cwd.join(path), MAX_TEXT)?;
        let found = attestation::split(&text).map_err(|error| {
            let failure = CommandError::new(ExitStatus::Unverified, error);
            failure.context(format!("`{}` has no attestations that can be read", path.display()))
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

/// Nothing was verified at all.
fn unable(error: NotProven) -> CommandError {
    let hint = match &error {
        NotProven::CannotVerify => "use a build with its default features",
        NotProven::NoBundle => "nothing says who made the file; ask its publisher for an attestation",
        NotProven::Root(_) | NotProven::Refused(_) => "get the trusted root again, and compare its digest",
    };
    CommandError::new(ExitStatus::Unverified, error).hint(hint)
}

fn policy(arguments: &ProofArgs, session: &Session<'_>) -> Result<Policy, CommandError> {
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
            let message = "it must be said who is expected to have made the file";
            return Err(CommandError::message(ExitStatus::Usage, message)
                .hint("name the repository it must have been built from with `--repo OWNER/NAME`")
                .hint("for a file from elsewhere: `--certificate-identity` with `--certificate-issuer`, or `--key`"));
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
    let message = format!("`{}` is not a public key in PEM (`-----BEGIN PUBLIC KEY-----`)", path.display());
    CommandError::message(ExitStatus::Usage, message)
}

/// The keys that count: those in the files that were named, else the ones this program brings.
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

/// A digest as it is, or the digest of a file.
fn bytes(file: &OsStr, session: &Session<'_>) -> Result<Bytes, CommandError> {
    if let Some(text) = file.to_str().filter(|text| text.starts_with("sha256:")) {
        let sha256 = Sha256Digest::parse_prefixed(text).map_err(|error| {
            let failure = CommandError::new(ExitStatus::Usage, error).context(format!("`{text}` is no digest"));
            failure.hint(format!("for a file of that name write `./{text}`"))
        })?;
        return Ok(Bytes { sha256, file: None });
    }
    let path = session.env.cwd.join(file);
    let sha256 = hashing_writer::hash_file(&path).map_err(|error| CommandError::io("read", &path, error))?;
    Ok(Bytes { sha256, file: Some(PathBuf::from(file)) })
}

/// Reads a file people named, up to a bound.
fn read(path: &Path, most: usize) -> Result<Vec<u8>, CommandError> {
    let bounded = |file: File| -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        file.take(most as u64 + 1).read_to_end(&mut text)?;
        Ok(text)
    };
    let text = File::open(path).and_then(bounded).map_err(|error| CommandError::io("read", path, error))?;
    if text.len() > most {
        let message = format!("`{}` has more than {most} bytes, which no file of its kind has", path.display());
        return Err(CommandError::message(ExitStatus::Unverified, message));
    }
    Ok(text)
}
