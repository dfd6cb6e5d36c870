//! A server that sends endless responses to release commands, or commands for GitHub's log viewer.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use fake_github::Fault;
use fake_github::Matcher;
use serde_json::json;

use crate::support::Output;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::releases::mutations;
use crate::support::releases::pruning;
use crate::support::releases::repo;
use crate::support::releases::version;
use crate::support::releases::with_versions;

/// A page of tags that always has a next page; `padding` makes it large.
fn page(cursor: &str, number: usize, padding: usize) -> String {
    let node = |index: usize| {
        let name = format!("t{number}-{index}{}", "x".repeat(padding));
        json!({ "name": name, "target": { "oid": "a".repeat(40), "__typename": "Commit" } })
    };
    let done = json!({ "totalCount": 0, "pageInfo": { "hasNextPage": false, "endCursor": null }, "nodes": [] });
    json!({ "data": { "repository": {
        "id": "R_1", "databaseId": 7, "nameWithOwner": "acme/tool", "isArchived": false, "viewerPermission": "ADMIN",
        "latestRelease": null, "releases": done,
        "refs": {
            "totalCount": 9_000_000, "pageInfo": { "hasNextPage": true, "endCursor": cursor },
            "nodes": (0..100).map(node).collect::<Vec<_>>(),
        },
    } } })
    .to_string()
}

/// A server with endless pages; returns its URL and the number of sent pages.
fn endless(padding: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut asked = Vec::new();
            let mut buffer = [0; 8192];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                asked.extend_from_slice(&buffer[..length]);
                let text = String::from_utf8_lossy(&asked).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head
                    .lines()
                    .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() < length.unwrap_or(0) {
                    continue;
                }
                asked.clear();
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let body = page(&format!("cursor-{number}"), number, padding);
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
                // In one write, because the client does not wait for more.
                let answer = format!("{head}{}\r\n\r\n{body}", body.len());
                if stream.write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (url, sent)
}

#[test]
fn endless_pages_are_aborted() {
    for (name, padding, most) in [("small", 0, 1000), ("large", 60_000, 12)] {
        let (url, sent) = endless(padding);
        let mut context = pruning();
        context.set("GITHUB_API_URL", url);
        let output = context.run(&["release", "list"]);
        assert_eq!(output.code, 6, "{output:#?}");
        assert!(output.stderr.contains("the list does not end"), "{output:#?}");
        assert!(sent.load(Ordering::SeqCst) <= most, "{}", sent.load(Ordering::SeqCst));
        record(Part::Hostile, &format!("GraphQL: {name} pages without end"), &context, &output, "nothing was deleted");
    }
}

#[test]
fn a_page_that_links_to_itself_is_aborted() {
    let context = with_versions(5);
    let body = page("again", 1, 0);
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    context.github.fault(Matcher::graphql().always(), Fault::Status { code: 200, headers, body });
    let output = context.run(&["release", "prune", "--keep", "3"]);
    assert_eq!(output.code, 6, "{output:#?}");
    assert!(context.github.requests().len() <= 3, "{}", context.github.requests().len());
    assert_eq!(mutations(&context), Vec::<String>::new());
    record(Part::Hostile, "GraphQL: a page leads to itself", &context, &output, "nothing was deleted");
}

/// No line of either stream is a runner command.
fn is_only_text(name: &str, output: &Output) {
    for stream in [&output.stdout, &output.stderr] {
        assert!(!stream.contains("##["), "{name}: {stream}");
        let command = stream.lines().find(|line| line.trim_start().starts_with("::"));
        assert_eq!(command, None, "{name}");
    }
}

#[test]
fn server_strings_are_not_commands_for_the_log_viewer() {
    let hostile = "::stop-commands::x\n##[error]pwned\n::add-mask::y";
    let mut context = with_versions(4);
    repo(&context).add(version(5).file("::error::asset", b"x".to_vec()).file("##[group]asset", b"y".to_vec()));
    context.set("GITHUB_ACTIONS", "true");
    let body = json!({ "message": hostile }).to_string();
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    for arguments in [
        &["release", "check"][..],
        &["release", "check", "--json"],
        &["release", "list", "-v"],
        &["release", "prune", "--keep", "3", "--dry-run", "-v"],
        &["release", "list", "::error::x"],
        &["release", "list", "--repo", "##[error]x"],
        &["release", "list", "--repo", "##[error]x", "--json"],
    ] {
        let output = context.run(arguments);
        is_only_text(&format!("{arguments:?}"), &output);
        if arguments.contains(&"--json") {
            serde_json::from_str::<serde_json::Value>(&output.stdout).expect("one document");
        }
    }
    let refused = Fault::Status { code: 403, headers, body };
    context.github.fault(Matcher::api().method("DELETE").always(), refused);
    for arguments in [&["release", "prune", "--keep", "3"][..], &["release", "prune", "--keep", "3", "--json"]] {
        let output = context.run(arguments);
        assert_eq!(output.code, 9, "{output:#?}");
        is_only_text(&format!("{arguments:?}"), &output);
    }
    let output = context.run(&["release", "prune", "--keep", "3"]);
    record(
        Part::Hostile,
        "log viewer: `##[` and `::` in a server's text, on Actions",
        &context,
        &output,
        "nothing was deleted",
    );
}
