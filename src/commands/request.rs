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
use crate::flows::install::InstallOptions;
use crate::flows::install::InstallRequest;
use crate::flows::install::Machines;
use crate::flows::install::SignerPolicy;
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

/// The installation request from these options and the project's lockfile.
pub(super) fn request(options: InstallOptions, session: &Session<'_>) -> Result<InstallRequest, CommandError> {
    InstallRequest::new(options, lockfile(session)?).map_err(hints::disagreement)
}

/// The request for several platforms, and the lockfile if it has an asset for each of them.
pub(super) fn for_machines(
    spec: Option<VersionSpec>,
    locked: bool,
    machines: &Machines,
    session: &Session<'_>,
) -> Result<(InstallRequest, Option<Lockfile>), CommandError> {
    let lockfile = lockfile(session)?;
    let targets: Vec<Target> = match (machines, &lockfile) {
        (Machines::These(targets), _) => targets.clone(),
        (Machines::All, Some(lockfile)) => lockfile.assets.iter().map(|asset| asset.target).collect(),
        (Machines::All, None) => Vec::new(),
    };
    let targets = if targets.is_empty() { vec![any_target(session)] } else { targets };
    let options = InstallOptions { locked, ..options(spec, targets[0], session)? };
    InstallRequest::for_all(options, lockfile, &targets).map_err(hints::disagreement)
}

/// The options for one release and platform from the settings, with defaults for everything else.
pub(super) fn options(
    spec: Option<VersionSpec>,
    target: Target,
    session: &Session<'_>,
) -> Result<InstallOptions, CommandError> {
    let (tool, root) = (Tool::WORKER, &session.project.root);
    Ok(InstallOptions {
        tool,
        repository: session.settings.repository.value.clone(),
        server: session.settings.server.clone(),
        spec,
        target,
        host: host_target(session).ok(),
        from: None,
        lockfile: lockfile::path_in(root),
        locked: false,
        elsewhere: false,
        trust: TrustPolicy { require: session.settings.require.value, allow_unverified: false },
        signers: signers(session)?,
        build: BuildMode::Fallback,
        offline: session.settings.offline.value,
        force: false,
        sources: sources(session),
        own_executable: session.env.own_executable.clone(),
        layout: Layout::in_project(root, &tool, target),
    })
}

/// The same with an installation outside of the project.
pub(super) fn installed_to(path: &Path, options: InstallOptions, session: &Session<'_>) -> InstallOptions {
    let layout = Layout::elsewhere(install_path(path, session, &options.tool, options.target));
    InstallOptions { layout, elsewhere: true, ..options }
}

/// The current platform, or any if the worker is not released for it.
pub(super) fn any_target(session: &Session<'_>) -> Target {
    host_target(session).ok().or_else(|| Target::all().next()).expect("there are targets")
}

/// The policy for signers, from the settings.
fn signers(session: &Session<'_>) -> Result<SignerPolicy, CommandError> {
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
        accept_change: false,
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
        && let Ok(options) = options(spec.cloned(), any_target(session), session)
        && let Ok(request) = InstallRequest::new(options, None)
        && let Ok((tag, assets)) = install::released_assets(&request, context)
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
