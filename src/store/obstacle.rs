//! What stands where the store keeps something of its own.
#![expect(clippy::disallowed_methods, reason = "the store's places are looked at here")]

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::store::Layout;

/// Something that is not the store's, in the store's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The place.
    pub path: PathBuf,
    /// What is there.
    pub what: &'static str,
    /// What belongs there.
    pub place: &'static str,
}

/// The first place of the store that holds something else, if there is one. Links are never followed: a checkout may bring
/// them along, and what the store empties, truncates or replaces must be the store's own.
pub fn obstacle(layout: &Layout) -> Option<Obstacle> {
    let bin = layout.binary.parent().filter(|folder| folder.starts_with(&layout.home)).map(Path::to_owned);
    let folders =
        [Some(layout.home.clone()), bin, Some(layout.staging()), Some(layout.receipts()), Some(layout.previous())];
    let in_a_folders_place = folders.into_iter().flatten().find_map(|path| {
        let what = not_a_folder(&path)?;
        Some(Obstacle { path, what, place: "a folder of the store" })
    });
    in_a_folders_place.or_else(|| {
        // The lock is opened and written as it is; the others are replaced by a rename, which only a folder withstands.
        let lock = layout.lock();
        let state = layout.state();
        let what = not_a_file(&lock).map(|what| (lock, what));
        let (path, what) =
            what.or_else(|| not_a_file(&state).filter(|what| *what == FOLDER).map(|what| (state, what)))?;
        Some(Obstacle { path, what, place: "a file of the store" })
    })
}

const FOLDER: &str = "a folder";
const LINK: &str = "a link";

fn not_a_folder(path: &Path) -> Option<&'static str> {
    let metadata = fs::symlink_metadata(path).ok()?;
    match (metadata.is_dir(), metadata.is_symlink()) {
        (true, _) => None,
        (false, true) => Some(LINK),
        (false, false) => Some("no folder"),
    }
}

fn not_a_file(path: &Path) -> Option<&'static str> {
    let metadata = fs::symlink_metadata(path).ok()?;
    match (metadata.is_file(), metadata.is_dir(), metadata.is_symlink()) {
        (true, ..) => None,
        (false, true, _) => Some(FOLDER),
        (false, false, true) => Some(LINK),
        (false, false, false) => Some("no regular file"),
    }
}
