//! Signing in at a provider, as far as this server decides: a sign-in is started, found again, and becomes a session. Pure but for
//! random bytes.

use http::StatusCode;
use reproq_token::TokenHolder;
use reproq_token::random;

use super::SignIn;
use super::answer::SignInRequest;
use super::answer::html;
use super::answer::no_random_bytes;
use super::answer::redirect;
use super::cookies;
use super::csrf;
use super::news::SignInAnswer;
use super::news::SignInNews;
use super::next::Next;
use super::pages;
use crate::oidc::FLOW_SECONDS;
use crate::oidc::OidcSettings;
use crate::oidc::StartedSignIn;
use crate::oidc::error_in_words;
use crate::respond::Reply;

/// What the provider returned to the browser.
pub(crate) struct ProviderAnswer {
    pub(crate) started: StartedSignIn,
    pub(crate) code: String,
}

impl SignIn {
    /// Starts a sign-in. `Err` is the response to a request that starts none.
    pub(crate) fn begin_at_provider(&self, request: &SignInRequest<'_>) -> Result<StartedSignIn, Reply> {
        let next = Next::parse(request.query.value("next"), &self.prefix);
        // A person clicks on the page of sign-in; another site leads there.
        if csrf::is_of_another_site(request.headers) {
            return Err(redirect(&next.sign_in(&self.prefix)));
        }
        let parts = (random::bytes(), random::bytes(), random::bytes());
        let (Ok(state), Ok(nonce), Ok(verifier)) = parts else { return Err(no_random_bytes()) };
        Ok(StartedSignIn { expires_at: request.now + FLOW_SECONDS, state, nonce, verifier, next })
    }

    /// Sends the browser to the provider, with the cookie of the sign-in.
    pub(crate) fn to_provider(&self, url: &str, started: &StartedSignIn) -> Reply {
        redirect(url).with("set-cookie", &self.flow_cookie(&started.seal(&self.flow), FLOW_SECONDS))
    }

    /// What the provider returned, if it belongs to a sign-in of this browser, which is used up by that. `Err` is the response to
    /// everything else.
    pub(crate) fn end_at_provider(
        &self,
        request: &SignInRequest<'_>,
        issuer: &str,
    ) -> Result<ProviderAnswer, SignInAnswer> {
        let refused =
            |reason: &str, text: &str| Err(self.provider_refusal(StatusCode::FORBIDDEN, text).refusing(reason));
        let cookie = cookies::value(request.headers, cookies::FLOW);
        let Some(started) = cookie.and_then(|cookie| StartedSignIn::open(&cookie, &self.flow, request.now)) else {
            return refused(
                "no sign-in was started in this browser",
                "This browser has not started to sign in, or more than 10 minutes ago.",
            );
        };
        let is_of_issuer = [issuer, ""].contains(&request.query.value("iss"));
        if !is_of_issuer || !started.is_answered_by(request.query.value("state"), &self.flow) {
            return refused("the answer of another sign-in", "This is the answer to another sign-in.");
        }
        if !self.used().end(started.state, started.expires_at, request.now) {
            return refused("a sign-in that was used already", "This sign-in was used already.");
        }
        let error = request.query.value("error");
        if !error.is_empty() {
            let words = error_in_words(error);
            return refused(
                &format!("the provider reports: {words}"),
                &format!("The provider did not sign you in: {words}."),
            );
        }
        let code = request.query.value("code");
        if code.is_empty() {
            return refused("the provider sent no code", "The provider sent no code.");
        }
        Ok(ProviderAnswer { started, code: code.to_owned() })
    }

    /// Begins the session of the person whom the provider named, if that person may sign in.
    pub(crate) fn admit_person(
        &self,
        name: &str,
        settings: &OidcSettings,
        next: Next,
        request: &SignInRequest<'_>,
    ) -> SignInAnswer {
        let is_allowed = settings.names.iter().any(|allowed| allowed == name);
        let Some(holder) = TokenHolder::new(name).filter(|_| is_allowed) else {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(254).collect();
            let text = format!(
                "{} signed you in as {shown}, who is not allowed here. The operator allows names with --allow-identity; this one is the claim {}.",
                settings.host, settings.claim
            );
            let reason = format!("`{shown}` is not allowed by --allow-identity");
            return self.provider_refusal(StatusCode::FORBIDDEN, &text).refusing(&reason);
        };
        let Some(session) = self.begin_session(holder, request.now) else { return no_random_bytes().into() };
        // The browser would not send the cookie of the session in a redirect: the provider began the navigation.
        html(StatusCode::OK, pages::welcome(&self.prefix, &next.path(&self.prefix), name))
            .with("set-cookie", &self.flow_cookie("", 0))
            .with("set-cookie", &session)
            .with_news(SignInNews::SignedIn { name: name.to_owned(), with: settings.host.clone() })
    }

    /// A page about a sign-in that failed, which removes its cookie.
    pub(crate) fn provider_refusal(&self, status: StatusCode, text: &str) -> Reply {
        self.provider_page(status, text).with("set-cookie", &self.flow_cookie("", 0))
    }

    /// The same without removing it: the request can be repeated.
    pub(crate) fn provider_page(&self, status: StatusCode, text: &str) -> Reply {
        html(status, pages::provider_refusal(&self.prefix, text))
    }

    /// The URL of this server to which the provider sends the browser.
    pub(crate) fn callback(base: &str) -> String {
        format!("{base}/reproq/tui/callback/")
    }

    fn flow_cookie(&self, value: &str, seconds: i64) -> String {
        cookies::set_for_callback(value, &self.prefix, seconds, self.is_secure)
    }
}
