//! Compares the fake's JSON with GitHub's own descriptions, if those files are available.
//!
//! `REPROQ_GITHUB_OPENAPI` names `api.github.com.json` (npm: `@octokit/openapi`, in `generated/`), and
//! `REPROQ_GITHUB_GRAPHQL` names `schema.graphql` (npm: `@octokit/graphql-schema`). Without them nothing is checked.

#[path = "suite/client.rs"]
#[allow(dead_code, reason = "the other suite uses the rest of the client")]
mod client;
#[path = "openapi/schema.rs"]
mod schema;
#[path = "../../../tests/suite/support/skip.rs"]
mod skip;

use std::collections::BTreeMap;

use fake_github::AssetSpec;
use fake_github::BudgetSpec;
use fake_github::BundleDelivery;
use fake_github::Digest;
use fake_github::FakeGitHub;
use fake_github::ReleaseSpec;
use fake_github::RulesetSpec;
use fake_github::TagSpec;
use fake_github::TokenKind;
use graphql_parser::schema::Definition;
use graphql_parser::schema::Document;
use graphql_parser::schema::Field;
use graphql_parser::schema::InputValue;
use graphql_parser::schema::TypeDefinition;
use serde_json::Value;

use crate::client::Answer;
use crate::client::ask;
use crate::schema::Description;

const REPO: &str = "adpena/reproq-worker";

/// Fields of GitHub's documentation that are newer than the published schema file.
const YOUNGER: &[&str] = &["Release.immutable", "ReleaseAsset.digest"];

fn file_named_by(variable: &str) -> Option<String> {
    let Some(path) = std::env::var_os(variable) else {
        skip::record(
            "the shapes that GitHub publishes",
            &format!("name its description in {variable} (CONTRIBUTING.md)"),
        );
        return None;
    };
    Some(std::fs::read_to_string(&path).expect("the variable names a file that can be read"))
}

struct Checker {
    github: FakeGitHub,
    description: Description,
    problems: Vec<String>,
}

impl Checker {
    fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/octet-stream")];
        let headers = if token.is_empty() { &[][..] } else { &headers[..] };
        ask(method, &format!("{}{path}", self.github.api_url()), headers, body).expect("the fake answers")
    }

    /// Sends a request and compares its response with the description of the route and status.
    fn check(&mut self, method: &str, path: &str, route: &str, status: u16) -> Value {
        self.check_with(method, path, route, status, "writer", "")
    }

    fn check_with(&mut self, method: &str, path: &str, route: &str, status: u16, token: &str, body: &str) -> Value {
        let answer = self.ask(method, path, token, body);
        let name = format!("{method} {path}");
        if answer.status != status {
            self.problems.push(format!("{name}: {} instead of {status}", answer.status));
        }
        if answer.body.is_empty() {
            return Value::Null;
        }
        let value = answer.json();
        let schema = self.description.response(route, &method.to_ascii_lowercase(), status);
        let is_error = schema.is_none() || status >= 400;
        let schema = schema.unwrap_or_else(|| self.description.named("basic-error"));
        self.problems.extend(self.description.problems(&value, &schema, &name));
        if is_error && !value["message"].is_string() {
            self.problems.push(format!("{name}: an error without a message"));
        }
        value
    }
}

fn repo(tail: &str) -> String {
    format!("/repos/{REPO}{tail}")
}

fn route(tail: &str) -> String {
    format!("/repos/{{owner}}/{{repo}}{tail}")
}

fn stage() -> FakeGitHub {
    let github = FakeGitHub::start();
    github.token("writer", TokenKind::Write);
    github.token("reader", TokenKind::Read);
    let handle = github.repo(REPO);
    handle.add(ReleaseSpec::new("v1.0.0").annotated("2024-05-01T00:00:00Z").immutable().file("f", b"x".to_vec()));
    handle.add(ReleaseSpec::new("v1.1.0").asset(AssetSpec::new("a", b"x".to_vec()).open().digest(Digest::Absent)));
    handle.add(ReleaseSpec::new("v2.0.0").draft());
    handle.add_tag(TagSpec::new("nightly"));
    handle.ruleset(RulesetSpec::forbids_deletion("keep", "v1*"));
    let material = serde_json::json!({ "certificate": {} });
    let envelope = serde_json::json!({ "payload": "", "signatures": [] });
    let bundle = serde_json::json!({ "mediaType": "x", "verificationMaterial": material, "dsseEnvelope": envelope });
    handle.attest("00ff", bundle);
    github
}

#[test]
fn rest_answers_have_githubs_shapes() {
    let Some(text) = file_named_by("REPROQ_GITHUB_OPENAPI") else { return };
    let mut checker = Checker { github: stage(), description: Description::read(&text), problems: Vec::new() };
    reads(&mut checker);
    changes(&mut checker);
    refusals(&mut checker);
    assert!(checker.problems.is_empty(), "{:#?}", checker.problems);
}

fn reads(checker: &mut Checker) {
    checker.check("GET", &repo(""), &route(""), 200);
    let releases = checker.check("GET", &repo("/releases"), &route("/releases"), 200);
    assert_eq!(releases.as_array().map(Vec::len), Some(3), "the draft is in the list");
    let latest = checker.check("GET", &repo("/releases/latest"), &route("/releases/latest"), 200);
    checker.check("GET", &repo("/releases/tags/v1.0.0"), &route("/releases/tags/{tag}"), 200);
    let id = &latest["id"];
    checker.check("GET", &repo(&format!("/releases/{id}")), &route("/releases/{release_id}"), 200);
    checker.check("GET", &repo(&format!("/releases/{id}/assets")), &route("/releases/{release_id}/assets"), 200);
    let asset = repo(&format!("/releases/assets/{}", latest["assets"][0]["id"]));
    checker.check("GET", &asset, &route("/releases/assets/{asset_id}"), 200);
    checker.check("GET", &repo("/tags"), &route("/tags"), 200);
    checker.check("GET", &repo("/git/matching-refs/tags/"), &route("/git/matching-refs/{ref}"), 200);
    checker.check("GET", &repo("/git/ref/tags/v1.0.0"), &route("/git/ref/{ref}"), 200);
    let oid = checker.github.snapshot(REPO).tags["v1.0.0"].clone();
    let tag = checker.check("GET", &repo(&format!("/git/tags/{oid}")), &route("/git/tags/{tag_sha}"), 200);
    assert_eq!(tag["tagger"]["date"], "2024-05-01T00:00:00Z");
    let commit = repo(&format!("/git/commits/{}", tag["object"]["sha"].as_str().expect("a tag has a target")));
    checker.check("GET", &commit, &route("/git/commits/{commit_sha}"), 200);
    checker.check("GET", &repo(&format!("/git/commits/{oid}")), &route("/git/commits/{commit_sha}"), 404);
    let rulesets = checker.check("GET", &repo("/rulesets?targets=tag"), &route("/rulesets"), 200);
    let ruleset = repo(&format!("/rulesets/{}", rulesets[0]["id"]));
    checker.check("GET", &ruleset, &route("/rulesets/{ruleset_id}"), 200);
    attestations(checker);
    checker.check("GET", "/rate_limit", "/rate_limit", 200);
}

fn attestations(checker: &mut Checker) {
    let (path, route) = (repo("/attestations/sha256:00ff"), route("/attestations/{subject_digest}"));
    for delivery in [BundleDelivery::Inline, BundleDelivery::Address] {
        checker.github.bundle_delivery(delivery);
        let found = checker.check("GET", &path, &route, 200);
        assert_eq!(found["attestations"].as_array().map(Vec::len), Some(1), "{delivery:?}");
    }
}

fn changes(checker: &mut Checker) {
    let oid = checker.github.snapshot(REPO).tags["nightly"].clone();
    let made = serde_json::json!({ "ref": "refs/tags/again", "sha": oid }).to_string();
    checker.check_with("POST", &repo("/git/refs"), &route("/git/refs"), 201, "writer", &made);
    checker.check_with("POST", &repo("/git/refs"), &route("/git/refs"), 422, "writer", &made);
    checker.check("DELETE", &repo("/git/refs/tags/again"), &route("/git/refs/{ref}"), 204);
    checker.check("DELETE", &repo("/git/refs/tags/again"), &route("/git/refs/{ref}"), 422);
    checker.check("DELETE", &repo("/git/refs/tags/v1.1.0"), &route("/git/refs/{ref}"), 422);
    let draft = r#"{"tag_name":"v3","draft":true}"#;
    let draft = checker.check_with("POST", &repo("/releases"), &route("/releases"), 201, "writer", draft);
    let path = repo(&format!("/releases/{}", draft["id"]));
    let uploads = draft["upload_url"].as_str().and_then(|url| url.strip_prefix(&checker.github.api_url()));
    let uploads = uploads.and_then(|url| url.strip_suffix("{?name,label}")).expect("a template").to_owned();
    let assets = route("/releases/{release_id}/assets");
    let asset = checker.check_with("POST", &format!("{uploads}?name=f"), &assets, 201, "writer", "bytes");
    checker.check_with("POST", &format!("{uploads}?name=f"), &assets, 422, "writer", "bytes");
    let asset = repo(&format!("/releases/assets/{}", asset["id"]));
    checker.check("DELETE", &asset, &route("/releases/assets/{asset_id}"), 204);
    checker.check("DELETE", &asset, &route("/releases/assets/{asset_id}"), 404);
    let published = r#"{"draft":false}"#;
    checker.check_with("PATCH", &path, &route("/releases/{release_id}"), 200, "writer", published);
    checker.check("DELETE", &path, &route("/releases/{release_id}"), 204);
    checker.check("DELETE", &path, &route("/releases/{release_id}"), 404);
    let burned = r#"{"tag_name":"","draft":true}"#;
    checker.check_with("POST", &repo("/releases"), &route("/releases"), 422, "writer", burned);
}

fn refusals(checker: &mut Checker) {
    checker.check("GET", "/repos/no/thing", &route(""), 404);
    let digest = repo("/attestations/sha256:00fe");
    checker.check("GET", &digest, &route("/attestations/{subject_digest}"), 404);
    checker.check("GET", &repo("/releases/tags/v9"), &route("/releases/tags/{tag}"), 404);
    checker.check("GET", &repo("/releases?per_page=100&page=11"), &route("/releases"), 422);
    checker.check_with("GET", &repo(""), &route(""), 401, "unknown", "");
    let release = repo(&format!("/releases/{}", checker.github.snapshot(REPO).releases[0].id));
    checker.check_with("DELETE", &release, &route("/releases/{release_id}"), 403, "reader", "");
    checker.github.repo(REPO).rename("adpena/worker");
    checker.check("GET", &repo(""), &route(""), 301);
    checker.github.rest_budget(BudgetSpec::remaining(0));
    checker.check("GET", &repo("/tags"), &route("/tags"), 403);
}

#[test]
fn the_graphql_schema_is_a_part_of_githubs() {
    let Some(text) = file_named_by("REPROQ_GITHUB_GRAPHQL") else { return };
    let theirs = parsed(&text);
    let mut problems = Vec::new();
    for (name, fields) in parsed(fake_github::GRAPHQL_SCHEMA) {
        let Some(known) = theirs.get(&name) else {
            problems.push(format!("{name} does not exist"));
            continue;
        };
        for (field, signature) in fields {
            let field = format!("{name}.{field}");
            match known.get(field.rsplit('.').next().unwrap_or_default()) {
                Some(theirs) if *theirs == signature => {}
                None if YOUNGER.contains(&field.as_str()) => {}
                Some(theirs) => problems.push(format!("{field}: {signature} instead of {theirs}")),
                None => problems.push(format!("{field} does not exist")),
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// Every type with its fields or values, and their arguments and types.
fn parsed(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let document: Document<'_, String> = graphql_parser::parse_schema(text).expect("a schema is well-formed");
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        Definition::TypeDefinition(definition) => Some(members(definition)),
        Definition::SchemaDefinition(_) | Definition::TypeExtension(_) | Definition::DirectiveDefinition(_) => None,
    });
    types.collect()
}

fn members(definition: TypeDefinition<'_, String>) -> (String, BTreeMap<String, String>) {
    let fields = |fields: Vec<Field<'_, String>>| {
        let signature = |field: &Field<'_, String>| format!("({}): {}", inputs(&field.arguments), field.field_type);
        fields.iter().map(|field| (field.name.clone(), signature(field))).collect()
    };
    match definition {
        TypeDefinition::Object(object) => (object.name, fields(object.fields)),
        TypeDefinition::Interface(interface) => (interface.name, fields(interface.fields)),
        TypeDefinition::InputObject(input) => {
            let fields = input.fields.iter().map(|field| (field.name.clone(), inputs(std::slice::from_ref(field))));
            (input.name, fields.collect())
        }
        TypeDefinition::Enum(choice) => {
            (choice.name, choice.values.into_iter().map(|value| (value.name, String::new())).collect())
        }
        TypeDefinition::Scalar(scalar) => (scalar.name, BTreeMap::new()),
        TypeDefinition::Union(union) => (union.name, BTreeMap::new()),
    }
}

fn inputs(values: &[InputValue<'_, String>]) -> String {
    let shown = values.iter().map(|value| {
        let default = value.default_value.as_ref().map(|default| format!(" = {default}")).unwrap_or_default();
        format!("{}: {}{default}", value.name, value.value_type)
    });
    shown.collect::<Vec<_>>().join(", ")
}
