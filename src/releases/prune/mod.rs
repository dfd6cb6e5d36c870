//! Decides which releases and tags of a repository to delete, and deletes them.
//!
//! Data flow: an [`Inventory`] lists the repository, [`units`] joins its tags and releases by name,
//! [`PrunePlan::compute`] gives every unit one [`Reason`] and with it one [`Fate`], [`PrunePlan::guard`] refuses to
//! delete too much. A [`PlanFile`] stores the plan for later: [`still_allowed`] returns what may still be deleted, and
//! [`shrink`] does the same during the run. Neither ever adds a deletion.
//!
//! What counts as one version: all managed units of equal semver precedence (`v1.2.3` and `1.2.3`, with any build
//! metadata) share one slot. `--keep 3` keeps three slots, and if one unit of a slot is kept for any reason, the entire
//! slot is kept. In publication order a slot is as new as its newest unit.
//!
//! Effects: [`apply`] carries out a plan through the GitHub client, [`restore`] restores tags from the record of such a run.
//! `change` has what every change has in common: consent, the audit record, the plan file, pace and waits. Everything else is
//! pure.

mod apply;
mod audit;
mod decide;
mod delete;
mod order;
mod parse;
mod plan;
mod plan_file;
mod policy;
mod rates;
mod reason;
mod recorder;
mod refusal;
mod report;
mod restore;
mod revalidate;
mod save_assets;
mod stop;
mod unit;
mod unit_state;
mod warnings;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod regression_tests;
#[cfg(test)]
mod testing;

pub use crate::model::inventory::AssetRecord;
pub use crate::model::inventory::Completeness;
pub use crate::model::inventory::Inventory;
pub use crate::model::inventory::ReleaseRecord;
pub use crate::model::inventory::RepoFacts;
pub use crate::model::inventory::TagKind;
pub use crate::model::inventory::TagRecord;
pub use apply::Applied;
pub(crate) use apply::FinalListing;
pub use apply::PruneContext;
pub(crate) use apply::UnitEnd;
pub(crate) use apply::UnitResult;
pub use apply::apply;
pub use audit::Action;
pub use audit::AuditEvent;
pub use audit::ChangedRepository;
pub use audit::read_audit;
pub(crate) use delete::Delete;
pub(crate) use parse::PolicyError;
pub(crate) use parse::parse_keep;
pub(crate) use parse::parse_max_delete;
pub(crate) use parse::parse_min_age;
pub(crate) use plan::Decision;
pub(crate) use plan::OrderConflict;
pub use plan::PrunePlan;
pub(crate) use plan_file::PlanCounts;
pub use plan_file::PlanFile;
pub use plan_file::PlannedRepository;
pub(crate) use policy::DEFAULT_MAX_DELETE;
pub use policy::Prerelease;
pub(crate) use policy::ProtectPattern;
pub use policy::PrunePolicy;
pub use policy::VersionOrder;
pub use rates::PaceName;
pub(crate) use reason::Ranks;
pub(crate) use reason::UnitOutcome;
pub(crate) use reason::UnitReason;
pub(crate) use reason::UnmanagedWhy;
pub(crate) use refusal::GuardRefusal;
pub(crate) use refusal::PlanRefusal;
pub(crate) use report::PlanReport;
pub(crate) use report::PlanRow;
pub(crate) use restore::Deleted;
pub(crate) use restore::RestorePlan;
pub(crate) use restore::TagEnd;
pub(crate) use restore::TagResult;
pub(crate) use restore::restore;
pub(crate) use revalidate::ChangeSincePlan;
pub(crate) use revalidate::WorldMoved;
pub(crate) use revalidate::shrink;
pub use revalidate::still_allowed;
pub(crate) use save_assets::SaveAssetsError;
pub(crate) use save_assets::Saved;
pub(crate) use save_assets::archive;
pub use stop::Stop;
pub use unit::Unit;
pub use unit::units;
