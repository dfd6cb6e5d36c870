//! The provider where people sign in: its documents are read when they are needed and kept for a while, and codes are exchanged,
//! a few at a time. What is decided about them is in `oidc` and `sign_in`.

use core::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use reproq_token::AttemptLimit;
use reproq_token::Attempts;
use reproq_token::Limited;
use tokio::sync::Semaphore;
use url::Url;

use crate::oidc::Expected;
use crate::oidc::IdTokenRefusal;
use crate::oidc::KeySet;
use crate::oidc::OidcSettings;
use crate::oidc::Provider;
use crate::oidc::ProviderRequest;
use crate::oidc::StartedSignIn;
use crate::oidc::authorization_url;
use crate::oidc::discovery_url;
use crate::oidc::id_token_of;
use crate::oidc::name_in;
use crate::oidc::token_request;
use crate::sign_in::SignIn;
use crate::sign_in::SignInAnswer;
use crate::sign_in::SignInPage;
use crate::sign_in::SignInRequest;

/// Requests that wait for the provider at the same time.
const EXCHANGES: usize = 8;

/// Sign-ins that an address may start.
const STARTS: AttemptLimit = AttemptLimit { attempts: 30, window: 60 };
const ADDRESSES: usize = 4096;

/// How long documents are kept, in seconds.
const KEPT: i64 = 60 * 60;

/// How long the keys are not read again because of a key that is not among them, in seconds.
const KEY_PAUSE: i64 = 60;

/// How long a provider that is away is not asked again, in seconds.
const AWAY_PAUSE: i64 = 5;

/// The most time for everything that one request needs of the provider.
const PATIENCE: Duration = Duration::from_secs(30);

/// The provider, with what is known of it.
pub(crate) struct IdentityProvider {
    settings: OidcSettings,
    exchanges: Semaphore,
    starts: Mutex<Attempts>,
    /// Held while documents are read, so that they are read once.
    known: tokio::sync::Mutex<Known>,
}

/// What was read of the provider. Times are seconds of a clock that is never set.
#[derive(Default)]
struct Known {
    provider: Option<(i64, Arc<Provider>)>,
    keys: Option<(i64, Arc<KeySet>)>,
    /// When the keys were read because of a key that was not among them.
    searched_at: Option<i64>,
    /// When the provider could not be read, and why.
    away: Option<(i64, String)>,
}

/// Why nobody is signed in.
enum Failure {
    /// The provider cannot be reached, or responds with something else.
    Away(String),
    /// It refused the code.
    Code(String),
    Token(IdTokenRefusal),
}

impl IdentityProvider {
    pub(crate) fn new(settings: OidcSettings) -> Self {
        Self {
            settings,
            exchanges: Semaphore::new(EXCHANGES),
            starts: Mutex::new(Attempts::new(STARTS, ADDRESSES)),
            known: tokio::sync::Mutex::default(),
        }
    }

    /// Responds to a request that needs the provider.
    pub(crate) async fn answer(&self, sign_in: &SignIn, request: &SignInRequest<'_>) -> SignInAnswer {
        match request.page {
            SignInPage::ToProvider => self.start(sign_in, request).await,
            SignInPage::Callback => self.finish(sign_in, request).await,
            SignInPage::Pair | SignInPage::Poll(_) | SignInPage::Authorize | SignInPage::Login | SignInPage::Logout => {
                sign_in.first().into()
            }
        }
    }

    /// Sends the browser to the provider.
    async fn start(&self, sign_in: &SignIn, request: &SignInRequest<'_>) -> SignInAnswer {
        let started = match sign_in.begin_at_provider(request) {
            Ok(started) => started,
            Err(reply) => return reply.into(),
        };
        if let Err(limited) = self.take_start(request.seconds, sign_in.client(request.headers, request.remote)) {
            let text = format!("Too many sign-ins were started. Try again in {} s.", limited.retry_after);
            let reply = sign_in.provider_refusal(StatusCode::TOO_MANY_REQUESTS, &text);
            return reply
                .with("retry-after", &limited.retry_after.to_string())
                .refusing("too many sign-ins were started");
        }
        let Ok(_permit) = self.exchanges.try_acquire() else { return busy(sign_in) };
        match limited_in_time(self.provider(request.seconds)).await {
            Ok(provider) => {
                let callback = SignIn::callback(request.base);
                let url = authorization_url(&provider, &self.settings, &started, &callback);
                sign_in.to_provider(url.as_str(), &started).into()
            }
            Err(failure) => self.failed(sign_in, &failure),
        }
    }

    /// Signs in the person whom the provider names.
    async fn finish(&self, sign_in: &SignIn, request: &SignInRequest<'_>) -> SignInAnswer {
        // Before the sign-in is used up, so that the person can reload the page.
        let Ok(_permit) = self.exchanges.try_acquire() else { return busy(sign_in) };
        let answer = match sign_in.end_at_provider(request, &self.settings.issuer) {
            Ok(answer) => answer,
            Err(refusal) => return refusal,
        };
        match limited_in_time(self.person(&answer.started, &answer.code, request)).await {
            Ok(name) => sign_in.admit_person(&name, &self.settings, answer.started.next, request),
            Err(failure) => self.failed(sign_in, &failure),
        }
    }

    /// The name of the person whom a code stands for.
    async fn person(
        &self,
        started: &StartedSignIn,
        code: &str,
        request: &SignInRequest<'_>,
    ) -> Result<String, Failure> {
        let provider = self.provider(request.seconds).await?;
        let exchange = token_request(&provider, &self.settings, started, code, &SignIn::callback(request.base));
        let response = self.settings.door.send(exchange).await.map_err(Failure::Away)?;
        let token = id_token_of(response.status, &response.body).map_err(Failure::Code)?;
        let claims = match self.keys(&provider, request.seconds, false).await?.claims_of(&token, &provider.algorithms) {
            // The provider may have new keys.
            Err(IdTokenRefusal::UnknownKey) => {
                self.keys(&provider, request.seconds, true).await?.claims_of(&token, &provider.algorithms)
            }
            other => other,
        };
        let nonce = started.nonce();
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: &nonce,
            claim: &self.settings.claim,
            now: request.now,
        };
        claims.and_then(|claims| name_in(&claims, &expected)).map_err(Failure::Token)
    }

    /// What the provider published about itself.
    async fn provider(&self, now: i64) -> Result<Arc<Provider>, Failure> {
        let mut known = self.known.lock().await;
        if let Some((read_at, provider)) = &known.provider
            && now - read_at < KEPT
        {
            return Ok(Arc::clone(provider));
        }
        if let Some((failed_at, reason)) = &known.away
            && now - failed_at < AWAY_PAUSE
        {
            return Err(Failure::Away(reason.clone()));
        }
        match self.discover().await {
            Ok(provider) => {
                let provider = Arc::new(provider);
                (known.provider, known.away) = (Some((now, Arc::clone(&provider))), None);
                Ok(provider)
            }
            Err(reason) => {
                known.away = Some((now, reason.clone()));
                Err(Failure::Away(reason))
            }
        }
    }

    async fn discover(&self) -> Result<Provider, String> {
        let url = discovery_url(&self.settings.issuer).ok_or_else(|| "the issuer is not a URL".to_owned())?;
        let document = self.document(url).await?;
        let has_secret = self.settings.client_secret.is_some();
        Provider::read(&document, &self.settings.issuer, has_secret).map_err(|refusal| refusal.to_string())
    }

    /// The keys of the provider. `is_search` is whether those that are known do not have the one that is needed.
    async fn keys(&self, provider: &Provider, now: i64, is_search: bool) -> Result<Arc<KeySet>, Failure> {
        let mut known = self.known.lock().await;
        let may_search = is_search && known.searched_at.is_none_or(|at| now - at >= KEY_PAUSE);
        if let Some((read_at, keys)) = &known.keys
            && now - read_at < KEPT
            && !may_search
        {
            return Ok(Arc::clone(keys));
        }
        if may_search {
            known.searched_at = Some(now);
        }
        let document = self.document(provider.jwks_uri.clone()).await.map_err(Failure::Away)?;
        let keys = KeySet::read(&document).ok_or_else(|| Failure::Away("its keys are not valid".to_owned()))?;
        let keys = Arc::new(keys);
        known.keys = Some((now, Arc::clone(&keys)));
        Ok(keys)
    }

    async fn document(&self, url: Url) -> Result<Bytes, String> {
        let response = self.settings.door.send(ProviderRequest { url, form: None, authorization: None }).await?;
        if response.status == 200 {
            Ok(response.body)
        } else {
            Err(format!("it responded with HTTP {}", response.status))
        }
    }

    fn take_start(&self, seconds: i64, client: IpAddr) -> Result<(), Limited> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner).take(seconds, client)
    }

    /// The page, and the line in the log, about what failed.
    fn failed(&self, sign_in: &SignIn, failure: &Failure) -> SignInAnswer {
        let host = &self.settings.host;
        let (status, text, reason) = match failure {
            Failure::Away(reason) => (
                StatusCode::SERVICE_UNAVAILABLE,
                format!(
                    "{host} cannot be used now: {reason}. Try again later, or sign in with the token of this server."
                ),
                format!("{host} cannot be used: {reason}"),
            ),
            Failure::Code(reason) => {
                (StatusCode::BAD_GATEWAY, format!("{host} did not confirm who you are: {reason}."), reason.clone())
            }
            Failure::Token(refusal) => (
                StatusCode::FORBIDDEN,
                format!("The token of {host} is not accepted: {refusal}."),
                format!("the token of {host} is not accepted: {refusal}"),
            ),
        };
        sign_in.provider_refusal(status, &text).refusing(&reason)
    }
}

/// Everything for one request, within a limit.
async fn limited_in_time<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let too_slow = || Failure::Away(format!("it took more than {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(too_slow()))
}

/// Too many people sign in at the same time.
fn busy(sign_in: &SignIn) -> SignInAnswer {
    let text = "Too many people are signing in at this moment. Reload this page.";
    let reply = sign_in.provider_page(StatusCode::SERVICE_UNAVAILABLE, text);
    reply.with("retry-after", "5").refusing("too many sign-ins at the same time")
}
