//! The local build, used when no release can be.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use crate::flows::install::AcquireError;
use crate::flows::install::BuildMode;
use crate::flows::install::Fallback;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallError;
use crate::flows::install::InstallRequest;
use crate::flows::install::LocalBuildError;
use crate::flows::install::LockfileAction;
use crate::flows::install::acquire::Acquired;
use crate::flows::install::error::NoBuild;
use crate::flows::install::signer::Signed;
use crate::io::fs::hashing_writer::Written;
use crate::io::fs::hashing_writer::hash_existing;
use crate::model::VersionSpec;
use crate::platform;
use crate::sources::bundle::Bundle;
use crate::sources::bundle::BundledSource;
use crate::sources::source::SourceError;
use crate::trust::Level;
use crate::worker::local_build;
use crate::worker::local_build::BuildRequest;
use crate::worker::local_build::SourceOrigin;
use crate::worker::store::BuildRecord;
use crate::worker::store::ReceiptOrigin;

/// The source of a build.
pub(super) enum BuildSource<'a> {
    /// A checkout.
    Checkout(&'a Path),
    /// The source in a bundle.
    Carried(&'a Bundle, &'a BundledSource),
}

impl fmt::Display for BuildSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkout(path) => write!(f, "{}", path.display()),
            Self::Carried(bundle, _) => write!(f, "{}#source", bundle.name()),
        }
    }
}

/// Chooses the source: the one in a bundle, unless a checkout is given on the command line. An explicitly named directory is used
/// even if it does not exist, so that the error names it.
pub(super) fn source<'a>(request: &'a InstallRequest, because: &Fallback) -> Result<BuildSource<'a>, LocalBuildError> {
    let refuse = |build| LocalBuildError::NothingServes { fallback: because.clone(), build };
    if request.options.build == BuildMode::Never {
        return Err(refuse(NoBuild::Forbidden));
    }
    if request.decided.lock == LockfileAction::Require {
        return Err(refuse(NoBuild::Locked));
    }
    if request.options.trust.require > Level::Built {
        return Err(refuse(NoBuild::BelowRequired));
    }
    if request.decided.signer.is_some() {
        return Err(refuse(NoBuild::Signed));
    }
    // A lockfile that pins bytes for this platform is not satisfied by a build, unless a build was requested.
    if request.options.build != BuildMode::Only && request.decided.keep.is_some() {
        return Err(refuse(NoBuild::Locked));
    }
    let is_named = request.options.sources.iter().any(|(origin, _)| *origin == SourceOrigin::Flag);
    if let Some(bundle) = request.options.from.as_ref().filter(|_| !is_named)
        && let Some(source) = &bundle.manifest().source
    {
        return Ok(BuildSource::Carried(bundle, source));
    }
    let usable = |(origin, path): &&(SourceOrigin, PathBuf)| origin.is_chosen() || path.is_dir();
    match request.options.sources.iter().find(usable) {
        Some((_, path)) => Ok(BuildSource::Checkout(path)),
        None => Err(refuse(NoBuild::NoCheckout { searched: request.options.sources.clone() })),
    }
}

/// Builds the worker into the staging directory.
pub(super) fn build(
    request: &InstallRequest,
    context: &InstallContext<'_>,
    because: &Fallback,
    staging: &Path,
) -> Result<Acquired, InstallError> {
    let source = source(request, because)?;
    let wanted_tag = match &request.decided.spec {
        Some(VersionSpec::Exact(tag)) => Some(tag.clone()),
        Some(VersionSpec::Latest) | None => None,
    };
    context.progress.note(&format!("{because}; building from {source}"));
    let (directory, offline) = match &source {
        BuildSource::Checkout(path) => ((*path).to_owned(), request.options.offline),
        // It vendors everything it needs.
        BuildSource::Carried(bundle, _) => (carried(bundle, context, staging)?, true),
    };
    let build = BuildRequest {
        source: directory,
        tool: request.options.tool,
        target: request.options.target,
        offline,
        wanted_tag: wanted_tag.clone(),
        output: staging.join(request.options.tool.installed_name(request.options.target)),
    };
    let plan = local_build::prepare(&build, context.environment)
        .map_err(|source| LocalBuildError::Prepare { because: because.clone(), source })?;
    let built = local_build::apply(&plan, context.environment, context.progress, &platform::is_interrupted)
        .map_err(|source| LocalBuildError::Build { because: because.clone(), source })?;
    let hashed = |source| AcquireError::Staging { doing: "read what was built", source };
    let Written { path, size, sha256, id } = hash_existing(&built.path).map_err(hashed)?;
    let (commit, dirty) = match &source {
        BuildSource::Checkout(_) => (built.commit, built.dirty),
        BuildSource::Carried(_, carried) => (carried.commit.clone(), carried.dirty),
    };
    let record = BuildRecord {
        source: source.to_string(),
        commit,
        dirty,
        source_version: built.source_version.map(|version| version.to_string()),
        go_version: built.go_version,
        reason: because.to_string(),
    };
    Ok(Acquired {
        name: format!("the worker built from {source}"),
        path,
        id,
        sha256,
        size,
        verdict: Level::Built,
        evidence: Vec::new(),
        origin: ReceiptOrigin::Build(record),
        tag: wanted_tag,
        lockfile: None,
        signed: Signed::default(),
        for_cache: None,
    })
}

/// Extracts the source from a bundle, which must be valid as a whole.
fn carried(bundle: &Bundle, context: &InstallContext<'_>, staging: &Path) -> Result<PathBuf, AcquireError> {
    let directory = staging.join("source");
    match bundle.extract_source(&directory, context.progress) {
        Ok(()) => Ok(directory),
        Err(error) => Err(AcquireError::Source(SourceError::bundle(bundle, error))),
    }
}
