//! What is sent to the provider, and the parts of its responses that are no token. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use form_urlencoded::Serializer;
use form_urlencoded::byte_serialize;
use serde::Deserialize;
use sha2::Digest;
use sha2::Sha256;
use url::Url;

use super::OidcSettings;
use super::Provider;
use super::ProviderRequest;
use super::StartedSignIn;

/// The longest ID token, in bytes.
const LONGEST_ID_TOKEN: usize = 64 * 1024;

/// Where a browser is sent to sign in. `callback` is the URL of this server that it returns to.
pub(crate) fn authorization_url(
    provider: &Provider,
    settings: &OidcSettings,
    started: &StartedSignIn,
    callback: &str,
) -> Url {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(started.verifier()));
    let mut url = provider.authorization_endpoint.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &settings.client_id)
        .append_pair("redirect_uri", callback)
        .append_pair("scope", scope(&settings.claim))
        .append_pair("state", &started.state())
        .append_pair("nonce", &started.nonce())
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    url
}

/// Only what is needed for the claim.
fn scope(claim: &str) -> &'static str {
    match claim {
        "sub" => "openid",
        "email" => "openid email",
        _ => "openid email profile",
    }
}

/// The request that exchanges a code for a token.
pub(crate) fn token_request(
    provider: &Provider,
    settings: &OidcSettings,
    started: &StartedSignIn,
    code: &str,
    callback: &str,
) -> ProviderRequest {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", callback)
        .append_pair("code_verifier", &started.verifier());
    let secret = settings.client_secret.as_ref();
    let authorization = secret.filter(|_| provider.takes_basic).map(|secret| {
        // RFC 6749, 2.3.1: both are encoded as in a form first.
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(&settings.client_id), encoded(secret.expose()));
        format!("Basic {}", STANDARD.encode(pair))
    });
    if authorization.is_none() {
        form.append_pair("client_id", &settings.client_id);
        if let Some(secret) = secret {
            form.append_pair("client_secret", secret.expose());
        }
    }
    ProviderRequest { url: provider.token_endpoint.clone(), form: Some(form.finish()), authorization }
}

#[derive(Deserialize)]
struct TokenResponse {
    id_token: String,
}

#[derive(Deserialize)]
struct ErrorResponse {
    error: String,
}

/// The ID token of a response, or why there is none, in words of ours.
pub(crate) fn id_token_of(status: u16, body: &[u8]) -> Result<String, String> {
    if status == 200 {
        let response: Option<TokenResponse> = serde_json::from_slice(body).ok();
        return match response {
            Some(response) if response.id_token.len() <= LONGEST_ID_TOKEN => Ok(response.id_token),
            Some(_) | None => Err("the provider returned no ID token".to_owned()),
        };
    }
    let error: Option<ErrorResponse> = serde_json::from_slice(body).ok();
    let words = error.map_or("it is not described", |response| error_in_words(&response.error));
    Err(format!("the provider refused the code with HTTP {status}: {words}"))
}

/// What an error of a provider means (RFC 6749, 4.1.2.1 and 5.2; OpenID Connect Core, 3.1.2.6). Its own text is not repeated:
/// anybody can write it into a link.
pub(crate) fn error_in_words(error: &str) -> &'static str {
    match error {
        "access_denied" => "access was denied",
        "invalid_request" => "the request is invalid",
        "invalid_client" => "the client ID or its secret is wrong",
        "invalid_grant" => "the code is invalid, expired or used already",
        "invalid_scope" => "a scope is not allowed",
        "unauthorized_client" => "this client may not sign people in",
        "unsupported_response_type" | "unsupported_grant_type" => "codes are not enabled for this client",
        "server_error" => "it has an internal error",
        "temporarily_unavailable" => "it is temporarily unavailable",
        "login_required" | "interaction_required" | "account_selection_required" => "you have to sign in there",
        "consent_required" => "you have to consent there",
        _ => "the error is not known",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::oidc::ClientSecret;
    use crate::oidc::DoorFuture;
    use crate::oidc::ProviderDoor;
    use crate::sign_in::Next;

    const CALLBACK: &str = "https://queue.example.org/ops/reproq/tui/callback/";

    #[derive(Debug)]
    struct Closed;

    impl ProviderDoor for Closed {
        fn send(&self, _: ProviderRequest) -> DoorFuture<'_> {
            Box::pin(async { Err("closed".to_owned()) })
        }
    }

    fn settings(secret: Option<&str>, claim: &str) -> OidcSettings {
        OidcSettings {
            issuer: "https://a.org".to_owned(),
            host: "a.org".to_owned(),
            client_id: "queue & co".to_owned(),
            client_secret: secret.and_then(|secret| ClientSecret::new(secret.to_owned())),
            claim: claim.to_owned(),
            names: Vec::new(),
            door: Arc::new(Closed),
        }
    }

    fn provider(methods: &[&str]) -> Provider {
        let document = json!({
            "issuer": "https://a.org", "authorization_endpoint": "https://a.org/auth?tenant=1",
            "token_endpoint": "https://a.org/token", "jwks_uri": "https://a.org/keys",
            "token_endpoint_auth_methods_supported": methods,
        });
        Provider::read(document.to_string().as_bytes(), "https://a.org", true).expect("a provider")
    }

    fn started() -> StartedSignIn {
        StartedSignIn { expires_at: 0, state: [1; 16], nonce: [2; 16], verifier: [3; 32], next: Next::Home }
    }

    #[test]
    fn a_browser_is_sent_with_state_nonce_and_challenge() {
        let provider = provider(&["client_secret_basic"]);
        let url = authorization_url(&provider, &settings(None, "email"), &started(), CALLBACK);
        let fields: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let field = |name: &str| fields[name].as_str();
        assert_eq!((url.path(), field("tenant"), field("response_type")), ("/auth", "1", "code"));
        assert_eq!((field("client_id"), field("redirect_uri")), ("queue & co", CALLBACK));
        assert_eq!((field("state"), field("nonce")), (started().state().as_str(), started().nonce().as_str()));
        assert_eq!((field("scope"), field("code_challenge_method")), ("openid email", "S256"));
        assert_ne!(field("state"), field("nonce"));
        assert!(!url.as_str().contains(&started().verifier()), "the verifier stays here");
        for (claim, expected) in [("sub", "openid"), ("preferred_username", "openid email profile")] {
            let url = authorization_url(&provider, &settings(None, claim), &started(), CALLBACK);
            assert!(url.query_pairs().any(|(name, value)| name == "scope" && value == expected), "{url}");
        }
    }

    /// RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = URL_SAFE_NO_PAD.decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").expect("base64");
        let started = StartedSignIn { verifier: verifier.try_into().expect("32 bytes"), ..started() };
        let url = authorization_url(&provider(&["client_secret_basic"]), &settings(None, "sub"), &started, CALLBACK);
        assert!(url.as_str().contains("code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&"), "{url}");
    }

    #[test]
    fn the_secret_is_sent_as_the_provider_wants_it() {
        let request = |methods: &[&str], secret| {
            token_request(&provider(methods), &settings(secret, "sub"), &started(), "c&d", CALLBACK)
        };
        let basic = request(&["client_secret_basic", "client_secret_post"], Some("p:q %"));
        // queue+%26+co:p%3Aq+%25
        assert_eq!(basic.authorization.as_deref(), Some("Basic cXVldWUrJTI2K2NvOnAlM0FxKyUyNQ=="));
        let form = basic.form.clone().expect("a form");
        assert!(
            form.starts_with("grant_type=authorization_code&code=c%26d&redirect_uri=https%3A%2F%2Fqueue."),
            "{form}"
        );
        assert!(form.contains(&started().verifier()) && !form.contains("client_secret"), "{form}");
        let post = request(&["client_secret_post"], Some("p:q"));
        assert!(
            post.authorization.is_none()
                && post.form.expect("a form").ends_with("client_id=queue+%26+co&client_secret=p%3Aq")
        );
        let public = request(&["client_secret_basic"], None);
        assert!(public.authorization.is_none() && public.form.expect("a form").ends_with("&client_id=queue+%26+co"));
        assert!(!format!("{basic:?}").contains("cXVl"), "{basic:?}");
    }

    #[test]
    fn a_response_without_a_token_is_explained_in_our_words() {
        assert_eq!(id_token_of(200, br#"{"id_token":"a.b.c","access_token":"x"}"#).as_deref(), Ok("a.b.c"));
        let refused = |status, body: &[u8]| id_token_of(status, body).expect_err("no token");
        assert!(
            refused(400, br#"{"error":"invalid_grant","error_description":"<b>"}"#)
                .ends_with("HTTP 400: the code is invalid, expired or used already")
        );
        assert!(refused(400, br#"{"error":"<script>"}"#).ends_with("the error is not known"));
        assert!(refused(502, b"<html>").ends_with("it is not described"));
        for body in [&b"{}"[..], b"", br#"{"id_token":1}"#] {
            assert_eq!(refused(200, body), "the provider returned no ID token");
        }
        let long = json!({ "id_token": "x".repeat(LONGEST_ID_TOKEN + 1) }).to_string();
        assert_eq!(refused(200, long.as_bytes()), "the provider returned no ID token");
    }
}
