//! Reads an untrusted bundle: the first three members are read into memory and checked against each other, all others are
//! streamed and must match the manifest exactly, in its order.
#![expect(clippy::disallowed_methods, reason = "what is taken out of a bundle is written and removed here")]

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use sha2::Digest;
use sha2::Sha256;

use crate::io::fs::hashing_writer::StagingWriter;
use crate::io::fs::hashing_writer::Written;
use crate::lockfile::Lockfile;
use crate::model::Sha256Digest;
use crate::model::Tool;
use crate::model::progress::NoProgress;
use crate::model::progress::Progress;
use crate::sources::bundle::BundleError;
use crate::sources::bundle::Manifest;
use crate::sources::bundle::Member;
use crate::sources::bundle::head::Head;
use crate::sources::bundle::limits;
use crate::sources::bundle::manifest::Measure;
use crate::sources::bundle::manifest::asset_path;
use crate::sources::bundle::manifest::file_path;
use crate::worker::archive::ArchiveError;
use crate::worker::archive::EntryName;
use crate::worker::archive::TarMember;
use crate::worker::archive::read_tar;

/// The limit for each of the first three members; enough for a source of a hundred thousand files.
const MAX_HEAD: u64 = 32 * 1024 * 1024;

/// A bundle on disk whose first three members agree with each other.
#[derive(Debug, Clone)]
pub struct Bundle {
    path: PathBuf,
    name: String,
    manifest: Manifest,
    lockfile: Lockfile,
    /// The manifest's view of the first three members.
    head: [Member; 3],
}

/// Why a pass over the members ends early.
enum Halt {
    /// Everything requested has been read.
    Enough,
    /// An error.
    Failed(BundleError),
}

impl From<ArchiveError> for Halt {
    fn from(error: ArchiveError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<BundleError> for Halt {
    fn from(error: BundleError) -> Self {
        Self::Failed(error)
    }
}

/// Where the bytes of a member are written.
type Destination<'d> = &'d dyn Fn(&Member) -> Option<PathBuf>;

impl Bundle {
    /// Reads the metadata of a bundle and nothing after it. `name` is how messages refer to the file.
    pub fn open(path: &Path, name: &str, tool: &Tool) -> Result<Self, BundleError> {
        let mut head = Head::default();
        let mut index = 0;
        let walked = read_tar(path, &limits(), &NoProgress, &mut |member| {
            let (expected, text) = match index {
                0 => (Manifest::NAME, &mut head.manifest),
                1 => (Manifest::LOCK, &mut head.lock),
                _ => (Manifest::SUMS, &mut head.sums),
            };
            if member.name() != expected {
                let found = EntryName::escaped(member.name().as_bytes());
                return Err(Halt::Failed(if index == 0 {
                    BundleError::NotABundle(format!("it starts with `{found}`, expected `{expected}`"))
                } else {
                    BundleError::Missing(expected.to_owned())
                }));
            }
            read_whole(member, text)?;
            index += 1;
            if index == 3 { Err(Halt::Enough) } else { Ok(()) }
        });
        match walked {
            Err(Halt::Enough) => {}
            Err(Halt::Failed(error)) => return Err(error),
            Ok(()) if index == 0 => return Err(BundleError::NotABundle("it is empty".to_owned())),
            Ok(()) => return Err(BundleError::Missing(Manifest::SUMS.to_owned())),
        }
        let (manifest, lockfile) = head.judge(tool)?;
        let member = |path: &str, text: &[u8]| {
            let Measure { size, sha256 } = Measure::of(text);
            Member { path: path.to_owned(), size, sha256, executable: false }
        };
        let head = [
            member(Manifest::NAME, &head.manifest),
            member(Manifest::LOCK, &head.lock),
            member(Manifest::SUMS, &head.sums),
        ];
        Ok(Self { path: path.to_owned(), name: name.to_owned(), manifest, lockfile, head })
    }

    /// How messages refer to it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The lockfile of its release.
    pub const fn lockfile(&self) -> &Lockfile {
        &self.lockfile
    }

    /// Reads the whole bundle and returns every member that does not match the manifest. An error concerns the bundle as a whole.
    pub fn check(&self, progress: &dyn Progress) -> Result<Vec<BundleError>, BundleError> {
        self.pass(progress, &|_| None).map(|(_, problems)| problems)
    }

    /// A small file of the release, if included. Reads only up to that member, so the caller must verify the file by other
    /// means.
    pub fn carried_file(&self, name: &str) -> Result<Option<Vec<u8>>, BundleError> {
        let Some(stated) = self.manifest.files.iter().find(|file| file.name == name) else { return Ok(None) };
        let wanted = file_path(name);
        let mut bytes = Vec::new();
        let mut is_there = false;
        let walked = read_tar(&self.path, &limits(), &NoProgress, &mut |member| {
            if member.name() != wanted {
                return Ok(());
            }
            read_whole(member, &mut bytes)?;
            is_there = true;
            Err(Halt::Enough)
        });
        match walked {
            Err(Halt::Failed(error)) => return Err(error),
            Ok(()) | Err(Halt::Enough) if !is_there => return Err(BundleError::Missing(wanted)),
            Ok(()) | Err(Halt::Enough) => {}
        }
        let Measure { sha256: found, .. } = Measure::of(&bytes);
        if found != stated.sha256 {
            let (member, stated) = (wanted, stated.sha256);
            return Err(BundleError::Changed { member, by: Manifest::NAME, stated, found });
        }
        Ok(Some(bytes))
    }

    /// Extracts one asset to a new file. Reads the whole bundle, because a damaged one is not trusted in part.
    pub fn extract_asset(
        &self,
        name: &str,
        destination: &Path,
        progress: &dyn Progress,
    ) -> Result<Written, BundleError> {
        let wanted = asset_path(name);
        let place = |member: &Member| (member.path == wanted).then(|| destination.to_owned());
        let mut written = self.extract(progress, &place)?;
        written.pop().ok_or(BundleError::Missing(wanted))
    }

    /// Extracts the source to a new directory.
    pub fn extract_source(&self, directory: &Path, progress: &dyn Progress) -> Result<(), BundleError> {
        let below = |member: &Member| member.path.strip_prefix("source/").map(|path| directory.join(path));
        let source = self.manifest.source.iter().flat_map(|source| &source.files);
        for file in source {
            let path = directory.join(&file.path);
            let parent = path.parent().unwrap_or(directory);
            fs::create_dir_all(parent).map_err(|source| BundleError::Write { path: parent.to_owned(), source })?;
        }
        self.extract(progress, &below).map(drop)
    }

    /// Extracts the members that have a destination, and removes them again if anything is wrong.
    fn extract(&self, progress: &dyn Progress, destination: Destination<'_>) -> Result<Vec<Written>, BundleError> {
        let made = RefCell::new(Vec::new());
        let noted = |member: &Member| {
            let path = destination(member)?;
            // A file that already existed is refused later, and must not be removed.
            if fs::symlink_metadata(&path).is_err() {
                made.borrow_mut().push(path.clone());
            }
            Some(path)
        };
        let outcome = self.pass(progress, &noted);
        let outcome = outcome.and_then(|(written, problems)| problems.into_iter().next().map_or(Ok(written), Err));
        if outcome.is_err() {
            made.into_inner().iter().for_each(|path| drop(fs::remove_file(path)));
        }
        outcome
    }

    /// Reads all members. Problems of single members are collected; a wrong order ends the pass.
    fn pass(
        &self,
        progress: &dyn Progress,
        destination: Destination<'_>,
    ) -> Result<(Vec<Written>, Vec<BundleError>), BundleError> {
        let expected: Vec<Member> = self.head.iter().cloned().chain(self.manifest.members()).collect();
        let (mut written, mut problems, mut index) = (Vec::new(), Vec::new(), 0);
        read_tar(&self.path, &limits(), progress, &mut |member| {
            let Some(wanted) = expected.get(index).filter(|wanted| wanted.path == member.name()) else {
                return Err(out_of_place(&expected[index..], member.name()));
            };
            match take(member, wanted, destination(wanted).as_deref())? {
                Ok(file) => written.extend(file),
                // Read and checked before; they have changed since.
                Err(_) if index < self.head.len() => return Err(BundleError::ChangedMeanwhile),
                Err(problem) => problems.push(problem),
            }
            index += 1;
            Ok(())
        })?;
        if let Some(missing) = expected.get(index) {
            return Err(BundleError::Missing(missing.path.clone()));
        }
        Ok((written, problems))
    }
}

fn read_whole(member: &mut TarMember<'_>, text: &mut Vec<u8>) -> Result<(), BundleError> {
    if member.size() > MAX_HEAD {
        return Err(BundleError::TooLong { member: member.name().to_owned(), limit: MAX_HEAD });
    }
    while let Some(piece) = member.next_piece()? {
        text.extend_from_slice(&piece);
    }
    Ok(())
}

/// A member out of position: if the found one is expected later, the expected one is missing; otherwise the found one is extra.
fn out_of_place(expected: &[Member], found: &str) -> BundleError {
    match expected {
        [missing, later @ ..] if later.iter().any(|member| member.path == found) => {
            BundleError::Missing(missing.path.clone())
        }
        _ => BundleError::Unlisted(EntryName::escaped(found.as_bytes()).to_string()),
    }
}

/// Reads one member, and writes it if it has a destination. The inner error concerns this member only.
fn take(
    member: &mut TarMember<'_>,
    wanted: &Member,
    destination: Option<&Path>,
) -> Result<Result<Option<Written>, BundleError>, BundleError> {
    let name = || wanted.path.clone();
    if member.size() != wanted.size {
        return Ok(Err(BundleError::WrongSize { member: name(), stated: wanted.size, found: member.size() }));
    }
    if member.is_executable() != wanted.executable {
        return Ok(Err(BundleError::WrongMode { member: name(), executable: member.is_executable() }));
    }
    let (written, found) = match destination {
        Some(path) => {
            let written = copy(member, path)?;
            let found = written.sha256;
            (Some(written), found)
        }
        None => {
            let mut hasher = Sha256::new();
            while let Some(piece) = member.next_piece()? {
                hasher.update(&piece);
            }
            (None, Sha256Digest::from_bytes(hasher.finalize().into()))
        }
    };
    if found == wanted.sha256 {
        return Ok(Ok(written));
    }
    Ok(Err(BundleError::Changed { member: name(), by: Manifest::NAME, stated: wanted.sha256, found }))
}

fn copy(member: &mut TarMember<'_>, path: &Path) -> Result<Written, BundleError> {
    let failed = |source| BundleError::Write { path: path.to_owned(), source };
    let mut writer = StagingWriter::create(path).map_err(failed)?;
    while let Some(piece) = member.next_piece()? {
        writer.append(piece).map_err(failed)?;
    }
    writer.finish().map_err(failed)
}
