//! The local build, where the release cannot serve.

use std::path::Path;
use std::path::PathBuf;

use crate::build;
use crate::build::BuildRequest;
use crate::build::SourceOrigin;
use crate::install::BuildMode;
use crate::install::Door;
use crate::install::Fallback;
use crate::install::InstallError;
use crate::install::InstallRequest;
use crate::install::LockOrder;
use crate::install::acquire::Acquired;
use crate::install::error::NoBuild;
use crate::platform;
use crate::release::VersionSpec;
use crate::staging::hash_file;
use crate::store::BuildRecord;
use crate::store::ReceiptOrigin;
use crate::trust::Level;

/// The checkout a build would use. A folder somebody named is used even if it is not there, so that the error names it.
pub(super) fn checkout(request: &InstallRequest, because: &Fallback) -> Result<PathBuf, InstallError> {
    let refuse = |build| InstallError::NothingServes { fallback: because.clone(), build };
    if request.build == BuildMode::Never {
        return Err(refuse(NoBuild::Forbidden));
    }
    if request.lock == LockOrder::Obey {
        return Err(refuse(NoBuild::Locked));
    }
    if request.policy.require > Level::Built {
        return Err(refuse(NoBuild::BelowRequired));
    }
    let usable = |(origin, path): &&(SourceOrigin, PathBuf)| origin.is_chosen() || path.is_dir();
    match request.sources.iter().find(usable) {
        Some((_, path)) => Ok(path.clone()),
        None => Err(refuse(NoBuild::NoCheckout { looked: request.sources.clone() })),
    }
}

/// Builds the worker into the staging folder.
pub(super) fn build(
    request: &InstallRequest,
    door: &Door<'_>,
    because: &Fallback,
    staging: &Path,
) -> Result<Acquired, InstallError> {
    let source = checkout(request, because)?;
    let wanted_tag = match &request.spec {
        Some(VersionSpec::Exact(tag)) => Some(tag.clone()),
        Some(VersionSpec::Latest) | None => None,
    };
    door.progress.note(&format!("{because}; building from {}", source.display()));
    let order = BuildRequest {
        source: source.clone(),
        tool: request.tool,
        target: request.target,
        offline: request.offline,
        wanted_tag: wanted_tag.clone(),
        output: staging.join(request.tool.installed_name(request.target)),
    };
    let plan = build::prepare(&order, door.environment)
        .map_err(|source| InstallError::Prepare { because: because.clone(), source })?;
    let built = build::apply(&plan, door.environment, door.progress, &platform::is_interrupted)
        .map_err(|source| InstallError::Build { because: because.clone(), source })?;
    let hashed = |source| InstallError::Staging { doing: "read what was built", source };
    let sha256 = hash_file(&built.path).map_err(hashed)?;
    let size = platform::file_size(&built.path).map_err(hashed)?;
    let record = BuildRecord {
        source: source.to_string_lossy().into_owned(),
        commit: built.commit,
        dirty: built.dirty,
        source_version: built.source_version.map(|version| version.to_string()),
        go_version: built.go_version,
        reason: because.to_string(),
    };
    Ok(Acquired {
        name: format!("the worker built from {}", source.display()),
        path: built.path,
        sha256,
        size,
        verdict: Level::Built,
        evidence: Vec::new(),
        origin: ReceiptOrigin::Build(record),
        tag: wanted_tag,
        lockfile: None,
        for_cache: None,
    })
}
