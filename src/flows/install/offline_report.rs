//! For `--offline`: what was searched locally, and which file would have been used.

use std::path::Path;

use crate::flows::install::AcquireError;
use crate::flows::install::Fallback;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallRequest;
use crate::lockfile::Pin;
use crate::model::VersionSpec;
use crate::model::mirror_layout;
use crate::model::source_spec::SourceSpec;

/// One sentence per location, in the order searched.
pub(super) fn searched_locations(request: &InstallRequest, context: &InstallContext<'_>) -> Vec<String> {
    [vec![cache_report(request, context), bundle(request)], mirror_reports(request, context)].concat()
}

/// The error if no source has a release that is to be copied. A copy is not made from a bundle.
pub(super) fn not_provided(
    mut fallback: Fallback,
    request: &InstallRequest,
    context: &InstallContext<'_>,
) -> AcquireError {
    if let Fallback::Offline { searched } = &mut fallback {
        let mirrors = if context.mirrors.is_empty() { Vec::new() } else { mirror_reports(request, context) };
        *searched = [vec![cache_report(request, context)], mirrors].concat();
    }
    AcquireError::Resolve(fallback.into())
}

/// Offline, a release missing from a mirror directory is one more searched location; otherwise it is an error.
pub(super) fn or_offline(error: AcquireError, request: &InstallRequest, context: &InstallContext<'_>) -> AcquireError {
    let is_lack = matches!(&error, AcquireError::Source(problem) if problem.is_lack());
    if !(request.options.offline && is_lack) {
        return error;
    }
    AcquireError::Resolve(Fallback::Offline { searched: searched_locations(request, context) }.into())
}

/// The same for the mirrors, of which only directories can be used offline.
fn mirror_reports(request: &InstallRequest, context: &InstallContext<'_>) -> Vec<String> {
    let sentence = |place: &SourceSpec| match place {
        SourceSpec::GitHub => None,
        SourceSpec::Web(_) => Some(format!("mirror: {place} was skipped (--offline)")),
        SourceSpec::Directory(root) => Some(in_mirror(root, request)),
    };
    let mirrors: Vec<String> = context.mirrors.iter().filter_map(sentence).collect();
    if !mirrors.is_empty() {
        return mirrors;
    }
    let none =
        "mirror: none configured; create one while online (`reproq mirror sync DIR`) and pass it with `--mirror DIR`";
    vec![none.to_owned()]
}

/// The file that would have been used, and how to provide it.
fn in_mirror(root: &Path, request: &InstallRequest) -> String {
    let sync = format!("`reproq mirror sync {}`", root.display());
    let file = request.decided.pin.as_ref().and_then(|pin| {
        let Pin { lockfile, asset, .. } = pin;
        mirror_layout::asset_path(root, &lockfile.repository, &lockfile.tag, &asset.name)
    });
    if let Some(file) = file {
        return format!("mirror: {} does not exist; {sync} fetches it while online", file.display());
    }
    let release = match &request.decided.spec {
        Some(VersionSpec::Exact(tag)) => tag.to_string(),
        Some(VersionSpec::Latest) | None => format!("a release of {}", request.options.repository),
    };
    let index = mirror_layout::index_path(root, &request.options.repository);
    format!("mirror: {} does not list {release}; {sync} fetches it while online", index.display())
}

/// The same for the cache alone.
fn cache_report(request: &InstallRequest, context: &InstallContext<'_>) -> String {
    let Some(cache) = &context.cache else {
        return "cache: there is no cache directory; set REPROQ_CACHE_DIR".to_owned();
    };
    match &request.decided.pin {
        Some(pin) if cache.has(&pin.asset.sha256) && request.decided.policy.require.is_signed() => format!(
            "cache: it has {} of {}, but no attestation; a bundle or mirror includes both",
            pin.asset.name, pin.lockfile.tag
        ),
        Some(pin) => format!(
            "cache: {} does not exist; it would be {} of {}, and can be copied from another machine's cache",
            cache.asset(&pin.asset.sha256).display(),
            pin.asset.name,
            pin.lockfile.tag
        ),
        None => "cache: the required digest is unknown; with a reproq.lock the cache can be used".to_owned(),
    }
}

fn bundle(request: &InstallRequest) -> String {
    let tag = match &request.decided.spec {
        Some(VersionSpec::Exact(tag)) => format!(" --tag {tag}"),
        Some(VersionSpec::Latest) | None => String::new(),
    };
    let target = request.options.target;
    format!(
        "bundle: none given; create one while online (`reproq bundle create{tag} --target {target} -o FILE`) and pass it with `--from FILE`"
    )
}
