//! Who may read.

use super::Served;
use crate::queue::rows::database;
use crate::queue::rows::project;

const TOKEN: &str = "Token-Secret-7";

#[test]
fn other_machines_are_not_served_without_a_token() {
    let context = project("postgres://u@127.0.0.1:1/d");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:9180"] {
        let output = context.run(&["serve", "--listen", address]);
        assert_eq!(output.code, 2, "{output:#?}");
        assert!(output.stderr.contains("no token is set") && output.stderr.contains("hint: set METRICS_AUTH_TOKEN"));
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = context.run(&["serve", "--listen", &address]);
    assert_eq!(output.code, 8, "{output:#?}");
    assert!(output.stderr.contains("another program listens there"), "{output:#?}");
    for wrong in [&["--listen", "example.org:80"][..], &["--public-url", "ftp://x"], &["--interval", "x"]] {
        assert_eq!(context.run(&[&["serve"], wrong].concat()).code, 2, "{wrong:?}");
    }
}

#[test]
fn with_a_token_every_page_but_one_needs_it() {
    let Some(database) = database("d") else { return };
    let mut context = project(&database.url());
    context.set("METRICS_AUTH_TOKEN", TOKEN);
    let served = Served::start(&context, &["--listen", "0.0.0.0:0", "-v"]);
    assert_eq!(served.document["needs_token"], true);
    let bearer = format!("Bearer {TOKEN}");
    for path in ["/metrics", "/readyz", "/reproq/stats/", "/events", "/reproq/observation/", "/nothing"] {
        let page = served.request("GET", path, &[]);
        assert_eq!((page.status, page.headers["www-authenticate"].as_str()), (401, "Bearer"), "{path}");
        assert!(!page.body.contains("shop."), "{page:#?}");
    }
    assert_eq!(served.get("/healthz").status, 200);
    assert_eq!(served.get("/reproq/tui/config/").status, 200);
    for headers in [("authorization", bearer.as_str()), ("x-reproq-token", TOKEN)] {
        // The name of the server does not matter: another page has no token.
        assert_eq!(served.request("GET", "/metrics", &[headers, ("host", "any.example")]).status, 200);
    }
    // A name that was not allowed is in no link.
    let config = served.request("GET", "/reproq/tui/config/", &[("host", "evil.example")]);
    assert!(!config.body.contains("evil.example"), "{config:#?}");
    for _ in 0..30 {
        assert_eq!(served.request("GET", "/metrics", &[("x-reproq-token", "wrong")]).status, 401);
    }
    let refused = served.request("GET", "/metrics", &[("x-reproq-token", TOKEN)]);
    assert_eq!(refused.status, 429, "{refused:#?}");
    assert!(refused.headers["retry-after"].parse::<u32>().is_ok_and(|seconds| seconds <= 60), "{refused:#?}");
    let lines = served.lines().join("\n");
    assert!(!lines.contains(TOKEN) && lines.contains("clients need the token"), "{lines}");
    assert_eq!(served.stop("TERM").code, 0);
}

/// A web page elsewhere whose name leads to this machine sends that name.
#[test]
fn without_a_token_only_names_of_this_machine_are_served() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let served = Served::ready(
        &context,
        &["--allowed-host", "queue.example.org", "--public-url", "https://queue.example.org/ops/"],
    );
    for (host, status) in [
        ("localhost", 200),
        ("127.0.0.1:1", 200),
        ("queue.example.org", 200),
        ("QUEUE.example.org:443", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("", 421),
    ] {
        assert_eq!(served.request("GET", "/metrics", &[("host", host)]).status, status, "{host}");
    }
    assert_eq!(served.request("GET", "/healthz", &[("host", "evil.example")]).status, 200);
    let config = served.get("/reproq/tui/config/").json();
    assert_eq!(config["events_url"], "https://queue.example.org/ops/reproq/tui/events/");
}
