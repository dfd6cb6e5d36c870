//! SIGINT, SIGTERM and SIGHUP: the staging directory is removed, the cursor restored, and the process exits with 130.
//! The commit needs no special care, because a process may be killed between any two of its steps anyway.
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
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Notify;

use crate::failure::exit::ExitStatus;

/// How long callers of [`is_interrupted`] have for their cleanup.
const GRACE: Duration = Duration::from_millis(150);

/// How long a signal may take from the kernel to [`is_interrupted`].
const NEWS: Duration = Duration::from_millis(50);

/// How long a signal waits for those who hold the exit.
const LONGEST_HOLD: Duration = Duration::from_secs(3);

static HOLDS: AtomicUsize = AtomicUsize::new(0);
/// The error of an interrupted command.
pub(crate) const INTERRUPTION: &str = "interrupted; unfinished changes were discarded";
/// The error of a command that changes something elsewhere, step by step.
pub(crate) const INTERRUPTION_OF_CHANGES: &str =
    "interrupted; the changes that were made are kept; run the same command again to continue";

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// Whether the command ends itself after the next signal.
static ENDS_ITSELF: AtomicBool = AtomicBool::new(false);
/// Wakes who waits for a signal.
static ARRIVAL: Notify = Notify::const_new();
/// The rows of moving lines above the row of the cursor.
static ROWS_ABOVE: AtomicUsize = AtomicUsize::new(0);
/// What is printed to stderr at the end.
static LAST_LINE: Mutex<Option<String>> = Mutex::new(None);
/// What is printed to stdout at the end, unless a document has been printed.
static LAST_DOCUMENT: Mutex<Option<String>> = Mutex::new(None);
/// Restores the terminal before anything is printed to it.
static RESTORE: Mutex<Option<fn()>> = Mutex::new(None);
static TO_REMOVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A directory that is removed when a signal arrives, until this value is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct CleanupGuard(PathBuf);

/// Installs the signal handlers; does nothing if they are installed.
#[expect(clippy::exit, reason = "the process exits after a signal")]
pub(crate) fn watch() {
    // With any handler, a write beyond the file size limit fails instead of killing the process.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
    // Without a handler a signal still ends the process, without the cleanup.
    let _ = ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::SeqCst);
        ARRIVAL.notify_waiters();
        if ENDS_ITSELF.swap(false, Ordering::SeqCst) {
            return;
        }
        // Threads that wait for a child process kill it now.
        std::thread::sleep(GRACE);
        let mut waited = Duration::ZERO;
        while HOLDS.load(Ordering::SeqCst) > 0 && waited < LONGEST_HOLD {
            std::thread::sleep(NEWS);
            waited += NEWS;
        }
        let directories = TO_REMOVE.lock().unwrap_or_else(PoisonError::into_inner);
        directories.iter().for_each(|directory| remove(directory));
        // Not called while it is locked, because it removes itself.
        let restore = RESTORE.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(restore) = restore {
            restore();
        }
        let mut stderr = io::stderr();
        if stderr.is_terminal() {
            let _ = stderr.write_all(without_moving_lines(ROWS_ABOVE.load(Ordering::SeqCst)).as_bytes());
        }
        let last_line = LAST_LINE.lock().unwrap_or_else(PoisonError::into_inner).take();
        let last_line = last_line.unwrap_or_else(|| format!("error: {INTERRUPTION}\n"));
        let _ = stderr.write_all(last_line.as_bytes());
        // Locked until the exit, so that no other thread starts to print a second document.
        let mut document = LAST_DOCUMENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = document.take() {
            let mut stdout = io::stdout();
            let _ = stdout.write_all(document.as_bytes()).and_then(|()| stdout.flush());
        }
        std::process::exit(i32::from(ExitStatus::Interrupted.code()));
    });
}

/// Clears the moving lines, and shows the cursor in case a child process has hidden it.
fn without_moving_lines(rows_above: usize) -> String {
    let up = if rows_above == 0 { String::new() } else { format!("\x1b[{rows_above}A") };
    format!("\r{up}\x1b[J\x1b[?25h")
}

/// How many rows of moving lines are above the row of the cursor, to be cleared when a signal arrives.
pub(crate) fn on_interrupt_clear(rows_above: usize) {
    ROWS_ABOVE.store(rows_above, Ordering::SeqCst);
}

/// What restores the terminal when a signal ends the process.
pub(crate) fn on_interrupt_restore(restore: Option<fn()>) {
    *RESTORE.lock().unwrap_or_else(PoisonError::into_inner) = restore;
}

/// Replaces the error that is printed when a signal arrives.
pub(crate) fn on_interrupt_print(line: String) {
    *LAST_LINE.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
}

/// The document that is printed to stdout when a signal arrives. `None` before another document is printed; after a
/// signal it does not return, if the first one is being printed.
pub(crate) fn on_interrupt_report(document: Option<String>) {
    *LAST_DOCUMENT.lock().unwrap_or_else(PoisonError::into_inner) = document;
}

/// Another thread may still create files in the directory while it is being removed.
fn remove(directory: &Path) {
    for _ in 0..20 {
        // The path may be a single file.
        match std::fs::remove_dir_all(directory).or_else(|error| std::fs::remove_file(directory).map_err(|_| error)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => std::thread::sleep(Duration::from_millis(5)),
            Ok(()) | Err(_) => return,
        }
    }
}

/// Returns unless a signal has arrived; then the process is about to exit, and the result of the work is discarded
/// silently. A signal from the terminal also reaches child processes: after a child has failed, the notification of the
/// signal may still be pending.
pub(crate) fn exit_if_signaled(after_a_child_failed: bool) {
    if after_a_child_failed && !is_interrupted() {
        std::thread::sleep(NEWS);
    }
    while is_interrupted() {
        std::thread::sleep(GRACE);
    }
}

/// Whether a signal has arrived.
pub(crate) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// The command ends itself after the first signal, with a status of its own; a second signal ends the process as usual. For
/// services, which are stopped by a signal and finish what they have begun.
pub(crate) fn end_after_signal() {
    ENDS_ITSELF.store(true, Ordering::SeqCst);
}

/// Returns when a signal has arrived.
pub(crate) async fn interruption() {
    // Created before the check, so that no signal arrives unnoticed in between.
    let arrival = ARRIVAL.notified();
    if !is_interrupted() {
        arrival.await;
    }
}

/// Delays the exit after a signal until it is dropped, for seconds at most.
#[derive(Debug)]
#[must_use]
pub(crate) struct ExitHold(());

/// For work that ends itself soon after [`is_interrupted`] and must not be cut off.
pub(crate) fn hold_exit() -> ExitHold {
    HOLDS.fetch_add(1, Ordering::SeqCst);
    ExitHold(())
}

impl Drop for ExitHold {
    fn drop(&mut self) {
        HOLDS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Removes a directory when a signal arrives.
pub(crate) fn on_interrupt_remove(directory: &Path) -> CleanupGuard {
    TO_REMOVE.lock().unwrap_or_else(PoisonError::into_inner).push(directory.to_owned());
    CleanupGuard(directory.to_owned())
}

impl Drop for CleanupGuard {
    fn drop(&mut self) {
        TO_REMOVE.lock().unwrap_or_else(PoisonError::into_inner).retain(|directory| *directory != self.0);
    }
}
