//! `reproq completions`: generates a shell completion script, and answers it.

mod values;

use std::ffi::OsString;

use serde::Serialize;

use crate::cli;
use crate::cli::CompletionsArgs;
use crate::cli::LocalValues;
use crate::config::Env;
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

/// Answers a script that asks for completions; `false` if no script asks.
pub(crate) fn complete(arguments: &[OsString], env: &Env) -> bool {
    let values = LocalValues {
        tags: values::tags,
        sources: values::sources,
        repositories: values::repositories,
        roots: values::roots,
    };
    cli::complete(arguments, &env.cwd, values)
}

/// Prints the script, which completes commands, options and values.
pub(super) fn completions(arguments: &CompletionsArgs, ui: &Ui) -> Result<ExitStatus, CommandError> {
    let script = cli::script(arguments.shell, arguments.is_static);
    ui.report(&CompletionsReport { shell: arguments.shell.to_string(), script })?;
    Ok(ExitStatus::Success)
}

impl Report for CompletionsReport {
    const SCHEMA: &'static str = "reproq.completions/1";

    fn human(&self, out: &mut TextReport) {
        out.script(&self.script);
    }
}
