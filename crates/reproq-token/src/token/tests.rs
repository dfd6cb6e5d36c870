//! Tokens that are accepted, and all the ones that are not, each with its reason.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::TokenKey;

const NOW: i64 = 1_800_000_000;

fn key() -> TokenKey {
    TokenKey::new("s3cret-token").expect("a key")
}

fn signed(header: &str, payload: &str, key: &TokenKey) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn claims() -> Value {
    json!({
        "sub": "7", "username": "ada", "superuser": true, "iat": NOW - 10, "exp": NOW + 60,
        "iss": "reproq-django", "aud": "reproq-tui", "jti": "00112233aabbccdd",
    })
}

/// A good token whose claim has this value, or none.
fn with(name: &str, value: Option<Value>) -> String {
    let mut claims = claims();
    let map = claims.as_object_mut().expect("an object");
    match value {
        Some(value) => drop(map.insert(name.to_owned(), value)),
        None => drop(map.remove(name)),
    }
    signed(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string(), &key())
}

fn with_header(header: &str) -> String {
    signed(header, &claims().to_string(), &key())
}

fn refused(token: &str) -> TokenRefusal {
    let refusal = verify(token, &key(), NOW).expect_err("it is refused");
    let inspected = inspect(token, &key(), NOW);
    assert_eq!(inspected.refusal(), Some(&refusal), "both have the same rules");
    refusal
}

fn found(text: &str) -> String {
    text.to_owned()
}

#[test]
fn a_token_of_django_is_accepted() {
    let token = with("jti", Some(json!("00112233aabbccdd")));
    let expected = Claims {
        subject: "7".to_owned(),
        username: Some("ada".to_owned()),
        audience: Audience::Tui,
        expires_at: NOW + 60,
    };
    assert_eq!(verify(&token, &key(), NOW), Ok(expected));
    assert_eq!(inspect(&token, &key(), NOW).refusal(), None);
    for (name, value) in [
        ("aud", Some(json!("reproq-worker"))),
        ("aud", Some(json!(["other", "reproq-worker", "reproq-tui"]))),
        ("exp", Some(json!(NOW + 1))),
        ("exp", Some(json!(NOW as f64 + 1.5))),
        ("nbf", Some(json!(NOW))),
        ("username", None),
        ("iat", None),
        ("jti", None),
        ("other", Some(json!({"a": [1]}))),
    ] {
        assert!(verify(&with(name, value.clone()), &key(), NOW).is_ok(), "{name} {value:?}");
    }
    assert!(verify(&with_header(r#"{"typ":"jwt","alg":"HS256","kid":"1"}"#), &key(), NOW).is_ok());
    assert!(verify(&with_header(r#"{"alg":"HS256"}"#), &key(), NOW).is_ok());
}

/// The twelve kinds that every server must refuse.
#[test]
fn twelve_bad_tokens_are_refused_each_with_its_reason() {
    let good = with("jti", None);
    let (unsigned, signature) = good.rsplit_once('.').expect("three parts");
    let none =
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(claims().to_string()));
    let other_key = signed(r#"{"alg":"HS256"}"#, &claims().to_string(), &TokenKey::new("other").expect("a key"));
    let cases = [
        ("alg none", none, TokenRefusal::Algorithm { found: found("\"none\"") }),
        ("RS256", with_header(r#"{"alg":"RS256"}"#), TokenRefusal::Algorithm { found: found("\"RS256\"") }),
        ("no exp", with("exp", None), TokenRefusal::NoExpiry),
        ("expired", with("exp", Some(json!(NOW))), TokenRefusal::Expired { at: NOW }),
        ("wrong aud", with("aud", Some(json!("other"))), TokenRefusal::Audience { found: found("\"other\"") }),
        ("wrong iss", with("iss", Some(json!("other"))), TokenRefusal::Issuer { found: found("\"other\"") }),
        (
            "superuser as text",
            with("superuser", Some(json!("true"))),
            TokenRefusal::Superuser { found: found("\"true\"") },
        ),
        ("no sub", with("sub", None), TokenRefusal::Subject { found: found("missing") }),
        ("bad base64", format!("{unsigned}=.{signature}"), TokenRefusal::Base64 { part: "payload" }),
        ("four parts", format!("{good}.x"), TokenRefusal::Parts { found: 4 }),
        ("other key", other_key, TokenRefusal::Signature),
        ("nbf in the future", with("nbf", Some(json!(NOW + 1))), TokenRefusal::NotYet { at: NOW + 1 }),
    ];
    for (kind, token, expected) in cases {
        assert_eq!(refused(&token), expected, "{kind}");
    }
}

#[test]
fn everything_else_that_is_wrong_is_refused() {
    let good = with("jti", None);
    let parts: Vec<&str> = good.split('.').collect();
    let padded = format!("{}.{}.{}=", parts[0], parts[1], parts[2]);
    let cases = [
        (String::new(), TokenRefusal::Parts { found: 1 }),
        ("..".to_owned(), TokenRefusal::Json { part: "header" }),
        ("a.b".to_owned(), TokenRefusal::Parts { found: 2 }),
        ("a".repeat(LONGEST_TOKEN + 1), TokenRefusal::TooLong { limit: LONGEST_TOKEN }),
        (format!("é.{}.{}", parts[1], parts[2]), TokenRefusal::Base64 { part: "header" }),
        (format!("{}.{}.", parts[0], parts[1]), TokenRefusal::Signature),
        (padded, TokenRefusal::Base64 { part: "signature" }),
        (format!(" {good}"), TokenRefusal::Base64 { part: "header" }),
        (with_header("[]"), TokenRefusal::Json { part: "header" }),
        (with_header(r#"["HS256"]"#), TokenRefusal::Json { part: "header" }),
        (with_header("{}"), TokenRefusal::Algorithm { found: found("missing") }),
        (with_header(r#"{"alg":"hs256"}"#), TokenRefusal::Algorithm { found: found("\"hs256\"") }),
        (with_header(r#"{"alg":["HS256"]}"#), TokenRefusal::Algorithm { found: found("[\"HS256\"]") }),
        (with_header(r#"{"alg":"none","alg":"HS256"}"#), TokenRefusal::Json { part: "header" }),
        (with_header(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#), TokenRefusal::Header { name: "crit" }),
        (with_header(r#"{"alg":"HS256","typ":"JWE"}"#), TokenRefusal::Header { name: "another `typ` than JWT" }),
        (signed(r#"{"alg":"HS256"}"#, "null", &key()), TokenRefusal::Json { part: "payload" }),
        (signed(r#"{"alg":"HS256"}"#, "{\"exp\":1,\"exp\":2}", &key()), TokenRefusal::Json { part: "payload" }),
        (signed(r#"{"alg":"HS256"}"#, &"[".repeat(500), &key()), TokenRefusal::Json { part: "payload" }),
        (with("exp", Some(json!("9999999999"))), TokenRefusal::Time { name: "exp" }),
        (with("exp", Some(json!(true))), TokenRefusal::Time { name: "exp" }),
        (with("exp", Some(json!(-1))), TokenRefusal::Time { name: "exp" }),
        (with("exp", Some(json!(1e300))), TokenRefusal::Time { name: "exp" }),
        (with("exp", Some(json!(u64::MAX))), TokenRefusal::Time { name: "exp" }),
        (with("exp", Some(Value::Null)), TokenRefusal::NoExpiry),
        (with("nbf", Some(json!("soon"))), TokenRefusal::Time { name: "nbf" }),
        (with("aud", None), TokenRefusal::Audience { found: found("missing") }),
        (with("aud", Some(json!([]))), TokenRefusal::Audience { found: found("[]") }),
        (with("aud", Some(json!({"reproq-tui": 1}))), TokenRefusal::Audience { found: found("{\"reproq-tui\":1}") }),
        (with("iss", None), TokenRefusal::Issuer { found: found("missing") }),
        (with("iss", Some(json!(["reproq-django"]))), TokenRefusal::Issuer { found: found("[\"reproq-django\"]") }),
        (with("superuser", None), TokenRefusal::Superuser { found: found("missing") }),
        (with("superuser", Some(json!(1))), TokenRefusal::Superuser { found: found("1") }),
        (with("superuser", Some(json!(false))), TokenRefusal::Superuser { found: found("false") }),
        (with("sub", Some(json!(" "))), TokenRefusal::Subject { found: found("\" \"") }),
        (with("sub", Some(json!(7))), TokenRefusal::Subject { found: found("7") }),
    ];
    for (token, expected) in cases {
        assert_eq!(refused(&token), expected, "{token}");
    }
}

#[test]
fn a_long_value_is_not_repeated_in_full() {
    let TokenRefusal::Issuer { found } = refused(&with("iss", Some(json!("é".repeat(500))))) else { panic!("iss") };
    assert_eq!(found.chars().count(), 61);
}

#[test]
fn an_inspection_has_all_checks_also_after_the_first_that_fails() {
    let mut wrong = claims();
    wrong["aud"] = json!("other");
    wrong["exp"] = json!(NOW - 1);
    let token = signed(r#"{"alg":"RS256"}"#, &wrong.to_string(), &TokenKey::new("other").expect("a key"));
    let inspection = inspect(&token, &key(), NOW);
    let failed: Vec<&str> =
        inspection.checks.iter().filter(|check| check.refusal.is_some()).map(|check| check.name).collect();
    assert_eq!(failed, ["alg", "signature", "aud", "exp"]);
    assert_eq!(inspection.checks.len(), 9);
    assert_eq!(inspection.claims[0], ("sub", json!("7")));
}

fn grant(name: &str, issued_at: i64) -> TokenGrant {
    let holder = TokenHolder::new(name).expect("a name");
    TokenGrant { holder, audience: Audience::Tui, issued_at, id: [0, 1, 2, 0xab, 0xcd, 0xef, 0x10, 0xff] }
}

#[test]
fn a_minted_token_has_the_claims_of_django_in_its_order() {
    let token = mint(&grant("ada", NOW), &key());
    let part = |index| {
        let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(index).expect("a part")).expect("base64");
        String::from_utf8(bytes).expect("UTF-8")
    };
    assert_eq!(part(0), r#"{"alg":"HS256","typ":"JWT"}"#);
    assert_eq!(
        part(1),
        "{\"sub\":\"ada\",\"username\":\"ada\",\"superuser\":true,\"iat\":1800000000,\"exp\":1802592000,\
         \"iss\":\"reproq-django\",\"aud\":\"reproq-tui\",\"jti\":\"000102abcdef10ff\"}"
    );
}

#[test]
fn a_holder_has_a_usable_name() {
    for name in ["", " ", "a\nb", &"a".repeat(255)] {
        assert_eq!(TokenHolder::new(name), None, "{name}");
    }
    // The longest name of the widest escapes still fits.
    let name = "\"".repeat(254);
    assert!(mint(&grant(&name, NOW), &key()).len() < LONGEST_TOKEN);
}

proptest! {
    #[test]
    fn what_is_minted_is_accepted_until_it_expires(name in "[^\\p{Cc}]{0,20}\\w", issued in 0_i64..10_000_000_000) {
        let grant = grant(&name, issued);
        let token = mint(&grant, &key());
        let claims = verify(&token, &key(), grant.expires_at() - 1).expect("it is valid");
        prop_assert_eq!(claims.subject, name);
        prop_assert_eq!(verify(&token, &key(), grant.expires_at()), Err(TokenRefusal::Expired { at: grant.expires_at() }));
        prop_assert_eq!(verify(&token, &TokenKey::new("other").expect("a key"), issued), Err(TokenRefusal::Signature));
    }

    /// A signature covers every character: a token with another one somewhere is refused.
    #[test]
    fn a_changed_token_is_refused(at in any::<proptest::sample::Index>(), to in "[A-Za-z0-9_.=-]") {
        let token = mint(&grant("ada", NOW), &key());
        let at = at.index(token.len());
        let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
        prop_assume!(changed != token);
        prop_assert!(verify(&changed, &key(), NOW).is_err());
    }

    #[test]
    fn no_text_is_a_token(text in "\\PC{0,300}", parts in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,4}") {
        for text in [text, parts] {
            let refusal = verify(&text, &key(), NOW).expect_err("it is refused");
            let inspection = inspect(&text, &key(), NOW);
            prop_assert_eq!(inspection.refusal(), Some(&refusal));
        }
    }
}
