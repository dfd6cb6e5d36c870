//! Decides which worker binary will run: all candidates in order, and why each won or lost. Pure.

use std::path::PathBuf;

use crate::django::DjangoAnswer;
use crate::django::DjangoSetting;
use crate::django::time_is_over;
use crate::model::text::printable_line;
use crate::worker::which::Aim;
use crate::worker::which::Candidate;
use crate::worker::which::CandidateIdentity;
use crate::worker::which::CandidateSource;
use crate::worker::which::EnvironmentValue;
use crate::worker::which::Fault;
use crate::worker::which::FileFacts;
use crate::worker::which::Found;
use crate::worker::which::Likeness;
use crate::worker::which::Override;
use crate::worker::which::PathHit;
use crate::worker::which::PathProbe;
use crate::worker::which::Resolution;
use crate::worker::which::Verdict;
use crate::worker::which::WhichFacts;
use crate::worker::which::notes;
use crate::worker::which::resolution::NO_PROJECT;

/// Decides the winner as Django does; see the module documentation for the one difference on `PATH`.
pub fn decide(world: &WhichFacts) -> Resolution {
    let mut drafts = vec![setting(world), environment(world), project(world)];
    drafts.extend(packaged(world));
    let named = drafts.iter().position(|draft| draft.takes);
    drafts.extend(on_path(world));
    let winner = drafts.iter().position(|draft| draft.takes);

    let django_takes = match named {
        Some(index) => drafts[index].django_starts(),
        None => first_on_path(world).map(|hit| hit.probe.path.clone()),
    };
    let candidates = rank(drafts, winner);
    let mut resolution = Resolution { candidates, winner, django_takes, warnings: Vec::new() };
    resolution.warnings = notes::warnings(world, &resolution);
    resolution
}

/// A candidate before the winner is known.
struct Draft {
    candidate: Candidate,
    /// Whether the search stops here, unless it stopped before. If not, the candidate's verdict is why it lost.
    takes: bool,
    /// Whether Django looks the value up, and finds nothing unless it is executable.
    looked_up: bool,
}

impl Draft {
    fn loses(source: CandidateSource, verdict: Verdict) -> Self {
        let candidate = Candidate {
            source,
            written: None,
            path: None,
            real_path: None,
            found: false,
            executable: false,
            size: None,
            identity: None,
            verdict,
            fault: None,
            notes: Vec::new(),
            shadows: Vec::new(),
        };
        Self { candidate, takes: false, looked_up: false }
    }

    fn takes(source: CandidateSource, fault: Option<Fault>) -> Self {
        let mut draft = Self::loses(source, Verdict::Winner);
        draft.candidate.fault = fault;
        draft.takes = true;
        draft
    }

    fn with(mut self, probe: &PathProbe) -> Self {
        let candidate = &mut self.candidate;
        candidate.path = Some(probe.path.clone());
        candidate.found = matches!(probe.found, Found::File(_) | Found::NotAFile);
        if let Found::File(file) = &probe.found {
            candidate.executable = file.executable;
            candidate.size = Some(file.size);
            candidate.real_path = Some(file.real_path.clone());
            candidate.identity = (file.likeness == Likeness::Different).then(|| file.identity.clone());
        }
        candidate.notes.extend(notes::about_probe(probe));
        self
    }

    fn noting(mut self, note: impl IntoIterator<Item = String>) -> Self {
        self.candidate.notes.extend(note);
        self
    }

    fn django_starts(&self) -> Option<PathBuf> {
        let is_startable = !self.looked_up || self.candidate.executable;
        self.candidate.path.clone().filter(|_| is_startable)
    }
}

fn rank(drafts: Vec<Draft>, winner: Option<usize>) -> Vec<Candidate> {
    let is_shadowed = |index: usize, draft: &Draft| draft.takes && winner.is_some_and(|winner| winner < index);
    let shadowed: Vec<bool> = drafts.iter().enumerate().map(|(index, draft)| is_shadowed(index, draft)).collect();
    let mut candidates: Vec<Candidate> = drafts.into_iter().map(|draft| draft.candidate).collect();
    let Some(winner) = winner else { return candidates };
    let mut shadows = Vec::new();
    for (candidate, _) in candidates.iter_mut().zip(shadowed).filter(|(_, shadowed)| *shadowed) {
        candidate.verdict = Verdict::Shadowed { by: winner };
        shadows.extend(candidate.path.clone());
    }
    candidates[winner].shadows = shadows;
    candidates
}

fn setting(world: &WhichFacts) -> Draft {
    let source = CandidateSource::Setting;
    if let Some(named) = &world.setting {
        return overriding(source, named, world).noting(notes::about_django(&world.django));
    }
    match &world.django {
        DjangoAnswer::Skipped { reason } => Draft::loses(source, Verdict::Skipped { reason: reason.clone() }),
        DjangoAnswer::NoProject => Draft::loses(source, Verdict::Skipped { reason: NO_PROJECT.to_owned() }),
        DjangoAnswer::Failed { reason, .. } => Draft::loses(source, Verdict::Unusable { reason: reason.clone() }),
        DjangoAnswer::TimedOut { limit, .. } => {
            Draft::loses(source, Verdict::Unusable { reason: time_is_over(*limit) })
        }
        DjangoAnswer::Answered(facts) => match &facts.setting {
            DjangoSetting::WrongType(found) => Draft::takes(source, Some(Fault::WrongType { found: found.clone() })),
            DjangoSetting::Empty => Draft::loses(source, Verdict::NotSet).noting([notes::EMPTY.to_owned()]),
            DjangoSetting::Unset | DjangoSetting::Set(_) => Draft::loses(source, Verdict::NotSet),
        },
    }
    .noting(notes::about_django(&world.django))
}

fn environment(world: &WhichFacts) -> Draft {
    let source = CandidateSource::Environment;
    let draft = match &world.environment {
        EnvironmentValue::Unset => Draft::loses(source, Verdict::NotSet),
        EnvironmentValue::Empty => Draft::loses(source, Verdict::NotSet).noting([notes::EMPTY.to_owned()]),
        EnvironmentValue::Set(named) => overriding(source, named, world),
    };
    draft.noting(world.environment_changed_by_project.then(|| notes::CHANGED_BY_PROJECT.to_owned()))
}

/// A configured value. Django never continues the search after it.
fn overriding(source: CandidateSource, named: &Override, world: &WhichFacts) -> Draft {
    let fault = named.probe.as_ref().map_or(Some(Fault::Missing), fault);
    let mut draft = Draft::takes(source, fault);
    draft.looked_up = named.aim != Aim::Absolute;
    draft.candidate.written = Some(printable_line(&named.written.to_string_lossy()));
    let draft = draft.noting(notes::about_override(named, world));
    named.probe.iter().fold(draft, Draft::with)
}

fn project(world: &WhichFacts) -> Draft {
    existing(CandidateSource::Project, &world.project).noting(notes::about_project(world))
}

fn packaged(world: &WhichFacts) -> [Draft; 2] {
    let (documented, management) = (CandidateSource::PackageBin, CandidateSource::PackageManagementBin);
    if let Some(packaged) = &world.packaged {
        let verdict = match packaged.documented.found {
            Found::File(_) | Found::NotAFile => Verdict::Skipped { reason: notes::NEVER_LOOKED_AT.to_owned() },
            Found::Nothing | Found::DanglingLink { .. } | Found::Unreadable { .. } => Verdict::Missing,
        };
        let note = matches!(verdict, Verdict::Missing).then(|| notes::NEVER_LOOKED_AT.to_owned());
        let documented = Draft::loses(documented, verdict).with(&packaged.documented).noting(note);
        return [documented, existing(management, &packaged.management)];
    }
    let reason = match &world.django {
        DjangoAnswer::Answered(_) => "reproq_django is not installed for the project's Python",
        DjangoAnswer::NoProject => "no Django project here",
        DjangoAnswer::Skipped { .. } | DjangoAnswer::Failed { .. } | DjangoAnswer::TimedOut { .. } => {
            "only Django can report where reproq_django is installed"
        }
    };
    [documented, management].map(|source| Draft::loses(source, Verdict::Skipped { reason: reason.to_owned() }))
}

/// A path that is used as soon as something exists there, executable or not.
fn existing(source: CandidateSource, probe: &PathProbe) -> Draft {
    let draft = match fault(probe) {
        Some(Fault::Missing) => Draft::loses(source, Verdict::Missing),
        fault => Draft::takes(source, fault),
    };
    draft.with(probe)
}

fn on_path(world: &WhichFacts) -> Vec<Draft> {
    if world.on_path.is_empty() {
        let nowhere = CandidateSource::Path { index: None, directory: None };
        return vec![Draft::loses(nowhere, Verdict::Missing).noting([notes::searched(world.path_directories)])];
    }
    let draft = |hit: &PathHit| {
        let source = CandidateSource::Path { index: Some(hit.index), directory: Some(hit.directory.clone()) };
        let loss = loss_on_path(&hit.probe);
        loss.map_or_else(|| Draft::takes(source.clone(), None), |loss| Draft::loses(source.clone(), loss))
            .with(&hit.probe)
    };
    world.on_path.iter().map(draft).collect()
}

/// Why an entry on `PATH` is skipped.
fn loss_on_path(probe: &PathProbe) -> Option<Verdict> {
    match (fault(probe), &probe.found) {
        (Some(Fault::Missing), _) => Some(Verdict::Missing),
        (Some(Fault::NotAFile), _) => Some(Verdict::NotAFile),
        (Some(Fault::NotExecutable), _) => Some(Verdict::NotExecutable),
        (Some(Fault::Ourselves { how }), _) => Some(Verdict::Ourselves { how }),
        (_, Found::File(file)) => match &file.identity {
            CandidateIdentity::NotWorker { reason } => Some(Verdict::NotTheWorker { reason: reason.clone() }),
            CandidateIdentity::Worker { .. } | CandidateIdentity::Unknown { .. } => None,
        },
        (_, Found::Nothing | Found::DanglingLink { .. } | Found::Unreadable { .. } | Found::NotAFile) => None,
    }
}

/// What Django takes from `PATH`: the first executable file, whatever it is.
fn first_on_path(world: &WhichFacts) -> Option<&PathHit> {
    world.on_path.iter().find(|hit| hit.probe.executable())
}

fn fault(probe: &PathProbe) -> Option<Fault> {
    match &probe.found {
        Found::Nothing | Found::DanglingLink { .. } | Found::Unreadable { .. } => Some(Fault::Missing),
        Found::NotAFile => Some(Fault::NotAFile),
        Found::File(file) => fault_of_file(file),
    }
}

fn fault_of_file(file: &FileFacts) -> Option<Fault> {
    // The missing permission comes first, because the system reports it first.
    match (file.executable, file.likeness) {
        (false, _) => Some(Fault::NotExecutable),
        (true, Likeness::Different) => None,
        (true, how @ (Likeness::SameFile | Likeness::SameHash)) => Some(Fault::Ourselves { how }),
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
