//! GitHub's release pages, used when the API is unavailable: they have no rate limit and need no token.

use reqwest::StatusCode;
use reqwest::header;
use reqwest::header::HeaderMap;
use url::Url;

use crate::io::net::NetError;
use crate::model::Tag;
use crate::model::VersionSpec;
use crate::sources::github::GitHub;

impl GitHub {
    /// The requested tag, or the one `releases/latest` redirects to.
    pub(super) async fn tag_by_web(&self, spec: &VersionSpec) -> Result<Tag, NetError> {
        if let VersionSpec::Exact(tag) = spec {
            return Ok(tag.clone());
        }
        let url = self.web_url(&["releases", "latest"]);
        let response = self.http.get_once(&url, &url, &HeaderMap::new(), None).await?;
        let nowhere = || NetError::Redirect { url: url.to_string(), problem: "to no release".to_owned() };
        if !matches!(response.status(), StatusCode::FOUND | StatusCode::MOVED_PERMANENTLY) {
            return Err(NetError::Status {
                url: url.to_string(),
                status: response.status().as_u16(),
                retry_after: None,
            });
        }
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let target = location.and_then(|location| url.join(location).ok()).ok_or_else(nowhere)?;
        let (_, tag) = target.path().split_once("/releases/tag/").ok_or_else(nowhere)?;
        let tag = percent_encoding::percent_decode_str(tag).decode_utf8().map_err(|_| nowhere())?;
        tag.parse().map_err(|_| nowhere())
    }

    /// The tag that the page of the newest release leads to.
    ///
    /// # Errors
    ///
    /// The page cannot be requested, or does not lead to a release.
    pub async fn newest_page(&self) -> Result<Tag, NetError> {
        self.tag_by_web(&VersionSpec::Latest).await
    }

    /// Whether the release pages have an asset of this name. `true` if that cannot be determined.
    pub async fn has_page(&self, tag: &Tag, name: &str) -> bool {
        let url = self.asset_page_url(tag, name);
        match self.http.get_once(&url, &url, &HeaderMap::new(), None).await {
            Ok(response) => response.status() != StatusCode::NOT_FOUND,
            Err(_) => true,
        }
    }

    /// A URL below the repository's own page.
    pub(super) fn web_url(&self, segments: &[&str]) -> Url {
        self.server.page(&[&[self.repo.owner(), self.repo.name()], segments].concat())
    }
}
