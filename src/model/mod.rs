//! The domain types: tools, versions, targets, assets and digests. Pure; depends on no other module.

mod asset;
mod digest;
pub mod installed_by;
mod listing;
pub mod mirror_layout;
pub mod progress;
pub mod secret;
pub mod source_spec;
mod target;
pub mod text;
mod tool;
pub mod units;
pub mod upgrade;
pub mod url_policy;
mod version;
pub mod yaml;

pub use asset::Asset;
pub use asset::AssetState;
pub use asset::Release;
pub use digest::DigestError;
pub use digest::Sha256Digest;
pub use listing::Listing;
pub use target::Arch;
pub use target::Os;
pub use target::Target;
pub use target::TargetError;
pub use tool::AssetForm;
pub use tool::RepoSlug;
pub use tool::RepoSlugError;
pub use tool::Tool;
pub use version::Tag;
pub use version::TagError;
pub use version::VersionSpec;
