//! The client: octocrab on top of our own HTTP client, with bounded responses, our own retries and status handling. Only
//! routes below the API's base URL are requested, so the token is sent nowhere else.

use std::cell::Cell;
use std::cell::RefCell;
use std::str::FromStr;

use http::HeaderMap;
use http::Method;
use http::StatusCode;
use http::Uri;
use octocrab::Octocrab;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::config::Server;
use crate::config::Token;
use crate::io::net::BodyProblem;
use crate::io::net::Http;
use crate::io::net::NetError;
use crate::io::net::api::Answer;
use crate::io::net::api::ApiLimits;
use crate::io::net::api::ApiRequest;
use crate::io::net::api::JsonApi;
use crate::io::net::api::JsonApiError;
use crate::io::net::api::PageLimits;
use crate::io::net::api::route_of;
use crate::io::net::collect;
use crate::io::net::retrying;
use crate::model::RepoSlug;
use crate::model::progress::Progress;
use crate::sources::github::ApiError;
use crate::sources::github::tokens::Tokens;
use crate::sources::github::tokens::sendable;

/// Larger than any genuine page: 100 releases with dozens of assets each take less than half of it.
const MAX_ANSWER: u64 = 8 * 1024 * 1024;

/// The limits of lists are those of the listing.
const LIMITS: ApiLimits = ApiLimits { answer: MAX_ANSWER, list: PageLimits { pages: 100, bytes: 16 << 20 } };

/// A GitHub server, for one repository.
#[derive(Debug)]
pub struct GitHub {
    pub(super) http: Http,
    pub(super) repo: RepoSlug,
    pub(super) server: Server,
    pub(super) tokens: Tokens,
    /// Created for the token that was sent last.
    with_token: RefCell<Option<(&'static str, Clients)>>,
    anonymous: Octocrab,
    /// Whether a read succeeded without a token although one was set.
    read_without_token: Cell<bool>,
    /// Whether anything was read without a token. If not, "not found" may mean "not visible".
    is_public: Cell<bool>,
}

/// The clients that send one token.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    pub(super) rest: Octocrab,
    /// On Enterprise servers GraphQL is not below the REST API's URL; it requires a token.
    pub(super) graphql: Octocrab,
    /// Our own client for the same API.
    pub(super) json: JsonApi,
}

impl GitHub {
    /// Creates the client. Call inside a tokio runtime, because octocrab spawns a task.
    pub fn new(
        http: Http,
        repo: RepoSlug,
        server: Server,
        tokens: impl IntoIterator<Item = Token>,
    ) -> Result<Self, ApiError> {
        let anonymous = octocrab(&http, &server.api_url.value, None)?;
        let tokens = Tokens::new(tokens.into_iter().collect());
        Ok(Self {
            http,
            repo,
            server,
            tokens,
            with_token: RefCell::new(None),
            anonymous,
            read_without_token: Cell::new(false),
            is_public: Cell::new(false),
        })
    }

    pub const fn repo(&self) -> &RepoSlug {
        &self.repo
    }

    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// The API's base URL.
    pub(super) const fn api_url(&self) -> &Url {
        &self.server.api_url.value
    }

    /// Whether there is a token that GitHub has not refused.
    pub(super) fn has_token(&self) -> bool {
        !self.tokens.left().is_empty()
    }

    /// Whether a read since the last call succeeded without a token although one was set.
    pub(super) fn take_read_without_token(&self) -> bool {
        self.read_without_token.take()
    }

    /// A route in the repository. Each segment is encoded on its own, so a `#`, `%` or `/` in a tag stays part of the tag.
    pub(super) fn route(&self, segments: &[&str]) -> String {
        route_of(["repos", self.repo.owner(), self.repo.name()].into_iter().chain(segments.iter().copied()))
    }

    /// Requests a JSON document. Timeouts, resets and 5xx are retried. A refused token is reported, and the request repeated
    /// without it.
    pub(super) async fn get_json<T: DeserializeOwned>(
        &self,
        route: &str,
        what: &str,
        progress: &dyn Progress,
    ) -> Result<T, ApiError> {
        let answer = self.get_answer(route, what, progress).await?;
        read_json(&answer.body, what)
    }

    /// Like [`GitHub::get_json`], but returns the response with its headers.
    pub(super) async fn get_answer(
        &self,
        route: &str,
        what: &str,
        progress: &dyn Progress,
    ) -> Result<Answer, ApiError> {
        let attempt = async || self.get_with_fallback(route, what, progress).await;
        retrying(|line| progress.note(line), attempt, ApiError::retry).await
    }

    /// Tries each token that is left, then no token: a public repository may be readable without a token although an
    /// organization refuses the token of a member.
    async fn get_with_fallback(&self, route: &str, what: &str, progress: &dyn Progress) -> Result<Answer, ApiError> {
        let mut refusal = None;
        for token in self.tokens.left() {
            let client = self.carrying(token)?.rest;
            match self.get_once(&client, route, what, Some(token.variable)).await {
                Err(error) if error.refusal().is_some() => {
                    self.tokens.refuse(token, &error, progress);
                    refusal.get_or_insert(error);
                }
                outcome => return outcome,
            }
        }
        let refusal = refusal.or_else(|| self.tokens.refusal());
        match (self.get_once(&self.anonymous, route, what, None).await, refusal) {
            (Err(ApiError::Forbidden { .. } | ApiError::SingleSignOn { .. }), Some(refusal)) => Err(refusal),
            (Err(ApiError::NotFound { .. }), Some(refusal)) if !self.is_public.get() => Err(refusal),
            (outcome, refusal) => {
                if outcome.is_ok() {
                    self.is_public.set(true);
                    self.read_without_token.set(refusal.is_some() || self.read_without_token.get());
                }
                outcome
            }
        }
    }

    async fn get_once(
        &self,
        client: &Octocrab,
        route: &str,
        what: &str,
        variable: Option<&'static str>,
    ) -> Result<Answer, ApiError> {
        let mut route = route.to_owned();
        // A renamed repository answers reads with a redirect inside the API; GitHub never needs more than one.
        for _ in 0..2 {
            let answer = self.exchange(client, Method::GET, &route, None, what).await?;
            match answer.status {
                StatusCode::OK => return Ok(answer),
                status if status.is_redirection() => match self.moved_route(&answer.headers) {
                    Some(moved) if moved != route => route = moved,
                    Some(_) => return Err(redirected(what, "to itself")),
                    None => return Err(redirected(what, "away from the API")),
                },
                _ => return Err(error_of(&answer, what, variable, &self.server)),
            }
        }
        Err(redirected(what, "more than once"))
    }

    /// Sends one request and returns its response, whatever the status. Follows no redirect and does not retry.
    pub(super) async fn exchange(
        &self,
        client: &Octocrab,
        method: Method,
        route: &str,
        body: Option<&Value>,
        what: &str,
    ) -> Result<Answer, ApiError> {
        let exchange = self.http.log().begin(method.as_str(), &self.url_of(route));
        let response = match method {
            Method::GET => client._get(route).await,
            _ => client._post(route, body).await,
        };
        let (parts, body) = response.map_err(|error| self.lost(&error))?.into_parts();
        exchange.responded(parts.status.as_u16());
        let body = match collect(body, MAX_ANSWER, self.http.idle_timeout(), &exchange).await {
            Ok(body) => body,
            Err(BodyProblem::Lost(error)) => return Err(self.lost(&error).into()),
            Err(BodyProblem::TooLong) => {
                let reason = format!("it is longer than {MAX_ANSWER} bytes");
                return Err(ApiError::Shape { what: what.to_owned(), reason });
            }
            Err(BodyProblem::Stalled) => return Err(NetError::Timeout { host: self.host() }.into()),
        };
        Ok(self.without_echo(Answer { status: parts.status, headers: parts.headers, body }))
    }

    /// Sends a request that reads or changes only with a token: octocrab's own calls treat a 403 as a success and send a tag's
    /// `#` as the end of the URL. `None` if there is no token that GitHub has not refused.
    pub(super) async fn exchange_with_token(&self, request: &ApiRequest<'_>) -> Result<Option<Answer>, JsonApiError> {
        let Some(clients) = self.authorized()? else { return Ok(None) };
        clients.json.exchange(request).await.map(|answer| Some(self.without_echo(answer)))
    }

    /// The URL of a route, as shown by `-v`.
    fn url_of(&self, route: &str) -> Url {
        let base = if route == "/graphql" { graphql_base(self.api_url()) } else { self.api_url().clone() };
        format!("{}{route}", base.as_str().trim_end_matches('/')).parse().unwrap_or(base)
    }

    fn host(&self) -> String {
        self.api_url().host_str().unwrap_or("the API").to_owned()
    }

    /// Removes all tokens that a response repeats, not only the one that was sent.
    fn without_echo(&self, answer: Answer) -> Answer {
        answer.without(self.tokens.all().iter().map(|token| token.value.expose().as_str()))
    }

    /// The clients for the first token GitHub has not refused, or `None` if there is none.
    pub(super) fn authorized(&self) -> Result<Option<Clients>, NetError> {
        self.tokens.left().first().map(|token| self.carrying(token)).transpose()
    }

    fn carrying(&self, token: &Token) -> Result<Clients, NetError> {
        if let Some((variable, clients)) = &*self.with_token.borrow()
            && *variable == token.variable
        {
            return Ok(clients.clone());
        }
        let text = sendable(token)?;
        let api = self.api_url();
        let rest = octocrab(&self.http, api, Some(text))?;
        let graphql = octocrab(&self.http, &graphql_base(api), Some(text))?;
        let json = JsonApi::new(self.http.clone(), api.clone(), Some(token.value.clone()), LIMITS);
        let json = json.map_err(|error| NetError::Setup(error.to_string()))?;
        let clients = Clients { rest, graphql, json };
        *self.with_token.borrow_mut() = Some((token.variable, clients.clone()));
        Ok(clients)
    }

    /// The route a redirect leads to, if it stays below the API's own URL.
    fn moved_route(&self, headers: &HeaderMap) -> Option<String> {
        let location = headers.get(http::header::LOCATION)?.to_str().ok()?;
        let target = self.api_url().join(location).ok()?;
        let same = target.origin() == self.api_url().origin();
        let base = self.api_url().path().trim_end_matches('/');
        let path = target.path().strip_prefix(base)?;
        let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
        same.then(|| format!("{path}{query}"))
    }

    /// Why there was no response, unwrapped from the errors of octocrab and tower.
    fn lost(&self, error: &(dyn std::error::Error + 'static)) -> NetError {
        let mut cause = Some(error);
        while let Some(current) = cause {
            if let Some(error) = current.downcast_ref::<reqwest::Error>() {
                return self.http.failure(error, self.api_url());
            }
            // tower's buffer keeps the original error in a box that its own `source` hides one level below.
            if let Some(octocrab::Error::Service { source, .. }) = current.downcast_ref::<octocrab::Error>() {
                cause = Some(source.as_ref());
                continue;
            }
            cause = current.source();
        }
        NetError::Other { host: self.host(), reason: error.to_string() }
    }
}

fn octocrab(http: &Http, base: &Url, token: Option<&str>) -> Result<Octocrab, NetError> {
    let base = Uri::from_str(base.as_str()).map_err(|error| NetError::Setup(error.to_string()))?;
    let builder = Octocrab::builder().base_uri(base.clone()).and_then(|builder| builder.upload_uri(base));
    let mut builder = builder.map_err(|error| NetError::Setup(error.to_string()))?;
    if let Some(token) = token {
        builder = builder.personal_token(token.to_owned());
    }
    builder.build_with_reqwest(http.leaf()).map_err(|error| NetError::Setup(error.to_string()))
}

/// The API redirects a renamed repository inside itself only; a redirect elsewhere does not come from GitHub.
fn redirected(what: &str, problem: &str) -> ApiError {
    NetError::Redirect { url: format!("the response for {what}"), problem: problem.to_owned() }.into()
}

/// The error of a response that is not a success.
pub(super) fn error_of(answer: &Answer, what: &str, variable: Option<&'static str>, server: &Server) -> ApiError {
    ApiError::from_answer((what, server), answer.status.as_u16(), &answer.headers, &answer.body, variable)
}

/// Parses a JSON document.
pub(super) fn read_json<'de, T: Deserialize<'de>>(body: &'de [u8], what: &str) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::Shape { what: what.to_owned(), reason: error.to_string() })
}

/// The base of GraphQL: next to the REST API on github.com, one level above it (`/api/graphql`) on Enterprise servers.
fn graphql_base(api_url: &Url) -> Url {
    let mut base = api_url.clone();
    let path = base.path().trim_end_matches('/');
    let path = path.strip_suffix("/v3").unwrap_or(path).to_owned();
    base.set_path(&path);
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphql_is_next_to_the_rest_api() {
        let base = |text: &str| graphql_base(&text.parse().expect("a URL")).to_string();
        assert_eq!(base("https://api.github.com"), "https://api.github.com/");
        assert_eq!(base("https://git.acme.org/api/v3"), "https://git.acme.org/api");
        assert_eq!(base("https://api.acme.ghe.com/"), "https://api.acme.ghe.com/");
    }
}
