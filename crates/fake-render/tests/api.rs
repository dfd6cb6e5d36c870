//! The fake as a client sees it.

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;

use fake_render::FakeRender;
use fake_render::Fault;
use fake_render::Matcher;
use serde_json::Value;
use serde_json::json;

/// Sends one request on its own connection; `None` if there was no response.
fn send(render: &FakeRender, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
    send_as(render, "rnd_test", method, path, body)
}

fn send_as(render: &FakeRender, token: &str, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
    let url = render.api_url();
    let (host, base) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("a URL");
    let mut stream = TcpStream::connect(host).expect("connected");
    let request = format!(
        "{method} /{base}{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or_default()))
}

fn keys(page: &Value) -> Vec<&str> {
    let entries = page.as_array().expect("a list").iter();
    entries.map(|entry| entry["envVar"]["key"].as_str().expect("a key")).collect()
}

#[test]
fn forty_five_variables_are_three_pages_and_an_empty_one() {
    let render = FakeRender::start();
    let shop = render.add_service("shop", "web_service");
    for index in 0..45 {
        render.set(&shop, &format!("KEY_{index:02}"), "x");
    }
    let mut sizes = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/services/{shop}/env-vars?limit=100{cursor}");
        let (status, page) = send(&render, "GET", &path, "").expect("a response");
        assert_eq!(status, 200);
        sizes.push(keys(&page).len());
        let Some(last) = page.as_array().and_then(|page| page.last()) else { break };
        cursor = format!("&cursor={}", last["cursor"].as_str().expect("a cursor"));
    }
    assert_eq!(sizes, [20, 20, 5, 0]);
}

#[test]
fn one_variable_is_set_generated_and_removed() {
    let render = FakeRender::start();
    let shop = render.add_service("shop", "web_service");
    let path = |key: &str| format!("/services/{shop}/env-vars/{key}");
    assert_eq!(send(&render, "PUT", &path("A"), r#"{"value":"1"}"#), Some((200, json!({"key": "A", "value": "1"}))));
    let (status, generated) = send(&render, "PUT", &path("B"), r#"{"generateValue":true}"#).expect("a response");
    assert_eq!((status, generated["key"].as_str()), (200, Some("B")));
    assert_eq!(send(&render, "PUT", &path("C"), r#"{"value":1}"#).map(|(status, _)| status), Some(400));
    assert_eq!(send(&render, "DELETE", &path("A"), "").map(|(status, _)| status), Some(204));
    assert_eq!(send(&render, "DELETE", &path("A"), "").map(|(status, _)| status), Some(404));
    assert_eq!(render.variables(&shop).len(), 1);
    assert_eq!(send_as(&render, "rnd_x", "GET", &path("B"), "").map(|(status, _)| status), Some(401));
    assert_eq!(send(&render, "GET", "/services/srv-9999/env-vars", "").map(|(status, _)| status), Some(404));
}

#[test]
fn groups_have_links_and_variables_and_no_cursors() {
    let render = FakeRender::start();
    let shop = render.add_service("shop", "web_service");
    let shared = render.add_group("shared", &[&shop]);
    render.set(&shared, "A", "1");
    let (_, list) = send(&render, "GET", "/env-groups?name=shared", "").expect("a response");
    assert_eq!(list[0]["serviceLinks"][0]["id"], json!(shop));
    assert_eq!(list[0].get("cursor"), None);
    let (_, group) =
        send(&render, "PUT", &format!("/env-groups/{shared}/env-vars/B"), r#"{"value":"2"}"#).expect("a response");
    assert_eq!(group["envVars"], json!([{"key": "A", "value": "1"}, {"key": "B", "value": "2"}]));
}

#[test]
#[should_panic(expected = "1 requests replaced all variables")]
fn a_request_that_replaces_everything_fails_the_test() {
    let render = FakeRender::start();
    let shop = render.add_service("shop", "web_service");
    render.set(&shop, "DATABASE_URL", "x");
    let replaced = send(&render, "PUT", &format!("/services/{shop}/env-vars"), r#"[{"key":"A","value":"1"}]"#);
    assert_eq!(replaced.map(|(status, _)| status), Some(200));
    assert_eq!(render.variables(&shop), [("A".to_owned(), "1".to_owned())]);
}

#[test]
#[should_panic(expected = "1 requests replaced all variables")]
fn an_empty_key_replaces_everything_too() {
    let render = FakeRender::start();
    let shop = render.add_service("shop", "web_service");
    let _ = send(&render, "PUT", &format!("/services/{shop}/env-vars/"), "[]");
}

#[test]
fn faults_and_changes_occur_at_the_request_they_are_scripted_for() {
    let render = FakeRender::start();
    let shop = render.add_service("shop", "web_service");
    let put = |key: &str| send(&render, "PUT", &format!("/services/{shop}/env-vars/{key}"), r#"{"value":"1"}"#);
    render.fault(Matcher::any().method("PUT"), Fault::ResetBefore);
    render.fault(Matcher::any().method("PUT").nth(2), Fault::ResetAfter);
    render.fault(Matcher::any().method("PUT").nth(3), Fault::Echo);
    let other = shop.clone();
    render.before(Matcher::any().method("PUT").nth(4), move |render| render.set(&other, "OTHER", "x"));
    assert_eq!((put("A"), render.variables(&shop).len()), (None, 0));
    assert_eq!((put("B"), render.variables(&shop).len()), (None, 1));
    let (status, refusal) = put("C").expect("a response");
    assert_eq!((status, refusal["message"].as_str()), (400, Some(r#"invalid value: {"value":"1"}"#)));
    assert_eq!(put("D").map(|(status, _)| status), Some(200));
    let variables = render.variables(&shop);
    assert_eq!(variables.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["B", "D", "OTHER"]);
    let statuses: Vec<Option<u16>> = render.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [None, None, Some(400), Some(200)]);
}

#[test]
fn broken_responses_are_broken() {
    let render = FakeRender::start();
    let shop = render.add_service("shop", "web_service");
    render.set(&shop, "A", "a value");
    let list = || send(&render, "GET", &format!("/services/{shop}/env-vars"), "");
    for (fault, expected) in [
        (Fault::WrongShape, Some((200, json!(["a value"])))),
        (Fault::HalfJson, Some((200, Value::Null))),
        (Fault::CutBody, Some((200, Value::Null))),
        (Fault::ResetBefore, None),
        (Fault::status(503), Some((503, json!({"id": "req-1", "message": "Service Unavailable"})))),
        (Fault::WebPage, Some((200, Value::Null))),
    ] {
        render.fault(Matcher::any(), fault.clone());
        assert_eq!(list(), expected, "{fault:?}");
    }
    assert!(list().is_some_and(|(status, page)| status == 200 && keys(&page) == ["A"]));
}
