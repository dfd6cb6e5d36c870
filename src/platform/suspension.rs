//! SIGTSTP and SIGCONT, for a program that uses the whole terminal: it gives the terminal back before it is suspended.

use std::io;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream as StdStream;

use rustix::process::Signal;
use rustix::process::getpgrp;
use rustix::process::getpid;
use rustix::process::getsid;
use rustix::process::kill_current_process_group;
use rustix::process::kill_process;
use signal_hook::consts::SIGCONT;
use signal_hook::consts::SIGTSTP;
use signal_hook::low_level::pipe;
use tokio::net::UnixStream;

/// What a shell with job control wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobSignal {
    /// Call [`suspend_process`] when the terminal is given back.
    Suspend,
    /// The process continues.
    Continue,
}

/// The signals, from now on.
#[derive(Debug)]
pub(crate) struct JobSignals {
    suspend: UnixStream,
    resume: UnixStream,
}

impl JobSignals {
    /// Must be called within a runtime. SIGTSTP no longer suspends the process then.
    pub(crate) fn watch() -> io::Result<Self> {
        Ok(Self { suspend: stream_of(SIGTSTP)?, resume: stream_of(SIGCONT)? })
    }

    /// The next signal.
    pub(crate) async fn next(&self) -> io::Result<JobSignal> {
        let (suspend, resume) = (std::pin::pin!(arrived(&self.suspend)), std::pin::pin!(arrived(&self.resume)));
        match futures_util::future::select(suspend, resume).await {
            futures_util::future::Either::Left((result, _)) => result.map(|()| JobSignal::Suspend),
            futures_util::future::Either::Right((result, _)) => result.map(|()| JobSignal::Continue),
        }
    }
}

/// A signal writes a byte into it.
fn stream_of(signal: i32) -> io::Result<UnixStream> {
    let (reader, writer) = StdStream::pair()?;
    reader.set_nonblocking(true)?;
    pipe::register(signal, writer)?;
    UnixStream::from_std(reader)
}

async fn arrived(stream: &UnixStream) -> io::Result<()> {
    loop {
        stream.readable().await?;
        match stream.try_read(&mut [0; 64]) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether a shell can continue this process: such a shell puts each job into a group of its own.
fn has_job_control() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}

/// Sends SIGTSTP to all processes of this job, as the terminal does for Ctrl-Z. Does nothing if no shell could continue them.
pub(crate) fn suspend_job() -> bool {
    has_job_control() && kill_current_process_group(Signal::TSTP).is_ok()
}

/// Suspends this process; returns when it continues.
pub(crate) fn suspend_process() -> bool {
    has_job_control() && kill_process(getpid(), Signal::STOP).is_ok()
}
