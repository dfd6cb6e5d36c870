//! Synchronizes a mirror: every release on GitHub, with each asset verified as for an installation. The mirror stays usable
//! however it ends.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use crate::flows::install::AccessError;
use crate::flows::install::AcquireError;
use crate::flows::install::Fallback;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallOptions;
use crate::flows::install::InstallRequest;
use crate::flows::install::Machines;
use crate::flows::install::NoVersions;
use crate::flows::install::ResolveError;
use crate::flows::install::SyncError;
use crate::flows::install::apply::runtime;
use crate::flows::install::asset_fetcher::fetch_pinned;
use crate::flows::install::choose;
use crate::flows::install::collect;
use crate::flows::install::resolved::Acquisition;
use crate::flows::install::staging_directory::Staging;
use crate::io::fs::FileError;
use crate::io::fs::Lock;
use crate::io::fs::hashing_writer::Written;
use crate::lockfile::LockedAsset;
use crate::lockfile::Lockfile;
use crate::lockfile::Pin;
use crate::model::Asset;
use crate::model::AssetState;
use crate::model::Listing;
use crate::model::Release;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::Target;
use crate::model::mirror_layout;
use crate::sources::mirror;
use crate::sources::mirror::Condition;
use crate::sources::mirror::Index;
use crate::sources::mirror::MirrorDirectory;
use crate::sources::mirror::MirroredAsset;
use crate::sources::mirror::MirroredFile;
use crate::sources::mirror::MirroredRelease;
use crate::sources::mirror::Offer;
use crate::sources::mirror::Offered;
use crate::sources::mirror::OfferedAsset;
use crate::sources::mirror::Planned;
use crate::sources::mirror::SyncOutcome;
use crate::sources::mirror::SyncPlan;
use crate::sources::mirror::SyncRefusal;
use crate::sources::mirror::SyncRequest;
use crate::sources::mirror::SyncWork;
use crate::sources::source::Source;
use crate::sources::source::SourceError;
use crate::trust::Level;
use crate::trust::attestation::file_name;
use crate::worker::store::StoreError;

/// What to synchronize.
#[derive(Debug)]
pub(crate) struct Synchronization<'a> {
    /// The repository and the verification policy.
    pub request: &'a InstallRequest,
    pub root: &'a Path,
    /// The platforms to include.
    pub targets: Vec<Target>,
    /// Which releases to mirror, and how many to keep.
    pub wanted: SyncRequest,
    /// Whether this is a dry run.
    pub dry_run: bool,
}

/// What a synchronization did or would do.
#[derive(Debug)]
pub(crate) struct Synced {
    /// Every release, the newest version first.
    pub releases: Vec<SyncedRelease>,
    /// Requested tags that do not exist.
    pub absent: Vec<Tag>,
    /// The number of releases in the mirror afterwards.
    pub count: usize,
    /// The total size of the files in the index.
    pub size: u64,
    /// Files that were not in the index and were deleted.
    pub swept: Vec<PathBuf>,
}

/// The result for one release.
#[derive(Debug)]
pub(crate) struct SyncedRelease {
    pub tag: Tag,
    /// The result.
    pub done: Done,
    /// What was fetched or would be.
    pub files: Vec<String>,
    /// What was damaged or missing in the mirror.
    pub damaged: Vec<String>,
    /// Why it is not up to date.
    pub problem: Option<SyncError>,
}

/// What happened to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// It was complete.
    Complete,
    /// It has nothing for the requested platforms.
    Empty,
    /// It was added.
    Added,
    /// Files were added or replaced.
    Updated,
    /// It was removed.
    Removed,
    /// It was left unchanged.
    Failed,
}

/// Synchronizes.
pub(crate) fn synchronize(sync: &Synchronization<'_>, context: &InstallContext<'_>) -> Result<Synced, SyncError> {
    let InstallOptions { repository, tool, .. } = &sync.request.options;
    let directory = MirrorDirectory::new(sync.root.to_owned(), repository.clone());
    let _lock = if sync.dry_run { None } else { Some(locked(&directory, context)?) };
    let index = mirror::index(sync.root, repository, tool).map_err(|problem| failed(sync.root, problem))?;
    let index = index.unwrap_or_else(|| Index::new(tool, repository.clone(), Vec::new()));
    runtime()?.block_on(async {
        let github = context.github(repository)?;
        let published = github.published(context.progress).await.map_err(|error| AcquireError::at(&github, error))?;
        let published: Vec<Release> = published.into_iter().filter(|release| !release.draft).collect();
        let offers: Vec<Offer> =
            published.iter().map(|release| offer(release, index.release(&release.tag), sync)).collect();
        let conditions = survey(&directory, &index, context)?;
        let plan = SyncPlan::compute(&offers, &index, &conditions, &sync.wanted);
        if plan.releases.is_empty() && plan.absent.is_empty() {
            return Err(NoVersions { repository: repository.clone(), server: github.described() }.into());
        }
        if sync.dry_run {
            return Ok(planned(plan, &index));
        }
        let mut run = Run { sync, context, directory: &directory, github: &github, index };
        run.carry_out(plan, &published).await
    })
}

/// A synchronization in progress.
struct Run<'a> {
    sync: &'a Synchronization<'a>,
    context: &'a InstallContext<'a>,
    directory: &'a MirrorDirectory,
    github: &'a Source,
    /// The current index of the mirror.
    index: Index,
}

/// The fetched files of a release, in the staging directory.
#[derive(Default)]
struct FetchedFiles {
    assets: Vec<(MirroredAsset, PathBuf)>,
    files: Vec<(MirroredFile, PathBuf)>,
}

impl Run<'_> {
    async fn carry_out(&mut self, plan: SyncPlan, published: &[Release]) -> Result<Synced, SyncError> {
        let mut releases = Vec::new();
        let mut out_of_reach = false;
        for Planned { tag, outcome: planned } in plan.releases {
            let (done, damaged, outcome) = match planned {
                SyncOutcome::Remove => (Done::Removed, Vec::new(), Ok(Vec::new())),
                SyncOutcome::Complete => (Done::Complete, Vec::new(), Ok(Vec::new())),
                SyncOutcome::Empty => (Done::Empty, Vec::new(), Ok(Vec::new())),
                SyncOutcome::Refuse(refusal) => (Done::Failed, Vec::new(), Err(refused(&tag, refusal))),
                SyncOutcome::Work(work) if out_of_reach => (Done::Failed, work.damaged, Err(not_tried(&tag))),
                SyncOutcome::Work(work) => {
                    let release = published.iter().find(|release| release.tag == tag);
                    let done = if work.is_new { Done::Added } else { Done::Updated };
                    (done, work.damaged.clone(), self.fetch_release(&tag, &work, release).await)
                }
            };
            let (done, files, problem) = match outcome {
                Ok(files) => (done, files, None),
                // The disk and the directory are shared by all releases.
                Err(error @ SyncError::Access(_)) => return Err(error),
                Err(error) => {
                    out_of_reach |= is_out_of_reach(&error);
                    (Done::Failed, Vec::new(), Some(error))
                }
            };
            releases.push(SyncedRelease { tag, done, files, damaged, problem });
        }
        // What to remove depends on what was fetched.
        let gone = mirror::beyond(self.index.releases.iter().map(|release| &release.tag), &self.sync.wanted);
        if !gone.is_empty() {
            let index = gone.iter().fold(self.index.clone(), |index, tag| index.without(tag));
            self.write(index)?;
        }
        for release in releases.iter_mut().filter(|release| release.done == Done::Removed) {
            release.done = if gone.contains(&release.tag) { Done::Removed } else { Done::Complete };
        }
        let tool = &self.sync.request.options.tool;
        let assets: Vec<String> =
            Target::all().flat_map(|target| tool.asset_names(target)).map(|(name, _)| name).collect();
        let ours = collect::files_of(&assets.iter().map(String::as_str).collect::<Vec<_>>());
        let is_ours = |name: &str| assets.iter().chain(&ours).any(|known| known == name);
        let swept = self.directory.sweep(&self.index, &is_ours).map_err(store)?;
        let count = self.index.releases.len();
        Ok(Synced { releases, absent: plan.absent, count, size: size(&self.index), swept })
    }

    /// Fetches the requested files of a release and moves them into place. Until all are fetched the mirror is unchanged.
    async fn fetch_release(
        &mut self,
        tag: &Tag,
        work: &SyncWork,
        release: Option<&Release>,
    ) -> Result<Vec<String>, SyncError> {
        let staging = self.staging()?;
        let held = self.index.release(tag).cloned();
        let mut fetched = FetchedFiles::default();
        if let Some(release) = release {
            let listing = Listing::Api(release.clone());
            if !work.assets.is_empty() {
                let machines = Machines::These(work.assets.iter().map(|(target, _)| *target).collect());
                let (request, context) = (self.sync.request, self.context);
                let (lockfile, assets) =
                    collect::acceptable_assets(self.github, &listing, request, &machines, context).await?;
                // Attestations that only the API has. Those in a file of the release are copied as they are, below.
                for asset in assets {
                    let name = file_name(&asset.name);
                    if let Some(text) = asset.proofs.filter(|_| release.asset(&name).is_none()) {
                        fetched.files.push(made(name, text.as_bytes(), staging.path())?);
                    }
                }
                let pins = work.assets.iter().map(|(target, name)| {
                    let pin = lockfile.pin(&request.options.tool, *target).filter(|pin| pin.asset.name == *name);
                    pin.ok_or_else(|| refused(tag, unproven(name)))
                });
                let pins = pins.collect::<Result<Vec<_>, _>>()?;
                fetched.assets.extend(self.assets(pins, held.as_ref(), staging.path()).await?);
            }
            if work.files {
                let names = held.iter().flat_map(|held| held.assets.iter().map(|asset| asset.name.as_str()));
                // An asset that is fetched again is already in the mirror.
                let names: BTreeSet<&str> = names.chain(work.assets.iter().map(|(_, name)| name.as_str())).collect();
                let names: Vec<&str> = names.into_iter().collect();
                for (name, bytes) in collect::files_beside(self.github, &listing, &collect::files_of(&names)).await? {
                    fetched.files.push(file(release, name, &bytes, staging.path())?);
                }
            }
        }
        let mut lost_assets = Vec::new();
        for name in &work.lost {
            let pin = |name: &str| held.as_ref().and_then(|held| self.pin(held, name));
            let of_proofs = held.iter().flat_map(|held| &held.assets).find(|asset| file_name(&asset.name) == *name);
            if let Some(pin) = of_proofs.and_then(|asset| pin(&asset.name)) {
                let acquisition = Acquisition { request: self.sync.request, context: self.context };
                let text = acquisition.signed_about(self.github, &pin).await?.text();
                let text = text.ok_or_else(|| refused(tag, lost(name)))?;
                fetched.files.push(made(name.clone(), text.as_bytes(), staging.path())?);
                continue;
            }
            lost_assets.push(pin(name).ok_or_else(|| refused(tag, lost(name)))?);
        }
        fetched.assets.extend(self.assets(lost_assets, held.as_ref(), staging.path()).await?);
        self.place(tag, release, held.as_ref(), fetched)
    }

    /// Fetches assets, several at a time.
    async fn assets(
        &self,
        pins: Vec<Pin>,
        held: Option<&MirroredRelease>,
        staging: &Path,
    ) -> Result<Vec<(MirroredAsset, PathBuf)>, SyncError> {
        let fetched = fetch_pinned(self.sync.request, pins, self.context, staging).await?;
        fetched.into_iter().map(|(pin, fetched)| self.asset(pin, fetched.verified.file(), held)).collect()
    }

    fn asset(
        &self,
        pin: Pin,
        file: &Written,
        held: Option<&MirroredRelease>,
    ) -> Result<(MirroredAsset, PathBuf), SyncError> {
        let (tag, LockedAsset { target, name, sha256, .. }) = (&pin.lockfile.tag, pin.asset);
        let before = held.and_then(|held| held.assets.iter().find(|asset| asset.name == name));
        // If GitHub states no digest, a change is noticed only now.
        if let Some(before) = before.filter(|before| before.sha256 != sha256)
            && mirror_layout::asset_path(self.directory.root(), &self.sync.request.options.repository, tag, &name)
                .is_some_and(|path| path.exists())
        {
            let (held, now) = (before.sha256, Some(sha256));
            return Err(refused(tag, SyncRefusal::Changed { name, held, now }));
        }
        Ok((MirroredAsset { target: Some(target), name, size: file.size, sha256 }, file.path.clone()))
    }

    /// The mirror's index entry of an asset as a pin, so that a copy can be found elsewhere.
    fn pin(&self, held: &MirroredRelease, name: &str) -> Option<Pin> {
        let asset = held.assets.iter().find(|asset| asset.name == name)?;
        let target = asset.target?;
        let locked = LockedAsset {
            target,
            name: name.to_owned(),
            size: Some(asset.size),
            sha256: asset.sha256,
            evidence: Vec::new(),
            verdict: Level::Checksum,
        };
        let repository = self.sync.request.options.repository.clone();
        let lockfile = Lockfile::new(repository, held.tag.clone(), held.published, vec![locked]);
        lockfile.pin(&self.sync.request.options.tool, target)
    }

    fn place(
        &mut self,
        tag: &Tag,
        release: Option<&Release>,
        held: Option<&MirroredRelease>,
        fetched: FetchedFiles,
    ) -> Result<Vec<String>, SyncError> {
        let mut new = held.cloned().unwrap_or_else(|| MirroredRelease {
            tag: tag.clone(),
            version: tag.version().map(|version| version.to_string()),
            published: None,
            prerelease: false,
            assets: Vec::new(),
            files: Vec::new(),
        });
        if let Some(release) = release {
            (new.published, new.prerelease) = (release.published_at.or(new.published), release.prerelease);
        }
        let names: Vec<String> = fetched.names().map(str::to_owned).collect();
        new.assets.retain(|asset| !names.contains(&asset.name));
        new.files.retain(|file| !names.contains(&file.name));
        // An entry whose bytes change is removed from the index first.
        let is_other = |name: &str, sha256: Sha256Digest| {
            held.into_iter().flat_map(MirroredRelease::everything).any(|(known, _, old)| known == name && old != sha256)
        };
        let changes = fetched.assets.iter().any(|(asset, _)| is_other(&asset.name, asset.sha256))
            || fetched.files.iter().any(|(file, _)| is_other(&file.name, file.sha256));
        if changes {
            self.write(self.index.clone().with(new.clone()))?;
        }
        for (asset, path) in &fetched.assets {
            self.directory.place(tag, &asset.name, path).map_err(store)?;
        }
        for (file, path) in &fetched.files {
            self.directory.place(tag, &file.name, path).map_err(store)?;
        }
        new.assets.extend(fetched.assets.into_iter().map(|(asset, _)| asset));
        new.files.extend(fetched.files.into_iter().map(|(file, _)| file));
        self.write(self.index.clone().with(new))?;
        Ok(names)
    }

    fn write(&mut self, index: Index) -> Result<(), SyncError> {
        self.directory.write_index(&index).map_err(store)?;
        self.index = index;
        Ok(())
    }

    fn staging(&self) -> Result<Staging, SyncError> {
        Ok(Staging::in_directory(self.directory.root(), MirrorDirectory::STAGING)?)
    }
}

impl FetchedFiles {
    fn names(&self) -> impl Iterator<Item = &str> {
        let assets = self.assets.iter().map(|(asset, _)| asset.name.as_str());
        assets.chain(self.files.iter().map(|(file, _)| file.name.as_str()))
    }
}

fn locked(directory: &MirrorDirectory, context: &InstallContext<'_>) -> Result<Lock, SyncError> {
    let root = directory.prepare().map_err(store)?;
    let lock = Lock::acquire(&root, MirrorDirectory::LOCK, context.lock_timeout, |holder| {
        context.progress.note(&format!("waiting for another synchronization of this directory ({holder})"));
    });
    let lock = lock.map_err(AccessError::from)?;
    directory.clear().map_err(store)?;
    Ok(lock)
}

/// Hashes every file of the mirror.
fn survey(
    directory: &MirrorDirectory,
    index: &Index,
    context: &InstallContext<'_>,
) -> Result<BTreeMap<(Tag, String), Condition>, SyncError> {
    let mut conditions = BTreeMap::new();
    if index.releases.is_empty() {
        return Ok(conditions);
    }
    context.progress.begin("Checking the mirror", Some(size(index)));
    for release in &index.releases {
        for file in release.everything() {
            let condition = directory.condition(&release.tag, file, context.progress).map_err(store);
            let condition = condition.inspect_err(|_| context.progress.end())?;
            conditions.insert((release.tag.clone(), file.0.to_owned()), condition);
        }
    }
    context.progress.end();
    Ok(conditions)
}

/// The requested part of a release, and what the mirror already has of it.
fn offer(release: &Release, held: Option<&MirroredRelease>, sync: &Synchronization<'_>) -> Offer {
    let listing = Listing::Api(release.clone());
    let offered = |asset: &Asset| Offered {
        name: asset.name.clone(),
        size: asset.size,
        sha256: asset.digest.clone().ok().flatten(),
    };
    let (mut assets, mut unfinished) = (Vec::new(), None);
    let is_held =
        |target: Target| held.is_some_and(|held| held.assets.iter().any(|asset| asset.target == Some(target)));
    for target in Target::all().filter(|target| sync.targets.contains(target) || is_held(*target)) {
        match choose(&listing, &sync.request.options.tool, target) {
            Ok(choice) => {
                let asset = choice.candidates.first();
                assets.extend(asset.map(|(asset, _)| OfferedAsset { target, file: offered(asset) }));
            }
            Err(ResolveError::Fallback(_)) => {}
            Err(error) => unfinished = unfinished.or(Some(error.to_string())),
        }
    }
    let names: Vec<&str> = assets.iter().map(|asset| asset.file.name.as_str()).collect();
    let files = collect::files_of(&names);
    let files = files.iter().filter_map(|name| release.asset(name));
    let files = files.filter(|file| file.state == AssetState::Uploaded).map(offered).collect();
    Offer { tag: release.tag.clone(), prerelease: release.prerelease, assets, files, unfinished }
}

/// A checksum or signature file, if it matches the release.
fn file(release: &Release, name: String, bytes: &[u8], staging: &Path) -> Result<(MirroredFile, PathBuf), SyncError> {
    let sha256 = Sha256Digest::of(bytes);
    let stated = release.asset(&name).and_then(|asset| asset.digest.clone().ok().flatten());
    if let Some(stated) = stated.filter(|stated| *stated != sha256) {
        let problem = format!("{name} has sha256 {sha256}, but GitHub's asset digest states {stated}");
        return Err(refused(&release.tag, SyncRefusal::Obstacle(problem)));
    }
    made(name, bytes, staging)
}

/// A file with these bytes.
fn made(name: String, bytes: &[u8], staging: &Path) -> Result<(MirroredFile, PathBuf), SyncError> {
    let (path, sha256) = (staging.join(&name), Sha256Digest::of(bytes));
    mirror::stage(&path, bytes).map_err(store)?;
    Ok((MirroredFile { name, size: bytes.len() as u64, sha256 }, path))
}

fn planned(plan: SyncPlan, index: &Index) -> Synced {
    let release = |Planned { tag, outcome: planned }: Planned| {
        let (done, work, problem) = match planned {
            SyncOutcome::Complete => (Done::Complete, SyncWork::default(), None),
            SyncOutcome::Empty => (Done::Empty, SyncWork::default(), None),
            SyncOutcome::Remove => (Done::Removed, SyncWork::default(), None),
            SyncOutcome::Refuse(refusal) => (Done::Failed, SyncWork::default(), Some(refused(&tag, refusal))),
            SyncOutcome::Work(work) => (if work.is_new { Done::Added } else { Done::Updated }, work, None),
        };
        let files = work.assets.into_iter().map(|(_, name)| name).collect();
        SyncedRelease { tag, done, files, damaged: work.damaged, problem }
    };
    let releases: Vec<SyncedRelease> = plan.releases.into_iter().map(release).collect();
    let would_be_there = |release: &&SyncedRelease| match release.done {
        Done::Added | Done::Updated | Done::Complete => true,
        Done::Empty | Done::Removed => false,
        Done::Failed => index.release(&release.tag).is_some(),
    };
    let count = releases.iter().filter(would_be_there).count();
    Synced { releases, absent: plan.absent, count, size: size(index), swept: Vec::new() }
}

fn size(index: &Index) -> u64 {
    index.releases.iter().flat_map(MirroredRelease::everything).map(|(_, size, _)| size).sum()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is about the network")]
fn is_out_of_reach(error: &SyncError) -> bool {
    let SyncError::Acquire(error) = error else { return false };
    match error {
        AcquireError::Resolve(ResolveError::Fallback(Fallback::Unreachable { .. })) => true,
        AcquireError::Download { source, .. } | AcquireError::Source(source) => source.is_unreachable(),
        _ => false,
    }
}

fn refused(tag: &Tag, refusal: SyncRefusal) -> SyncError {
    SyncError::NotMirrored { tag: tag.clone(), refusal }
}

fn not_tried(tag: &Tag) -> SyncError {
    refused(tag, SyncRefusal::OutOfReach)
}

fn unproven(name: &str) -> SyncRefusal {
    SyncRefusal::Obstacle(format!("{name} has no published checksum or attestation"))
}

fn lost(name: &str) -> SyncRefusal {
    SyncRefusal::Obstacle(format!("{name} is damaged in the mirror, and GitHub no longer has it"))
}

fn failed(root: &Path, problem: mirror::MirrorError) -> SyncError {
    AcquireError::from(SourceError::Mirror { mirror: root.display().to_string(), problem: Box::new(problem) }).into()
}

fn store(error: FileError) -> SyncError {
    StoreError::from(error).into()
}
