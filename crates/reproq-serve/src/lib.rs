//! The queue over HTTP: Django's statistics, metrics, events, and a page for people. Modules decide over values; `observe` reads the databases, `keep` writes samples of the depth,
//! and `server`, `http`, `sse` and `stall` serve what is known.
#![warn(unreachable_pub)]

mod access;
mod counters;
mod depth;
mod events;
mod exposition;
mod http;
mod identity_provider;
mod keep;
mod metrics;
mod observation_document;
mod observe;
mod oidc;
mod options;
mod page;
mod respond;
mod ring;
mod route;
#[cfg(test)]
mod samples;
mod server;
mod shared;
mod sign_in;
mod sse;
mod stall;
mod state;
mod stats_document;

pub use access::AccessToken;
pub use access::AllowedHosts;
pub use observe::ServeNotice;
pub use oidc::ClientSecret;
pub use oidc::DoorFuture;
pub use oidc::DoorResponse;
pub use oidc::OidcSettings;
pub use oidc::ProviderDoor;
pub use oidc::ProviderRequest;
pub use oidc::is_oidc_available;
pub use options::ServeLimits;
pub use options::ServeOptions;
pub use options::ServedDatabase;
pub use server::Listener;
pub use server::serve;
pub use sign_in::ProxyIdentity;
pub use sign_in::SignInNews;
pub use stats_document::SchedulerSettings;
pub use stats_document::StatsDocument;
pub use stats_document::StatsRows;
pub use stats_document::TOP_OF_EACH;
