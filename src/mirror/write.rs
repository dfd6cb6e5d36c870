//! Changes a mirror so that every moment leaves one that can be used: files come before the index that names them, and go
//! after it.
#![expect(clippy::disallowed_methods, reason = "mirrors are written here")]

use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use thiserror::Error;

use crate::mirror::Condition;
use crate::mirror::Index;
use crate::mirror::MAX_INDEX;
use crate::mirror::layout;
use crate::mirror::layout::STAGING;
use crate::progress::Progress;
use crate::release::RepoSlug;
use crate::release::Sha256Digest;
use crate::release::Tag;
use crate::small_file;
use crate::staging::hash_file;

/// Why a mirror cannot be changed. Its index and its files agree all the same.
#[derive(Debug, Error)]
#[error("failed to {doing} `{path}`", path = path.display())]
pub struct FolderError {
    /// What was tried.
    pub doing: &'static str,
    /// On which file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FolderError {
    fn new(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { doing, path: path.to_owned(), source }
    }
}

/// The part of a mirror that is one repository's.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    repository: RepoSlug,
}

impl Folder {
    /// What begins the name of a folder for files that are on their way in.
    pub const STAGING: &'static str = STAGING;

    /// In this folder. Touches nothing.
    pub const fn new(root: PathBuf, repository: RepoSlug) -> Self {
        Self { root, repository }
    }

    /// Where the mirror is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The name of what keeps two synchronizations apart.
    pub const LOCK: &'static str = layout::LOCK;

    /// Makes the folder, where it is not there yet.
    pub fn prepare(&self) -> Result<(), FolderError> {
        fs::create_dir_all(&self.root).map_err(FolderError::new("create the folder", &self.root))
    }

    /// Removes what a killed synchronization had on its way in. Only for whoever holds the lock.
    pub fn clear(&self) -> Result<(), FolderError> {
        let entries = fs::read_dir(&self.root).map_err(FolderError::new("list", &self.root))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(STAGING) {
                fs::remove_dir_all(entry.path()).map_err(FolderError::new("remove", &entry.path()))?;
            }
        }
        Ok(())
    }

    /// Whether a file is still what the index says; hashes all of it.
    pub fn condition(
        &self,
        tag: &Tag,
        (name, size, sha256): (&str, u64, Sha256Digest),
        progress: &dyn Progress,
    ) -> Result<Condition, FolderError> {
        let Some(path) = layout::asset_path(&self.root, &self.repository, tag, name) else {
            return Ok(Condition::Missing);
        };
        let found = match small_file::open_regular(&path) {
            Ok((_, metadata)) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Condition::Missing),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(FolderError::new("read", &path)(error));
            }
            Err(_) => return Ok(Condition::Damaged),
        };
        if found != size {
            return Ok(Condition::Damaged);
        }
        let is_same = hash_file(&path).map_err(FolderError::new("read", &path))? == sha256;
        progress.advance(size);
        Ok(if is_same { Condition::Intact } else { Condition::Damaged })
    }

    /// Puts a file in its place by one rename, readable by everybody. It must lie on the same file system.
    pub fn place(&self, tag: &Tag, name: &str, from: &Path) -> Result<(), FolderError> {
        let path = layout::asset_path(&self.root, &self.repository, tag, name);
        let path =
            path.ok_or_else(|| FolderError::new("place", Path::new(name))(io::ErrorKind::InvalidFilename.into()))?;
        let folder = path.parent().expect("a file of a release lies in a folder");
        fs::create_dir_all(folder).map_err(FolderError::new("create the folder", folder))?;
        publish(from, &path)
    }

    /// Replaces the index by one rename. `staging` is a folder on the same file system.
    pub fn write_index(&self, index: &Index, staging: &Path) -> Result<(), FolderError> {
        let path = layout::index_path(&self.root, &self.repository);
        let text = index.render();
        if text.len() as u64 > MAX_INDEX {
            let problem = format!("it would have more than {MAX_INDEX} bytes, and nobody would read it");
            return Err(FolderError::new("write", &path)(io::Error::new(io::ErrorKind::InvalidData, problem)));
        }
        let folder = layout::releases(&self.root, &self.repository);
        fs::create_dir_all(&folder).map_err(FolderError::new("create the folder", &folder))?;
        let partial = staging.join("index.json");
        fs::write(&partial, text).map_err(FolderError::new("write", &partial))?;
        publish(&partial, &path)
    }

    /// Removes the files that no index names. What this program would not have put there is left alone.
    pub fn sweep(&self, index: &Index, is_ours: &dyn Fn(&str) -> bool) -> Result<Vec<PathBuf>, FolderError> {
        let downloads = layout::downloads(&self.root, &self.repository);
        let mut removed = Vec::new();
        for folder in folders(&downloads) {
            let tag = folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<Tag>().ok());
            let Some(tag) = tag.filter(|tag| tag.version().is_some()) else { continue };
            let release = index.release(&tag);
            for entry in fs::read_dir(&folder).map_err(FolderError::new("list", &folder))?.flatten() {
                let (path, name) = (entry.path(), entry.file_name());
                let Some(name) = name.to_str() else { continue };
                let is_named = release.is_some_and(|release| release.everything().any(|(known, ..)| known == name));
                if !is_named && is_ours(name) && entry.file_type().is_ok_and(|kind| !kind.is_dir()) {
                    fs::remove_file(&path).map_err(FolderError::new("remove", &path))?;
                    removed.push(path);
                }
            }
            // One that is not empty stays.
            let _ = fs::remove_dir(&folder);
        }
        removed.sort();
        Ok(removed)
    }
}

/// Writes a small file that is on its way in.
pub fn stage(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    fs::write(path, bytes).map_err(FolderError::new("write", path))
}

/// Data first, then the name.
fn publish(from: &Path, to: &Path) -> Result<(), FolderError> {
    #[cfg(unix)]
    fs::set_permissions(from, std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .map_err(FolderError::new("let everybody read", from))?;
    let file = File::open(from).map_err(FolderError::new("open", from))?;
    file.sync_data().map_err(FolderError::new("write", from))?;
    drop(file);
    fs::rename(from, to).map_err(FolderError::new("place", to))
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirror::MirroredAsset;
    use crate::mirror::MirroredRelease;
    use crate::progress::Unwatched;
    use crate::release::Tool;

    #[test]
    fn what_no_index_names_goes_and_what_is_not_ours_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let mirror = Folder::new(folder.path().join("mirror"), "a/b".parse().expect("a repository"));
        mirror.prepare().expect("made");
        let (new, old): (Tag, Tag) = ("v1.1.0".parse().expect("a tag"), "v1.0.0".parse().expect("a tag"));
        for tag in [&new, &old] {
            let file = folder.path().join("file");
            fs::write(&file, "bytes").expect("written");
            mirror.place(tag, "reproq-linux-amd64", &file).expect("placed");
        }
        let path = |tag: &str, name: &str| folder.path().join("mirror/a/b/releases/download").join(tag).join(name);
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
        mirror.write_index(&index, folder.path()).expect("written");
        let removed = mirror.sweep(&index, &|name| name.starts_with("reproq-")).expect("swept");
        assert_eq!(removed, [path("v1.0.0", "reproq-linux-amd64")]);
        assert!(path("v1.0.0", "notes.txt").exists() && path("nightly", "reproq-linux-amd64").exists());
        let condition =
            || mirror.condition(&new, ("reproq-linux-amd64", 5, asset.sha256), &Unwatched).expect("readable");
        assert_eq!(condition(), Condition::Intact);
        fs::write(path("v1.1.0", "reproq-linux-amd64"), "Bytes").expect("written");
        assert_eq!(condition(), Condition::Damaged);
        fs::remove_file(path("v1.1.0", "reproq-linux-amd64")).expect("removed");
        assert_eq!(condition(), Condition::Missing);
        let read = super::super::read::index(mirror.root(), &"a/b".parse().expect("a repository"), &Tool::WORKER);
        assert_eq!(read.expect("readable"), Some(index));
    }
}
