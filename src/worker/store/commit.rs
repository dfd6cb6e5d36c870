//! Commits a staged binary: a list of steps, each of which makes one visible change.

use std::fs::File;
use std::io;
use std::io::Seek;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::io::fs::Dir;
use crate::io::fs::FileError;
use crate::io::fs::FileId;
use crate::io::fs::UNFINISHED;
use crate::io::fs::hashing_writer::hash;
use crate::io::fs::set_mode;
use crate::io::fs::stat_of;
use crate::model::Sha256Digest;
use crate::worker::store::Fingerprint;
use crate::worker::store::Layout;
use crate::worker::store::Receipt;
use crate::worker::store::State;
use crate::worker::store::StoreError;
use crate::worker::store::kept;
use crate::worker::store::layout::STATE;
use crate::worker::store::opened;
use crate::worker::store::opened::Places;
use crate::worker::store::opened::Store;
use crate::worker::store::opened::digests;
use crate::worker::store::project_lock;
use crate::worker::store::project_lock::WrittenLock;

/// One visible change to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Writes the receipt of the new binary. It has no effect until that binary is in place.
    WriteReceipt(Box<Receipt>),
    /// Stores the lockfile that pins the new binary, so that a rollback to it can restore the lockfile as well.
    KeepLock {
        /// The digest of the binary.
        sha256: Sha256Digest,
        /// The text of the lockfile.
        text: String,
    },
    /// Stores the attestations of the new binary.
    KeepProofs {
        /// The digest of the binary.
        sha256: Sha256Digest,
        /// All of them, as one document.
        text: String,
    },
    /// Keeps the current binary, under this digest.
    KeepPrevious(Sha256Digest),
    /// Writes the project's lockfile. This precedes the binary, so that after a crash in between, a plain installation gets what
    /// the lockfile pins.
    WriteLock(WrittenLock),
    /// Puts the new binary in place by one rename. From then on it is the installed one.
    Place {
        /// The staged binary.
        staged: Staged,
        sha256: Sha256Digest,
    },
    /// Records the current binary, the previous one, and the file's fingerprint.
    Point { current: Sha256Digest, previous: Option<Sha256Digest> },
    /// Removes files that belong to neither the current nor the previous binary, nor to one to be kept.
    Sweep {
        /// The current binary.
        current: Sha256Digest,
        /// The previous binary.
        previous: Option<Sha256Digest>,
        /// Other binaries to keep.
        keep: Vec<Sha256Digest>,
    },
}

/// A verified binary that is not yet in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// The file, in a directory below `staging`.
    pub path: PathBuf,
    /// The fingerprint of the hashed file, if the system supports it; a file that does not match is hashed again.
    pub id: Option<FileId>,
}

/// The input for the steps.
#[derive(Debug)]
pub struct Commit<'a> {
    /// The new binary.
    pub staged: Staged,
    pub receipt: Receipt,
    /// The digest of the current file, if there is one.
    pub found: Option<Sha256Digest>,
    /// The current state.
    pub state: &'a State,
    /// Binaries that are kept in any case.
    pub keep: &'a [Sha256Digest],
    /// The text of the lockfile that pins the new binary.
    pub named_by: Option<String>,
    /// The project's lockfile, if it is to be written.
    pub lock: Option<WrittenLock>,
    /// The attestations of the new binary, if any.
    pub proofs: Option<String>,
}

/// The steps that commit a staged binary. Pure.
pub fn steps(commit: Commit<'_>) -> Vec<Step> {
    let Commit { staged, receipt, found, state, keep, named_by, lock, proofs } = commit;
    let current = receipt.sha256;
    // Reinstalling the same bytes must keep the previous version.
    let replaced = found.filter(|found| *found != current);
    let previous = replaced.or(state.previous.filter(|previous| *previous != current));
    // Before the receipt that refers to them.
    let mut steps: Vec<Step> = proofs.map(|text| Step::KeepProofs { sha256: current, text }).into_iter().collect();
    steps.push(Step::WriteReceipt(Box::new(receipt)));
    steps.extend(named_by.map(|text| Step::KeepLock { sha256: current, text }));
    steps.extend(replaced.map(Step::KeepPrevious));
    steps.extend(lock.map(Step::WriteLock));
    steps.push(Step::Place { staged, sha256: current });
    steps.extend(last_steps(current, previous, keep));
    steps
}

/// Whether nothing is left to do after an installation that was killed once it had placed the binary, and there are no
/// unfinished files. `keep` are binaries that are kept in any case.
pub(crate) fn is_finished(layout: &Layout, current: Sha256Digest, state: &State, keep: &[Sha256Digest]) -> bool {
    // Anything unreadable is left to the next installation that has work to do.
    let places = Store::open(layout).ok().flatten().and_then(|store| store.places().ok());
    places.is_none_or(|places| places.are_clear() && unfinished(&places, layout, current, state, keep).is_empty())
}

/// Carries out the remaining steps. Errors are ignored, because the binary is right without them. The caller must hold the lock.
pub(crate) fn finish(layout: &Layout, current: Sha256Digest, state: &State, keep: &[Sha256Digest]) {
    let _ = opened::clear(layout);
    let places = Store::open(layout).ok().flatten().and_then(|store| store.places().ok());
    let steps = places.map(|places| unfinished(&places, layout, current, state, keep)).unwrap_or_default();
    let _ = steps.iter().try_for_each(|step| apply(layout, step));
}

/// The contents of the store's directories.
struct StoredDigests {
    receipts: Vec<Sha256Digest>,
    previous: Vec<Sha256Digest>,
}

fn unfinished(
    places: &Places,
    layout: &Layout,
    current: Sha256Digest,
    state: &State,
    keep: &[Sha256Digest],
) -> Vec<Step> {
    let of = |directory: &Option<Dir>| -> Vec<Sha256Digest> {
        directory.iter().flat_map(digests).map(|(digest, _)| digest).collect()
    };
    let shelves = StoredDigests { receipts: of(&places.receipts), previous: of(&places.previous) };
    let binary = places.bin.as_ref().and_then(|bin| bin.stat(layout.binary_name()).ok().flatten());
    left_over(current, binary.as_ref().and_then(Fingerprint::of), state, &shelves, keep)
}

/// The pure part of [`unfinished`]. `seen` is the binary's current fingerprint.
fn left_over(
    current: Sha256Digest,
    seen: Option<Fingerprint>,
    state: &State,
    shelves: &StoredDigests,
    keep: &[Sha256Digest],
) -> Vec<Step> {
    let mut before = [state.current, state.previous].into_iter().flatten();
    let previous = before.find(|digest| *digest != current && shelves.previous.contains(digest));
    let is_noted = state.current == Some(current) && state.previous == previous && state.seen == seen;
    let stays = |digest: &Sha256Digest| Some(*digest) == previous || keep.contains(digest);
    let is_swept = shelves.receipts.iter().all(|digest| *digest == current || stays(digest))
        && shelves.previous.iter().all(|digest| *digest != current && stays(digest));
    if is_noted && is_swept {
        return Vec::new();
    }
    let [point, sweep] = last_steps(current, previous, keep);
    // A removed file may be another hard link to the binary, whose fingerprint then changes.
    vec![sweep, point]
}

fn last_steps(current: Sha256Digest, previous: Option<Sha256Digest>, keep: &[Sha256Digest]) -> [Step; 2] {
    [Step::Point { current, previous }, Step::Sweep { current, previous, keep: keep.to_vec() }]
}

/// Carries out one step. Steps are idempotent. A step that was killed leaves at most a file with a name of its own, which the
/// next installation removes.
pub fn apply(layout: &Layout, step: &Step) -> Result<(), StoreError> {
    let store = Store::create(layout)?;
    let record = |sha256: &Sha256Digest, ending: &str, text: &[u8]| -> Result<(), StoreError> {
        store.make_receipts()?.write(UNFINISHED, format!("{sha256}.{ending}"), text)?;
        Ok(())
    };
    match step {
        Step::WriteReceipt(receipt) => {
            let text = serde_json::to_vec_pretty(receipt).expect("a receipt is a map with text keys");
            record(&receipt.sha256, "json", &text)
        }
        Step::KeepLock { sha256, text } => record(sha256, "lock", text.as_bytes()),
        Step::KeepProofs { sha256, text } => record(sha256, "proofs", text.as_bytes()),
        Step::WriteLock(lock) => lock.write(),
        Step::KeepPrevious(sha256) => kept::keep(&store, layout, sha256),
        Step::Place { staged, sha256 } => place(&store, layout, staged, sha256),
        Step::Point { current, previous } => point(&store, layout, *current, *previous),
        Step::Sweep { current, previous, keep } => {
            let stays = |digest: &Sha256Digest| Some(*digest) == *previous || keep.contains(digest);
            sweep(store.receipts()?, |digest| digest == current || stays(digest));
            // The current binary needs no second copy.
            sweep(store.previous()?, |digest| digest != current && stays(digest));
            Ok(())
        }
    }
}

/// Carries out all steps. If one fails before the binary is in place, the project's lockfile is restored. After that, the binary
/// is installed: the error is returned, and the next installation completes the rest.
pub(crate) fn carry_out(layout: &Layout, steps: &[Step]) -> Result<Option<StoreError>, StoreError> {
    let is_place = |step: &Step| matches!(step, Step::Place { .. });
    let placed = steps.iter().position(is_place).map_or(steps.len(), |index| index + 1);
    let (to_place, to_finish) = steps.split_at(placed);
    let mut lock_before = None;
    for step in to_place {
        if let Step::WriteLock(lock) = step {
            lock_before = Some(project_lock::remember(lock));
        }
        if let Err(error) = apply(layout, step) {
            if let Some(before) = &lock_before {
                // Report the first failure; a lockfile that could not be restored pins what was requested.
                let _ = before.put_back();
            }
            return Err(error);
        }
    }
    Ok(to_finish.iter().find_map(|step| apply(layout, step).err()))
}

/// One rename on the same file system; a running worker keeps its old file. The placed file is the one that was hashed: it is
/// unchanged, or it is hashed again.
fn place(store: &Store<'_>, layout: &Layout, staged: &Staged, sha256: &Sha256Digest) -> Result<(), StoreError> {
    let failed = || FileError::io("place", &layout.binary);
    let missing = || failed()(io::ErrorKind::NotFound.into());
    let bin = store.make_bin()?;
    let (directory, name) = store.staged(&staged.path)?.ok_or_else(missing)?;
    let (mut file, stat) = directory.file(&name)?.ok_or_else(missing)?;
    let changed = |found| StoreError::StagedChanged { path: staged.path.clone(), expected: *sha256, found };
    if staged.id.is_none() || staged.id != stat.id() {
        let found = hash(&mut file).map_err(StoreError::new("read", &staged.path))?;
        if found != *sha256 {
            return Err(changed(found));
        }
    }
    match rename(&directory, &name, &bin, layout) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let found = place_copy(&mut file, &bin, layout, sha256);
            let found = found.inspect_err(|_| drop(bin.remove(UNFINISHED))).map_err(failed())?;
            if found != *sha256 {
                return Err(changed(found));
            }
        }
        outcome => outcome.map_err(failed())?,
    }
    // The binary is installed now. If the directory cannot be synced (not readable, or not supported by the file system), the
    // rename reaches the disk later.
    let _ = bin.sync();
    Ok(())
}

/// If the binary's directory is on another file system, a copy next to the destination is renamed.
fn place_copy(file: &mut File, bin: &Dir, layout: &Layout, sha256: &Sha256Digest) -> io::Result<Sha256Digest> {
    let mut new = bin.create(UNFINISHED).map_err(io::Error::from)?;
    file.rewind()?;
    io::copy(file, &mut new)?;
    set_mode(&new, 0o755)?;
    new.sync_all()?;
    new.rewind()?;
    let found = hash(&mut new)?;
    if found == *sha256 {
        rename(bin, UNFINISHED.as_ref(), bin, layout)?;
    } else {
        bin.remove(UNFINISHED).map_err(io::Error::from)?;
    }
    Ok(found)
}

#[cfg(unix)]
fn rename(from: &Dir, name: &std::ffi::OsStr, bin: &Dir, layout: &Layout) -> io::Result<()> {
    from.rename(name, bin, layout.binary_name())
}

/// Windows cannot replace a running executable, but can rename it, so it is moved aside first.
#[cfg(not(unix))]
fn rename(from: &Dir, name: &std::ffi::OsStr, bin: &Dir, layout: &Layout) -> io::Result<()> {
    let binary = layout.binary_name();
    if from.rename(name, bin, binary).is_ok() {
        return Ok(());
    }
    let aside = std::path::Path::new(binary).with_extension("old.exe");
    bin.remove(&aside).map_err(io::Error::from)?;
    bin.rename(binary, bin, &aside)?;
    from.rename(name, bin, binary).inspect_err(|_| drop(bin.rename(&aside, bin, binary)))
}

fn point(
    store: &Store<'_>,
    layout: &Layout,
    current: Sha256Digest,
    previous: Option<Sha256Digest>,
) -> Result<(), StoreError> {
    let home = store.home().expect("a store that is changed was made");
    let found = store.make_bin()?.stat(layout.binary_name())?;
    let seen = found.as_ref().and_then(Fingerprint::of);
    let state = State { schema: "reproq.state/1".to_owned(), current: Some(current), previous, seen };
    let text = serde_json::to_vec_pretty(&state).expect("a state is a map with text keys");
    let file = home.write(UNFINISHED, STATE, &text)?;
    wait_past_mtime_granularity(file, &state, &text).map_err(StoreError::new("write", &layout.state()))
}

/// A fingerprint is inconclusive while the file that stores it was written within the same clock tick as the binary. One tick,
/// a few milliseconds at most, later it is conclusive.
fn wait_past_mtime_granularity(mut file: File, state: &State, text: &[u8]) -> io::Result<()> {
    let Some(seen) = state.seen else { return Ok(()) };
    for _ in 0..10 {
        if seen.is_older_than(&stat_of(&file)?) {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
        file.rewind()?;
        file.write_all(text)?;
    }
    Ok(())
}

/// Removes what is not kept. A file that cannot be removed (running, on Windows) is removed next time.
fn sweep(directory: Option<Dir>, stays: impl Fn(&Sha256Digest) -> bool) {
    let Some(directory) = directory else { return };
    for (_, name) in digests(&directory).iter().filter(|(digest, _)| !stays(digest)) {
        let _ = directory.remove(name);
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "the tests make files and look at them")]
mod tests {
    use std::fs;

    use super::*;
    use crate::io::fs::hashing_writer::hash_existing;
    use crate::model::Target;
    use crate::model::Tool;

    #[test]
    fn what_changed_since_it_was_verified_is_not_placed() {
        let project = tempfile::tempdir().expect("a directory");
        let target = Target::all().next().expect("there are targets");
        let layout = Layout::in_project(project.path(), &Tool::WORKER, target);
        opened::prepare(&layout).expect("made");
        let own = layout.staging().join("install-1");
        fs::create_dir(&own).expect("made");
        let path = own.join("reproq");
        fs::write(&path, "verified").expect("written");
        let written = hash_existing(&path).expect("readable");
        let place = |id| {
            let staged = Staged { path: path.clone(), id };
            apply(&layout, &Step::Place { staged, sha256: written.sha256 })
        };
        // The same file with other bytes, and another file of the same size.
        fs::write(&path, "changed!").expect("written");
        assert!(matches!(place(written.id), Err(StoreError::StagedChanged { .. })));
        assert!(matches!(place(None), Err(StoreError::StagedChanged { .. })));
        fs::rename(&path, own.join("aside")).expect("moved");
        fs::write(&path, "another.").expect("written");
        assert!(matches!(place(written.id), Err(StoreError::StagedChanged { .. })));
        fs::remove_file(&path).expect("removed");
        std::os::unix::fs::symlink(own.join("aside"), &path).expect("a link");
        assert!(matches!(place(written.id), Err(StoreError::File(FileError::NotAFile { .. }))));
        assert!(!layout.binary.exists(), "nothing was placed");
        // Other times, or another file, with the same bytes: hashed again.
        fs::remove_file(&path).expect("removed");
        fs::write(&path, "verified").expect("written");
        place(written.id).expect("placed");
        assert_eq!(fs::read(&layout.binary).expect("placed"), b"verified");
    }
}
