//! Unix sockets between processes of this machine, and open files that are sent through them.
#![expect(clippy::disallowed_methods, reason = "the directory of a socket is opened here")]

use std::fs::File;
use std::io;
use std::io::IoSlice;
use std::io::Read;
use std::io::Seek;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
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
pub(crate) fn send_with_files(socket: &UnixStream, bytes: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FILES))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::empty())
    })?)
}

/// The longest path of a socket, on the system with the shortest.
const LONGEST_PATH: usize = 103;

/// Listens at this path, which must not exist.
pub(crate) fn listen(path: &Path) -> io::Result<UnixListener> {
    let (path, _directory) = short(path)?;
    UnixListener::bind(path)
}

/// Connects to the socket at this path.
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    let (path, _directory) = short(path)?;
    UnixStream::connect(path)
}

/// A path that is not too long for a socket: on Linux, one through an open directory.
fn short(path: &Path) -> io::Result<(PathBuf, Option<OwnedFd>)> {
    let is_long = path.as_os_str().len() > LONGEST_PATH;
    let (Some(parent), Some(name), true) = (path.parent(), path.file_name(), is_long && cfg!(target_os = "linux"))
    else {
        return Ok((path.to_owned(), None));
    };
    let flags = rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
    let directory = rustix::fs::open(parent, flags, rustix::fs::Mode::empty())?;
    let number = directory.as_raw_fd();
    Ok((Path::new("/proc/self/fd").join(number.to_string()).join(name), Some(directory)))
}

/// Waits until one of the files can be read (or is at its end), and returns which can. None after the time limit.
pub(crate) fn wait_readable(files: &[BorrowedFd<'_>], limit: Option<Duration>) -> io::Result<Vec<bool>> {
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
pub(crate) fn anonymous_copy(source: &mut impl Read) -> io::Result<File> {
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
pub(crate) fn set_inherited(file: impl AsFd, is_inherited: bool) -> io::Result<()> {
    use rustix::io::FdFlags;

    Ok(rustix::io::fcntl_setfd(file, if is_inherited { FdFlags::empty() } else { FdFlags::CLOEXEC })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_socket_may_be_in_a_directory_with_a_long_path() {
        let directory = tempfile::tempdir().expect("a directory");
        let deep = directory.path().join("d".repeat(200));
        std::fs::create_dir(&deep).expect("made");
        let listener = listen(&deep.join("socket")).expect("it listens");
        let mut client = connect(&deep.join("socket")).expect("connected");
        io::Write::write_all(&mut client, b"x").expect("written");
        let (mut server, _) = listener.accept().expect("accepted");
        let mut byte = [0];
        server.read_exact(&mut byte).expect("read");
        assert_eq!(&byte, b"x");
    }
}
