//! What the server is told about the provider, and the door to it. Pure.

use core::pin::Pin;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use url::Url;

/// The secret that the provider gave to this client. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// Wraps a secret that is not empty.
    pub fn new(secret: String) -> Option<Self> {
        (!secret.is_empty()).then_some(Self(secret))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret([redacted])")
    }
}

/// The provider where people sign in.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// The issuer, character for character as its documents and tokens name it.
    pub issuer: String,
    /// The host of the issuer, for people.
    pub host: String,
    /// The name of this server at the provider.
    pub client_id: String,
    /// Its secret; `None` for a public client.
    pub client_secret: Option<ClientSecret>,
    /// The claim with the name of a person.
    pub claim: String,
    /// The people who may read and approve codes, as the claim names them exactly.
    pub names: Vec<String>,
    /// How requests reach the provider.
    pub door: Arc<dyn ProviderDoor>,
}

/// A request to the provider.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderRequest {
    /// An https URL, or one of this machine.
    pub url: Url,
    /// The form to send with POST; `None` is a GET.
    pub form: Option<String>,
    /// The value of `Authorization`.
    pub authorization: Option<String>,
}

impl fmt::Debug for ProviderRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProviderRequest({} [redacted])", self.url.path())
    }
}

/// A response of the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorResponse {
    /// The status.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
}

/// A request that runs. The error is a sentence about the network.
pub type DoorFuture<'a> = Pin<Box<dyn Future<Output = Result<DoorResponse, String>> + Send + 'a>>;

/// Sends requests to the provider. The implementation limits time and size, and follows no redirect.
pub trait ProviderDoor: fmt::Debug + Send + Sync {
    /// Sends a request.
    fn send(&self, request: ProviderRequest) -> DoorFuture<'_>;
}
