//! Builds the request and the context of an installation from arguments and settings, for every command that resolves,
//! downloads or installs.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::InstallArgs;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::config::Provenance;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::install;
use crate::flows::install::BuildMode;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallRequest;
use crate::flows::install::LockfileAction;
use crate::flows::install::Machines;
use crate::flows::install::PinInput;
use crate::flows::install::SignerPolicy;
use crate::flows::install::pinning_of_all;
use crate::lockfile;
use crate::lockfile::Lockfile;
use crate::model::TagError;
use crate::model::Target;
use crate::model::TargetError;
use crate::model::Tool;
use crate::model::VersionSpec;
use crate::model::progress::Progress;
use crate::platform::HostFacts;
use crate::platform::host_target as target_of;
use crate::sources::bundle::Bundle;
use crate::sources::cache::Cache;
use crate::trust::TrustPolicy;
use crate::trust::attestation::Workflow;
use crate::trust::trusted_roots::TrustedRoots;
use crate::worker::local_build::SourceOrigin;
use crate::worker::local_build::candidate_sources;
use crate::worker::store::Layout;

/// The options of the command line for an installation, apart from the settings.
#[derive(Debug, Clone)]
pub(super) struct InstallOptions<'a> {
    pub(super) spec: Option<VersionSpec>,
    pub(super) target: Target,
    /// The path to install to, if not in the project.
    pub(super) to: Option<&'a Path>,
    pub(super) build: BuildMode,
    /// Whether reproq.lock must be satisfied exactly.
    pub(super) locked: bool,
    /// Whether an asset without evidence is accepted.
    pub(super) allow_unverified: bool,
    /// Whether a different signer from the locked one, or none, is accepted.
    pub(super) accept_signer_change: bool,
    /// Whether to reinstall even if up to date.
    pub(super) force: bool,
    /// The only source, if a bundle is used.
    pub(super) from: Option<Box<Bundle>>,
}

impl InstallOptions<'_> {
    /// Options for one release and target, with defaults for everything else.
    pub(super) const fn plain(spec: Option<VersionSpec>, target: Target) -> Self {
        let build = BuildMode::Fallback;
        Self {
            spec,
            target,
            to: None,
            build,
            locked: false,
            allow_unverified: false,
            accept_signer_change: false,
            force: false,
            from: None,
        }
    }
}

/// The environment for child processes. Secrets are removed where a process is started.
pub(super) fn environment(session: &Session<'_>) -> Vec<(OsString, OsString)> {
    session.env.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

pub(super) fn install_context<'a>(
    session: &'a Session<'_>,
    environment: &'a [(OsString, OsString)],
    lock_timeout: Duration,
    progress: &'a dyn Progress,
) -> InstallContext<'a> {
    InstallContext {
        server: &session.settings.server,
        mirrors: session.settings.mirrors.as_ref().map_or(&[], |mirrors| mirrors.value.as_slice()),
        tokens: &session.settings.tokens,
        http: session.http.clone(),
        cache: cache(session),
        trusted_roots: trusted_roots(session),
        environment,
        lock_timeout,
        now: session.now,
        progress,
    }
}

/// The user's cache, if it is enabled.
pub(super) fn cache(session: &Session<'_>) -> Option<Cache> {
    let directory = session.settings.cache.as_ref()?.value.clone();
    Some(Cache::new(directory, session.settings.cache_size.value, session.now))
}

/// The user's trusted roots.
pub(super) fn trusted_roots(session: &Session<'_>) -> TrustedRoots {
    TrustedRoots::new(session.settings.trust.as_ref().map(|directory| directory.value.clone()))
}

/// The project's lockfile, if it has one.
pub(super) fn lockfile(session: &Session<'_>) -> Result<Option<Lockfile>, CommandError> {
    lockfile::read(&session.project.root, &Tool::WORKER).map_err(hints::lockfile)
}

/// The installation request from settings, lockfile and options.
pub(super) fn request(options: InstallOptions<'_>, session: &Session<'_>) -> Result<InstallRequest, CommandError> {
    base_request(options, session)?.with_lock(lockfile(session)?).map_err(hints::disagreement)
}

/// The request for several platforms, and the lockfile if it has an asset for each of them.
pub(super) fn for_machines(
    spec: Option<VersionSpec>,
    locked: bool,
    machines: &Machines,
    session: &Session<'_>,
) -> Result<(InstallRequest, Option<Lockfile>), CommandError> {
    let any_target = || host_target(session).ok().or_else(|| Target::all().next()).expect("there are targets");
    let lockfile = lockfile(session)?;
    let targets: Vec<Target> = match (machines, &lockfile) {
        (Machines::These(targets), _) => targets.clone(),
        (Machines::All, Some(lockfile)) => lockfile.assets.iter().map(|asset| asset.target).collect(),
        (Machines::All, None) => Vec::new(),
    };
    let targets = if targets.is_empty() { vec![any_target()] } else { targets };
    let request = base_request(InstallOptions { locked, ..InstallOptions::plain(spec, targets[0]) }, session)?;
    let decided_from = PinInput { lockfile, ..request.decided_from.clone() };
    let pinning = pinning_of_all(&decided_from, &targets, &request.tool).map_err(hints::unsatisfied)?;
    let install::Pinning { pin, spec, lock } = pinning;
    let locked = pin.map(|pin| pin.lockfile);
    Ok((InstallRequest { decided_from, spec, lock, ..request }, locked))
}

/// The request without the lockfile.
pub(super) fn base_request(options: InstallOptions<'_>, session: &Session<'_>) -> Result<InstallRequest, CommandError> {
    let tool = Tool::WORKER;
    let root = &session.project.root;
    let layout = match options.to {
        Some(path) => Layout::elsewhere(install_path(path, session, &tool, options.target)),
        None => Layout::in_project(root, &tool, options.target),
    };
    let decided_from = PinInput {
        lockfile: None,
        path: lockfile::path_in(root),
        locked: options.locked,
        build: options.build,
        spec: options.spec,
        repository: session.settings.repository.value.clone(),
        target: options.target,
        elsewhere: options.to.is_some(),
    };
    let trust_policy =
        TrustPolicy { require: session.settings.require.value, allow_unverified: options.allow_unverified };
    let signers = signers(options.accept_signer_change, session)?;
    Ok(InstallRequest {
        tool,
        repository: session.settings.repository.value.clone(),
        server: session.settings.server.clone(),
        spec: None,
        decided_from,
        pin: None,
        keep: None,
        from: options.from,
        lock: LockfileAction::Ignore,
        target: options.target,
        host: host_target(session).ok(),
        asked: trust_policy,
        policy: trust_policy,
        signers,
        signer: None,
        build: options.build,
        offline: session.settings.offline.value,
        force: options.force,
        sources: sources(session),
        own_executable: session.env.own_executable.clone(),
        layout,
    })
}

/// The policy for signers, from the settings.
pub(super) fn signers(accept_change: bool, session: &Session<'_>) -> Result<SignerPolicy, CommandError> {
    let settings = &session.settings;
    let workflow = match &settings.workflow {
        Some(setting) => Some(Workflow::named(&setting.value, &settings.repository.value).map_err(|error| {
            CommandError::new(ExitStatus::Usage, error).context(format!("{} is invalid", setting.from))
        })?),
        None => None,
    };
    Ok(SignerPolicy {
        workflow,
        allow_self_hosted: settings.allow_self_hosted,
        allow_branch: settings.allow_branch,
        accept_change,
    })
}

/// The current platform, if the worker is released for it.
pub(super) fn host_target(session: &Session<'_>) -> Result<Target, TargetError> {
    target_of(&HostFacts::read(&|name| session.env.var(name)))
}

/// Parses `--tag`.
pub(super) fn tag_spec(text: Option<&str>) -> Result<Option<VersionSpec>, CommandError> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|error: TagError| CommandError::message(ExitStatus::Usage, format!("--tag is invalid: {error}")))
}

/// Parses `--target`; the default is the current platform. The error for an unknown platform lists the assets of the release,
/// if possible.
pub(super) fn target(
    text: Option<&str>,
    spec: Option<&VersionSpec>,
    from: Option<&Bundle>,
    session: &Session<'_>,
    context: &InstallContext<'_>,
) -> Result<Target, CommandError> {
    let error = match text.map_or_else(|| host_target(session), str::parse) {
        Ok(target) => return Ok(target),
        Err(error) => error,
    };
    if let TargetError::Shape(_) = error {
        return Err(CommandError::message(ExitStatus::Usage, format!("--target is invalid: {error}")));
    }
    let mut failure = CommandError::new(ExitStatus::NotFound, error);
    // With a bundle, no other source is used.
    if let Some(bundle) = from {
        let assets: Vec<String> = bundle.lockfile().assets.iter().map(|asset| asset.name.clone()).collect();
        failure = failure.hint(format!("the bundle {} has {}", bundle.name(), hints::listed(&assets)));
    } else if !session.settings.offline.value
        && let Some(any_target) = Target::all().next()
        && let Ok(base) = base_request(InstallOptions::plain(None, any_target), session)
        && let Ok((tag, assets)) = install::released_assets(&InstallRequest { spec: spec.cloned(), ..base }, context)
    {
        let repository = &session.settings.repository.value;
        failure = failure.hint(format!("release {tag} of {repository} has {}", hints::listed(&assets)));
    }
    Err(failure.hint("choose a target of the release with `--target OS-ARCH`, or build the worker manually with Go"))
}

/// Refuses to replace the project's binary with one for another platform.
pub(super) fn refuse_other_platform_in_project(
    target: Target,
    arguments: &InstallArgs,
    session: &Session<'_>,
) -> Result<(), CommandError> {
    let Some(host) = host_target(session).ok().filter(|host| *host != target && arguments.to.is_none()) else {
        return Ok(());
    };
    let message = format!("a worker for {target} does not run on this platform ({host}), and would replace its worker");
    let name = Tool::WORKER.installed_name(target);
    Err(CommandError::message(ExitStatus::Usage, message)
        .hint(format!("install it to another path: `reproq install --target {target} --to {target}/{name}`")))
}

/// The value of `--to`: a file, or a directory to install into.
fn install_path(path: &Path, session: &Session<'_>, tool: &Tool, target: Target) -> PathBuf {
    let path = session.env.cwd.join(path);
    let names_a_directory = path.is_dir() || path.as_os_str().to_string_lossy().ends_with(std::path::MAIN_SEPARATOR);
    if names_a_directory { path.join(tool.installed_name(target)) } else { path }
}

/// Possible locations of a checkout. An option or variable is relative to the current directory, a setting to the project.
pub(super) fn sources(session: &Session<'_>) -> Vec<(SourceOrigin, PathBuf)> {
    let named = session.settings.source.as_ref();
    let (flag, variable, setting) = match named.map(|named| (&named.from, named.value.as_path())) {
        Some((Provenance::Flag(_), path)) => (Some(path), None, None),
        Some((Provenance::Variable(_), path)) => (None, Some(path.as_os_str()), None),
        Some((Provenance::File(_) | Provenance::Default, path)) => (None, None, Some(path)),
        None => (None, None, None),
    };
    let home = session.env.home();
    let candidates = candidate_sources(flag, variable, setting, &session.project.root, home.as_deref());
    candidates.into_iter().map(|(origin, path)| (origin, session.env.cwd.join(path))).collect()
}
