//! The parts that every change to something that is not ours has in common, whatever it changes: releases, a queue, a service.
//!
//! The sequence: list everything, plan, show the plan, get consent, list again, apply in small steps with a record before and
//! after each, list again and report what is verified. Each area has its own plan and its own requests. Here are: whether a
//! plan is confirmed ([`consent`]), the file of a plan ([`read_plan_file`], [`digest_of`]), what of a plan is still allowed
//! ([`shrink`]), batches that are halved to find what is refused ([`Batches`]), the pace and the waits ([`Throttle`]), and the
//! audit record ([`Audit`]).

mod audit;
mod batch;
mod clock;
mod consent;
mod digest;
mod pace;
mod plan_file;
mod revalidate;
mod throttle;

pub use audit::AUDIT_SCHEMA;
pub use audit::Audit;
pub(crate) use audit::AuditError;
pub(crate) use audit::ChangeEvent;
pub(crate) use audit::ChangeLine;
pub(crate) use audit::read_audit_lines;
pub(crate) use batch::BatchStep;
pub(crate) use batch::Batches;
pub(crate) use batch::Response;
pub use clock::Clock;
pub(crate) use consent::Audience;
pub(crate) use consent::Consent;
pub(crate) use consent::NoConsent;
pub(crate) use consent::Proposal;
pub(crate) use consent::confirms;
pub(crate) use consent::consent;
pub(crate) use digest::digest_of;
pub use pace::Pace;
pub(crate) use pace::Rate;
pub(crate) use plan_file::PlanFileError;
pub(crate) use plan_file::read_plan_file;
pub(crate) use revalidate::DropReason;
pub(crate) use revalidate::Revalidated;
pub(crate) use revalidate::Shrunk;
pub(crate) use revalidate::shrink;
pub(crate) use throttle::Interruption;
pub(crate) use throttle::RequestLimit;
pub(crate) use throttle::Throttle;
