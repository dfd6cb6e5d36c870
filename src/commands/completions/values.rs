//! The values that completion offers: what this machine knows without a request. Whatever cannot be read is left out.
//!
//! Not offered, because it is not known without a request or takes long: the releases of GitHub, and the index of a mirror, which
//! may be on a network. The values are for the current directory; the option `-C` is not known here.

use crate::cli;
use crate::cli::LocalValue;
use crate::commands::request;
use crate::commands::session::Session;
use crate::config::Env;
use crate::model::Target;
use crate::model::Tool;
use crate::model::progress::ProgressStyle;
use crate::model::source_spec::SourceSpec;
use crate::trust::attestation::RootSource;
use crate::ui::ColorChoice;
use crate::ui::Ui;
use crate::ui::Verbosity;
use crate::worker::store;
use crate::worker::store::Layout;

/// Runs a query in a session without output.
fn in_session(query: impl FnOnce(&Session<'_>) -> Vec<LocalValue>) -> Vec<LocalValue> {
    let Ok(env) = Env::capture() else { return Vec::new() };
    let Some(cli) = cli::quiet_and_offline() else { return Vec::new() };
    let ui = Ui::new(Verbosity::Quiet, false, ColorChoice::Never, ProgressStyle::None, &env);
    let session = Session::begin(&cli, env, &ui);
    session.map_or_else(|_| Vec::new(), |session| query(&session))
}

/// The locked release, those in the project's store, and those in the cache, in this order.
pub(super) fn tags() -> Vec<LocalValue> {
    in_session(|session| {
        let mut tags: Vec<LocalValue> = Vec::new();
        let mut add = |tag: String, place: &str| {
            if !tags.iter().any(|(known, _)| *known == tag) {
                tags.push((tag, Some(place.to_owned())));
            }
        };
        if let Ok(Some(lockfile)) = request::lockfile(session) {
            add(lockfile.tag.to_string(), "locked");
        }
        if let Some(target) = request::host_target(session).ok().or_else(|| Target::all().next()) {
            let layout = Layout::in_project(&session.project.root, &Tool::WORKER, target);
            let receipts = store::receipts(&layout);
            receipts.iter().filter_map(|receipt| receipt.tag()).for_each(|tag| add(tag.to_string(), "in this project"));
        }
        let cached = request::cache(session).and_then(|cache| cache.list().ok()).unwrap_or_default();
        for entry in cached.into_iter().filter_map(|entry| entry.provenance) {
            if entry.repository.is_same(&session.settings.repository.value) {
                add(entry.tag.to_string(), "in the cache");
            }
        }
        add("latest".to_owned(), "the newest release");
        tags
    })
}

/// The configured sources, and GitHub.
pub(super) fn sources() -> Vec<LocalValue> {
    in_session(|session| {
        let configured = session.settings.mirrors.as_ref().map_or(&[][..], |mirrors| &mirrors.value);
        let others = configured.iter().filter(|source| **source != SourceSpec::GitHub);
        let configured = others.map(|source| (source.to_string(), Some("in the settings".to_owned())));
        configured.chain([(SourceSpec::GitHub.to_string(), None)]).collect()
    })
}

/// The configured repository, which is the worker's own unless another one is set.
pub(super) fn repositories() -> Vec<LocalValue> {
    in_session(|session| vec![(session.settings.repository.value.to_string(), None)])
}

/// The roots that `trust forget` can remove.
pub(super) fn roots() -> Vec<LocalValue> {
    in_session(|session| {
        let Ok(roots) = request::trusted_roots(session).roots() else { return Vec::new() };
        let accepted = roots.iter().filter(|root| root.source == RootSource::Accepted);
        accepted.map(|root| (root.sha256.to_string(), Some(root.instance.to_string()))).collect()
    })
}
