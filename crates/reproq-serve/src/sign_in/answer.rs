//! The response to a request of sign-in. Pure but for random bytes.

use core::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::Method;
use http::StatusCode;
use reproq_token::ApproveRefusal;
use reproq_token::Attempts;
use reproq_token::Audience;
use reproq_token::IssuedToken;
use reproq_token::MintRefusal;
use reproq_token::PairCode;
use reproq_token::PairState;
use reproq_token::PollAnswer;
use reproq_token::TokenGrant;
use reproq_token::TokenHolder;
use reproq_token::mint;
use reproq_token::random;
use serde_json::json;

use super::Person;
use super::SignIn;
use super::SignInPage;
use super::TOKEN_HOLDER;
use super::cookies;
use super::csrf;
use super::form::Form;
use super::news::SignInAnswer;
use super::news::SignInNews;
use super::next::Next;
use super::pages;
use super::session::SESSION_SECONDS;
use super::session::Session;
use crate::respond::Reply;

const RELOAD: &str =
    "This form is too old, or was not sent from a page of this server. Go back, reload the page and try again.";

/// A request, as far as sign-in is concerned.
pub(crate) struct SignInRequest<'a> {
    pub(crate) method: &'a Method,
    pub(crate) page: SignInPage,
    /// The fields of the query.
    pub(crate) query: Form,
    /// The fields of the body; none unless it is a POST.
    pub(crate) form: Form,
    pub(crate) headers: &'a HeaderMap,
    /// The other end of the connection.
    pub(crate) remote: IpAddr,
    /// The URL of this server, without a slash at its end.
    pub(crate) base: &'a str,
    /// In Unix seconds.
    pub(crate) now: i64,
    /// Seconds of a clock that is never set, for the limits of wrong tokens.
    pub(crate) seconds: i64,
}

impl SignIn {
    /// Responds to a request. `attempts` counts wrong tokens.
    pub(crate) fn answer(&self, request: &SignInRequest<'_>, attempts: &mut Attempts) -> SignInAnswer {
        let is_post = request.method == Method::POST;
        let is_read = request.method == Method::GET || (request.method == Method::HEAD && request.page.may_be_head());
        match (&request.page, is_post, is_read) {
            (SignInPage::Pair, true, _) | (SignInPage::Pair, _, true) => self.pair(request).into(),
            (SignInPage::Poll(code), false, true) => self.poll(request, *code).into(),
            (SignInPage::Authorize, true, _) => self.approve(request),
            (SignInPage::Authorize, _, true) => self.authorize(request).into(),
            (SignInPage::Login, true, _) => self.sign_in(request, attempts),
            (SignInPage::Login, _, true) => self.login(request, StatusCode::OK, None).into(),
            (SignInPage::Logout, true, _) => self.sign_out(request),
            (SignInPage::Logout, _, true) => self.logout(request).into(),
            // Without a provider; with one, `identity_provider` responds.
            (SignInPage::ToProvider | SignInPage::Callback, false, true) => {
                Reply::error(StatusCode::NOT_FOUND, "there is no OIDC provider").into()
            }
            (page, _, _) => {
                let reply = Reply::error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
                reply.with("allow", page.methods()).into()
            }
        }
    }

    /// To the page where to sign in, which then leads to the page for people.
    pub(crate) fn first(&self) -> Reply {
        redirect(&Next::Home.sign_in(&self.prefix))
    }

    /// A new code.
    fn pair(&self, request: &SignInRequest<'_>) -> Reply {
        let Ok(bytes) = random::bytes() else { return no_random_bytes() };
        let code = PairCode::new(bytes);
        let client = self.client(request.headers, request.remote);
        let minted = self.pairing().mint(request.now, client, code);
        match minted {
            Ok(expires_at) => {
                let base = request.base;
                let mut document = crate::respond::tui_links(base);
                document["code"] = json!(code.to_string());
                document["verify_url"] = json!(format!("{base}/reproq/tui/authorize/?code={code}"));
                document["expires_at"] = json!(expires_at);
                Reply::json(StatusCode::OK, &document)
            }
            Err(MintRefusal::Limited(limited)) => limited_reply("too many codes", limited.retry_after),
            Err(MintRefusal::Full { retry_after }) => {
                Reply::error(StatusCode::SERVICE_UNAVAILABLE, "too many codes are waiting for approval")
                    .with("retry-after", &retry_after.to_string())
            }
        }
    }

    /// The state of a code, for the TUI.
    fn poll(&self, request: &SignInRequest<'_>, code: Option<PairCode>) -> Reply {
        let client = self.client(request.headers, request.remote);
        match self.pairing().poll(request.now, client, code) {
            Ok(PollAnswer::Pending) => Reply::json(StatusCode::OK, &json!({"status": "pending"})),
            Ok(PollAnswer::Approved(IssuedToken { token, expires_at })) => {
                Reply::json(StatusCode::OK, &json!({"status": "approved", "token": token, "expires_at": expires_at}))
            }
            Ok(PollAnswer::Expired) => Reply::json(StatusCode::NOT_FOUND, &json!({"status": "expired"})),
            Err(limited) => limited_reply("too many wrong codes", limited.retry_after),
        }
    }

    /// The page where a code is approved.
    fn authorize(&self, request: &SignInRequest<'_>) -> Reply {
        let code = PairCode::parse(request.query.value("code"));
        let Some(person) = self.signed_in(request.headers, request.remote, request.now) else {
            return redirect(&Next::Authorize(code).sign_in(&self.prefix));
        };
        let state = code.map_or(PairState::Expired, |code| self.pairing().state(request.now, code));
        self.with_form(request, &person.bound_to(), |field| {
            html(StatusCode::OK, pages::authorize(&self.prefix, code, state, field, &person.shown()))
        })
    }

    /// The approval.
    fn approve(&self, request: &SignInRequest<'_>) -> SignInAnswer {
        let Some(person) = self.signed_in(request.headers, request.remote, request.now) else {
            return self.refusal("You are not signed in, or your session is over.").into();
        };
        if !self.is_own_form(request, &person.bound_to()) {
            return self.refusal(RELOAD).into();
        }
        let code = PairCode::parse(request.form.value("code"));
        let (state, is_new) = match code.map(|code| self.issue(&person, code, request.now)) {
            Some(Some(Ok(()))) => (PairState::Approved, true),
            Some(Some(Err(ApproveRefusal::Approved))) => (PairState::Approved, false),
            Some(Some(Err(ApproveRefusal::Expired))) | None => (PairState::Expired, false),
            Some(None) => return no_random_bytes().into(),
        };
        let reply = html(StatusCode::OK, pages::authorize(&self.prefix, code, state, "", &person.shown()));
        let news = is_new.then(|| SignInNews::Approved { name: person.holder.name().to_owned() });
        SignInAnswer { reply, news }
    }

    /// Approves a code with a token of this person. `None` if there are no random bytes.
    fn issue(&self, person: &Person, code: PairCode, now: i64) -> Option<Result<(), ApproveRefusal>> {
        let id = random::bytes().ok()?;
        let grant = TokenGrant { holder: person.holder.clone(), audience: Audience::Tui, issued_at: now, id };
        let token = IssuedToken { token: mint(&grant, &self.token), expires_at: grant.expires_at() };
        Some(self.pairing().approve(now, code, token))
    }

    /// The page where to sign in.
    fn login(&self, request: &SignInRequest<'_>, status: StatusCode, problem: Option<&str>) -> Reply {
        let fields = if request.method == Method::POST { &request.form } else { &request.query };
        let next = Next::parse(fields.value("next"), &self.prefix);
        self.with_form(request, "", |field| {
            let provider = self.provider.as_deref();
            html(status, pages::login(&self.prefix, &next.path(&self.prefix), field, problem, provider))
        })
    }

    /// Signs in with the server's token.
    fn sign_in(&self, request: &SignInRequest<'_>, attempts: &mut Attempts) -> SignInAnswer {
        if !self.is_own_form(request, "") {
            return self.login(request, StatusCode::FORBIDDEN, Some(RELOAD)).into();
        }
        let client = self.client(request.headers, request.remote);
        if let Err(limited) = attempts.check(request.seconds, client) {
            let text = format!("Too many wrong tokens. Try again in {} s.", limited.retry_after);
            let reply = self.login(request, StatusCode::TOO_MANY_REQUESTS, Some(&text));
            return reply.with("retry-after", &limited.retry_after.to_string()).refusing("too many wrong tokens");
        }
        // People copy a token with the blanks around it. One that has blanks of its own is entered exactly.
        let entered = request.form.value("token");
        if !(self.token.is_secret(entered) || self.token.is_secret(entered.trim())) {
            let _ = attempts.take(request.seconds, client);
            let reply = self.login(request, StatusCode::FORBIDDEN, Some("This is not the token of this server."));
            return reply.refusing("wrong token");
        }
        let Some(cookie) = TokenHolder::new(TOKEN_HOLDER).and_then(|holder| self.begin_session(holder, request.now))
        else {
            return no_random_bytes().into();
        };
        let next = Next::parse(request.form.value("next"), &self.prefix);
        redirect(&next.path(&self.prefix))
            .with("set-cookie", &cookie)
            .with_news(SignInNews::SignedIn { name: TOKEN_HOLDER.to_owned(), with: "the token".to_owned() })
    }

    /// The cookie of a new session. `None` if there are no random bytes.
    pub(super) fn begin_session(&self, holder: TokenHolder, now: i64) -> Option<String> {
        let id = random::bytes().ok()?;
        let session = Session { holder, expires_at: now + SESSION_SECONDS, id }.seal(&self.session);
        Some(self.cookie(cookies::SESSION, &session, SESSION_SECONDS))
    }

    /// The page where to sign out.
    fn logout(&self, request: &SignInRequest<'_>) -> Reply {
        if let Some((session, cookie)) = self.session(request.headers, request.now) {
            let person = Person { holder: session.holder, session: cookie };
            return self.with_form(request, &person.bound_to(), |field| {
                html(StatusCode::OK, pages::logout(&self.prefix, person.holder.name(), field))
            });
        }
        match self.signed_in(request.headers, request.remote, request.now) {
            Some(person) => html(StatusCode::OK, pages::logout_at_proxy(&self.prefix, person.holder.name())),
            None => self.first(),
        }
    }

    /// Ends the session.
    fn sign_out(&self, request: &SignInRequest<'_>) -> SignInAnswer {
        let Some((session, cookie)) = self.session(request.headers, request.now) else { return self.first().into() };
        let person = Person { holder: session.holder.clone(), session: cookie };
        if !self.is_own_form(request, &person.bound_to()) {
            return self.refusal(RELOAD).into();
        }
        self.ended().end(session.id, session.expires_at, request.now);
        self.first()
            .with("set-cookie", &self.cookie(cookies::SESSION, "", 0))
            .with_news(SignInNews::SignedOut { name: person.holder.name().to_owned() })
    }

    fn refusal(&self, text: &str) -> Reply {
        html(StatusCode::FORBIDDEN, pages::refusal(&self.prefix, text))
    }

    /// A page with a form: the cookie that the form is bound to is set, unless the browser has one.
    fn with_form(&self, request: &SignInRequest<'_>, person: &str, page: impl FnOnce(&str) -> Reply) -> Reply {
        if let Some(cookie) = cookies::value(request.headers, cookies::FORM).filter(|cookie| cookie.len() == 22) {
            return page(&csrf::field(&self.csrf, &cookie, person));
        }
        let Ok(bytes) = random::bytes::<16>() else { return no_random_bytes() };
        let cookie = URL_SAFE_NO_PAD.encode(bytes);
        let reply = page(&csrf::field(&self.csrf, &cookie, person));
        reply.with("set-cookie", &self.cookie(cookies::FORM, &cookie, csrf::FORM_SECONDS))
    }

    fn is_own_form(&self, request: &SignInRequest<'_>, person: &str) -> bool {
        let cookie = cookies::value(request.headers, cookies::FORM);
        let is_valid = |cookie: &String| csrf::is_valid(&self.csrf, request.form.value("form"), cookie, person);
        !csrf::is_of_another_site(request.headers) && cookie.as_ref().is_some_and(is_valid)
    }

    fn cookie(&self, name: &str, value: &str, seconds: i64) -> String {
        cookies::set(name, value, &self.prefix, seconds, self.is_secure)
    }
}

impl SignInPage {
    /// A code is not minted for a request that shows nothing, and a token is not spent for one.
    const fn may_be_head(&self) -> bool {
        matches!(self, Self::Authorize | Self::Login | Self::Logout)
    }

    const fn methods(&self) -> &'static str {
        match self {
            Self::Pair => "GET, POST",
            Self::Poll(_) | Self::ToProvider | Self::Callback => "GET",
            Self::Authorize | Self::Login | Self::Logout => "GET, HEAD, POST",
        }
    }
}

impl Person {
    /// What forms of this person are bound to.
    fn bound_to(&self) -> String {
        format!("{}\n{}", self.session, self.holder.name())
    }

    fn shown(&self) -> pages::ShownPerson<'_> {
        pages::ShownPerson { name: self.holder.name(), has_session: !self.session.is_empty() }
    }
}

pub(super) fn html(status: StatusCode, text: String) -> Reply {
    Reply::html(status, text).with("content-security-policy", pages::POLICY)
}

pub(super) fn redirect(path: &str) -> Reply {
    Reply::html(StatusCode::SEE_OTHER, String::new()).with("location", path)
}

fn limited_reply(message: &str, retry_after: i64) -> Reply {
    Reply::error(StatusCode::TOO_MANY_REQUESTS, message).with("retry-after", &retry_after.to_string())
}

pub(super) fn no_random_bytes() -> Reply {
    Reply::error(StatusCode::INTERNAL_SERVER_ERROR, "the system provides no random bytes")
}
