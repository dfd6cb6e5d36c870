//! The directory of trusted roots: the roots in effect, accepting and removing roots of other instances, storing
//! updates.
#![expect(clippy::disallowed_methods, reason = "the roots a user trusts are read and written here")]

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::Utc;

use crate::io::fs::Dir;
use crate::io::fs::FileError;
use crate::io::fs::FileKind;
use crate::io::fs::OutputFile;
use crate::io::fs::bounded_read;
use crate::io::fs::finished;
use crate::io::fs::sweep;
use crate::model::Sha256Digest;
use crate::trust::attestation::Instance;
use crate::trust::attestation::Root;
use crate::trust::attestation::RootSource;
use crate::trust::attestation::Roots;
use crate::trust::trusted_roots::Anchor;
use crate::trust::trusted_roots::RootRepository;
use crate::trust::trusted_roots::TrustedRootsError;
use crate::trust::trusted_roots::UpdateError;
use crate::trust::trusted_roots::Updated;
use crate::trust::trusted_roots::update;

/// The subdirectories.
const ACCEPTED: &str = "accepted";
const UPDATED: &str = "updated";

/// The maximum size of a root or of the record of an update, in bytes.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// A root that was passed to `accept`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub root: Root,
    /// Whether it is newly accepted.
    pub is_new: bool,
}

/// The result of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refreshed {
    /// The fetched root.
    pub updated: Updated,
    /// The root in effect before.
    pub before: Option<Root>,
    /// The root in effect now: the fetched one, unless the embedded one is newer.
    pub root: Option<Root>,
}

/// The roots a user trusts.
#[derive(Debug, Clone)]
pub(crate) struct TrustedRoots {
    directory: Option<PathBuf>,
}

impl TrustedRoots {
    /// The roots in this directory and the embedded ones; without a directory only the embedded ones. Accesses no file.
    pub(crate) const fn new(directory: Option<PathBuf>) -> Self {
        Self { directory }
    }

    pub(crate) fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// The roots in effect: of each instance the newest known one, and every accepted root. An unusable stored
    /// root is an error: without it, the result could differ from what the user decided.
    pub(crate) fn roots(&self) -> Result<Roots, TrustedRootsError> {
        let mut roots: Vec<Root> = Vec::new();
        for embedded in Roots::embedded().iter() {
            let updated = self.updated_root(embedded.instance)?.map(|(_, root)| root);
            roots.push(updated.filter(|updated| replaces(updated, embedded)).unwrap_or_else(|| embedded.clone()));
        }
        for accepted in self.accepted()? {
            if roots.iter().all(|root| root.sha256 != accepted.sha256) {
                roots.push(accepted);
            }
        }
        Ok(roots.into_iter().collect())
    }

    /// Accepts the roots in a text permanently: one, or one per line. Roots that were accepted before are unchanged.
    pub(crate) fn accept(&self, name: &str, text: &[u8]) -> Result<Vec<Accepted>, TrustedRootsError> {
        let offered = Roots::from_file(name, text)?;
        let directory = self.made(ACCEPTED)?;
        // Checked even if nothing is new.
        if let Some(dir) = Dir::open(&directory)? {
            sweep(&dir);
        }
        let known = self.accepted()?;
        let mut accepted: Vec<Accepted> = Vec::new();
        for root in offered.iter() {
            let is_known = |other: &Root| other.sha256 == root.sha256;
            if accepted.iter().any(|earlier| is_known(&earlier.root)) {
                continue;
            }
            let is_new = !known.iter().any(is_known);
            if is_new {
                place(&directory.join(format!("{}.json", root.sha256)), root.text().as_bytes())?;
            }
            accepted.push(Accepted { root: root.clone(), is_new });
        }
        Ok(accepted)
    }

    /// Removes an accepted root. Returns false if it was not accepted. It is not parsed, so a damaged one can be
    /// removed.
    pub(crate) fn forget(&self, sha256: &Sha256Digest) -> Result<bool, TrustedRootsError> {
        let Some(directory) = self.existing(ACCEPTED)? else { return Ok(false) };
        let path = directory.join(format!("{sha256}.json"));
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(TrustedRootsError::io("remove", &path)(error)),
        }
    }

    /// Fetches, verifies and stores the newest root of an instance. On failure nothing changes.
    pub(crate) async fn update(
        &self,
        anchor: &Anchor,
        place: &RootRepository,
        now: DateTime<Utc>,
    ) -> Result<Refreshed, UpdateError> {
        let seen = self.updated_root(anchor.instance)?;
        let before = self.roots()?.iter().find(|root| root.instance == anchor.instance).cloned();
        let updated = update::fetch(anchor, place, seen.as_ref().map(|(updated, _)| updated), now).await?;
        self.keep(&updated)?;
        let root = self.roots()?.iter().find(|root| root.instance == anchor.instance).cloned();
        Ok(Refreshed { updated, before, root })
    }

    /// Replaces the stored root of an instance.
    fn keep(&self, updated: &Updated) -> Result<(), TrustedRootsError> {
        let directory = self.made(UPDATED)?;
        let record = serde_json::to_vec_pretty(updated).expect("a record is a map with text keys");
        place(&directory.join(file_name(updated.instance)), &record)
    }

    fn updated_root(&self, instance: Instance) -> Result<Option<(Updated, Root)>, TrustedRootsError> {
        let Some(directory) = self.existing(UPDATED)? else { return Ok(None) };
        let path = directory.join(file_name(instance));
        let damaged = |reason: String| TrustedRootsError::damaged(&path, reason);
        let bytes = match bounded_read::read(&path, MAX_FILE) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(damaged(error.to_string())),
        };
        let updated: Updated = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let root = updated.root(&path.to_string_lossy()).map_err(damaged)?;
        if root.instance != instance {
            return Err(damaged(format!("it belongs to {}", root.instance)));
        }
        Ok(Some((updated, root)))
    }

    /// The accepted roots, by digest.
    fn accepted(&self) -> Result<Vec<Root>, TrustedRootsError> {
        let Some(directory) = self.existing(ACCEPTED)? else { return Ok(Vec::new()) };
        let mut paths = Vec::new();
        for entry in fs::read_dir(&directory).map_err(TrustedRootsError::io("list", &directory))? {
            paths.push(entry.map_err(TrustedRootsError::io("list", &directory))?.path());
        }
        // Names that begin with a dot are temporary files, or the system's own.
        paths.retain(|path| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
        paths.sort();
        paths.iter().map(|path| accepted(path)).collect()
    }

    /// A subdirectory, if it exists.
    fn existing(&self, name: &str) -> Result<Option<PathBuf>, TrustedRootsError> {
        let Some(directory) = &self.directory else { return Ok(None) };
        let inner = directory.join(name);
        match fs::symlink_metadata(&inner) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TrustedRootsError::io("inspect", &inner)(error)),
        }
        refuse_link(&inner)?;
        for directory in [directory, &inner] {
            refuse_exposed(directory)?;
        }
        Ok(Some(inner))
    }

    /// A subdirectory, created if missing, readable only by the user.
    fn made(&self, name: &str) -> Result<PathBuf, TrustedRootsError> {
        let directory = self.directory.as_ref().ok_or(TrustedRootsError::NoDirectory)?;
        let inner = directory.join(name);
        let above = directory.parent().unwrap_or(directory);
        fs::create_dir_all(above).map_err(TrustedRootsError::io("create the directory", above))?;
        for directory in [directory, &inner] {
            match private_directory().create(directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(TrustedRootsError::io("create the directory", directory)(error));
                }
                Ok(()) | Err(_) if *directory == inner => refuse_link(&inner).and_then(|()| refuse_exposed(&inner))?,
                Ok(()) | Err(_) => refuse_exposed(directory)?,
            }
        }
        Ok(inner)
    }
}

/// Whether a fetched root replaces the embedded one: it is known to be complete at a later date, or it has a
/// newer key. An updated program may embed a newer root than was ever fetched.
fn replaces(updated: &Root, embedded: &Root) -> bool {
    updated.complete_until() >= embedded.complete_until() || updated.newest_key() > embedded.newest_key()
}

fn file_name(instance: Instance) -> String {
    let name = match instance {
        Instance::PublicGood => "public_good",
        Instance::GitHub => "github",
        Instance::Other => "other",
    };
    format!("{name}.json")
}

/// Reads an accepted root; its name must be its digest.
fn accepted(path: &Path) -> Result<Root, TrustedRootsError> {
    let damaged = |reason: String| TrustedRootsError::damaged(path, reason);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let named: Option<Sha256Digest> = name.strip_suffix(".json").and_then(|digest| digest.parse().ok());
    let Some(named) = named else { return Err(damaged("its name is not `SHA256.json`".to_owned())) };
    let text = bounded_read::read_text(path, MAX_FILE).map_err(|error| damaged(error.to_string()))?;
    let root = Root::read(&text, RootSource::Accepted, &name).map_err(|error| damaged(error.reason))?;
    if root.sha256 == named { Ok(root) } else { Err(damaged(format!("its sha256 is {}", root.sha256))) }
}

/// Writes a file atomically, also in case of a crash. Readable by everyone who can access the directory.
fn place(path: &Path, bytes: &[u8]) -> Result<(), TrustedRootsError> {
    Ok(finished(OutputFile::create(path)?.for_all(), bytes)?)
}

fn private_directory() -> fs::DirBuilder {
    let builder = fs::DirBuilder::new();
    #[cfg(unix)]
    let builder = {
        let mut builder = builder;
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
    };
    builder
}

/// The user may name the directory by a link; inside it links are not allowed.
fn refuse_link(directory: &Path) -> Result<(), TrustedRootsError> {
    let found = fs::symlink_metadata(directory).map_err(TrustedRootsError::io("inspect", directory))?;
    if found.is_symlink() {
        return Err(FileError::NotADirectory { path: directory.to_owned(), kind: FileKind::Link }.into());
    }
    Ok(())
}

/// If another user owns a directory or can write to it, its contents need not be the user's decision. The superuser can
/// change everything anyway.
#[cfg(unix)]
fn refuse_exposed(directory: &Path) -> Result<(), TrustedRootsError> {
    let metadata = fs::metadata(directory).map_err(TrustedRootsError::io("inspect", directory))?;
    if !metadata.is_dir() {
        return Err(TrustedRootsError::io("inspect", directory)(io::ErrorKind::NotADirectory.into()));
    }
    let owner = std::os::unix::fs::MetadataExt::uid(&metadata);
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(TrustedRootsError::OfAnother { path: directory.to_owned(), owner });
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
    if mode & 0o022 == 0 { Ok(()) } else { Err(TrustedRootsError::Exposed { path: directory.to_owned() }) }
}

/// Not checked on this platform; the system's data directory belongs to the user.
#[cfg(not(unix))]
fn refuse_exposed(_: &Path) -> Result<(), TrustedRootsError> {
    Ok(())
}

#[cfg(all(test, feature = "attestation"))]
mod tests {
    use std::collections::BTreeMap;

    use chrono::DateTime;
    use chrono::Utc;

    use super::*;
    use crate::trust::trusted_roots::Versions;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn embedded(instance: Instance) -> Root {
        Roots::embedded().iter().find(|root| root.instance == instance).expect("it is embedded").clone()
    }

    /// A root of another instance: the public one under another name.
    fn of_others() -> String {
        embedded(Instance::PublicGood).text().replace("https://fulcio.sigstore.dev", "https://ca.acme.example")
    }

    fn stored_in(directory: &Path) -> TrustedRoots {
        TrustedRoots::new(Some(directory.join("data/trust")))
    }

    fn sources(trusted_roots: &TrustedRoots) -> Vec<RootSource> {
        trusted_roots.roots().expect("roots").iter().map(|root| root.source.clone()).collect()
    }

    fn updated(root: &Root, at: &str) -> Updated {
        Updated::new(root, time(at), Versions { targets: 14, ..Versions::default() }, BTreeMap::new())
    }

    #[test]
    fn without_a_directory_the_embedded_roots_are_used() {
        let trusted_roots = TrustedRoots::new(None);
        assert_eq!(trusted_roots.roots().expect("roots"), Roots::embedded());
        assert!(matches!(trusted_roots.accept("x", of_others().as_bytes()), Err(TrustedRootsError::NoDirectory)));
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(stored_in(directory.path()).roots().expect("roots"), Roots::embedded());
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 0, "reading creates no files");
    }

    #[test]
    fn an_accepted_root_is_used_until_it_is_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let trusted_roots = stored_in(directory.path());
        let first = trusted_roots.accept("acme.json", of_others().as_bytes()).expect("accepted");
        assert!(first.len() == 1 && first[0].is_new);
        let again = trusted_roots.accept("acme.json", of_others().as_bytes()).expect("accepted");
        assert!(!again[0].is_new);
        assert_eq!(sources(&trusted_roots).len(), 3);
        assert_eq!(sources(&trusted_roots)[2], RootSource::Accepted);
        let sha256 = first[0].root.sha256;
        assert!(trusted_roots.forget(&sha256).expect("forgotten"));
        assert!(!trusted_roots.forget(&sha256).expect("it is gone"));
        assert_eq!(trusted_roots.roots().expect("roots"), Roots::embedded());
    }

    #[test]
    fn roots_are_one_per_line_without_duplicates() {
        let directory = tempfile::tempdir().expect("a directory");
        let trusted_roots = stored_in(directory.path());
        let line = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON").to_string();
        let (others, github) = (line(&of_others()), line(embedded(Instance::GitHub).text()));
        let text = format!("{others}\n{github}\n{others}\n");
        assert_eq!(trusted_roots.accept("roots.jsonl", text.as_bytes()).expect("accepted").len(), 2);
        let refused = trusted_roots.accept("roots.jsonl", format!("{github}\n{{}}\n").as_bytes()).expect_err("no root");
        assert!(refused.to_string().contains("`roots.jsonl` is not a trusted root"), "{refused}");
        // A root that is in effect anyway is not duplicated.
        trusted_roots.accept("github.json", embedded(Instance::GitHub).text().as_bytes()).expect("accepted");
        assert_eq!(sources(&trusted_roots).len(), 4);
    }

    #[test]
    fn a_newer_root_replaces_the_embedded_one_and_an_older_does_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let trusted_roots = stored_in(directory.path());
        let github = embedded(Instance::GitHub);
        trusted_roots.keep(&updated(&github, "2026-11-28T10:00:00Z")).expect("kept");
        let on = |text: &str| text.parse().expect("a day");
        assert_eq!(sources(&trusted_roots)[1], RootSource::Updated { on: on("2026-11-28"), version: 14 });
        assert_eq!(
            trusted_roots.roots().expect("roots").iter().nth(1).expect("GitHub's").complete_until(),
            Some(time("2026-11-28T00:00:00Z"))
        );
        trusted_roots.keep(&updated(&github, "2026-08-22T10:00:00Z")).expect("kept");
        assert!(matches!(sources(&trusted_roots)[1], RootSource::Embedded { .. }), "the program was updated later");
        let newer = github.text().replace("2026-06-12T", "2026-08-12T");
        assert_ne!(newer, github.text());
        let newer = Root::read(&newer, github.source, "x").expect("a root");
        trusted_roots.keep(&updated(&newer, "2026-08-22T10:00:00Z")).expect("kept");
        assert!(matches!(sources(&trusted_roots)[1], RootSource::Updated { .. }), "it has a later key");
    }

    #[test]
    fn damaged_roots_are_errors_and_never_skipped() {
        let directory = tempfile::tempdir().expect("a directory");
        let trusted_roots = stored_in(directory.path());
        let accepted = trusted_roots.accept("acme.json", of_others().as_bytes()).expect("accepted");
        let sha256 = accepted[0].root.sha256;
        let path = trusted_roots.directory().expect("one").join(format!("accepted/{sha256}.json"));
        let refused = || trusted_roots.roots().expect_err("refused").to_string();
        fs::write(&path, of_others().replace("ca.acme.example", "ca.evil.example")).expect("written");
        assert!(refused().contains(path.to_str().expect("UTF-8")) && refused().contains("its sha256 is"));
        fs::write(&path, &of_others()[..500]).expect("written");
        assert!(refused().contains("not well-formed"), "{}", refused());
        assert!(trusted_roots.accept("acme.json", of_others().as_bytes()).is_err());
        assert!(trusted_roots.forget(&sha256).expect("a damaged one can go"));
        fs::write(path.with_file_name("mine.json"), of_others()).expect("written");
        assert!(refused().contains("SHA256.json"), "{}", refused());
        fs::remove_file(path.with_file_name("mine.json")).expect("removed");
        fs::write(path.with_file_name(".part-x"), "half").expect("written");
        trusted_roots.roots().expect("what is on its way in is no root yet");

        trusted_roots.keep(&updated(&embedded(Instance::GitHub), "2026-11-28T10:00:00Z")).expect("kept");
        let path = trusted_roots.directory().expect("one").join("updated/github.json");
        let text = fs::read_to_string(&path).expect("readable");
        for damaged in [
            text.replace("fulcio.githubapp.com", "fulcio.githubapp.org"),
            text.replace("reproq.updated-root/1", "reproq.updated-root/2"),
            text[..text.len() / 2].to_owned(),
            String::new(),
        ] {
            fs::write(&path, damaged).expect("written");
            assert!(refused().contains("updated/github.json` cannot be used"), "{}", refused());
        }
        fs::rename(&path, path.with_file_name("public_good.json")).expect("renamed");
        fs::write(path.with_file_name("public_good.json"), &text).expect("written");
        assert!(refused().contains("it belongs to GitHub's own instance"), "{}", refused());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_user_may_write_there() {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().expect("a directory");
        let trusted_roots = stored_in(directory.path());
        let accepted = trusted_roots.accept("acme.json", of_others().as_bytes()).expect("accepted");
        let trust = trusted_roots.directory().expect("one");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(trust), mode(&trust.join("accepted"))), (0o700, 0o700));
        assert_eq!(mode(&trust.join(format!("accepted/{}.json", accepted[0].root.sha256))), 0o644);
        for exposed in [trust.to_owned(), trust.join("accepted")] {
            fs::set_permissions(&exposed, fs::Permissions::from_mode(0o777)).expect("set");
            assert!(matches!(trusted_roots.roots(), Err(TrustedRootsError::Exposed { path }) if path == exposed));
            assert!(trusted_roots.accept("acme.json", of_others().as_bytes()).is_err());
            fs::set_permissions(&exposed, fs::Permissions::from_mode(0o700)).expect("set");
        }
        trusted_roots.roots().expect("roots");
    }
}
