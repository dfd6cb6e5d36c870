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
    /// Keeps the binary that is in place, under its digest.
    KeepPrevious {
        /// The binary in place.
        from: PathBuf,
        /// Where it is kept.
        to: PathBuf,
    },
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
    /// Removes binaries and receipts that are neither current nor previous.
    Sweep {
        /// The store.
        layout: Layout,
        /// What stays.
        keep: Vec<Sha256Digest>,
    },
}

/// The steps that put `staged` in place. `found` is the digest of what is there now, if it is a file. Pure.
pub fn steps(
    layout: &Layout,
    staged: &Path,
    receipt: Receipt,
    found: Option<Sha256Digest>,
    state: &State,
) -> Vec<Step> {
    let current = receipt.sha256;
    // Installing the same bytes again must not forget the version before them.
    let replaced = found.filter(|found| *found != current);
    let previous = replaced.or(state.previous.filter(|previous| *previous != current));
    let mut steps = vec![Step::WriteReceipt { path: layout.receipt(&current), receipt: Box::new(receipt) }];
    if let Some(replaced) = replaced {
        steps.push(Step::KeepPrevious { from: layout.binary.clone(), to: layout.kept(&replaced) });
    }
    steps.push(Step::Place { from: staged.to_owned(), to: layout.binary.clone() });
    steps.extend(last_steps(layout, current, previous));
    steps
}

/// The steps that are left when an installation was killed right after it placed the binary; none where all was done. Pure.
pub fn unfinished(layout: &Layout, current: Sha256Digest, state: &State) -> Vec<Step> {
    if state.current == Some(current) {
        return Vec::new();
    }
    last_steps(layout, current, state.current.or(state.previous)).to_vec()
}

fn last_steps(layout: &Layout, current: Sha256Digest, previous: Option<Sha256Digest>) -> [Step; 2] {
    let keep = [Some(current), previous].into_iter().flatten().collect();
    [
        Step::Point { path: layout.state(), binary: layout.binary.clone(), current, previous },
        Step::Sweep { layout: layout.clone(), keep },
    ]
}

/// Carries out one step. Doing a step again that was done already changes nothing.
pub fn apply(step: &Step) -> Result<(), StoreError> {
    match step {
        Step::WriteReceipt { path, receipt } => {
            create_parent(path)?;
            let text = serde_json::to_vec_pretty(receipt).expect("a receipt is a map with text keys");
            write_atomically(path, &text)
        }
        Step::KeepPrevious { from, to } => keep_previous(from, to),
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
            write_atomically(path, &text)?;
            outlast_the_tick(path, &state, &text)
        }
        Step::Sweep { layout, keep } => {
            sweep(&layout.receipts(), keep);
            sweep(&layout.previous(), keep);
            Ok(())
        }
    }
}

/// A second name for the same file costs nothing; where the file system has no such names, a copy.
fn keep_previous(from: &Path, to: &Path) -> Result<(), StoreError> {
    create_parent(to)?;
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => {
            let partial = to.with_extension("part");
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
fn sweep(folder: &Path, keep: &[Sha256Digest]) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let digest = name.strip_suffix(".json").unwrap_or(&name);
        let ours = digest.parse::<Sha256Digest>();
        if ours.is_ok_and(|digest| !keep.contains(&digest)) {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}

fn create_parent(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(StoreError::new("create the folder", folder))
}
