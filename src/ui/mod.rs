//! Output: one report on stdout, everything else on stderr. All text is made printable and secrets are redacted here, so that
//! no caller can forget it.
#![expect(clippy::disallowed_methods, reason = "stdout and stderr are written here")]

mod chart;
mod json_lines;
mod log_viewer;
mod message;
mod moving_line;
mod moving_lines;
mod moving_step;
mod progress;
mod screen;
mod text_report;

use std::cell::Cell;
use std::cell::RefCell;
use std::io;
use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use serde::Serialize;

use crate::config::Env;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::progress::ProgressStyle;
use crate::model::secret::REDACTED;
use crate::model::secret::SHORTEST_SECRET;
use crate::model::secret::without_credentials;
use crate::model::text::printable_json;
use crate::model::text::printable_line;
use crate::platform;

pub(crate) use chart::bar;
pub(crate) use chart::shades;
pub(crate) use chart::sparkline;
pub(crate) use progress::Bars;
pub(crate) use screen::Screen;
pub(crate) use screen::ScreenEvent;
pub(crate) use screen::ScreenInput;
pub(crate) use screen::ScreenKey;
pub(crate) use text_report::TextReport;
pub(crate) use text_report::aligned;

use json_lines::ProgressEvent;
use message::MessageKind;
use progress::ProgressForm;

/// Whether the JSON document has been printed. A static, because after a panic no `Ui` is left.
static REPORTED: AtomicBool = AtomicBool::new(false);

/// When to use color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Only errors and data.
    Quiet,
    /// Also progress and summaries.
    Normal,
    /// Also the source of each setting, and each request.
    Verbose,
}

/// The result of a command, printed as text or, with `--json`, as a JSON document.
pub(crate) trait Report: Serialize {
    /// The name and version of the JSON document.
    const SCHEMA: &'static str;

    /// Writes the text form.
    fn human(&self, out: &mut TextReport);
}

#[derive(Serialize)]
struct Document<'a, R> {
    schema: &'static str,
    #[serde(flatten)]
    report: &'a R,
}

/// The terminal output of the program.
#[derive(Debug)]
pub(crate) struct Ui {
    verbosity: Verbosity,
    json: bool,
    color_out: bool,
    color_err: bool,
    /// The columns of the terminal that stdout is shown on.
    columns: Option<usize>,
    form: ProgressForm,
    /// The number of steps so far.
    steps: Cell<u64>,
    /// Whether the output is shown in GitHub's log viewer.
    is_on_actions: bool,
    secrets: RefCell<Vec<String>>,
}

impl Ui {
    /// Determines color and progress from the options and the environment.
    pub(crate) fn new(
        verbosity: Verbosity,
        json: bool,
        color: ColorChoice,
        progress: ProgressStyle,
        env: &Env,
    ) -> Self {
        let dumb = env.var("TERM").is_some_and(|term| term == "dumb");
        let colored = |terminal: bool| match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !dumb && env.var_os("NO_COLOR").is_none(),
        };
        Self {
            verbosity,
            json,
            color_out: colored(env.stdout_is_terminal) && !json,
            color_err: colored(env.stderr_is_terminal),
            columns: (env.stdout_is_terminal && !dumb).then(terminal_columns),
            form: ProgressForm::choose(progress, verbosity, env),
            steps: Cell::new(0),
            is_on_actions: env.var_os("GITHUB_ACTIONS").is_some(),
            secrets: RefCell::new(Vec::new()),
        }
    }

    /// Redacts this string in all later output.
    pub(crate) fn redact(&self, secret: &str) {
        if secret.len() < SHORTEST_SECRET {
            return;
        }
        let in_json = serde_json::to_string(secret).expect("a string is valid JSON");
        let mut secrets = self.secrets.borrow_mut();
        secrets.extend([secret.to_owned(), in_json[1..in_json.len() - 1].to_owned()]);
        // Longest first: replacing a secret inside a longer one would reveal the rest of the longer one.
        secrets.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        secrets.dedup();
    }

    /// Whether only errors and data are printed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// What the command does, shown on a terminal while it is silent; until the report is printed.
    pub(crate) fn begin_activity(&self, activity: &str) {
        self.form.set_activity(Some(activity));
    }

    /// The error that a signal prints from now on; with `--json` also as the document, unless one has been printed.
    pub(crate) fn on_interrupt(&self, text: &'static str) {
        let is_json = matches!(self.form, ProgressForm::Json);
        platform::on_interrupt_print(message_line(MessageKind::Error, text, is_json, self.color_err));
        if self.json && !REPORTED.load(Ordering::Relaxed) {
            let failure = CommandError::message(ExitStatus::Interrupted, text);
            platform::on_interrupt_report(Some(document_of(&failure)));
        }
    }

    /// Progress of long steps.
    pub(crate) fn progress(&self) -> Bars<'_> {
        Bars::new(self)
    }

    /// Prints a status message.
    pub(crate) fn status(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal && !matches!(self.form, ProgressForm::None) {
            self.stderr(MessageKind::Status, text);
        }
    }

    /// Prints a message only with `--verbose`.
    pub(crate) fn debug(&self, text: &str) {
        if self.verbosity >= Verbosity::Verbose {
            self.stderr(MessageKind::Debug, text);
        }
    }

    /// Like [`Ui::debug`], for callers that outlive this value; `None` without `--verbose`. There is no progress line then, and
    /// only the secrets known at this point are redacted.
    pub(crate) fn debug_sink(&self) -> Option<impl Fn(&str) + Send + Sync + 'static> {
        let (secrets, is_colored, is_on_actions) = (self.secrets.borrow().clone(), self.color_err, self.is_on_actions);
        let is_json = matches!(self.form, ProgressForm::Json);
        (self.verbosity >= Verbosity::Verbose).then_some(move |text: &str| {
            let line = message_line(MessageKind::Debug, &without(&secrets, &printable_line(text)), is_json, is_colored);
            // If stderr is closed, there is nowhere to report it.
            let _ = io::stderr().lock().write_all(for_log_viewer(&line, is_json, is_on_actions).as_bytes());
        })
    }

    /// Prints a warning.
    pub(crate) fn warn(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.stderr(MessageKind::Warning, text);
        }
    }

    /// Prints a hint after a warning.
    pub(crate) fn hint(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.stderr(MessageKind::Hint, text);
        }
    }

    /// Prints the report of a command, the only output on stdout. A closed pipe is not an error.
    pub(crate) fn report<R: Report>(&self, report: &R) -> Result<(), CommandError> {
        let text = if self.json {
            let document = Document { schema: R::SCHEMA, report };
            let mut text = serde_json::to_string_pretty(&document).expect("reports are maps with string keys");
            text.push('\n');
            printable_json(&text)
        } else {
            self.text_of(report)
        };
        self.stdout(&text)
    }

    /// Prints a report that replaces the one before it on a terminal; elsewhere it follows it.
    pub(crate) fn redraw<R: Report>(&self, report: &R) -> Result<(), CommandError> {
        let text = self.text_of(report);
        // To the upper left corner, and clear what is below: less flicker than clearing first.
        let text = if self.columns.is_some() {
            format!("\x1b[H{}\x1b[J", text.replace('\n', "\x1b[K\n"))
        } else {
            format!("{text}\n")
        };
        self.stdout(&text)
    }

    /// Whether stdout is colored.
    pub(crate) const fn is_colored(&self) -> bool {
        self.color_out
    }

    /// Whether results are printed as JSON.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    fn text_of<R: Report>(&self, report: &R) -> String {
        let mut text = TextReport::new(self.color_out, self.is_quiet()).drawn(self.columns);
        report.human(&mut text);
        text.into_text()
    }

    /// Prints a report to stderr, before a question about it.
    pub(crate) fn preview<R: Report>(&self, report: &R) {
        let mut text = TextReport::new(self.color_err, false);
        report.human(&mut text);
        let text = self.without_secrets(&text.into_text());
        if matches!(self.form, ProgressForm::Json) {
            return text.lines().for_each(|line| self.stderr(MessageKind::Preview, line));
        }
        self.write_stderr(&text);
    }

    /// Asks a question and reads one line from stdin.
    pub(crate) fn ask(&self, question: &str) -> io::Result<String> {
        let text = match self.form {
            ProgressForm::Json => {
                let kind = MessageKind::Question;
                log_viewer::json_without_commands(&ProgressEvent::Message { kind, text: &self.clean(question) }.line())
            }
            ProgressForm::Moving(_) | ProgressForm::Plain | ProgressForm::None => {
                log_viewer::without_commands(&self.clean(question)) + " "
            }
        };
        self.form.while_paused(|| {
            io::stderr().lock().write_all(text.as_bytes())?;
            let mut answer = String::new();
            io::stdin().read_line(&mut answer)?;
            Ok(answer)
        })
    }

    /// Prints an error after the report. It never prints a JSON document.
    pub(crate) fn error_after_report(&self, failure: &CommandError) {
        self.explain(failure);
    }

    /// Prints an error with its causes and hints; with `--json` also the document.
    pub(crate) fn failure(&self, failure: &CommandError) {
        self.explain(failure);
        if self.json && !REPORTED.load(Ordering::Relaxed) {
            let _ = self.stdout(&document_of(failure));
        }
    }

    fn explain(&self, failure: &CommandError) {
        self.form.set_activity(None);
        let lines = failure.lines();
        let mut causes = lines.iter();
        if let Some(first) = causes.next() {
            self.stderr(MessageKind::Error, first);
        }
        for cause in causes {
            self.stderr(MessageKind::Cause, cause);
        }
        for line in &failure.details {
            self.stderr(MessageKind::Detail, line);
        }
        for hint in &failure.hints {
            self.stderr(MessageKind::Hint, hint);
        }
    }

    /// The string as it is printed: printable characters, one line, secrets redacted.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.without_secrets(&printable_line(text))
    }

    fn without_secrets(&self, text: &str) -> String {
        without(&self.secrets.borrow(), text)
    }

    /// Reports a change of a step, its label already clean.
    fn event(&self, event: ProgressEvent<'_>) {
        if self.verbosity >= Verbosity::Normal {
            self.write_stderr(&event.line());
        }
    }

    fn stderr(&self, kind: MessageKind, text: &str) {
        let is_json = matches!(self.form, ProgressForm::Json);
        self.write_stderr(&message_line(kind, &self.clean(text), is_json, self.color_err));
    }

    fn write_stderr(&self, text: &str) {
        let text = for_log_viewer(text, matches!(self.form, ProgressForm::Json), self.is_on_actions);
        // If stderr is closed, there is nowhere to report it.
        self.form.above(|| drop(io::stderr().lock().write_all(text.as_bytes())));
    }

    fn stdout(&self, text: &str) -> Result<(), CommandError> {
        REPORTED.store(true, Ordering::Relaxed);
        platform::on_interrupt_report(None);
        let text = match (self.is_on_actions, self.json) {
            (false, _) => self.without_secrets(text),
            (true, false) => log_viewer::without_commands(&self.without_secrets(text)),
            (true, true) => log_viewer::json_without_commands(&self.without_secrets(text)),
        };
        self.form.set_activity(None);
        let written = self.form.above(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        });
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CommandError::new(ExitStatus::Failure, error).context("failed to write the report"))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// The document of an error, as it is printed.
fn document_of(failure: &CommandError) -> String {
    let text = serde_json::to_string_pretty(&failure.document()).expect("a map with string keys");
    printable_json(&(text + "\n"))
}

fn terminal_columns() -> usize {
    const UNKNOWN: u16 = 80;
    console::Term::stdout().size_checked().map_or(UNKNOWN, |(_, columns)| columns).into()
}

fn message_line(kind: MessageKind, text: &str, is_json: bool, is_colored: bool) -> String {
    if is_json { ProgressEvent::Message { kind, text }.line() } else { kind.line(text, is_colored) }
}

/// The text without commands to GitHub's log viewer.
fn for_log_viewer(text: &str, is_json: bool, is_on_actions: bool) -> String {
    match (is_on_actions, is_json) {
        (false, _) => text.to_owned(),
        (true, false) => log_viewer::without_commands(text),
        (true, true) => log_viewer::json_without_commands(text),
    }
}

fn without(secrets: &[String], text: &str) -> String {
    secrets.iter().fold(without_credentials(text), |text, secret| {
        if text.contains(secret.as_str()) { text.replace(secret.as_str(), REDACTED) } else { text }
    })
}
