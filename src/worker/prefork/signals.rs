//! Signals as events: each is remembered, and wakes whoever waits for files.

use std::io;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

/// The signals that are handled.
pub(super) struct Signals {
    /// Can be read when a signal has come.
    pub wake: UnixStream,
    received: Vec<(i32, Arc<AtomicBool>)>,
}

impl Signals {
    /// Handles these signals from now on. One that is ignored, as under `nohup`, is handled as well.
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
