//! Faults of the download: the asset host's response, its body, and its continuation.

use std::time::Duration;

use bytes::Bytes;
use fake_github::Cut;
use fake_github::Fault;
use fake_github::Framing;
use fake_github::Matcher;
use fake_github::RetryAfter;

use super::Case;
use super::FOR_EVER;
use super::NEW;
use super::recovers;
use super::run_all;
use super::under_fault;
use crate::support::fault_table::Part;
use crate::support::workers;

const AGAIN: &str = "retrying (2 of 4)";
const AND_AGAIN: &str = "retrying (3 of 4)";

fn once() -> Matcher {
    Matcher::objects()
}

fn twice() -> Matcher {
    Matcher::objects().times(2)
}

fn always() -> Matcher {
    Matcher::objects().always()
}

#[test]
fn bodies_that_break() {
    let cut = |with| Fault::CutBody { after: 100_000, with };
    let stall = Fault::StallBody { after: 100_000, hold: FOR_EVER };
    let short = Fault::ShortBody { missing: 1000 };
    run_all(
        Part::Network,
        vec![
            Case::survived("body: reset in the middle, once", once(), cut(Cut::Rst), AGAIN),
            Case::survived("body: reset in the middle, twice", twice(), cut(Cut::Rst), AND_AGAIN),
            Case::fails("body: reset in the middle, every time", always(), cut(Cut::Rst), 6, "was lost"),
            Case::survived("body: ends in the middle, once", once(), cut(Cut::Fin), AGAIN),
            Case::fails("body: ends in the middle, every time", always(), cut(Cut::Fin), 6, "was lost"),
            Case::survived("body: stalls, once", once(), stall.clone(), AGAIN).impatient(),
            Case::fails("body: stalls, every time", always(), stall, 6, "stopped responding").impatient(),
            Case::survived("body: shorter than stated, once", once(), short.clone(), AGAIN),
            Case::fails("body: shorter than stated, every time", always(), short, 6, "was lost"),
            Case::survived(
                "body: trickles, longer than the idle limit but never idle",
                once(),
                Fault::Trickle { bytes: 64 * 1024, every: Duration::from_millis(60) },
                "Installed",
            )
            .impatient(),
            Case::fails(
                "body: trickles with less than 1 KiB in a whole idle limit",
                always(),
                Fault::Trickle { bytes: 50, every: Duration::from_millis(200) },
                6,
                "stopped responding",
            )
            .impatient(),
        ],
    );
}

#[test]
fn bodies_that_are_not_the_file() {
    let changed = Bytes::from(vec![b'x'; workers::bytes(NEW).len()]);
    let longer = |framing| Fault::LongBody { extra: 10, framing };
    run_all(
        Part::Network,
        vec![
            Case::survived("body: longer than its header states", once(), longer(Framing::Length), "Installed"),
            Case::fails(
                "body: longer than the release states, in chunks",
                always(),
                longer(Framing::Chunked),
                5,
                "the release lists",
            ),
            Case::fails(
                "body: longer than the release states, until the connection ends",
                always(),
                longer(Framing::UntilClose),
                5,
                "the release lists",
            ),
            Case::fails(
                "body: of another length than the release states",
                always(),
                Fault::WrongLength { length: 1000 },
                5,
                "the release lists",
            ),
            Case::survived("body: no length", once(), Fault::NoLength, "Installed"),
            Case::survived("body: in chunks", once(), Fault::Chunked, "Installed"),
            Case::fails(
                "body: gzip although identity was asked for",
                always(),
                Fault::GzipAnyway,
                6,
                "content encoding `gzip`",
            ),
            Case::fails("body: other bytes of the same length", always(), Fault::ChangedBytes(changed), 5, "sha256"),
            Case::fails("captive portal: a page with 200 from the asset host", always(), Fault::Html200, 6, "web page"),
        ],
    );
}

#[test]
fn headers_of_the_asset_host() {
    let stall = Fault::StallHeaders { hold: FOR_EVER };
    run_all(
        Part::Network,
        vec![
            Case::survived("headers: reset before, once", once(), Fault::ResetBeforeHeaders, AGAIN),
            Case::survived("headers: reset before, twice", twice(), Fault::ResetBeforeHeaders, AND_AGAIN),
            Case::fails("headers: reset before, every time", always(), Fault::ResetBeforeHeaders, 6, "was lost"),
            Case::survived("headers: reset in the middle, once", once(), Fault::ResetInHeaders, AGAIN),
            Case::survived("headers: reset in the middle, twice", twice(), Fault::ResetInHeaders, AND_AGAIN),
            Case::fails("headers: reset in the middle, every time", always(), Fault::ResetInHeaders, 6, "was lost"),
            Case::survived("headers: stall, once", once(), stall.clone(), AGAIN).impatient(),
            Case::fails("headers: stall, every time", always(), stall, 6, "stopped responding").impatient(),
        ],
    );
}

#[test]
fn continuations_that_do_not_match() {
    let broken = |name, fault| {
        let cut = Fault::CutBody { after: 100_000, with: Cut::Fin };
        Case::survived(name, once(), cut, AGAIN).then(once(), fault)
    };
    let mut changed = broken(
        "resume: other bytes under the same address",
        Fault::ChangedBytes(Bytes::from(vec![b'x'; workers::bytes(NEW).len()])),
    );
    (changed.code, changed.says) = (5, "sha256");
    run_all(
        Part::Network,
        vec![
            broken("resume: 200 and everything instead of 206", Fault::IgnoreRange),
            broken("resume: 206 with another Content-Range", Fault::WrongContentRange { shift: 7 }),
            broken("resume: the ETag changed between the tries", Fault::ChangedEtag),
            broken("resume: the signed address has expired", Fault::ExpiredSignature),
            broken("resume: 416", Fault::status(416)),
            changed,
        ],
    );
}

#[test]
fn statuses_of_the_asset_host() {
    let limit = |retry_after| Fault::RateLimitSecondary { status: 429, retry_after };
    let seconds = |seconds| limit(RetryAfter::Seconds(seconds));
    let date = |seconds| limit(RetryAfter::Date(Duration::from_secs(seconds)));
    run_all(
        Part::Network,
        vec![
            Case::survived("download: 408, once", once(), Fault::status(408), AGAIN),
            Case::fails("download: 408, every time", always(), Fault::status(408), 6, "HTTP 408"),
            Case::survived("download: 500, once", once(), Fault::status(500), AGAIN),
            Case::fails("download: 500, every time", always(), Fault::status(500), 6, "HTTP 500"),
            Case::survived("download: 502, once", once(), Fault::status(502), AGAIN),
            Case::fails("download: 502, every time", always(), Fault::status(502), 6, "HTTP 502"),
            Case::survived("download: 503, twice", twice(), Fault::status(503), AND_AGAIN),
            Case::fails("download: 503, every time", always(), Fault::status(503), 6, "HTTP 503"),
            Case::survived("download: 504, once", once(), Fault::status(504), AGAIN),
            Case::fails("download: 504, every time", always(), Fault::status(504), 6, "HTTP 504"),
            Case::survived("download: 429 for a second", once(), seconds(1), AGAIN),
            Case::survived("download: 429 until a date a second away", once(), date(1), AGAIN),
            Case::fails("download: 429 for an hour", always(), seconds(3600), 6, "retry after 3600 s"),
            Case::fails("download: 429 until a date an hour away", always(), date(3600), 6, "retry after 3600 s"),
            Case::survived(
                "download: 403, the signed address is refused, once",
                once(),
                Fault::ExpiredSignature,
                AGAIN,
            ),
            Case::fails(
                "download: 403, the signed address is refused, every time",
                always(),
                Fault::ExpiredSignature,
                6,
                "HTTP 403",
            ),
            Case::fails("download: 404 although the release lists it", always(), Fault::status(404), 4, "HTTP 404"),
        ],
    );
}

#[test]
fn redirects_of_the_release_page() {
    let web = || Matcher::web().path("/releases/download/").always();
    let to = |target: &str| Fault::RedirectTo(target.to_owned());
    let nowhere = Fault::Status { code: 302, headers: Vec::new(), body: String::new() };
    run_all(
        Part::Network,
        vec![
            Case::fails("redirect: to itself", always(), Fault::RedirectToSelf, 6, "to itself"),
            Case::fails("redirect: in a loop", web(), Fault::RedirectLoop, 6, "more than 8 times"),
            Case::fails("redirect: to ftp", web(), Fault::RedirectToScheme("ftp".to_owned()), 6, "`ftp:`"),
            Case::fails("redirect: to a file", web(), to("file:///etc/passwd"), 6, "`file:`"),
            Case::fails("redirect: to nowhere", web(), nowhere, 6, "without a target"),
            Case::fails(
                "redirect: from loopback to plain http elsewhere",
                web(),
                to("http://elsewhere.test/reproq"),
                6,
                "to an unencrypted URL",
            ),
            Case::fails("redirect: to no address", web(), to("https://"), 6, "invalid URL"),
            Case::fails("captive portal: a page with 200 from the release page", web(), Fault::Html200, 6, "web page"),
        ],
    );
}

/// Only loopback is allowed without TLS, regardless of the redirect.
#[test]
fn loopback_leads_to_plain_http_on_loopback_alone() {
    let mut context = super::project();
    context.without_cache();
    let base = context.github.web_url();
    for (name, arguments) in [
        (
            "redirect: from a mirror on loopback to plain http elsewhere",
            ["--mirror".to_owned(), format!("{base}/mirror")],
        ),
        (
            "redirect: from `--from URL` on loopback to plain http elsewhere",
            ["--from".to_owned(), format!("{base}/worker.tar")],
        ),
    ] {
        context.github.fault(Matcher::web().always(), Fault::RedirectTo("http://elsewhere.test/x".to_owned()));
        let [flag, place] = &arguments;
        let command = context.command(&["install", "--tag", "v0.0.144", flag, place, "--no-build"]);
        under_fault(Part::Network, name, &context, command, 6, "to an unencrypted URL");
        context.github.clear_faults();
    }
    recovers(&context, super::INSTALL);
}

/// The signature of a redirect's target soon expires, so each try starts at the release's own URL and continues there.
#[test]
fn a_broken_body_is_continued_where_it_broke() {
    let context = super::project();
    context.github.fault(once(), Fault::CutBody { after: 300_000, with: Cut::Rst });
    recovers(&context, super::INSTALL);
    let requests = context.github.requests_to(&once());
    assert_eq!(requests.len(), 2);
    let range = requests[1].header("range").expect("a range");
    assert!(range.starts_with("bytes=") && range != "bytes=0-", "{range}");
    assert!(requests[1].header("if-range").is_some());
    assert_eq!(requests[1].status, Some(206));
    assert_eq!(context.github.requests_to(&Matcher::web()).len(), 2);
}
