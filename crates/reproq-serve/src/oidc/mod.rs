//! Signing in at an OpenID Connect provider: what it published, what is requested of it, and what of its response is believed.
//! Pure: documents, keys and the time are values, and requests are made by `identity_provider` through a [`ProviderDoor`].
//!
//! The order: `provider` reads the discovery document, `flow` starts a sign-in in a cookie and finds it again, `request` writes
//! what is sent, `signature` checks the token of the provider with its keys, and `id_token` decides who it names.
//!
//! A build without the feature `oidc` has all the types and accepts no token.

mod flow;
mod id_token;
mod provider;
mod request;
mod settings;
#[cfg(feature = "oidc")]
mod signature;
#[cfg(not(feature = "oidc"))]
#[path = "signature_absent.rs"]
mod signature;
#[cfg(all(test, feature = "oidc"))]
mod tests;

pub(crate) use flow::FLOW_SECONDS;
pub(crate) use flow::StartedSignIn;
pub(crate) use id_token::Expected;
pub(crate) use id_token::IdTokenRefusal;
pub(crate) use id_token::name_in;
pub(crate) use provider::Provider;
pub(crate) use provider::discovery_url;
pub(crate) use request::authorization_url;
pub(crate) use request::error_in_words;
pub(crate) use request::id_token_of;
pub(crate) use request::token_request;
pub use settings::ClientSecret;
pub use settings::DoorFuture;
pub use settings::DoorResponse;
pub use settings::OidcSettings;
pub use settings::ProviderDoor;
pub use settings::ProviderRequest;
#[cfg(feature = "oidc")]
pub(crate) use signature::KeySet;
#[cfg(not(feature = "oidc"))]
pub(crate) use signature::NoKeys as KeySet;

/// Whether this build can sign people in at a provider.
#[must_use]
pub const fn is_oidc_available() -> bool {
    cfg!(feature = "oidc")
}
