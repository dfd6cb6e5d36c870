//! Whether tasks can be forked, as `worker --prefork` finds out.

use crate::flows::doctor::Area;
use crate::flows::doctor::DoctorFinding;
use crate::model::text::count;
use crate::worker::prefork::Loaded;

/// Findings about the imported code, or why it was not imported.
pub(crate) fn prefork(checked: &Result<Loaded, String>) -> Vec<DoctorFinding> {
    let loaded = match checked {
        Ok(loaded) => loaded,
        Err(reason) => {
            let hint = "correct this, or run the worker without `--prefork`";
            return vec![DoctorFinding::problem(Area::Prefork, reason.clone(), hint)];
        }
    };
    let hint = "see docs/prefork.md, \"Code that must not be forked\"; until then plain Python runs the tasks";
    let problems = loaded.problems.iter().map(|problem| DoctorFinding::problem(Area::Prefork, problem.clone(), hint));
    let hint = "tasks are forked all the same";
    let warnings = loaded.warnings.iter().map(|warning| DoctorFinding::warning(Area::Prefork, warning.clone(), hint));
    let mut findings: Vec<DoctorFinding> = problems.chain(warnings).collect();
    if let Some(milliseconds) = loaded.fork_milliseconds {
        let files = count(loaded.files.len(), "imported file");
        let fine = format!("the tasks can be forked ({files}, {milliseconds:.1} ms for a fork)");
        findings.insert(0, DoctorFinding::fine(Area::Prefork, fine));
    }
    findings
}
