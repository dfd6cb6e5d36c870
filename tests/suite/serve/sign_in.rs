//! Signing in at the real server: the way of a terminal to its token, and what an attacker may try.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;

use reproq_token::Audience;
use reproq_token::TokenGrant;
use reproq_token::TokenHolder;
use reproq_token::TokenKey;
use reproq_token::mint;
use serde_json::Value;

use super::Page;
use super::Served;
use crate::login::token::SECRET;
use crate::login::token::now;
use crate::login::token::of_python;
use crate::login::token::token;
use crate::queue::rows::project;
use crate::support::Context;
use crate::support::context::wait;

/// A project whose database cannot be reached: signing in needs none.
pub fn context() -> Context {
    let mut context = project("postgres://u@127.0.0.1:1/d");
    context.set("METRICS_AUTH_TOKEN", SECRET);
    context
}

/// A browser, which keeps cookies.
pub struct Browser<'a> {
    served: &'a Served<'a>,
    cookies: BTreeMap<String, String>,
    headers: Vec<(&'static str, &'static str)>,
}

impl<'a> Browser<'a> {
    pub fn new(served: &'a Served<'a>) -> Self {
        Self { served, cookies: BTreeMap::new(), headers: Vec::new() }
    }

    fn send(&mut self, path: &str, form: Option<&[(&str, &str)]>) -> Page {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = self.headers.clone();
        headers.push(("cookie", &cookies));
        let page = match form {
            None => self.served.request("GET", path, &headers),
            Some(form) => {
                let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
                self.served.post(path, &headers, &body.join("&"))
            }
        };
        if let Some(cookie) = page.headers.get("set-cookie") {
            assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            self.cookies.insert(name.to_owned(), value.to_owned());
            self.cookies.retain(|_, value| !value.is_empty());
        }
        page
    }

    /// Follows the redirect to the page where to sign in, signs in, and returns the response.
    fn sign_in(&mut self, page: &str, token: &str) -> Page {
        let away = self.send(page, None);
        assert_eq!(away.status, 303, "{away:#?}");
        let login = self.send(&away.headers["location"], None);
        let (form, next) = (hidden(&login.body, "form"), hidden(&login.body, "next"));
        self.send("/reproq/tui/login/", Some(&[("form", &form), ("next", &next), ("token", token)]))
    }

    /// Approves a code; the person is signed in.
    fn approve(&mut self, page: &str) -> Page {
        let shown = self.send(page, None);
        assert_eq!(shown.status, 200, "{shown:#?}");
        let (form, code) = (hidden(&shown.body, "form"), hidden(&shown.body, "code"));
        self.send("/reproq/tui/authorize/", Some(&[("form", &form), ("code", &code)]))
    }

    /// The whole way of a person with the token: signs in and approves the code of this page.
    pub fn approve_with_token(&mut self, page: &str) {
        let back = self.sign_in(page, SECRET);
        assert_eq!((back.status, back.headers["location"].as_str()), (303, page), "{back:#?}");
        let approved = self.approve(page);
        assert!(approved.body.contains("Approved."), "{approved:#?}");
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{name}: {page}"));
    rest.split('"').next().expect("a value").to_owned()
}

/// The path of the page that a line of a terminal names.
pub fn page_in(line: &str, served: &Served<'_>) -> String {
    let url = line.split_whitespace().last().expect("a URL");
    let path = url.strip_prefix(&format!("http://{}", served.address()));
    path.unwrap_or_else(|| panic!("not on this server: {line}")).to_owned()
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("a pipe")).read_line(&mut line).expect("text");
    line.trim_end().to_owned()
}

#[test]
fn login_gets_a_token_that_every_page_accepts() {
    let context = context();
    let served = Served::start(&context, &[]);
    let url = served.document["url"].as_str().expect("a URL").to_owned();
    let mut login = context.spawn(&["login", &url]);
    let page = page_in(&first_line(&mut login), &served);
    let mut browser = Browser::new(&served);
    browser.approve_with_token(&page);
    let output = wait(login);
    assert_eq!(output.code, 0, "{output:#?}");
    let file = std::fs::read_to_string(context.root().join("home/.config/reproq-tui/auth.json")).expect("the file");
    let file: Value = serde_json::from_str(&file).expect("JSON");
    let bearer = format!("Bearer {}", file["token"].as_str().expect("a token"));
    for path in ["/metrics", "/reproq/observation/", "/reproq/tui/metrics/"] {
        assert_eq!(served.get(path).status, 401, "{path}");
        assert_eq!(served.request("GET", path, &[("authorization", &bearer)]).status, 200, "{path}");
        assert_eq!(browser.send(path, None).status, 200, "a session reads too: {path}");
    }
    let other = Browser::new(&served).send("/metrics", None);
    assert_eq!(other.status, 401);
    let mut other = Browser::new(&served);
    let back = other.sign_in("/", SECRET);
    assert_eq!((back.status, back.headers["location"].as_str()), (303, "/"), "{back:#?}");
    assert!(other.send("/", None).body.contains("<h1>Reproq</h1>"));
    assert!(context.succeed(&["token", "verify"]).stdout.contains("accepted"));
}

#[test]
fn twelve_bad_tokens_are_refused_by_the_server() {
    let context = context();
    let served = Served::start(&context, &[]);
    for (code, reason, token) in of_python(&token(now())) {
        let expected = if code == 0 { 200 } else { 401 };
        let bearer = format!("Bearer {token}");
        let page = served.request("GET", "/metrics", &[("authorization", &bearer)]);
        assert_eq!(page.status, expected, "{reason}: {page:#?}");
        assert_eq!(served.request("GET", "/metrics", &[("x-reproq-token", &token)]).status, expected, "{reason}");
    }
}

#[test]
fn the_page_of_a_code_follows_no_header_and_a_proxy_in_front_has_its_own_url() {
    let context = context();
    let served = Served::start(&context, &[]);
    for headers in
        [&[("host", "evil.example")][..], &[("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")]]
    {
        let pair = served.request("POST", "/reproq/tui/pair/", headers);
        assert_eq!(pair.status, 200, "{pair:#?}");
        assert!(!pair.body.contains("evil.example"), "{pair:#?}");
        let page = pair.json()["verify_url"].as_str().expect("a URL").to_owned();
        assert!(page.starts_with(&format!("http://{}/reproq/tui/authorize/?code=", served.address())), "{page}");
    }
    drop(served);
    let served = Served::start(&context, &["--public-url", "https://queue.example.org/ops/"]);
    let pair = served.get("/reproq/tui/pair/").json();
    let page = pair["verify_url"].as_str().expect("a URL");
    assert!(page.starts_with("https://queue.example.org/ops/reproq/tui/authorize/?code="), "{page}");
    let away = served.get("/reproq/tui/authorize/");
    assert!(away.headers["location"].starts_with("/ops/reproq/tui/login/?next=%2Fops%2F"), "{away:#?}");
    let login = served.get("/reproq/tui/login/");
    assert!(login.headers["set-cookie"].ends_with("; Secure") && login.headers["set-cookie"].contains("Path=/ops/;"));
}

#[test]
fn no_form_but_its_own_is_accepted_and_none_without_an_end() {
    let context = context();
    let served = Served::start(&context, &[]);
    let code = served.get("/reproq/tui/pair/").json()["code"].as_str().expect("a code").to_owned();
    let page = format!("/reproq/tui/authorize/?code={code}");
    let mut browser = Browser::new(&served);
    assert_eq!(browser.sign_in(&page, "wrong").status, 403);
    assert_eq!(browser.sign_in(&page, SECRET).status, 303);
    let without = browser.send("/reproq/tui/authorize/", Some(&[("code", &code)]));
    assert_eq!(without.status, 403, "{without:#?}");
    let mut tampered = Browser::new(&served);
    tampered.cookies = browser.cookies.clone();
    let session = tampered.cookies.get_mut("reproq_session").expect("a session");
    *session = session.replacen(|c: char| c.is_ascii_digit(), "9", 1);
    assert_eq!(tampered.send(&page, None).status, 303, "a changed session is none");
    let long = served.post("/reproq/tui/login/", &[], &"x".repeat(9000));
    assert_eq!(long.status, 413, "{long:#?}");
    let poll = served.get(&format!("/reproq/tui/pair/{code}/")).json();
    assert_eq!(poll["status"], "pending");
    let shown = browser.send(&page, None);
    assert!(shown.headers["content-security-policy"].contains("form-action 'self'"), "{shown:#?}");
    assert!(!shown.body.contains("<script") && shown.headers["content-type"].starts_with("text/html"));
    assert!(browser.approve(&page).body.contains("Approved."));
    assert_eq!(served.get(&format!("/reproq/tui/pair/{code}/")).json()["status"], "approved");
    let again = served.get(&format!("/reproq/tui/pair/{code}/"));
    assert_eq!((again.status, again.json()["status"].as_str()), (404, Some("expired")));
}

#[test]
fn guessing_is_bounded() {
    let context = context();
    let served = Served::start(&context, &[]);
    for number in 0..30 {
        assert_eq!(served.get(&format!("/reproq/tui/pair/{number:016x}/")).status, 404);
    }
    let refused = served.get("/reproq/tui/pair/0000000000000000/");
    assert_eq!(refused.status, 429, "{refused:#?}");
    assert!(refused.headers["retry-after"].parse::<u32>().is_ok_and(|seconds| (1..=600).contains(&seconds)));
    for _ in 0..20 {
        assert_eq!(served.get("/reproq/tui/pair/").status, 200);
    }
    assert_eq!(served.get("/reproq/tui/pair/").status, 429);
}

#[test]
fn a_name_in_a_header_counts_only_from_the_proxy() {
    let context = context();
    let identity = ["--identity-header", "X-Remote-User", "--allow-identity", "ada", "--trusted-proxy"];
    for (network, is_trusted) in [("127.0.0.0/8", true), ("10.0.0.0/8", false)] {
        let served = Served::start(&context, &[&identity[..], &[network]].concat());
        let code = served.get("/reproq/tui/pair/").json()["code"].as_str().expect("a code").to_owned();
        let page = format!("/reproq/tui/authorize/?code={code}");
        let mut browser = Browser::new(&served);
        browser.headers = vec![("x-remote-user", "eve")];
        assert_eq!(browser.send(&page, None).status, 303);
        assert_eq!(browser.send("/metrics", None).status, 401);
        browser.headers = vec![("x-remote-user", "ada")];
        assert_eq!(browser.send("/metrics", None).status, if is_trusted { 200 } else { 401 });
        if is_trusted {
            let approved = browser.approve(&page);
            assert!(approved.body.contains("Approved."), "{approved:#?}");
            let answer = served.get(&format!("/reproq/tui/pair/{code}/")).json();
            let output = crate::login::token::verify(&context, answer["token"].as_str().expect("a token"), &[]);
            assert!(output.code == 0 && output.stdout.contains("\"ada\""), "{output:#?}");
        } else {
            assert_eq!(browser.send(&page, None).status, 303);
        }
    }
}

/// The lines about sign-in, once there are this many.
fn log(served: &Served<'_>, lines: usize) -> Vec<String> {
    let about = |line: &String| line.contains("signed") || line.contains("approved") || line.contains("sign-in");
    let mut found = Vec::new();
    super::until("the lines of the log", || {
        found = served.lines().into_iter().filter(about).collect();
        found.len() >= lines
    });
    found
}

#[test]
fn signing_out_ends_a_session_and_the_log_names_people() {
    let context = context();
    let served = Served::start(&context, &[]);
    let code = served.get("/reproq/tui/pair/").json()["code"].as_str().expect("a code").to_owned();
    let page = format!("/reproq/tui/authorize/?code={code}");
    let mut browser = Browser::new(&served);
    for _ in 0..3 {
        assert_eq!(browser.sign_in(&page, "wrong-token").status, 403);
    }
    browser.approve_with_token(&page);
    let stolen = browser.cookies.clone();
    let home = browser.send("/", None);
    assert!(home.body.contains("<a href=\"reproq/tui/logout/\">Sign out</a>"), "{home:#?}");
    let leave = browser.send("/reproq/tui/logout/", None);
    assert!(leave.body.contains("reproq-serve") && !leave.body.contains("<script"), "{leave:#?}");
    let form = hidden(&leave.body, "form");
    assert_eq!(browser.send("/reproq/tui/logout/", Some(&[("form", "x")])).status, 403);
    assert_eq!(browser.send("/metrics", None).status, 200);
    let out = browser.send("/reproq/tui/logout/", Some(&[("form", &form)]));
    assert_eq!((out.status, out.headers["location"].as_str()), (303, "/reproq/tui/login/?next=%2F"), "{out:#?}");
    assert!(!browser.cookies.contains_key("reproq_session"));
    browser.cookies = stolen;
    assert_eq!(browser.send("/metrics", None).status, 401, "a copy of the cookie");
    let expected = [
        "warning: sign-in from 127.0.0.1 refused: wrong token",
        "`reproq-serve` signed in with the token from 127.0.0.1",
        "`reproq-serve` approved a terminal from 127.0.0.1",
        "`reproq-serve` signed out from 127.0.0.1",
    ];
    assert_eq!(log(&served, 4), expected);
    let lines = served.lines().join("\n");
    assert!(!lines.contains(SECRET) && !lines.contains(&code) && !lines.contains("wrong-token"), "{lines}");
}

#[test]
fn a_token_with_blanks_at_its_ends_is_used_as_it_is() {
    let mut context = context();
    let secret = " secret of this test ";
    context.set("METRICS_AUTH_TOKEN", secret);
    let served = Served::start(&context, &[]);
    let holder = TokenHolder::new("ada").expect("a name");
    let grant = TokenGrant { holder, audience: Audience::Tui, issued_at: now(), id: [7; 8] };
    for (key, expected) in [(secret, 200), (secret.trim(), 401)] {
        let bearer = format!("Bearer {}", mint(&grant, &TokenKey::new(key).expect("a key")));
        assert_eq!(served.request("GET", "/metrics", &[("authorization", &bearer)]).status, expected, "{key:?}");
    }
    assert_eq!(Browser::new(&served).sign_in("/", secret).status, 303);
    assert_eq!(Browser::new(&served).sign_in("/", secret.trim()).status, 403);
}

#[cfg(not(feature = "oidc"))]
#[test]
fn a_program_without_oidc_refuses_a_provider() {
    let arguments = ["serve", "--oidc-issuer", "https://accounts.example.org", "--oidc-client-id", "x"];
    let output =
        context().run(&[&arguments[..], &["--allow-identity", "ada", "--public-url", "https://a.org"]].concat());
    assert!(output.code == 2 && output.stderr.contains("this program was built without it"), "{output:#?}");
    assert!(output.stderr.contains("hint: use a build of reproq with its default features"), "{output:#?}");
}

#[test]
fn without_a_token_there_is_no_sign_in() {
    let mut context = context();
    for wrong in [
        &["--identity-header", "X-User", "--allow-identity", "ada"][..],
        &["--identity-header", "X-User", "--trusted-proxy", "127.0.0.1"],
        &["--allow-identity", "ada"],
        &["--trusted-proxy", "example.org"],
    ] {
        assert_eq!(context.run(&[&["serve"], wrong].concat()).code, 2, "{wrong:?}");
    }
    context.set("METRICS_AUTH_TOKEN", "");
    let output = context.run(&["serve", "--trusted-proxy", "127.0.0.1"]);
    assert!(output.code == 2 && output.stderr.contains("needs the variable METRICS_AUTH_TOKEN"), "{output:#?}");
    let served = Served::start(&context, &[]);
    for path in ["pair/", "pair/0011223344556677/", "authorize/", "login/", "logout/"] {
        let page = served.get(&format!("/reproq/tui/{path}"));
        assert_eq!((page.status, page.body.as_str()), (404, r#"{"error":"tui auth disabled"}"#), "{path}");
    }
    let output = context.run(&["login", served.document["url"].as_str().expect("a URL")]);
    assert!(output.code == 4 && output.stderr.contains("does not offer sign-in"), "{output:#?}");
}
