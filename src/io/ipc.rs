//! Unix sockets between processes of this machine, and open files that are sent through them.

use std::fs::File;
use std::io;
use std::io::IoSlice;
use std::io::Read;
use std::io::Seek;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::net::SendAncillaryBuffer;
use rustix::net::SendAncillaryMessage;
use rustix::net::SendFlags;

/// The most files in one message.
const MOST_FILES: usize = 4;

/// Sends bytes, and files with the first of them. Returns how many bytes were sent: at least one.
pub fn send_with_files(socket: &UnixStream, bytes: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FILES))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::empty())
    })?)
}

/// Waits until one of the files can be read (or is at its end), and returns which can. None after the time limit.
pub fn wait_readable(files: &[BorrowedFd<'_>], limit: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut polled: Vec<PollFd<'_>> = files.iter().map(|file| PollFd::from_borrowed_fd(*file, PollFlags::IN)).collect();
    let limit = limit.map(|limit| Timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    });
    match rustix::event::poll(&mut polled, limit.as_ref()) {
        // A signal: the caller looks what it was.
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(polled.iter().map(|file| !file.revents().is_empty()).collect())
}

/// Reads everything into an anonymous file, which is at its beginning afterwards.
pub fn anonymous_copy(source: &mut impl Read) -> io::Result<File> {
    let mut file = anonymous_file()?;
    io::copy(source, &mut file)?;
    file.rewind()?;
    Ok(file)
}

#[cfg(target_os = "linux")]
fn anonymous_file() -> io::Result<File> {
    Ok(rustix::fs::memfd_create("reproq", rustix::fs::MemfdFlags::CLOEXEC)?.into())
}

/// A file without a name.
#[cfg(not(target_os = "linux"))]
fn anonymous_file() -> io::Result<File> {
    use crate::io::fs::Dir;
    use crate::io::fs::TemporaryFile;

    let directory = std::rc::Rc::new(Dir::open(&std::env::temp_dir())?);
    // Dropping the named file removes its name.
    TemporaryFile::create(directory, 0o600)?.file().try_clone()
}

/// Whether a program of ours inherits this file.
pub fn set_inherited(file: impl AsFd, is_inherited: bool) -> io::Result<()> {
    use rustix::io::FdFlags;

    Ok(rustix::io::fcntl_setfd(file, if is_inherited { FdFlags::empty() } else { FdFlags::CLOEXEC })?)
}
