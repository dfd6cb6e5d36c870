//! Fetches the newest root of an instance with The Update Framework. The only file that uses sigstore-tuf.
//!
//! The order: from the anchor to the newest root metadata, each signed by the previous one; then the timestamp, the
//! snapshot and the targets, each signed, not expired and not older than the last seen version; then the trusted root
//! itself, by its digest in the targets. Nothing is stored unless all checks pass.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Utc;
use sigstore_tuf::Error;
use sigstore_tuf::MemoryStore;
use sigstore_tuf::MetadataStore;
use sigstore_tuf::Repository;
use sigstore_tuf::Updater;
use sigstore_tuf::UpdaterConfig;
use sigstore_tuf::transport::FetchFuture;

use crate::trust::attestation::Root;
use crate::trust::attestation::RootSource;
use crate::trust::trusted_roots::Anchor;
use crate::trust::trusted_roots::FetchError;
use crate::trust::trusted_roots::RootRepository;
use crate::trust::trusted_roots::UpdateError;
use crate::trust::trusted_roots::Updated;
use crate::trust::trusted_roots::Versions;

/// The target to fetch.
const TARGET: &str = "trusted_root.json";

/// The metadata that is stored with the roots, to detect a rollback in the next update.
const LOWER: [&str; 3] = ["timestamp.json", "snapshot.json", "targets.json"];

/// Fetches and verifies the newest root of an instance, wherever its repository is, as of this time.
pub(super) async fn fetch(
    anchor: &Anchor,
    place: &RootRepository,
    seen: Option<&Updated>,
    now: DateTime<Utc>,
) -> Result<Updated, UpdateError> {
    let last = Arc::new(Mutex::new(String::new()));
    let source = Watched { place: place.clone(), last: Arc::clone(&last) };
    let store = Arc::new(MemoryStore::new());
    for (name, text) in seen.iter().flat_map(|seen| &seen.metadata) {
        store.store(name, text.as_bytes()).expect("memory takes everything");
    }
    let file = || last.lock().map_or_else(|_| String::new(), |name| name.clone());
    let (root, versions) =
        run(anchor, source, Arc::clone(&store), now).await.map_err(|error| update_error(error, file()))?;
    let refused = |reason: String| UpdateError::Refused { file: TARGET.to_owned(), reason, expired: false };
    let text = String::from_utf8(root).map_err(|error| refused(error.to_string()))?;
    let kept_as = RootSource::Updated { on: now.date_naive(), version: versions.targets };
    let root = Root::read(&text, kept_as, TARGET).map_err(|error| refused(error.reason))?;
    if root.instance != anchor.instance {
        return Err(refused(format!("it is the root of {}", root.instance)));
    }
    Ok(Updated::new(&root, now, versions, metadata(store.as_ref(), versions.root)))
}

async fn run(
    anchor: &Anchor,
    source: Watched,
    store: Arc<MemoryStore>,
    now: DateTime<Utc>,
) -> Result<(Vec<u8>, Versions), Error> {
    // Several times the current size of the largest file of each kind.
    let mut limits = UpdaterConfig::default();
    limits.root_max_length = 64 * 1024;
    limits.snapshot_max_length = 256 * 1024;
    limits.targets_max_length = 1024 * 1024;
    limits.target_max_length = 1024 * 1024;
    // The time type of the library, without a dependency on its crate.
    let now = now.to_rfc3339_opts(SecondsFormat::Secs, true).parse().expect("a time is a time");
    let mut updater = Updater::new(source, anchor.root.as_bytes())?.with_config(limits).with_store(store);
    updater.refresh(now).await?;
    let root = updater.get_target(TARGET, now).await?;
    let trusted = updater.trusted();
    let versions = Versions {
        root: trusted.root().version,
        timestamp: trusted.timestamp().map_or(0, |timestamp| timestamp.version),
        snapshot: trusted.snapshot().map_or(0, |snapshot| snapshot.version),
        targets: trusted.targets_role("targets").map_or(0, |targets| targets.version),
    };
    Ok((root, versions))
}

/// The verified metadata, without the anchor, which is embedded, and the trusted root, which is stored separately.
fn metadata(store: &MemoryStore, newest_root: u64) -> BTreeMap<String, String> {
    let roots = (1..=newest_root).map(|version| format!("root_history/{version}.root.json"));
    let names = roots.chain(LOWER.map(str::to_owned));
    let text = |name: String| {
        let bytes = store.load(&name).ok().flatten()?;
        Some((name, String::from_utf8(bytes).ok()?))
    };
    names.filter_map(text).collect()
}

/// A repository that remembers the last requested file, for errors that do not name it.
struct Watched {
    place: RootRepository,
    last: Arc<Mutex<String>>,
}

impl Watched {
    async fn read(&self, directory: &str, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let is_root = name.ends_with(".root.json");
        match self.place.read(directory, name, limit).await {
            // Object stores return 403 for missing files, and a chain of roots ends with a missing file.
            Err(error) if is_root && error.is_forbidden() => Ok(None),
            Ok(None) if is_root => Ok(None),
            outcome => {
                if let Ok(mut last) = self.last.lock() {
                    *last = format!("{directory}{name}");
                }
                outcome.map_err(|error| Error::transport_with_source(error.to_string(), error))
            }
        }
    }
}

impl Repository for Watched {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(self.read("", name, max_length))
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(self.read("targets/", path, max_length))
    }
}

/// Converts an error of the library, with the file it is about.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library knows many errors and may get more; its own message is used for the rest"
)]
fn update_error(error: Error, file: String) -> UpdateError {
    let refused = |reason: String| UpdateError::Refused { file: file.clone(), reason, expired: false };
    match error {
        Error::Transport { message, source } => match source.and_then(|source| source.downcast::<FetchError>().ok()) {
            Some(error) => UpdateError::Fetch { file, source: *error },
            None if message.ends_with("not found") => refused("it does not exist".to_owned()),
            None => refused(message),
        },
        Error::Json(error) => refused(format!("it is not well-formed ({error})")),
        Error::Expired { role, expires } => UpdateError::Refused {
            file: format!("{role}.json"),
            reason: format!("it expired on {expires}"),
            expired: true,
        },
        Error::Rollback { role, trusted, new } => {
            refused(format!("its {role} version is {new}, but {trusted} was seen before (rollback)"))
        }
        Error::BadRootVersion { trusted, new } => {
            refused(format!("its version is {new}, but {} must follow {trusted}", trusted + 1))
        }
        Error::ThresholdNotMet { found, threshold, .. } => {
            refused(format!("{found} of {threshold} required signatures are valid"))
        }
        Error::IntegrityMismatch(detail) => refused(format!("it does not match the listed file ({detail})")),
        other => refused(other.to_string()),
    }
}
