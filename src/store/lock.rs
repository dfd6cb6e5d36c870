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
    file: File,
}

impl Lock {
    /// Takes the lock, waiting no longer than `timeout`. `waiting` is told once, after a second, who holds it.
    pub fn acquire(path: &Path, timeout: Duration, waiting: impl FnOnce(&str)) -> Result<Self, LockError> {
        let unusable = |source| LockError::Unusable { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(unusable)?;
        let began = Instant::now();
        let mut waiting = Some(waiting);
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
            }
            let waited = began.elapsed();
            if waited >= timeout {
                return Err(LockError::Held {
                    path: path.to_owned(),
                    seconds: waited.as_secs(),
                    holder: holder(&mut file),
                });
            }
            if waited >= PATIENCE
                && let Some(waiting) = waiting.take()
            {
                waiting(&holder(&mut file));
            }
            std::thread::sleep(INTERVAL.min(timeout - waited));
        }
        let mut lock = Self { file };
        lock.sign().map_err(unusable)?;
        Ok(lock)
    }

    /// Names the holder for those who wait.
    fn sign(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(format!("process {}\n", std::process::id()).as_bytes())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(100).read_to_string(&mut text));
    match read {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
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
}
