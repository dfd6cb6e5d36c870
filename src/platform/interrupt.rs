//! SIGINT, SIGTERM and SIGHUP: the staging directory is removed, the cursor given back, and the process leaves with 130. The
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

use crate::failure::exit::ExitStatus;

/// How long those who asked [`is_interrupted`] have to put things away.
const GRACE: Duration = Duration::from_millis(150);

/// How long the news of a signal may take from the kernel to [`is_interrupted`].
const NEWS: Duration = Duration::from_millis(50);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static TO_REMOVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A directory that goes when a signal arrives, until this value is dropped.
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
        let directories = TO_REMOVE.lock().unwrap_or_else(PoisonError::into_inner);
        directories.iter().for_each(|directory| remove(directory));
        let mut stderr = io::stderr();
        if stderr.is_terminal() {
            // The bar hides the cursor while it is drawn.
            let _ = stderr.write_all(b"\r\x1b[K\x1b[?25h");
        }
        let _ = stderr.write_all(b"error: interrupted; unfinished changes were discarded\n");
        std::process::exit(i32::from(ExitStatus::Interrupted.code()));
    });
}

/// Whoever works in the directory goes on for a moment, and may make a file while the others are removed.
fn remove(directory: &Path) {
    for _ in 0..20 {
        // What is to go may be a single file.
        match std::fs::remove_dir_all(directory).or_else(|error| std::fs::remove_file(directory).map_err(|_| error)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => std::thread::sleep(Duration::from_millis(5)),
            Ok(()) | Err(_) => return,
        }
    }
}

/// Comes back unless a signal has arrived; then the process is about to end, and whatever the work came to meanwhile is not
/// worth a word. A signal from the terminal also reaches child processes: after one of those has failed, the news that it
/// was a signal may still be on its way.
pub fn exit_if_signaled(after_a_child_failed: bool) {
    if after_a_child_failed && !is_interrupted() {
        std::thread::sleep(NEWS);
    }
    while is_interrupted() {
        std::thread::sleep(GRACE);
    }
}

/// Whether a signal has arrived.
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Removes a directory when a signal arrives.
pub fn on_interrupt_remove(directory: &Path) -> CleanupGuard {
    TO_REMOVE.lock().unwrap_or_else(PoisonError::into_inner).push(directory.to_owned());
    CleanupGuard(directory.to_owned())
}

impl Drop for CleanupGuard {
    fn drop(&mut self) {
        TO_REMOVE.lock().unwrap_or_else(PoisonError::into_inner).retain(|directory| *directory != self.0);
    }
}
