//! `reproq systemd`: files that let a supervisor run the worker, printed or written.

mod write;

use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

use crate::cli::SystemdArgs;
use crate::commands::run;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::secret::Secret;
use crate::model::worker_flags::WorkerCommand;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::worker::launch;
use crate::worker::launch::SetVariable;
use crate::worker::service;
use crate::worker::service::PeriodicService;
use crate::worker::service::ServiceError;
use crate::worker::service::ServiceFile;
use crate::worker::service::ServicePlan;
use crate::worker::service::ServiceSecrets;

/// The report of `systemd`.
#[derive(Debug, Serialize)]
struct ServicesReport {
    files: Vec<ShownFile>,
    /// Where the secrets belong, if they are not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<String>,
    #[serde(skip)]
    is_written: bool,
}

/// A file; one with secrets has no text.
#[derive(Debug, Serialize)]
struct ShownFile {
    path: String,
    /// The permissions, in octal.
    mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// What happened to it; `null` if it is only shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<write::FileChange>,
}

/// A file with its permissions.
struct Planned {
    file: ServiceFile,
    mode: u32,
    is_secret: bool,
}

pub(super) fn systemd(arguments: &SystemdArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let without = launch::without_secrets(WorkerCommand::Worker, &arguments.arguments, false);
    let (flags, secrets) = without.map_err(|error| run::refused(error, WorkerCommand::Worker))?;
    let plan = plan(arguments, flags, session)?;
    let files = files(arguments, &plan, &secrets).map_err(unwritable)?;
    let report = match &arguments.output {
        Some(directory) => {
            let directory = session.env.cwd.join(directory);
            let changes = write::write(&directory, &files, arguments.force)?;
            let shown =
                files.iter().zip(changes).map(|(planned, change)| planned.shown(Some(&directory), Some(change)));
            ServicesReport { files: shown.collect(), secrets: None, is_written: true }
        }
        None => {
            let shown = files.iter().filter(|planned| !planned.is_secret).map(|planned| planned.shown(None, None));
            ServicesReport {
                files: shown.collect(),
                secrets: place_of_secrets(arguments, &plan, &secrets),
                is_written: false,
            }
        }
    };
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

fn plan(arguments: &SystemdArgs, flags: Vec<String>, session: &Session<'_>) -> Result<ServicePlan, CommandError> {
    let root = session.project.root.clone();
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    let name = unit_name(&name);
    if name.is_empty() {
        return Err(
            CommandError::message(ExitStatus::Usage, "the project's directory has no name").hint("use `--name NAME`")
        );
    }
    let is_systemd = !arguments.procfile && !arguments.compose;
    let current = || session.env.var("USER").or_else(|| session.env.var("LOGNAME"));
    let user = arguments.user.clone().or_else(current);
    if is_systemd && user.is_none() {
        return Err(CommandError::message(ExitStatus::Usage, "the current user is unknown").hint("use `--user USER`"));
    }
    let program = session.env.own_executable.clone().ok_or_else(|| {
        CommandError::message(ExitStatus::Failure, "the system does not report the path of this program")
    })?;
    let secrets = match (&arguments.credential, &arguments.env_file) {
        (Some(file), _) => ServiceSecrets::Credential(root.join(file)),
        (None, Some(file)) => ServiceSecrets::EnvironmentFile(root.join(file)),
        (None, None) => ServiceSecrets::EnvironmentFile(PathBuf::from(format!("/etc/reproq/{name}.env"))),
    };
    Ok(ServicePlan {
        directory: root,
        program,
        options: if arguments.no_django { vec!["--no-django".to_owned()] } else { Vec::new() },
        arguments: flags,
        has_fork_server: arguments.prefork,
        user,
        group: arguments.group.clone(),
        secrets,
        periodic: arguments.schedule.clone().map_or(PeriodicService::Beat, PeriodicService::Timer),
        name,
    })
}

/// The characters that names of units may have.
fn unit_name(name: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    name.chars().map(|c| if is_allowed(c) { c } else { '-' }).collect()
}

fn files(arguments: &SystemdArgs, plan: &ServicePlan, secrets: &[SetVariable]) -> Result<Vec<Planned>, ServiceError> {
    let readable = |file| Planned { file, mode: 0o644, is_secret: false };
    if arguments.procfile {
        return Ok(vec![readable(service::procfile(plan)?)]);
    }
    if arguments.compose {
        return Ok(vec![readable(service::compose(plan))]);
    }
    // A unit that names a file of secrets is nobody's business but root's.
    let mut files: Vec<Planned> =
        service::units(plan)?.into_iter().map(|file| Planned { file, mode: 0o600, is_secret: false }).collect();
    if matches!(plan.secrets, ServiceSecrets::EnvironmentFile(_)) {
        let variables: Vec<(&str, &Secret<String>)> = secrets.iter().map(|it| (it.name, &it.value)).collect();
        let text = service::environment_file(&variables)?;
        files.push(Planned {
            file: ServiceFile { name: format!("{}.env", plan.name), text },
            mode: 0o600,
            is_secret: true,
        });
    }
    Ok(files)
}

/// Where the secrets belong. They are not printed.
fn place_of_secrets(arguments: &SystemdArgs, plan: &ServicePlan, secrets: &[SetVariable]) -> Option<String> {
    let mut names: Vec<&str> = secrets.iter().map(|it| it.name).collect();
    if !names.contains(&"DATABASE_URL") {
        names.insert(0, "DATABASE_URL");
    }
    let names = names.join(" and ");
    if arguments.procfile {
        return Some(format!("set {names} in the environment of the processes"));
    }
    if arguments.compose {
        return Some(format!("set {names} in .env, readable by its owner alone"));
    }
    Some(match &plan.secrets {
        ServiceSecrets::EnvironmentFile(file) => format!("set {names} in {} (mode 0600)", file.display()),
        ServiceSecrets::Credential(file) => format!("write the URL of the database to {} (mode 0600)", file.display()),
    })
}

fn unwritable(error: ServiceError) -> CommandError {
    CommandError::new(ExitStatus::Usage, error).hint("rename it, or choose another value")
}

impl Planned {
    fn shown(&self, directory: Option<&Path>, change: Option<write::FileChange>) -> ShownFile {
        let path =
            directory.map_or_else(|| PathBuf::from(&self.file.name), |directory| directory.join(&self.file.name));
        let text = (!self.is_secret).then(|| self.file.text.clone());
        ShownFile { path: path.display().to_string(), mode: format!("{:04o}", self.mode), text, change }
    }
}

impl Report for ServicesReport {
    const SCHEMA: &'static str = "reproq.services/1";

    fn human(&self, out: &mut TextReport) {
        let has_several = self.files.len() > 1;
        for (index, file) in self.files.iter().enumerate() {
            match (&file.change, &file.text) {
                (Some(change), _) => out.line(&format!("{}: {} (mode {})", file.path, change.as_str(), file.mode)),
                (None, Some(text)) => {
                    if has_several {
                        out.script(&format!("{}# {}\n", if index == 0 { "" } else { "\n" }, file.path));
                    }
                    out.script(text);
                }
                (None, None) => {}
            }
        }
        if let Some(secrets) = self.secrets.as_ref().filter(|_| !self.is_written) {
            out.script(&format!("\n# {secrets}\n"));
        }
    }
}
