//! `reproq prefork`: the fork servers of this project, which `reproq worker --prefork` started.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::cli::PreforkCommand;
use crate::cli::PreforkSelection;
use crate::commands::run::prefork_bases;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::size;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::worker::prefork::RunningServer;
use crate::worker::prefork::ServerStatus;
use crate::worker::prefork::running_servers;

/// How long the import of the project's code may take.
const RELOAD: Duration = Duration::from_secs(600);

pub(super) fn run(command: &PreforkCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let (word, selection) = match command {
        PreforkCommand::Status(selection) => ("status", selection),
        PreforkCommand::Reload(selection) => ("reload", selection),
    };
    let servers = selected(selection, session)?;
    let mut shown = Vec::new();
    for server in servers {
        let status = server
            .ask(word, RELOAD)
            .map_err(|error| CommandError::io("ask the keeper in", &server.directory, error))?;
        shown.push(ShownServer {
            directory: server.directory.display().to_string(),
            worker: server.project.worker,
            python: server.project.python.display().to_string(),
            status,
        });
    }
    let report = PreforkReport { servers: shown };
    let has_problems = report.servers.iter().any(|server| !server.status.problems.is_empty());
    session.ui.report(&report)?;
    Ok(if has_problems { ExitStatus::Failure } else { ExitStatus::Success })
}

fn selected(selection: &PreforkSelection, session: &Session<'_>) -> Result<Vec<RunningServer>, CommandError> {
    let bases = match &selection.at {
        Some(at) => at.parent().map(Path::to_owned).into_iter().collect(),
        None => prefork_bases(session),
    };
    let mut servers = running_servers(&bases);
    match &selection.at {
        Some(at) => servers.retain(|server| server.directory == *at),
        None => servers.retain(|server| server.project.directory == session.project.root),
    }
    if servers.is_empty() {
        let looked: Vec<String> = bases.iter().map(|base| format!("`{}`", base.display())).collect();
        let message = format!("no fork server of this project runs; looked in {}", looked.join(", "));
        return Err(CommandError::message(ExitStatus::NotFound, message)
            .hint("`reproq worker --prefork` starts one")
            .hint(
                "a service of systemd has its own directory: run this in the unit (`ExecReload=`), or use `--at DIR`",
            ));
    }
    Ok(servers)
}

/// The report of `prefork status` and `prefork reload`.
#[derive(Debug, Serialize)]
struct PreforkReport {
    servers: Vec<ShownServer>,
}

#[derive(Debug, Serialize)]
struct ShownServer {
    directory: String,
    /// The process ID of the worker.
    worker: u32,
    python: String,
    #[serde(flatten)]
    status: ServerStatus,
}

impl Report for PreforkReport {
    const SCHEMA: &'static str = "reproq.prefork/1";

    fn human(&self, out: &mut TextReport) {
        for server in &self.servers {
            let state = match (server.status.pid, server.status.problems.is_empty()) {
                (Some(pid), true) => format!("process {pid} serves"),
                (Some(pid), false) => format!("process {pid} serves with the code before the last change"),
                (None, _) => "plain Python runs the tasks".to_owned(),
            };
            out.strong(&format!("worker {}: {state}", server.worker));
            let mut pairs = vec![
                ("directory", server.directory.clone()),
                ("python", server.python.clone()),
                ("starts", server.status.generation.to_string()),
            ];
            pairs.extend(server.status.memory.map(|memory| ("memory", size(memory))));
            out.pairs(&pairs);
            for problem in &server.status.problems {
                out.line(&format!("  problem: {problem}"));
            }
            for warning in &server.status.warnings {
                out.line(&format!("  note: {warning}"));
            }
        }
    }
}
