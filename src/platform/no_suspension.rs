//! Windows has no job control.

use std::future::pending;
use std::io;

/// What a shell with job control wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobSignal {
    Suspend,
    Continue,
}

/// None.
#[derive(Debug)]
pub(crate) struct JobSignals(());

impl JobSignals {
    pub(crate) const fn watch() -> io::Result<Self> {
        Ok(Self(()))
    }

    pub(crate) async fn next(&self) -> io::Result<JobSignal> {
        pending().await
    }
}

pub(crate) const fn suspend_job() -> bool {
    false
}

pub(crate) const fn suspend_process() -> bool {
    false
}
