//! Previously installed binaries, stored under their digests.

use std::fs::File;
use std::io;
use std::io::Seek;
use std::path::Path;

use crate::io::fs::Dir;
use crate::io::fs::FileError;
use crate::io::fs::FileKind;
use crate::io::fs::UNFINISHED;
use crate::io::fs::hashing_writer::LARGEST_FILE;
use crate::io::fs::hashing_writer::Written;
use crate::io::fs::hashing_writer::copy_new;
use crate::io::fs::set_mode;
use crate::model::Sha256Digest;
use crate::worker::store::Layout;
use crate::worker::store::StoreError;
use crate::worker::store::opened::Store;

/// Whether a binary is kept.
pub(crate) fn is_kept(layout: &Layout, sha256: &Sha256Digest) -> bool {
    let found = || {
        let kept = Store::open(layout).ok()??.kept(sha256).ok()??;
        kept.stat(layout.binary_name()).ok()?
    };
    found().is_some_and(|found| found.kind == FileKind::Regular)
}

/// Copies a kept binary to a new file and hashes it meanwhile, because the kept file may have been modified. `None` if it no
/// longer exists.
pub(crate) fn take_back(layout: &Layout, sha256: &Sha256Digest, to: &Path) -> Result<Option<Written>, StoreError> {
    let Some(store) = Store::open(layout)? else { return Ok(None) };
    let Some(kept) = store.kept(sha256)? else { return Ok(None) };
    let Some((mut file, stat)) = kept.file(layout.binary_name())? else { return Ok(None) };
    if stat.size > LARGEST_FILE {
        return Err(FileError::TooLarge { path: layout.kept(sha256), size: stat.size }.into());
    }
    Ok(Some(copy_new(&mut file, to).map_err(StoreError::new("copy", &layout.kept(sha256)))?))
}

/// Keeps the current binary: as a hard link if possible, else as a copy.
pub(super) fn keep(store: &Store<'_>, layout: &Layout, sha256: &Sha256Digest) -> Result<(), StoreError> {
    let name = layout.binary_name();
    let failed = || FileError::io("keep the previous binary as", layout.kept(sha256));
    let previous = store.make_previous()?;
    let kept = previous.make_directory(sha256.to_string())?;
    let bin = store.make_bin()?;
    let Some((mut file, stat)) = bin.file(name)? else { return Err(failed()(io::ErrorKind::NotFound.into()).into()) };
    match kept.stat(name)? {
        Some(found) if found.is_same_file(&stat) && cfg!(unix) => return Ok(()),
        Some(_) => kept.remove(name)?,
        None => {}
    }
    if bin.link(name, &kept, name).is_ok() {
        return Ok(());
    }
    let copied = previous
        .create(UNFINISHED)
        .map_err(io::Error::from)
        .and_then(|new| copy_in(&mut file, new, &previous, &kept, layout));
    copied.map_err(failed()).inspect_err(|_| drop(previous.remove(UNFINISHED)))?;
    Ok(())
}

fn copy_in(from: &mut File, mut new: File, previous: &Dir, kept: &Dir, layout: &Layout) -> io::Result<()> {
    from.rewind()?;
    io::copy(from, &mut new)?;
    set_mode(&new, 0o755)?;
    previous.rename(UNFINISHED, kept, layout.binary_name())
}
