//! Publishing over REST: a draft, its files, and what GitHub refuses.

use fake_github::AssetSpec;
use fake_github::FakeGitHub;
use fake_github::Fault;
use fake_github::Matcher;
use serde_json::Value;

use crate::REPO;
use crate::client::Answer;
use crate::client::ask;
use crate::client::get;
use crate::client::send;
use crate::rest;
use crate::three_releases;

fn draft(github: &FakeGitHub, tag: &str) -> Value {
    let body = serde_json::json!({ "tag_name": tag, "draft": true, "generate_release_notes": true }).to_string();
    let draft = send("POST", &rest(github, "/releases"), &body);
    assert_eq!(draft.status, 201);
    draft.json()
}

fn upload(draft: &Value, name: &str, bytes: &str) -> Answer {
    let url = draft["upload_url"].as_str().expect("a template").replace("{?name,label}", &format!("?name={name}"));
    let headers = [("Authorization", "Bearer writer"), ("Content-Type", "application/octet-stream")];
    ask("POST", &url, &headers, bytes).expect("an answer")
}

#[test]
fn a_draft_gets_its_files_and_is_published_with_them() {
    let github = three_releases();
    let draft = draft(&github, "v2.0.0");
    let asset = upload(&draft, "tool", "bytes");
    assert_eq!((asset.status, asset.json()["state"].as_str()), (201, Some("uploaded")));
    assert_eq!(asset.json()["digest"], "sha256:277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9");
    let link = format!("{}/{REPO}/releases/download/v2.0.0/tool", github.web_url());
    assert_eq!(get(&link).status, 404, "a draft's files cannot be downloaded");
    assert!(!github.snapshot(REPO).tag_names().contains(&"v2.0.0"), "a draft has no tag");
    let path = rest(&github, &format!("/releases/{}", draft["id"]));
    let published = send("PATCH", &path, r#"{"draft":false}"#);
    assert_eq!((published.status, published.json()["draft"].as_bool()), (200, Some(false)));
    assert!(published.json()["published_at"].is_string());
    assert_eq!(get(&link).status, 302);
    let after = github.snapshot(REPO);
    assert_eq!((after.latest.as_deref(), after.drafts().len()), (Some("v2.0.0"), 0));
    assert!(after.tag_names().contains(&"v2.0.0"));
}

#[test]
fn a_name_is_taken_until_its_asset_is_deleted_even_by_an_upload_that_failed() {
    let github = three_releases();
    let draft = draft(&github, "v2.0.0");
    let id = draft["id"].as_u64().expect("an id");
    let starter = github.repo(REPO).add_asset(id, AssetSpec::starter("tool"));
    let refused = upload(&draft, "tool", "bytes");
    assert_eq!((refused.status, refused.json()["errors"][0]["code"].as_str()), (422, Some("already_exists")));
    let path = rest(&github, &format!("/releases/assets/{starter}"));
    let listed = send("GET", &path, "").json();
    assert_eq!((listed["state"].as_str(), listed["size"].as_u64()), (Some("starter"), Some(0)));
    assert_eq!(send("DELETE", &path, "").status, 204);
    assert_eq!(send("DELETE", &path, "").status, 404);
    assert_eq!(upload(&draft, "tool", "bytes").status, 201);
    assert_eq!(upload(&draft, ".tool~1%20(x86).", "bytes").json()["name"], "tool.1..x86");
}

#[test]
fn uploads_are_refused_without_permission_elsewhere_and_to_an_immutable_release() {
    let github = three_releases();
    let draft = draft(&github, "v2.0.0");
    let url = draft["upload_url"].as_str().expect("a template").replace("{?name,label}", "?name=tool");
    let ask_as = |token: &str, url: &str| {
        let bearer = format!("Bearer {token}");
        ask("POST", url, &[("Authorization", &bearer), ("Content-Type", "x/y")], "bytes").expect("an answer").status
    };
    assert_eq!(ask_as("reader", &url), 404, "a draft is invisible without push access");
    assert_eq!(ask_as("writer", &url.replace("/uploads", "")), 404, "the API's own host does not take files");
    github.fault(Matcher::api().path("/uploads/"), Fault::status(502));
    assert_eq!(ask_as("writer", &url), 502);
    github.repo(REPO).immutable_releases();
    let path = rest(&github, &format!("/releases/{}", draft["id"]));
    assert_eq!(ask_as("writer", &url), 201);
    assert_eq!(send("PATCH", &path, r#"{"draft":false}"#).json()["immutable"], true);
    assert_eq!(ask_as("writer", &url.replace("=tool", "=other")), 422);
    let asset = send("GET", &path, "").json()["assets"][0]["id"].clone();
    assert_eq!(send("DELETE", &rest(&github, &format!("/releases/assets/{asset}")), "").status, 422);
}
