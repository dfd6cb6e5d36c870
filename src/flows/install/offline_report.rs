//! What was looked at without the network, and which file would have served: for those who have none.

use std::path::Path;

use crate::flows::install::Fallback;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallError;
use crate::flows::install::InstallRequest;
use crate::lockfile::Pin;
use crate::model::VersionSpec;
use crate::model::mirror_layout;
use crate::model::source_spec::SourceSpec;

/// One sentence for each place, in the order they are looked at.
pub(super) fn looked(request: &InstallRequest, door: &InstallContext<'_>) -> Vec<String> {
    [vec![looked_in_cache(request, door), bundle(request)], looked_in_mirrors(request, door)].concat()
}

/// What a mirror in a directory lacks is, without the network, one more place that was looked at; elsewhere it is a failure.
pub(super) fn or_offline(error: InstallError, request: &InstallRequest, door: &InstallContext<'_>) -> InstallError {
    let is_lack = matches!(&error, InstallError::Source(problem) if problem.is_lack());
    if !(request.offline && is_lack) {
        return error;
    }
    InstallError::Resolve(Fallback::Offline { looked: looked(request, door) }.into())
}

/// The same of the mirrors, of which without the network only directories can serve.
pub(super) fn looked_in_mirrors(request: &InstallRequest, door: &InstallContext<'_>) -> Vec<String> {
    let sentence = |place: &SourceSpec| match place {
        SourceSpec::GitHub => None,
        SourceSpec::Web(_) => Some(format!("mirror: {place} is left out (--offline)")),
        SourceSpec::Directory(root) => Some(in_mirror(root, request)),
    };
    let mirrors: Vec<String> = door.mirrors.iter().filter_map(sentence).collect();
    if !mirrors.is_empty() {
        return mirrors;
    }
    let none = "mirror: none was named; make one where there is a network (`reproq mirror sync DIR`) and name it with `--mirror DIR`";
    vec![none.to_owned()]
}

/// Which file would have served, and how it comes there.
fn in_mirror(root: &Path, request: &InstallRequest) -> String {
    let sync = format!("`reproq mirror sync {}`", root.display());
    let file = request.pin.as_ref().and_then(|pin| {
        let Pin { lockfile, asset, .. } = pin;
        mirror_layout::asset_path(root, &lockfile.repository, &lockfile.tag, &asset.name)
    });
    if let Some(file) = file {
        return format!("mirror: {} is not there; {sync} brings it in where there is a network", file.display());
    }
    let release = match &request.spec {
        Some(VersionSpec::Exact(tag)) => tag.to_string(),
        Some(VersionSpec::Latest) | None => format!("a release of {}", request.repository),
    };
    let index = mirror_layout::index_path(root, &request.repository);
    format!("mirror: {} does not name {release}; {sync} brings it in where there is a network", index.display())
}

/// The same of the cache alone.
pub(super) fn looked_in_cache(request: &InstallRequest, door: &InstallContext<'_>) -> String {
    let Some(cache) = &door.cache else {
        return "cache: there is no directory for one; name it with REPROQ_CACHE_DIR".to_owned();
    };
    match &request.pin {
        Some(pin) if cache.has(&pin.asset.sha256) && request.policy.require.is_signed() => format!(
            "cache: it has {} of {}, and no proof of who signed for it; a bundle or a mirror carries both",
            pin.asset.name, pin.lockfile.tag
        ),
        Some(pin) => format!(
            "cache: {} is not there; it would be {} of {}, from another machine's cache",
            cache.asset(&pin.asset.sha256).display(),
            pin.asset.name,
            pin.lockfile.tag
        ),
        None => "cache: nothing says which bytes are wanted; with a reproq.lock the cache can serve".to_owned(),
    }
}

fn bundle(request: &InstallRequest) -> String {
    let tag = match &request.spec {
        Some(VersionSpec::Exact(tag)) => format!(" --tag {tag}"),
        Some(VersionSpec::Latest) | None => String::new(),
    };
    let target = request.target;
    format!(
        "bundle: none was named; make one where there is a network (`reproq bundle create{tag} --target {target} -o FILE`) and name it with `--from FILE`"
    )
}
