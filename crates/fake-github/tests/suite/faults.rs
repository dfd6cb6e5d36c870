//! Every fault, as observed by a client.

use std::io::ErrorKind;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use fake_github::Cut;
use fake_github::FakeGitHub;
use fake_github::Fault;
use fake_github::Framing;
use fake_github::Hold;
use fake_github::Matcher;
use fake_github::RetryAfter;

use crate::REPO;
use crate::client::Answer;
use crate::client::Connection;
use crate::client::ask;
use crate::client::get;
use crate::client::get_with;
use crate::client::send;
use crate::rest;
use crate::three_releases;

const SHORT: Hold = Hold::For(Duration::from_millis(60));

/// A new signed URL of the newest asset, `worker v1.2.0`.
fn signed(github: &FakeGitHub) -> String {
    let link = format!("{}/{REPO}/releases/download/v1.2.0/reproq-linux-amd64", github.web_url());
    get(&link).location().to_owned()
}

fn meet(github: &FakeGitHub, fault: Fault) -> Answer {
    let url = signed(github);
    github.fault(Matcher::objects(), fault);
    get(&url)
}

#[test]
fn bodies_that_are_not_what_their_headers_say() {
    let github = three_releases();
    let whole = b"worker v1.2.0";
    for (fault, length, body, ended) in [
        (Fault::CutBody { after: 6, with: Cut::Fin }, Some("13"), &b"worker"[..], Err(ErrorKind::UnexpectedEof)),
        (Fault::ShortBody { missing: 3 }, Some("13"), b"worker v1.", Err(ErrorKind::UnexpectedEof)),
        (Fault::LongBody { extra: 2, framing: Framing::Length }, Some("13"), whole, Ok(())),
        (Fault::LongBody { extra: 2, framing: Framing::Chunked }, None, b"worker v1.2.0xx", Ok(())),
        (Fault::LongBody { extra: 2, framing: Framing::UntilClose }, None, b"worker v1.2.0xx", Ok(())),
        (Fault::WrongLength { length: 5 }, Some("5"), b"worke", Ok(())),
        (Fault::WrongLength { length: 14 }, Some("14"), b"worker v1.2.0x", Ok(())),
        (Fault::NoLength, None, whole, Ok(())),
        (Fault::Chunked, None, whole, Ok(())),
        (Fault::StallBody { after: 4, hold: SHORT }, Some("13"), whole, Ok(())),
        (Fault::Trickle { bytes: 5, every: Duration::from_millis(5) }, Some("13"), whole, Ok(())),
        (Fault::StallHeaders { hold: SHORT }, Some("13"), whole, Ok(())),
        (Fault::ChangedBytes(Bytes::from_static(b"other")), Some("5"), b"other", Ok(())),
    ] {
        let name = format!("{fault:?}");
        let answer = meet(&github, fault);
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(answer.header("Content-Length"), length, "{name}");
        assert_eq!((answer.body.as_slice(), answer.ended), (body, ended), "{name}");
    }
}

fn is_reset(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
}

#[test]
fn resets_before_in_and_after_the_headers() {
    let github = three_releases();
    for fault in [Fault::ResetBeforeHeaders, Fault::ResetInHeaders, Fault::TruncateAfterProcessing] {
        let name = format!("{fault:?}");
        let url = signed(&github);
        github.fault(Matcher::objects(), fault);
        let error = ask("GET", &url, &[], "").expect_err(&name);
        assert!(is_reset(error.kind()), "{name}: {error}");
    }
    let url = signed(&github);
    github.fault(Matcher::objects(), Fault::CutBody { after: 3, with: Cut::Rst });
    // Not every system delivers the bytes that arrived before a reset.
    let ended = ask("GET", &url, &[], "").map_or_else(|error| Err(error.kind()), |answer| answer.ended);
    assert!(ended.is_err_and(is_reset));
    let last = github.requests().pop().expect("the request is in the log");
    assert_eq!((last.status, last.fault.as_deref()), (Some(200), Some("CutBody")));
}

#[test]
fn an_effect_without_an_answer_and_an_answer_without_an_effect() {
    let github = three_releases();
    let path = |index: usize| rest(&github, &format!("/releases/{}", github.snapshot(REPO).releases[index].id));
    let delete = |url: &str| ask("DELETE", url, &[("Authorization", "Bearer writer")], "");
    github.fault(Matcher::api().method("DELETE"), Fault::TruncateAfterProcessing);
    assert!(delete(&path(0)).is_err());
    assert_eq!(github.snapshot(REPO).published(), ["v1.1.0", "v1.2.0"]);
    github.fault(Matcher::api().method("DELETE"), Fault::ResetBeforeHeaders);
    github.fault(Matcher::api().method("DELETE"), Fault::status(502));
    assert!(delete(&path(0)).is_err());
    assert_eq!(send("DELETE", &path(0), "").status, 502);
    assert_eq!(github.snapshot(REPO).published(), ["v1.1.0", "v1.2.0"]);
    assert_eq!(send("DELETE", &path(0), "").status, 204);
    let log = github.requests();
    let seen: Vec<_> = log.iter().map(|one| (one.status, one.fault.as_deref())).collect();
    let (truncated, reset) = ((None, Some("TruncateAfterProcessing")), (None, Some("ResetBeforeHeaders")));
    assert_eq!(seen, [truncated, reset, (Some(502), Some("Status")), (Some(204), None)]);
}

#[test]
fn stalls_end_with_the_fake_or_in_time() {
    let github = three_releases();
    let url = rest(&github, &format!("/releases/{}", github.snapshot(REPO).releases[0].id));
    github.fault(Matcher::api().method("DELETE"), Fault::StallHeaders { hold: Hold::UntilDropped });
    github.fault(Matcher::api().method("DELETE").nth(2), Fault::StallAfterProcessing { hold: Hold::UntilDropped });
    let clients: Vec<_> = (0..2)
        .map(|index| {
            let (url, github) = (url.clone(), github.handle());
            let client = std::thread::spawn(move || ask("DELETE", &url, &[("Authorization", "Bearer writer")], ""));
            assert!(github.wait_for(&Matcher::api().method("DELETE"), index + 1, Duration::from_secs(9)));
            client
        })
        .collect();
    let begin = Instant::now();
    while github.mutations() == 0 && begin.elapsed() < Duration::from_secs(9) {
        std::thread::yield_now();
    }
    assert_eq!(github.snapshot(REPO).published(), ["v1.1.0", "v1.2.0"]);
    drop(github);
    for client in clients {
        assert!(client.join().expect("the client ends").is_err());
    }
    assert!(begin.elapsed() < Duration::from_secs(4));
}

#[test]
fn ranges_that_are_ignored_misplaced_or_of_another_file() {
    let github = three_releases();
    let url = signed(&github);
    let etag = get(&url).header("ETag").expect("an ETag").to_owned();
    let range = [("Range", "bytes=7-"), ("If-Range", etag.as_str())];
    let with = |fault: Fault| {
        github.fault(Matcher::objects(), fault);
        get_with(&url, &range)
    };
    let ignored = with(Fault::IgnoreRange);
    assert_eq!((ignored.status, ignored.body.len()), (200, 13));
    let misplaced = with(Fault::WrongContentRange { shift: 2 });
    assert_eq!((misplaced.status, misplaced.header("Content-Range")), (206, Some("bytes 9-14/13")));
    let changed = with(Fault::ChangedEtag);
    assert_eq!((changed.status, changed.text().as_str()), (200, "worker v1.2.0"));
    assert_ne!(changed.header("ETag"), Some(etag.as_str()));
    let other = with(Fault::ChangedBytes(Bytes::from_static(b"something else entirely")));
    assert_eq!((other.status, other.text().as_str()), (200, "something else entirely"));
    assert_eq!(get_with(&url, &range).status, 206);
}

#[test]
fn responses_that_replace_githubs() {
    let github = three_releases();
    let latest = rest(&github, "/releases/latest");
    let with = |fault: Fault| {
        github.fault(Matcher::api(), fault);
        get(&latest)
    };
    let primary = with(Fault::RateLimitPrimary { reset_in: Duration::from_secs(60) });
    assert_eq!((primary.status, primary.header("x-ratelimit-remaining")), (403, Some("0")));
    let seconds = with(Fault::RateLimitSecondary { status: 429, retry_after: RetryAfter::Seconds(7) });
    assert_eq!((seconds.status, seconds.header("Retry-After")), (429, Some("7")));
    assert!(seconds.text().contains("secondary rate limit"));
    let date = with(Fault::RateLimitSecondary { status: 403, retry_after: RetryAfter::Date(Duration::from_secs(7)) });
    assert!(date.header("Retry-After").is_some_and(|value| value.ends_with(" GMT")));
    let silent = with(Fault::RateLimitSecondary { status: 403, retry_after: RetryAfter::None });
    assert_eq!((silent.status, silent.header("Retry-After")), (403, None));
    assert!(with(Fault::Html200).header("Content-Type").is_some_and(|value| value.starts_with("text/html")));
    assert_eq!(meet(&github, Fault::ExpiredSignature).status, 403);
    let half = with(Fault::HalfJson);
    assert!(serde_json::from_slice::<serde_json::Value>(&half.body).is_err() && half.ended.is_ok());
    assert!(with(Fault::WrongShapeJson).json().get("surprise").is_some());
    let huge = with(Fault::HugeHeaders { bytes: 100_000 });
    assert!(huge.headers.iter().map(|(_, value)| value.len()).sum::<usize>() > 100_000);
    assert_eq!(with(Fault::GzipAnyway).header("Content-Encoding"), Some("gzip"));
    assert_eq!(get(&latest).status, 200);
}

#[test]
fn json_without_an_end() {
    let github = three_releases();
    github.fault(Matcher::api(), Fault::EndlessJson);
    let mut connection = Connection::open(&github.api_url(), "").expect("the fake listens");
    let reading = std::thread::spawn(move || connection.ask("GET", &format!("/repos/{REPO}/releases"), &[], ""));
    std::thread::sleep(Duration::from_millis(30));
    drop(github);
    let answer = reading.join().expect("the client ends").expect("the headers came");
    assert!(answer.body.len() > 100_000 && answer.body.starts_with(b"[{\"id\":1,"));
    assert!(answer.ended.is_err());
}

#[test]
fn redirects_astray() {
    let github = three_releases();
    let latest = rest(&github, "/releases/latest");
    let location = |fault: Fault| {
        github.fault(Matcher::api(), fault);
        let answer = get(&latest);
        assert_eq!(answer.status, 302);
        answer.location().to_owned()
    };
    assert_eq!(location(Fault::RedirectTo("http://example.invalid/x".into())), "http://example.invalid/x");
    assert_eq!(location(Fault::RedirectToSelf), latest);
    assert!(location(Fault::RedirectToScheme("ftp".into())).starts_with("ftp://127.0.0.1:"));
    let mut next = location(Fault::RedirectLoop);
    for _ in 0..5 {
        let following = get(&next).location().to_owned();
        assert_ne!(following, next);
        next = following;
    }
}

#[test]
fn a_connection_that_ends_after_its_answer_announced_or_not() {
    let github = three_releases();
    let target = format!("/repos/{REPO}");
    for announced in [true, false] {
        github.fault(Matcher::api(), Fault::CloseConnectionAfter { announced });
        let mut connection = Connection::open(&github.api_url(), "").expect("the fake listens");
        let answer = connection.ask("GET", &target, &[], "").expect("an answer");
        assert_eq!(answer.header("Connection").is_some(), announced);
        assert!(connection.ask("GET", &target, &[], "").is_err());
    }
    let mut connection = Connection::open(&github.api_url(), "").expect("the fake listens");
    github.clear_log();
    for _ in 0..2 {
        assert_eq!(connection.ask("GET", &target, &[], "").expect("an answer").status, 200);
    }
    let log = github.requests();
    assert_eq!(log[0].connection, log[1].connection);
}

#[test]
fn excess_bytes_are_really_there() {
    let github = three_releases();
    let url = signed(&github);
    github.fault(Matcher::objects(), Fault::LongBody { extra: 2, framing: Framing::Length });
    let mut connection = Connection::open(&github.objects_url(), "").expect("the fake listens");
    let target = url.strip_prefix(&github.objects_url()).expect("an address of the asset host");
    connection.ask("GET", target, &[], "").expect("an answer");
    assert_eq!(connection.rest(), b"xx");
}

#[test]
fn a_server_whose_clock_differs_dates_everything_by_it() {
    let github = three_releases();
    let latest = rest(&github, "/releases/latest");
    github.clock_ahead(-400 * 24 * 60 * 60);
    let limit = Fault::RateLimitSecondary { status: 429, retry_after: RetryAfter::Date(Duration::ZERO) };
    github.fault(Matcher::api(), limit);
    let answer = get(&latest);
    let year = |name: &str| {
        let date = answer.header(name).expect("a date");
        date.split(' ').nth(3).expect("a year").to_owned()
    };
    let before = year("Date");
    assert_eq!(year("Retry-After"), before);
    github.clock_ahead(0);
    let now = get(&latest);
    assert_ne!(now.header("Date").and_then(|date| date.split(' ').nth(3)), Some(before.as_str()));
}
