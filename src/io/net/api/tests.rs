//! The client against a server on this machine that misbehaves.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use http::Method;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use crate::io::net::Http;
use crate::io::net::HttpOptions;
use crate::io::net::NetError;
use crate::io::net::api::ApiLimits;
use crate::io::net::api::ApiRequest;
use crate::io::net::api::JsonApi;
use crate::io::net::api::JsonApiError;
use crate::io::net::api::PageLimits;
use crate::model::progress::NoProgress;
use crate::model::secret::Secret;

const TOKEN: &str = "rnd_secret_token";

const LIMITS: ApiLimits = ApiLimits { answer: 4096, list: PageLimits { pages: 10, bytes: 16 * 1024 } };

/// What the server does with one request.
#[derive(Debug, Clone)]
enum Reply {
    /// Status line and headers without the end of line, and the body.
    Send(String, String),
    /// Closes the connection without a word.
    Close,
    /// Announces more than it sends.
    Cut,
    /// Sends nothing until the client is gone.
    Silence,
    /// Sends a body without an end.
    Flood,
}

fn ok(body: &Value) -> Reply {
    status("200 OK", &[], body)
}

fn status(line: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
    let headers: String = headers.iter().map(|(name, value)| format!("\r\n{name}: {value}")).collect();
    Reply::Send(format!("{line}{headers}"), body.to_string())
}

/// Answers one request for each reply and returns the requests, heads and bodies.
fn serve(replies: Vec<Reply>) -> (url::Url, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let base = format!("http://127.0.0.1:{port}/v1").parse().expect("a URL");
    listener.set_nonblocking(true).expect("set");
    let server = thread::spawn(move || {
        let mut seen = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(20);
        for reply in replies {
            // A client that sends fewer requests than expected must not block the test.
            let socket = loop {
                match listener.accept() {
                    Ok((socket, _)) => break socket,
                    Err(_) if Instant::now() > deadline => return seen,
                    Err(_) => thread::sleep(Duration::from_millis(2)),
                }
            };
            socket.set_nonblocking(false).expect("set");
            seen.push(answer(socket, &reply));
        }
        seen
    });
    (base, server)
}

fn answer(mut socket: TcpStream, reply: &Reply) -> String {
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
    let request = read_request(&mut socket);
    let _ = match reply {
        Reply::Send(head, body) => socket.write_all(
            format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes(),
        ),
        Reply::Close => Ok(()),
        Reply::Cut => socket.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{\"a\""),
        Reply::Silence => socket.read(&mut [0]).map(|_| ()),
        Reply::Flood => (0..64).try_fold((), |(), turn| {
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            socket.write_all(if turn == 0 { head.as_bytes() } else { &[b' '; 1024] })
        }),
    };
    request
}

fn read_request(socket: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut piece = [0; 1024];
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match socket.read(&mut piece) {
            Ok(length @ 1..) => read.extend_from_slice(&piece[..length]),
            Ok(0) | Err(_) => return text,
        }
    }
}

fn api(base: &url::Url) -> JsonApi {
    let options = HttpOptions { idle_timeout: Duration::from_millis(300), ..HttpOptions::default() };
    let http = Http::new(options).expect("a client");
    JsonApi::new(http, base.clone(), Some(Secret::new(TOKEN.to_owned())), LIMITS).expect("an API")
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// Sends one request; returns its result and the requests the server saw.
fn call(method: Method, replies: Vec<Reply>) -> (Result<Value, JsonApiError>, Vec<String>) {
    let (base, server) = serve(replies);
    let outcome = block_on(async {
        let request = ApiRequest::new(method, "/services/srv-1", "service srv-1");
        api(&base).call::<Value>(&request, &NoProgress).await
    });
    (outcome, server.join().expect("no panic"))
}

#[test]
fn a_call_sends_token_and_document_and_parses_the_response() {
    let (base, server) = serve(vec![ok(&json!({ "id": 7 }))]);
    let answer = block_on(async {
        let request = ApiRequest::new(Method::PUT, "/env/KEY?x=1", "KEY").json(&json!({ "value": "a\"b" }));
        api(&base).call::<Value>(&request, &NoProgress).await
    });
    assert_eq!(answer.expect("a document"), json!({ "id": 7 }));
    let seen = server.join().expect("no panic").remove(0);
    assert!(seen.starts_with("PUT /v1/env/KEY?x=1 HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains(&format!("authorization: Bearer {TOKEN}\r\n")), "{seen}");
    assert!(
        seen.contains("content-type: application/json\r\n") && seen.contains("accept: application/json\r\n"),
        "{seen}"
    );
    assert!(seen.ends_with("\r\n\r\n{\"value\":\"a\\\"b\"}"), "{seen}");
}

#[test]
fn transient_failures_of_idempotent_requests_are_retried() {
    for fault in [
        Reply::Close,
        Reply::Cut,
        Reply::Silence,
        status("408 Request Timeout", &[], &json!({})),
        status("429 Too Many Requests", &[("Retry-After", "0")], &json!({})),
        status("503 Service Unavailable", &[("Retry-After", "0")], &json!({})),
    ] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let (outcome, seen) = call(method.clone(), vec![fault.clone(), ok(&json!(1))]);
            assert_eq!(outcome.expect("the second attempt succeeds"), json!(1), "{method} {fault:?}");
            assert_eq!(seen.len(), 2, "{method} {fault:?}");
        }
    }
}

#[test]
fn other_requests_are_sent_once() {
    for fault in [Reply::Close, Reply::Cut, Reply::Silence, status("503 Down", &[], &json!({}))] {
        for method in [Method::POST, Method::PATCH] {
            let (outcome, seen) = call(method.clone(), vec![fault.clone()]);
            assert!(outcome.is_err_and(|error| matches!(error, JsonApiError::Net(_))), "{method} {fault:?}");
            assert_eq!(seen.len(), 1);
        }
    }
}

#[test]
fn refusals_are_final_and_a_long_wait_is_not_waited_for() {
    for (line, headers) in [
        ("401 Unauthorized", vec![]),
        ("403 Forbidden", vec![]),
        ("404 Not Found", vec![]),
        ("409 Conflict", vec![]),
        ("422 Unprocessable Entity", vec![]),
        ("429 Too Many Requests", vec![("Retry-After", "3600")]),
    ] {
        let (outcome, seen) = call(Method::GET, vec![status(line, &headers, &json!({ "message": "no" }))]);
        let error = outcome.expect_err(line);
        assert_eq!(seen.len(), 1, "{error}");
        assert!(!matches!(error, JsonApiError::Net(_) | JsonApiError::Malformed { .. }), "{error:?}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let (elsewhere, other) = serve(vec![ok(&json!(1))]);
    let moved = status("307 Temporary Redirect", &[("Location", elsewhere.as_str())], &json!({}));
    let (outcome, _) = call(Method::GET, vec![moved]);
    assert!(matches!(outcome, Err(JsonApiError::Net(NetError::Redirect { .. }))), "{outcome:?}");
    // Ends the other server.
    drop(TcpStream::connect(("127.0.0.1", elsewhere.port().expect("a port"))));
    assert_eq!(other.join().expect("no panic"), [""], "nothing was sent there");
}

#[test]
fn a_response_is_read_to_its_limit_only() {
    let (outcome, _) = call(Method::GET, vec![Reply::Flood]);
    assert!(matches!(outcome, Err(JsonApiError::Net(NetError::TooLong { limit: 4096, .. }))), "{outcome:?}");
    let (outcome, _) = call(Method::GET, vec![Reply::Send("200 OK".to_owned(), "{\"a\":".to_owned())]);
    assert!(matches!(outcome, Err(JsonApiError::Malformed { .. })), "{outcome:?}");
}

#[test]
fn an_error_repeats_no_value_of_the_response() {
    let (base, _server) = serve(vec![ok(&json!({ "key": "A", "cursor": ["hunter2"] }))]);
    let request = ApiRequest::get("/x", "variables");
    let error = block_on(api(&base).call::<Variable>(&request, &NoProgress)).expect_err("malformed").to_string();
    assert!(error.contains("not of the documented shape (line 1, column") && !error.contains("hunter2"), "{error}");
    let (base, _server) = serve(vec![ok(&json!("hunter2"))]);
    let error = block_on(api(&base).call::<u32>(&request, &NoProgress)).expect_err("malformed").to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_repeated_token_is_removed() {
    let echo = status("403 Forbidden", &[], &json!({ "message": format!("token {TOKEN} is read-only") }));
    let (outcome, _) = call(Method::GET, vec![echo]);
    let error = outcome.expect_err("refused");
    assert!(!format!("{error} {error:?}").contains(TOKEN), "{error:?}");
    assert!(error.to_string().contains("[redacted] is read-only"), "{error}");
}

#[test]
fn the_token_is_sent_over_tls_or_to_this_machine_only() {
    let http = || Http::new(HttpOptions::default()).expect("a client");
    let made = |base: &str, token: &str| {
        JsonApi::new(http(), base.parse().expect("a URL"), Some(Secret::new(token.to_owned())), LIMITS)
    };
    assert!(made("https://api.test/v1", TOKEN).is_ok() && made("http://127.0.0.1:1/v1", TOKEN).is_ok());
    for base in ["http://api.test/v1", "http://127.0.0.1.api.test/", "http://10.0.0.1/", "ftp://localhost/"] {
        assert!(made(base, TOKEN).is_err(), "{base}");
    }
    for token in ["a b", "a\nX-Other: b", "é"] {
        let error = made("https://api.test", token).expect_err("it cannot be sent");
        assert!(!error.to_string().contains(token), "{error}");
    }
}

#[test]
fn a_route_stays_below_the_base() {
    let (base, _server) = serve(Vec::new());
    for route in
        ["@other.test/", ".other.test/x", "/../admin", "/%2e%2e/admin", "/a/./b", "/v1#rc", "/x?a#b", "x", ":1/"]
    {
        let request = ApiRequest::get(route, "x");
        let outcome = block_on(api(&base).call::<Value>(&request, &NoProgress));
        assert!(matches!(outcome, Err(JsonApiError::Malformed { .. })), "{route}: {outcome:?}");
    }
}

fn linked(next: &str, entries: &Value) -> Reply {
    status("200 OK", &[("Link", &format!("<{next}>; rel=\"next\""))], entries)
}

fn list(replies: Vec<Reply>) -> (Result<Vec<u32>, JsonApiError>, Vec<String>) {
    let (base, server) = serve(replies);
    let outcome = block_on(api(&base).linked::<u32, 100>("/things?per_page=2", "things", &NoProgress));
    let first_lines = |seen: String| seen.lines().next().unwrap_or_default().to_owned();
    (outcome, server.join().expect("no panic").into_iter().map(first_lines).collect())
}

#[test]
fn linked_pages_are_read_to_the_end() {
    let (outcome, seen) = list(vec![
        linked("/v1/things?per_page=2&page=2", &json!([1, 2])),
        Reply::Close,
        linked("/v1/things?per_page=2&page=3", &json!([3, 4])),
        ok(&json!([5])),
    ]);
    assert_eq!(outcome.expect("a list"), [1, 2, 3, 4, 5]);
    assert_eq!(seen[3], "GET /v1/things?per_page=2&page=3 HTTP/1.1");
}

#[test]
fn a_list_without_an_end_or_with_a_page_elsewhere_is_an_error() {
    let again = linked("/v1/things?per_page=2", &json!([1]));
    let onwards = |page: u32| linked(&format!("/v1/things?page={page}"), &json!([1]));
    let filler: String = " ".repeat(4000);
    let long = |page: u32| {
        let Reply::Send(head, _) = onwards(page) else { panic!("a page") };
        Reply::Send(head, format!("[1{filler}]"))
    };
    for (replies, reason) in [
        (vec![again], "does not end"),
        (vec![linked("/v1/things?page=2", &json!([]))], "does not end"),
        ((2..12).map(onwards).collect(), "does not end"),
        ((2..7).map(long).collect(), "does not end"),
        (vec![linked("https://other.test/v1/things", &json!([1]))], "not below the URL"),
        (vec![linked("/v2/things", &json!([1]))], "not below the URL"),
        (vec![linked("/v10/things", &json!([1]))], "not below the URL"),
        (vec![ok(&json!([-1]))], "cannot be read"),
        (vec![ok(&json!(vec![1; 101]))], "not of the documented shape"),
    ] {
        let count = replies.len();
        let (outcome, seen) = list(replies);
        let error = outcome.expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
        assert_eq!(seen.len(), count, "{error}");
    }
}

#[derive(Debug, Deserialize, PartialEq)]
struct Variable {
    key: String,
    cursor: String,
}
