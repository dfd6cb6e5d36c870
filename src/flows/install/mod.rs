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

pub use acquire_error::AcquireError;
pub use acquire_error::Drift;
pub use acquire_error::SignerError;
pub use apply::InstallPlan;
pub use apply::Outcome;
pub use apply::lock_release;
pub use apply::plan;
pub use apply::released_assets;
pub use apply::run;
pub use attestation_query::AttestationQuery;
pub use attestation_query::QueriedAttestations;
pub use collect::Collection;
pub use collect::Machines;
pub use collect::Selection;
pub use collect::collect;
pub use collect::select;
pub use context::InstallContext;
pub use decide::Decided;
pub use decide::Disagreement;
pub use decide::LockfileAction;
pub use decide::Unsatisfied;
pub use decide::decide;
pub use drift::published;
pub use error::AccessError;
pub use error::ExecutableError;
pub use error::InstallError;
pub use error::LocalBuildError;
pub use error::NewestError;
pub use error::NoBuild;
pub use error::NoVersions;
pub use error::RollbackError;
pub use error::SyncError;
pub use fetch_bundle::FetchedBundle;
pub use fetch_bundle::fetch_file;
pub use mirroring::Done;
pub use mirroring::Synced;
pub use mirroring::SyncedRelease;
pub use mirroring::Synchronization;
pub use mirroring::synchronize;
pub use newest::Newest;
pub use newest::newest;
pub use plan::InstallReason;
pub use plan::InstallStatus;
pub use plan::install_status;
pub use request::BuildMode;
pub use request::InstallOptions;
pub use request::InstallRequest;
pub use request::SignerPolicy;
pub use resolve::Fallback;
pub use resolve::ResolveError;
pub use resolve::choose;
pub use resolved::Resolved;
pub use reverify::reverify;
pub use rollback::LockChange;
pub use rollback::rollback;
pub use staging_directory::Staging;
