//! `reproq help`: the help of a command or a topic, and with `--json` the whole command line as one document.

mod documents;

use serde::Serialize;

use crate::cli;
use crate::cli::CommandDescription;
use crate::cli::HelpArgs;
use crate::cli::HelpSubject;
use crate::cli::HelpText;
use crate::cli::HelpTopic;
use crate::cli::OptionDescription;
use crate::cli::UnknownCommand;
use crate::commands::help::documents::DOCUMENTS;
use crate::commands::help::documents::JsonDocument;
use crate::config::VARIABLES;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::ui::Ui;

/// The report of `help`. The tables are complete, whatever the subject is.
#[derive(Debug, Serialize)]
struct HelpReport {
    version: &'static str,
    /// The command and those below it.
    commands: Vec<DescribedCommand>,
    global_options: Vec<OptionDescription>,
    exit_codes: Vec<ExitCodeEntry>,
    environment: Vec<VariableEntry>,
    documents: &'static [JsonDocument],
    #[serde(skip)]
    topic: Option<HelpTopic>,
    #[serde(skip)]
    text: HelpText,
}

#[derive(Debug, Serialize)]
struct DescribedCommand {
    #[serde(flatten)]
    description: CommandDescription,
    /// The JSON documents that it prints on success.
    schemas: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct ExitCodeEntry {
    code: u8,
    status: ExitStatus,
    meaning: &'static str,
}

#[derive(Debug, Serialize)]
struct VariableEntry {
    name: &'static str,
    meaning: &'static str,
}

pub(super) fn help(arguments: &HelpArgs, ui: &Ui) -> Result<ExitStatus, CommandError> {
    let subject = HelpSubject::find(&arguments.words).map_err(|unknown| unknown_command(&unknown))?;
    ui.report(&HelpReport::about(&subject))?;
    Ok(ExitStatus::Success)
}

/// The error for a command that `manage.py reproq` or the worker has and this program has not.
pub(crate) fn foreign_command(word: &str) -> Option<CommandError> {
    let (owner, hint) = cli::foreign_command(word)?;
    let message = format!("`{word}` is a command of {owner} that this version of `reproq` does not have");
    Some(CommandError::message(ExitStatus::Usage, message).hint(hint))
}

fn unknown_command(unknown: &UnknownCommand) -> CommandError {
    let UnknownCommand { word, parent, similar } = unknown;
    if parent == "reproq"
        && let Some(failure) = foreign_command(word)
    {
        return failure;
    }
    let failure = CommandError::message(ExitStatus::Usage, format!("`{parent}` has no command `{word}`"));
    match similar {
        Some(similar) => failure.hint(format!("did you mean `{similar}`?")),
        None => failure.hint(format!("`{parent} --help` lists what there is")),
    }
}

impl HelpReport {
    fn about(subject: &HelpSubject) -> Self {
        let described = subject
            .described()
            .into_iter()
            .map(|description| DescribedCommand { schemas: documents::printed_by(&description.command), description });
        let exit_codes =
            ExitStatus::ALL.map(|status| ExitCodeEntry { code: status.code(), status, meaning: status.meaning() });
        Self {
            version: env!("CARGO_PKG_VERSION"),
            commands: described.collect(),
            global_options: cli::global_options(),
            exit_codes: exit_codes.into(),
            environment: VARIABLES.map(|(name, meaning)| VariableEntry { name, meaning }).into(),
            documents: DOCUMENTS,
            topic: match subject {
                HelpSubject::Topic(topic) => Some(*topic),
                HelpSubject::Command(_) => None,
            },
            text: subject.text(),
        }
    }
}

impl Report for HelpReport {
    const SCHEMA: &'static str = "reproq.help/1";

    fn human(&self, out: &mut TextReport) {
        let heading = |cells: [&str; 2]| vec![cells.map(str::to_owned).to_vec()];
        match self.topic {
            None if out.is_colored() => out.script(&self.text.styled),
            None => out.script(&self.text.plain),
            Some(HelpTopic::ExitCodes) => {
                let rows = self.exit_codes.iter().map(|it| vec![it.code.to_string(), it.meaning.to_owned()]);
                out.table(&heading(["CODE", "MEANING"]).into_iter().chain(rows).collect::<Vec<_>>());
            }
            Some(HelpTopic::Environment) => {
                let rows = self.environment.iter().map(|it| vec![it.name.to_owned(), it.meaning.to_owned()]);
                out.table(&heading(["VARIABLE", "MEANING"]).into_iter().chain(rows).collect::<Vec<_>>());
            }
            Some(HelpTopic::Json) => {
                let rows = self.documents.iter().map(|it| vec![it.schema.to_owned(), it.meaning.to_owned()]);
                out.table(&heading(["SCHEMA", "MEANING"]).into_iter().chain(rows).collect::<Vec<_>>());
            }
        }
    }
}
