//! Extracts Sigstore bundles from their containers: one bundle, one bundle per line, or a GitHub API response.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use super::json;
use super::json::JsonError;

/// The maximum size of a bundle, in bytes. Real ones have 3 to 12 KB.
pub const MAX_BUNDLE: usize = 1024 * 1024;

/// The maximum size of a container, in bytes, for downloads and for the cache.
pub(crate) const MAX_TEXT: usize = 16 * 1024 * 1024;

/// The maximum number of bundles in one container.
pub const MAX_BUNDLES: usize = 100;

/// Why a text contains no usable bundles.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AttestationBundleError {
    /// It is larger than any bundle.
    #[error("it has {0} bytes, but a bundle has at most {MAX_BUNDLE}")]
    TooLarge(usize),
    /// It is larger than all attestations of any file.
    #[error("it has {0} bytes, but the attestations of one file have at most {MAX_TEXT}")]
    TooLong(usize),
    /// It contains too many bundles.
    #[error("it contains more than {MAX_BUNDLES} bundles")]
    TooMany,
    /// It is not JSON with one unambiguous reading.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is JSON, but not a bundle.
    #[error("it is not a Sigstore bundle: {0}")]
    Shape(String),
    /// It is an attestation in a format without evidence of the signing time.
    #[error("it is {0}, a format without a verifiable signing time, which cannot be verified offline")]
    Legacy(&'static str),
    /// GitHub's response references bundles only by URL.
    #[error("it references its bundles by URL (`bundle_url`) and contains none")]
    Addresses,
}

/// GitHub's response to an attestation query; other fields are ignored.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    attestations: Vec<Attestation<'a>>,
}

#[derive(Deserialize)]
struct Attestation<'a> {
    #[serde(borrow)]
    bundle: Option<&'a RawValue>,
}

/// The bundles in a text, byte for byte. An API response without bundles is an empty list. An entry that is not a
/// bundle is returned as it is: verification rejects it, and it hides none of the others.
pub fn split(text: &[u8]) -> Result<Vec<String>, AttestationBundleError> {
    if text.len() > MAX_TEXT {
        return Err(AttestationBundleError::TooLong(text.len()));
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    // JSON never spans two lines of a JSON Lines file and is one value as a whole at the same time, so lines are tried
    // second.
    let bundles = match json::strict(text) {
        Ok(()) => from_document(text)?,
        Err(error) => {
            let lines = json::lines(text).ok_or(error)?;
            lines.into_iter().take(MAX_BUNDLES + 1).map(one).collect::<Result<_, _>>()?
        }
    };
    match bundles.iter().find(|bundle| bundle.len() > MAX_BUNDLE) {
        Some(bundle) => Err(AttestationBundleError::TooLarge(bundle.len())),
        None if bundles.len() > MAX_BUNDLES => Err(AttestationBundleError::TooMany),
        None => Ok(bundles),
    }
}

/// The name of the release asset that may contain an asset's attestations.
pub(crate) fn file_name(asset: &str) -> String {
    format!("{asset}.sigstore.json")
}

/// A container for these bundles, byte for byte, in the format of GitHub's response. [`split`] is the inverse.
pub(crate) fn join<T: AsRef<str>>(bundles: &[T]) -> String {
    let entries: Vec<String> =
        bundles.iter().map(|bundle| format!("{{\"bundle\":{}}}", bundle.as_ref().trim())).collect();
    format!("{{\"attestations\":[{}]}}\n", entries.join(",\n"))
}

fn from_document(text: &[u8]) -> Result<Vec<String>, AttestationBundleError> {
    let Ok(answer) = serde_json::from_slice::<Answer<'_>>(text) else { return Ok(vec![one(text)?]) };
    if !answer.attestations.is_empty() && answer.attestations.iter().all(|entry| entry.bundle.is_none()) {
        return Err(AttestationBundleError::Addresses);
    }
    Ok(answer.attestations.iter().filter_map(|entry| entry.bundle).map(|bundle| bundle.get().to_owned()).collect())
}

/// One bundle, if it has the shape of one: exactly one signed content and exactly one key or certificate.
pub(super) fn one(text: &[u8]) -> Result<String, AttestationBundleError> {
    if text.len() > MAX_BUNDLE {
        return Err(AttestationBundleError::TooLarge(text.len()));
    }
    json::strict(text)?;
    let shape = |what: &str| AttestationBundleError::Shape(what.to_owned());
    let value: Value = serde_json::from_slice(text).map_err(|error| shape(&error.to_string()))?;
    let Some(fields) = value.as_object() else { return Err(shape("it is not an object")) };
    if fields.contains_key("attestations") {
        return Err(shape("it is a GitHub API response, not a bundle"));
    }
    if let Some(form) = legacy(&value) {
        return Err(AttestationBundleError::Legacy(form));
    }
    let Some(material) = fields.get("verificationMaterial").and_then(Value::as_object) else {
        return Err(shape("it has no `verificationMaterial`"));
    };
    exactly_one(fields, &["messageSignature", "dsseEnvelope"])?;
    exactly_one(material, &["certificate", "x509CertificateChain", "publicKey"])?;
    let text = str::from_utf8(text).map_err(|error| shape(&error.to_string()))?;
    Ok(text.to_owned())
}

fn exactly_one(fields: &serde_json::Map<String, Value>, names: &[&str]) -> Result<(), AttestationBundleError> {
    match names.iter().filter(|name| fields.contains_key(**name)).count() {
        1 => Ok(()),
        count => Err(AttestationBundleError::Shape(format!(
            "it must have exactly one of {}, but has {count}",
            names.join(", ")
        ))),
    }
}

/// Formats of older tools, so that errors can name them.
fn legacy(value: &Value) -> Option<&'static str> {
    if value.get("base64Signature").is_some() || value.get("rekorBundle").is_some() {
        Some("a bundle of cosign 1 or 2")
    } else if value.get("payloadType").is_some() && value.get("signatures").is_some() {
        Some("a bare signed statement (`.intoto.jsonl`)")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUNDLE: &str = r#"{"mediaType": "x", "verificationMaterial": {"certificate": {}}, "dsseEnvelope": {}}"#;

    #[test]
    fn every_container_gives_the_same_bytes() {
        let line = format!("\n{BUNDLE}\r\n{BUNDLE}\n\n");
        assert_eq!(split(BUNDLE.as_bytes()), Ok(vec![BUNDLE.to_owned()]));
        assert_eq!(split(line.as_bytes()), Ok(vec![BUNDLE.to_owned(), BUNDLE.to_owned()]));
        let pretty = BUNDLE.replace(", ", ",\n ");
        assert_eq!(split(pretty.as_bytes()), Ok(vec![pretty.clone()]));
        let answer = format!(r#"{{"attestations": [{{"repository_id": 1, "bundle": {BUNDLE}}}, {{"bundle": null}}]}}"#);
        assert_eq!(split(answer.as_bytes()), Ok(vec![BUNDLE.to_owned()]));
        assert_eq!(split(br#"{"attestations": []}"#), Ok(Vec::new()));
        let beside = format!(r#"{{"attestations": [{{"bundle": {{}}}}, {{"bundle": {BUNDLE}}}]}}"#);
        assert_eq!(split(beside.as_bytes()), Ok(vec!["{}".to_owned(), BUNDLE.to_owned()]));
    }

    #[test]
    fn join_and_split_are_inverse() {
        let pretty = BUNDLE.replace(", ", ",\n ");
        for bundles in [vec![], vec![BUNDLE.to_owned()], vec![BUNDLE.to_owned(), pretty]] {
            assert_eq!(split(join(&bundles).as_bytes()), Ok(bundles));
        }
    }

    #[test]
    fn errors_name_what_is_not_a_bundle() {
        let refused = |text: &str| split(text.as_bytes()).expect_err("refused");
        assert_eq!(refused(r#"{"attestations": [{"bundle_url": "https://x"}]}"#), AttestationBundleError::Addresses);
        assert!(matches!(refused(r#"{"base64Signature": ""}"#), AttestationBundleError::Legacy(_)));
        assert!(matches!(
            refused(r#"{"payloadType": "", "payload": "", "signatures": []}"#),
            AttestationBundleError::Legacy(_)
        ));
        assert!(matches!(refused("[]"), AttestationBundleError::Shape(_)));
        assert!(matches!(refused("{}"), AttestationBundleError::Shape(_)));
        assert!(matches!(refused(""), AttestationBundleError::Json(_)));
        assert!(matches!(refused("{}\nno"), AttestationBundleError::Json(_)));
        assert!(matches!(refused(&format!("{BUNDLE}\n{{}}")), AttestationBundleError::Shape(_)));
        // A bundle in one container must not be an API response in another.
        let both = BUNDLE.replacen('{', r#"{"attestations": [], "#, 1);
        assert!(matches!(refused(&format!("{BUNDLE}\n{both}")), AttestationBundleError::Shape(_)));
        assert!(matches!(
            refused(&BUNDLE.replace(r#""certificate""#, r#""publicKey": {}, "certificate""#)),
            AttestationBundleError::Shape(_)
        ));
        assert!(matches!(refused(&BUNDLE.replace("dsseEnvelope", "dsse")), AttestationBundleError::Shape(_)));
    }

    #[test]
    fn size_and_number_are_bounded() {
        let long = BUNDLE.replace("\"x\"", &format!("\"{}\"", "x".repeat(MAX_BUNDLE)));
        assert!(matches!(split(long.as_bytes()), Err(AttestationBundleError::TooLarge(_))));
        let blank = " ".repeat(MAX_TEXT);
        assert!(matches!(split(format!("{BUNDLE}{blank}").as_bytes()), Err(AttestationBundleError::TooLong(_))));
        let many = format!("{BUNDLE}\n").repeat(MAX_BUNDLES + 1);
        assert_eq!(split(many.as_bytes()), Err(AttestationBundleError::TooMany));
        assert_eq!(split(format!("{BUNDLE}\n").repeat(MAX_BUNDLES).as_bytes()).map(|all| all.len()), Ok(MAX_BUNDLES));
    }
}
