//! The progress of long steps. The user interface implements it.

/// Receives the progress of long steps. All methods take `&self`, so that one receiver can serve an entire command.
pub trait Progress {
    /// A step begins. `total` is in bytes, if known.
    fn begin(&self, label: &str, total: Option<u64>);

    /// The step has processed this many more bytes.
    fn advance(&self, bytes: u64);

    /// The step starts over, because it could not be resumed.
    fn restart(&self);

    /// The step has ended, successfully or not.
    fn end(&self);

    /// A message during the step: a retry, or output of a child process.
    fn note(&self, line: &str);
}

/// Discards progress, for tests and for steps that are not shown.
#[derive(Debug, Clone, Copy)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _label: &str, _total: Option<u64>) {}
    fn advance(&self, _bytes: u64) {}
    fn restart(&self) {}
    fn end(&self) {}
    fn note(&self, _line: &str) {}
}
