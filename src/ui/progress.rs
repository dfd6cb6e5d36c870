//! Progress of long steps, in the form that was chosen: moving lines, one line per step, JSON lines, or nothing.

use std::cell::Cell;
use std::time::Instant;

use crate::config::Env;
use crate::model::progress::Progress;
use crate::model::progress::ProgressStyle;
use crate::model::text::size;
use crate::ui::Ui;
use crate::ui::Verbosity;
use crate::ui::json_lines::ProgressEvent;
use crate::ui::json_lines::ReportedStep;
use crate::ui::moving_lines::MovingLines;
use crate::ui::moving_step::MovingStep;

/// The form of everything on stderr.
#[derive(Debug)]
pub(super) enum ProgressForm {
    /// Steps move on a terminal; messages are printed above them.
    Moving(MovingLines),
    /// One line per step.
    Plain,
    /// One JSON object per line.
    Json,
    /// Neither steps nor status messages.
    None,
}

impl ProgressForm {
    pub(super) fn choose(style: ProgressStyle, verbosity: Verbosity, env: &Env) -> Self {
        let is_dumb = env.var("TERM").is_some_and(|term| term == "dumb");
        let may_move = env.stderr_is_terminal && !is_dumb && !env.is_ci() && verbosity == Verbosity::Normal;
        match style {
            ProgressStyle::Auto if may_move => Self::Moving(MovingLines::new()),
            ProgressStyle::Auto | ProgressStyle::Plain => Self::Plain,
            ProgressStyle::Json => Self::Json,
            ProgressStyle::None => Self::None,
        }
    }

    /// Prints something that the moving lines must not mix with.
    pub(super) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        match self {
            Self::Moving(lines) => lines.above(print),
            Self::Plain | Self::Json | Self::None => print(),
        }
    }

    /// Asks something; nothing moves until it is answered.
    pub(super) fn while_paused<T>(&self, ask: impl FnOnce() -> T) -> T {
        match self {
            Self::Moving(lines) => lines.while_paused(ask),
            Self::Plain | Self::Json | Self::None => ask(),
        }
    }

    pub(super) fn set_activity(&self, activity: Option<&str>) {
        match self {
            Self::Moving(lines) => lines.set_activity(activity.map(str::to_owned)),
            Self::Plain | Self::Json | Self::None => {}
        }
    }
}

/// Shows one step after the other; steps at the same time have a receiver each.
#[derive(Debug)]
pub(crate) struct Bars<'ui> {
    ui: &'ui Ui,
    /// The current step.
    step: Cell<Option<u64>>,
    reported: Cell<Option<ReportedStep>>,
}

impl<'ui> Bars<'ui> {
    pub(super) const fn new(ui: &'ui Ui) -> Self {
        Self { ui, step: Cell::new(None), reported: Cell::new(None) }
    }

    fn change(&self, change: impl FnOnce(&mut MovingStep)) {
        if let (ProgressForm::Moving(lines), Some(id)) = (&self.ui.form, self.step.get()) {
            lines.change(id, change);
        }
    }
}

impl Progress for Bars<'_> {
    fn begin(&self, label: &str, total: Option<u64>) {
        self.end();
        let id = self.ui.steps.get() + 1;
        self.ui.steps.set(id);
        self.step.set(Some(id));
        match &self.ui.form {
            ProgressForm::Moving(lines) => lines.begin(MovingStep::new(id, self.ui.clean(label), total)),
            ProgressForm::Json => {
                self.reported.set(Some(ReportedStep::new(id, total)));
                self.ui.event(ProgressEvent::Begin { step: id, label: &self.ui.clean(label), total });
            }
            ProgressForm::Plain | ProgressForm::None => {
                let total = total.map(|total| format!(" ({})", size(total))).unwrap_or_default();
                self.ui.status(&format!("{label}{total}"));
            }
        }
    }

    fn advance(&self, bytes: u64) {
        self.change(|step| step.advance(bytes));
        if let Some(reported) = self.reported.get() {
            let (reported, event) = reported.advanced(bytes, Instant::now());
            self.reported.set(Some(reported));
            event.into_iter().for_each(|event| self.ui.event(event));
        }
    }

    fn restart(&self) {
        self.change(MovingStep::restart);
        if let Some(reported) = self.reported.get() {
            let (reported, event) = reported.restarted();
            self.reported.set(Some(reported));
            self.ui.event(event);
        }
    }

    fn end(&self) {
        if let (ProgressForm::Moving(lines), Some(id)) = (&self.ui.form, self.step.take()) {
            lines.end(id);
        }
        if let Some(reported) = self.reported.take() {
            self.ui.event(reported.ended());
        }
    }

    fn note(&self, line: &str) {
        self.ui.status(line);
    }

    fn beside(&self) -> Box<dyn Progress + '_> {
        Box::new(Bars::new(self.ui))
    }
}

impl Drop for Bars<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn lines_move_only_on_a_terminal_without_other_output() {
        let form = |style, verbosity, variables: &[(&'static str, &str)], is_terminal| {
            let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
            let mut env = Env::built(Path::new("/"), variables);
            env.stderr_is_terminal = is_terminal;
            match ProgressForm::choose(style, verbosity, &env) {
                ProgressForm::Moving(_) => "moving",
                ProgressForm::Plain => "plain",
                ProgressForm::Json => "json",
                ProgressForm::None => "none",
            }
        };
        let auto = |verbosity, variables, is_terminal| form(ProgressStyle::Auto, verbosity, variables, is_terminal);
        assert_eq!(auto(Verbosity::Normal, &[], true), "moving");
        assert_eq!(auto(Verbosity::Normal, &[], false), "plain");
        assert_eq!(auto(Verbosity::Verbose, &[], true), "plain");
        assert_eq!(auto(Verbosity::Normal, &[("CI", "true")], true), "plain");
        assert_eq!(auto(Verbosity::Normal, &[("TERM", "dumb")], true), "plain");
        for (style, expected) in
            [(ProgressStyle::Plain, "plain"), (ProgressStyle::Json, "json"), (ProgressStyle::None, "none")]
        {
            assert_eq!(form(style, Verbosity::Normal, &[], true), expected);
        }
    }
}
