//! The plan of `init`, and what became of it.

use serde::Serialize;

use crate::commands::init::plan::InitStep;
use crate::commands::init::plan::StepState;
use crate::flows::doctor::DoctorFinding;
use crate::flows::doctor::Grade;
use crate::model::text::count;
use crate::ui::Report;
use crate::ui::TextReport;

/// The report of `init`.
#[derive(Debug, Serialize)]
pub(super) struct InitReport {
    /// The root of the project.
    pub project: String,
    pub dry_run: bool,
    pub steps: Vec<InitStep>,
    /// What `doctor` found afterwards; `null` if nothing was carried out.
    pub findings: Option<Vec<DoctorFinding>>,
}

impl InitReport {
    pub(super) fn number(&self, state: StepState) -> usize {
        self.steps.iter().filter(|step| step.state == state).count()
    }

    pub(super) fn has_problems(&self) -> bool {
        self.findings.iter().flatten().any(|finding| finding.grade == Grade::Problem)
    }
}

impl Report for InitReport {
    const SCHEMA: &'static str = "reproq.init/1";

    fn human(&self, out: &mut TextReport) {
        let is_quiet = out.is_quiet();
        if !is_quiet {
            out.line(&format!("Project: {}", self.project));
            out.blank();
        }
        for step in self.steps.iter().filter(|step| !is_quiet || step.state == StepState::Waiting) {
            let line = format!("{:<9} {:<15} {}", step.state.as_str(), step.step.as_str(), step.summary);
            match step.state {
                StepState::Planned | StepState::Waiting => out.strong(&line),
                StepState::Unchanged | StepState::Done | StepState::Skipped => out.line(&line),
            }
            let is_shown = matches!(step.state, StepState::Planned | StepState::Waiting);
            for line in step.text.iter().flat_map(|text| text.trim_matches(['\r', '\n']).lines()).filter(|_| is_shown) {
                out.faint(&format!("          | {line}"));
            }
        }
        let remarkable = self.findings.iter().flatten().filter(|finding| finding.grade != Grade::Fine);
        for (index, finding) in remarkable.enumerate() {
            if index == 0 && !is_quiet {
                out.blank();
            }
            out.strong(&format!("{:<9} {}", finding.grade.word(), finding.sentence));
            if let Some(hint) = &finding.hint {
                out.line(&format!("          hint: {hint}"));
            }
        }
        if !is_quiet {
            out.blank();
            out.line(&self.conclusion());
        }
    }
}

impl InitReport {
    fn conclusion(&self) -> String {
        let (planned, waiting) = (self.number(StepState::Planned), self.number(StepState::Waiting));
        let then = match waiting {
            0 => String::new(),
            _ => format!(" {} for you; then run `reproq init` again.", waits(waiting)),
        };
        let first = match (planned, self.number(StepState::Done)) {
            (0, 0) => "Nothing to do.".to_owned(),
            (0, done) => format!("{} done.", count(done, "step")),
            (planned, _) => format!("{} would be carried out; nothing was changed.", count(planned, "step")),
        };
        if waiting == 0 && planned == 0 && !self.has_problems() {
            return format!("{first} Run the worker with `reproq worker`.");
        }
        format!("{first}{then}")
    }
}

fn waits(number: usize) -> String {
    if number == 1 { "1 step waits".to_owned() } else { format!("{number} steps wait") }
}
