//! Installing the worker. The order of the flow:
//!
//! 1. [`InstallRequest`] says what is wanted; [`crate::store::scan`] says what is there.
//! 2. [`standing`] compares both: nothing to do, or why there is work. Nothing has touched the network yet.
//! 3. Under the store's lock the comparison is made again, because another installation may have done the work.
//! 4. [`run`] finds the release, [`choose`]s the asset, gathers the evidence, downloads, verifies, unpacks, reads the
//!    executable's header and starts it once, and only then carries out the steps that put it in place.
//! 5. Where the release cannot serve ([`Fallback`]), a local build takes the place of the download. Never after a mismatch.

mod apply;
mod error;
mod evidence;
mod hold;
mod local;
mod plan;
mod request;
mod resolve;

pub use apply::Door;
pub use apply::Outcome;
pub use apply::Preview;
pub use apply::preview;
pub use apply::released_assets;
pub use apply::run;
pub use error::InstallError;
pub use error::NoBuild;
pub use plan::Standing;
pub use plan::Work;
pub use plan::standing;
pub use request::BuildMode;
pub use request::InstallRequest;
pub use resolve::Choice;
pub use resolve::Fallback;
pub use resolve::ResolveError;
pub use resolve::choose;
