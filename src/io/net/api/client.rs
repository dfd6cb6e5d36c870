//! The client: one base URL and one token.

use http::HeaderValue;
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use url::Url;

use crate::io::net::BodyProblem;
use crate::io::net::Http;
use crate::io::net::NetError;
use crate::io::net::Retry;
use crate::io::net::api::Answer;
use crate::io::net::api::ApiRequest;
use crate::io::net::api::JsonApiError;
use crate::io::net::api::PageLimits;
use crate::io::net::collect;
use crate::io::net::error::shown;
use crate::io::net::retrying;
use crate::model::progress::Progress;
use crate::model::secret::SHORTEST_SECRET;
use crate::model::secret::Secret;
use crate::model::url_policy::may_be_fetched;

/// The limits of responses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApiLimits {
    /// The most bytes of one response.
    pub answer: u64,
    /// The limits of a list of several pages.
    pub list: PageLimits,
}

/// Why there can be no client.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ApiSetupError {
    /// The token would be sent in clear text.
    #[error("the API's URL {url} is neither https nor on this machine")]
    NotEncrypted {
        /// The URL, without its query.
        url: String,
    },
    /// The token cannot be sent. It is not repeated.
    #[error("the token contains characters that are not allowed in a token, such as spaces")]
    Token,
}

/// A JSON API.
#[derive(Debug, Clone)]
pub(crate) struct JsonApi {
    http: Http,
    base: Url,
    token: Option<Secret<String>>,
    limits: ApiLimits,
}

impl JsonApi {
    /// The API below a URL. The token is sent with every request, as a bearer token.
    ///
    /// # Errors
    ///
    /// The URL is neither https nor on this machine, or the token has characters that cannot be sent.
    pub(crate) fn new(
        http: Http,
        base: Url,
        token: Option<Secret<String>>,
        limits: ApiLimits,
    ) -> Result<Self, ApiSetupError> {
        if !may_be_fetched(&base) {
            return Err(ApiSetupError::NotEncrypted { url: shown(&base) });
        }
        if token.as_ref().is_some_and(|token| !token.expose().chars().all(|c| c.is_ascii_graphic())) {
            return Err(ApiSetupError::Token);
        }
        Ok(Self { http, base, token, limits })
    }

    /// The limits.
    pub(super) const fn limits(&self) -> ApiLimits {
        self.limits
    }

    /// Sends a request and parses the response. Statuses are errors. If the request may be repeated, it is, after timeouts,
    /// resets, 408, 429 and 5xx; a repeated DELETE may then report that nothing is left to delete.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        request: &ApiRequest<'_>,
        progress: &dyn Progress,
    ) -> Result<T, JsonApiError> {
        let answer = self.patient(request, progress).await?;
        self.parse(&answer, request.what)
    }

    /// The successful response to a request, which is repeated if it may be.
    pub(super) async fn patient(
        &self,
        request: &ApiRequest<'_>,
        progress: &dyn Progress,
    ) -> Result<Answer, JsonApiError> {
        let is_idempotent = request.is_idempotent();
        let attempt = async || self.once(request).await;
        retrying(|line| progress.note(line), attempt, |error| if is_idempotent { error.retry() } else { Retry::Never })
            .await
    }

    /// The successful response to a request that is sent once, for callers that decide on their own whether to repeat it.
    /// Statuses are errors, as in [`JsonApi::call`].
    pub(crate) async fn once(&self, request: &ApiRequest<'_>) -> Result<Answer, JsonApiError> {
        let answer = self.exchange(request).await?;
        self.successful(request, answer)
    }

    /// A response of [`JsonApi::exchange`], unless its status is an error.
    pub(crate) fn successful(&self, request: &ApiRequest<'_>, answer: Answer) -> Result<Answer, JsonApiError> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        let url = self.url(request.route).map_or_else(|_| request.route.to_owned(), |url| shown(&url));
        Err(JsonApiError::of_answer(&self.host(), request.what, &url, &answer))
    }

    /// Sends a request once and returns its response, whatever the status. Redirects are not followed.
    pub(crate) async fn exchange(&self, request: &ApiRequest<'_>) -> Result<Answer, JsonApiError> {
        let url = self.url(request.route).map_err(|reason| self.malformed(request.what, &reason))?;
        let (http, method) = (&self.http, request.method.clone());
        let mut headers = request.headers.clone();
        headers.entry(http::header::ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let (response, exchange) =
            http.send_once(method, &url, headers, request.body.clone(), self.token.as_ref()).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http::Response::<reqwest::Body>::from(response).into_body();
        let limit = self.limits.answer;
        let body = match collect(body, limit, http.idle_timeout(), &exchange).await {
            Ok(body) => body,
            Err(BodyProblem::Lost(error)) => return Err(http.failure(&error, &url).into()),
            Err(BodyProblem::TooLong) => return Err(NetError::TooLong { url: shown(&url), limit }.into()),
            Err(BodyProblem::Stalled) => return Err(NetError::Timeout { host: self.host() }.into()),
        };
        let token = self.token.iter().map(|token| token.expose().as_str());
        Ok(Answer { status, headers, body }.without(token.filter(|token| token.len() >= SHORTEST_SECRET)))
    }

    /// Parses a response.
    pub(crate) fn parse<'de, T: Deserialize<'de>>(&self, answer: &'de Answer, what: &str) -> Result<T, JsonApiError> {
        if answer.status == StatusCode::NO_CONTENT {
            return Err(self.malformed(what, "it is empty"));
        }
        // The message of the parser may repeat a value, and values may be secret.
        answer.json().map_err(|error: serde_json::Error| {
            let (line, column) = (error.line(), error.column());
            let problem = if error.is_data() { "is not of the documented shape" } else { "is not valid JSON" };
            self.malformed(what, &format!("it {problem} (line {line}, column {column})"))
        })
    }

    pub(super) fn malformed(&self, what: &str, reason: &str) -> JsonApiError {
        JsonApiError::Malformed { host: self.host(), what: what.to_owned(), reason: reason.to_owned() }
    }

    /// The route of a URL that a response names. One that is not below the API's own URL is an error, because the token would
    /// be sent there.
    pub(super) fn route_below(&self, target: &str, what: &str) -> Result<String, JsonApiError> {
        let elsewhere = || self.malformed(what, "its next page is not below the URL of the API");
        let url = self.base.join(target).map_err(|_| elsewhere())?;
        let path = url.path().strip_prefix(self.base.path().trim_end_matches('/'));
        let is_ours = url.origin() == self.base.origin();
        let path = path.filter(|path| is_ours && path.starts_with('/')).ok_or_else(elsewhere)?;
        Ok(url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
    }

    /// The URL of a route. A route that names another host, or whose path is not what was written (`..`, a `#` that is not
    /// encoded), is an error: it would reach something else.
    fn url(&self, route: &str) -> Result<Url, String> {
        let base = self.base.as_str().trim_end_matches('/');
        let prefix = self.base.path().trim_end_matches('/');
        let (path, _) = route.split_once('?').unwrap_or((route, ""));
        let url: Option<Url> = format!("{base}{route}").parse().ok();
        let is_as_written = |url: &Url| {
            url.origin() == self.base.origin() && url.path() == format!("{prefix}{path}") && url.fragment().is_none()
        };
        url.filter(|url| path.starts_with('/') && is_as_written(url))
            .ok_or_else(|| format!("`{route}` is not a route of the API"))
    }

    fn host(&self) -> String {
        self.base.host_str().unwrap_or("the API").to_owned()
    }
}
