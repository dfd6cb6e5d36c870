//! The advisory lock of a store: one installation works, the others wait and find it done. The system gives it back when
//! its holder dies, so there are no stale locks.
#![expect(clippy::disallowed_methods, reason = "the lock file is opened and waited for here")]

use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use thiserror::Error;

/// How long is waited silently.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often a held lock is tried again.
const INTERVAL: Duration = Duration::from_millis(25);

/// Why the lock was not had.
#[derive(Debug, Error)]
pub enum LockError {
    /// Somebody else held it all the time.
    #[error("`{path}` has been held for {seconds} s by {holder}", path = path.display())]
    Held {
        /// The lock.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
        /// Who holds it.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error("failed to lock `{path}`", path = path.display())]
    Unusable {
        /// The lock.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The lock, held until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Takes the lock, waiting no longer than `timeout`. `waiting` is told once, after a second, who holds it.
    pub fn acquire(path: &Path, timeout: Duration, waiting: impl FnOnce(&str)) -> Result<Self, LockError> {
        let unusable = |source| LockError::Unusable { path: path.to_owned(), source };
        let began = Instant::now();
        let mut waiting = Some(waiting);
        let mut is_last = false;
        loop {
            let mut file = open(path).map_err(unusable)?;
            match file.try_lock() {
                // Whoever removes the file while others wait for it leaves them a lock that guards nothing.
                Ok(()) if !is_at(&file, path) => continue,
                Ok(()) => {
                    let mut lock = Self { path: path.to_owned(), file };
                    lock.sign().map_err(unusable)?;
                    return Ok(lock);
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
            }
            let waited = began.elapsed();
            if is_last {
                let (path, seconds) = (path.to_owned(), waited.as_secs());
                return Err(LockError::Held { path, seconds, holder: holder(&mut file) });
            }
            if waited >= PATIENCE
                && let Some(waiting) = waiting.take()
            {
                waiting(&holder(&mut file));
            }
            // One more look after the time is over: whoever took the lock this very moment has signed by then.
            is_last = waited >= timeout;
            std::thread::sleep(if is_last { INTERVAL } else { INTERVAL.min(timeout - waited) });
        }
    }

    /// Whether it still keeps others out. Where somebody removed the file, another process may hold a lock of the same name.
    pub fn is_guarding(&self) -> bool {
        is_at(&self.file, &self.path)
    }

    /// Names the holder for those who wait.
    fn sign(&mut self) -> io::Result<()> {
        let name = format!("process {}\n", std::process::id());
        self.file.rewind()?;
        // Written before the rest is cut off, so that nobody finds it empty or reads the name of one that died.
        self.file.write_all(name.as_bytes())?;
        self.file.set_len(name.len() as u64)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Whether the file is what its path leads to.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let (Ok(held), Ok(found)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    (held.dev(), held.ino()) == (found.dev(), found.ino())
}

/// Whether the file is what its path leads to: Windows does not remove a file that is open.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(100).read_to_string(&mut text));
    match read {
        Ok(_) if !text.trim().is_empty() => text.lines().next().unwrap_or_default().trim().to_owned(),
        Ok(_) | Err(_) => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_waited_for_and_its_holder_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let held = Lock::acquire(&path, Duration::ZERO, |_| {}).expect("free");
        let refused = Lock::acquire(&path, Duration::from_millis(50), |_| {}).expect_err("held");
        let expected = format!("process {}", std::process::id());
        assert!(matches!(refused, LockError::Held { holder, .. } if holder == expected));
        drop(held);
        let again = Lock::acquire(&path, Duration::ZERO, |_| {});
        assert!(again.is_ok());
    }

    #[test]
    fn a_dead_holder_is_not_named_for_the_living_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        std::fs::write(&path, "process 99999999999\n").expect("written");
        let _held = Lock::acquire(&path, Duration::ZERO, |_| {}).expect("nobody holds it");
        let refused = Lock::acquire(&path, Duration::ZERO, |_| {}).expect_err("held");
        let expected = format!("process {}", std::process::id());
        assert!(matches!(refused, LockError::Held { holder, .. } if holder == expected));
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_whose_file_was_removed_guards_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let lost = Lock::acquire(&path, Duration::ZERO, |_| {}).expect("free");
        assert!(lost.is_guarding());
        std::fs::remove_file(&path).expect("removed");
        assert!(!lost.is_guarding());
        let held = Lock::acquire(&path, Duration::ZERO, |_| {}).expect("a new file, a new lock");
        assert!(held.is_guarding() && !lost.is_guarding());
    }
}
