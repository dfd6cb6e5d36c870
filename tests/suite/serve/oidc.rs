//! Signing in at a provider, over real HTTP, and what an attacker or a broken provider may try.

use std::collections::BTreeMap;

use fake_http::lifecycle::Hold;
use fake_oidc::CLIENT_ID;
use fake_oidc::FakeOidc;
use fake_oidc::Fault;
use fake_oidc::Issued;
use fake_oidc::SigningKey;
use fake_oidc::World;
use fake_oidc::unsigned;
use serde_json::json;

use super::Page;
use super::Served;
use super::sign_in::context;
use super::sign_in::hidden;
use crate::login::token::SECRET;
use crate::login::token::now;
use crate::support::Context;
use crate::support::fault_table::Part;
use crate::support::fault_table::record_as;

const ADA: &str = "ada@example.org";
const PUBLIC: &str = "https://queue.example.org";
const CLIENT_SECRET: &str = "s3cret: of the client";

fn provider() -> FakeOidc {
    let provider = FakeOidc::start(SigningKey::ec("one"));
    provider.world().redirect_uri = format!("{PUBLIC}/reproq/tui/callback/");
    provider
}

/// A server that trusts the provider, and forwarded addresses, so that each browser has its own.
fn served<'a>(context: &'a Context, provider: &FakeOidc, more: &[&str]) -> Served<'a> {
    let issuer = provider.issuer();
    let mut arguments = vec!["--oidc-issuer", &issuer, "--oidc-client-id", CLIENT_ID, "--allow-identity", ADA];
    arguments.extend(["--trusted-proxy", "127.0.0.1"]);
    if !more.contains(&"--public-url") {
        arguments.extend(["--public-url", PUBLIC]);
    }
    arguments.extend(more);
    Served::start(context, &arguments)
}

/// A browser at an address of its own. It sends a cookie only below its path.
struct Visitor<'a> {
    served: &'a Served<'a>,
    address: String,
    /// Value and path by name.
    cookies: BTreeMap<String, (String, String)>,
}

impl<'a> Visitor<'a> {
    fn new(served: &'a Served<'a>, number: usize) -> Self {
        Self { served, address: format!("192.0.2.{number}"), cookies: BTreeMap::new() }
    }

    fn get(&mut self, path: &str) -> Page {
        self.get_with(path, &[])
    }

    fn get_with(&mut self, path: &str, extra: &[(&str, &str)]) -> Page {
        let cookies = self.cookie_header(path);
        let address = self.address.clone();
        let mut headers = vec![("cookie", cookies.as_str()), ("x-forwarded-for", &address)];
        headers.extend(extra);
        let page = self.served.request("GET", path, &headers);
        self.keep(&page);
        page
    }

    fn post(&mut self, path: &str, form: &str) -> Page {
        let (cookies, address) = (self.cookie_header(path), self.address.clone());
        let page = self.served.post(path, &[("cookie", &cookies), ("x-forwarded-for", &address)], form);
        self.keep(&page);
        page
    }

    fn cookie_header(&self, path: &str) -> String {
        let sent = self.cookies.iter().filter(|(_, (_, below))| path.starts_with(below.as_str()));
        sent.map(|(name, (value, _))| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, page: &Page) {
        for cookie in &page.cookies {
            assert!(cookie.contains("; HttpOnly; SameSite=") && cookie.ends_with("; Secure"), "{cookie}");
            let mut parts = cookie.split("; ");
            let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a pair");
            let path = parts.find_map(|part| part.strip_prefix("Path=")).expect("a path");
            self.cookies.insert(name.to_owned(), (value.to_owned(), path.to_owned()));
            self.cookies.retain(|_, (value, _)| !value.is_empty());
        }
    }

    /// Starts a sign-in, and signs in at the provider. Returns what the provider sends the browser back with.
    fn started(&mut self, provider: &FakeOidc, next: &str) -> Issued {
        let page = self.get(&format!("/reproq/tui/oidc/?next={next}"));
        assert_eq!(page.status, 303, "{page:#?}");
        let location = &page.headers["location"];
        let query = location.strip_prefix(&format!("{}/authorize?", provider.issuer()));
        provider.world().authorize(query.unwrap_or_else(|| panic!("{location}"))).expect("a valid request")
    }

    fn signed_in(&mut self, provider: &FakeOidc, next: &str) -> Page {
        let issued = self.started(provider, next);
        self.get(&callback(&issued))
    }

    fn may_read(&mut self) -> bool {
        self.get("/metrics").status == 200
    }
}

/// The path of this server that the provider sends a browser to.
fn callback(issued: &Issued) -> String {
    issued.location.strip_prefix(PUBLIC).unwrap_or_else(|| panic!("{issued:?}")).to_owned()
}

/// Waits for a line of the log.
fn logged(served: &Served<'_>, part: &str) {
    let mut lines = Vec::new();
    super::until(&format!("{part:?} in the log: {:#?}", served.lines()), || {
        lines = served.lines();
        lines.iter().any(|line| line.contains(part))
    });
}

#[test]
fn a_person_signs_in_at_the_provider_and_approves_a_terminal() {
    let provider = provider();
    for (number, secret, method) in [
        (1, None, "none"),
        (2, Some(CLIENT_SECRET), "client_secret_basic"),
        (3, Some(CLIENT_SECRET), "client_secret_post"),
    ] {
        let mut context = context();
        provider.world().secret = secret.map(ToOwned::to_owned);
        provider.world().discovery = json!({ "token_endpoint_auth_methods_supported": [method] });
        if let Some(secret) = secret {
            context.set("REPROQ_OIDC_CLIENT_SECRET", secret);
        }
        let served = served(&context, &provider, &["-v"]);
        let code = served.get("/reproq/tui/pair/").json()["code"].as_str().expect("a code").to_owned();
        let page = format!("/reproq/tui/authorize/?code={code}");
        let mut browser = Visitor::new(&served, number);
        let away = browser.get(&page);
        let login = browser.get(&away.headers["location"]);
        let (_, link) = login.body.split_once("href=\"/reproq/tui/oidc/?next=").unwrap_or_else(|| panic!("{login:#?}"));
        assert!(
            login.body.contains("Sign in with 127.0.0.1") && login.body.contains("type=\"password\""),
            "{login:#?}"
        );
        let next = link.split('"').next().expect("a link");
        let back = browser.signed_in(&provider, next);
        assert_eq!(back.status, 200, "{method}: {back:#?}, {:?}", provider.world().problems);
        assert!(back.body.contains(&format!("<meta http-equiv=\"refresh\" content=\"0; url={page}\">")), "{back:#?}");
        assert!(
            !back.body.contains("<script") && back.headers["content-security-policy"].starts_with("default-src 'none'")
        );
        assert!(!browser.cookies.contains_key("reproq_oidc"), "the sign-in is over");
        let session = back.cookies.iter().find(|it| it.starts_with("reproq_session=")).expect("a session");
        assert!(session.ends_with("; Max-Age=3600; HttpOnly; SameSite=Strict; Secure"), "{session}");
        let shown = browser.get(&page);
        let form = hidden(&shown.body, "form");
        let approved = browser.post("/reproq/tui/authorize/", &format!("form={form}&code={code}"));
        assert!(approved.body.contains("Approved."), "{approved:#?}");
        let answer = served.get(&format!("/reproq/tui/pair/{code}/")).json();
        let token = answer["token"].as_str().expect("a token");
        let output = crate::login::token::verify(&context, token, &[]);
        assert!(output.code == 0 && output.stdout.contains(&format!("\"{ADA}\"")), "{output:#?}");
        logged(&served, &format!("`{ADA}` signed in with 127.0.0.1 from 192.0.2.{number}"));
        logged(&served, &format!("`{ADA}` approved a terminal from 192.0.2.{number}"));
        let lines = served.lines().join("\n");
        assert!(!lines.contains(CLIENT_SECRET) && !lines.contains("code-") && !lines.contains(token), "{lines}");
        assert_eq!(provider.world().problems, Vec::<String>::new());
    }
    // A wrong secret is the provider's to refuse.
    let mut context = context();
    context.set("REPROQ_OIDC_CLIENT_SECRET", "another secret");
    let served = served(&context, &provider, &[]);
    let mut browser = Visitor::new(&served, 4);
    let refused = browser.signed_in(&provider, "");
    assert!(refused.status == 502 && refused.body.contains("the client ID or its secret is wrong"), "{refused:#?}");
    assert!(!refused.body.contains("<script"), "{refused:#?}");
}

/// How the provider's token differs, and the part of the page that explains the refusal; an empty one if it is accepted.
type TokenCase = (&'static str, fn(&mut World), &'static str);

const TOKENS: &[TokenCase] = &[
    ("as it should be", |_| {}, ""),
    (
        "RS256",
        |world| {
            world.key = SigningKey::rsa("one");
            world.published = vec![world.key.jwk()];
        },
        "",
    ),
    (
        "an unknown key, and then none",
        |world| world.key = SigningKey::ec("new"),
        "a key that the provider does not publish",
    ),
    ("a key with the name of another", |world| world.key = SigningKey::ec("one"), "its signature is wrong"),
    ("another nonce", |world| world.claims = json!({ "nonce": "another" }), "another sign-in (nonce)"),
    ("no nonce", |world| world.claims = json!({ "nonce": null }), "another sign-in (nonce)"),
    (
        "none",
        |world| world.token = Some(|_, claims| unsigned("none", "one", b"", claims)),
        "an algorithm that is not accepted",
    ),
    (
        "HS256 with the client ID",
        |world| world.token = Some(|_, claims| unsigned("HS256", "one", CLIENT_ID.as_bytes(), claims)),
        "an algorithm that is not accepted",
    ),
    (
        "HS256 with the secret",
        |world| world.token = Some(|_, claims| unsigned("HS256", "one", CLIENT_SECRET.as_bytes(), claims)),
        "an algorithm that is not accepted",
    ),
    (
        "HS256 with the public key",
        |world| world.token = Some(|world, claims| unsigned("HS256", "one", &world.key.public_der(), claims)),
        "an algorithm that is not accepted",
    ),
    ("no token", |world| world.token = Some(|_, _| String::new()), "it is not a signed token"),
    ("another issuer", |world| world.claims = json!({ "iss": "http://127.0.0.1" }), "it is of another issuer"),
    ("another audience", |world| world.claims = json!({ "aud": "another" }), "it is for another client"),
    ("two audiences", |world| world.claims = json!({ "aud": [CLIENT_ID, "x"] }), "another client (azp)"),
    ("two audiences of this client", |world| world.claims = json!({ "aud": [CLIENT_ID, "x"], "azp": CLIENT_ID }), ""),
    ("expired", |world| world.claims = json!({ "exp": now() - 120 }), "it has expired"),
    ("no end", |world| world.claims = json!({ "exp": null }), "it has expired"),
    ("of the future", |world| world.claims = json!({ "iat": now() + 300 }), "it is not valid yet"),
    ("not valid yet", |world| world.claims = json!({ "nbf": now() + 300 }), "it is not valid yet"),
    ("not verified", |world| world.claims = json!({ "email_verified": false }), "is not verified"),
    ("verified as text", |world| world.claims = json!({ "email_verified": "true" }), "is not verified"),
    ("verified or not", |world| world.claims = json!({ "email_verified": null }), "is not verified"),
    ("no email", |world| world.claims = json!({ "email": null }), "no claim `email`"),
    ("another person", |world| world.email = "eve@example.org".to_owned(), "as eve@example.org, who is not allowed"),
    ("another case", |world| world.email = "Ada@example.org".to_owned(), "who is not allowed here"),
    ("markup for a name", |world| world.email = "<script>x".to_owned(), "as &lt;script&gt;x, who is not allowed"),
];

#[test]
fn only_a_token_that_is_right_in_everything_signs_in() {
    let provider = provider();
    let mut context = context();
    context.set("REPROQ_OIDC_CLIENT_SECRET", CLIENT_SECRET);
    provider.world().secret = Some(CLIENT_SECRET.to_owned());
    for (number, (name, change, expected)) in TOKENS.iter().enumerate() {
        {
            let mut world = provider.world();
            (world.claims, world.token, world.email) = (json!({}), None, ADA.to_owned());
            world.key = SigningKey::ec("one");
            world.published = vec![world.key.jwk()];
            change(&mut world);
        }
        let served = served(&context, &provider, &[]);
        let mut browser = Visitor::new(&served, number + 1);
        let page = browser.signed_in(&provider, "");
        let is_right = expected.is_empty();
        assert_eq!(page.status, if is_right { 200 } else { 403 }, "{name}: {page:#?}");
        assert!(page.body.contains(expected) && !page.body.contains("<script"), "{name}: {page:#?}");
        assert_eq!(browser.cookies.contains_key("reproq_session"), is_right, "{name}");
        assert_eq!(browser.may_read(), is_right, "{name}");
        if !is_right {
            logged(&served, &format!("warning: sign-in from 192.0.2.{} refused: ", number + 1));
        }
        assert_eq!(provider.world().problems, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn new_keys_are_found_and_not_searched_for_again_and_again() {
    let provider = provider();
    let context = context();
    let served = served(&context, &provider, &[]);
    let requests = || provider.world().requests.iter().filter(|path| *path == "/keys").count();
    let sign_in = |number| Visitor::new(&served, number).signed_in(&provider, "").status;
    assert_eq!((sign_in(1), sign_in(2), requests()), (200, 200, 1));
    let rotate = |id| {
        let mut world = provider.world();
        world.key = SigningKey::rsa(id);
        world.published = vec![world.key.jwk()];
    };
    rotate("two");
    assert_eq!((sign_in(3), sign_in(4), requests()), (200, 200, 2));
    rotate("three");
    assert_eq!((sign_in(5), sign_in(6), requests()), (403, 403, 2), "once a minute");
    let discoveries = provider.world().requests.iter().filter(|path| path.starts_with("/.well-known")).count();
    assert_eq!(discoveries, 1);
}

#[test]
fn an_answer_counts_once_and_only_in_the_browser_that_started() {
    let provider = provider();
    let context = context();
    let served = served(&context, &provider, &[]);
    let mut browser = Visitor::new(&served, 1);
    let mut attempts = 0;
    let mut refused = |browser: &mut Visitor<'_>, path: &str, text: &str| {
        attempts += 1;
        browser.address = format!("192.0.2.{}", 100 + attempts);
        let page = browser.get(path);
        assert_eq!(page.status, 403, "{text}: {page:#?}");
        assert!(page.body.contains(text), "{text}: {page:#?}");
        assert!(!browser.cookies.contains_key("reproq_session"), "{text}");
        logged(browser.served, &format!("sign-in from {} refused", browser.address));
    };
    // The answer to the sign-in of another browser: without a cookie, with the cookie of its own sign-in.
    let of_another = Visitor::new(&served, 2).started(&provider, "");
    refused(&mut browser, &callback(&of_another), "has not started to sign in");
    let issued = browser.started(&provider, "");
    let cookies = browser.cookies.clone();
    refused(&mut browser, &callback(&of_another), "the answer to another sign-in");
    // A changed state, a missing one, another issuer, and a changed cookie.
    let state = &issued.request["state"];
    for (from, to) in
        [(state.as_str(), "AAAAAAAAAAAAAAAAAAAAAA"), ("&state=", "&x="), ("code=", "iss=https%3A%2F%2Fevil.test&code=")]
    {
        browser.cookies = cookies.clone();
        refused(&mut browser, &callback(&issued).replacen(from, to, 5), "the answer to another sign-in");
    }
    browser.cookies = cookies.clone();
    let (value, _) = browser.cookies.get_mut("reproq_oidc").expect("a cookie");
    *value = value.replacen('.', ".A", 1);
    refused(&mut browser, &callback(&issued), "has not started to sign in");
    // What the provider reports, in words of ours.
    browser.cookies = cookies.clone();
    let denied = format!("/reproq/tui/callback/?error=access_denied&error_description=%3Cscript%3E&state={state}");
    refused(&mut browser, &denied, "access was denied");
    // That was the answer: the code does not count any more, also with a copy of the cookie.
    browser.cookies = cookies;
    refused(&mut browser, &callback(&issued), "was used already");
    let issued = browser.started(&provider, "");
    let copy = browser.cookies.clone();
    assert_eq!(browser.get(&callback(&issued)).status, 200);
    assert!(browser.may_read());
    let mut thief = Visitor::new(&served, 3);
    refused(&mut thief, &callback(&issued), "has not started to sign in");
    thief.cookies = copy;
    refused(&mut thief, &callback(&issued), "was used already");
    assert_eq!(provider.world().problems, Vec::<String>::new(), "no wrong code reached the provider");
    assert_eq!(provider.world().requests.iter().filter(|path| *path == "/token").count(), 1);
}

#[test]
fn signing_in_at_a_provider_leads_to_this_server_alone() {
    let provider = provider();
    let context = context();
    let served = served(&context, &provider, &[]);
    for (number, next) in [
        "https://evil.test",
        "//evil.test",
        "%2F%5Cevil.test",
        "javascript:alert(1)",
        "/reproq/tui/authorize/?code=//evil",
    ]
    .into_iter()
    .enumerate()
    {
        let page = Visitor::new(&served, number + 1).signed_in(&provider, next);
        assert!(page.body.contains("content=\"0; url=/\"") && !page.body.contains("evil"), "{next}: {page:#?}");
    }
    // The host that a client names is in no URL, and another site starts nothing.
    let mut browser = Visitor::new(&served, 20);
    let start = "/reproq/tui/oidc/";
    let away = browser.get_with(start, &[("host", "evil.test"), ("x-forwarded-host", "evil.test")]);
    assert!(away.status == 303 && !away.headers["location"].contains("evil"), "{away:#?}");
    let by_another_site = browser.get_with(start, &[("sec-fetch-site", "cross-site")]);
    assert_eq!(by_another_site.headers["location"], "/reproq/tui/login/?next=%2F", "{by_another_site:#?}");
    assert!(by_another_site.cookies.is_empty());
    for path in [start, "/reproq/tui/callback/"] {
        assert_eq!(served.request("HEAD", path, &[]).status, 405, "{path}");
        assert_eq!(served.post(path, &[], "x=1").status, 405, "{path}");
    }
    for _ in 0..29 {
        assert_eq!(browser.get(start).status, 303);
    }
    let limited = browser.get(start);
    assert!(limited.status == 429 && limited.headers["retry-after"].parse::<u8>().is_ok(), "{limited:#?}");
    assert_eq!(Visitor::new(&served, 21).get(start).status, 303);
}

#[test]
fn a_server_below_a_path_is_found_by_the_provider() {
    let provider = provider();
    let context = context();
    let served = served(&context, &provider, &["--public-url", "https://queue.example.org/ops/"]);
    provider.world().redirect_uri = format!("{PUBLIC}/ops/reproq/tui/callback/");
    let mut browser = Visitor::new(&served, 1);
    let issued = browser.started(&provider, "");
    let (value, path) = browser.cookies["reproq_oidc"].clone();
    assert_eq!(path, "/ops/reproq/tui/callback/");
    // The proxy in front removes the path.
    let target = issued.location.strip_prefix(&format!("{PUBLIC}/ops")).expect("below it");
    let page = served.request("GET", target, &[("cookie", &format!("reproq_oidc={value}"))]);
    assert!(page.status == 200 && page.body.contains("content=\"0; url=/ops/\""), "{page:#?}");
}

/// What is wrong with the provider, the status of the page, and a part of it.
type FaultCase = (&'static str, fn(&mut World), u16, &'static str);

const DISCOVERY: &str = "/.well-known/openid-configuration";

const FAULTS: &[FaultCase] = &[
    (
        "discovery of another issuer",
        |world| world.discovery = json!({ "issuer": "https://evil.test" }),
        503,
        "of another issuer",
    ),
    (
        "discovery of the issuer with a slash",
        |world| world.discovery = json!({ "issuer": format!("{}/", world.issuer) }),
        503,
        "of another issuer",
    ),
    (
        "an endpoint over plain http",
        |world| world.discovery = json!({ "token_endpoint": "http://evil.test/" }),
        503,
        "is not an https URL",
    ),
    (
        "no PKCE",
        |world| world.discovery = json!({ "code_challenge_methods_supported": ["plain"] }),
        503,
        "PKCE with S256",
    ),
    (
        "it signs only with HS256",
        |world| world.discovery = json!({ "id_token_signing_alg_values_supported": ["HS256"] }),
        503,
        "no algorithm",
    ),
    ("discovery: 500", |world| drop(world.faults.insert(DISCOVERY, Fault::Status(500))), 503, "HTTP 500"),
    (
        "discovery: a web page",
        |world| drop(world.faults.insert(DISCOVERY, Fault::Body("<html>".to_owned()))),
        503,
        "is not valid",
    ),
    ("discovery: 2 MiB", |world| drop(world.faults.insert(DISCOVERY, Fault::Large(2 << 20))), 503, "is longer than"),
    ("discovery: a redirect", |world| redirected(world, DISCOVERY), 503, "a redirect is not allowed"),
    (
        "discovery stalls",
        |world| drop(world.faults.insert(DISCOVERY, Fault::Stall(Hold::UntilDropped))),
        503,
        "stopped responding",
    ),
    ("token: a redirect", |world| redirected(world, "/token"), 503, "a redirect is not allowed"),
    (
        "token stalls",
        |world| drop(world.faults.insert("/token", Fault::Stall(Hold::UntilDropped))),
        503,
        "stopped responding",
    ),
    ("token: 503", |world| drop(world.faults.insert("/token", Fault::Status(503))), 502, "it has an internal error"),
    (
        "token: none in the response",
        |world| drop(world.faults.insert("/token", Fault::Body("{}".to_owned()))),
        502,
        "no ID token",
    ),
    ("token: 2 MiB", |world| drop(world.faults.insert("/token", Fault::Large(2 << 20))), 503, "is longer than"),
    ("keys: 404", |world| drop(world.faults.insert("/keys", Fault::Status(404))), 503, "HTTP 404"),
    (
        "keys: not a set of keys",
        |world| drop(world.faults.insert("/keys", Fault::Body("[]".to_owned()))),
        503,
        "its keys are not valid",
    ),
    ("keys: a redirect", |world| redirected(world, "/keys"), 503, "a redirect is not allowed"),
];

/// The other place has what is searched for.
fn redirected(world: &mut World, path: &'static str) {
    let target = format!("{}{path}?again", world.issuer.replace("127.0.0.1", "localhost"));
    world.faults.insert(path, Fault::Redirect(target));
}

#[test]
fn a_provider_that_fails_is_named_and_the_token_still_signs_in() {
    let mut context = context();
    context.set("REPROQ_HTTP_TIMEOUT", "1s");
    for (name, change, status, text) in FAULTS {
        let provider = provider();
        change(&mut provider.world());
        let served = served(&context, &provider, &[]);
        let mut browser = Visitor::new(&served, 1);
        let mut page = browser.get("/reproq/tui/oidc/");
        if page.status == 303 {
            page = browser.signed_in(&provider, "");
        }
        assert_eq!(page.status, *status, "{name}: {page:#?}");
        assert!(page.body.contains(text) && page.body.contains("127.0.0.1"), "{name}: {page:#?}");
        assert!(!browser.may_read(), "{name}");
        let refused = "warning: sign-in from 192.0.2.1 refused: ";
        logged(&served, refused);
        let line = served.lines().into_iter().find(|line| line.starts_with(refused)).expect("it was logged");
        let line = line.replace(&provider.issuer(), "[PROVIDER]");
        let login = browser.get("/reproq/tui/login/");
        let form = hidden(&login.body, "form");
        let secret: String = SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(browser.post("/reproq/tui/login/", &format!("form={form}&token={secret}")).status, 303, "{name}");
        assert!(browser.may_read(), "{name}");
        let left = format!("no session by the provider (HTTP {status}), one by the token");
        record_as(Part::Network, &format!("serve, provider: {name}"), "-", &line, &left);
    }
    // One that is not there at all, and comes back.
    let gone = provider().issuer();
    let provider = provider();
    let more =
        ["--oidc-issuer", gone.as_str(), "--oidc-client-id", "x", "--allow-identity", ADA, "--public-url", PUBLIC];
    let served = Served::start(&context, &more);
    let page = Visitor::new(&served, 1).get("/reproq/tui/oidc/");
    assert!(page.status == 503 && page.body.contains("refused the connection"), "{page:#?}");
    assert_eq!(provider.world().requests.len(), 0);
}

#[test]
fn what_a_provider_needs_is_named() {
    let context = context();
    let all = [
        ("--oidc-issuer", "https://accounts.example.org"),
        ("--oidc-client-id", "x"),
        ("--allow-identity", ADA),
        ("--public-url", PUBLIC),
    ];
    let without = |left_out: &str| -> Vec<&str> {
        let kept = all.iter().filter(|(name, _)| *name != left_out);
        std::iter::once("serve").chain(kept.flat_map(|(name, value)| [*name, *value])).collect()
    };
    for (left_out, text) in [
        ("--oidc-client-id", "needs `--oidc-client-id`"),
        ("--allow-identity", "needs `--allow-identity`"),
        ("--public-url", "needs `--public-url`"),
        ("--oidc-issuer", "--oidc-issuer"),
    ] {
        let output = context.run(&without(left_out));
        assert!(output.code == 2 && output.stderr.contains(text), "{left_out}: {output:#?}");
        assert!(output.stderr.contains("hint: ") || left_out == "--oidc-issuer", "{output:#?}");
    }
    for issuer in ["http://accounts.example.org", "accounts.example.org", "https://u:p@a.org", "https://a.org?x=1", ""]
    {
        let mut arguments = without("--oidc-issuer");
        arguments.extend(["--oidc-issuer", issuer]);
        let output = context.run(&arguments);
        assert!(output.code == 2 && output.stderr.contains("is not an https URL"), "{issuer}: {output:#?}");
    }
    let mut offline = without("");
    offline.push("--offline");
    let output = context.run(&offline);
    assert!(output.code == 2 && output.stderr.contains("network access is disabled"), "{output:#?}");
    let mut context = context;
    context.set("METRICS_AUTH_TOKEN", "");
    let output = context.run(&without(""));
    assert!(output.code == 2 && output.stderr.contains("needs the variable METRICS_AUTH_TOKEN"), "{output:#?}");
    // Without a provider, its pages are not there.
    let context = super::sign_in::context();
    let served = Served::start(&context, &[]);
    for path in ["/reproq/tui/oidc/", "/reproq/tui/callback/?code=x&state=y"] {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
    assert!(!served.get("/reproq/tui/login/").body.contains("oidc"));
}
