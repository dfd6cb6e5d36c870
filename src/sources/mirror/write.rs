//! Updates a mirror so that it is usable at every moment: files are added before the index lists them, and deleted after it no
//! longer does.
#![expect(clippy::disallowed_methods, reason = "mirrors are written here")]

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;

use crate::io::fs::Dir;
use crate::io::fs::FileError;
use crate::io::fs::FileKind;
use crate::io::fs::OutputFile;
use crate::io::fs::finished;
use crate::io::fs::hashing_writer::hash;
use crate::io::fs::move_into_place;
use crate::io::fs::sweep;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::mirror_layout;
use crate::model::mirror_layout::DOWNLOAD;
use crate::model::mirror_layout::INDEX;
use crate::model::mirror_layout::RELEASES;
use crate::model::mirror_layout::STAGING;
use crate::model::progress::Progress;
use crate::sources::mirror::Condition;
use crate::sources::mirror::Index;
use crate::sources::mirror::MAX_INDEX;

/// The part of a mirror that belongs to one repository.
#[derive(Debug, Clone)]
pub(crate) struct MirrorDirectory {
    root: PathBuf,
    repository: RepoSlug,
}

impl MirrorDirectory {
    /// The name prefix of directories for incoming files.
    pub(crate) const STAGING: &'static str = STAGING;

    /// The mirror in this directory. Does no I/O.
    pub(crate) const fn new(root: PathBuf, repository: RepoSlug) -> Self {
        Self { root, repository }
    }

    /// The root of the mirror.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The name of the lock file that serializes synchronizations.
    pub(crate) const LOCK: &'static str = mirror_layout::LOCK;

    /// Creates the directory if necessary and opens it.
    pub(crate) fn prepare(&self) -> Result<Dir, FileError> {
        fs::create_dir_all(&self.root).map_err(FileError::io("create the directory", &self.root))?;
        self.open()?.ok_or_else(|| FileError::io("open the directory", &self.root)(io::ErrorKind::NotFound.into()))
    }

    /// Removes incoming files left by a killed synchronization. The caller must hold the lock.
    pub(crate) fn clear(&self) -> Result<(), FileError> {
        let Some(root) = self.open()? else { return Ok(()) };
        if let Some(releases) = self.below(&[])? {
            sweep(&releases);
        }
        let names = root.names()?;
        names.iter().filter(|name| name.to_string_lossy().starts_with(STAGING)).try_for_each(|name| root.remove(name))
    }

    /// Whether a file matches the index; hashes all of it.
    pub(crate) fn condition(
        &self,
        tag: &Tag,
        (name, size, sha256): (&str, u64, Sha256Digest),
        progress: &dyn Progress,
    ) -> Result<Condition, FileError> {
        if tag.version().is_none() || !mirror_layout::is_file_name(name) {
            return Ok(Condition::Missing);
        }
        let Some(release) = self.below(&[DOWNLOAD, tag.as_str()])? else { return Ok(Condition::Missing) };
        let Some((mut file, found)) = release.file(name)? else { return Ok(Condition::Missing) };
        if found.size != size {
            return Ok(Condition::Damaged);
        }
        let is_same = hash(&mut file).map_err(FileError::io("read", release.path_of(name)))? == sha256;
        progress.advance(size);
        Ok(if is_same { Condition::Intact } else { Condition::Damaged })
    }

    /// Moves a file into place by one rename, readable by everyone. It must be on the same file system.
    pub(crate) fn place(&self, tag: &Tag, name: &str, from: &Path) -> Result<(), FileError> {
        let misnamed = || FileError::io("place", name)(io::ErrorKind::InvalidFilename.into());
        let missing = || FileError::io("open", from)(io::ErrorKind::NotFound.into());
        let (Some(holder), Some(from_name)) = (from.parent(), from.file_name()) else { return Err(missing()) };
        if tag.version().is_none() || !mirror_layout::is_file_name(name) {
            return Err(misnamed());
        }
        let staging = Dir::open(holder)?.ok_or_else(missing)?;
        let release = self.make_below(&[DOWNLOAD, tag.as_str()])?;
        move_into_place(&staging, from_name, &release, name.as_ref())
    }

    /// Replaces the index by one rename.
    pub(crate) fn write_index(&self, index: &Index) -> Result<(), FileError> {
        let text = index.render();
        let releases = self.make_below(&[])?;
        if text.len() as u64 > MAX_INDEX {
            let problem = format!("it would exceed the limit of {MAX_INDEX} bytes");
            let problem = io::Error::new(io::ErrorKind::InvalidData, problem);
            return Err(FileError::io("write", releases.path_of(INDEX))(problem));
        }
        finished(OutputFile::create_in(Rc::new(releases), INDEX)?.for_all(), &text)
    }

    /// Removes release files that the index does not list. Files this program would not have written are kept.
    pub(crate) fn sweep(&self, index: &Index, is_ours: &dyn Fn(&str) -> bool) -> Result<Vec<PathBuf>, FileError> {
        let Some(downloads) = self.below(&[DOWNLOAD])? else { return Ok(Vec::new()) };
        let mut removed = Vec::new();
        for name in downloads.names()? {
            let tag = name.to_str().and_then(|name| name.parse::<Tag>().ok()).filter(|tag| tag.version().is_some());
            let is_directory = downloads.stat(&name)?.is_some_and(|found| found.kind == FileKind::Directory);
            let Some(tag) = tag.filter(|_| is_directory) else { continue };
            let Some(directory) = downloads.subdirectory(&name)? else { continue };
            let release = index.release(&tag);
            for file in directory.names()? {
                let is_named = |known: &str| file.to_str() == Some(known);
                let is_kept = release.is_some_and(|release| release.everything().any(|(known, ..)| is_named(known)));
                let is_file = directory.stat(&file)?.is_some_and(|found| found.kind != FileKind::Directory);
                if !is_kept && is_file && file.to_str().is_some_and(is_ours) {
                    directory.remove(&file)?;
                    removed.push(directory.path_of(&file));
                }
            }
            // A directory that is not empty is kept.
            let _ = downloads.remove_empty(&name);
        }
        removed.sort();
        Ok(removed)
    }

    fn open(&self) -> Result<Option<Dir>, FileError> {
        Dir::open(&self.root)
    }

    /// A directory below the one for releases. Each level is opened relative to its parent, so links are not followed.
    fn below(&self, names: &[&str]) -> Result<Option<Dir>, FileError> {
        let mut dir = self.open()?;
        for name in self.releases().iter().chain(names) {
            let Some(holder) = dir else { return Ok(None) };
            dir = holder.subdirectory(name)?;
        }
        Ok(dir)
    }

    /// Like [`Directory::below`], but creates missing directories.
    fn make_below(&self, names: &[&str]) -> Result<Dir, FileError> {
        let mut dir = self.prepare()?;
        for name in self.releases().iter().chain(names) {
            dir = dir.make_subdirectory(name)?;
        }
        Ok(dir)
    }

    fn releases(&self) -> [&str; 3] {
        [self.repository.owner(), self.repository.name(), RELEASES]
    }
}

/// Writes a small incoming file.
pub(crate) fn stage(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    fs::write(path, bytes).map_err(FileError::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::fs::hashing_writer::hash_file;
    use crate::model::Tool;
    use crate::model::progress::NoProgress;
    use crate::sources::mirror::MirroredAsset;
    use crate::sources::mirror::MirroredRelease;

    #[test]
    fn unlisted_files_are_removed_and_unknown_files_are_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let mirror = MirrorDirectory::new(directory.path().join("mirror"), "a/b".parse().expect("a repository"));
        let _ = mirror.prepare().expect("made");
        let (new, old): (Tag, Tag) = ("v1.1.0".parse().expect("a tag"), "v1.0.0".parse().expect("a tag"));
        for tag in [&new, &old] {
            let file = directory.path().join("file");
            fs::write(&file, "bytes").expect("written");
            mirror.place(tag, "reproq-linux-amd64", &file).expect("placed");
        }
        let path = |tag: &str, name: &str| directory.path().join("mirror/a/b/releases/download").join(tag).join(name);
        fs::write(path("v1.0.0", "notes.txt"), "mine").expect("written");
        fs::create_dir_all(path("nightly", "")).expect("made");
        fs::write(path("nightly", "reproq-linux-amd64"), "mine").expect("written");
        let asset = MirroredAsset {
            target: None,
            name: "reproq-linux-amd64".to_owned(),
            size: 5,
            sha256: hash_file(&path("v1.1.0", "reproq-linux-amd64")).expect("readable"),
        };
        let release = MirroredRelease {
            tag: new.clone(),
            version: None,
            published: None,
            prerelease: false,
            assets: vec![asset.clone()],
            files: Vec::new(),
        };
        let index = Index::new(&Tool::WORKER, "a/b".parse().expect("a repository"), vec![release]);
        mirror.write_index(&index).expect("written");
        let removed = mirror.sweep(&index, &|name| name.starts_with("reproq-")).expect("swept");
        assert_eq!(removed, [path("v1.0.0", "reproq-linux-amd64")]);
        assert!(path("v1.0.0", "notes.txt").exists() && path("nightly", "reproq-linux-amd64").exists());
        let condition =
            || mirror.condition(&new, ("reproq-linux-amd64", 5, asset.sha256), &NoProgress).expect("readable");
        assert_eq!(condition(), Condition::Intact);
        fs::write(path("v1.1.0", "reproq-linux-amd64"), "Bytes").expect("written");
        assert_eq!(condition(), Condition::Damaged);
        fs::remove_file(path("v1.1.0", "reproq-linux-amd64")).expect("removed");
        assert_eq!(condition(), Condition::Missing);
        let read = super::super::read::index(mirror.root(), &"a/b".parse().expect("a repository"), &Tool::WORKER);
        assert_eq!(read.expect("readable"), Some(index));
    }
}
