//! Faults of GitHub's API: responses, rate limits, and proxies in its place.

use std::time::Duration;

use fake_github::Cut;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::RetryAfter;

use super::Case;
use super::FOR_EVER;
use super::INSTALL;
use super::project;
use super::recovers;
use super::run_all;
use super::under_fault;
use crate::support::fault_table::Part;

const AGAIN: &str = "retrying (2 of 4)";
const AND_AGAIN: &str = "retrying (3 of 4)";
const YEAR: i64 = 365 * 24 * 60 * 60;

fn once() -> Matcher {
    Matcher::api()
}

fn twice() -> Matcher {
    Matcher::api().times(2)
}

fn always() -> Matcher {
    Matcher::api().always()
}

#[test]
fn responses_that_break() {
    let cut = |with| Fault::CutBody { after: 100, with };
    let stall_headers = Fault::StallHeaders { hold: FOR_EVER };
    let stall_body = Fault::StallBody { after: 100, hold: FOR_EVER };
    let lost = |name, fault| Case::fails(name, always(), fault, 6, "was lost").without_build();
    let stalled = |name, fault| Case::fails(name, always(), fault, 6, "stopped responding").without_build().impatient();
    run_all(
        Part::Network,
        vec![
            Case::survived("API: reset before the headers, once", once(), Fault::ResetBeforeHeaders, AGAIN),
            Case::survived("API: reset before the headers, twice", twice(), Fault::ResetBeforeHeaders, AND_AGAIN),
            lost("API: reset before the headers, every time", Fault::ResetBeforeHeaders),
            Case::survived("API: reset in the headers, once", once(), Fault::ResetInHeaders, AGAIN),
            lost("API: reset in the headers, every time", Fault::ResetInHeaders),
            Case::survived("API: reset in the body, once", once(), cut(Cut::Rst), AGAIN),
            Case::survived("API: reset in the body, twice", twice(), cut(Cut::Rst), AND_AGAIN),
            lost("API: reset in the body, every time", cut(Cut::Rst)),
            Case::survived("API: answer ends in the middle, once", once(), cut(Cut::Fin), AGAIN),
            lost("API: answer ends in the middle, every time", cut(Cut::Fin)),
            lost("API: answer shorter than stated", Fault::ShortBody { missing: 10 }),
            Case::survived("API: headers stall, once", once(), stall_headers.clone(), AGAIN).impatient(),
            stalled("API: headers stall, every time", stall_headers),
            Case::survived("API: body stalls, once", once(), stall_body.clone(), AGAIN).impatient(),
            stalled("API: body stalls, every time", stall_body),
            stalled("API: trickles permanently", Fault::Trickle { bytes: 1, every: Duration::from_millis(300) }),
            Case::survived(
                "API: trickles, but comes to its end",
                once(),
                Fault::Trickle { bytes: 400, every: Duration::from_millis(100) },
                "Installed",
            )
            .impatient(),
            Case::survived("API: no length", once(), Fault::NoLength, "Installed"),
            Case::survived("API: in chunks", once(), Fault::Chunked, "Installed"),
        ],
    );
}

#[test]
fn responses_that_cannot_be_read() {
    let to = |target: &str| Fault::RedirectTo(target.to_owned());
    let fails = |name, fault, says| Case::fails(name, always(), fault, 6, says);
    run_all(
        Part::Network,
        vec![
            fails("API: answer cut in half", Fault::HalfJson, "cannot be read"),
            fails("API: answer of the wrong shape", Fault::WrongShapeJson, "cannot be read"),
            fails("API: gzip although it was not asked for", Fault::GzipAnyway, "cannot be read"),
            fails("captive portal: a page with 200 from the API", Fault::Html200, "cannot be read"),
            fails("captive portal: the API redirects to a login page", to("https://portal.example/login"), "redirects"),
            fails("redirect: the API to itself", Fault::RedirectToSelf, "redirects"),
            fails("redirect: the API in a loop", Fault::RedirectLoop, "redirects"),
            fails("redirect: the API to http", Fault::RedirectToHttp, "redirects"),
            fails("redirect: the API to ftp", Fault::RedirectToScheme("ftp".to_owned()), "redirects"),
        ],
    );
}

#[test]
fn statuses_of_the_api() {
    let busy = |seconds: &str| Fault::Status {
        code: 503,
        headers: vec![("Retry-After".to_owned(), seconds.to_owned())],
        body: String::new(),
    };
    let status = |name, code, says| Case::fails(name, always(), Fault::status(code), 6, says);
    run_all(
        Part::Network,
        vec![
            Case::survived("API: 408, once", once(), Fault::status(408), AGAIN),
            status("API: 408, every time", 408, "HTTP 408"),
            Case::survived("API: 500, once", once(), Fault::status(500), AGAIN),
            status("API: 500, every time", 500, "HTTP 500"),
            Case::survived("API: 502, twice", twice(), Fault::status(502), AND_AGAIN),
            status("API: 502, every time", 502, "HTTP 502"),
            Case::survived("API: 503, once", once(), Fault::status(503), AGAIN),
            status("API: 503, every time", 503, "HTTP 503"),
            Case::survived("API: 504, once", once(), Fault::status(504), AGAIN),
            status("API: 504, every time", 504, "HTTP 504"),
            Case::survived("API: 503 for a second", once(), busy("1"), AGAIN),
            Case::fails("API: 503 for an hour", always(), busy("3600"), 6, "retry after 3600 s"),
        ],
    );
}

#[test]
fn limits_of_the_api() {
    let limit = |status, retry_after| Fault::RateLimitSecondary { status, retry_after };
    let second = || RetryAfter::Seconds(1);
    let date = |seconds| RetryAfter::Date(Duration::from_secs(seconds));
    let primary = Fault::RateLimitPrimary { reset_in: Duration::from_secs(1800) };
    let fails = |name, fault, says| Case::fails(name, always(), fault, 6, says);
    run_all(
        Part::Network,
        vec![
            Case::survived("limit: 429 for a second", once(), limit(429, second()), AGAIN),
            Case::survived("limit: 429 until a date a second away", once(), limit(429, date(1)), AGAIN),
            Case::survived("limit: 403 for a second", once(), limit(403, second()), AGAIN),
            fails("limit: 429 for an hour", limit(429, RetryAfter::Seconds(3600)), "rate limit exceeded"),
            fails("limit: 429 until a date an hour away", limit(429, date(3600)), "rate limit exceeded"),
            fails("limit: 403, the hour's requests are used up", primary, "rate limit exceeded until"),
            fails("limit: 403, too much at once", limit(403, RetryAfter::None), "rate limit exceeded"),
        ],
    );
}

/// The dates of a limit are relative to the server's clock. Otherwise, if the local clock were off by a year, the program would
/// wait for a year, or not at all.
#[test]
fn clocks_that_differ() {
    for (name, ahead) in [("clock: a year behind the server's", YEAR), ("clock: a year ahead of the server's", -YEAR)] {
        let context = project();
        context.github.clock_ahead(ahead);
        let limit = Fault::RateLimitSecondary { status: 429, retry_after: RetryAfter::Date(Duration::from_secs(2)) };
        context.github.fault(once(), limit.clone());
        context.github.fault(Matcher::objects(), limit);
        let began = std::time::Instant::now();
        under_fault(Part::Network, name, &context, context.command(INSTALL), 0, AGAIN);
        // Dates have whole seconds, so a wait of two may be as short as one.
        assert!(began.elapsed() >= Duration::from_secs(2), "both waits were kept");
        assert_eq!(context.github.requests_to(&once()).len(), 3, "the release twice, and its proofs");
        assert_eq!(context.github.requests_to(&Matcher::objects()).len(), 2);
        recovers(&context, INSTALL);
    }
}

#[test]
fn a_bad_token_on_a_public_repository() {
    let mut context = project();
    context.set("GH_TOKEN", "ghp_nobody_knows_it");
    let says = "GitHub refused the token from GH_TOKEN; continuing without it";
    let output = under_fault(Part::Network, "API: 401 for a bad token", &context, context.command(INSTALL), 0, says);
    assert!(!output.stderr.contains("ghp_nobody_knows_it"), "{output:#?}");
    recovers(&context, INSTALL);
}
