//! The reports of `render env`: keys, fates and reasons. Values are in none of them.

use serde::Serialize;

use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::render::AppliedEnv;
use crate::render::ChangeEnd;
use crate::render::ChangeResult;
use crate::render::EnvOwner;
use crate::render::EnvPlan;
use crate::render::FinalRead;
use crate::render::OwnerKind;
use crate::render::PlannedVariable;
use crate::render::SurveyGap;
use crate::render::VariableFate;
use crate::ui::Report;
use crate::ui::TextReport;

/// The report of `render env plan`.
#[derive(Debug, Serialize)]
pub(super) struct EnvPlanReport {
    /// The number of changes.
    changes: usize,
    targets: Vec<TargetReport>,
    /// What only syncing the blueprint can repair.
    gaps: Vec<String>,
}

/// The plan of one service or group.
#[derive(Debug, Serialize)]
struct TargetReport {
    owner: EnvOwner,
    variables: Vec<PlannedVariable>,
}

impl EnvPlanReport {
    pub(super) fn new(plans: &[EnvPlan], gaps: &[SurveyGap]) -> Self {
        let target = |plan: &EnvPlan| TargetReport { owner: plan.owner().clone(), variables: plan.rows().to_vec() };
        Self {
            changes: plans.iter().map(|plan| plan.changes().len()).sum(),
            targets: plans.iter().map(target).collect(),
            gaps: texts(gaps),
        }
    }
}

impl Report for EnvPlanReport {
    const SCHEMA: &'static str = "reproq.render-env-plan/1";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            let variables = self.targets.iter().flat_map(|target| &target.variables);
            variables.filter(|row| is_change(row.reason.fate())).for_each(|row| out.line(&row.key));
            return;
        }
        let headline = match self.changes {
            0 => "Nothing to change.".to_owned(),
            changes => format!("{} to make.", count(changes, "change")),
        };
        out.strong(&headline);
        for target in &self.targets {
            out.blank();
            out.strong(&titled(&target.owner));
            let rows = target
                .variables
                .iter()
                .map(|row| vec![row.reason.fate().word().to_owned(), row.key.clone(), row.reason.to_string()]);
            out.details(&rows.collect::<Vec<_>>());
        }
        gaps(&self.gaps, out);
    }
}

/// The report of `render env verify`.
#[derive(Debug, Serialize)]
pub(super) struct EnvVerifyReport {
    /// The number of declared variables that exist.
    present: usize,
    missing: Vec<MissingReport>,
    /// What only syncing the blueprint can repair.
    gaps: Vec<String>,
}

/// The missing variables of one service or group.
#[derive(Debug, Serialize)]
struct MissingReport {
    owner: EnvOwner,
    variables: Vec<PlannedVariable>,
}

impl EnvVerifyReport {
    pub(super) fn new(plans: &[EnvPlan], gaps: &[SurveyGap]) -> Self {
        let missing = plans.iter().filter(|plan| plan.missing().next().is_some());
        let missing = missing
            .map(|plan| MissingReport { owner: plan.owner().clone(), variables: plan.missing().cloned().collect() });
        Self { present: plans.iter().map(EnvPlan::present).sum(), missing: missing.collect(), gaps: texts(gaps) }
    }

    pub(super) fn status(&self) -> ExitStatus {
        if self.missing.is_empty() && self.gaps.is_empty() { ExitStatus::Success } else { ExitStatus::Pending }
    }
}

impl Report for EnvVerifyReport {
    const SCHEMA: &'static str = "reproq.render-env-verify/1";

    fn human(&self, out: &mut TextReport) {
        let all = self.missing.iter().flat_map(|target| &target.variables);
        if out.is_quiet() {
            all.for_each(|row| out.line(&row.key));
            return;
        }
        match all.count() {
            0 => out.strong(&format!("Verified: {} on Render.", count(self.present, "declared variable"))),
            missing => out.strong(&format!("{} missing on Render.", count(missing, "declared variable"))),
        }
        for target in &self.missing {
            out.blank();
            out.strong(&titled(&target.owner));
            let rows = target.variables.iter().map(|row| vec![row.key.clone(), row.reason.to_string()]);
            out.details(&rows.collect::<Vec<_>>());
        }
        gaps(&self.gaps, out);
    }
}

/// The report of `render env apply`.
#[derive(Debug, Serialize)]
pub(super) struct EnvApplyReport {
    /// The status behind the exit code.
    pub(super) status: ExitStatus,
    /// The number of changes of the plan.
    planned: usize,
    /// The number of changes that were made.
    pub(super) made: usize,
    targets: Vec<AppliedReport>,
    /// Declared variables that only Render or a user can set.
    missing: Vec<MissingReport>,
    gaps: Vec<String>,
    /// Whether changes take effect only with the next deploy.
    pub(super) deploy_needed: bool,
    /// The deploys that were started.
    pub(super) deploys: Vec<DeployReport>,
    /// The path of the audit record.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<String>,
}

/// The result of one service or group.
#[derive(Debug, Serialize)]
struct AppliedReport {
    owner: EnvOwner,
    changes: Vec<ChangeResult>,
    /// Why it stopped early.
    stopped_by: Option<String>,
    /// The last reading.
    read: Option<FinalRead>,
}

/// A deploy that was started, or queued by Render.
#[derive(Debug, Serialize)]
pub(super) struct DeployReport {
    pub(super) service: String,
    /// `None` if it is queued.
    pub(super) id: Option<String>,
}

impl EnvApplyReport {
    pub(super) fn new(plans: &[EnvPlan], gaps: &[SurveyGap], applied: &[AppliedEnv], audit: Option<String>) -> Self {
        let missing = plans.iter().filter_map(|plan| {
            let only_render = |row: &&PlannedVariable| row.reason.fate() == VariableFate::Missing;
            let variables: Vec<_> = plan.missing().filter(only_render).cloned().collect();
            (!variables.is_empty()).then(|| MissingReport { owner: plan.owner().clone(), variables })
        });
        let made = applied.iter().map(AppliedEnv::made).sum();
        Self {
            status: ExitStatus::Success,
            planned: plans.iter().map(|plan| plan.changes().len()).sum(),
            made,
            targets: applied
                .iter()
                .map(|applied| AppliedReport {
                    owner: applied.owner.clone(),
                    changes: applied.results.clone(),
                    stopped_by: applied.stop.as_ref().map(ToString::to_string),
                    read: applied.read.clone(),
                })
                .collect(),
            missing: missing.collect(),
            gaps: texts(gaps),
            deploy_needed: made > 0,
            deploys: Vec::new(),
            audit,
        }
    }

    fn headline(&self) -> String {
        match (self.planned, self.made) {
            (0, _) => "Nothing to change.".to_owned(),
            (planned, made) if planned == made => format!("{} made.", count(made, "change")),
            (planned, made) => format!("{made} of {} made.", count(planned, "change")),
        }
    }
}

impl Report for EnvApplyReport {
    const SCHEMA: &'static str = "reproq.render-env-apply/1";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            let changes = self.targets.iter().flat_map(|target| &target.changes);
            changes.filter(|change| change.end == ChangeEnd::Made).for_each(|change| out.line(&change.key));
            return;
        }
        out.strong(&self.headline());
        for target in &self.targets {
            out.blank();
            out.strong(&titled(&target.owner));
            let rows = target.changes.iter().map(|change| vec![end(change).to_owned(), change.key.clone()]);
            out.details(&rows.collect::<Vec<_>>());
            match &target.read {
                Some(read) if read.differences.is_empty() => {
                    let all = count(read.variables, "variable");
                    out.line(&format!("  Verified by reading again: {all}, all as expected."));
                }
                Some(read) => out.line(&format!("  Read again: {}.", read.differences.join(", "))),
                None => out.line("  Not verified, because reading again failed."),
            }
        }
        for target in &self.missing {
            out.blank();
            out.line(&format!("Still missing in {}:", target.owner));
            let rows = target.variables.iter().map(|row| vec![row.key.clone(), row.reason.to_string()]);
            out.details(&rows.collect::<Vec<_>>());
        }
        gaps(&self.gaps, out);
        if self.targets.is_empty() && self.deploys.is_empty() {
            return;
        }
        out.blank();
        for deploy in &self.deploys {
            match &deploy.id {
                Some(id) => out.line(&format!("Deploy of {} started: {id}", deploy.service)),
                None => out.line(&format!("Deploy of {} queued", deploy.service)),
            }
        }
        if self.deploy_needed && self.deploys.is_empty() {
            out.line("A deploy is needed: the changes take effect with the next one, which `--deploy=always` starts.");
        }
        if let Some(audit) = &self.audit {
            out.line(&format!("Audit record: {audit}"));
        }
    }
}

const fn is_change(fate: VariableFate) -> bool {
    matches!(fate, VariableFate::Add | VariableFate::Change | VariableFate::Remove)
}

fn end(change: &ChangeResult) -> &'static str {
    match (change.end, change.action) {
        (ChangeEnd::Made, "remove") => "removed",
        (ChangeEnd::Made, "generate") => "generated",
        (ChangeEnd::Made, _) => "set",
        (ChangeEnd::Unknown, _) => "unknown",
        (ChangeEnd::NotMade, _) => "not made",
    }
}

fn titled(owner: &EnvOwner) -> String {
    match owner.kind {
        OwnerKind::Service => format!("Service {} ({})", owner.name, owner.id),
        OwnerKind::Group => format!("Group {} ({})", owner.name, owner.id),
    }
}

fn texts(gaps: &[SurveyGap]) -> Vec<String> {
    gaps.iter().map(ToString::to_string).collect()
}

fn gaps(gaps: &[String], out: &mut TextReport) {
    if gaps.is_empty() {
        return;
    }
    out.blank();
    for gap in gaps {
        out.line(&format!("{gap}; sync the blueprint in Render's dashboard."));
    }
}
