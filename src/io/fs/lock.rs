//! An advisory file lock: one process works, the others wait and then find the work done. The system releases it when
//! its holder exits, so there are no stale locks.

use std::ffi::OsStr;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use thiserror::Error;

use crate::io::fs::Dir;
use crate::io::fs::FileError;
use crate::io::fs::Stat;
use crate::io::fs::stat_of;

/// How long to wait before the first message.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often a held lock is retried.
const INTERVAL: Duration = Duration::from_millis(25);

/// How often the file may be replaced before its file system is assumed not to have stable file identities.
const EXCHANGES: u32 = 1000;

/// Why the lock was not acquired.
#[derive(Debug, Error)]
pub(crate) enum LockError {
    /// Another process held it for the entire timeout.
    #[error("timed out after {seconds} s waiting for `{path}`, held by {holder}", path = path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The timeout.
        seconds: u64,
        /// The holder.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The lock, held until dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Lock {
    file: File,
    /// Whether the file contains the name of the holder. Not if the file has another hard link, which may belong to
    /// another user.
    is_signed: bool,
}

impl Lock {
    /// Acquires the lock on this file within `timeout`. `waiting` is called once, after a second, with the
    /// holder.
    ///
    /// # Errors
    ///
    /// Another process holds it, it is not a regular file, or an I/O error occurs.
    pub(crate) fn acquire(
        dir: &Dir,
        name: impl AsRef<OsStr>,
        timeout: Duration,
        waiting: impl FnOnce(&str),
    ) -> Result<Self, LockError> {
        let name = name.as_ref();
        let failed = || FileError::io("lock", dir.path_of(name));
        let began = Instant::now();
        let mut waiting = Some(waiting);
        let mut is_last = false;
        let mut exchanges = 0;
        loop {
            let (mut file, stat) = dir.open_to_change(name)?;
            match file.try_lock() {
                // If the file was removed while others waited for it, their lock protects nothing.
                Ok(()) if exchanges < EXCHANGES && !is_at(&file, dir, name) => {
                    exchanges += 1;
                    continue;
                }
                Ok(()) => {
                    let mut lock = Self { file, is_signed: false };
                    lock.write_holder(&stat).map_err(failed())?;
                    return Ok(lock);
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed()(error).into()),
            }
            let waited = began.elapsed();
            if is_last {
                let (path, seconds) = (dir.path_of(name), waited.as_secs());
                return Err(LockError::Held { path, seconds, holder: holder(&mut file) });
            }
            if waited >= PATIENCE
                && let Some(waiting) = waiting.take()
            {
                waiting(&holder(&mut file));
            }
            // Check once more after the timeout: a process that just acquired the lock has written its name by then.
            is_last = waited >= timeout;
            std::thread::sleep(if is_last { INTERVAL } else { INTERVAL.min(timeout - waited) });
        }
    }

    /// Whether it still excludes others. If the file was removed, another process may hold a lock of the same name.
    pub(crate) fn is_held(&self, dir: &Dir, name: impl AsRef<OsStr>) -> bool {
        is_at(&self.file, dir, name.as_ref())
    }

    /// Writes the holder for waiting processes.
    fn write_holder(&mut self, stat: &Stat) -> io::Result<()> {
        if stat.links > 1 {
            return Ok(());
        }
        self.is_signed = true;
        let name = format!("process {}\n", std::process::id());
        self.file.rewind()?;
        // Written before the rest is truncated, so that the file is never empty and never names a dead holder.
        self.file.write_all(name.as_bytes())?;
        self.file.set_len(name.len() as u64)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.is_signed {
            let _ = self.file.set_len(0);
        }
        let _ = self.file.unlock();
    }
}

/// Whether the name still refers to the open file.
pub(super) fn is_at(file: &File, dir: &Dir, name: &OsStr) -> bool {
    let (Ok(held), Ok(Some(found))) = (stat_of(file), dir.stat(name)) else { return false };
    held.is_same_file(&found)
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
#[expect(clippy::disallowed_methods, reason = "tests make and remove lock files")]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_a_held_lock_reports_its_holder() {
        let directory = tempfile::tempdir().expect("a directory");
        let dir = Dir::open(directory.path()).expect("readable").expect("there");
        let held = Lock::acquire(&dir, "lock", Duration::ZERO, |_| {}).expect("free");
        let refused = Lock::acquire(&dir, "lock", Duration::from_millis(50), |_| {}).expect_err("held");
        let expected = format!("process {}", std::process::id());
        assert!(matches!(refused, LockError::Held { holder, .. } if holder == expected));
        drop(held);
        let again = Lock::acquire(&dir, "lock", Duration::ZERO, |_| {});
        assert!(again.is_ok());
    }

    #[test]
    fn a_dead_holder_is_not_reported_as_the_current_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let dir = Dir::open(directory.path()).expect("readable").expect("there");
        std::fs::write(directory.path().join("lock"), "process 99999999999\n").expect("written");
        let _held = Lock::acquire(&dir, "lock", Duration::ZERO, |_| {}).expect("nobody holds it");
        let refused = Lock::acquire(&dir, "lock", Duration::ZERO, |_| {}).expect_err("held");
        let expected = format!("process {}", std::process::id());
        assert!(matches!(refused, LockError::Held { holder, .. } if holder == expected));
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_on_a_removed_file_protects_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let dir = Dir::open(directory.path()).expect("readable").expect("there");
        let lost = Lock::acquire(&dir, "lock", Duration::ZERO, |_| {}).expect("free");
        assert!(lost.is_held(&dir, "lock"));
        std::fs::remove_file(directory.path().join("lock")).expect("removed");
        assert!(!lost.is_held(&dir, "lock"));
        let held = Lock::acquire(&dir, "lock", Duration::ZERO, |_| {}).expect("a new file, a new lock");
        assert!(held.is_held(&dir, "lock") && !lost.is_held(&dir, "lock"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_with_another_hard_link_is_locked_and_not_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let dir = Dir::open(directory.path()).expect("readable").expect("there");
        let other = directory.path().join("other");
        std::fs::write(&other, "somebody's").expect("written");
        std::fs::hard_link(&other, directory.path().join("lock")).expect("linked");
        let held = Lock::acquire(&dir, "lock", Duration::ZERO, |_| {}).expect("free");
        let refused = Lock::acquire(&dir, "lock", Duration::ZERO, |_| {}).expect_err("held");
        assert!(matches!(refused, LockError::Held { .. }));
        drop(held);
        assert_eq!(std::fs::read_to_string(&other).expect("there"), "somebody's");
    }
}
