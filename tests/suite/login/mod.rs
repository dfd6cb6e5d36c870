//! `reproq login`: a code, its approval, and the file of the TUI; and what goes wrong.

#[cfg(unix)]
mod file;
pub mod server;
pub mod token;

use fake_http::http::Reply;
use serde_json::Value;
use serde_json::json;

use crate::support::Context;
use crate::support::Output;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use server::PairServer;
use server::Step;
use server::TOKEN;
use server::approved;
use server::json_step;
use server::offered;
use server::pending;

fn auth_file(context: &Context) -> std::path::PathBuf {
    let directory = if cfg!(target_os = "macos") { "home/Library/Application Support" } else { "home/.config" };
    context.root().join(directory).join("reproq-tui/auth.json")
}

/// The document in the file.
fn stored(context: &Context) -> Value {
    let text = std::fs::read_to_string(auth_file(context)).expect("the file");
    serde_json::from_str(&text).expect("JSON")
}

/// No output may have the token.
fn login(context: &Context, arguments: &[&str]) -> Output {
    let output = context.run(&[&["login"], arguments].concat());
    assert!(!output.stdout.contains(TOKEN) && !output.stderr.contains(TOKEN), "{output:#?}");
    output
}

#[test]
fn a_code_is_shown_and_the_token_is_stored_for_the_tui() {
    let context = Context::new();
    let server = PairServer::start([offered(), pending(), approved()]);
    let output = login(&context, &[&format!("{}/reproq/", server.url())]);
    assert_eq!(output.code, 0, "{output:#?}");
    insta::assert_snapshot!(shown(&context, &server, &output));
    assert_eq!(
        server.requests(),
        ["POST /reproq/tui/pair/", "GET /reproq/tui/pair/0f1e2d3c/", "GET /reproq/tui/pair/0f1e2d3c/"]
    );
    assert_eq!(
        stored(&context),
        json!({"token": TOKEN, "expires_at": "2100-01-01T00:00:00Z", "django_url": server.url()})
    );
    let status = login(&context, &["--status"]);
    insta::assert_snapshot!(shown(&context, &server, &status));
    let removed = login(&context, &["--remove"]);
    insta::assert_snapshot!(shown(&context, &server, &removed));
    assert!(!auth_file(&context).exists());
    assert_eq!(login(&context, &["--status"]).code, 4);
    assert_eq!(login(&context, &["--remove"]).code, 0, "there is nothing left to remove");
}

fn shown(context: &Context, server: &PairServer, output: &Output) -> String {
    context.redact(output).replace(&server.url(), "[SERVER]")
}

#[test]
fn the_code_is_shown_whatever_the_output_is() {
    for arguments in [&["-q"][..], &["--json"], &["--progress", "none"]] {
        let context = Context::new();
        let server = PairServer::start([offered(), approved()]);
        let output = login(&context, &[arguments, &[&server.url()]].concat());
        assert_eq!(output.code, 0, "{output:#?}");
        assert!(output.stderr.contains("0f1e2d3c") && output.stderr.contains("authorize"), "{output:#?}");
        if arguments == ["--json"] {
            let document: Value = serde_json::from_str(&output.stdout).expect("one document");
            assert_eq!(document["state"], "signed_in");
            assert_eq!(document["server"], server.url());
        }
    }
}

#[test]
fn another_host_in_the_page_is_pointed_out() {
    let context = Context::new();
    let page = json!({"code": "0f1e2d3c", "verify_url": "https://evil.test/?code=0f1e2d3c"});
    let server = PairServer::start([json_step(200, &page), approved()]);
    let output = login(&context, &[&server.url()]);
    assert!(output.stderr.contains("The server names evil.test"), "{output:#?}");
    // A page that is not one is replaced by the page below the URL that was named.
    let page = json!({"code": "0f1e2d3c", "verify_url": "file:///etc/passwd"});
    let server = PairServer::start([json_step(200, &page), approved()]);
    let output = login(&context, &[&server.url()]);
    assert!(output.stderr.contains(&format!("{}/reproq/tui/authorize/?code=0f1e2d3c", server.url())), "{output:#?}");
}

#[test]
fn faults_on_the_way_are_survived() {
    let context = Context::new();
    let broken = || Step::Reply(Reply::new(502));
    let busy = || Step::Reply(Reply::json(429, &json!({"error": "too many"})).with("Retry-After", "1"));
    let steps = [Step::Reset, broken(), offered(), broken(), Step::Reset, busy(), pending(), approved()];
    let server = PairServer::start(steps);
    let output = login(&context, &[&server.url()]);
    assert_eq!(output.code, 0, "{output:#?}");
    assert!(output.stderr.contains("retrying until the code expires"), "{output:#?}");
    assert_eq!(server.requests().len(), 8);
    assert_eq!(stored(&context)["token"], TOKEN);
}

/// Each ends with its code and a hint, stores nothing, and makes no request to another host.
#[test]
fn what_cannot_succeed_ends_with_its_reason() {
    let elsewhere = PairServer::start([offered()]);
    let redirect = || Step::Reply(Reply::redirect(302, &format!("{}/reproq/tui/pair/", elsewhere.url())));
    let page = || Step::Reply(Reply::html(200, "Log in"));
    let code = |code: &str| json_step(200, &json!({ "code": code }));
    let cases: Vec<(&str, i32, Vec<Step>)> = vec![
        ("disabled", 4, vec![json_step(404, &json!({"error": "tui auth disabled"}))]),
        ("not the server", 4, vec![Step::Reply(Reply::html(404, "Not Found"))]),
        ("a web page", 6, vec![page()]),
        ("a redirect", 6, vec![redirect()]),
        ("unauthorized", 9, vec![json_step(401, &json!({}))]),
        ("forbidden", 9, vec![json_step(403, &json!({"message": "no"}))]),
        ("an endless body", 6, vec![Step::Endless]),
        ("a code with a slash", 6, vec![code("../../x")]),
        ("no code", 6, vec![json_step(200, &json!({"verify_url": "https://a.test"}))]),
        ("expired", 6, vec![offered(), pending(), json_step(404, &json!({"status": "expired"}))]),
        ("a redirect of the poll", 6, vec![offered(), redirect()]),
        ("a web page instead of the state", 6, vec![offered(), page()]),
        ("no token", 6, vec![offered(), json_step(200, &json!({"status": "approved", "expires_at": 5}))]),
        (
            "a token in two lines",
            6,
            vec![offered(), json_step(200, &json!({"status": "approved", "token": "a.b\n.c", "expires_at": 5}))],
        ),
        ("another state", 6, vec![offered(), json_step(200, &json!({"status": "denied"}))]),
    ];
    for (name, code, steps) in cases {
        let context = Context::new();
        let server = PairServer::start(steps);
        let output = login(&context, &[&server.url()]);
        assert_eq!(output.code, code, "{name}: {output:#?}");
        assert!(output.stderr.contains("hint: "), "{name}: {output:#?}");
        assert!(!auth_file(&context).exists(), "{name}");
        // The port is another one each time.
        let shown = output.stderr.replace(&server.url(), "[SERVER]").replace(&elsewhere.url(), "[OTHER]");
        let output = Output { stderr: shown, ..output };
        record(Part::Network, &format!("login: {name}"), &context, &output, "no token is stored");
    }
    assert!(elsewhere.requests().is_empty(), "a redirect was followed");
}

#[test]
fn an_expired_code_ends_the_wait_without_the_server() {
    let context = Context::new();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let offer = json!({"code": "0f1e2d3c", "expires_at": now + 3});
    let server = PairServer::start([json_step(200, &offer), pending()]);
    let output = login(&context, &[&server.url()]);
    assert_eq!(output.code, 6, "{output:#?}");
    assert!(output.stderr.contains("the code expired before it was approved"), "{output:#?}");
    assert!(server.requests().len() < 8, "{:?}", server.requests());
}

#[test]
fn a_url_that_would_show_the_token_is_refused_before_any_request() {
    let context = Context::new();
    for (url, reason) in [
        ("http://shop.example.com", "neither https nor on this machine"),
        ("http://127.0.0.1.example.com", "neither https nor on this machine"),
        ("shop.example.com", "it needs a scheme"),
        ("ftp://127.0.0.1", "neither https nor http"),
        ("https://me:secret-word@shop.example.com", "it has a user name or a password"),
        ("https://shop.example.com/?x=1", "it has a query"),
    ] {
        let output = login(&context, &[url]);
        assert_eq!(output.code, 2, "{url}: {output:#?}");
        assert!(output.stderr.contains(reason) && !output.stderr.contains("secret-word"), "{url}: {output:#?}");
    }
    assert_eq!(login(&context, &["--offline", "https://shop.example.com"]).code, 2);
    assert_eq!(login(&context, &[]).code, 2, "a URL is needed");
    assert_eq!(login(&context, &["--status", "--remove"]).code, 2);
}
