//! What an ID token states, once its signature is verified, and whom it names. Pure.

use serde_json::Map;
use serde_json::Value;
use thiserror::Error;

/// How far the clocks of the provider and this machine may differ, in seconds.
const LEEWAY: f64 = 60.0;

/// What a token has to state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    /// The claim with the name.
    pub(crate) claim: &'a str,
    /// In Unix seconds.
    pub(crate) now: i64,
}

/// Why an ID token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[cfg_attr(not(feature = "oidc"), expect(dead_code, reason = "without the feature, no signature is looked at"))]
pub(crate) enum IdTokenRefusal {
    #[error("it is not a signed token")]
    Form,
    #[error("it is signed with an algorithm that is not accepted")]
    Algorithm,
    #[error("it is signed with a key that the provider does not publish")]
    UnknownKey,
    #[error("its signature is wrong")]
    Signature,
    #[error("it is of another issuer")]
    Issuer,
    #[error("it is for another client")]
    Audience,
    #[error("it was issued to another client (azp)")]
    AuthorizedParty,
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet")]
    NotYet,
    #[error("it belongs to another sign-in (nonce)")]
    Nonce,
    #[error("it has no claim `{0}` that is a name")]
    Claim(String),
    #[error("its email address is not verified (email_verified)")]
    Unverified,
    #[cfg_attr(feature = "oidc", expect(dead_code, reason = "only a build without the feature returns it"))]
    #[error("this program was built without OIDC")]
    NotBuilt,
}

/// The name in the claims of a token whose signature was verified.
///
/// # Errors
///
/// The first claim that is not as expected.
pub(crate) fn name_in(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<String, IdTokenRefusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(IdTokenRefusal::Issuer);
    }
    check_audience(claims, expected.client_id)?;
    check_times(claims, expected.now)?;
    if text("nonce") != Some(expected.nonce) {
        return Err(IdTokenRefusal::Nonce);
    }
    // Providers let people enter any address, and verify it later. Some write the boolean as a string, which may be anything.
    if expected.claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
        return Err(IdTokenRefusal::Unverified);
    }
    let name = text(expected.claim).filter(|name| !name.is_empty());
    name.map(ToOwned::to_owned).ok_or_else(|| IdTokenRefusal::Claim(expected.claim.to_owned()))
}

/// OpenID Connect Core, 3.1.3.7, steps 3 to 5.
fn check_audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), IdTokenRefusal> {
    let audiences: Vec<&Value> = match claims.get("aud") {
        Some(Value::Array(several)) => several.iter().collect(),
        Some(one @ Value::String(_)) => vec![one],
        Some(_) | None => Vec::new(),
    };
    if !audiences.iter().any(|audience| audience.as_str() == Some(client_id)) {
        return Err(IdTokenRefusal::Audience);
    }
    match claims.get("azp") {
        None if audiences.len() == 1 => Ok(()),
        Some(party) if party.as_str() == Some(client_id) => Ok(()),
        Some(_) | None => Err(IdTokenRefusal::AuthorizedParty),
    }
}

fn check_times(claims: &Map<String, Value>, now: i64) -> Result<(), IdTokenRefusal> {
    #[expect(clippy::cast_precision_loss, reason = "seconds of this millennium are exact")]
    let now = now as f64;
    let time = |name: &str| claims.get(name).and_then(Value::as_f64);
    if time("exp").is_none_or(|expires_at| now >= expires_at + LEEWAY) {
        return Err(IdTokenRefusal::Expired);
    }
    let is_past = |at: f64| at <= now + LEEWAY;
    let is_valid_already = match claims.get("nbf") {
        None => true,
        Some(from) => from.as_f64().is_some_and(is_past),
    };
    if is_valid_already && time("iat").is_some_and(is_past) { Ok(()) } else { Err(IdTokenRefusal::NotYet) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn expected(claim: &str) -> Expected<'_> {
        Expected { issuer: "https://a.org", client_id: "queue", nonce: "n", claim, now: NOW }
    }

    fn claims(change: &Value) -> Map<String, Value> {
        let mut claims = json!({
            "iss": "https://a.org", "sub": "1", "aud": "queue", "exp": NOW + 300, "iat": NOW, "nonce": "n",
            "email": "ada@example.org", "email_verified": true,
        });
        for (key, value) in change.as_object().expect("an object") {
            claims[key] = value.clone();
        }
        let Value::Object(mut claims) = claims else { panic!("an object") };
        claims.retain(|_, value| !value.is_null());
        claims
    }

    fn checked(change: &Value) -> Result<String, IdTokenRefusal> {
        name_in(&claims(change), &expected("email"))
    }

    #[test]
    fn each_claim_is_checked() {
        use IdTokenRefusal as Refusal;
        for right in [
            json!({}),
            json!({ "aud": ["queue"] }),
            json!({ "aud": ["other", "queue"], "azp": "queue" }),
            json!({ "azp": "queue" }),
            json!({ "exp": NOW - 59 }),
            json!({ "iat": NOW + 60, "nbf": NOW + 60 }),
            json!({ "exp": 1_800_000_300.5 }),
        ] {
            assert_eq!(checked(&right).as_deref(), Ok("ada@example.org"), "{right}");
        }
        for (wrong, refusal) in [
            (json!({ "iss": "https://a.org/" }), Refusal::Issuer),
            (json!({ "iss": null }), Refusal::Issuer),
            (json!({ "aud": "other" }), Refusal::Audience),
            (json!({ "aud": ["other"] }), Refusal::Audience),
            (json!({ "aud": null }), Refusal::Audience),
            (json!({ "aud": { "queue": 1 } }), Refusal::Audience),
            (json!({ "aud": [["queue"]] }), Refusal::Audience),
            (json!({ "aud": ["queue", "other"] }), Refusal::AuthorizedParty),
            (json!({ "aud": ["queue", "other"], "azp": "other" }), Refusal::AuthorizedParty),
            (json!({ "azp": "other" }), Refusal::AuthorizedParty),
            (json!({ "azp": ["queue"] }), Refusal::AuthorizedParty),
            (json!({ "exp": NOW - 60 }), Refusal::Expired),
            (json!({ "exp": null }), Refusal::Expired),
            (json!({ "exp": "1900000000" }), Refusal::Expired),
            (json!({ "iat": NOW + 61 }), Refusal::NotYet),
            (json!({ "iat": null }), Refusal::NotYet),
            (json!({ "nbf": NOW + 61 }), Refusal::NotYet),
            (json!({ "nbf": "soon" }), Refusal::NotYet),
            (json!({ "nonce": "m" }), Refusal::Nonce),
            (json!({ "nonce": null }), Refusal::Nonce),
            (json!({ "email_verified": false }), Refusal::Unverified),
            (json!({ "email_verified": "true" }), Refusal::Unverified),
            (json!({ "email_verified": 1 }), Refusal::Unverified),
            (json!({ "email_verified": null }), Refusal::Unverified),
            (json!({ "email": null }), Refusal::Claim("email".to_owned())),
            (json!({ "email": ["ada@example.org"] }), Refusal::Claim("email".to_owned())),
            (json!({ "email": "" }), Refusal::Claim("email".to_owned())),
        ] {
            assert_eq!(checked(&wrong), Err(refusal), "{wrong}");
        }
    }

    #[test]
    fn another_claim_is_the_name_as_it_is() {
        let without = json!({ "email_verified": null, "upn": "ada" });
        assert_eq!(name_in(&claims(&without), &expected("upn")).as_deref(), Ok("ada"));
        assert_eq!(name_in(&claims(&without), &expected("sub")).as_deref(), Ok("1"));
    }

    proptest! {
        /// Whatever is missing or of another type, no token but a complete one names anybody.
        #[test]
        fn no_claim_can_be_left_out(
            index in 0_usize..7,
            other in prop_oneof![Just(json!(null)), Just(json!([])), Just(json!({})), Just(json!(false))],
        ) {
            let name = ["iss", "aud", "exp", "iat", "nonce", "email", "email_verified"][index];
            let change = json!({ name: other });
            prop_assert!(checked(&change).is_err(), "{}", change);
        }
    }
}
