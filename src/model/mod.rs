//! The domain types: tools, versions, targets, assets and digests. Pure; depends on no other module.

mod asset;
mod digest;
pub(crate) mod failure;
pub(crate) mod installed_by;
pub(crate) mod inventory;
mod listing;
pub(crate) mod mirror_layout;
pub(crate) mod progress;
pub(crate) mod secret;
pub(crate) mod source_spec;
mod target;
pub(crate) mod text;
mod tool;
pub(crate) mod units;
pub(crate) mod upgrade;
pub(crate) mod url_policy;
mod version;
pub(crate) mod worker_flags;
pub mod yaml;

pub(crate) use asset::Asset;
pub use asset::AssetState;
pub(crate) use asset::Release;
pub(crate) use digest::DigestError;
pub use digest::Sha256Digest;
pub(crate) use listing::Listing;
pub(crate) use target::Arch;
pub(crate) use target::Os;
pub use target::Target;
pub(crate) use target::TargetError;
pub(crate) use tool::AssetForm;
pub use tool::RepoSlug;
pub(crate) use tool::RepoSlugError;
pub use tool::Tool;
pub use version::Tag;
pub(crate) use version::TagError;
pub use version::VersionSpec;
