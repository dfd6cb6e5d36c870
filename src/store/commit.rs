//! Putting a staged binary in its place: a list of steps, each of which makes one visible change.
#![expect(clippy::disallowed_methods, reason = "the store is changed here")]

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::release::Sha256Digest;
use crate::store::Fingerprint;
use crate::store::Layout;
use crate::store::Receipt;
use crate::store::State;
use crate::store::StoreError;
use crate::store::glance;
use crate::store::state::write_by_way_of;
use crate::store::write_atomically;

/// One visible change of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Writes the receipt of the new binary. Harmless as long as no such binary is in place.
    WriteReceipt {
        /// Where.
        path: PathBuf,
        /// The receipt.
        receipt: Box<Receipt>,
    },
    /// Keeps the lock that names the new binary, so that a rollback to it can bring the lock back too.
    KeepLock {
        /// Where it is kept.
        path: PathBuf,
        /// Its text.
        text: String,
    },
    /// Keeps the proofs of where the new binary comes from.
    KeepProofs {
        /// Where they are kept.
        path: PathBuf,
        /// All of them, as one text.
        text: String,
    },
    /// Keeps the binary that is in place, under its digest.
    KeepPrevious {
        /// The binary in place.
        from: PathBuf,
        /// Where it is kept.
        to: PathBuf,
    },
    /// Writes the project's lock. Before the binary, so that a run that was killed in between leaves the intention: a plain
    /// installation then gets what the lock names.
    WriteLock(WrittenLock),
    /// Puts the new binary in place by one rename. From here on it is the installed one.
    Place {
        /// The staged binary.
        from: PathBuf,
        /// Its place.
        to: PathBuf,
    },
    /// Notes which binary is current, which came before, and what the file looks like.
    Point {
        /// Where it is noted.
        path: PathBuf,
        /// The binary in place.
        binary: PathBuf,
        /// Its digest.
        current: Sha256Digest,
        /// The digest of the one before.
        previous: Option<Sha256Digest>,
    },
    /// Removes what is about neither the binary in place, nor the one before it, nor one that is to stay.
    Sweep {
        /// The binary in place.
        current: Sha256Digest,
        /// The one before.
        previous: Option<Sha256Digest>,
        /// Others that stay.
        keep: Vec<Sha256Digest>,
    },
}

/// A project's lock as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenLock {
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// What is to become of the store.
#[derive(Debug)]
pub struct Commit<'a> {
    /// The store.
    pub layout: &'a Layout,
    /// The new binary.
    pub staged: &'a Path,
    /// Its receipt.
    pub receipt: Receipt,
    /// The digest of what is in place now, if it is a file.
    pub found: Option<Sha256Digest>,
    /// What the store remembers.
    pub state: &'a State,
    /// Binaries that stay whatever happens.
    pub keep: &'a [Sha256Digest],
    /// The text of the lock that names the new binary.
    pub named_by: Option<String>,
    /// The project's lock, where it is to be written.
    pub lock: Option<WrittenLock>,
    /// The proofs of where the new binary comes from, where there are any.
    pub proofs: Option<String>,
}

/// The steps that put a staged binary in place. Pure.
pub fn steps(commit: Commit<'_>) -> Vec<Step> {
    let Commit { layout, staged, receipt, found, state, keep, named_by, lock, proofs } = commit;
    let current = receipt.sha256;
    // Installing the same bytes again must not forget the version before them.
    let replaced = found.filter(|found| *found != current);
    let previous = replaced.or(state.previous.filter(|previous| *previous != current));
    // Before the receipt that speaks of them.
    let mut steps: Vec<Step> =
        proofs.map(|text| Step::KeepProofs { path: layout.proofs(&current), text }).into_iter().collect();
    steps.push(Step::WriteReceipt { path: layout.receipt(&current), receipt: Box::new(receipt) });
    steps.extend(named_by.map(|text| Step::KeepLock { path: layout.kept_lock(&current), text }));
    if let Some(replaced) = replaced {
        steps.push(Step::KeepPrevious { from: layout.binary.clone(), to: layout.kept(&replaced) });
    }
    steps.extend(lock.map(Step::WriteLock));
    steps.push(Step::Place { from: staged.to_owned(), to: layout.binary.clone() });
    steps.extend(last_steps(layout, current, previous, keep));
    steps
}

/// The steps that are left of an installation that was killed after it placed the binary, or before it swept; none where
/// nothing is left to do. `keep` are binaries that stay whatever happens.
pub fn unfinished(layout: &Layout, current: Sha256Digest, state: &State, keep: &[Sha256Digest]) -> Vec<Step> {
    let shelves = Shelves { receipts: digests(&layout.receipts()), previous: digests(&layout.previous()) };
    left_over(layout, current, glance(layout), state, &shelves, keep)
}

/// What the store's folders hold.
struct Shelves {
    receipts: Vec<Sha256Digest>,
    previous: Vec<Sha256Digest>,
}

fn digests(folder: &Path) -> Vec<Sha256Digest> {
    entries(folder).map(|(digest, _)| digest).collect()
}

/// The pure part of [`unfinished`]. `seen` is what the binary looks like now.
fn left_over(
    layout: &Layout,
    current: Sha256Digest,
    seen: Option<Fingerprint>,
    state: &State,
    shelves: &Shelves,
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
    let [point, sweep] = last_steps(layout, current, previous, keep);
    // What is swept may be a second name of the binary, which then looks different.
    vec![sweep, point]
}

fn last_steps(
    layout: &Layout,
    current: Sha256Digest,
    previous: Option<Sha256Digest>,
    keep: &[Sha256Digest],
) -> [Step; 2] {
    [
        Step::Point { path: layout.state(), binary: layout.binary.clone(), current, previous },
        Step::Sweep { current, previous, keep: keep.to_vec() },
    ]
}

/// Carries out one step. Doing a step again that was done already changes nothing. What a killed step may leave half done
/// lies in the staging folder, which the next installation empties.
pub fn apply(layout: &Layout, step: &Step) -> Result<(), StoreError> {
    match step {
        Step::WriteReceipt { path, receipt } => {
            create_parent(path)?;
            let text = serde_json::to_vec_pretty(receipt).expect("a receipt is a map with text keys");
            write_staged(layout, path, &text)
        }
        Step::KeepLock { path, text } | Step::KeepProofs { path, text } => {
            create_parent(path)?;
            write_staged(layout, path, text.as_bytes())
        }
        Step::WriteLock(WrittenLock { path, text }) => match write_staged(layout, path, text.as_bytes()) {
            // The store may be a volume of its own.
            Err(error) if error.source.kind() == io::ErrorKind::CrossesDevices => {
                write_atomically(path, text.as_bytes())
            }
            outcome => outcome,
        },
        Step::KeepPrevious { from, to } => keep_previous(layout, from, to),
        Step::Place { from, to } => {
            create_parent(to)?;
            place(from, to).map_err(StoreError::new("place", to))
        }
        Step::Point { path, binary, current, previous } => {
            let metadata = fs::metadata(binary).map_err(StoreError::new("look at", binary))?;
            let state = State {
                schema: "reproq.state/1".to_owned(),
                current: Some(*current),
                previous: *previous,
                seen: Fingerprint::of(&metadata),
            };
            let text = serde_json::to_vec_pretty(&state).expect("a state is a map with text keys");
            write_staged(layout, path, &text)?;
            outlast_the_tick(path, &state, &text)
        }
        Step::Sweep { current, previous, keep } => {
            let stays = |digest: &Sha256Digest| Some(*digest) == *previous || keep.contains(digest);
            sweep(&layout.receipts(), |digest| digest == current || stays(digest));
            // The binary in place needs no second copy.
            sweep(&layout.previous(), |digest| digest != current && stays(digest));
            Ok(())
        }
    }
}

/// Carries out all steps. Where one fails before the binary is in place, the project's lock is again what it was.
pub fn carry_out(layout: &Layout, steps: &[Step]) -> Result<(), StoreError> {
    let mut lock_before = None;
    for step in steps {
        if let Step::WriteLock(WrittenLock { path, .. }) = step {
            lock_before = Some((path, fs::read(path).ok()));
        }
        match (apply(layout, step), &lock_before) {
            (Ok(()), _) if matches!(step, Step::Place { .. }) => lock_before = None,
            (Ok(()), _) => {}
            (Err(error), None) => return Err(error),
            (Err(error), Some((path, before))) => {
                // The first failure is the one to tell; a lock that cannot be put back either names what was wanted.
                let _ = match before {
                    Some(bytes) => write_atomically(path, bytes),
                    None => fs::remove_file(path).map_err(StoreError::new("remove", path)),
                };
                return Err(error);
            }
        }
    }
    Ok(())
}

fn write_staged(layout: &Layout, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let staging = layout.staging();
    fs::create_dir_all(&staging).map_err(StoreError::new("create the folder", &staging))?;
    write_by_way_of(&staging, path, bytes)
}

/// A second name for the same file costs nothing; where the file system has no such names, a copy.
fn keep_previous(layout: &Layout, from: &Path, to: &Path) -> Result<(), StoreError> {
    create_parent(to)?;
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => {
            let partial = layout.staging().join("previous.part");
            let copied = fs::copy(from, &partial).and_then(|_| fs::rename(&partial, to)).inspect_err(|_| {
                let _ = fs::remove_file(&partial);
            });
            copied.map_err(StoreError::new("keep the previous binary as", to))
        }
    }
}

/// One rename on the same file system. A running worker keeps its old file. The data reaches the disk before the name does.
#[cfg(unix)]
fn place(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder(to.parent().unwrap_or(to))
}

/// Windows renames over a file unless it runs; a running one can itself be renamed, so it is moved aside first.
#[cfg(not(unix))]
fn place(from: &Path, to: &Path) -> io::Result<()> {
    if fs::rename(from, to).is_ok() {
        return Ok(());
    }
    let aside = to.with_extension("old.exe");
    let _ = fs::remove_file(&aside);
    fs::rename(to, &aside)?;
    fs::rename(from, to).inspect_err(|_| {
        let _ = fs::rename(&aside, to);
    })
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match fs::File::open(folder)?.sync_all() {
        // Some file systems cannot sync a folder; the rename is as safe there as it gets.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput || error.kind() == io::ErrorKind::Unsupported => {
            Ok(())
        }
        outcome => outcome,
    }
}

/// A fingerprint proves nothing while the file that keeps it was written in the same tick of the clock as the binary was
/// changed; one tick later it does. Ticks are a few milliseconds at most.
fn outlast_the_tick(path: &Path, state: &State, text: &[u8]) -> Result<(), StoreError> {
    let Some(seen) = state.seen else { return Ok(()) };
    for _ in 0..10 {
        let kept_in = fs::metadata(path).map_err(StoreError::new("look at", path))?;
        if seen.is_older_than(&kept_in) {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
        let write =
            || -> io::Result<()> { io::Write::write_all(&mut OpenOptions::new().write(true).open(path)?, text) };
        write().map_err(StoreError::new("write", path))?;
    }
    Ok(())
}

/// Removes what is not kept. A file that will not go (a running one on Windows) goes the next time.
fn sweep(folder: &Path, stays: impl Fn(&Sha256Digest) -> bool) {
    for (_, path) in entries(folder).filter(|(digest, _)| !stays(digest)) {
        let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
}

/// What in a folder is named by a digest; all else is not ours.
fn entries(folder: &Path) -> impl Iterator<Item = (Sha256Digest, PathBuf)> {
    fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name();
        let name = name.to_str()?;
        let stem = [".json", ".lock", ".proofs"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let digest = stem.unwrap_or(name).parse().ok()?;
        Some((digest, entry.path()))
    })
}

fn create_parent(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(StoreError::new("create the folder", folder))
}
