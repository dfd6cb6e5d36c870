//! The REST API: access, rate limits and routing.

mod access;
mod attestations;
pub(crate) mod json;
pub(crate) mod problems;
mod refs;
mod releases;
mod repository;

pub(crate) use access::Permission;
pub(crate) use access::Viewer;

use std::time::SystemTime;

use serde_json::Value;

use crate::dates::unix_seconds;
use crate::http::Call;
use crate::http::Reply;
use crate::http::decoded;
use crate::world::Budget;
use crate::world::World;
use crate::world::hex_sha256;

/// One parsed request to one repository.
struct Asked<'a> {
    call: &'a Call,
    viewer: &'a Viewer,
    permission: Permission,
    /// Index of the repository.
    repo: usize,
    /// The decoded path behind the repository, in segments.
    rest: Vec<String>,
}

impl Asked<'_> {
    /// Segments from an index on, joined: a tag name may contain slashes.
    fn name_from(&self, index: usize) -> String {
        self.rest[index.min(self.rest.len())..].join("/")
    }
}

/// Handles a request to the API host, including budget and headers.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    if call.header("User-Agent").is_none() {
        return problems::no_user_agent();
    }
    let is_graphql = matches!(call.path(), "/graphql" | "/api/graphql");
    let budget = if is_graphql { &mut world.graphql } else { &mut world.core };
    budget.refresh(SystemTime::now());
    let viewer = Viewer::of(&world.tokens, call);
    let mut reply = match viewer {
        Err(refused) => refused,
        Ok(_) if call.path() == "/rate_limit" => rate_limit(world),
        Ok(viewer) => paid(world, call, &viewer, is_graphql),
    };
    let budget = if is_graphql { &world.graphql } else { &world.core };
    add_headers(&mut reply, budget, is_graphql, world.answered);
    reply
}

fn paid(world: &mut World, call: &Call, viewer: &Viewer, is_graphql: bool) -> Reply {
    let budget = if is_graphql { &mut world.graphql } else { &mut world.core };
    if !budget.pay() {
        return out_of_budget(budget.status, viewer, is_graphql);
    }
    let reply = if is_graphql { crate::graphql::answer(world, call, viewer) } else { routed(world, call, viewer) };
    let unchanged = not_modified(call, reply);
    if unchanged.status == 304 && viewer.is_authenticated() {
        // GitHub does not charge for 304.
        world.core.remaining += 1;
    }
    unchanged
}

fn out_of_budget(status: u16, viewer: &Viewer, is_graphql: bool) -> Reply {
    let text = problems::budget_text(viewer.is_authenticated());
    if is_graphql {
        let errors = serde_json::json!({ "errors": [{ "type": "RATE_LIMITED", "message": text }] });
        return Reply::json(200, &errors);
    }
    problems::problem(status, text)
}

fn not_modified(call: &Call, mut reply: Reply) -> Reply {
    if reply.status != 200 || !matches!(call.method.as_str(), "GET" | "HEAD") {
        return reply;
    }
    if reply.header("ETag").is_none() {
        let etag = format!("W/\"{}\"", hex_sha256(&reply.body));
        reply.replace("ETag", etag);
        reply.replace("Cache-Control", "private, max-age=60, s-maxage=60");
    }
    let etag = reply.header("ETag").unwrap_or_default().to_owned();
    let known = call.header("If-None-Match").unwrap_or_default();
    if known.split(',').any(|known| known.trim().trim_start_matches("W/") == etag.trim_start_matches("W/")) {
        return Reply::new(304).with("ETag", etag);
    }
    reply
}

fn add_headers(reply: &mut Reply, budget: &Budget, is_graphql: bool, number: u64) {
    let used = budget.limit.saturating_sub(budget.remaining);
    for (name, value) in [
        ("X-RateLimit-Limit", budget.limit.to_string()),
        ("X-RateLimit-Remaining", budget.remaining.to_string()),
        ("X-RateLimit-Used", used.to_string()),
        ("X-RateLimit-Reset", unix_seconds(budget.reset).to_string()),
        ("X-RateLimit-Resource", if is_graphql { "graphql" } else { "core" }.to_owned()),
        ("X-GitHub-Request-Id", format!("FAKE:{number:04X}")),
        ("X-GitHub-Media-Type", "github.v3; format=json".to_owned()),
    ] {
        if reply.header(name).is_none() {
            reply.headers.push((name.to_owned(), value));
        }
    }
}

fn rate_limit(world: &World) -> Reply {
    let shown = |budget: &Budget| {
        serde_json::json!({
            "limit": budget.limit,
            "used": budget.limit.saturating_sub(budget.remaining),
            "remaining": budget.remaining,
            "reset": unix_seconds(budget.reset),
            "resource": "core",
        })
    };
    let (core, graphql) = (shown(&world.core), shown(&world.graphql));
    let value = serde_json::json!({
        "resources": { "core": core, "search": shown(&world.core), "graphql": graphql },
        "rate": core,
    });
    Reply::json(200, &value)
}

/// Finds the repository of a path, then the response.
fn routed(world: &mut World, call: &Call, viewer: &Viewer) -> Reply {
    let (is_upload, path) = match call.path().strip_prefix(json::UPLOADS) {
        Some(path) => (true, path),
        None => (false, call.path().strip_prefix("/api/v3").unwrap_or(call.path())),
    };
    let raw: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (found, rest) = match raw.as_slice() {
        ["repos", owner, name, rest @ ..] => {
            (world.repo_index(&format!("{}/{}", decoded(owner), decoded(name))), rest.to_vec())
        }
        ["repositories", id, rest @ ..] => {
            let found = id.parse().ok().and_then(|id| world.repo_by_id(id)).map(|index| (index, false));
            (found, rest.to_vec())
        }
        _ => (None, Vec::new()),
    };
    let Some((repo, is_former_name)) = found else { return problems::not_found() };
    let permission = viewer.permission(world.repos[repo].private);
    if permission == Permission::None {
        return problems::not_found();
    }
    if is_former_name {
        return moved(world, repo, &rest, call);
    }
    let rest: Vec<String> = rest.into_iter().map(decoded).collect();
    let asked = Asked { call, viewer, permission, repo, rest };
    let reply = if is_upload { upload_answer(world, &asked) } else { repository_answer(world, &asked) };
    match reply {
        Ok(reply) | Err(reply) => reply,
    }
}

fn moved(world: &World, repo: usize, rest: &[&str], call: &Call) -> Reply {
    let tail: String = rest.iter().map(|segment| format!("/{segment}")).collect();
    let query = call.target.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
    let location = format!("{}/repositories/{}{tail}{query}", world.urls.api, world.repos[repo].id);
    let body = serde_json::json!({
        "message": "Moved Permanently",
        "url": location,
        "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
    });
    Reply::json(world.switches.moved_status, &body).with("Location", location)
}

/// The host for uploads has one route.
fn upload_answer(world: &mut World, asked: &Asked) -> Result<Reply, Reply> {
    let rest: Vec<&str> = asked.rest.iter().map(String::as_str).collect();
    match (asked.call.method.as_str(), rest.as_slice()) {
        ("POST", ["releases", id, "assets"]) => releases::upload(world, asked, number(id)?),
        _ => Err(problems::not_found()),
    }
}

fn repository_answer(world: &mut World, asked: &Asked) -> Result<Reply, Reply> {
    let rest: Vec<&str> = asked.rest.iter().map(String::as_str).collect();
    let method = if asked.call.is_head() { "GET" } else { asked.call.method.as_str() };
    match (method, rest.as_slice()) {
        ("GET", []) => Ok(repository::show(world, asked)),
        ("GET", ["releases"]) => releases::list(world, asked),
        ("POST", ["releases"]) => releases::create(world, asked),
        ("GET", ["releases", "latest"]) => releases::latest(world, asked),
        ("GET", ["releases", "tags", ..]) => releases::by_tag(world, asked),
        ("GET", ["releases", "assets", id]) => releases::asset(world, asked, number(id)?),
        ("GET", ["releases", id, "assets"]) => releases::assets(world, asked, number(id)?),
        ("GET", ["releases", id]) => releases::by_id(world, asked, number(id)?),
        ("PATCH", ["releases", id]) => releases::update(world, asked, number(id)?),
        ("DELETE", ["releases", "assets", id]) => releases::delete_asset(world, asked, number(id)?),
        ("DELETE", ["releases", id]) => releases::delete(world, asked, number(id)?),
        ("GET", ["tags"]) => Ok(refs::tags(world, asked)),
        ("GET", ["git", "matching-refs", ..]) => Ok(refs::matching(world, asked)),
        ("GET", ["git", "ref", "tags", ..]) => refs::one(world, asked),
        ("GET", ["git", "tags", oid]) => refs::tag_object(world, asked, oid),
        ("GET", ["git", "commits", oid]) => refs::commit(world, asked, oid),
        ("POST", ["git", "refs"]) => refs::create(world, asked),
        ("DELETE", ["git", "refs", "tags", ..]) => refs::delete(world, asked),
        ("GET", ["attestations", digest]) => attestations::list(world, asked, digest),
        ("GET", ["rulesets"]) => Ok(repository::rulesets(world, asked)),
        ("GET", ["rulesets", id]) => repository::ruleset(world, asked, number(id)?),
        _ => Err(problems::not_found()),
    }
}

fn number(text: &str) -> Result<u64, Reply> {
    text.parse().map_err(|_| problems::not_found())
}

/// The JSON body of a request.
fn body_of(call: &Call) -> Result<Value, Reply> {
    serde_json::from_slice(&call.body).map_err(|_| problems::problem(400, "Problems parsing JSON"))
}
