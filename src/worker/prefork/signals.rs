//! Signals as events: each is remembered, and ends the wait for files.

#[cfg(target_os = "linux")]
use std::fs;
use std::io;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

/// The signals that this process ignores, as under `nohup`. Programs that it starts inherit this.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "the state of this process is read where its signals are handled")]
pub(super) fn ignored() -> Vec<i32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    (1..=64).filter(|number| mask.unwrap_or(0) & (1 << (number - 1)) != 0).collect()
}

/// Only Linux lists the signals that a process ignores.
#[cfg(not(target_os = "linux"))]
pub(super) const fn ignored() -> Vec<i32> {
    Vec::new()
}

/// The signals that are handled.
pub(super) struct Signals {
    /// Can be read when a signal has come.
    pub wake: UnixStream,
    received: Vec<(i32, Arc<AtomicBool>)>,
}

impl Signals {
    /// Handles these signals from now on, also if they were ignored before.
    pub(super) fn register(numbers: &[i32]) -> io::Result<Self> {
        let (wake, writer) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let mut received = Vec::new();
        for number in numbers {
            let flag = Arc::new(AtomicBool::new(false));
            signal_hook::flag::register(*number, Arc::clone(&flag))?;
            signal_hook::low_level::pipe::register(*number, writer.try_clone()?)?;
            received.push((*number, flag));
        }
        Ok(Self { wake, received })
    }

    /// The signals since the last call, each once.
    pub(super) fn take(&self) -> Vec<i32> {
        let mut rest = [0; 64];
        while (&self.wake).read(&mut rest).is_ok_and(|length| length > 0) {}
        let come = self.received.iter().filter(|(_, flag)| flag.swap(false, Ordering::SeqCst));
        come.map(|(number, _)| *number).collect()
    }
}
