//! What was looked at without the network, and which file would have served: for those who have none. Pure.

use crate::install::Door;
use crate::install::InstallRequest;
use crate::release::VersionSpec;

/// One sentence for each place, in the order they are looked at.
pub(super) fn looked(request: &InstallRequest, door: &Door<'_>) -> Vec<String> {
    vec![looked_in_cache(request, door), bundle(request)]
}

/// The same of the cache alone.
pub(super) fn looked_in_cache(request: &InstallRequest, door: &Door<'_>) -> String {
    let Some(cache) = &door.cache else {
        return "cache: there is no folder for one; name it with REPROQ_CACHE_DIR".to_owned();
    };
    match &request.pin {
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
