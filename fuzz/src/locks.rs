//! The project's lock.

use reproq::internals::lockfile;
use reproq::internals::model::Tool;

/// Whatever is read as a lock leads nowhere but to its own assets, and says the same when it is written and read again.
pub fn lock(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(read) = lockfile::parse(text, &Tool::WORKER) else { return };
    for asset in &read.assets {
        assert!(!asset.name.contains(['/', '\\', '\0']) && asset.name.starts_with("reproq-"), "{:?}", asset.name);
        assert!(read.pin(&Tool::WORKER, asset.target).is_some(), "an asset that cannot be installed");
    }
    let again = lockfile::parse(&lockfile::render(&read), &Tool::WORKER);
    assert_eq!(again.as_ref(), Ok(&read), "what is written is read back");
}
