//! The cache directory: fetch, store, list, remove.
#![expect(clippy::disallowed_methods, reason = "the cache is read and written here")]

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::SystemTime;

use chrono::DateTime;
use chrono::Utc;
use thiserror::Error;

use crate::io::fs::Dir;
use crate::io::fs::TemporaryFile;
use crate::io::fs::bounded_read;
use crate::io::fs::hashing_writer::LARGEST_FILE;
use crate::io::fs::hashing_writer::Written;
use crate::io::fs::hashing_writer::copy_new;
use crate::io::fs::hashing_writer::discard;
use crate::io::fs::sweep;
use crate::model::Sha256Digest;
use crate::sources::cache::CachedFrom;
use crate::sources::cache::Entry;
use crate::sources::cache::oldest_beyond;

/// Well above the size of any record.
const MAX_RECORD: u64 = 64 * 1024;

/// Attestations of one asset take a few dozen kilobytes; longer documents are refused anyway.
const MAX_PROOFS: u64 = 16 * 1024 * 1024;

/// The age in seconds after which an incomplete file is considered abandoned by a killed process.
const ABANDONED: i64 = 24 * 60 * 60;

/// The prefix of incomplete files, as earlier versions named them.
const PARTIAL: &str = ".part-";

/// Why the cache cannot be used. Never fatal: the caller continues without it.
#[derive(Debug, Error)]
#[error("failed to {doing} `{path}`", path = path.display())]
pub(crate) struct CacheError {
    /// What was attempted.
    pub doing: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The system's error.
    pub source: io::Error,
}

impl CacheError {
    fn new(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { doing, path: path.to_owned(), source }
    }
}

/// The result of a lookup.
#[derive(Debug)]
pub(crate) enum CacheLookup {
    /// The bytes, hashed after copying.
    Found(Written),
    /// Not in the cache.
    Missing,
    /// The bytes stored under the digest did not match it, and were removed.
    Damaged {
        /// Their actual digest.
        found: Sha256Digest,
    },
}

/// The user's cache.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    directory: PathBuf,
    limit: u64,
    now: DateTime<Utc>,
}

impl Cache {
    /// A cache in this directory, with at most `limit` bytes of assets. `now` is the time of use. Does no I/O.
    pub(crate) const fn new(directory: PathBuf, limit: u64, now: DateTime<Utc>) -> Self {
        Self { directory, limit, now }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The limit for assets, in bytes.
    pub(crate) const fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether there is a file for this digest; its content is not checked.
    pub(crate) fn has(&self, sha256: &Sha256Digest) -> bool {
        self.asset(sha256).is_file()
    }

    /// Copies the bytes with this digest to a new file. The copy is hashed, so nothing can change in between; where the file
    /// system supports it, the copy shares the disk blocks of the original.
    pub(crate) fn fetch(&self, sha256: &Sha256Digest, destination: &Path) -> Result<CacheLookup, CacheError> {
        let path = self.asset(sha256);
        match fs::symlink_metadata(&path) {
            // A sparse file of terabytes is not an asset either.
            Ok(metadata) if metadata.is_file() && metadata.len() <= LARGEST_FILE => {}
            Ok(_) => return Ok(CacheLookup::Missing),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(CacheLookup::Missing),
            Err(error) => return Err(CacheError::new("inspect", &path)(error)),
        }
        let copied = bounded_read::open_regular(&path).and_then(|(mut file, _)| copy_new(&mut file, destination));
        let written = match copied {
            Ok(written) => written,
            // Removed by another process in the meantime.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(CacheLookup::Missing),
            Err(error) => {
                let _ = discard(destination);
                return Err(CacheError::new("copy", &path)(error));
            }
        };
        let found = written.sha256;
        if found != *sha256 {
            discard(destination).map_err(CacheError::new("remove", destination))?;
            self.remove(sha256)?;
            return Ok(CacheLookup::Damaged { found });
        }
        // The modification time records the last use; content-addressed files do not need it for anything else.
        let _ =
            fs::File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::from(self.now)));
        Ok(CacheLookup::Found(written))
    }

    /// The cached attestations of the asset with this digest. Not trusted: the caller verifies them again.
    pub(crate) fn proofs(&self, sha256: &Sha256Digest) -> Option<Vec<u8>> {
        bounded_read::read(&self.asset(sha256).with_extension("proofs"), MAX_PROOFS).ok()
    }

    /// Stores a verified file, with its attestations. An asset may take at most a quarter of the limit, so that a large one
    /// does not evict all others.
    pub(crate) fn keep(&self, file: &Written, provenance: &CachedFrom, proofs: Option<&str>) -> Result<(), CacheError> {
        let path = self.asset(&file.sha256);
        if file.size > self.limit / 4 {
            return Ok(());
        }
        let is_there = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.len() == file.size);
        let known = self.proofs(&file.sha256);
        let news = proofs.filter(|proofs| known.as_deref() != Some(proofs.as_bytes()));
        if is_there && news.is_none() {
            return Ok(());
        }
        let directory = self.assets();
        fs::create_dir_all(&directory).map_err(CacheError::new("create the directory", &directory))?;
        if let Some(proofs) = news {
            self.arrive(&path.with_extension("proofs"), |partial| partial.write_all(proofs.as_bytes()))?;
        }
        if is_there {
            return Ok(());
        }
        let record = serde_json::to_vec_pretty(provenance).expect("a record is a map with text keys");
        self.arrive(&path.with_extension("json"), |partial| partial.write_all(&record))?;
        self.arrive(&path, |partial| {
            // `fs::copy` copies in the kernel where possible, and shares blocks where the file system supports it.
            io::copy(&mut fs::File::open(&file.path)?, partial).map(drop)
        })?;
        for entry in oldest_beyond(self.list()?, self.limit) {
            self.remove(&entry.sha256)?;
        }
        Ok(())
    }

    /// All entries, the most recently used first.
    pub(crate) fn list(&self) -> Result<Vec<Entry>, CacheError> {
        let directory = self.assets();
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(CacheError::new("list", &directory)(error)),
        };
        let mut found = Vec::new();
        for entry in entries.flatten() {
            let Some(sha256) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let Ok(metadata) = entry.metadata() else { continue };
            let used = metadata.modified().map_or(DateTime::UNIX_EPOCH, DateTime::<Utc>::from);
            found.push(Entry { sha256, size: metadata.len(), used, provenance: self.provenance(&sha256) });
        }
        found.sort_by(|a, b| b.used.cmp(&a.used).then(a.sha256.cmp(&b.sha256)));
        Ok(found)
    }

    /// Removes the least recently used entries until at most `limit` bytes are left, and abandoned incomplete files.
    pub(crate) fn prune(&self, limit: u64) -> Result<Vec<Entry>, CacheError> {
        let gone = oldest_beyond(self.list()?, limit);
        for entry in &gone {
            self.remove(&entry.sha256)?;
        }
        self.sweep();
        Ok(gone)
    }

    /// Removes one entry; succeeds if it is already gone.
    pub(crate) fn remove(&self, sha256: &Sha256Digest) -> Result<(), CacheError> {
        let path = self.asset(sha256);
        for path in [path.with_extension("json"), path.with_extension("proofs"), path] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(CacheError::new("remove", &path)(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn assets(&self) -> PathBuf {
        self.directory.join("assets")
    }

    /// The path of an asset, whether or not it exists.
    pub(crate) fn asset(&self, sha256: &Sha256Digest) -> PathBuf {
        self.assets().join(sha256.to_string())
    }

    fn provenance(&self, sha256: &Sha256Digest) -> Option<CachedFrom> {
        let bytes = bounded_read::read(&self.asset(sha256).with_extension("json"), MAX_RECORD).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes a file atomically.
    fn arrive(&self, path: &Path, write: impl FnOnce(&mut fs::File) -> io::Result<()>) -> Result<(), CacheError> {
        let arrive = || {
            let directory = Dir::open(&self.assets())?.ok_or(io::ErrorKind::NotFound)?;
            let directory = Rc::new(directory);
            sweep(&directory);
            let mut partial = TemporaryFile::create(directory, 0o600)?;
            write(partial.file())?;
            partial.place(path.file_name().unwrap_or_default())
        };
        arrive().map_err(CacheError::new("write", path))
    }

    /// Whether a name is that of a record or attestations whose asset does not exist.
    fn is_about_nothing(&self, name: &Path) -> bool {
        let is_beside = name.extension().is_some_and(|extension| extension == "json" || extension == "proofs");
        let sha256 = name.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.parse().ok());
        is_beside && sha256.is_some_and(|sha256| fs::symlink_metadata(self.asset(&sha256)).is_err())
    }

    fn sweep(&self) {
        if let Ok(Some(directory)) = Dir::open(&self.assets()) {
            sweep(&directory);
        }
        let Ok(entries) = fs::read_dir(self.assets()) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_left = name.to_string_lossy().starts_with(PARTIAL) || self.is_about_nothing(Path::new(&name));
            let began = entry.metadata().and_then(|metadata| metadata.modified()).map(DateTime::<Utc>::from);
            if is_left && began.is_ok_and(|began| (self.now - began).num_seconds() > ABANDONED) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::fs::hashing_writer::StagingWriter;

    fn provenance() -> CachedFrom {
        CachedFrom {
            repository: "adpena/reproq-worker".parse().expect("a repository"),
            tag: "v0.0.144".parse().expect("a tag"),
            name: "reproq-linux-amd64".to_owned(),
        }
    }

    fn at(directory: &Path, limit: u64, seconds: i64) -> Cache {
        Cache::new(directory.join("cache"), limit, DateTime::from_timestamp(seconds, 0).expect("a time"))
    }

    fn file(directory: &Path, name: &str, bytes: &'static [u8]) -> Written {
        let mut writer = StagingWriter::create(&directory.join(name)).expect("a file");
        writer.append(bytes.into()).expect("written");
        writer.finish().expect("finished")
    }

    #[test]
    fn a_stored_asset_is_returned_and_hashed_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = at(directory.path(), 1000, 100);
        let written = file(directory.path(), "asset", b"the bytes of an asset");
        assert!(matches!(cache.fetch(&written.sha256, &directory.path().join("a")), Ok(CacheLookup::Missing)));
        cache.keep(&written, &provenance(), None).expect("kept");
        let given = cache.fetch(&written.sha256, &directory.path().join("b")).expect("readable");
        assert!(matches!(given, CacheLookup::Found(found) if found.sha256 == written.sha256 && found.size == 21));
        assert_eq!(cache.list().expect("listed")[0].provenance, Some(provenance()));
        fs::write(cache.asset(&written.sha256), b"the bytes of another.").expect("changed");
        let given = cache.fetch(&written.sha256, &directory.path().join("c")).expect("readable");
        assert!(matches!(given, CacheLookup::Damaged { .. }) && !directory.path().join("c").exists());
        assert!(!cache.has(&written.sha256) && cache.list().expect("listed").is_empty());
    }

    #[test]
    fn attestations_are_stored_with_an_asset_and_removed_with_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = at(directory.path(), 1000, 0);
        let written = file(directory.path(), "one", b"bytes");
        cache.keep(&written, &provenance(), None).expect("kept");
        assert_eq!(cache.proofs(&written.sha256), None);
        // Found later, for an asset that is already cached.
        cache.keep(&written, &provenance(), Some("proofs")).expect("kept");
        assert_eq!(cache.proofs(&written.sha256).as_deref(), Some(b"proofs".as_slice()));
        cache.keep(&written, &provenance(), None).expect("kept");
        assert_eq!(
            cache.proofs(&written.sha256).as_deref(),
            Some(b"proofs".as_slice()),
            "existing attestations are kept"
        );
        assert_eq!(cache.list().expect("listed").len(), 1);
        cache.remove(&written.sha256).expect("removed");
        assert_eq!(cache.proofs(&written.sha256), None);
    }

    #[test]
    fn a_link_or_a_directory_under_a_digest_is_not_an_asset() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = at(directory.path(), 1000, 100);
        let written = file(directory.path(), "asset", b"the bytes of an asset");
        fs::create_dir_all(cache.asset(&written.sha256)).expect("made");
        assert!(matches!(cache.fetch(&written.sha256, &directory.path().join("a")), Ok(CacheLookup::Missing)));
        #[cfg(unix)]
        {
            fs::remove_dir(cache.asset(&written.sha256)).expect("removed");
            std::os::unix::fs::symlink("/dev/zero", cache.asset(&written.sha256)).expect("linked");
            assert!(matches!(cache.fetch(&written.sha256, &directory.path().join("a")), Ok(CacheLookup::Missing)));
        }
    }

    #[test]
    fn the_least_recently_used_entry_is_evicted() {
        let directory = tempfile::tempdir().expect("a directory");
        let files: Vec<Written> = [b"0 0123456789", b"1 0123456789", b"2 0123456789", b"3 0123456789", b"4 0123456789"]
            .into_iter()
            .enumerate()
            .map(|(index, bytes)| file(directory.path(), &index.to_string(), bytes))
            .collect();
        for (index, written) in files.iter().enumerate().take(4) {
            let cache = at(directory.path(), 50, 1000 + index as i64);
            cache.keep(written, &provenance(), None).expect("kept");
            cache.fetch(&written.sha256, &directory.path().join(format!("copy-{index}"))).expect("readable");
        }
        // The first is used again, so the second is evicted.
        let cache = at(directory.path(), 50, 2000);
        cache.fetch(&files[0].sha256, &directory.path().join("again")).expect("readable");
        cache.keep(&files[4], &provenance(), None).expect("kept");
        let has: Vec<bool> = files.iter().map(|written| cache.has(&written.sha256)).collect();
        assert_eq!(has, [true, false, true, true, true]);
        let large = at(directory.path(), 40, 3000);
        let before = large.list().expect("listed").len();
        large
            .keep(&file(directory.path(), "large", b"more than a quarter of it"), &provenance(), None)
            .expect("not stored");
        assert_eq!(large.list().expect("listed").len(), before);
    }

    #[test]
    fn files_without_an_asset_are_removed_once_they_are_old() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = at(directory.path(), 1000, 0);
        let written = file(directory.path(), "one", b"bytes");
        cache.keep(&written, &provenance(), Some("proofs")).expect("kept");
        let lost = cache.asset(&Sha256Digest::from_bytes([1; 32]));
        for name in [lost.with_extension("json"), lost.with_extension("proofs"), lost.with_file_name("notes.json")] {
            fs::write(name, "left").expect("written");
        }
        let names = |cache: &Cache| fs::read_dir(cache.assets()).expect("there").count();
        cache.prune(1000).expect("swept");
        assert_eq!(names(&cache), 6, "its asset may still be arriving");
        let later = Cache { now: Utc::now() + chrono::Duration::seconds(ABANDONED + 60), ..cache };
        later.prune(1000).expect("swept");
        assert_eq!(names(&later), 4, "files of an asset and unknown files are kept");
    }

    #[test]
    fn files_of_killed_processes_are_removed_after_a_day() {
        let directory = tempfile::tempdir().expect("a directory");
        let now = DateTime::<Utc>::from(fs::metadata(directory.path()).expect("there").modified().expect("a time"));
        let assets = directory.path().join("cache/assets");
        fs::create_dir_all(&assets).expect("made");
        fs::write(assets.join(".part-abc"), "half").expect("written");
        let prune = |seconds| {
            Cache::new(directory.path().join("cache"), 1000, now + chrono::Duration::seconds(seconds)).prune(1000)
        };
        prune(3600).expect("pruned");
        assert!(assets.join(".part-abc").exists(), "it may still be arriving");
        prune(ABANDONED + 3600).expect("pruned");
        assert!(!assets.join(".part-abc").exists());
    }
}
