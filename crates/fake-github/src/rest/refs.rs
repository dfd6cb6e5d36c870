//! Tags and the refs they are.

use serde_json::Value;

use crate::http::Reply;
use crate::listing;
use crate::listing::Page;
use crate::rest::Asked;
use crate::rest::body_of;
use crate::rest::json;
use crate::rest::problems;
use crate::rest::releases::linked;
use crate::world::GitObject;
use crate::world::World;

pub(super) fn tags(world: &mut World, asked: &Asked) -> Reply {
    let page = Page::new(asked.call.query("page").as_deref(), asked.call.query("per_page").as_deref(), 30);
    if page.number == 1 {
        listing::tags_begin(&mut world.repos[asked.repo]);
    }
    let repo = &world.repos[asked.repo];
    let mut all = listing::tags(repo);
    all.reverse();
    let shown: Vec<Value> = page.of(&all).iter().map(|(name, oid)| json::tag(&world.urls, repo, name, oid)).collect();
    let base = format!("{}/repositories/{}/tags", world.urls.api, repo.id);
    linked(Reply::json(200, &Value::Array(shown)), page.link(&base, all.len()))
}

/// Everything in one response, as from GitHub, unless paging is switched on.
pub(super) fn matching(world: &mut World, asked: &Asked) -> Reply {
    let number = asked.call.query("page");
    if number.as_deref().unwrap_or("1") == "1" {
        listing::tags_begin(&mut world.repos[asked.repo]);
    }
    let repo = &world.repos[asked.repo];
    let wanted = asked.name_from(2);
    let matches = |name: &str| format!("tags/{name}").starts_with(&wanted);
    let all: Vec<_> = listing::tags(repo).into_iter().filter(|(name, _)| matches(name)).collect();
    let shown = |part: &[(&str, &str)]| {
        Value::Array(part.iter().map(|(name, oid)| json::git_ref(&world.urls, repo, name, oid)).collect())
    };
    let Some(size) = world.switches.matching_refs_page else { return Reply::json(200, &shown(&all)) };
    let page = Page { size, ..Page::new(number.as_deref(), None, 30) };
    let base = format!("{}/repositories/{}/git/matching-refs/{}", world.urls.api, repo.id, json::encoded(&wanted));
    linked(Reply::json(200, &shown(page.of(&all))), page.link(&base, all.len()))
}

pub(super) fn one(world: &World, asked: &Asked) -> Result<Reply, Reply> {
    let repo = &world.repos[asked.repo];
    let name = asked.name_from(3);
    let oid = repo.tags.get(&name).ok_or_else(problems::not_found)?;
    Ok(Reply::json(200, &json::git_ref(&world.urls, repo, &name, oid)))
}

pub(super) fn tag_object(world: &World, asked: &Asked, oid: &str) -> Result<Reply, Reply> {
    let repo = &world.repos[asked.repo];
    match repo.objects.get(oid) {
        Some(GitObject::Tag { name, date, target }) => {
            Ok(Reply::json(200, &json::tag_object(&world.urls, repo, oid, (name, date, target))))
        }
        Some(GitObject::Commit { .. }) | None => Err(problems::not_found()),
    }
}

pub(super) fn commit(world: &World, asked: &Asked, oid: &str) -> Result<Reply, Reply> {
    let repo = &world.repos[asked.repo];
    match repo.objects.get(oid) {
        Some(GitObject::Commit { date }) => Ok(Reply::json(200, &json::commit(&world.urls, repo, oid, date))),
        Some(GitObject::Tag { .. }) | None => Err(problems::not_found()),
    }
}

pub(super) fn create(world: &mut World, asked: &Asked) -> Result<Reply, Reply> {
    let repo = &mut world.repos[asked.repo];
    asked.viewer.may_write(asked.permission, repo.archived)?;
    let body = body_of(asked.call)?;
    let name = body["ref"].as_str().and_then(|name| name.strip_prefix("refs/tags/")).unwrap_or_default();
    let oid = body["sha"].as_str().unwrap_or_default();
    if name.is_empty() || oid.is_empty() {
        return Err(problems::problem(422, "Invalid request.\n\n\"ref\", \"sha\" weren't supplied."));
    }
    repo.create_tag(name, oid).map_err(|refusal| problems::refused(&refusal))?;
    world.mutations += 1;
    let repo = &world.repos[asked.repo];
    Ok(Reply::json(201, &json::git_ref(&world.urls, repo, name, oid)))
}

pub(super) fn delete(world: &mut World, asked: &Asked) -> Result<Reply, Reply> {
    let repo = &mut world.repos[asked.repo];
    asked.viewer.may_write(asked.permission, repo.archived)?;
    repo.delete_tag(&asked.name_from(3)).map_err(|refusal| problems::refused(&refusal))?;
    world.mutations += 1;
    Ok(Reply::new(204))
}
