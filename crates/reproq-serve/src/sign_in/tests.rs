//! The whole way from a code to a token, and what an attacker may try.

use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use reproq_token::Attempts;
use serde_json::Value;

use super::news::SignInAnswer;
use super::*;
use crate::access::WRONG_TOKENS;
use crate::respond::Reply;

const NOW: i64 = 1_800_000_000;
const SECRET: &str = "the-server-token";
const URL: &str = "https://queue.example.org/ops";

/// A browser or a TUI: it keeps cookies.
struct Client<'a> {
    sign_in: &'a SignIn,
    attempts: Attempts,
    remote: IpAddr,
    cookies: Vec<(String, String)>,
    extra: Vec<(&'static str, &'static str)>,
    now: i64,
    news: Vec<SignInNews>,
}

fn server(identity: Option<ProxyIdentity>) -> SignIn {
    let token = AccessToken::new(SECRET.to_owned()).expect("a token");
    SignIn::new(&token, identity, Some(URL)).expect("a token")
}

fn client(sign_in: &SignIn) -> Client<'_> {
    let (remote, now) = (IpAddr::from([192, 0, 2, 1]), NOW);
    let attempts = Attempts::new(WRONG_TOKENS, 10);
    Client { sign_in, attempts, remote, cookies: Vec::new(), extra: Vec::new(), now, news: Vec::new() }
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    let value = reply.headers.iter().rev().find(|(it, _)| *it == name).and_then(|(_, value)| value.to_str().ok());
    value.unwrap_or_default()
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).expect("UTF-8")
}

fn json(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).expect("JSON")
}

/// The value of a hidden field of a page.
fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{name}: {page}"));
    rest.split('"').next().expect("a value").replace("&amp;", "&")
}

impl Client<'_> {
    fn request(&mut self, method: &Method, path: &str, form: &[(&str, &str)]) -> Reply {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = path.trim_start_matches("/ops").trim_end_matches('/');
        let mut headers = HeaderMap::new();
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let own = HeaderValue::from_str(&cookies.join("; ")).expect("a value");
        headers.insert(http::header::COOKIE, own);
        for (name, value) in &self.extra {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = SignInRequest {
            method,
            page: SignInPage::of(path).unwrap_or_else(|| panic!("no page: {path}")),
            query: Form::parse(query.as_bytes()),
            form: Form::parse(body.as_bytes()),
            headers: &headers,
            remote: self.remote,
            base: "https://queue.example.org/ops",
            now: self.now,
            seconds: self.now,
        };
        let SignInAnswer { reply, news } = self.sign_in.answer(&request, &mut self.attempts);
        self.news.extend(news);
        for (_, value) in reply.headers.iter().filter(|(name, _)| *name == "set-cookie") {
            let value = value.to_str().expect("text");
            assert!(
                value.contains("; Path=/ops/; ") && value.ends_with("; HttpOnly; SameSite=Strict; Secure"),
                "{value}"
            );
            let (name, value) = value.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        reply
    }

    fn get(&mut self, path: &str) -> Reply {
        self.request(&Method::GET, path, &[])
    }

    fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Reply {
        self.request(&Method::POST, path, form)
    }

    /// Signs in with this token; returns the response to the form.
    fn log_in(&mut self, token: &str, next: &str) -> Reply {
        let page = self.get(&format!("/reproq/tui/login/?next={next}"));
        assert_eq!(page.status, StatusCode::OK);
        let (form, next) = (hidden(&text(&page), "form"), hidden(&text(&page), "next"));
        self.post("/reproq/tui/login/", &[("form", &form), ("next", &next), ("token", token)])
    }

    fn code(&mut self) -> String {
        let pair = self.get("/reproq/tui/pair/");
        assert_eq!(pair.status, StatusCode::OK);
        json(&pair)["code"].as_str().expect("a code").to_owned()
    }
}

#[test]
fn a_code_becomes_a_token_that_is_shown_once() {
    let server = server(None);
    let (mut tui, mut browser) = (client(&server), client(&server));
    let pair = tui.get("/reproq/tui/pair/");
    let document = json(&pair);
    let code = document["code"].as_str().expect("a code").to_owned();
    assert_eq!(code.len(), 16);
    let page = document["verify_url"].as_str().expect("a URL").to_owned();
    assert_eq!(page, format!("https://queue.example.org/ops/reproq/tui/authorize/?code={code}"));
    assert_eq!(document["expires_at"], NOW + 600);
    assert_eq!(document["events_url"], "https://queue.example.org/ops/reproq/tui/events/");
    let poll = format!("/reproq/tui/pair/{code}/");
    assert_eq!(json(&tui.get(&poll)), serde_json::json!({"status": "pending"}));

    let page = page.trim_start_matches("https://queue.example.org");
    let sent_away = browser.get(page);
    assert_eq!(sent_away.status, StatusCode::SEE_OTHER);
    let login = header(&sent_away, "location").to_owned();
    assert_eq!(login, format!("/ops/reproq/tui/login/?next=%2Fops%2Freproq%2Ftui%2Fauthorize%2F%3Fcode%3D{code}"));
    let back = browser.log_in(SECRET, login.split_once("next=").expect("a path").1);
    assert_eq!((back.status, header(&back, "location")), (StatusCode::SEE_OTHER, page));
    let shown = browser.get(page);
    assert!(text(&shown).contains(&code) && text(&shown).contains("reproq-serve"), "{}", text(&shown));
    assert!(
        header(&shown, "content-security-policy")
            .starts_with("default-src 'none'; style-src 'self'; form-action 'self'")
    );
    assert_eq!(json(&tui.get(&poll))["status"], "pending", "showing it approves nothing");
    let form = hidden(&text(&shown), "form");
    let approved = browser.post("/reproq/tui/authorize/", &[("form", &form), ("code", &code)]);
    assert!(text(&approved).contains("Approved."), "{}", text(&approved));

    let answer = json(&tui.get(&poll));
    assert_eq!((&answer["status"], &answer["expires_at"]), (&"approved".into(), &(NOW + 30 * 86400).into()));
    let token = answer["token"].as_str().expect("a token");
    let claims = verify(token, &TokenKey::new(SECRET).expect("a key"), NOW).expect("a token");
    assert_eq!((claims.subject.as_str(), claims.username.as_deref()), ("reproq-serve", Some("reproq-serve")));
    assert!(server.accepts(token.as_bytes(), NOW) && !server.accepts(token.as_bytes(), NOW + 30 * 86400));
    let again = tui.get(&poll);
    assert_eq!((again.status, json(&again)["status"].as_str()), (StatusCode::NOT_FOUND, Some("expired")));
    assert!(text(&browser.get(page)).contains("expired"));
}

#[test]
fn a_form_of_another_site_or_session_approves_nothing() {
    let server = server(None);
    let (mut tui, mut browser) = (client(&server), client(&server));
    let code = tui.code();
    browser.log_in(SECRET, "");
    let page = text(&browser.get(&format!("/reproq/tui/authorize/?code={code}")));
    let form = hidden(&page, "form");
    let mut other = client(&server);
    other.log_in(SECRET, "");
    let of_another_session = hidden(&text(&other.get(&format!("/reproq/tui/authorize/?code={code}"))), "form");
    let of_login = hidden(&text(&other.get("/reproq/tui/login/")), "form");
    for wrong in ["", "x", &of_another_session, &of_login] {
        let reply = browser.post("/reproq/tui/authorize/", &[("form", wrong), ("code", &code)]);
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{wrong}");
    }
    // A host next door plants its own cookie of forms, and knows what belongs to it.
    let own = browser.cookies.clone();
    let planted = other.cookies.iter().find(|(name, _)| name == cookies::FORM).cloned().expect("a cookie");
    browser.cookies.retain(|(name, _)| name != cookies::FORM);
    browser.cookies.push(planted);
    for wrong in [&of_another_session, &of_login] {
        let reply = browser.post("/reproq/tui/authorize/", &[("form", wrong), ("code", &code)]);
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{wrong}");
    }
    browser.cookies = own;
    browser.extra = vec![("sec-fetch-site", "cross-site")];
    assert_eq!(
        browser.post("/reproq/tui/authorize/", &[("form", &form), ("code", &code)]).status,
        StatusCode::FORBIDDEN
    );
    browser.extra = Vec::new();
    let cookies = browser.cookies.clone();
    browser.cookies.retain(|(name, _)| name != cookies::FORM);
    assert_eq!(
        browser.post("/reproq/tui/authorize/", &[("form", &form), ("code", &code)]).status,
        StatusCode::FORBIDDEN
    );
    // Not signed in, with a changed session, and with one that is over.
    browser.cookies = cookies.iter().filter(|(name, _)| name != cookies::SESSION).cloned().collect();
    assert_eq!(
        browser.post("/reproq/tui/authorize/", &[("form", &form), ("code", &code)]).status,
        StatusCode::FORBIDDEN
    );
    browser.cookies = cookies.iter().map(|(name, value)| (name.clone(), value.replacen('.', ".A", 1))).collect();
    assert_eq!(
        browser.post("/reproq/tui/authorize/", &[("form", &form), ("code", &code)]).status,
        StatusCode::FORBIDDEN
    );
    browser.cookies = cookies;
    browser.now = NOW + session::SESSION_SECONDS;
    assert_eq!(browser.get("/reproq/tui/authorize/").status, StatusCode::SEE_OTHER);
    browser.now = NOW;
    assert_eq!(json(&tui.get(&format!("/reproq/tui/pair/{code}/")))["status"], "pending");
    let reply = browser.post("/reproq/tui/authorize/", &[("form", &form), ("code", &code)]);
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(json(&tui.get(&format!("/reproq/tui/pair/{code}/")))["status"], "approved");
}

#[test]
fn wrong_tokens_are_limited_and_no_session_comes_of_them() {
    let server = server(None);
    let mut browser = client(&server);
    for _ in 0..30 {
        let reply = browser.log_in("wrong", "");
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        assert!(text(&reply).contains("This is not the token"), "{}", text(&reply));
    }
    let reply = browser.log_in(SECRET, "");
    assert_eq!((reply.status, header(&reply, "retry-after")), (StatusCode::TOO_MANY_REQUESTS, "60"));
    assert!(browser.cookies.iter().all(|(name, _)| name != cookies::SESSION));
    // Without the cookie of the form, another site could sign people in.
    let mut other = client(&server);
    let reply = other.post("/reproq/tui/login/", &[("token", SECRET), ("form", "x")]);
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(other.cookies.iter().all(|(name, _)| name != cookies::SESSION));
    browser.now += 60;
    assert_eq!(browser.log_in(SECRET, "").status, StatusCode::SEE_OTHER);
}

#[test]
fn signing_in_leads_to_no_other_host() {
    let server = server(None);
    for next in
        ["https://evil.test", "//evil.test", "%2F%5Cevil.test", "/ops//evil.test", "/reproq/tui/authorize/?code=//evil"]
    {
        let mut browser = client(&server);
        let reply = browser.log_in(SECRET, next);
        assert_eq!(header(&reply, "location"), "/ops/", "{next}");
        // Also if the field of the form is changed.
        let form = hidden(&text(&browser.get("/reproq/tui/login/")), "form");
        let reply = browser.post("/reproq/tui/login/", &[("form", &form), ("next", next), ("token", SECRET)]);
        assert_eq!(header(&reply, "location"), "/ops/", "{next}");
    }
}

#[test]
fn guessing_codes_is_limited_and_so_is_minting() {
    let server = server(None);
    let (mut tui, mut attacker) = (client(&server), client(&server));
    attacker.remote = IpAddr::from([192, 0, 2, 66]);
    let code = tui.code();
    for number in 0..30 {
        let reply = attacker.get(&format!("/reproq/tui/pair/{number:016x}/"));
        assert_eq!((reply.status, json(&reply)["status"].as_str()), (StatusCode::NOT_FOUND, Some("expired")));
    }
    let reply = attacker.get(&format!("/reproq/tui/pair/{code}/"));
    assert_eq!((reply.status, header(&reply, "retry-after")), (StatusCode::TOO_MANY_REQUESTS, "600"));
    assert_eq!(json(&tui.get(&format!("/reproq/tui/pair/{code}/")))["status"], "pending");
    for _ in 0..20 {
        attacker.code();
    }
    assert_eq!(attacker.get("/reproq/tui/pair/").status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(tui.post("/reproq/tui/pair/", &[]).status, StatusCode::OK);
}

#[test]
fn a_proxy_names_people_and_nobody_else_does() {
    let identity = ProxyIdentity {
        header: Some(HeaderName::from_static("x-remote-user")),
        proxies: vec!["10.0.0.0/8".parse().expect("a network")],
        names: vec!["ada".to_owned()],
    };
    let server = server(Some(identity));
    let (mut tui, mut browser) = (client(&server), client(&server));
    let code = tui.code();
    let page = format!("/reproq/tui/authorize/?code={code}");
    browser.extra = vec![("x-remote-user", "ada")];
    assert_eq!(browser.get(&page).status, StatusCode::SEE_OTHER, "from another address");
    browser.remote = IpAddr::from([10, 0, 0, 7]);
    browser.extra = vec![("x-remote-user", "eve")];
    assert_eq!(browser.get(&page).status, StatusCode::SEE_OTHER, "another person");
    browser.extra = vec![("x-remote-user", "ada")];
    let form = hidden(&text(&browser.get(&page)), "form");
    let reply = browser.post("/reproq/tui/authorize/", &[("code", &code)]);
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "without the field of the form");
    let reply = browser.post("/reproq/tui/authorize/", &[("code", &code), ("form", &form)]);
    assert_eq!(reply.status, StatusCode::OK);
    let answer = json(&tui.get(&format!("/reproq/tui/pair/{code}/")));
    let claims = verify(answer["token"].as_str().expect("a token"), &TokenKey::new(SECRET).expect("a key"), NOW);
    assert_eq!(claims.expect("a token").subject, "ada");
    assert_eq!(browser.news, [SignInNews::Approved { name: "ada".to_owned() }]);
    let page = text(&browser.get("/reproq/tui/logout/"));
    assert!(page.contains("Sign out there") && !page.contains("<form"), "{page}");
}

/// The list is that of this server, not of the one that began the session.
#[test]
fn a_person_who_is_no_longer_allowed_is_no_longer_signed_in() {
    let allowing =
        |names: &[&str]| SignIn { people: names.iter().map(|name| (*name).to_owned()).collect(), ..server(None) };
    let holder = TokenHolder::new("ada").expect("a name");
    let cookie = allowing(&["ada"]).begin_session(holder, NOW).expect("random bytes");
    let session = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
    for (names, is_signed_in) in [(&["eve", "ada"][..], true), (&["eve"], false), (&[], false)] {
        let server = allowing(names);
        let mut browser = client(&server);
        browser.cookies.push((session.0.to_owned(), session.1.to_owned()));
        let status = browser.get("/reproq/tui/authorize/").status;
        assert_eq!(status == StatusCode::OK, is_signed_in, "{names:?}");
    }
}

/// Signs out by the form.
fn sign_out(browser: &mut Client<'_>) -> Reply {
    let page = browser.get("/reproq/tui/logout/");
    assert_eq!(page.status, StatusCode::OK);
    let form = hidden(&text(&page), "form");
    browser.post("/reproq/tui/logout/", &[("form", &form)])
}

#[test]
fn signing_out_ends_the_session_and_copies_of_its_cookie() {
    let server = server(None);
    let (mut tui, mut browser) = (client(&server), client(&server));
    let code = tui.code();
    let page = format!("/reproq/tui/authorize/?code={code}");
    browser.log_in(SECRET, "");
    assert!(text(&browser.get(&page)).contains("<a href=\"/ops/reproq/tui/logout/\">Sign out</a>"));
    let copy = browser.cookies.clone();
    // Not by the form of another session, nor without one.
    let mut other = client(&server);
    other.log_in(SECRET, "");
    let of_another_session = hidden(&text(&other.get("/reproq/tui/logout/")), "form");
    for wrong in ["", &of_another_session] {
        let reply = browser.post("/reproq/tui/logout/", &[("form", wrong)]);
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{wrong}");
    }
    assert_eq!(browser.get(&page).status, StatusCode::OK);
    let reply = sign_out(&mut browser);
    assert_eq!(
        (reply.status, header(&reply, "location")),
        (StatusCode::SEE_OTHER, "/ops/reproq/tui/login/?next=%2Fops%2F")
    );
    assert!(header(&reply, "set-cookie").starts_with("reproq_session=; Path=/ops/; Max-Age=0; "));
    assert_eq!(browser.get(&page).status, StatusCode::SEE_OTHER);
    let mut thief = client(&server);
    thief.cookies = copy;
    assert_eq!(thief.get(&page).status, StatusCode::SEE_OTHER);
    assert_eq!(thief.get("/reproq/tui/logout/").status, StatusCode::SEE_OTHER);
    assert_eq!(thief.post("/reproq/tui/logout/", &[]).status, StatusCode::SEE_OTHER);
    assert_eq!(other.get(&page).status, StatusCode::OK, "other sessions go on");
}

#[test]
fn who_signs_in_out_and_approves_is_logged_without_token_and_code() {
    let server = server(None);
    let (mut tui, mut browser) = (client(&server), client(&server));
    let code = tui.code();
    let page = format!("/reproq/tui/authorize/?code={code}");
    browser.log_in("wrong", "");
    browser.log_in(SECRET, "");
    let form = hidden(&text(&browser.get(&page)), "form");
    for _ in 0..2 {
        browser.post("/reproq/tui/authorize/", &[("form", &form), ("code", &code)]);
    }
    sign_out(&mut browser);
    let name = "reproq-serve".to_owned();
    let expected = [
        SignInNews::Refused { reason: "wrong token".to_owned() },
        SignInNews::SignedIn { name: name.clone(), with: "the token".to_owned() },
        SignInNews::Approved { name: name.clone() },
        SignInNews::SignedOut { name },
    ];
    assert_eq!(browser.news, expected);
    let mut guesser = client(&server);
    for _ in 0..31 {
        guesser.log_in("wrong", "");
    }
    assert_eq!(guesser.news.last(), Some(&SignInNews::Refused { reason: "too many wrong tokens".to_owned() }));
}

#[test]
fn a_token_with_blanks_is_entered_exactly_and_another_with_or_without() {
    let of = |secret: &str| {
        SignIn::new(&AccessToken::new(secret.to_owned()).expect("a token"), None, Some(URL)).expect("a token")
    };
    for (secret, entered, expected) in [
        (" secret ", " secret ", StatusCode::SEE_OTHER),
        (" secret ", "secret", StatusCode::FORBIDDEN),
        ("secret", " secret\t", StatusCode::SEE_OTHER),
        ("secret", "secret", StatusCode::SEE_OTHER),
    ] {
        let server = of(secret);
        assert_eq!(client(&server).log_in(entered, "").status, expected, "{secret:?} {entered:?}");
    }
}

#[test]
fn other_methods_are_refused() {
    let server = server(None);
    let mut tui = client(&server);
    for (method, path, allowed) in [
        (Method::HEAD, "/reproq/tui/pair/", "GET, POST"),
        (Method::PUT, "/reproq/tui/pair/", "GET, POST"),
        (Method::POST, "/reproq/tui/pair/0011223344556677/", "GET"),
        (Method::HEAD, "/reproq/tui/pair/0011223344556677/", "GET"),
        (Method::DELETE, "/reproq/tui/authorize/", "GET, HEAD, POST"),
        (Method::PATCH, "/reproq/tui/login/", "GET, HEAD, POST"),
        (Method::DELETE, "/reproq/tui/logout/", "GET, HEAD, POST"),
    ] {
        let reply = tui.request(&method, path, &[]);
        assert_eq!(
            (reply.status, header(&reply, "allow")),
            (StatusCode::METHOD_NOT_ALLOWED, allowed),
            "{method} {path}"
        );
    }
}
