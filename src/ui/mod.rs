//! What the user sees: one report on stdout, everything else on stderr. Every text is made printable and freed of secrets
//! here, on its way out, so that no caller can forget it.
#![expect(clippy::disallowed_methods, reason = "stdout and stderr are written here")]

mod log_viewer;
mod moving_line;
mod progress;
mod text_report;

use std::cell::RefCell;
use std::io;
use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use serde::Serialize;

use crate::config::Env;
use crate::failure::CommandError;
use crate::model::secret::REDACTED;
use crate::model::secret::SHORTEST_SECRET;
use crate::model::secret::without_credentials;
use crate::model::text::printable_json;
use crate::model::text::printable_line;

pub use progress::Bars;
pub use text_report::TextReport;
pub(crate) use text_report::aligned;

use progress::MovingLine;

/// Whether the one document is out. Of the process and not of a value, because a panic loses the value.
static REPORTED: AtomicBool = AtomicBool::new(false);

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors, and data that was asked for.
    Quiet,
    /// What people want to know.
    Normal,
    /// Also where values come from and what is asked of whom.
    Verbose,
}

/// What a command found out or did: one value, shown to people and, with `--json`, to programs.
pub trait Report: Serialize {
    /// The name and version of the JSON document.
    const SCHEMA: &'static str;

    /// Shows it to people.
    fn human(&self, paper: &mut TextReport);
}

#[derive(Serialize)]
struct Document<'a, R> {
    schema: &'static str,
    #[serde(flatten)]
    report: &'a R,
}

/// The user's side of the program.
#[derive(Debug)]
pub struct Ui {
    verbosity: Verbosity,
    json: bool,
    color_out: bool,
    color_err: bool,
    line: MovingLine,
    /// Whether what is printed goes to GitHub's log viewer.
    is_on_actions: bool,
    secrets: RefCell<Vec<String>>,
}

impl Ui {
    /// Decides what to show from the flags and the surroundings.
    pub fn new(verbosity: Verbosity, json: bool, color: ColorChoice, env: &Env) -> Self {
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
            line: MovingLine::new(env.stderr_is_terminal && !dumb && !env.is_ci() && verbosity == Verbosity::Normal),
            is_on_actions: env.var_os("GITHUB_ACTIONS").is_some(),
            secrets: RefCell::new(Vec::new()),
        }
    }

    /// From now on this text is shown as `[redacted]`, wherever it turns up.
    pub fn redact(&self, secret: &str) {
        if secret.len() < SHORTEST_SECRET {
            return;
        }
        let in_json = serde_json::to_string(secret).expect("a text is JSON");
        let mut secrets = self.secrets.borrow_mut();
        secrets.extend([secret.to_owned(), in_json[1..in_json.len() - 1].to_owned()]);
        // A secret inside a longer one would leave the rest of that one standing.
        secrets.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        secrets.dedup();
    }

    /// Whether programs read the report.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether only errors and data are wanted.
    pub fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// A watcher for long steps: one moving line on a terminal, one line per step elsewhere.
    pub fn progress(&self) -> Bars<'_> {
        Bars::new(self)
    }

    /// One sentence on what goes on.
    pub fn status(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.stderr(None, text);
        }
    }

    /// Something people only want to know when they ask for it.
    pub fn debug(&self, text: &str) {
        if self.verbosity >= Verbosity::Verbose {
            self.stderr(Some(("debug", "\x1b[2m")), text);
        }
    }

    /// As [`Ui::debug`], for those who outlive this value; nothing where nobody asked for it. Nothing moves on the terminal then,
    /// and the secrets are those that are known by now.
    pub fn debug_sink(&self) -> Option<impl Fn(&str) + Send + Sync + 'static> {
        let (secrets, is_colored, is_on_actions) = (self.secrets.borrow().clone(), self.color_err, self.is_on_actions);
        (self.verbosity >= Verbosity::Verbose).then_some(move |text: &str| {
            let text = without(&secrets, &printable_line(text));
            let text = if is_on_actions { log_viewer::without_commands(&text) } else { text };
            let label = if is_colored { "\x1b[2mdebug:\x1b[0m" } else { "debug:" };
            // Nobody can be told that stderr is gone.
            let _ = io::stderr().lock().write_all(format!("{label} {text}\n").as_bytes());
        })
    }

    /// Something that is not as it should be, and does not stop the command.
    pub fn warn(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.stderr(Some(("warning", "\x1b[1;33m")), text);
        }
    }

    /// What to do about it.
    pub fn hint(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.stderr(Some(("hint", "\x1b[1;36m")), text);
        }
    }

    /// Shows a command's report, the only thing on stdout. A reader that went away is no failure.
    pub fn report<R: Report>(&self, report: &R) -> Result<(), CommandError> {
        let text = if self.json {
            let document = Document { schema: R::SCHEMA, report };
            let mut text = serde_json::to_string_pretty(&document).expect("reports are maps with text keys");
            text.push('\n');
            printable_json(&text)
        } else {
            let mut paper = TextReport::new(self.color_out, self.is_quiet());
            report.human(&mut paper);
            paper.into_text()
        };
        self.stdout(&text)
    }

    /// Shows a report beside the one on stdout, before a question about it.
    pub fn preview<R: Report>(&self, report: &R) {
        let mut paper = TextReport::new(self.color_err, false);
        report.human(&mut paper);
        let text = self.without_secrets(&paper.into_text());
        self.write_stderr(&text);
    }

    /// Asks a question and gives the answer's line.
    pub fn ask(&self, question: &str) -> io::Result<String> {
        let text = log_viewer::without_commands(&self.clean(question));
        io::stderr().lock().write_all(format!("{text} ").as_bytes())?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer)
    }

    /// Shows a failure whose details are in the report on stdout.
    pub fn error_after_report(&self, failure: &CommandError) {
        self.explain(failure);
    }

    /// Shows a failure: its message, its causes and its hints; with `--json` also the document.
    pub fn failure(&self, failure: &CommandError) {
        self.explain(failure);
        if self.json && !REPORTED.load(Ordering::Relaxed) {
            let mut text = serde_json::to_string_pretty(&failure.document()).expect("a map with text keys");
            text.push('\n');
            let _ = self.stdout(&printable_json(&text));
        }
    }

    fn explain(&self, failure: &CommandError) {
        let lines = failure.lines();
        let mut causes = lines.iter();
        if let Some(first) = causes.next() {
            self.stderr(Some(("error", "\x1b[1;31m")), first);
        }
        for cause in causes {
            self.stderr(None, &format!("  caused by: {cause}"));
        }
        for line in &failure.details {
            self.stderr(None, &format!("  {line}"));
        }
        for hint in &failure.hints {
            self.stderr(Some(("hint", "\x1b[1;36m")), hint);
        }
    }

    /// The text as it may be shown: printable, on one line, and without secrets.
    pub fn clean(&self, text: &str) -> String {
        self.without_secrets(&printable_line(text))
    }

    fn without_secrets(&self, text: &str) -> String {
        without(&self.secrets.borrow(), text)
    }

    fn stderr(&self, label: Option<(&str, &str)>, text: &str) {
        let text = self.clean(text);
        let line = match label {
            Some((label, style)) if self.color_err => format!("{style}{label}:\x1b[0m {text}\n"),
            Some((label, _)) => format!("{label}: {text}\n"),
            None => format!("{text}\n"),
        };
        self.write_stderr(&line);
    }

    fn write_stderr(&self, text: &str) {
        let text = if self.is_on_actions { log_viewer::without_commands(text) } else { text.to_owned() };
        // Nobody can be told that stderr is gone.
        self.line.above(|| drop(io::stderr().lock().write_all(text.as_bytes())));
    }

    fn stdout(&self, text: &str) -> Result<(), CommandError> {
        REPORTED.store(true, Ordering::Relaxed);
        let text = match (self.is_on_actions, self.json) {
            (false, _) => self.without_secrets(text),
            (true, false) => log_viewer::without_commands(&self.without_secrets(text)),
            (true, true) => log_viewer::json_without_commands(&self.without_secrets(text)),
        };
        let mut written = Ok(());
        self.line.above(|| {
            let mut stdout = io::stdout().lock();
            written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        });
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CommandError::new(crate::failure::exit::ExitStatus::Failure, error)
                    .context("failed to write the report"))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn without(secrets: &[String], text: &str) -> String {
    secrets.iter().fold(without_credentials(text), |text, secret| {
        if text.contains(secret.as_str()) { text.replace(secret.as_str(), REDACTED) } else { text }
    })
}
