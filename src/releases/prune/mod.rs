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
pub use apply::FinalListing;
pub use apply::PruneContext;
pub use apply::UnitEnd;
pub use apply::UnitResult;
pub use apply::apply;
pub use audit::Action;
pub use audit::AuditEvent;
pub use audit::ChangedRepository;
pub use audit::read_audit;
pub use delete::Delete;
pub use parse::PolicyError;
pub use parse::parse_keep;
pub use parse::parse_max_delete;
pub use parse::parse_min_age;
pub use plan::Decision;
pub use plan::OrderConflict;
pub use plan::PrunePlan;
pub use plan_file::PlanCounts;
pub use plan_file::PlanFile;
pub use plan_file::PlannedRepository;
pub use policy::DEFAULT_MAX_DELETE;
pub use policy::Prerelease;
pub use policy::ProtectPattern;
pub use policy::PrunePolicy;
pub use policy::VersionOrder;
pub use rates::PaceName;
pub use reason::Ranks;
pub use reason::UnitOutcome;
pub use reason::UnitReason;
pub use reason::UnmanagedWhy;
pub use refusal::GuardRefusal;
pub use refusal::PlanRefusal;
pub use report::PlanReport;
pub use report::PlanRow;
pub use restore::Deleted;
pub use restore::RestorePlan;
pub use restore::TagEnd;
pub use restore::TagResult;
pub use restore::restore;
pub use revalidate::ChangeSincePlan;
pub use revalidate::WorldMoved;
pub use revalidate::shrink;
pub use revalidate::still_allowed;
pub use save_assets::SaveAssetsError;
pub use save_assets::Saved;
pub use save_assets::archive;
pub use stop::Stop;
pub use unit::Unit;
pub use unit::units;
