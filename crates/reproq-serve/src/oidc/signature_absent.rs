//! Signatures in a build without the feature `oidc`: none is accepted. Pure.

use serde_json::Map;
use serde_json::Value;

use super::IdTokenRefusal;

/// The keys of a provider, which are not read.
#[derive(Debug, Clone)]
pub(crate) struct NoKeys;

impl NoKeys {
    /// No keys.
    pub(crate) const fn read(_document: &[u8]) -> Option<Self> {
        Some(Self)
    }

    /// # Errors
    ///
    /// Always.
    pub(crate) const fn claims_of(
        &self,
        _token: &str,
        _accepted: &[&str],
    ) -> Result<Map<String, Value>, IdTokenRefusal> {
        Err(IdTokenRefusal::NotBuilt)
    }
}
