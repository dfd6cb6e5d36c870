//! Installing the worker. The flow:
//!
//! 1. [`InstallRequest`] is what the user requests; [`crate::worker::store::scan`] reads what is installed.
//! 2. [`install_status`] compares them: up to date, or the reason to install. No network access so far.
//! 3. Under the store's lock they are compared again, because another installation may have finished meanwhile.
//! 4. [`run`] finds the release, [`choose`]s the asset, collects evidence, verifies attestations against the locked signer,
//!    downloads, verifies, unpacks, checks the executable's header and starts it once. Only then are the steps carried out.
//! 5. If the release cannot be used ([`Fallback`]), a local build replaces the download; never after a mismatch.

mod acquire;
mod acquire_error;
mod apply;
mod asset_fetcher;
mod attestation_query;
mod check_executable;
mod collect;
mod context;
mod decide;
mod drift;
mod error;
mod evidence;
mod fetch_bundle;
mod local;
mod lockfile_of_release;
mod mirroring;
mod newest;
mod offline_report;
mod plan;
mod protect;
mod query_signer;
mod request;
mod resolve;
mod resolved;
mod reverify;
mod rollback;
mod several;
mod signer;
mod staging_directory;
mod store_guard;

pub(crate) use acquire_error::AcquireError;
pub(crate) use acquire_error::Drift;
pub(crate) use acquire_error::SignerError;
pub(crate) use apply::InstallPlan;
pub(crate) use apply::Outcome;
pub(crate) use apply::lock_release;
pub(crate) use apply::plan;
pub(crate) use apply::released_assets;
pub(crate) use apply::run;
pub(crate) use attestation_query::AttestationQuery;
pub(crate) use attestation_query::QueriedAttestations;
pub(crate) use collect::Collection;
pub(crate) use collect::Machines;
pub(crate) use collect::Selection;
pub(crate) use collect::collect;
pub(crate) use collect::select;
pub(crate) use context::InstallContext;
pub(crate) use decide::Decided;
pub(crate) use decide::Disagreement;
pub(crate) use decide::LockfileAction;
pub(crate) use decide::Unsatisfied;
pub(crate) use decide::decide;
pub(crate) use drift::published;
pub(crate) use error::AccessError;
pub(crate) use error::ExecutableError;
pub(crate) use error::InstallError;
pub(crate) use error::LocalBuildError;
pub(crate) use error::NewestError;
pub(crate) use error::NoBuild;
pub(crate) use error::NoVersions;
pub(crate) use error::RollbackError;
pub(crate) use error::SyncError;
pub(crate) use fetch_bundle::FetchedBundle;
pub(crate) use fetch_bundle::fetch_file;
pub(crate) use mirroring::Done;
pub(crate) use mirroring::Synced;
pub(crate) use mirroring::SyncedRelease;
pub(crate) use mirroring::Synchronization;
pub(crate) use mirroring::synchronize;
pub(crate) use newest::Newest;
pub(crate) use newest::newest;
pub(crate) use plan::InstallReason;
pub(crate) use plan::InstallStatus;
pub(crate) use plan::install_status;
pub(crate) use request::BuildMode;
pub(crate) use request::InstallOptions;
pub(crate) use request::InstallRequest;
pub(crate) use request::SignerPolicy;
pub(crate) use resolve::Fallback;
pub(crate) use resolve::ResolveError;
pub(crate) use resolve::choose;
pub(crate) use resolved::Resolved;
pub(crate) use reverify::reverify;
pub(crate) use rollback::LockChange;
pub(crate) use rollback::rollback;
pub(crate) use staging_directory::Staging;
