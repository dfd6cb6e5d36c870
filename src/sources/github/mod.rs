//! GitHub: its API through octocrab, and its release pages where the API is unavailable. Only this directory uses octocrab.
//! Everything reads, except [`Writer`].

mod api;
mod attestations;
mod delete;
mod error;
mod graphql;
mod inventory;
mod latest;
mod published;
mod refusal;
mod releases;
mod rest_inventory;
mod rulesets;
mod tokens;
mod web;

pub use api::GitHub;
pub use attestations::Attestations;
pub use attestations::Packing;
pub use attestations::unpacked_bundle;
pub(crate) use delete::MutationResponse;
pub(crate) use delete::ReleaseId;
pub use delete::TagAt;
pub use delete::Writer;
pub use error::ApiError;
pub use inventory::Lister;
pub(crate) use latest::LatestRelease;
pub use refusal::MutationRefusal;
pub use refusal::requests_left;
pub(crate) use tokens::check_token;
