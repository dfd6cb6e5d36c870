//! SIGINT, SIGTERM and SIGHUP: the staging folder is removed, the cursor given back, and the process leaves with 130. The
//! commit needs no more care than that, because a process may die between any two of its steps anyway.
#![expect(clippy::disallowed_methods, reason = "a signal ends the process here")]

use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
#[cfg(unix)]
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::exit::ExitStatus;

/// How long those who asked [`is_interrupted`] have to put things away.
const GRACE: Duration = Duration::from_millis(150);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static TO_REMOVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A folder that goes when a signal arrives, until this value is dropped.
#[derive(Debug)]
#[must_use]
pub struct CleanupGuard(PathBuf);

/// From now on a signal ends the process in good order. Called once, by `main`.
#[expect(clippy::exit, reason = "the process ends here because a signal says so")]
pub fn watch() {
    // With any handler at all, a write beyond the limit on the size of files fails instead of killing the process.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
    // Without a handler a signal still ends the process, only less tidily.
    let _ = ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::SeqCst);
        // Whoever watches over a child process ends it now.
        std::thread::sleep(GRACE);
        let folders = TO_REMOVE.lock().unwrap_or_else(PoisonError::into_inner);
        for folder in folders.iter() {
            let _ = std::fs::remove_dir_all(folder);
        }
        let mut stderr = io::stderr();
        if stderr.is_terminal() {
            // The bar hides the cursor while it is drawn.
            let _ = stderr.write_all(b"\r\x1b[K\x1b[?25h");
        }
        let _ = stderr.write_all(b"error: interrupted; nothing was changed that was not finished\n");
        std::process::exit(i32::from(ExitStatus::Interrupted.code()));
    });
}

/// Whether a signal has arrived.
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Removes a folder when a signal arrives.
pub fn on_interrupt_remove(folder: &Path) -> CleanupGuard {
    TO_REMOVE.lock().unwrap_or_else(PoisonError::into_inner).push(folder.to_owned());
    CleanupGuard(folder.to_owned())
}

impl Drop for CleanupGuard {
    fn drop(&mut self) {
        TO_REMOVE.lock().unwrap_or_else(PoisonError::into_inner).retain(|folder| *folder != self.0);
    }
}
