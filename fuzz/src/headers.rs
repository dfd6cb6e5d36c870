//! Answers of a server: status, headers and body that say anything at all.

use std::time::Duration;

use chrono::DateTime;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use reproq::internals::config::Server;
use reproq::internals::io::net::Backoff;
use reproq::internals::io::net::api::next_link;
use reproq::internals::io::net::parse_retry_after;
use reproq::internals::sources::github::ApiError;
use reproq::internals::sources::github::MutationRefusal;
use reproq::internals::sources::github::requests_left;

/// A status in the first line, `name: value` in the next ones, and a body behind an empty line.
pub fn headers(bytes: &[u8]) {
    let (status, headers, body) = answer(bytes);
    let error =
        ApiError::from_answer(("releases of acme/tool", &Server::default()), status, &headers, body, Some("GH_TOKEN"));
    let refusal = MutationRefusal::of_answer(status, &headers, body);
    let is_limit = matches!(error, ApiError::RateLimited { .. });
    assert_eq!(
        is_limit,
        matches!(refusal, MutationRefusal::Limited { .. }),
        "a limit is one to every reader and writer"
    );
    assert!(!(is_limit && matches!(status, 404 | 410)), "a limit is never reported as `not found`");
    assert!(!error.to_string().is_empty() && !refusal.to_string().contains('\n'));
    let (_, whole_in) = requests_left(&headers);
    let mut waits = Duration::from_secs(86_400) + whole_in;
    if let MutationRefusal::Limited { wait } = refusal {
        waits += wait;
    }
    assert!(waits < Duration::MAX / 1000, "waits cannot be added up");
    for link in headers.get_all("link") {
        link.to_str().map(next_link).ok();
    }
    for value in headers.get_all("retry-after").iter().filter_map(|value| value.to_str().ok()) {
        judge_wait(value);
    }
}

/// No server makes this program wait for longer than it would at most.
fn judge_wait(value: &str) {
    let wait = parse_retry_after(value, DateTime::UNIX_EPOCH);
    if let (Some(asked), Some(waits)) = (wait, Backoff::new().next(wait)) {
        assert!(waits == asked && waits <= Duration::from_secs(30), "{value} is {waits:?}");
    }
    if let Ok(seconds) = value.trim().parse::<u32>() {
        assert_eq!(wait, Some(Duration::from_secs(seconds.into())));
    }
}

fn answer(bytes: &[u8]) -> (u16, HeaderMap, &[u8]) {
    let end = bytes.windows(2).position(|window| window == b"\n\n").unwrap_or(bytes.len());
    let body = bytes.get(end + 2..).unwrap_or_default();
    let mut lines = bytes[..end].split(|byte| *byte == b'\n');
    let status = lines.next().and_then(|line| std::str::from_utf8(line).ok()?.trim().parse().ok()).unwrap_or(403);
    let mut headers = HeaderMap::new();
    // A client reads no more headers than these.
    for line in lines.take(100) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    (status, headers, body)
}
