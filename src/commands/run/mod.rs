//! `reproq worker`, `beat --exec`, `schedule --exec`: this process becomes the selected worker.

mod django;
#[cfg_attr(not(unix), path = "no_prefork.rs")]
mod prefork;
mod report;

use crate::cli::PreforkArgs;
use crate::cli::StartArgs;
use crate::cli::WorkerArgs;
use crate::commands::config::worker as configuration;
use crate::commands::database_url;
use crate::commands::database_url::DatabaseLookup;
use crate::commands::database_url::DatabaseReader;
use crate::commands::database_url::FoundDatabase;
use crate::commands::django::AskDjango;
use crate::commands::request;
use crate::commands::run::prefork::ForkServerPlan;
#[cfg(unix)]
pub(super) use crate::commands::run::prefork::bases as prefork_bases;
use crate::commands::run::report::ForkServerReport;
use crate::commands::run::report::LaunchReport;
use crate::commands::session::Session;
use crate::commands::which;
use crate::commands::which::OnReceipt;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::fs::hashing_writer::hash_file;
use crate::io::process::Successor;
use crate::model::secret::Secret;
use crate::model::secret::passwords_in;
use crate::model::worker_flags::WorkerCommand;
use crate::worker::config::ConfigSource;
use crate::worker::config::EffectiveConfig;
use crate::worker::launch;
use crate::worker::launch::LaunchBinary;
use crate::worker::launch::LaunchError;
use crate::worker::launch::LaunchPlan;
use crate::worker::launch::LaunchRequest;

pub(super) fn worker(arguments: &WorkerArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let start = &arguments.start;
    let (plan, config) = plan(WorkerCommand::Worker, false, &start.arguments, start, session)?;
    let ask = asked(WorkerCommand::Worker, &config, start);
    match fork_server(&arguments.prefork, &config, &plan, ask, session) {
        Some(server) if start.change.dry_run => take_over(&server.launch, Some(server.report()), start, session),
        Some(server) if server.start(arguments.prefork.prefork_timeout, session) => {
            take_over(&server.launch, None, start, session)
        }
        Some(_) | None => {
            django::warn_about_python(&config, ask, session);
            take_over(&plan, None, start, session)
        }
    }
}

/// The fork server that is asked for, unless there can be none.
fn fork_server(
    arguments: &PreforkArgs,
    config: &EffectiveConfig,
    plan: &LaunchPlan,
    ask: AskDjango,
    session: &Session<'_>,
) -> Option<ForkServerPlan> {
    if !arguments.prefork {
        return None;
    }
    let planned = ForkServerPlan::new(config, plan, ask, session);
    planned.inspect_err(|reason| session.ui.warn(&format!("plain Python runs the tasks: {reason}"))).ok()
}

/// Starts a command of the worker with these flags.
pub(super) fn start(
    command: WorkerCommand,
    once: bool,
    given: &[String],
    arguments: &StartArgs,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    let (plan, _) = plan(command, once, given, arguments, session)?;
    take_over(&plan, None, arguments, session)
}

/// One question to Django, with everything that may be needed.
fn asked(command: WorkerCommand, config: &EffectiveConfig, arguments: &StartArgs) -> AskDjango {
    match (arguments.django.no_django, django::needs_allow_list(command, config)) {
        (true, _) => AskDjango::No,
        (false, true) => AskDjango::Tasks(arguments.django_timeout),
        (false, false) => AskDjango::Settings(arguments.django_timeout),
    }
}

/// What is started, and the configuration that the worker reads.
fn plan(
    command: WorkerCommand,
    once: bool,
    given: &[String],
    arguments: &StartArgs,
    session: &Session<'_>,
) -> Result<(LaunchPlan, EffectiveConfig), CommandError> {
    let environment = request::environment(session);
    let without = launch::without_secrets(command, given, once);
    let (mut flags, mut set) = without.map_err(|error| refused(error, command))?;
    let (file, config) = configuration::read(command, given, session)?;
    // The worker decides: a newer one may accept what this program does not know.
    for refusal in config.refusals.iter().filter(|refusal| !refusal.is_missing_database) {
        session.ui.warn(&format!("the worker will refuse this: {}", configuration::sentence(refusal, file.as_ref())));
    }
    let ask = asked(command, &config, arguments);
    let binary = binary(ask, arguments.change.dry_run, session)?;
    let database = database(command, &config, given, arguments, ask, session)?;
    flags.extend(django::allow_list(command, &config, ask, session)?);
    set.extend(django::settings(command, ask, session));
    django::warn_about_variables(command, ask, session);
    let plan = LaunchPlan::new(LaunchRequest {
        command,
        flags,
        set,
        binary,
        directory: session.project.root.clone(),
        environment: &environment,
        pass: &arguments.pass_env,
        database,
    })
    .map_err(|error| refused(error, command))?;
    Ok((plan, config))
}

/// Becomes the worker, or shows what would be started.
fn take_over(
    plan: &LaunchPlan,
    fork_server: Option<ForkServerReport>,
    arguments: &StartArgs,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    if arguments.change.dry_run {
        session.ui.report(&LaunchReport::new(plan, fork_server))?;
        return Ok(ExitStatus::Success);
    }
    for removed in &plan.environment.removed {
        let text = format!("the variable {} is not passed on: it {}", removed.name, removed.reason);
        if removed.is_token {
            session.ui.debug(&text);
        } else {
            // The worker or its tasks may need it.
            session.ui.warn(&format!("{text}; use `--pass-env {}` to pass it on", removed.name));
        }
    }
    session.ui.debug(&format!("starting {} {}", plan.binary.path.display(), plan.arguments.join(" ")));
    let successor = Successor {
        program: &plan.binary.path,
        arguments: &plan.arguments,
        directory: &plan.directory,
        environment: &plan.environment.variables,
    };
    let failure = successor.take_over(|problem| session.ui.warn(problem));
    Err(CommandError::io("start", &plan.binary.path, failure))
}

/// The selected binary. One that was installed by this program must still have the digest of its receipt.
fn binary(ask: AskDjango, with_digest: bool, session: &Session<'_>) -> Result<LaunchBinary, CommandError> {
    let selected = which::select(session, ask)?;
    let path = session.project.root.join(&selected.path);
    let (sha256, label) = match selected.installed {
        Some(OnReceipt::Known { label, sha256, .. }) => (Some(sha256), Some(label)),
        Some(OnReceipt::Changed { label, expected, found }) => {
            let message = format!("`{}` changed since {label} was installed", path.display());
            return Err(CommandError::message(ExitStatus::Unverified, message)
                .details([format!("sha256 {found}, the receipt has {expected}")])
                .hint("find out what changed it; `reproq install` restores the verified binary"));
        }
        Some(OnReceipt::Foreign { found }) => {
            session.ui.warn(&format!("`{}` was not installed by reproq, so it is not verified", path.display()));
            session.ui.hint("`reproq install` replaces it with a verified worker");
            (Some(found), None)
        }
        None => (None, None),
    };
    let sha256 = match sha256 {
        None if with_digest => Some(hash_file(&path).map_err(|error| CommandError::io("read", &path, error))?),
        known => known,
    };
    Ok(LaunchBinary { path, sha256, label })
}

/// The URL of the database, unless the worker finds one itself: in its flags, its environment or its file.
fn database(
    command: WorkerCommand,
    config: &EffectiveConfig,
    given: &[String],
    arguments: &StartArgs,
    ask: AskDjango,
    session: &Session<'_>,
) -> Result<Option<(Secret<String>, String)>, CommandError> {
    let alias = arguments.database.database.as_deref();
    let own = config.value("dsn").map(|dsn| &dsn.source).filter(|_| alias.is_none());
    let source = match own {
        Some(ConfigSource::Variable { name }) => Some(format!("the variable {name}")),
        Some(ConfigSource::Flag { name }) => Some(format!("the flag --{name}")),
        Some(ConfigSource::File { .. } | ConfigSource::Launch { .. } | ConfigSource::Default) | None => None,
    };
    if let Some(source) = source {
        session.ui.debug(&format!("the URL of the database is from {source}"));
        return Ok(None);
    }
    let lookup = DatabaseLookup {
        alias,
        reader: DatabaseReader::Worker,
        ask,
        worker_file: &|| configuration::database_in_file(command, given, session),
    };
    let FoundDatabase { found, is_in_worker_file } = database_url::require(&lookup, session)
        .map_err(|error| error.hint("`reproq config worker` shows what the worker reads"))?;
    passwords_in(found.url.expose()).iter().for_each(|password| session.ui.redact(password));
    session.ui.debug(&format!("the URL of the database is from {}", found.from));
    Ok((!is_in_worker_file).then_some((found.url, found.from)))
}

pub(super) fn refused(error: LaunchError, command: WorkerCommand) -> CommandError {
    let name = command.as_str();
    let (status, hint) = match &error {
        LaunchError::Flag(_) => (ExitStatus::Usage, format!("`\"$(reproq which -q)\" {name} -h` lists the flags of the worker")),
        LaunchError::Ignored(_) => {
            (ExitStatus::Usage, "a boolean needs `=`, as in `--once=false`; remove other words".to_owned())
        }
        LaunchError::Password { .. } => {
            (ExitStatus::Usage, "set DATABASE_URL, or use `--dsn`, which is passed on as that variable".to_owned())
        }
        LaunchError::Empty(_) => (ExitStatus::Usage, "give it a value, or leave it out".to_owned()),
        LaunchError::TwoDatabases(_) => (ExitStatus::Usage, "use one of them".to_owned()),
        LaunchError::Nested => (
            ExitStatus::Conflict,
            "`reproq which` shows the selected worker; it must be the worker itself, or a script that does not call reproq".to_owned(),
        ),
    };
    CommandError::new(status, error).hint(hint)
}
