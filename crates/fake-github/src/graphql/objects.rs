//! The objects of a query, and the values of their fields.

use serde_json::Value;
use serde_json::json;

use crate::dates::rfc3339;
use crate::graphql::check::Arguments;
use crate::graphql::run::Connection;
use crate::graphql::run::Run;
use crate::graphql::run::Trouble;
use crate::listing;
use crate::rest::Permission;
use crate::rest::json;
use crate::world::Asset;
use crate::world::GitObject;
use crate::world::Release;
use crate::world::Repo;

/// One object of the world as GraphQL sees it.
#[derive(Debug, Clone)]
pub(crate) enum Object<'w> {
    Query,
    Repository(&'w Repo),
    Release(&'w Repo, &'w Release),
    Asset(&'w Repo, &'w Release, &'w Asset),
    Ref { repo: &'w Repo, name: &'w str, oid: &'w str },
    Git { repo: &'w Repo, oid: &'w str, object: &'w GitObject },
    Actor { date: &'w str },
    User { login: &'w str },
    RateLimit,
    Connection(Connection<'w>),
    PageInfo(Connection<'w>),
    Edge { kind: &'static str, cursor: String, node: Box<Object<'w>> },
}

/// The value of a field.
#[derive(Debug)]
pub(crate) enum Given<'w> {
    Leaf(Value),
    One(Option<Object<'w>>),
    Many(Vec<Option<Object<'w>>>),
}

type Field<'w> = Result<Given<'w>, Trouble>;

fn leaf<'w>(value: Value) -> Field<'w> {
    Ok(Given::Leaf(value))
}

fn one(object: Object<'_>) -> Field<'_> {
    Ok(Given::One(Some(object)))
}

impl<'w> Object<'w> {
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Object::Query => "Query",
            Object::Repository(_) => "Repository",
            Object::Release(..) => "Release",
            Object::Asset(..) => "ReleaseAsset",
            Object::Ref { .. } => "Ref",
            Object::Git { object: GitObject::Commit { .. }, .. } => "Commit",
            Object::Git { object: GitObject::Tag { .. }, .. } => "Tag",
            Object::Actor { .. } => "GitActor",
            Object::User { .. } => "User",
            Object::RateLimit => "RateLimit",
            Object::Connection(connection) => connection.kind.connection,
            Object::PageInfo(_) => "PageInfo",
            Object::Edge { kind, .. } => kind,
        }
    }

    /// The value of a field that the schema has.
    ///
    /// # Errors
    /// Errors that GitHub reports next to the data, such as a repository that does not exist.
    pub(crate) fn field(&self, run: &Run<'w, '_>, name: &str, arguments: &Arguments) -> Field<'w> {
        match self {
            Object::Query => query(run, name, arguments),
            Object::Repository(repo) => repository(run, repo, name, arguments),
            Object::Release(repo, item) => release(run, repo, item, name, arguments),
            Object::Asset(repo, item, file) => asset(run, repo, item, file, name),
            Object::Ref { repo, name: tag, oid } => reference(repo, tag, oid, name),
            Object::Git { repo, oid, object } => git(repo, oid, object, name),
            Object::Actor { date } => leaf(match name {
                "date" => json!(date),
                "email" => json!("octocat@example.com"),
                _ => json!("octocat"),
            }),
            Object::User { login } => leaf(match name {
                "id" => json!("U_1"),
                "databaseId" => json!(1),
                _ => json!(login),
            }),
            Object::RateLimit => rate_limit(run, name),
            Object::Connection(connection) => connection.field(name),
            Object::PageInfo(connection) => leaf(connection.page_info(name)),
            Object::Edge { cursor, node, .. } => match name {
                "cursor" => leaf(json!(cursor)),
                _ => one((**node).clone()),
            },
        }
    }
}

fn query<'w>(run: &Run<'w, '_>, name: &str, arguments: &Arguments) -> Field<'w> {
    let text = |key: &str| arguments.get(key).and_then(Value::as_str).unwrap_or_default();
    match name {
        "repository" => run.repository(text("owner"), text("name")).map(|repo| Given::One(Some(repo))),
        "viewer" => one(Object::User { login: "octocat" }),
        "rateLimit" => one(Object::RateLimit),
        "node" => run.node(text("id")).map(|node| Given::One(Some(node))),
        _ => {
            let ids = arguments.get("ids").and_then(Value::as_array).cloned().unwrap_or_default();
            Ok(Given::Many(ids.iter().map(|id| run.node(id.as_str().unwrap_or_default()).ok()).collect()))
        }
    }
}

fn rate_limit<'w>(run: &Run<'w, '_>, name: &str) -> Field<'w> {
    let budget = &run.world.graphql;
    leaf(match name {
        "cost" | "nodeCount" => json!(1),
        "limit" => json!(budget.limit),
        "remaining" => json!(budget.remaining),
        "used" => json!(budget.limit.saturating_sub(budget.remaining)),
        _ => json!(rfc3339(budget.reset)),
    })
}

fn repository<'w>(run: &Run<'w, '_>, repo: &'w Repo, name: &str, arguments: &Arguments) -> Field<'w> {
    let permission = run.viewer.permission(repo.private);
    let text = |key: &str| arguments.get(key).and_then(Value::as_str).unwrap_or_default();
    let sees_drafts = permission == Permission::Write;
    match name {
        "latestRelease" => Ok(Given::One(repo.latest().map(|release| Object::Release(repo, release)))),
        "owner" => one(Object::User { login: &repo.owner }),
        "releases" => run.releases(repo, sees_drafts, arguments),
        "refs" => run.refs(repo, arguments),
        "release" => {
            let draft = || repo.releases.iter().find(|release| sees_drafts && release.tag == text("tagName"));
            let found = repo.published(text("tagName")).or_else(draft);
            Ok(Given::One(found.map(|release| Object::Release(repo, release))))
        }
        "ref" => {
            let tag = text("qualifiedName").strip_prefix("refs/tags/").unwrap_or_default();
            Ok(Given::One(ref_of(repo, tag)))
        }
        "databaseId" => leaf(json!(repo.id)),
        "id" => leaf(json!(json::repo_node_id(repo.id))),
        "isArchived" => leaf(json!(repo.archived)),
        "isPrivate" => leaf(json!(repo.private)),
        "name" => leaf(json!(repo.name)),
        "nameWithOwner" => leaf(json!(repo.full_name())),
        "url" => leaf(json!(json::repo_web(&run.world.urls, repo))),
        _ => leaf(match permission {
            Permission::None => Value::Null,
            Permission::Read => json!("READ"),
            Permission::Write => json!("WRITE"),
        }),
    }
}

/// The current state of a tag, regardless of delayed listings.
pub(crate) fn ref_of<'w>(repo: &'w Repo, tag: &str) -> Option<Object<'w>> {
    repo.tags.get_key_value(tag).map(|(name, oid)| Object::Ref { repo, name, oid })
}

fn release<'w>(
    run: &Run<'w, '_>,
    repo: &'w Repo,
    release: &'w Release,
    name: &str,
    arguments: &Arguments,
) -> Field<'w> {
    match name {
        "author" => one(Object::User { login: "octocat" }),
        "releaseAssets" => run.assets(repo, release, arguments),
        "repository" => one(Object::Repository(repo)),
        "tag" => Ok(Given::One(ref_of(repo, &release.tag))),
        "tagCommit" => {
            let commit = repo.tags.get(&release.tag).and_then(|oid| repo.commit_of(oid));
            Ok(Given::One(commit.and_then(|(oid, _)| git_of(repo, oid))))
        }
        "createdAt" => leaf(json!(release.created_at)),
        "databaseId" => leaf(json!(release.id)),
        "description" => leaf(json!(release.body)),
        "id" => leaf(json!(json::release_node_id(release.id))),
        "immutable" => leaf(json!(release.immutable)),
        "isDraft" => leaf(json!(release.draft)),
        "isLatest" => leaf(json!(repo.latest().is_some_and(|latest| latest.id == release.id))),
        "isPrerelease" => leaf(json!(release.prerelease)),
        "name" => leaf(json!(release.name)),
        "publishedAt" => leaf(json!(release.published_at)),
        "tagName" => leaf(json!(release.tag)),
        "updatedAt" => leaf(json!(release.updated_at)),
        _ => {
            let web = json::repo_web(&run.world.urls, repo);
            leaf(json!(format!("{web}/releases/tag/{}", json::shown_tag(release))))
        }
    }
}

fn asset<'w>(run: &Run<'w, '_>, repo: &'w Repo, release: &'w Release, asset: &'w Asset, name: &str) -> Field<'w> {
    match name {
        "release" => one(Object::Release(repo, release)),
        "contentType" => leaf(json!(asset.content_type)),
        "createdAt" | "updatedAt" => leaf(json!(asset.updated_at)),
        "digest" => leaf(json!(asset.stated_digest().flatten())),
        "downloadCount" => leaf(json!(asset.downloads)),
        "id" => leaf(json!(json::asset_node_id(asset.id))),
        "name" => leaf(json!(asset.name)),
        "size" => leaf(json!(asset.size())),
        _ => leaf(json!(json::download_url(&json::repo_web(&run.world.urls, repo), release, asset))),
    }
}

fn reference<'w>(repo: &'w Repo, tag: &'w str, oid: &'w str, name: &str) -> Field<'w> {
    match name {
        "id" => leaf(json!(json::ref_node_id(repo.id, tag))),
        "name" => leaf(json!(tag)),
        "prefix" => leaf(json!("refs/tags/")),
        "repository" => one(Object::Repository(repo)),
        _ => Ok(Given::One(git_of(repo, oid))),
    }
}

pub(crate) fn git_of<'w>(repo: &'w Repo, oid: &str) -> Option<Object<'w>> {
    repo.objects.get_key_value(oid).map(|(oid, object)| Object::Git { repo, oid, object })
}

fn git<'w>(repo: &'w Repo, oid: &'w str, object: &'w GitObject, name: &str) -> Field<'w> {
    match (name, object) {
        ("oid", _) => leaf(json!(oid)),
        ("abbreviatedOid", _) => leaf(json!(&oid[..7])),
        ("id", _) => leaf(json!(format!("GO_kw{}_{oid}", repo.id))),
        ("repository", _) => one(Object::Repository(repo)),
        ("tagger", GitObject::Tag { date, .. }) => one(Object::Actor { date }),
        ("target", GitObject::Tag { target, .. }) => Ok(Given::One(git_of(repo, target))),
        ("name", GitObject::Tag { name, .. }) => leaf(json!(name)),
        ("message", GitObject::Tag { name, .. }) => leaf(json!(format!("Release {name}\n"))),
        (_, GitObject::Commit { date }) => leaf(json!(date)),
        (_, GitObject::Tag { .. }) => leaf(Value::Null),
    }
}

/// The tags as a listing shows them, in the requested order.
pub(crate) fn listed_refs<'w>(repo: &'w Repo, arguments: &Arguments) -> Vec<Object<'w>> {
    if arguments.get("refPrefix").and_then(Value::as_str) != Some("refs/tags/") {
        return Vec::new();
    }
    let part = arguments.get("query").and_then(Value::as_str).unwrap_or_default();
    let mut tags = listing::tags(repo);
    tags.retain(|(name, _)| name.contains(part));
    let order = arguments.get("orderBy").unwrap_or(&Value::Null);
    if order["field"] == "TAG_COMMIT_DATE" {
        tags.sort_by_key(|(_, oid)| repo.commit_of(oid).map(|(_, date)| date.to_owned()));
    }
    if order["direction"] == "DESC" || arguments.get("direction").is_some_and(|direction| direction == "DESC") {
        tags.reverse();
    }
    tags.into_iter().map(|(name, oid)| Object::Ref { repo, name, oid }).collect()
}

/// The releases as a listing shows them; unordered if no order is requested.
pub(crate) fn listed_releases<'w>(repo: &'w Repo, sees_drafts: bool, arguments: &Arguments) -> Vec<Object<'w>> {
    let mut releases = listing::releases(repo, sees_drafts);
    let order = arguments.get("orderBy").unwrap_or(&Value::Null);
    if order["field"] == "CREATED_AT" {
        releases.sort_by(|one, other| one.created_at.cmp(&other.created_at));
    } else if order["field"] == "NAME" {
        releases.sort_by(|one, other| one.name.cmp(&other.name));
    }
    if order["direction"] == "DESC" {
        releases.reverse();
    }
    releases.into_iter().map(|release| Object::Release(repo, release)).collect()
}
