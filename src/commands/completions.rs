//! `reproq completions`: generates a shell completion script.

use serde::Serialize;

use crate::cli;
use crate::cli::CompletionsArgs;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::ui::Ui;

#[derive(Debug, Serialize)]
struct CompletionsReport {
    shell: String,
    script: String,
}

/// Prints the script, which completes commands, options and values.
pub(super) fn completions(arguments: &CompletionsArgs, ui: &Ui) -> Result<ExitStatus, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut cli::command(), "reproq", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    ui.report(&CompletionsReport { shell: arguments.shell.to_string(), script })?;
    Ok(ExitStatus::Success)
}

impl Report for CompletionsReport {
    const SCHEMA: &'static str = "reproq.completions/1";

    fn human(&self, out: &mut TextReport) {
        out.script(&self.script);
    }
}
