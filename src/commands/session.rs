//! The state of one run: environment, settings, project and time. HTTP clients are created when first needed.

use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::SubsecRound;
use chrono::Utc;

use crate::cli::BundleCommand;
use crate::cli::BundleCreateArgs;
use crate::cli::Cli;
use crate::cli::Command;
use crate::cli::InstallArgs;
use crate::cli::LockArgs;
use crate::cli::MirrorCommand;
use crate::cli::MirrorSyncArgs;
use crate::cli::SourceArgs;
use crate::cli::UpgradeArgs;
use crate::commands::django::AskedDjango;
use crate::config::Env;
use crate::config::FileSettings;
use crate::config::Project;
use crate::config::RootReason;
use crate::config::ServerPurpose;
use crate::config::Settings;
use crate::config::SettingsInput;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::net::Certificates;
use crate::io::net::HttpOptions;
use crate::io::net::ProxyVariables;
use crate::io::net::RequestLog;
use crate::model::text::count;
use crate::model::units::parse_duration;
use crate::ui::Ui;

/// At most this many unknown settings are listed.
const MAX_UNKNOWN_KEYS: usize = 10;

/// One run of the program.
#[derive(Debug)]
pub(crate) struct Session<'ui> {
    /// The environment of the process.
    pub env: Env,
    /// The project.
    pub project: Project,
    /// The effective settings.
    pub settings: Settings,
    /// Timeouts, certificates and proxy of HTTP clients.
    pub http: HttpOptions,
    /// The time of the run, which all decisions use.
    pub now: DateTime<Utc>,
    /// What Django answered in this run.
    pub django: AskedDjango,
    /// The terminal output.
    pub ui: &'ui Ui,
}

impl<'ui> Session<'ui> {
    /// Finds the project and resolves the settings.
    pub(crate) fn begin(cli: &Cli, env: Env, ui: &'ui Ui) -> Result<Self, CommandError> {
        let (project, file) = project(cli, &env, ui)?;
        let input = command_line(cli);
        let purpose = input.purpose;
        let settings = Settings::resolve(input, &env, &file)
            .map_err(|error| CommandError::new(ExitStatus::Usage, anyhow::Error::from(error)))?;
        settings.tokens.iter().for_each(|token| ui.redact(token.value.expose()));
        warn_of_withheld_token(&settings, purpose, ui);
        let log = ui.debug_sink().map(RequestLog::to).unwrap_or_default();
        let http = HttpOptions { log, ..http_options(&env)? };
        for line in settings.describe() {
            ui.debug(&line);
        }
        ui.debug(&format!("project {} ({})", project.root.display(), project.reason));
        Ok(Self { env, project, settings, http, now: now(), django: AskedDjango::default(), ui })
    }
}

impl Session<'_> {
    /// The time now, for what a command records that runs for long.
    pub(super) fn current_time(&self) -> DateTime<Utc> {
        now()
    }
}

/// Finds the project and reads its file.
fn project(cli: &Cli, env: &Env, ui: &Ui) -> Result<(Project, FileSettings), CommandError> {
    let found = Project::find(cli.global.directory.as_deref(), &env.cwd, env.home().as_deref());
    let (project, file) = found.map_err(|error| {
        CommandError::new(ExitStatus::Usage, anyhow::Error::from(error))
            .hint("correct the file; the README lists the settings of `[tool.reproq]`")
    })?;
    if !project.root.is_dir() {
        let message = format!("`{}` is not a directory", project.root.display());
        return Err(
            CommandError::message(ExitStatus::Usage, message).hint("specify an existing directory with `-C DIR`")
        );
    }
    if project.reason != RootReason::Named && project.root != env.cwd {
        ui.status(&format!("project {} ({})", project.root.display(), project.reason));
    }
    for key in file.unknown.iter().take(MAX_UNKNOWN_KEYS) {
        ui.warn(&format!("unknown key `{key}` in [tool.reproq]"));
    }
    if let Some(more) = file.unknown.len().checked_sub(MAX_UNKNOWN_KEYS).filter(|more| *more > 0) {
        ui.warn(&format!("{} in [tool.reproq]", count(more, "more unknown key")));
    }
    Ok((project, file))
}

/// The settings that the command line sets.
fn command_line(cli: &Cli) -> SettingsInput {
    let is_release = matches!(cli.command, Command::Release(_));
    let global = SettingsInput {
        purpose: if is_release { ServerPurpose::Releases } else { ServerPurpose::Worker },
        offline: cli.global.offline,
        progress: cli.global.progress.clone(),
        github_api_url: cli.global.github_api_url.clone(),
        github_server_url: cli.global.github_server_url.clone(),
        ..SettingsInput::default()
    };
    match &cli.command {
        Command::Install(InstallArgs { source, require, sources, signer, .. }) => SettingsInput {
            source: source.clone(),
            require: require.clone(),
            workflow: signer.workflow.clone(),
            ..from_sources(sources, global)
        },
        Command::Upgrade(UpgradeArgs { require, sources, signer, .. }) => SettingsInput {
            require: require.clone(),
            workflow: signer.workflow.clone(),
            ..from_sources(sources, global)
        },
        Command::Lock(LockArgs { sources, signer, .. }) => {
            SettingsInput { workflow: signer.workflow.clone(), ..from_sources(sources, global) }
        }
        Command::Bundle(BundleCommand::Create(BundleCreateArgs { require, sources, .. })) => {
            SettingsInput { require: require.clone(), ..from_sources(sources, global) }
        }
        Command::Mirror(MirrorCommand::Sync(MirrorSyncArgs { require, repository, .. })) => {
            SettingsInput { require: require.clone(), repository: repository.repo.clone(), ..global }
        }
        Command::Init(arguments) => from_sources(&arguments.sources, global),
        Command::Verify(arguments) => SettingsInput { require: arguments.require.clone(), ..global },
        Command::Bundle(BundleCommand::Inspect(_))
        | Command::Rollback(_)
        | Command::Config(_)
        | Command::Worker(_)
        | Command::Prefork(_)
        | Command::Beat(_)
        | Command::Schedule(_)
        | Command::Systemd(_)
        | Command::SelfCommand(_)
        | Command::Help(_)
        | Command::Completions(_)
        | Command::Versions
        | Command::Doctor(_)
        | Command::Cache(_)
        | Command::Which(_)
        | Command::Render(_)
        | Command::Periodic(_)
        | Command::Task(_)
        | Command::Trust(_)
        | Command::Db(_)
        | Command::Stats(_)
        | Command::Serve(_)
        | Command::Top(_)
        | Command::Queue(_)
        | Command::Workers(_)
        | Command::Limit(_)
        | Command::Workflow(_)
        | Command::Login(_)
        | Command::Token(_)
        | Command::Release(_) => global,
    }
}

fn from_sources(sources: &SourceArgs, global: SettingsInput) -> SettingsInput {
    SettingsInput { repository: sources.repository.repo.clone(), mirrors: sources.mirror.clone(), ..global }
}

/// A token for github.com is not sent to a host that only the project's file names.
fn warn_of_withheld_token(settings: &Settings, purpose: ServerPurpose, ui: &Ui) {
    let Some(variable) = settings.withheld_token else { return };
    let api = &settings.server.api_url;
    let host = api.value.host_str().unwrap_or_default();
    ui.warn(&format!("the token from {variable} is not sent to {host}, which is only set in {}", api.from));
    let (trusted_variable, _) = purpose.variables();
    ui.hint(&format!("if you trust that host, set it in {trusted_variable} or with `--github-api-url`"));
}

/// Reads the clock once, in whole seconds.
#[expect(clippy::disallowed_methods, reason = "the clock is read here")]
fn now() -> DateTime<Utc> {
    DateTime::<Utc>::from(std::time::SystemTime::now()).trunc_subsecs(0)
}

/// The idle timeout (`REPROQ_HTTP_TIMEOUT`), certificates in addition to the system's, and the proxy.
fn http_options(env: &Env) -> Result<HttpOptions, CommandError> {
    let directories = env.var_os("SSL_CERT_DIR").map(std::env::split_paths);
    let certificates = Certificates {
        file: env.var_os("SSL_CERT_FILE").map(PathBuf::from),
        directories: directories.into_iter().flatten().filter(|path| !path.as_os_str().is_empty()).collect(),
    };
    let proxy = ProxyVariables::of(|name| env.var_os(name).map(ToOwned::to_owned));
    let options = HttpOptions { certificates, proxy, ..HttpOptions::default() };
    let Some(text) = env.var("REPROQ_HTTP_TIMEOUT") else { return Ok(options) };
    let bounds = Duration::from_secs(1)..=Duration::from_secs(3600);
    match parse_duration(&text) {
        Ok(idle_timeout) if bounds.contains(&idle_timeout) => Ok(HttpOptions { idle_timeout, ..options }),
        Ok(_) | Err(_) => Err(CommandError::message(
            ExitStatus::Usage,
            format!("the variable REPROQ_HTTP_TIMEOUT must be 1s to 1h, such as 30, 90s or 5m; found `{text}`"),
        )),
    }
}
