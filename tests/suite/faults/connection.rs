//! Failed connections, and endless responses, which must not use unlimited memory.

use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;

use super::INSTALL;
use super::NO_BUILD;
use super::files;
use super::judge;
use super::project;
use super::recovers;
use super::under_fault;
use crate::support::Context;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::memory;
use crate::support::releases::with_versions;

#[test]
fn names_that_do_not_resolve() {
    let mut context = project();
    let api = context.github.api_url();
    context.set("REPROQ_GITHUB_API_URL", "https://name.invalid");
    let command = context.command(NO_BUILD);
    under_fault(Part::Network, "connection: no such name", &context, command, 6, "could not resolve");
    context.set("REPROQ_GITHUB_API_URL", api);
    recovers(&context, NO_BUILD);
}

#[test]
fn ports_without_a_listener() {
    let mut context = project();
    let api = context.github.api_url();
    context.set("REPROQ_GITHUB_API_URL", "http://127.0.0.1:1");
    let command = context.command(NO_BUILD);
    under_fault(Part::Network, "connection: refused", &context, command, 6, "refused the connection");
    context.set("REPROQ_GITHUB_API_URL", api);
    recovers(&context, NO_BUILD);
}

/// A response that uses more memory the longer it gets would allow a denial of service.
#[test]
fn endless_responses_use_bounded_memory() {
    let list = |item: &str| format!("[{}0]", item.repeat(8_000_000 / item.len()));
    let asset = r#"{"id":1,"name":"a","size":1,"state":"u"},"#;
    let assets = |count: usize| {
        let last = asset.trim_end_matches(',');
        format!(r#"{{"id":1,"tag_name":"v1","assets":[{}{last}]}}"#, asset.repeat(count))
    };
    let answer = |code, body| Fault::Status { code, headers: Vec::new(), body };
    let api = || Matcher::api().always();
    let objects = || Matcher::objects().always();
    for (name, matcher, fault, code, says) in [
        ("hostile: endless JSON from the API", api(), Fault::EndlessJson, 6, "longer than"),
        ("hostile: huge headers from the API", api(), Fault::HugeHeaders { bytes: 64 << 20 }, 6, "headers"),
        ("hostile: 8 MB of JSON in an error of the API", api(), answer(400, list("0,")), 6, "HTTP 400"),
        ("hostile: 8 MB of JSON in a refusal of the API", api(), answer(403, list("[],")), 9, "does not permit"),
        ("hostile: 200,000 assets in a release", api(), answer(200, assets(195_000)), 6, "cannot be read"),
        ("hostile: lists in lists without end", api(), answer(200, "[".repeat(8_000_000)), 6, "cannot be read"),
        ("hostile: an endless body from the asset host", objects(), Fault::EndlessJson, 5, "the release lists"),
        ("hostile: huge headers from the asset host", objects(), Fault::HugeHeaders { bytes: 64 << 20 }, 6, "headers"),
    ] {
        let context = project();
        context.github.fault(matcher.clone(), answer(404, String::new()));
        let (_, usual) = memory::peak_kib(context.command(INSTALL));
        context.github.clear_faults();
        context.github.fault(matcher, fault);
        let before = files(&context.project());
        let output = memory::within_the_limit_of_a_response(context.command(INSTALL), usual);
        judge(Part::Network, name, &context, &output, &before, code, says);
        context.github.clear_faults();
        recovers(&context, INSTALL);
    }
}

#[test]
fn an_endless_checksum_file_is_not_read_to_its_end() {
    let context = Context::new();
    let worker = crate::support::workers::bytes(super::NEW);
    let name = crate::support::context::asset_name();
    context.repo().add(ReleaseSpec::new("v0.0.144").file(&name, worker).file("SHA256SUMS", "x"));
    context.github.fault(Matcher::objects().path("SHA256SUMS").always(), Fault::EndlessJson);
    let output = memory::within_the_limit(context.command(&["install"]));
    assert_eq!(output.code, 5, "{output:#?}");
    assert!(output.stderr.contains("longer than"), "{output:#?}");
    assert!(!context.binary().exists() && context.staged().is_empty());
    record(Part::Network, "hostile: an endless checksum file", &context, &output, "no binary, nothing in staging");
}

/// A repository's lists are read page by page, up to the length that GitHub allows.
#[test]
fn endless_lists_use_bounded_memory() {
    let entries = |entry: &str| format!("[{}{entry}]", format!("{entry},").repeat(8_000_000 / (entry.len() + 1)));
    let asset = r#"{"name":"a","size":1,"state":"u"}"#;
    let release = r#"{"id":1,"tag_name":"v1","assets":[]}"#;
    let node = r#"{"name":"a","target":null}"#;
    let nodes = format!(
        r#"{{"data":{{"repository":{{"refs":{{"totalCount":1,"pageInfo":{{"hasNextPage":false}},"nodes":{}}}}}}}}}"#,
        entries(node)
    );
    let answer = |body| Fault::Status { code: 200, headers: Vec::new(), body };
    let rest = || Matcher::api().path("/releases").always();
    for (name, matcher, fault) in [
        ("hostile: endless JSON from GraphQL", Matcher::graphql().always(), Fault::EndlessJson),
        (
            "hostile: 8 MB of errors from GraphQL",
            Matcher::graphql().always(),
            answer(format!(r#"{{"errors":{}}}"#, entries("{}"))),
        ),
        (
            "hostile: 8 MB of data from GraphQL",
            Matcher::graphql().always(),
            answer(format!(r#"{{"data":{}}}"#, entries("0"))),
        ),
        ("hostile: 300,000 tags from GraphQL", Matcher::graphql().always(), answer(nodes)),
        ("hostile: 200,000 releases in a page", rest(), answer(entries(release))),
        (
            "hostile: 200,000 assets in a release of a page",
            rest(),
            answer(format!(r#"[{{"id":1,"tag_name":"v1","assets":{}}}]"#, entries(asset))),
        ),
    ] {
        let context = with_versions(2);
        context.github.graphql(name.contains("GraphQL"));
        context.github.fault(matcher, fault);
        let output = memory::within_the_limit(context.command(&["release", "list"]));
        assert_eq!(output.code, 6, "{name}: {output:#?}");
        assert!(output.stderr.contains("cannot be read") && output.stderr.contains("hint: "), "{name}: {output:#?}");
        record(Part::Network, name, &context, &output, "nothing is written");
        context.github.clear_faults();
        context.succeed(&["release", "list"]);
    }
}
