//! GraphQL: responses contain exactly the requested fields, and refs are updated atomically.

use fake_github::BudgetSpec;
use fake_github::FakeGitHub;
use fake_github::Matcher;
use fake_github::ReleaseSpec;
use fake_github::RulesetSpec;
use fake_github::TagSpec;
use fake_github::TokenKind;
use serde_json::Value;
use serde_json::json;

use crate::REPO;
use crate::client::ask;
use crate::client::graphql;
use crate::client::send;
use crate::three_releases;

const ZEROS: &str = "0000000000000000000000000000000000000000";

const INVENTORY: &str = r#"
query($owner: String!, $name: String!, $r: String, $t: String, $moreReleases: Boolean = true, $moreRefs: Boolean = true) {
  repository(owner: $owner, name: $name) {
    id databaseId nameWithOwner isArchived viewerPermission
    latestRelease { databaseId tagName }
    releases(first: 2, after: $r, orderBy: {field: CREATED_AT, direction: DESC}) @include(if: $moreReleases) {
      totalCount pageInfo { hasNextPage endCursor }
      nodes { ...one }
    }
    refs(refPrefix: "refs/tags/", first: 100, after: $t) @include(if: $moreRefs) {
      totalCount pageInfo { hasNextPage endCursor }
      nodes { name target { __typename oid ... on Tag { tagger { date } target { oid } } ... on Commit { committedDate } } }
    }
  }
  rateLimit { cost remaining resetAt }
}
fragment one on Release {
  databaseId id tagName name isDraft isPrerelease isLatest immutable createdAt publishedAt updatedAt
  tag { name target { oid __typename } }
  releaseAssets(first: 1) { totalCount files: nodes { name size digest downloadCount } }
}"#;

fn names() -> Value {
    json!({ "owner": "adpena", "name": "reproq-worker" })
}

fn update(github: &FakeGitHub, updates: &Value) -> Value {
    let id = send("GET", &crate::rest(github, ""), "").json()["node_id"].clone();
    let mutation = "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }";
    let input = json!({ "repositoryId": id, "clientMutationId": "m1", "refUpdates": updates });
    graphql(&github.api_url(), mutation, &json!({ "input": input }))
}

#[test]
fn one_query_lists_releases_and_tags_page_by_page() {
    let github = three_releases();
    github.repo(REPO).add_tag(TagSpec::new("nightly").annotated("2024-06-01T00:00:00Z"));
    let first = graphql(&github.api_url(), INVENTORY, &names());
    let repo = &first["data"]["repository"];
    assert_eq!(first.get("errors"), None, "{first}");
    assert_eq!((&repo["nameWithOwner"], &repo["viewerPermission"]), (&json!(REPO), &json!("WRITE")));
    assert_eq!(repo["latestRelease"]["tagName"], "v1.2.0");
    assert_eq!((&repo["releases"]["totalCount"], &repo["refs"]["totalCount"]), (&json!(3), &json!(4)));
    let newest = &repo["releases"]["nodes"][0];
    assert_eq!(
        (&newest["tagName"], &newest["isLatest"], &newest["immutable"]),
        (&"v1.2.0".into(), &true.into(), &false.into())
    );
    assert_eq!(newest["releaseAssets"]["files"][0]["size"], 13);
    assert_eq!(newest["tag"]["target"]["__typename"], "Commit");
    let nightly = &repo["refs"]["nodes"][0];
    assert_eq!((&nightly["name"], &nightly["target"]["__typename"]), (&json!("nightly"), &json!("Tag")));
    assert_eq!(nightly["target"]["tagger"]["date"], "2024-06-01T00:00:00Z");
    assert_eq!(nightly["target"].get("committedDate"), None);
    assert_eq!(repo["releases"]["pageInfo"]["hasNextPage"], true);
    let mut variables = names();
    variables["r"] = repo["releases"]["pageInfo"]["endCursor"].clone();
    variables["moreRefs"] = json!(false);
    let second = graphql(&github.api_url(), INVENTORY, &variables);
    let repo = &second["data"]["repository"];
    assert_eq!(repo["releases"]["nodes"].as_array().map(Vec::len), Some(1));
    assert_eq!(repo["releases"]["nodes"][0]["tagName"], "v1.0.0");
    assert_eq!((&repo["releases"]["pageInfo"]["hasNextPage"], repo.get("refs")), (&json!(false), None));
}

#[test]
fn a_document_is_checked_before_any_of_it_runs() {
    let github = three_releases();
    let api = github.api_url();
    let message = |query: &str| graphql(&api, query, &json!({}))["errors"][0]["message"].as_str().map(str::to_owned);
    for (query, expected) in [
        ("{ repository(owner: \"a\", name: \"b\") { stars } }", "Field 'stars' doesn't exist on type 'Repository'"),
        ("{ repository(owner: \"a\") { id } }", "Argument 'name' on Field 'repository'"),
        ("{ repository(owner: \"a\", name: \"b\", age: 3) { id } }", "doesn't accept argument 'age'"),
        ("{ repository(owner: \"a\", name: \"b\") }", "Field must have selections"),
        ("{ viewer { login { x } } }", "Selections can't be made on scalars"),
        ("{ viewer { ...gone } }", "Fragment gone was used, but not defined"),
        ("{ viewer {", "Parse error"),
        ("query($n: String!) { repository(owner: \"a\", name: $n) { id } }", "Variable $n of type String!"),
        ("{ repository(owner: \"a\", name: $n) { id } }", "uses $n, not declared"),
    ] {
        let found = message(query).expect("the query is refused");
        assert!(found.contains(expected), "{query}: {found}");
    }
    github.hide_field("Release", "immutable");
    let old = graphql(&api, INVENTORY, &names());
    assert_eq!(old["errors"][0]["extensions"]["code"], "undefinedField");
    assert_eq!(old["errors"][0]["extensions"]["fieldName"], "immutable");
    assert_eq!(old.get("data"), None);
}

#[test]
fn pages_have_bounds_and_unknown_repositories_are_said_to_be_so() {
    let github = three_releases();
    let kind = |query: &str| graphql(&github.api_url(), query, &json!({}))["errors"][0]["type"].clone();
    let of = |field: &str| format!("{{ repository(owner: \"adpena\", name: \"reproq-worker\") {{ {field} }} }}");
    assert_eq!(kind(&of("releases { totalCount }")), "MISSING_PAGINATION_BOUNDARIES");
    assert_eq!(kind(&of("releases(first: 101) { totalCount }")), "EXCESSIVE_PAGINATION");
    let unknown = graphql(&github.api_url(), "{ repository(owner: \"a\", name: \"b\") { id } }", &json!({}));
    assert_eq!((&unknown["errors"][0]["type"], &unknown["data"]["repository"]), (&json!("NOT_FOUND"), &Value::Null));
    assert_eq!(unknown["errors"][0]["path"], json!(["repository"]));
    github.token("stranger", TokenKind::NoAccess);
    github.repo(REPO).private();
    let body = json!({ "query": of("id") }).to_string();
    let url = format!("{}/graphql", github.api_url());
    let hidden = ask("POST", &url, &[("Authorization", "bearer stranger")], &body).expect("an answer").json();
    assert_eq!((&hidden["errors"][0]["type"], &hidden["data"]["repository"]), (&json!("NOT_FOUND"), &Value::Null));
}

#[test]
fn many_tags_are_deleted_atomically() {
    let github = three_releases();
    let tags = github.snapshot(REPO).tags;
    for release in github.snapshot(REPO).releases {
        github.repo(REPO).delete_release(release.id);
    }
    let gone =
        |tag: &str, oid: &str| json!({ "name": format!("refs/tags/{tag}"), "beforeOid": oid, "afterOid": ZEROS });
    let moved = update(&github, &json!([gone("v1.0.0", &tags["v1.0.0"]), gone("v1.1.0", &"1".repeat(40))]));
    assert_eq!((&moved["errors"][0]["path"], &moved["data"]["updateRefs"]), (&json!(["updateRefs"]), &Value::Null));
    assert!(moved["errors"][0]["message"].as_str().is_some_and(|text| text.contains("refs/tags/v1.1.0")));
    assert_eq!(github.snapshot(REPO).tags, tags);
    let twice = update(&github, &json!([gone("v1.0.0", &tags["v1.0.0"]), gone("v1.0.0", &tags["v1.0.0"])]));
    assert!(twice.get("errors").is_some() && github.snapshot(REPO).tags == tags);
    let done = update(&github, &json!([gone("v1.0.0", &tags["v1.0.0"]), gone("v1.1.0", &tags["v1.1.0"])]));
    assert_eq!((done.get("errors"), &done["data"]["updateRefs"]["clientMutationId"]), (None, &json!("m1")));
    assert_eq!(github.snapshot(REPO).tag_names(), ["v1.2.0"]);
    let back = json!([{ "name": "refs/tags/v1.0.0", "beforeOid": ZEROS, "afterOid": tags["v1.0.0"] }]);
    assert_eq!(update(&github, &back).get("errors"), None);
    assert!(update(&github, &back).get("errors").is_some());
    assert_eq!(github.snapshot(REPO).tags["v1.0.0"], tags["v1.0.0"]);
    assert_eq!(github.mutations(), 2);
}

#[test]
fn rules_permissions_and_immutable_releases_hold_for_graphql_too() {
    let github = three_releases();
    let repo = github.repo(REPO);
    repo.ruleset(RulesetSpec::forbids_deletion("keep", "v1.0.*"));
    repo.add(ReleaseSpec::new("v1.3.0").immutable());
    let before = repo.snapshot();
    for (tag, words) in [("v1.0.0", "rule violations"), ("v1.3.0", "immutable"), ("v9", "does not exist")] {
        let answer = update(&github, &json!([{ "name": format!("refs/tags/{tag}"), "afterOid": ZEROS }]));
        let message = answer["errors"][0]["message"].as_str().expect("an error").to_owned();
        assert!(message.contains(words), "{message}");
    }
    let mutation =
        json!({ "query": "mutation { deleteRef(input: {refId: \"REF_kw1001_v1.1.0\"}) { clientMutationId } }" });
    let reader = [("Authorization", "Bearer reader")];
    let url = format!("{}/graphql", github.api_url());
    let refused = ask("POST", &url, &reader, &mutation.to_string()).expect("an answer").json();
    assert_eq!(refused["errors"][0]["type"], "FORBIDDEN");
    assert_eq!(repo.snapshot(), before);
    assert_eq!(send("POST", &url, &mutation.to_string()).json().get("errors"), None);
    assert!(!repo.snapshot().tags.contains_key("v1.1.0"));
    assert_eq!(github.requests_to(&Matcher::graphql().body("deleteRef")).len(), 2);
}

#[test]
fn nodes_are_found_by_id_and_without_graphql_there_is_nothing() {
    let github = three_releases();
    let api = github.api_url();
    let id = format!("RE_kw{}", github.snapshot(REPO).releases[0].id);
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id __typename ... on Release { tagName } } }";
    let found = graphql(&api, query, &json!({ "ids": [id, "RE_kw0"] }));
    assert_eq!(found["data"]["nodes"], json!([{ "id": id, "__typename": "Release", "tagName": "v1.0.0" }, null]));
    assert_eq!(ask("POST", &format!("{api}/graphql"), &[], "{}").expect("an answer").status, 401);
    github.graphql_budget(BudgetSpec::remaining(0));
    assert_eq!(graphql(&api, "{ viewer { login } }", &json!({}))["errors"][0]["type"], "RATE_LIMITED");
    github.graphql(false);
    github.graphql_budget(BudgetSpec::remaining(9));
    assert_eq!(send("POST", &format!("{api}/graphql"), "{\"query\":\"{viewer{login}}\"}").status, 404);
}

#[test]
fn drafts_and_lag_are_in_the_query_as_in_the_lists() {
    let github = three_releases();
    github.token("reader", TokenKind::Read);
    let repo = github.repo(REPO);
    repo.add(ReleaseSpec::new("v2.0.0").draft());
    let total = |token: &str| {
        let query = "{ repository(owner: \"adpena\", name: \"reproq-worker\") { releases(first: 9) { totalCount } } }";
        let header = format!("bearer {token}");
        let body = json!({ "query": query }).to_string();
        let url = format!("{}/graphql", github.api_url());
        let answer = ask("POST", &url, &[("Authorization", &header)], &body).expect("an answer").json();
        answer["data"]["repository"]["releases"]["totalCount"].clone()
    };
    assert_eq!((total("writer"), total("reader")), (json!(4), json!(3)));
    repo.lag(1);
    repo.delete_release(repo.snapshot().releases[0].id);
    assert_eq!((total("reader"), total("reader")), (json!(3), json!(2)));
}
