//! The requests: one for a code, then one each second until it is approved or expires.

use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use http::Method;
use http::StatusCode;
use tokio::time::Instant;
use url::Url;

use crate::flows::login::Approval;
use crate::flows::login::LoginError;
use crate::flows::login::PairOffer;
use crate::flows::login::answer::PairDocument;
use crate::flows::login::answer::PollDocument;
use crate::flows::login::answer::PollState;
use crate::flows::login::answer::is_disabled;
use crate::flows::login::answer::is_expired;
use crate::io::net::Http;
use crate::io::net::Retry;
use crate::io::net::api::ApiLimits;
use crate::io::net::api::ApiRequest;
use crate::io::net::api::JsonApi;
use crate::io::net::api::PageLimits;
use crate::io::net::api::route_of;
use crate::io::net::api::server_date;
use crate::io::net::retrying;
use crate::model::secret::without_credentials;

/// Larger than any response of the protocol.
const MAX_ANSWER: u64 = 64 * 1024;

/// How often the state of the code is requested, as by the TUI.
const PERIOD: Duration = Duration::from_secs(1);

/// The longest pause that a server may request.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

const CODE: &str = "the code to sign in with";

/// A Django server, or `reproq serve`.
#[derive(Debug)]
pub(crate) struct LoginServer {
    base: Url,
    api: JsonApi,
}

impl LoginServer {
    /// The server at a URL. A path `/reproq` at its end is removed, as the TUI does.
    ///
    /// # Errors
    ///
    /// It is not a URL of a server, or it is neither https nor on this machine.
    pub(crate) fn new(http: Http, url: &str) -> Result<Self, LoginError> {
        let base = base_of(url).map_err(|problem| LoginError::Url { url: without_credentials(url), problem })?;
        let limits = ApiLimits { answer: MAX_ANSWER, list: PageLimits { pages: 1, bytes: usize::MAX } };
        let api = JsonApi::new(http, base.clone(), None, limits)?;
        Ok(Self { base, api })
    }

    /// The URL as it is stored: without a slash at its end.
    pub(crate) fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Requests a code. `now` is used if the server does not state its own time. A request that failed is repeated: a code
    /// that nobody sees expires.
    ///
    /// # Errors
    ///
    /// A request failed, or something else than the expected server responded.
    pub(crate) async fn pair(&self, now: DateTime<Utc>, note: &dyn Fn(&str)) -> Result<PairOffer, LoginError> {
        let route = route_of(["reproq", "tui", "pair"]) + "/";
        let request = ApiRequest::new(Method::POST, &route, CODE);
        retrying(note, async || self.pair_once(&request, now).await, LoginError::retry).await
    }

    async fn pair_once(&self, request: &ApiRequest<'_>, now: DateTime<Utc>) -> Result<PairOffer, LoginError> {
        let answer = self.api.exchange(request).await?;
        if answer.status == StatusCode::NOT_FOUND && is_disabled(&answer.body) {
            return Err(LoginError::Disabled { host: self.host() });
        }
        let answer = self.api.successful(request, answer)?;
        let document: PairDocument = self.api.parse(&answer, CODE)?;
        let server_time = server_date(&answer.headers).unwrap_or(now);
        let offer = document.offer(&self.base, server_time);
        offer.ok_or_else(|| LoginError::Unusable { host: self.host(), what: "a code" })
    }

    /// Waits until the code is approved. A request that failed is repeated until the code expires; `note` receives a line about
    /// the first.
    ///
    /// # Errors
    ///
    /// The code expired, the requests failed until then, or one failed permanently.
    pub(crate) async fn approval(&self, offer: &PairOffer, note: &dyn Fn(&str)) -> Result<Approval, LoginError> {
        let route = route_of(["reproq", "tui", "pair", &offer.code]) + "/";
        let deadline = Instant::now() + offer.valid_for;
        let mut is_noted = false;
        loop {
            let (wait, failure) = match self.poll(&route).await {
                Ok(PollState::Approved(approval)) => return Ok(approval),
                Ok(PollState::Expired) => return Err(LoginError::Expired),
                Ok(PollState::Unusable(what)) => return Err(LoginError::Unusable { host: self.host(), what }),
                Ok(PollState::Pending) => (PERIOD, None),
                Err(error) => match error.retry() {
                    Retry::Never => return Err(error),
                    Retry::After(asked) => (asked.unwrap_or(PERIOD).clamp(PERIOD, LONGEST_PAUSE), Some(error)),
                },
            };
            if let Some(error) = failure.as_ref().filter(|_| !is_noted) {
                note(&format!("{error}; retrying until the code expires"));
                is_noted = true;
            }
            if Instant::now() + wait >= deadline {
                return Err(failure.unwrap_or(LoginError::Expired));
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn poll(&self, route: &str) -> Result<PollState, LoginError> {
        let request = ApiRequest::get(route, "the state of the code");
        let answer = self.api.exchange(&request).await?;
        if answer.status == StatusCode::NOT_FOUND && is_expired(&answer.body) {
            return Ok(PollState::Expired);
        }
        let answer = self.api.successful(&request, answer)?;
        Ok(self.api.parse::<PollDocument>(&answer, "the state of the code")?.state())
    }

    fn host(&self) -> String {
        self.base.host_str().unwrap_or("the server").to_owned()
    }
}

/// The URL below which the routes are.
fn base_of(text: &str) -> Result<Url, &'static str> {
    let mut url: Url =
        text.trim().parse().map_err(|_| "it needs a scheme and a host, such as https://shop.example.com")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it is neither https nor http");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it has a user name or a password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has a query or a fragment");
    }
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/reproq").unwrap_or(path).to_owned();
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_server_is_read_as_the_tui_does() {
        let of = |text: &str| base_of(text).map(|url| url.as_str().trim_end_matches('/').to_owned());
        for (text, expected) in [
            ("https://shop.test", "https://shop.test"),
            (" https://shop.test/ ", "https://shop.test"),
            ("https://shop.test/reproq", "https://shop.test"),
            ("https://shop.test/reproq/", "https://shop.test"),
            ("https://shop.test/app/reproq//", "https://shop.test/app"),
            ("http://127.0.0.1:8000/notreproq", "http://127.0.0.1:8000/notreproq"),
        ] {
            assert_eq!(of(text).as_deref(), Ok(expected), "{text}");
        }
        for text in
            ["shop.test", "", "ftp://shop.test", "https://u:p@shop.test", "https://shop.test/?a", "https://a/#b"]
        {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
