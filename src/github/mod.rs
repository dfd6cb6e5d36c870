//! GitHub: its API through octocrab, its release pages where the API does not serve, and the routes between. octocrab
//! lives and dies here.

mod api;
mod error;
mod releases;
mod web;

pub use api::GitHub;
pub use error::ApiError;
pub use releases::Listing;
