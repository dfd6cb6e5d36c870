//! What a long step tells whoever watches. The user interface implements it; flows and doors only speak.

/// Someone who watches a long step. All methods take `&self`, so that one watcher can serve a whole command.
pub trait Progress {
    /// A step begins. `total` is in bytes, where it is known beforehand.
    fn begin(&self, label: &str, total: Option<u64>);

    /// The step got this many bytes further.
    fn advance(&self, bytes: u64);

    /// The step starts over from its first byte, because what had arrived cannot be continued.
    fn restart(&self);

    /// The step is over, well or not.
    fn end(&self);

    /// One line worth telling while the step goes on: a retry, or what a child process printed.
    fn note(&self, line: &str);
}

/// A watcher that looks away, for tests and for steps nobody needs to see.
#[derive(Debug, Clone, Copy)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _label: &str, _total: Option<u64>) {}
    fn advance(&self, _bytes: u64) {}
    fn restart(&self) {}
    fn end(&self) {}
    fn note(&self, _line: &str) {}
}
