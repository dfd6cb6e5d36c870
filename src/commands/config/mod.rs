//! `reproq config`: our own settings, and the configuration of the worker, with the source of each value.

pub(super) mod worker;

use serde::Serialize;

use crate::cli::ConfigCommand;
use crate::commands::session::Session;
use crate::config::EffectiveSetting;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::worker_flags::WorkerCommand;
use crate::ui::Report;
use crate::ui::TextReport;

#[derive(Debug, Serialize)]
struct ConfigReport {
    project: String,
    settings: Vec<EffectiveSetting>,
}

pub(super) fn config(command: &ConfigCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        ConfigCommand::Show => {
            let project = session.project.root.display().to_string();
            session.ui.report(&ConfigReport { project, settings: session.settings.effective() })?;
            Ok(ExitStatus::Success)
        }
        ConfigCommand::Worker(arguments) => worker::show(WorkerCommand::Worker, arguments, session),
        ConfigCommand::Beat(arguments) => worker::show(WorkerCommand::Beat, arguments, session),
    }
}

impl Report for ConfigReport {
    const SCHEMA: &'static str = "reproq.config/1";

    fn human(&self, out: &mut TextReport) {
        if !out.is_quiet() {
            out.line(&format!("Project: {}", self.project));
            out.blank();
        }
        let heading = vec!["SETTING".to_owned(), "VALUE".to_owned(), "FROM".to_owned()];
        let rows = self.settings.iter().map(|it| vec![it.name.to_owned(), it.value.clone(), it.source.clone()]);
        out.table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>());
    }
}
