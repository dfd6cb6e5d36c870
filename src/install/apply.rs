//! Carries out an installation: everything up to the steps of the commit happens in a staging folder that is removed
//! however it ends.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use tempfile::TempDir;
use url::Url;

use crate::archive;
use crate::archive::ArchiveForm;
use crate::archive::Limits;
use crate::binary;
use crate::binary::Host;
use crate::binary::VersionCheck;
use crate::config::Token;
use crate::github::ApiError;
use crate::github::GitHub;
use crate::github::Listing;
use crate::install::BuildMode;
use crate::install::Choice;
use crate::install::Fallback;
use crate::install::InstallError;
use crate::install::InstallRequest;
use crate::install::ResolveError;
use crate::install::Standing;
use crate::install::Work;
use crate::install::choose;
use crate::install::evidence;
use crate::install::local;
use crate::install::standing;
use crate::net::Http;
use crate::net::HttpOptions;
use crate::net::NetError;
use crate::platform;
use crate::progress::Progress;
use crate::release::Asset;
use crate::release::AssetForm;
use crate::release::RepoSlug;
use crate::release::Sha256Digest;
use crate::release::Tag;
use crate::release::VersionSpec;
use crate::secret::SafeUrl;
use crate::store;
use crate::store::Installed;
use crate::store::Layout;
use crate::store::Lock;
use crate::store::Obstacle;
use crate::store::Receipt;
use crate::store::ReceiptAsset;
use crate::store::ReceiptOrigin;
use crate::store::State;
use crate::store::StoreError;
use crate::trust::Evidence;
use crate::trust::Level;
use crate::trust::judge;
use crate::trust::verify;

/// How long the worker may take to say its version.
const SMOKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What an installation may touch.
pub struct Door<'a> {
    /// The address of the API.
    pub api_url: &'a Url,
    /// The web address of GitHub.
    pub server_url: &'a Url,
    /// The token for the API.
    pub token: Option<&'a Token>,
    /// How patient the network is.
    pub http: HttpOptions,
    /// The environment child processes get, less what they must not see.
    pub environment: &'a [(OsString, OsString)],
    /// How long another installation is waited for.
    pub lock_timeout: Duration,
    /// The time.
    pub now: DateTime<Utc>,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

/// What an installation did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The receipt of what is installed now.
    pub receipt: Receipt,
    /// Why there was work; nothing where there was none.
    pub work: Option<Work>,
}

/// What an installation would do.
#[derive(Debug, Clone)]
pub enum Preview {
    /// Nothing.
    UpToDate(Box<Receipt>),
    /// Download this asset.
    Download {
        /// Why there is work.
        work: Work,
        /// The release.
        tag: Tag,
        /// The asset's name.
        asset: String,
        /// Its address.
        url: String,
        /// Its size in bytes, where it is known.
        size: Option<u64>,
        /// How well it would be proven.
        verdict: Level,
    },
    /// Build from this checkout.
    Build {
        /// Why there is work.
        work: Work,
        /// Why it would be built.
        because: Fallback,
        /// The checkout.
        source: PathBuf,
    },
}

/// An executable in the staging folder, with all that is known about it.
#[derive(Debug)]
pub(super) struct Acquired {
    /// What sentences call it.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) sha256: Sha256Digest,
    pub(super) size: u64,
    pub(super) verdict: Level,
    pub(super) evidence: Vec<Evidence>,
    pub(super) origin: ReceiptOrigin,
    /// The tag its version must equal.
    pub(super) tag: Option<Tag>,
}

/// Where the executable comes from this time.
enum Source {
    Release { github: Box<GitHub>, listing: Listing, choice: Choice },
    Build(Fallback),
}

/// Installs. Takes the lock only when there is work.
pub fn run(request: &InstallRequest, door: &Door<'_>) -> Result<Outcome, InstallError> {
    let layout = &request.layout;
    let (standing, state) = stand(request)?;
    if let Standing::UpToDate(receipt) = standing {
        finish(layout, &receipt, &state);
        return Ok(Outcome { receipt: *receipt, work: None });
    }
    clear(layout)?;
    store::prepare(layout)?;
    let _lock = Lock::acquire(&layout.lock(), door.lock_timeout, |holder| {
        door.progress.note(&format!("waiting for another installation in this project ({holder})"));
    })?;
    let (standing, state) = stand(request)?;
    let (work, newest) = match standing {
        Standing::UpToDate(receipt) => return Ok(Outcome { receipt: *receipt, work: None }),
        Standing::UpToDateIfNewest(receipt, tag) => {
            let how = format!("{tag} is installed, a newer release is there");
            (Work::Differs { receipt: receipt.clone(), how }, Some((receipt, tag)))
        }
        Standing::Work(work) => (work, None),
    };
    let staging = Staging::create(layout)?;
    let runtime = runtime()?;
    let acquired = match runtime.block_on(source(request, door, &work))? {
        Source::Release { choice, .. } if newest.as_ref().is_some_and(|(_, tag)| *tag == choice.tag) => {
            let receipt = newest.map(|(receipt, _)| *receipt).expect("the guard has seen it");
            return Ok(Outcome { receipt, work: None });
        }
        Source::Release { github, listing, choice } => {
            runtime.block_on(download(request, door, &github, &listing, &choice, staging.path()))?
        }
        Source::Build(because) => local::build(request, door, &because, staging.path())?,
    };
    // The disk works while the binary is read and tried.
    let (receipt, synced) = std::thread::scope(|scope| {
        let disk = scope.spawn(|| platform::sync_file(&acquired.path));
        (prove(request, door, &acquired), disk.join())
    });
    let receipt = receipt?;
    synced
        .unwrap_or_else(|_| Err(std::io::Error::other("the thread that waits for the disk has stopped")))
        .map_err(|source| InstallError::Staging { doing: "write the binary to disk", source })?;
    for step in store::steps(layout, &acquired.path, receipt.clone(), work.found(), &state) {
        store::apply(&step)?;
    }
    Ok(Outcome { receipt, work: Some(work) })
}

/// Finds out what an installation would do. Writes nothing and takes no lock.
pub fn preview(request: &InstallRequest, door: &Door<'_>) -> Result<Preview, InstallError> {
    let (standing, _) = stand(request)?;
    let (work, newest) = match standing {
        Standing::UpToDate(receipt) => return Ok(Preview::UpToDate(receipt)),
        Standing::UpToDateIfNewest(receipt, tag) => {
            let how = format!("{tag} is installed, a newer release is there");
            (Work::Differs { receipt: receipt.clone(), how }, Some((receipt, tag)))
        }
        Standing::Work(work) => (work, None),
    };
    let runtime = runtime()?;
    let (github, listing, choice) = match runtime.block_on(source(request, door, &work))? {
        Source::Build(because) => {
            let source = local::checkout(request, &because)?;
            return Ok(Preview::Build { work, because, source });
        }
        Source::Release { github, listing, choice } => (github, listing, choice),
    };
    if let Some((receipt, _)) = newest.filter(|(_, tag)| *tag == choice.tag) {
        return Ok(Preview::UpToDate(receipt));
    }
    let (asset, _) = choice.candidates.first().expect("a choice has a candidate");
    let evidence = runtime.block_on(evidence::gather(&github, &listing, asset));
    let verdict = judge(None, &evidence, request.policy)
        .map_err(|source| InstallError::Verify { asset: asset.name.clone(), source })?;
    let url = github.asset_page_url(&choice.tag, &asset.name).to_string();
    Ok(Preview::Download { work, tag: choice.tag.clone(), asset: asset.name.clone(), url, size: asset.size, verdict })
}

/// The tag and the assets of the release that is meant, for those whose machine no asset is named after.
pub fn released_assets(
    repository: &RepoSlug,
    spec: &VersionSpec,
    door: &Door<'_>,
) -> Result<(Tag, Vec<String>), InstallError> {
    let runtime = runtime()?;
    let release = async { github(repository, door)?.release(spec, door.progress).await };
    match runtime.block_on(release)? {
        Listing::Api(release) => Ok((release.tag, release.assets.into_iter().map(|asset| asset.name).collect())),
        Listing::Web { tag, .. } => Ok((tag, Vec::new())),
    }
}

fn stand(request: &InstallRequest) -> Result<(Standing, State), InstallError> {
    let scanned = store::scan(&request.layout);
    // What cannot be read because of what is in its way is told by that.
    let (installed, state) = scanned.or_else(|error| clear(&request.layout).and(Err(error.into())))?;
    let in_the_way = |what| InstallError::InTheWay { path: request.layout.binary.clone(), what, place: "the binary" };
    Ok((standing(request, installed).map_err(in_the_way)?, state))
}

/// Nothing of the store may be a link or something else that is not its own.
fn clear(layout: &Layout) -> Result<(), InstallError> {
    match store::obstacle(layout) {
        None => Ok(()),
        Some(Obstacle { path, what, place }) => Err(InstallError::InTheWay { path, what, place }),
    }
}

/// Finishes what an installation left that was killed after it had placed the binary. Whoever cannot, because another
/// installation runs or the folder is not theirs, leaves it to the next.
fn finish(layout: &Layout, receipt: &Receipt, state: &State) {
    if store::unfinished(layout, receipt.sha256, state).is_empty() && platform::is_empty_folder(&layout.staging()) {
        return;
    }
    if store::obstacle(layout).is_some() {
        return;
    }
    let Ok(_lock) = Lock::acquire(&layout.lock(), Duration::ZERO, |_| {}) else { return };
    let _ = platform::empty_folder(&layout.staging());
    // Looked at again, because another installation may have come between.
    let Ok((Installed::Intact { receipt }, state)) = store::scan(layout) else { return };
    for step in &store::unfinished(layout, receipt.sha256, &state) {
        if store::apply(step).is_err() {
            return;
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, InstallError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|source| InstallError::Staging { doing: "start the network", source })
}

/// Decides between the release and a build; asks GitHub only where the network may be used and a release is wanted.
async fn source(request: &InstallRequest, door: &Door<'_>, work: &Work) -> Result<Source, InstallError> {
    if request.build == BuildMode::Only {
        return Ok(Source::Build(Fallback::Asked));
    }
    if request.offline {
        return Ok(Source::Build(Fallback::Offline));
    }
    if work.repairs_a_build() && request.spec.is_none() {
        return Ok(Source::Build(Fallback::RepairsBuild));
    }
    let github = github(&request.repository, door)?;
    let spec = request.spec.clone().or_else(|| work.repaired_spec()).unwrap_or(VersionSpec::Latest);
    let listing = match github.release(&spec, door.progress).await {
        Ok(listing) => listing,
        Err(ApiError::Net(error)) if error.is_unreachable() => {
            return Ok(Source::Build(Fallback::Unreachable { reason: error.to_string() }));
        }
        Err(error) => return Err(error.into()),
    };
    match choose(&listing, &request.tool, request.target) {
        Ok(choice) => Ok(Source::Release { github: Box::new(github), listing, choice }),
        Err(ResolveError::Fallback(because)) => Ok(Source::Build(because)),
        Err(error) => Err(InstallError::Resolve(error)),
    }
}

fn github(repository: &RepoSlug, door: &Door<'_>) -> Result<GitHub, ApiError> {
    let http = Http::new(door.http.clone())?;
    GitHub::new(http, repository.clone(), door.api_url.clone(), door.server_url.clone(), door.token.cloned())
}

/// Evidence, download, verdict, unpacking: in this order, so that bytes which could not be accepted are not fetched, and
/// bytes which are not accepted are not looked into.
async fn download(
    request: &InstallRequest,
    door: &Door<'_>,
    github: &GitHub,
    listing: &Listing,
    choice: &Choice,
    staging: &Path,
) -> Result<Acquired, InstallError> {
    let mut missing = None;
    for (asset, form) in &choice.candidates {
        let refused = |source| InstallError::Verify { asset: asset.name.clone(), source };
        let evidence = evidence::gather(github, listing, asset).await;
        judge(None, &evidence, request.policy).map_err(refused)?;
        // The name is one of ours, computed for the target, so it names a file and nothing else.
        let file = staging.join(&asset.name);
        let written = match github.fetch(&choice.tag, asset, &file, door.progress).await {
            Ok(written) => written,
            // Where only names are known, the next form may be the one that is there.
            Err(error @ NetError::Status { status: 404, .. }) if asset.size.is_none() => {
                missing = Some(InstallError::Download { asset: asset.name.clone(), source: error });
                continue;
            }
            Err(source) => return Err(InstallError::Download { asset: asset.name.clone(), source }),
        };
        let verified = verify(written, &evidence, request.policy).map_err(refused)?;
        let origin_asset = ReceiptAsset {
            name: asset.name.clone(),
            url: SafeUrl(&github.asset_page_url(&choice.tag, &asset.name)).to_string(),
            size: verified.file().size,
            sha256: verified.file().sha256,
            member: None,
        };
        return unpack(request, door, staging, &verified, *form, asset, origin_asset, choice, evidence);
    }
    Err(missing.expect("a choice has a candidate, and each either returned or is missing"))
}

#[expect(clippy::too_many_arguments, reason = "each is one fact of the asset, and none is optional")]
fn unpack(
    request: &InstallRequest,
    door: &Door<'_>,
    staging: &Path,
    verified: &crate::trust::Verified,
    form: AssetForm,
    asset: &Asset,
    mut origin_asset: ReceiptAsset,
    choice: &Choice,
    evidence: Vec<Evidence>,
) -> Result<Acquired, InstallError> {
    let executable = match ArchiveForm::of(form) {
        None => verified.file().clone(),
        Some(form) => {
            let names = request.tool.member_names(request.target);
            let destination = staging.join(request.tool.installed_name(request.target));
            let unpacked =
                archive::unpack(form, verified.path(), &names, &destination, &Limits::default(), door.progress)
                    .map_err(|source| InstallError::Archive { asset: asset.name.clone(), source })?;
            origin_asset.member = Some(unpacked.member);
            unpacked.written
        }
    };
    let repository = request.repository.clone();
    Ok(Acquired {
        name: format!("{} of {}", asset.name, choice.tag),
        path: executable.path,
        sha256: executable.sha256,
        size: executable.size,
        verdict: verified.level(),
        evidence,
        origin: ReceiptOrigin::Release { repository, tag: choice.tag.clone(), asset: origin_asset },
        tag: Some(choice.tag.clone()),
    })
}

/// Reads the header, starts it once for its version, and writes down what is known.
fn prove(request: &InstallRequest, door: &Door<'_>, acquired: &Acquired) -> Result<Receipt, InstallError> {
    let name = || acquired.name.clone();
    let inspection = binary::inspect(&acquired.path)?;
    let host = request.runs_here().then(|| Host::read(Path::new("/"), request.target, &inspection));
    let notes = binary::preflight(&inspection, request.target, &request.tool, host.as_ref())
        .map_err(|source| InstallError::Preflight { name: name(), source })?;
    let mut notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
    platform::make_executable(&acquired.path)
        .map_err(|source| InstallError::Staging { doing: "make the binary executable", source })?;
    let mut version = None;
    if request.runs_here() {
        let said = binary::smoke_check(&acquired.path, &request.tool, SMOKE_TIMEOUT, &platform::is_interrupted)
            .map_err(|source| InstallError::Smoke { name: name(), source })?;
        if let Some(tag) = &acquired.tag {
            match binary::check_version(&said, tag) {
                Ok(VersionCheck::Equal) => {}
                Ok(VersionCheck::TagWithoutVersion) => {
                    notes.push(format!("the tag {tag} names no version to compare {} with", said.version));
                }
                Err(source) => return Err(InstallError::Version { name: name(), source }),
            }
        }
        version = Some(said.version.to_string());
    } else {
        let here = request.host.map_or_else(|| "another machine".to_owned(), |host| host.to_string());
        notes.push(format!("not tried: it is for {}, and this machine is {here}", request.target));
    }
    Ok(Receipt {
        schema: store::RECEIPT_SCHEMA.to_owned(),
        tool: request.tool.name.to_owned(),
        target: request.target,
        sha256: acquired.sha256,
        size: acquired.size,
        version,
        verdict: acquired.verdict,
        evidence: acquired.evidence.clone(),
        origin: acquired.origin.clone(),
        notes,
        installer: concat!("reproq-cli ", env!("CARGO_PKG_VERSION")).to_owned(),
        installed_at: door.now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    })
}

/// A folder of its own below `staging/`, removed however the installation ends; what a killed one left goes first.
struct Staging {
    folder: TempDir,
    _cleanup: platform::CleanupGuard,
}

impl Staging {
    fn create(layout: &Layout) -> Result<Self, StoreError> {
        let staging = layout.staging();
        platform::empty_folder(&staging).map_err(StoreError::new("empty", &staging))?;
        let folder = tempfile::Builder::new().prefix("install-").tempdir_in(&staging);
        let folder = folder.map_err(StoreError::new("make a folder in", &staging))?;
        let cleanup = platform::on_interrupt_remove(folder.path());
        Ok(Self { folder, _cleanup: cleanup })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}
