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
pub use audit::AuditError;
pub use audit::ChangeEvent;
pub use audit::ChangeLine;
pub use audit::read_audit_lines;
pub use batch::BatchStep;
pub use batch::Batches;
pub use batch::Response;
pub use clock::Clock;
pub use consent::Audience;
pub use consent::Consent;
pub use consent::NoConsent;
pub use consent::Proposal;
pub use consent::confirms;
pub use consent::consent;
pub use digest::digest_of;
pub use pace::Pace;
pub use pace::Rate;
pub use plan_file::PlanFileError;
pub use plan_file::read_plan_file;
pub use revalidate::DropReason;
pub use revalidate::Revalidated;
pub use revalidate::Shrunk;
pub use revalidate::shrink;
pub use throttle::Interruption;
pub use throttle::RequestLimit;
pub use throttle::Throttle;
