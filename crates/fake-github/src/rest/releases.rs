//! Releases and their assets.

use serde_json::Value;
use serde_json::json;

use crate::dates::rfc3339;
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
use crate::spec::AssetSpec;
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
    if asset.state != AssetState::Uploaded {
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

/// `POST /releases`. Notes that GitHub would generate are a line that names the tag.
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
        body: notes(&body, tag),
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

fn notes(body: &Value, tag: &str) -> String {
    let given = body["body"].as_str().unwrap_or_default();
    if body["generate_release_notes"].as_bool().unwrap_or(false) {
        format!("{given}**Full Changelog**: {tag}")
    } else {
        given.to_owned()
    }
}

/// `PATCH /releases/{id}`: publishing a draft, and its texts.
pub(super) fn update(world: &mut World, asked: &Asked, id: u64) -> Result<Reply, Reply> {
    by_id(world, asked, id)?;
    asked.viewer.may_write(asked.permission, world.repos[asked.repo].archived)?;
    let body = body_of(asked.call)?;
    let now = rfc3339(world.clock());
    let repo = &mut world.repos[asked.repo];
    let Some(release) = repo.releases.iter_mut().find(|release| release.id == id) else {
        return Err(problems::not_found());
    };
    for (key, field) in [("name", &mut release.name), ("body", &mut release.body)] {
        if let Some(text) = body[key].as_str() {
            text.clone_into(field);
        }
    }
    let (tag, is_draft) = (release.tag.clone(), release.draft);
    if is_draft && body["draft"] == false {
        if repo.burned.contains(&tag) {
            return Err(invalid("tag_name", "tag_name was used by an immutable release"));
        }
        if repo.published(&tag).is_some() {
            return Err(invalid("tag_name", "already_exists"));
        }
        repo.publish(id, &now);
        if body["make_latest"] != "false" && repo.release(id).is_some_and(|release| !release.prerelease) {
            repo.chosen_latest = Some(id);
        }
    }
    world.mutations += 1;
    by_id(world, asked, id)
}

/// `POST` to a release's `upload_url`.
pub(super) fn upload(world: &mut World, asked: &Asked, id: u64) -> Result<Reply, Reply> {
    by_id(world, asked, id)?;
    asked.viewer.may_write(asked.permission, world.repos[asked.repo].archived)?;
    let name = asked.call.query("name").filter(|name| !name.is_empty());
    let name = renamed(&name.ok_or_else(|| invalid_asset("name", "missing_field"))?);
    let repo = &world.repos[asked.repo];
    let release = repo.release(id).ok_or_else(problems::not_found)?;
    if release.immutable && !release.draft {
        return Err(problems::problem(422, "Cannot upload assets to an immutable release."));
    }
    if release.assets.iter().any(|asset| asset.name == name) {
        return Err(invalid_asset("name", "already_exists"));
    }
    let content_type =
        asked.call.header("Content-Type").ok_or_else(|| problems::problem(400, "Invalid Content-Type"))?;
    let spec = AssetSpec::new(&name, asked.call.body.clone()).content_type(content_type);
    let asset = world.add_asset(asked.repo, id, spec);
    world.mutations += 1;
    let repo = &world.repos[asked.repo];
    let release = repo.release(id).ok_or_else(problems::not_found)?;
    let asset = release.assets.iter().find(|one| one.id == asset).ok_or_else(problems::not_found)?;
    Ok(Reply::json(201, &json::asset(world, repo, release, asset)))
}

pub(super) fn delete_asset(world: &mut World, asked: &Asked, id: u64) -> Result<Reply, Reply> {
    let repo = &world.repos[asked.repo];
    let visible = repo.releases.iter().filter(|release| !release.draft || sees_drafts(asked));
    let of = visible.into_iter().find(|release| release.assets.iter().any(|asset| asset.id == id));
    let of = of.ok_or_else(problems::not_found)?;
    asked.viewer.may_write(asked.permission, repo.archived)?;
    if of.immutable && !of.draft {
        return Err(problems::problem(422, "Cannot delete asset from an immutable release"));
    }
    for release in &mut world.repos[asked.repo].releases {
        release.assets.retain(|asset| asset.id != id);
    }
    world.mutations += 1;
    Ok(Reply::new(204))
}

/// GitHub replaces each other character in the name of an asset, and removes dots at its ends.
fn renamed(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || "._-+@".contains(c) { c } else { '.' };
    name.chars().map(kept).collect::<String>().trim_matches('.').to_owned()
}

fn invalid(field: &str, code: &str) -> Reply {
    validation_failed("Release", field, code)
}

fn invalid_asset(field: &str, code: &str) -> Reply {
    validation_failed("ReleaseAsset", field, code)
}

fn validation_failed(resource: &str, field: &str, code: &str) -> Reply {
    let body = json!({
        "message": "Validation Failed",
        "errors": [{ "resource": resource, "field": field, "code": code }],
        "documentation_url": "https://docs.github.com/rest/releases/releases#create-a-release",
        "status": "422",
    });
    Reply::json(422, &body)
}
