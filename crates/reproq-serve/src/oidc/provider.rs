//! The discovery document of a provider: only what is used, and only over TLS. Pure.

use serde::Deserialize;
use thiserror::Error;
use url::Host;
use url::Url;

/// Algorithms with public keys. A shared secret would let everybody who knows it sign, and `none` everybody else.
const ALGORITHMS: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// What the provider published about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provider {
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(crate) jwks_uri: Url,
    /// The algorithms that its tokens may be signed with; at least one.
    pub(crate) algorithms: Vec<&'static str>,
    /// Whether the secret is sent in `Authorization`; otherwise in the form.
    pub(super) takes_basic: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    code_challenge_methods_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Why a provider cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ProviderRefusal {
    #[error("its discovery document is not valid")]
    Document,
    #[error("its discovery document is of another issuer")]
    Issuer,
    #[error("its {0} is not an https URL")]
    Url(&'static str),
    #[error("it does not support PKCE with S256")]
    Challenge,
    #[error("it signs with no algorithm that is accepted here")]
    Algorithm,
    #[error("it accepts the secret of a client in no way that is supported here")]
    ClientAuthentication,
}

/// Where the discovery document of an issuer is found.
pub(crate) fn discovery_url(issuer: &str) -> Option<Url> {
    Url::parse(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))).ok()
}

impl Provider {
    /// Reads a discovery document. `has_secret` is whether this client has one.
    ///
    /// # Errors
    ///
    /// The document is not valid, or names something that is not accepted.
    pub(crate) fn read(document: &[u8], issuer: &str, has_secret: bool) -> Result<Self, ProviderRefusal> {
        let document: Document = serde_json::from_slice(document).map_err(|_| ProviderRefusal::Document)?;
        if document.issuer != issuer {
            return Err(ProviderRefusal::Issuer);
        }
        let endpoint = |name, text: &str| safe_url(text).ok_or(ProviderRefusal::Url(name));
        if document.code_challenge_methods_supported.is_some_and(|all| !all.iter().any(|method| method == "S256")) {
            return Err(ProviderRefusal::Challenge);
        }
        Ok(Self {
            authorization_endpoint: endpoint("authorization_endpoint", &document.authorization_endpoint)?,
            token_endpoint: endpoint("token_endpoint", &document.token_endpoint)?,
            jwks_uri: endpoint("jwks_uri", &document.jwks_uri)?,
            algorithms: accepted(document.id_token_signing_alg_values_supported)?,
            takes_basic: !has_secret || takes_basic(document.token_endpoint_auth_methods_supported)?,
        })
    }
}

/// The algorithms of the provider that are accepted; RS256 if it lists none.
fn accepted(listed: Option<Vec<String>>) -> Result<Vec<&'static str>, ProviderRefusal> {
    let listed = listed.unwrap_or_else(|| vec!["RS256".to_owned()]);
    let accepted: Vec<_> = ALGORITHMS.into_iter().filter(|name| listed.iter().any(|it| it == name)).collect();
    if accepted.is_empty() { Err(ProviderRefusal::Algorithm) } else { Ok(accepted) }
}

/// `client_secret_basic` is what a provider supports that lists nothing.
fn takes_basic(methods: Option<Vec<String>>) -> Result<bool, ProviderRefusal> {
    let Some(methods) = methods else { return Ok(true) };
    let has = |name: &str| methods.iter().any(|method| method == name);
    match (has("client_secret_basic"), has("client_secret_post")) {
        (true, _) => Ok(true),
        (false, true) => Ok(false),
        (false, false) => Err(ProviderRefusal::ClientAuthentication),
    }
}

/// An https URL, or one of this machine, without credentials and fragment.
fn safe_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_here = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_here);
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (is_safe && is_plain).then_some(url)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://accounts.example.org";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://accounts.example.org/authorize?tenant=1",
            "token_endpoint": "https://tokens.example.org/token",
            "jwks_uri": "https://accounts.example.org/keys",
        })
    }

    fn read(change: &Value, has_secret: bool) -> Result<Provider, ProviderRefusal> {
        let mut document = document();
        for (key, value) in change.as_object().expect("an object") {
            document[key] = value.clone();
        }
        Provider::read(document.to_string().as_bytes(), ISSUER, has_secret)
    }

    #[test]
    fn a_document_is_of_its_issuer_and_names_safe_urls() {
        let provider = read(&json!({}), true).expect("a provider");
        assert_eq!((provider.algorithms, provider.takes_basic), (vec!["RS256"], true));
        for other in
            ["https://accounts.example.org/", "https://Accounts.example.org", "http://accounts.example.org", ""]
        {
            assert_eq!(read(&json!({ "issuer": other }), true), Err(ProviderRefusal::Issuer), "{other}");
        }
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            for wrong in [
                "http://accounts.example.org/x",
                "http://127.0.0.1.example.org/",
                "https://u:p@example.org/",
                "https://example.org/#x",
                "file:///etc/passwd",
                "javascript:alert(1)",
                "/relative",
                "",
            ] {
                assert_eq!(read(&json!({ name: wrong }), true), Err(ProviderRefusal::Url(name)), "{wrong}");
            }
            for right in ["http://127.0.0.1:8080/x", "http://[::1]/x", "http://localhost/x"] {
                assert!(read(&json!({ name: right }), true).is_ok(), "{right}");
            }
            assert_eq!(read(&json!({ name: [1] }), true), Err(ProviderRefusal::Document));
        }
    }

    #[test]
    fn what_a_provider_does_not_support_is_refused() {
        let challenge = |methods: Value| read(&json!({ "code_challenge_methods_supported": methods }), true);
        assert!(challenge(json!(["plain", "S256"])).is_ok() && challenge(Value::Null).is_ok());
        assert_eq!(challenge(json!(["plain"])), Err(ProviderRefusal::Challenge));
        let algorithms = |names: Value| {
            read(&json!({ "id_token_signing_alg_values_supported": names }), true).map(|provider| provider.algorithms)
        };
        assert_eq!(algorithms(json!(["none", "HS256", "ES256", "PS512"])), Ok(vec!["PS512", "ES256"]));
        assert_eq!(algorithms(json!(["none", "HS256"])), Err(ProviderRefusal::Algorithm));
        let methods = |names: Value, has_secret| {
            read(&json!({ "token_endpoint_auth_methods_supported": names }), has_secret).map(|it| it.takes_basic)
        };
        assert_eq!(methods(json!(["client_secret_post", "client_secret_basic"]), true), Ok(true));
        assert_eq!(methods(json!(["client_secret_post"]), true), Ok(false));
        assert_eq!(methods(json!(["private_key_jwt"]), true), Err(ProviderRefusal::ClientAuthentication));
        assert!(methods(json!(["private_key_jwt"]), false).is_ok(), "a public client sends no secret");
    }

    #[test]
    fn the_document_of_an_issuer_with_a_path_is_below_it() {
        let url = |issuer| discovery_url(issuer).map(String::from);
        assert_eq!(url(ISSUER).as_deref(), Some("https://accounts.example.org/.well-known/openid-configuration"));
        assert_eq!(
            url("https://a.org/realms/x/").as_deref(),
            Some("https://a.org/realms/x/.well-known/openid-configuration")
        );
    }
}
