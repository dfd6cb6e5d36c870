//! Releases and their assets.

use serde_json::Value;
use serde_json::json;

use crate::http::Reply;
use crate::listing;
use crate::listing::Page;
use crate::objects;
use crate::rest::Asked;
use crate::rest::Permission;
use crate::rest::body_of;
use crate::rest::json;
use crate::rest::problems;
use crate::spec::AssetDelivery;
use crate::spec::AssetState;
use crate::spec::MakeLatest;
use crate::spec::ReleaseSpec;
use crate::world::Release;
use crate::world::World;

pub(super) fn list(world: &mut World, asked: &Asked) -> Result<Reply, Reply> {
    let page = Page::new(asked.call.query("page").as_deref(), asked.call.query("per_page").as_deref(), 30);
    if page.is_beyond_the_most() {
        return Err(problems::only_the_first_thousand());
    }
    if page.number == 1 {
        listing::releases_begin(&mut world.repos[asked.repo]);
    }
    let repo = &world.repos[asked.repo];
    let all = listing::releases(repo, sees_drafts(asked));
    let shown: Vec<Value> = page.of(&all).iter().map(|release| json::release(world, repo, release)).collect();
    let base = format!("{}/repositories/{}/releases", world.urls.api, repo.id);
    Ok(linked(Reply::json(200, &Value::Array(shown)), page.link(&base, all.len())))
}

pub(super) fn linked(reply: Reply, link: Option<String>) -> Reply {
    match link {
        Some(link) => reply.with("Link", link),
        None => reply,
    }
}

pub(super) fn latest(world: &World, asked: &Asked) -> Result<Reply, Reply> {
    shown(world, asked, world.repos[asked.repo].latest())
}

pub(super) fn by_tag(world: &World, asked: &Asked) -> Result<Reply, Reply> {
    shown(world, asked, world.repos[asked.repo].published(&asked.name_from(2)))
}

pub(super) fn by_id(world: &World, asked: &Asked, id: u64) -> Result<Reply, Reply> {
    let found = world.repos[asked.repo].release(id).filter(|release| !release.draft || sees_drafts(asked));
    shown(world, asked, found)
}

fn shown(world: &World, asked: &Asked, release: Option<&Release>) -> Result<Reply, Reply> {
    let release = release.ok_or_else(problems::not_found)?;
    Ok(Reply::json(200, &json::release(world, &world.repos[asked.repo], release)))
}

fn sees_drafts(asked: &Asked) -> bool {
    asked.permission == Permission::Write
}

pub(super) fn assets(world: &World, asked: &Asked, id: u64) -> Result<Reply, Reply> {
    let repo = &world.repos[asked.repo];
    let page = Page::new(asked.call.query("page").as_deref(), asked.call.query("per_page").as_deref(), 30);
    let release = repo.release(id).filter(|release| !release.draft || sees_drafts(asked));
    let release = release.ok_or_else(problems::not_found)?;
    let all: Vec<Value> = release.assets.iter().map(|asset| json::asset(world, repo, release, asset)).collect();
    let base = format!("{}/repositories/{}/releases/{id}/assets", world.urls.api, repo.id);
    let shown = Value::Array(page.of(&all).to_vec());
    Ok(linked(Reply::json(200, &shown), page.link(&base, all.len())))
}

pub(super) fn asset(world: &mut World, asked: &Asked, id: u64) -> Result<Reply, Reply> {
    let repo = &world.repos[asked.repo];
    let visible = repo.releases.iter().filter(|release| !release.draft || sees_drafts(asked));
    let found = visible.flat_map(|release| release.assets.iter().map(move |asset| (release, asset)));
    let (release, asset) = found.into_iter().find(|(_, asset)| asset.id == id).ok_or_else(problems::not_found)?;
    if asked.call.header("Accept") != Some("application/octet-stream") {
        return Ok(Reply::json(200, &json::asset(world, repo, release, asset)));
    }
    if asset.state == AssetState::Open {
        return Err(problems::not_found());
    }
    let asset = asset.clone();
    match world.switches.asset_delivery {
        AssetDelivery::Body => Ok(objects::content(&asset, asked.call, None)),
        AssetDelivery::Redirect => Ok(Reply::redirect(302, &objects::sign(world, asked.repo, &asset))),
    }
}

pub(super) fn delete(world: &mut World, asked: &Asked, id: u64) -> Result<Reply, Reply> {
    let repo = &mut world.repos[asked.repo];
    let visible = repo.release(id).is_some_and(|release| !release.draft || sees_drafts(asked));
    if !visible {
        return Err(problems::not_found());
    }
    asked.viewer.may_write(asked.permission, repo.archived)?;
    repo.delete_release(id);
    world.mutations += 1;
    Ok(Reply::new(204))
}

/// `POST /releases`, as far as restoring notes needs it.
pub(super) fn create(world: &mut World, asked: &Asked) -> Result<Reply, Reply> {
    asked.viewer.may_write(asked.permission, world.repos[asked.repo].archived)?;
    let body = body_of(asked.call)?;
    let tag = body["tag_name"].as_str().filter(|tag| !tag.is_empty());
    let tag = tag.ok_or_else(|| invalid("tag_name", "missing_field"))?;
    let is_draft = body["draft"].as_bool().unwrap_or(false);
    let repo = &world.repos[asked.repo];
    if repo.burned.contains(tag) && !is_draft {
        return Err(invalid("tag_name", "tag_name was used by an immutable release"));
    }
    if repo.published(tag).is_some() && !is_draft {
        return Err(invalid("tag_name", "already_exists"));
    }
    let spec = ReleaseSpec {
        name: body["name"].as_str().map(str::to_owned),
        body: body["body"].as_str().unwrap_or_default().to_owned(),
        draft: is_draft,
        prerelease: body["prerelease"].as_bool().unwrap_or(false),
        make_latest: match body["make_latest"].as_str() {
            Some("false") => MakeLatest::False,
            Some("legacy") => MakeLatest::Legacy,
            _ if is_draft => MakeLatest::Legacy,
            _ => MakeLatest::True,
        },
        ..ReleaseSpec::new(tag)
    };
    let id = world.add_release(asked.repo, spec);
    world.mutations += 1;
    let repo = &world.repos[asked.repo];
    let release = repo.release(id).ok_or_else(problems::not_found)?;
    Ok(Reply::json(201, &json::release(world, repo, release)))
}

fn invalid(field: &str, code: &str) -> Reply {
    let body = json!({
        "message": "Validation Failed",
        "errors": [{ "resource": "Release", "field": field, "code": code }],
        "documentation_url": "https://docs.github.com/rest/releases/releases#create-a-release",
        "status": "422",
    });
    Reply::json(422, &body)
}
