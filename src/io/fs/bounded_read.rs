//! Reads small files: regular files only, up to a size limit. Whatever replaces the file (a pipe without
//! a writer, an endless device, gigabytes), reading terminates and uses little memory.
#![expect(clippy::disallowed_methods, reason = "small files are opened here")]

use std::fs::File;
use std::fs::Metadata;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::path::Path;

/// Reads a regular file; links are followed. More than `limit` bytes are an error, and so is a directory, a pipe or a
/// device.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    within(open_regular(path)?.0, limit)
}

/// As [`read`], with the metadata of the file that was read.
pub(crate) fn read_with_metadata(path: &Path, limit: u64) -> io::Result<(Vec<u8>, Metadata)> {
    let (file, metadata) = open_regular(path)?;
    Ok((within(file, limit)?, metadata))
}

/// Opens a regular file of any size; links are followed. The caller must limit how much it reads.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory, not a file"));
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe or a device, not a file"));
    }
    Ok((file, metadata))
}

/// As [`read`], for UTF-8 text. A leading byte order mark is removed.
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    text(read(path, limit)?)
}

/// As [`read_text`], for a file that the user named. It may be a pipe, which shells create for `<(command)`.
pub(crate) fn read_named_text(path: &Path, limit: u64) -> io::Result<String> {
    text(within(File::open(path)?, limit)?)
}

fn within(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let too_long = || io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {limit} bytes"));
    // Without reading it: the bytes of a longer file would take twice the limit in memory while they arrive. Pipes and the files of
    // /proc have no length, so what arrives is counted as well.
    if file.metadata()?.len() > limit {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(too_long());
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("it is not text (byte {place} is not UTF-8)"))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Opened before it is inspected, so that it cannot be replaced in between, and without waiting for the writer
/// of a pipe.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits().cast_signed(),
    );
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_their_limit() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, b"\xef\xbb\xbfcontents").expect("written");
        assert_eq!(read_text(&path, 11).expect("read"), "contents");
        assert_eq!(read_named_text(&path, 11).expect("read"), "contents");
        let refused = read(&path, 10).expect_err("too long");
        assert_eq!(refused.to_string(), "it has more than 10 bytes");
        std::fs::write(&path, b"ab\xff").expect("written");
        assert_eq!(read(&path, 10).expect("bytes"), b"ab\xff");
        let refused = read_text(&path, 10).expect_err("no text");
        assert_eq!(refused.to_string(), "it is not text (byte 2 is not UTF-8)");
        assert_eq!(read(&directory.path().join("absent"), 10).expect_err("absent").kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn only_files_are_read_and_nothing_blocks() {
        let directory = tempfile::tempdir().expect("a directory");
        let pipe = directory.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
        assert!(made.success());
        assert_eq!(read(&pipe, 10).expect_err("a pipe").to_string(), "it is a pipe or a device, not a file");
        let zeros = directory.path().join("zeros");
        std::os::unix::fs::symlink("/dev/zero", &zeros).expect("a link");
        assert_eq!(read(&zeros, 10).expect_err("a device").to_string(), "it is a pipe or a device, not a file");
        assert_eq!(read(directory.path(), 10).expect_err("a directory").to_string(), "it is a directory, not a file");
        assert_eq!(read_named_text(&zeros, 10).expect_err("endless").to_string(), "it has more than 10 bytes");
    }
}
