//! Notes and warnings about candidates, with hints. Pure.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use crate::django::DjangoAnswer;
use crate::django::time_is_over;
use crate::model::text::printable_line;
use crate::worker::which::Aim;
use crate::worker::which::Candidate;
use crate::worker::which::CandidateIdentity;
use crate::worker::which::CandidateSource;
use crate::worker::which::Fault;
use crate::worker::which::Found;
use crate::worker::which::Override;
use crate::worker::which::PathProbe;
use crate::worker::which::Resolution;
use crate::worker::which::Verdict;
use crate::worker::which::WhichFacts;

pub(super) const EMPTY: &str = "set but empty, which counts as unset";
pub(super) const CHANGED_BY_PROJECT: &str =
    "changed by the project's settings or manage.py, perhaps from a .env file; this is the value Django sees";
pub(super) const NEVER_LOOKED_AT: &str = "documented, but Django uses management/bin of the package instead";

/// A warning and a hint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The warning, as a lowercase clause.
    pub message: String,
    pub hint: String,
}

/// All warnings.
pub(super) fn warnings(world: &WhichFacts, resolution: &Resolution) -> Vec<Warning> {
    let winner = resolution.winner();
    [
        silent_django(&world.django),
        winner.and_then(faulty_winner),
        winner.and_then(stranger),
        astray_on_path(resolution),
        overlooked(resolution),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn silent_django(django: &DjangoAnswer) -> Option<Warning> {
    let (reason, hint) = match django {
        DjangoAnswer::Failed { reason, hint, .. } => (reason.clone(), hint.clone()),
        DjangoAnswer::TimedOut { limit, .. } => (time_is_over(*limit), None),
        DjangoAnswer::Skipped { .. } | DjangoAnswer::NoProject | DjangoAnswer::Answered(_) => return None,
    };
    Some(Warning {
        message: format!("settings.REPROQ_WORKER_BIN is unknown and would take precedence: {reason}"),
        hint: hint.unwrap_or_else(|| {
            "make `python manage.py check` pass in the project's environment, or pass --no-django to leave the setting \
             out"
            .to_owned()
        }),
    })
}

fn faulty_winner(winner: &Candidate) -> Option<Warning> {
    let fault = winner.fault.as_ref()?;
    let what = match (&winner.written, &winner.path) {
        (Some(written), _) => format!("{} is `{written}`", winner.source),
        (None, Some(path)) => format!("Django uses {}", shown(path)),
        (None, None) => winner.source.to_string(),
    };
    let problem = match fault {
        Fault::Missing => ", but it does not exist".to_owned(),
        Fault::NotAFile => ", but it is not a file".to_owned(),
        Fault::NotExecutable => ", but it is not executable".to_owned(),
        Fault::Ourselves { .. } => ", but it is this command, not the worker".to_owned(),
        Fault::WrongType { found } => format!(" is not a path but a value of type {found}"),
    };
    let message = format!("{what}{problem}; Django stops at this candidate and will fail");
    Some(Warning { message, hint: way_out(winner, fault) })
}

fn way_out(winner: &Candidate, fault: &Fault) -> String {
    let remove = match winner.source {
        CandidateSource::Setting => "remove the setting to use the project's own worker".to_owned(),
        CandidateSource::Environment => "unset the variable to use the project's own worker".to_owned(),
        CandidateSource::Project
        | CandidateSource::PackageBin
        | CandidateSource::PackageManagementBin
        | CandidateSource::Path { .. } => "run `reproq install`".to_owned(),
    };
    match (fault, &winner.path) {
        (Fault::NotExecutable, Some(path)) => format!("run `chmod +x {}`, or {remove}", shown(path)),
        (Fault::WrongType { .. }, _) => format!("set it to the worker's absolute path, or {remove}"),
        (Fault::Missing | Fault::NotAFile | Fault::NotExecutable | Fault::Ourselves { .. }, _) => {
            if winner.written.is_some() { format!("set it to the worker's absolute path, or {remove}") } else { remove }
        }
    }
}

/// A program placed by the user that does not look like the worker. It may be a wrapper, so this is not a fault.
fn stranger(winner: &Candidate) -> Option<Warning> {
    let Some(CandidateIdentity::NotWorker { reason }) = &winner.identity else { return None };
    let path = winner.path.as_deref().map(shown).unwrap_or_default();
    Some(Warning {
        message: format!("{path} will be used, but does not look like the worker: {reason}"),
        hint: "unless it is your own wrapper for the worker, run `reproq install --force`".to_owned(),
    })
}

/// Django starts the first `reproq` on `PATH`, even if it is this command.
fn astray_on_path(resolution: &Resolution) -> Option<Warning> {
    let taken = resolution.django_takes.as_deref()?;
    let is_taken_from_path = |candidate: &&Candidate| {
        matches!(candidate.source, CandidateSource::Path { .. }) && candidate.path.as_deref() == Some(taken)
    };
    let passed_over = resolution.candidates.iter().find(is_taken_from_path)?;
    let what = match &passed_over.verdict {
        Verdict::Ourselves { .. } => "which is this command, not the worker".to_owned(),
        Verdict::NotTheWorker { reason } => format!("which is not the worker: {reason}"),
        Verdict::Winner
        | Verdict::Shadowed { .. }
        | Verdict::NotSet
        | Verdict::Missing
        | Verdict::NotAFile
        | Verdict::NotExecutable
        | Verdict::Skipped { .. }
        | Verdict::Unusable { .. } => return None,
    };
    let hint = match resolution.runnable() {
        Some(worker) => format!("set REPROQ_WORKER_BIN={}, or run `reproq install`", shown(worker)),
        None => "run `reproq install`: the project's own worker takes precedence over PATH".to_owned(),
    };
    Some(Warning { message: format!("Django will start {} from PATH, {what}", shown(taken)), hint })
}

/// The only worker is at the documented path of the package.
fn overlooked(resolution: &Resolution) -> Option<Warning> {
    let is_documented =
        |candidate: &&Candidate| candidate.source == CandidateSource::PackageBin && candidate.executable;
    let documented = resolution.candidates.iter().find(is_documented).filter(|_| resolution.winner.is_none())?;
    let path = shown(documented.path.as_deref()?);
    Some(Warning {
        message: format!("Django will not find {path}, the documented path of a packaged worker"),
        hint: format!("set REPROQ_WORKER_BIN={path}, or run `reproq install`"),
    })
}

/// The meaning of a configured value, if not obvious.
pub(super) fn about_override(named: &Override, world: &WhichFacts) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(rest) = below_home(&named.written.to_string_lossy()) {
        let meant = world.home.as_ref().map(|home| shown(&home.join(rest)));
        let mut note = "Django does not expand `~` when it looks for the worker, only when it installs".to_owned();
        if let Some(meant) = meant {
            let _ = write!(note, "; write {meant}");
        }
        notes.push(note);
    }
    match (named.aim, &named.probe) {
        (Aim::Absolute, _) => {}
        (Aim::Relative, _) => notes.push(format!(
            "relative to the directory Django is started in, assumed to be {}; an absolute path is the same \
             everywhere",
            shown(&world.root)
        )),
        (Aim::Bare, Some(_)) => notes.push("a name without a directory, so it was looked up on PATH".to_owned()),
        (Aim::Bare, None) => notes.push("a name without a directory, but there is no such program on PATH".to_owned()),
    }
    notes
}

fn below_home(written: &str) -> Option<&str> {
    let rest = written.strip_prefix('~')?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(['/', '\\']) }
}

/// Django uses the `.reproq/bin` of the directory it is started in.
pub(super) fn about_project(world: &WhichFacts) -> Option<String> {
    (world.root != world.cwd).then(|| {
        format!(
            "Django looks below the directory it is started in: this is the result for {}, not for {}",
            shown(&world.root),
            shown(&world.cwd)
        )
    })
}

/// How Django was queried, and its stderr if it failed.
pub(super) fn about_django(django: &DjangoAnswer) -> Vec<String> {
    match django {
        DjangoAnswer::Skipped { .. } | DjangoAnswer::NoProject => Vec::new(),
        DjangoAnswer::Failed { stderr, .. } | DjangoAnswer::TimedOut { stderr, .. } => {
            stderr.iter().map(|line| format!("stderr: {line}")).collect()
        }
        DjangoAnswer::Answered(facts) => {
            let asked = format!(
                "queried Django {} with the settings `{}` using {} (Python {})",
                printable_line(&facts.django_version),
                printable_line(&facts.settings_module),
                shown(&facts.python),
                printable_line(&facts.python_version)
            );
            [Some(asked), facts.manage_problem.clone()].into_iter().flatten().collect()
        }
    }
}

/// Anything unusual about a file.
pub(super) fn about_probe(probe: &PathProbe) -> Option<String> {
    match &probe.found {
        Found::Nothing | Found::File(_) => None,
        Found::DanglingLink { target } => Some(format!("a link to {}, which does not exist", shown(target))),
        Found::Unreadable { reason } => Some(format!("it cannot be read: {reason}")),
        Found::NotAFile => Some("a directory or something else that is not a file".to_owned()),
    }
}

pub(super) fn searched(directories: usize) -> String {
    match directories {
        0 => "PATH has no directories".to_owned(),
        1 => "searched the one directory on PATH".to_owned(),
        more => format!("searched {more} directories on PATH"),
    }
}

/// A path for display.
pub(super) fn shown(path: &Path) -> String {
    printable_line(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_users_own_home_is_known() {
        assert_eq!(below_home("~/bin/reproq"), Some("bin/reproq"));
        assert_eq!(below_home("~"), Some(""));
        assert_eq!(below_home("~other/bin"), None);
        assert_eq!(below_home("/~/bin"), None);
    }
}
