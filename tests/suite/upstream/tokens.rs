//! Tokens of the real package, the real worker and this program, and `login` at a real Django server.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::net::Ipv4Addr;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use reproq_token::Audience;
use reproq_token::TokenGrant;
use reproq_token::TokenHolder;
use reproq_token::TokenKey;
use reproq_token::mint;
use serde_json::Value;

use super::shop::Ended;
use super::shop::Shop;
use crate::support::context::finished;
use crate::support::context::wait;

/// METRICS_AUTH_TOKEN of the project.
const SECRET: &str = "token";

/// Prints a token of Django, and what its own check and its stats page make of ours.
const CROSSING: &str = r#"
import json
from types import SimpleNamespace
from django.test import Client
from reproq_django.tui_auth import _issue_token, verify_tui_token
ours = "OURS"
user = SimpleNamespace(pk=7, get_username=lambda: "é")
theirs, expires_at = _issue_token(user, "token")
page = Client().get("/reproq/stats/", HTTP_AUTHORIZATION=f"Bearer {ours}")
print(json.dumps([theirs, expires_at, verify_tui_token(ours), verify_tui_token(ours[:-1]), page.status_code]))
"#;

fn minted(audience: Audience) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let issued_at = i64::try_from(now).expect("a time");
    let grant = TokenGrant { holder: TokenHolder::new("é").expect("a name"), audience, issued_at, id: [7; 8] };
    mint(&grant, &TokenKey::new(SECRET).expect("a key"))
}

fn wait_for_port(port: u16) {
    let is_open = (0..300).any(|_| {
        sleep(Duration::from_millis(100));
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    });
    assert!(is_open, "nothing listens on port {port}");
}

/// The status of a GET request.
fn status(port: u16, path: &str, token: &str) -> u16 {
    use std::io::Write;

    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut text = Vec::new();
    stream.read_to_end(&mut text).expect("a response");
    let text = String::from_utf8_lossy(&text);
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn tokens_are_accepted_in_both_directions() {
    let Some(mut shop) = Shop::open() else { return };
    let ours = minted(Audience::Tui);
    let crossing = shop.python(&CROSSING.replace("OURS", &ours));
    let (theirs, expires_at) = (crossing[0].as_str().expect("a token"), crossing[1].as_i64().expect("a time"));
    assert_eq!((&crossing[2], &crossing[3], &crossing[4]), (&true.into(), &false.into(), &200.into()), "{crossing}");
    shop.context.set("METRICS_AUTH_TOKEN", SECRET);
    let output = crate::login::token::verify(&shop.context, theirs, &["--json"]);
    let document: Value = serde_json::from_str(&output.stdout).expect("a document");
    assert_eq!(document["accepted"], true, "{document:#}");
    let claims = &document["claims"];
    assert_eq!((&claims["sub"], &claims["username"]), (&"7".into(), &"é".into()));
    assert_eq!((&claims["exp"], &claims["aud"]), (&expires_at.into(), &"reproq-tui".into()));
    // The worker's HTTP server.
    let port = test_postgres::free_port();
    let dsn = shop.database.url_of(test_postgres::OWNER);
    let mut command = std::process::Command::new(&shop.worker);
    command.args(["worker", "--metrics-addr", &format!("127.0.0.1:{port}")]).env_clear();
    command.env("DATABASE_URL", dsn).env("METRICS_AUTH_TOKEN", SECRET).env("ALLOWED_TASK_MODULES", "shop.*");
    command.current_dir(shop.context.project());
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let _worker = Ended(command.spawn().expect("the worker starts"));
    wait_for_port(port);
    for token in [&ours, &minted(Audience::Worker), theirs, SECRET] {
        assert_eq!(status(port, "/metrics", token), 200);
    }
    assert_eq!(status(port, "/metrics", &ours[..ours.len() - 1]), 401);
}

/// Approves the code as a superuser, without a browser.
const APPROVE: &str = r#"
from django.contrib.auth import get_user_model
from django.test import Client
import json
user, _ = get_user_model().objects.get_or_create(username="ada", is_superuser=True, is_staff=True)
client = Client()
client.force_login(user)
page = client.post("/reproq/tui/authorize/", {"code": "CODE"})
print(json.dumps([page.status_code, "Approved." in page.content.decode()]))
"#;

#[test]
fn login_works_at_a_real_django_server() {
    let Some(mut shop) = Shop::open() else { return };
    let settings = shop.context.project().join("shop/settings.py");
    let cache = shop.context.root().join("django-cache");
    // A cache that the server and the process that approves share.
    let more = format!(
        "ALLOWED_HOSTS = ['*']\nCACHES = {{'default': {{'BACKEND': \
         'django.core.cache.backends.filebased.FileBasedCache', 'LOCATION': {:?}}}}}\n",
        cache.to_str().expect("UTF-8")
    );
    let text = fs::read_to_string(&settings).expect("the settings");
    fs::write(&settings, text + &more).expect("written");
    let port = test_postgres::free_port();
    let mut server = shop.manage_command(&["runserver", "--noreload", "--skip-checks", &format!("127.0.0.1:{port}")]);
    let _server = Ended(
        server.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("Python starts"),
    );
    wait_for_port(port);
    let url = format!("http://127.0.0.1:{port}");
    let mut login = shop.context.spawn(&["login", &format!("{url}/reproq/")]);
    let mut lines = BufReader::new(login.stderr.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    let page = lines.next().expect("a line");
    assert!(page.starts_with(&format!("To sign in, open {url}/reproq/tui/authorize/?code=")), "{page}");
    let code = page.rsplit('=').next().expect("a code").to_owned();
    assert_eq!(code.len(), 8, "as Django makes them: {page}");
    let approved = shop.python(&APPROVE.replace("CODE", &code));
    assert_eq!(approved, serde_json::json!([200, true]));
    let rest: Vec<String> = lines.collect();
    let output = wait(login);
    assert_eq!(output.code, 0, "{output:#?} {rest:?}");
    shop.context.set("METRICS_AUTH_TOKEN", SECRET);
    let verified = shop.context.succeed(&["token", "verify"]);
    assert!(verified.stdout.contains("\"ada\""), "{verified:#?}");
    let status = shop.context.succeed(&["login", "--status"]);
    assert!(status.stdout.contains(&format!("Signed in at {url}.")), "{status:#?}");
    let file = fs::read_to_string(shop.context.root().join("home/.config/reproq-tui/auth.json")).expect("the file");
    let file: Value = serde_json::from_str(&file).expect("JSON");
    let token = file["token"].as_str().expect("a token");
    assert_eq!(self::status(port, "/reproq/stats/", token), 200);
    // Without the secret, the server offers no sign-in.
    let settings_without =
        fs::read_to_string(&settings).expect("the settings").replace("METRICS_AUTH_TOKEN", "NO_TOKEN");
    fs::write(&settings, settings_without).expect("written");
    shop.context.set("METRICS_AUTH_TOKEN", "");
    let port = test_postgres::free_port();
    let mut server = shop.manage_command(&["runserver", "--noreload", "--skip-checks", &format!("127.0.0.1:{port}")]);
    let _other = Ended(
        server.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("Python starts"),
    );
    wait_for_port(port);
    let output =
        finished(shop.context.command(&["login", &format!("http://127.0.0.1:{port}")]).output().expect("it starts"));
    assert_eq!(output.code, 4, "{output:#?}");
    assert!(output.stderr.contains("does not offer sign-in"), "{output:#?}");
}

/// `reproq-tui login` at `reproq serve`.
#[test]
fn the_real_tui_signs_in_here() {
    let Some(tui) = super::shop::named("REPROQ_TEST_TUI", "the binary of reproq-tui") else { return };
    let context = crate::serve::sign_in::context();
    let served = crate::serve::Served::start(&context, &[]);
    let file = context.root().join("auth.json");
    let mut login = std::process::Command::new(tui);
    login.args(["login", "--open-browser=false", "--django-url", served.document["url"].as_str().expect("a URL")]);
    login.args(["--auth-file", file.to_str().expect("UTF-8")]).env_clear().env("HOME", context.root());
    login.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut login = login.spawn().expect("the TUI starts");
    let mut lines = BufReader::new(login.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    let page = crate::serve::sign_in::page_in(&lines.next().expect("a line"), &served);
    crate::serve::sign_in::Browser::new(&served).approve_with_token(&page);
    let rest: Vec<String> = lines.collect();
    let output = wait(login);
    assert_eq!(output.code, 0, "{output:#?} {rest:?}");
    let output = context.run(&["token", "verify", file.to_str().expect("UTF-8")]);
    assert!(output.code == 0 && output.stdout.contains("reproq-serve"), "{output:#?}");
}
