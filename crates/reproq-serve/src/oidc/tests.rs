//! Signatures with real keys, and what an attacker may put into the header of a token.

use fake_oidc::SigningKey;
use fake_oidc::unsigned;
use serde_json::Value;
use serde_json::json;

use super::IdTokenRefusal;
use super::KeySet;

const ALL: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];

fn keys(keys: &[Value]) -> KeySet {
    KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).expect("keys")
}

fn claims() -> Value {
    json!({ "sub": "1", "exp": 1 })
}

#[test]
fn each_algorithm_is_verified_with_its_key() {
    let (rsa, ec, ed) = (SigningKey::rsa("a"), SigningKey::ec("b"), SigningKey::ed("c"));
    let all = keys(&[rsa.jwk(), ec.jwk(), ed.jwk()]);
    for key in [&rsa, &ec, &ed] {
        let token = key.token(&json!({}), &claims());
        let read = all.claims_of(&token, &ALL);
        // It has expired long ago: the claims are checked elsewhere, and the clock is not read here.
        assert_eq!(read.map(Value::Object), Ok(claims()), "{token}");
        assert_eq!(all.claims_of(&token, &["RS512"]), Err(IdTokenRefusal::Algorithm));
        for at in [token.len() - 10, token.find('.').expect("a part") + 3] {
            let other = if &token[at..=at] == "A" { "B" } else { "A" };
            let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert_eq!(all.claims_of(&changed, &ALL), Err(IdTokenRefusal::Signature), "{at}");
        }
    }
    let mut pss = rsa.jwk();
    pss["alg"] = json!("PS256");
    let token = rsa.token(&json!({ "alg": "PS256" }), &claims());
    assert!(keys(&[pss]).claims_of(&token, &ALL).is_ok());
    assert_eq!(all.claims_of(&token, &ALL), Err(IdTokenRefusal::UnknownKey), "the key is for RS256");
}

#[test]
fn the_header_chooses_among_published_public_keys_only() {
    let (rsa, ec, other) = (SigningKey::rsa("a"), SigningKey::ec("b"), SigningKey::ec("b"));
    let published = keys(&[rsa.jwk(), ec.jwk()]);
    let secret_key = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "a", "alg": "HS256" });
    let with_secret = keys(&[secret_key]);
    let refused = |keys: &KeySet, token: &str| keys.claims_of(token, &["RS256", "ES256", "HS256", "none"]);
    for secret in [&b"secret"[..], b"client", &rsa.public_der(), rsa.jwk()["n"].as_str().expect("n").as_bytes()] {
        let token = unsigned("HS256", "a", secret, &claims());
        assert_eq!(refused(&published, &token), Err(IdTokenRefusal::Algorithm));
        assert_eq!(refused(&with_secret, &token), Err(IdTokenRefusal::Algorithm));
    }
    for name in ["none", "None", "nOnE"] {
        let token = unsigned(name, "a", b"", &claims());
        assert!(refused(&published, &token).is_err(), "{name}");
    }
    assert_eq!(refused(&published, &unsigned("none", "a", b"", &claims())), Err(IdTokenRefusal::Algorithm));
    // Another key with the same name, the key of another name, and one that comes with the token.
    assert_eq!(refused(&published, &other.token(&json!({}), &claims())), Err(IdTokenRefusal::Signature));
    assert_eq!(refused(&published, &ec.token(&json!({ "kid": "a" }), &claims())), Err(IdTokenRefusal::UnknownKey));
    let own = json!({ "kid": "b", "jwk": other.jwk() });
    assert_eq!(refused(&published, &other.token(&own, &claims())), Err(IdTokenRefusal::Signature));
    // Without a name, if there is one key for the algorithm.
    assert!(refused(&published, &ec.token(&json!({ "kid": null }), &claims())).is_ok());
    let two = keys(&[ec.jwk(), SigningKey::ec("c").jwk()]);
    assert_eq!(refused(&two, &ec.token(&json!({ "kid": null }), &claims())), Err(IdTokenRefusal::UnknownKey));
    // A key for encryption, and an extension that has to be understood.
    let mut encrypts = ec.jwk();
    encrypts["use"] = json!("enc");
    assert_eq!(refused(&keys(&[encrypts]), &ec.token(&json!({}), &claims())), Err(IdTokenRefusal::UnknownKey));
    let critical = json!({ "crit": ["x"], "x": 1 });
    assert!(refused(&published, &ec.token(&critical, &claims())).is_err());
    for text in ["", "a.b", "a.b.c", "a.b.c.d", "....", "\u{0}"] {
        assert!(refused(&published, text).is_err(), "{text}");
    }
}

#[test]
fn keys_of_an_unknown_kind_are_passed_over() {
    let ec = SigningKey::ec("a");
    let unknown = json!({ "kty": "XYZ", "kid": "b", "alg": "XY512" });
    let curve = json!({ "kty": "EC", "crv": "secp256k1", "kid": "c", "x": "AA", "y": "AA" });
    let set = keys(&[unknown, curve, ec.jwk()]);
    assert!(set.claims_of(&ec.token(&json!({}), &claims()), &ALL).is_ok());
    for text in ["", "[]", "{}", r#"{"keys":1}"#] {
        assert!(KeySet::read(text.as_bytes()).is_none(), "{text}");
    }
}
