//! The page in a real browser: `tests/browser/page.mjs` drives it.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use serde_json::json;

use super::Served;
use crate::queue::rows::database;
use crate::queue::rows::project;
use crate::support::skip;

const TOKEN: &str = "a-token-of-this-test-0123456789abcdef";

/// A browser without a window.
struct Browser {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Browser {
    fn start() -> Option<Self> {
        let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        if named("REPROQ_TEST_BROWSER").is_none() || named("REPROQ_TEST_CHROMIUM").is_none() {
            skip::record("the page in a browser", "install Chromium and Node, and use `cargo xtask test`");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/page.mjs");
        let mut command = Command::new("node");
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("node starts");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Some(Self { child, input, output })
    }

    fn run(&mut self, command: &str, mut options: Value) -> Value {
        options["command"] = json!(command);
        writeln!(self.input, "{options}").expect("the browser reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("an answer");
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{command}: {error}: {line:?}"));
        assert_eq!(answer["error"], Value::Null, "{options}: {answer:#}");
        answer["value"].clone()
    }

    fn open(&mut self, options: Value) {
        assert_eq!(self.run("open", options)["status"], 200);
    }

    fn wait(&mut self, selector: &str, text: &str) {
        self.run("wait", json!({ "selector": selector, "text": text }));
    }

    fn text(&mut self, selector: &str) -> String {
        self.run("text", json!({ "selector": selector })).as_str().expect("a text").to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn url(served: &Served<'_>) -> String {
    format!("{}/", served.document["url"].as_str().expect("a URL"))
}

#[test]
fn the_page_is_current_and_can_be_filtered_and_paused() {
    let Some(mut browser) = Browser::start() else { return };
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let served = Served::ready(&context, &["--interval", "1"]);
    browser.open(json!({ "url": url(&served) }));
    browser.wait("#link", "Live");
    browser.wait("#recent", "card declined");
    let insert = |queue: &str| {
        let columns = "(queue_name, spec_json, spec_hash, task_path)";
        database.sql(&format!("insert into task_runs {columns} values ('{queue}', '{{}}', '{queue}', 'm.t')"));
    };
    insert("arrived-later");
    browser.wait("#queues", "arrived-later");
    // A filter holds while the page changes.
    browser.run("fill", json!({ "selector": "#filter", "text": "arrived" }));
    let rows = json!({ "selector": "#queues > tr" });
    assert_eq!(browser.run("visible", rows.clone()), 1);
    insert("arrived-last");
    browser.wait("#queues", "arrived-last");
    assert_eq!(browser.run("visible", rows.clone()), 2);
    browser.run("fill", json!({ "selector": "#filter", "text": "" }));
    assert!(browser.run("visible", rows).as_i64() > Some(2));
    // While updates are paused, the page stays as it is.
    browser.run("click", json!({ "selector": "#pause" }));
    browser.wait("#link", "Paused");
    insert("while-paused");
    super::until("the observation", || served.get("/metrics").body.contains("while-paused"));
    assert!(!browser.text("#queues").contains("while-paused"));
    browser.run("click", json!({ "selector": "#pause" }));
    browser.wait("#queues", "while-paused");
    // A server that ends and is started again is found again.
    let address = served.address().to_string();
    drop(served);
    browser.wait("#link", "Reconnecting");
    insert("after-the-restart");
    let _served = Served::ready(&context, &["--interval", "1", "--listen", &address]);
    browser.wait("#queues", "after-the-restart");
    browser.wait("#link", "Live");
}

#[test]
fn the_page_is_accessible_small_and_asks_no_other_server() {
    let Some(mut browser) = Browser::start() else { return };
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let served = Served::ready(&context, &[]);
    let url = url(&served);
    for dark in [false, true] {
        for width in [1280, 320] {
            browser.open(json!({ "url": url, "dark": dark, "width": width }));
            browser.wait("#link", "Live");
            assert_eq!(browser.run("axe", json!({})), json!([]), "dark: {dark}, width: {width}");
            assert_eq!(browser.run("overflow", json!({})), 0, "dark: {dark}, width: {width}");
            if let Some(directory) = std::env::var_os("REPROQ_TEST_SCREENSHOTS") {
                let name = format!("{width}-{}.png", if dark { "dark" } else { "light" });
                browser.run("screenshot", json!({ "path": Path::new(&directory).join(name) }));
            }
        }
    }
    browser.open(json!({ "url": url }));
    browser.wait("#link", "Live");
    let seen = browser.run("seen", json!({}));
    let requests = seen["requests"].as_array().expect("a list");
    assert!(requests.iter().all(|it| it.as_str().is_some_and(|it| it.starts_with(&url))), "{seen:#}");
    assert_eq!(seen["problems"], json!([]), "also no violation of the content security policy");
    assert!(seen["bytes"].as_i64().is_some_and(|bytes| bytes < 60_000), "{seen:#}");
    // By the keyboard: first past the header, then what can be changed, then what scrolls.
    let order: Vec<String> = (0..5).map(|_| browser.run("press", json!({ "key": "Tab" })).to_string()).collect();
    assert_eq!(
        order,
        ["\"Skip to the numbers\"", "\"filter\"", "\"pause\"", "\"Queues, table\"", "\"Throughput as a table\""]
    );
}

#[test]
fn the_numbers_are_there_without_javascript() {
    let Some(mut browser) = Browser::start() else { return };
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let served = Served::ready(&context, &[]);
    browser.open(json!({ "url": url(&served), "script": false }));
    let text = browser.text("body");
    for part in ["card declined", "nightly", "mail", "Reload this page for new numbers."] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("Pause updates"), "controls that need a script are hidden: {text}");
    let name = "<img src=x onerror=alert(1)>";
    database.sql(&format!(
        "insert into task_runs (queue_name, spec_json, spec_hash, task_path) values ('{name}', '{{}}', 'x', 'm.t')"
    ));
    super::until("the observation", || served.get("/").body.contains("&lt;img"));
    assert!(!served.get("/").body.contains("<img"));
}

#[test]
fn a_person_signs_in_by_the_keyboard_and_sees_the_page() {
    let Some(mut browser) = Browser::start() else { return };
    let Some(database) = database("d") else { return };
    let mut context = project(&database.url());
    context.set("METRICS_AUTH_TOKEN", TOKEN);
    let served = Served::start(&context, &[]);
    let url = url(&served);
    browser.open(json!({ "url": url }));
    assert_eq!(browser.run("axe", json!({})), json!([]));
    // The field has the focus.
    browser.run("fill", json!({ "selector": ":focus", "text": "wrong" }));
    browser.run("press", json!({ "key": "Enter" }));
    browser.wait("[role=alert]", "token");
    assert_eq!(browser.run("axe", json!({})), json!([]));
    browser.run("fill", json!({ "selector": "input[type=password]", "text": TOKEN }));
    browser.run("press", json!({ "key": "Enter" }));
    browser.wait("#link", "Live");
    browser.wait("#recent", "card declined");
    // A terminal that asks for the same.
    let pair = served.get("/reproq/tui/pair/").json();
    let verify = pair["verify_url"].as_str().expect("a URL").to_owned();
    browser.run("visit", json!({ "url": verify }));
    assert_eq!(browser.run("axe", json!({})), json!([]));
    browser.run("click", json!({ "selector": "button" }));
    browser.wait("[role=status]", "Approved");
    let poll = served.get(&format!("/reproq/tui/pair/{}/", pair["code"].as_str().expect("a code"))).json();
    assert_eq!(poll["status"], "approved", "{poll:#}");
    let bearer = format!("Bearer {}", poll["token"].as_str().expect("a token"));
    assert_eq!(served.request("GET", "/reproq/stats/", &[("authorization", &bearer)]).status, 200);
}

/// The cookie of the session is not sent in redirects that began at the provider: the page after them leads on.
#[cfg(feature = "oidc")]
#[test]
fn a_person_signs_in_at_a_provider_and_out_again() {
    let Some(mut browser) = Browser::start() else { return };
    let Some(database) = database("d") else { return };
    let mut context = project(&database.url());
    context.set("METRICS_AUTH_TOKEN", TOKEN);
    // Another site for the browser: it knows the provider as `localhost`.
    let provider = fake_oidc::FakeOidc::start(fake_oidc::SigningKey::ec("one"));
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
    let (address, base) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}"));
    {
        let mut world = provider.world();
        world.asks = true;
        world.redirect_uri = format!("{base}/reproq/tui/callback/");
        let endpoint = format!("{}/authorize", world.issuer.replace("127.0.0.1", "localhost"));
        world.discovery = json!({ "authorization_endpoint": endpoint });
    }
    let issuer = provider.issuer();
    let oidc =
        ["--oidc-issuer", &issuer, "--oidc-client-id", fake_oidc::CLIENT_ID, "--allow-identity", "ada@example.org"];
    let served = Served::start(&context, &[&["--listen", &address, "--public-url", &base], &oidc[..]].concat());
    for script in [true, false] {
        browser.open(json!({ "url": url(&served), "script": script }));
        if script {
            assert_eq!(browser.run("axe", json!({})), json!([]));
        }
        browser.run("click", json!({ "selector": "a[href*=oidc]" }));
        // The provider's site causes what follows.
        browser.run("click", json!({ "selector": "a[href*=consent]" }));
        browser.wait("h1", "Reproq");
        browser.wait("a", "Sign out");
        assert_eq!(browser.run("seen", json!({}))["problems"], json!([]), "no violation of the policy");
        browser.run("click", json!({ "selector": "a[href*=logout]" }));
        browser.wait("main", "ada@example.org");
        browser.run("click", json!({ "selector": "button" }));
        browser.wait("h1", "Sign in");
        browser.run("visit", json!({ "url": url(&served) }));
        browser.wait("h1", "Sign in");
    }
}
