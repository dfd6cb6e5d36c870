//! The JSON of GitHub's REST responses.

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use serde_json::Value;
use serde_json::json;

use crate::spec::AssetState;
use crate::world::Asset;
use crate::world::GitObject;
use crate::world::Release;
use crate::world::Repo;
use crate::world::Ruleset;
use crate::world::Urls;
use crate::world::World;
use crate::world::made_up_oid;

/// Characters that are not encoded in a path segment; a slash is not either, as in GitHub's own URLs of tags.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Where files are uploaded to, before the path that the API documents.
pub(crate) const UPLOADS: &str = "/uploads";

pub(crate) fn repo_api(urls: &Urls, repo: &Repo) -> String {
    format!("{}/repos/{}", urls.api, repo.full_name())
}

pub(crate) fn repo_web(urls: &Urls, repo: &Repo) -> String {
    format!("{}/{}", urls.web, repo.full_name())
}

pub(crate) fn release(world: &World, repo: &Repo, release: &Release) -> Value {
    let (api, web) = (repo_api(&world.urls, repo), repo_web(&world.urls, repo));
    // A path that the API itself does not have, because GitHub's host for uploads is another one.
    let uploads =
        format!("{}{UPLOADS}/repos/{}/releases/{}/assets{{?name,label}}", world.urls.api, repo.full_name(), release.id);
    let tag = encoded(&release.tag);
    let assets: Vec<Value> = release.assets.iter().map(|asset| self::asset(world, repo, release, asset)).collect();
    let mut value = json!({
        "url": format!("{api}/releases/{}", release.id),
        "assets_url": format!("{api}/releases/{}/assets", release.id),
        "upload_url": uploads,
        "html_url": format!("{web}/releases/tag/{}", shown_tag(release)),
        "id": release.id,
        "author": user(&world.urls, "octocat", 1),
        "node_id": release_node_id(release.id),
        "tag_name": release.tag,
        "target_commitish": "main",
        "name": release.name,
        "draft": release.draft,
        "immutable": release.immutable,
        "prerelease": release.prerelease,
        "created_at": release.created_at,
        "updated_at": release.updated_at,
        "published_at": release.published_at,
        "assets": assets,
        "tarball_url": (!release.draft).then(|| format!("{api}/tarball/{tag}")),
        "zipball_url": (!release.draft).then(|| format!("{api}/zipball/{tag}")),
        "body": release.body,
    });
    if world.switches.hidden_fields.contains(&("Release".into(), "immutable".into())) {
        remove(&mut value, "immutable");
    }
    value
}

/// The last segment of a release's page: a draft has no tag yet.
pub(crate) fn shown_tag(release: &Release) -> String {
    if release.draft {
        format!("untagged-{}", &made_up_oid(&format!("draft {}", release.id))[..20])
    } else {
        encoded(&release.tag)
    }
}

pub(crate) fn asset(world: &World, repo: &Repo, release: &Release, asset: &Asset) -> Value {
    let (api, web) = (repo_api(&world.urls, repo), repo_web(&world.urls, repo));
    let state = match asset.state {
        AssetState::Uploaded => "uploaded",
        AssetState::Open => "open",
        AssetState::Starter => "starter",
    };
    let mut value = json!({
        "url": format!("{api}/releases/assets/{}", asset.id),
        "id": asset.id,
        "node_id": asset_node_id(asset.id),
        "name": asset.name,
        "label": "",
        "uploader": user(&world.urls, "octocat", 1),
        "content_type": asset.content_type,
        "state": state,
        "size": asset.size(),
        "digest": asset.stated_digest().flatten(),
        "download_count": asset.downloads,
        "created_at": asset.updated_at,
        "updated_at": asset.updated_at,
        "browser_download_url": download_url(&web, release, asset),
    });
    if asset.stated_digest().is_none() {
        remove(&mut value, "digest");
    }
    value
}

pub(crate) fn download_url(repo_web: &str, release: &Release, asset: &Asset) -> String {
    format!("{repo_web}/releases/download/{}/{}", shown_tag(release), encoded(&asset.name))
}

fn remove(value: &mut Value, key: &str) {
    if let Value::Object(fields) = value {
        fields.remove(key);
    }
}

pub(crate) fn tag(urls: &Urls, repo: &Repo, name: &str, oid: &str) -> Value {
    let api = repo_api(urls, repo);
    let commit = repo.commit_of(oid).map_or(oid, |(commit, _)| commit);
    let reference = format!("refs/tags/{}", encoded(name));
    json!({
        "name": name,
        "zipball_url": format!("{api}/zipball/{reference}"),
        "tarball_url": format!("{api}/tarball/{reference}"),
        "commit": { "sha": commit, "url": format!("{api}/commits/{commit}") },
        "node_id": ref_node_id(repo.id, name),
    })
}

pub(crate) fn git_ref(urls: &Urls, repo: &Repo, name: &str, oid: &str) -> Value {
    let api = repo_api(urls, repo);
    let (kind, directory) = match repo.objects.get(oid) {
        Some(GitObject::Tag { .. }) => ("tag", "tags"),
        Some(GitObject::Commit { .. }) | None => ("commit", "commits"),
    };
    json!({
        "ref": format!("refs/tags/{name}"),
        "node_id": ref_node_id(repo.id, name),
        "url": format!("{api}/git/refs/tags/{}", encoded(name)),
        "object": { "sha": oid, "type": kind, "url": format!("{api}/git/{directory}/{oid}") },
    })
}

/// An annotated tag's own object: name, date and target.
pub(crate) fn tag_object(urls: &Urls, repo: &Repo, oid: &str, (name, date, target): (&str, &str, &str)) -> Value {
    let api = repo_api(urls, repo);
    json!({
        "node_id": format!("TA_kw{oid}"),
        "tag": name,
        "sha": oid,
        "url": format!("{api}/git/tags/{oid}"),
        "message": format!("Release {name}\n"),
        "tagger": actor(date),
        "object": { "sha": target, "type": "commit", "url": format!("{api}/git/commits/{target}") },
        "verification": unsigned(),
    })
}

pub(crate) fn commit(urls: &Urls, repo: &Repo, oid: &str, date: &str) -> Value {
    let api = repo_api(urls, repo);
    let tree = made_up_oid(&format!("tree {oid}"));
    json!({
        "sha": oid,
        "node_id": format!("C_kw{oid}"),
        "url": format!("{api}/git/commits/{oid}"),
        "html_url": format!("{}/commit/{oid}", repo_web(urls, repo)),
        "author": actor(date),
        "committer": actor(date),
        "message": "worker: a change",
        "tree": { "sha": tree, "url": format!("{api}/git/trees/{tree}") },
        "parents": [],
        "verification": unsigned(),
    })
}

fn actor(date: &str) -> Value {
    json!({ "name": "octocat", "email": "octocat@example.com", "date": date })
}

fn unsigned() -> Value {
    json!({ "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null })
}

pub(crate) fn ruleset(urls: &Urls, repo: &Repo, ruleset: &Ruleset, in_full: bool) -> Value {
    let page = format!("{}/rulesets/{}", repo_api(urls, repo), ruleset.id);
    let mut value = json!({
        "id": ruleset.id,
        "name": ruleset.spec.name,
        "target": "tag",
        "source_type": "Repository",
        "source": repo.full_name(),
        "enforcement": "active",
        "node_id": format!("RRS_{}", ruleset.id),
        "_links": { "self": { "href": page }, "html": { "href": format!("{}/rules/{}", repo_web(urls, repo), ruleset.id) } },
        "created_at": "2024-01-01T00:00:00.000Z",
        "updated_at": "2024-01-01T00:00:00.000Z",
    });
    if in_full && let Value::Object(fields) = &mut value {
        let include = format!("refs/tags/{}", ruleset.spec.pattern);
        fields.insert("conditions".into(), json!({ "ref_name": { "include": [include], "exclude": [] } }));
        fields.insert("rules".into(), json!([{ "type": "deletion" }]));
        fields.insert("current_user_can_bypass".into(), json!("never"));
    }
    value
}

pub(crate) fn user(urls: &Urls, login: &str, id: u64) -> Value {
    let mut value = json!({
        "login": login,
        "id": id,
        "node_id": format!("U_{id}"),
        "avatar_url": format!("{}/avatars/u/{id}", urls.web),
        "gravatar_id": "",
        "url": format!("{}/users/{login}", urls.api),
        "html_url": format!("{}/{login}", urls.web),
        "type": "User",
        "site_admin": false,
    });
    for (key, rest) in [
        ("followers_url", "followers"),
        ("following_url", "following{/other_user}"),
        ("gists_url", "gists{/gist_id}"),
        ("starred_url", "starred{/owner}{/repo}"),
        ("subscriptions_url", "subscriptions"),
        ("organizations_url", "orgs"),
        ("repos_url", "repos"),
        ("events_url", "events{/privacy}"),
        ("received_events_url", "received_events"),
    ] {
        value[key] = json!(format!("{}/users/{login}/{rest}", urls.api));
    }
    value
}

pub(crate) fn repo(urls: &Urls, repo: &Repo, may_push: bool) -> Value {
    let (api, web) = (repo_api(urls, repo), repo_web(urls, repo));
    let mut value = json!({
        "id": repo.id,
        "node_id": repo_node_id(repo.id),
        "name": repo.name,
        "full_name": repo.full_name(),
        "private": repo.private,
        "owner": user(urls, &repo.owner, repo.owner_id),
        "html_url": web,
        "description": null,
        "fork": false,
        "url": api,
        "git_url": format!("git:{}.git", web.trim_start_matches("https:").trim_start_matches("http:")),
        "ssh_url": format!("git@github.com:{}.git", repo.full_name()),
        "clone_url": format!("{web}.git"),
        "svn_url": web,
        "homepage": null,
        "language": "Go",
        "license": null,
        "mirror_url": null,
        "default_branch": "main",
        "archived": repo.archived,
        "disabled": false,
        "visibility": if repo.private { "private" } else { "public" },
        "pushed_at": "2024-01-01T00:00:00Z",
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "permissions": { "admin": false, "maintain": false, "push": may_push, "triage": may_push, "pull": true },
    });
    for key in ["has_issues", "has_projects", "has_wiki", "has_pages", "has_discussions", "has_downloads"] {
        value[key] = json!(false);
    }
    for key in [
        "size",
        "forks",
        "forks_count",
        "stargazers_count",
        "watchers",
        "watchers_count",
        "open_issues",
        "open_issues_count",
        "network_count",
        "subscribers_count",
    ] {
        value[key] = json!(0);
    }
    for (key, rest) in REPOSITORY_ADDRESSES {
        value[format!("{key}_url")] = json!(format!("{api}/{rest}"));
    }
    value
}

const REPOSITORY_ADDRESSES: &[(&str, &str)] = &[
    ("archive", "{archive_format}{/ref}"),
    ("assignees", "assignees{/user}"),
    ("blobs", "git/blobs{/sha}"),
    ("branches", "branches{/branch}"),
    ("collaborators", "collaborators{/collaborator}"),
    ("comments", "comments{/number}"),
    ("commits", "commits{/sha}"),
    ("compare", "compare/{base}...{head}"),
    ("contents", "contents/{+path}"),
    ("contributors", "contributors"),
    ("deployments", "deployments"),
    ("downloads", "downloads"),
    ("events", "events"),
    ("forks", "forks"),
    ("git_commits", "git/commits{/sha}"),
    ("git_refs", "git/refs{/sha}"),
    ("git_tags", "git/tags{/sha}"),
    ("hooks", "hooks"),
    ("issue_comment", "issues/comments{/number}"),
    ("issue_events", "issues/events{/number}"),
    ("issues", "issues{/number}"),
    ("keys", "keys{/key_id}"),
    ("labels", "labels{/name}"),
    ("languages", "languages"),
    ("merges", "merges"),
    ("milestones", "milestones{/number}"),
    ("notifications", "notifications{?since,all,participating}"),
    ("pulls", "pulls{/number}"),
    ("releases", "releases{/id}"),
    ("stargazers", "stargazers"),
    ("statuses", "statuses/{sha}"),
    ("subscribers", "subscribers"),
    ("subscription", "subscription"),
    ("tags", "tags"),
    ("teams", "teams"),
    ("trees", "git/trees{/sha}"),
];

pub(crate) fn repo_node_id(id: u64) -> String {
    format!("R_kg{id}")
}

pub(crate) fn release_node_id(id: u64) -> String {
    format!("RE_kw{id}")
}

pub(crate) fn asset_node_id(id: u64) -> String {
    format!("RA_kw{id}")
}

pub(crate) fn ref_node_id(repo: u64, tag: &str) -> String {
    format!("REF_kw{repo}_{}", encoded(tag))
}

/// The repository and tag a ref's node id names.
pub(crate) fn ref_of_node_id(node_id: &str) -> Option<(u64, String)> {
    let (repo, tag) = node_id.strip_prefix("REF_kw")?.split_once('_')?;
    Some((repo.parse().ok()?, crate::http::decoded(tag)))
}
