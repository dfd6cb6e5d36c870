//! Reads releases: the one API call an installation makes, the files it fetches, and their URLs.

use std::path::Path;

use chrono::DateTime;
use chrono::Utc;
use reqwest::header;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use url::Url;

use crate::config::Token;
use crate::io::fs::hashing_writer::Written;
use crate::io::fs::hashing_writer::discard;
use crate::io::net::Download;
use crate::io::net::NetError;
use crate::io::net::api::at_most;
use crate::io::net::download;
use crate::model::Asset;
use crate::model::AssetState;
use crate::model::Listing;
use crate::model::Release;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::VersionSpec;
use crate::model::progress::Progress;
use crate::sources::github::ApiError;
use crate::sources::github::GitHub;
use crate::sources::github::check_token;

/// Well above the size of any checksum file.
const MAX_CHECKSUM_FILE: u64 = 1024 * 1024;

/// GitHub's limit for one release (docs.github.com, "About releases").
pub(super) const MAX_ASSETS: usize = 1000;

/// The download limit where no size is stated.
const MAX_ASSET: u64 = 2 * 1024 * 1024 * 1024;

/// A release as documented by the API (`components.schemas.release`); only the fields in use, so that an unexpected value
/// elsewhere does not fail an installation.
#[derive(Debug, Deserialize)]
pub(super) struct ReleaseAnswer {
    id: u64,
    tag_name: String,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    prerelease: bool,
    #[serde(default)]
    immutable: Option<bool>,
    published_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "at_most::<MAX_ASSETS, _, _>")]
    assets: Vec<AssetAnswer>,
}

#[derive(Debug, Deserialize)]
struct AssetAnswer {
    id: u64,
    name: String,
    size: u64,
    state: String,
    #[serde(default)]
    digest: Option<String>,
}

impl ReleaseAnswer {
    pub(super) fn into_release(self) -> Result<Release, ApiError> {
        let tag = self.tag_name.parse().map_err(|error| ApiError::Shape {
            what: "a release".to_owned(),
            reason: format!("invalid tag: {error}"),
        })?;
        Ok(Release {
            id: Some(self.id),
            tag,
            draft: self.draft,
            prerelease: self.prerelease,
            immutable: self.immutable.unwrap_or(false),
            published_at: self.published_at,
            assets: self.assets.into_iter().map(AssetAnswer::into_asset).collect(),
        })
    }
}

impl AssetAnswer {
    fn into_asset(self) -> Asset {
        let digest = match self.digest.as_deref() {
            None | Some("") => Ok(None),
            Some(text) => Sha256Digest::parse_prefixed(text).map(Some).map_err(|error| format!("`{text}`: {error}")),
        };
        let state = if self.state == "uploaded" { AssetState::Uploaded } else { AssetState::Incomplete };
        Asset { id: Some(self.id), name: self.name, size: Some(self.size), state, digest }
    }
}

impl GitHub {
    /// The requested release, in one call. If the API is rate limited, the tag is read from the web pages instead.
    pub async fn release(&self, spec: &VersionSpec, progress: &dyn Progress) -> Result<Listing, ApiError> {
        let route = match spec {
            VersionSpec::Latest => self.route(&["releases", "latest"]),
            VersionSpec::Exact(tag) => self.route(&["releases", "tags", tag.as_str()]),
        };
        let what = match spec {
            VersionSpec::Latest => format!("latest release of {}", self.repo),
            VersionSpec::Exact(tag) => format!("release {tag} of {}", self.repo),
        };
        match self.get_json::<ReleaseAnswer>(&route, &what, progress).await {
            Ok(answer) => Ok(Listing::Api(answer.into_release()?)),
            Err(error) if error.is_limited() => {
                progress.note(&format!("{error}; reading the release pages instead"));
                match self.tag_by_web(spec).await {
                    Ok(tag) => Ok(Listing::Web { tag, because: error.to_string() }),
                    // The first error is the one the user can act on.
                    Err(_) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// One release by its id, with its current assets.
    pub async fn release_by_id(&self, id: u64, tag: &str, progress: &dyn Progress) -> Result<Release, ApiError> {
        let route = self.route(&["releases", &id.to_string()]);
        let what = format!("release {id} ({tag}) of {}", self.repo);
        self.get_json::<ReleaseAnswer>(&route, &what, progress).await?.into_release()
    }

    /// The URLs of an asset, to be tried in order while the response is 404 or refuses a token: its public URL, which has no
    /// rate limit, then the API with each token, which is how a private repository serves it.
    fn asset_downloads(&self, tag: &Tag, asset: &Asset) -> Vec<Download<'_>> {
        let public = Download {
            url: self.asset_page_url(tag, &asset.name),
            authorization: None,
            accept: None,
            size: asset.size,
            limit: MAX_ASSET,
            label: format!("Downloading {} {tag}", asset.name),
        };
        let private = |id: u64| {
            let label = public.label.clone();
            self.tokens.left().iter().map(move |token| Download {
                url: self.asset_api_url(id),
                authorization: Some(&token.value),
                accept: Some("application/octet-stream"),
                size: asset.size,
                limit: MAX_ASSET,
                label: label.clone(),
            })
        };
        let private: Vec<_> = asset.id.into_iter().flat_map(private).collect();
        std::iter::once(public).chain(private).collect()
    }

    /// Downloads an asset to a new file.
    pub async fn fetch(
        &self,
        tag: &Tag,
        asset: &Asset,
        destination: &Path,
        progress: &dyn Progress,
    ) -> Result<Written, NetError> {
        let mut outcome = Err(NetError::Setup("no URL for the asset".to_owned()));
        for request in self.asset_downloads(tag, asset) {
            self.check_token_of(&request)?;
            outcome = download(&self.http, &request, destination, progress).await;
            match &outcome {
                Err(error) if leads_on(error) => discard(destination).map_err(NetError::Write)?,
                Ok(_) | Err(_) => break,
            }
        }
        outcome
    }

    /// Fetches a small file of a release. `Ok(None)` only if the release definitely does not have it.
    pub async fn small_asset(&self, tag: &Tag, asset: &Asset) -> Result<Option<Vec<u8>>, NetError> {
        let mut refused = None;
        for request in self.asset_downloads(tag, asset) {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            if let Some(accept) = request.accept {
                headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            }
            self.check_token_of(&request)?;
            match self.small_file(&request, headers).await {
                Ok(Some(bytes)) => return Ok(Some(bytes)),
                Ok(None) => refused = None,
                Err(error) if leads_on(&error) => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        refused.map_or(Ok(None), Err)
    }

    /// A token with invalid characters is reported by its variable and not sent.
    fn check_token_of(&self, request: &Download<'_>) -> Result<(), NetError> {
        let is_sent = |token: &&Token| request.authorization.is_some_and(|sent| *sent == token.value);
        self.tokens.all().iter().find(is_sent).map_or(Ok(()), check_token)
    }

    async fn small_file(&self, request: &Download<'_>, headers: HeaderMap) -> Result<Option<Vec<u8>>, NetError> {
        let (url, token) = (&request.url, request.authorization);
        let bytes = self.http.patient_small_file(url, &headers, token, MAX_CHECKSUM_FILE).await?;
        Ok(bytes.map(Into::into))
    }

    /// The URL of an asset that opens in a browser, for reports.
    pub fn asset_page_url(&self, tag: &Tag, name: &str) -> Url {
        self.web_url(&["releases", "download", tag.as_str(), name])
    }

    /// The web page of a release, with its notes.
    pub fn release_page_url(&self, tag: &Tag) -> Url {
        self.web_url(&["releases", "tag", tag.as_str()])
    }

    fn asset_api_url(&self, id: u64) -> Url {
        let mut url = self.api_url().clone();
        let path =
            format!("{}{}", url.path().trim_end_matches('/'), self.route(&["releases", "assets", &id.to_string()]));
        url.set_path(&path);
        url
    }
}

/// Whether the next URL of an asset may work: this one is not public, or refuses this token.
const fn leads_on(error: &NetError) -> bool {
    matches!(error, NetError::Status { status: 401 | 403 | 404, .. })
}
