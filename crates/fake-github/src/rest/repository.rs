//! A repository and its rulesets.

use serde_json::Value;

use crate::http::Reply;
use crate::rest::Asked;
use crate::rest::Permission;
use crate::rest::json;
use crate::rest::problems;
use crate::world::World;

pub(super) fn show(world: &World, asked: &Asked) -> Reply {
    let may_push = asked.permission == Permission::Write;
    Reply::json(200, &json::repo(&world.urls, &world.repos[asked.repo], may_push))
}

pub(super) fn rulesets(world: &World, asked: &Asked) -> Reply {
    let repo = &world.repos[asked.repo];
    let wants_tags = asked.call.query("targets").is_none_or(|targets| targets.split(',').any(|one| one == "tag"));
    let shown: Vec<Value> = repo
        .rulesets
        .iter()
        .filter(|ruleset| wants_tags && !ruleset.spec.hidden)
        .map(|ruleset| json::ruleset(&world.urls, repo, ruleset, false))
        .collect();
    Reply::json(200, &Value::Array(shown))
}

pub(super) fn ruleset(world: &World, asked: &Asked, id: u64) -> Result<Reply, Reply> {
    let repo = &world.repos[asked.repo];
    let found = repo.rulesets.iter().find(|ruleset| ruleset.id == id && !ruleset.spec.hidden);
    let ruleset = found.ok_or_else(problems::not_found)?;
    Ok(Reply::json(200, &json::ruleset(&world.urls, repo, ruleset, true)))
}
