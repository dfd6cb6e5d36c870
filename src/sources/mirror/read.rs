//! Reads a mirror in a directory: regular files only, each up to a limit.

use std::io;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;

use crate::io::fs::bounded_read;
use crate::io::fs::hashing_writer::BATCH;
use crate::io::fs::hashing_writer::StagingWriter;
use crate::io::fs::hashing_writer::Written;
use crate::model::RepoSlug;
use crate::model::Tag;
use crate::model::Tool;
use crate::model::mirror_layout;
use crate::model::progress::Progress;
use crate::sources::mirror::Index;
use crate::sources::mirror::IndexError;
use crate::sources::mirror::MAX_INDEX;
use crate::sources::mirror::MirrorError;

/// The index of a repository; `None` if there is no such file.
pub(crate) fn index(root: &Path, repository: &RepoSlug, tool: &Tool) -> Result<Option<Index>, MirrorError> {
    let path = mirror_layout::index_path(root, repository);
    match bounded_read::read(&path, MAX_INDEX) {
        Ok(text) => Ok(Some(Index::parse(&text, tool, repository)?)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(IndexError::TooLong.into()),
        Err(source) => Err(MirrorError::Read { path, source }),
    }
}

/// A small file of a release; `None` if there is no such file.
pub(crate) fn small_file(
    root: &Path,
    repository: &RepoSlug,
    tag: &Tag,
    name: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, MirrorError> {
    let Some(path) = mirror_layout::asset_path(root, repository, tag, name) else { return Ok(None) };
    match bounded_read::read(&path, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(source) => Err(MirrorError::Read { path, source }),
    }
}

/// Copies a file of a release to a new file and hashes it meanwhile. `limit` applies if the size is not known. The outer
/// error concerns the destination.
pub(crate) fn copy(
    root: &Path,
    repository: &RepoSlug,
    (tag, name): (&Tag, &str),
    (size, limit): (Option<u64>, u64),
    destination: &Path,
    progress: &dyn Progress,
) -> io::Result<Result<Written, MirrorError>> {
    let missing = || MirrorError::Missing { tag: tag.clone(), name: name.to_owned() };
    let Some(path) = mirror_layout::asset_path(root, repository, tag, name) else { return Ok(Err(missing())) };
    let (mut file, found) = match bounded_read::open_regular(&path) {
        Ok((file, metadata)) => (file, metadata.len()),
        Err(error) if is_absence(&error) => return Ok(Err(missing())),
        Err(source) => return Ok(Err(MirrorError::Read { path, source })),
    };
    let stated = size.unwrap_or(found.min(limit));
    let wrong_size = |found| MirrorError::WrongSize { tag: tag.clone(), name: name.to_owned(), found, stated };
    if found != stated {
        return Ok(Err(wrong_size(found)));
    }
    let mut writer = StagingWriter::create(destination)?;
    progress.begin(&format!("Copying {name} {tag}"), Some(stated));
    let mut copied = || -> io::Result<Result<(), MirrorError>> {
        loop {
            let mut piece = vec![0; BATCH];
            let length = match file.read(&mut piece) {
                Ok(length) => length,
                Err(source) => return Ok(Err(MirrorError::Read { path: path.clone(), source })),
            };
            // The file may be modified while it is copied.
            if writer.size() + length as u64 > stated || (length == 0 && writer.size() < stated) {
                return Ok(Err(wrong_size(writer.size() + length as u64)));
            }
            if length == 0 {
                return Ok(Ok(()));
            }
            piece.truncate(length);
            progress.advance(length as u64);
            writer.append(Bytes::from(piece))?;
        }
    };
    let outcome = copied();
    progress.end();
    match outcome? {
        Ok(()) => writer.finish().map(Ok),
        Err(error) => Ok(Err(error)),
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests make the files that are read")]

    use std::fs;

    use super::*;
    use crate::model::progress::NoProgress;

    fn copied(content: &[u8], size: Option<u64>) -> Result<Vec<u8>, MirrorError> {
        let directory = tempfile::tempdir().expect("a directory");
        let (repository, tag) = ("a/b".parse().expect("a repository"), "v1.0.0".parse().expect("a tag"));
        let path = mirror_layout::asset_path(directory.path(), &repository, &tag, "file").expect("a place");
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(&path, content).expect("written");
        let destination = directory.path().join("copy");
        let copied = copy(directory.path(), &repository, (&tag, "file"), (size, 1 << 20), &destination, &NoProgress)
            .expect("room");
        copied.map(|written| fs::read(written.path).expect("there"))
    }

    #[test]
    fn a_file_of_the_stated_size_is_copied() {
        let large = vec![7; BATCH * 2 + 1];
        assert_eq!(copied(&large, Some(large.len() as u64)).expect("copied"), large);
        assert_eq!(copied(b"", None).expect("copied"), b"");
        assert!(matches!(copied(b"abc", Some(4)), Err(MirrorError::WrongSize { found: 3, stated: 4, .. })));
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_opened() {
        let directory = tempfile::tempdir().expect("a directory");
        let (repository, tag) = ("a/b".parse().expect("a repository"), "v1.0.0".parse().expect("a tag"));
        let path = mirror_layout::asset_path(directory.path(), &repository, &tag, "file").expect("a place");
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        std::os::unix::fs::symlink("/dev/zero", &path).expect("linked");
        let destination = directory.path().join("copy");
        let refused = copy(directory.path(), &repository, (&tag, "file"), (None, 9), &destination, &NoProgress);
        assert!(matches!(refused, Ok(Err(MirrorError::Read { .. }))) && !destination.exists(), "{refused:?}");
    }
}
