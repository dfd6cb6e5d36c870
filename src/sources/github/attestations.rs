//! Attestations that GitHub's API has for a digest, as Sigstore bundles. Nothing is verified here. "No attestations" and
//! "could not be queried" are different results.

use reqwest::header;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use crate::io::net::NetError;
use crate::io::net::api::at_most;
use crate::io::net::api::has_next_page;
use crate::io::net::retrying;
use crate::model::Sha256Digest;
use crate::model::progress::Progress;
use crate::model::url_policy::is_loopback;
use crate::sources::github::ApiError;
use crate::sources::github::GitHub;
use crate::sources::github::api::read_json;

/// One page of the API; more than anyone attests about one file.
const MAX_BUNDLES: usize = 100;

/// Real bundles take 3 to 12 KB.
const MAX_BUNDLE: usize = 1024 * 1024;

/// The response as documented by the API; only the fields in use.
#[derive(Deserialize)]
struct AttestationsAnswer<'a> {
    #[serde(borrow, deserialize_with = "at_most::<MAX_BUNDLES, _, _>")]
    attestations: Vec<AttestationAnswer<'a>>,
}

/// An entry carries the bundle, its URL, or both.
#[derive(Deserialize)]
struct AttestationAnswer<'a> {
    #[serde(borrow, default)]
    bundle: Option<&'a RawValue>,
    #[serde(default)]
    bundle_url: Option<String>,
}

/// The encoding of a bundle behind a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Plain JSON.
    Json,
    /// Raw Snappy, as GitHub stores it.
    Snappy,
}

/// The attestations of a digest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attestations {
    /// The bundles, byte for byte.
    pub bundles: Vec<String>,
    /// Why the list may be incomplete; `None` if it is complete.
    pub incomplete: Option<String>,
}

impl GitHub {
    /// The attestation bundles for a digest. An empty list means there are none: the API returns either 404 or an empty list
    /// then; anything else is an error. Entries that are skipped (too large, or beyond the first page) are reported in
    /// `incomplete`, so that a partial list is not taken for a complete one.
    pub async fn attestations(&self, sha256: Sha256Digest, progress: &dyn Progress) -> Result<Attestations, ApiError> {
        let what = format!("attestations of sha256:{}", sha256.short());
        // GitHub does not encode the colon, and a path may contain one (RFC 3986, 3.3).
        let route = format!("{}/sha256:{sha256}?per_page={MAX_BUNDLES}", self.route(&["attestations"]));
        let answer = match self.get_answer(&route, &what, progress).await {
            Ok(answer) => answer,
            Err(ApiError::NotFound { .. }) => return Ok(Attestations::default()),
            Err(error) => return Err(error),
        };
        let entries = read_json::<AttestationsAnswer<'_>>(&answer.body, &what)?.attestations;
        let shape = |reason: String| ApiError::Shape { what: what.clone(), reason };
        let (mut bundles, mut too_large) = (Vec::new(), 0);
        for entry in &entries {
            let bundle = match (entry.bundle, &entry.bundle_url) {
                (Some(bundle), _) if bundle.get().len() > MAX_BUNDLE => None,
                (Some(bundle), _) => Some(bundle.get().to_owned()),
                (None, Some(url)) => self.bundle_at(url, &what, progress).await?,
                (None, None) => return Err(shape("an attestation has neither a bundle nor a bundle URL".to_owned())),
            };
            match bundle {
                Some(bundle) => bundles.push(bundle),
                None => too_large += 1,
            }
        }
        let has_more = answer.header("link").is_some_and(has_next_page);
        let incomplete = if too_large > 0 {
            Some(format!("{too_large} of its {} attestations have more than {MAX_BUNDLE} bytes", entries.len()))
        } else {
            has_more.then(|| format!("it has more than {} attestations", entries.len()))
        };
        Ok(Attestations { bundles, incomplete })
    }

    /// Fetches a bundle by its URL, which is presigned and therefore needs no token; `None` if it is too large.
    async fn bundle_at(&self, url: &str, what: &str, progress: &dyn Progress) -> Result<Option<String>, ApiError> {
        let shape = |reason: String| ApiError::Shape { what: what.to_owned(), reason };
        let url = bundle_url(url, self.api_url()).map_err(&shape)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let attempt = async || self.http.small_answer(&url, headers.clone(), None, MAX_BUNDLE as u64).await;
        let answer = match retrying(|line| progress.note(line), attempt, NetError::retry).await {
            Err(NetError::TooLong { .. }) => return Ok(None),
            outcome => outcome?,
        };
        let Some((headers, body)) = answer else { return Err(shape("a bundle was not found at its URL".to_owned())) };
        unpacked_bundle(Packing::of(&headers), &body).map_err(shape)
    }
}

/// The URL a bundle may be fetched from: any https URL, or plain http on loopback if the API itself is plain http on
/// loopback.
fn bundle_url(text: &str, api: &Url) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|_| "a bundle has an invalid URL".to_owned())?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if api.scheme() == "http" && is_loopback(&url) => Ok(url),
        "http" => Err("the URL of a bundle is not encrypted".to_owned()),
        scheme => Err(format!("the URL of a bundle has the scheme `{scheme}:`")),
    }
}

/// Decodes a fetched bundle. `None` if it is too large, which is checked before decoding.
pub fn unpacked_bundle(packing: Packing, body: &[u8]) -> Result<Option<String>, String> {
    let text = match packing {
        Packing::Json if body.len() > MAX_BUNDLE => return Ok(None),
        Packing::Json => body.to_vec(),
        Packing::Snappy => {
            let packed = |error: snap::Error| format!("a bundle is not valid Snappy: {error}");
            if snap::raw::decompress_len(body).map_err(packed)? > MAX_BUNDLE {
                return Ok(None);
            }
            snap::raw::Decoder::new().decompress_vec(body).map_err(packed)?
        }
    };
    let bundle: &RawValue = serde_json::from_slice(&text).map_err(|error| format!("a bundle is not JSON: {error}"))?;
    Ok(Some(bundle.get().to_owned()))
}

impl Packing {
    /// JSON if the content type is JSON, Snappy otherwise.
    fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind == "application/json" || kind.ends_with("+json") { Self::Json } else { Self::Snappy }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unpacked(headers: &HeaderMap, body: &[u8]) -> Result<Option<String>, String> {
        unpacked_bundle(Packing::of(headers), body)
    }

    fn of_type(kind: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))])
    }

    fn packed(text: &str) -> Vec<u8> {
        snap::raw::Encoder::new().compress_vec(text.as_bytes()).expect("packed")
    }

    #[test]
    fn a_bundle_is_decoded_by_its_content_type() {
        let text = r#"{"b" : 1, "a": "\u0041"}"#;
        let whole = Ok(Some(text.to_owned()));
        for kind in ["application/x-snappy", "application/octet-stream", ""] {
            assert_eq!(unpacked(&of_type(kind), &packed(text)), whole, "{kind}");
        }
        assert_eq!(unpacked(&HeaderMap::new(), &packed(text)), whole);
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.dev.sigstore.bundle+json"]
        {
            assert_eq!(unpacked(&of_type(kind), text.as_bytes()), whole, "{kind}");
        }
        assert!(unpacked(&of_type("application/json"), &packed(text)).is_err());
        assert!(unpacked(&HeaderMap::new(), text.as_bytes()).is_err());
        assert!(unpacked(&HeaderMap::new(), &packed("no JSON")).is_err());
    }

    #[test]
    fn the_size_is_checked_before_decoding() {
        // The header for 4 GiB less one byte, with nothing after it.
        assert_eq!(unpacked(&HeaderMap::new(), b"\xff\xff\xff\xff\x0f"), Ok(None));
        assert!(unpacked(&HeaderMap::new(), b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
        assert!(unpacked(&HeaderMap::new(), b"").is_err());
        let bomb = format!("\"{}\"", "x".repeat(MAX_BUNDLE));
        assert_eq!(unpacked(&HeaderMap::new(), &packed(&bomb)), Ok(None));
    }

    #[test]
    fn bundle_urls_are_https_unless_the_api_is_on_loopback() {
        let at = |text: &str, api: &str| bundle_url(text, &api.parse().expect("a URL")).is_ok();
        assert!(at("https://blob.test/a?sig=1", "https://api.github.com"));
        assert!(!at("http://blob.test/a", "https://api.github.com"));
        assert!(at("http://127.0.0.1:9/a", "http://127.0.0.1:8"));
        assert!(!at("http://blob.test/a", "http://127.0.0.1:8"));
        assert!(!at("file:///etc/passwd", "http://127.0.0.1:8"));
        assert!(!at("/a", "http://127.0.0.1:8"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_decoded_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpacked(&HeaderMap::new(), &body);
        }
    }
}
