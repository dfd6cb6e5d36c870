//! The API: a response for each request.

use fake_http::http::Call;
use fake_http::http::Reply;
use fake_http::http::decoded;
use serde_json::Value;
use serde_json::json;

use crate::world::Owner;
use crate::world::OwnerKind;
use crate::world::World;

/// The path of the API on its host.
pub(crate) const BASE: &str = "/v1";

/// The page size if none is requested.
const DEFAULT_PAGE: usize = 20;

/// The most entries of a page that a request may ask for.
const MAX_PAGE: usize = 100;

pub(crate) fn respond(world: &mut World, call: &Call) -> Reply {
    if call.header("Authorization") != Some(&format!("Bearer {}", world.token)) {
        return error(401, "unauthorized");
    }
    let Some(path) = call.path().strip_prefix(BASE) else { return error(404, "not found") };
    let segments: Vec<String> = path.trim_start_matches('/').split('/').map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), &segments[..]) {
        ("GET", ["services"]) => services(world, call),
        ("GET", ["services", id]) => match service(world, id) {
            Some(owner) => Reply::json(200, &world.service_json(&owner)),
            None => error(404, "service not found"),
        },
        ("GET", ["services", id, "env-vars"]) => variables(world, id, call),
        // A last segment that is empty is the same resource.
        ("PUT", ["services", id, "env-vars"] | ["services", id, "env-vars", ""]) => replace_all(world, id, call),
        (_, ["services", id, "env-vars", key]) if service(world, id).is_some() => variable(world, id, key, call),
        ("POST", ["services", id, "deploys"]) => deploy(world, id),
        ("GET", ["env-groups"]) => groups(world, call),
        ("GET", ["env-groups", id]) => match group(world, id) {
            Some(owner) => Reply::json(200, &world.group_json(&owner)),
            None => error(404, "env group not found"),
        },
        (_, ["env-groups", id, "env-vars", key]) if group(world, id).is_some() => variable(world, id, key, call),
        _ => error(404, "not found"),
    }
}

/// Render's document for errors.
pub(crate) fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "id": "req-1", "message": message }))
}

fn service(world: &World, id: &str) -> Option<Owner> {
    world.owners.get(id).filter(|owner| matches!(owner.kind, OwnerKind::Service(_))).cloned()
}

fn group(world: &World, id: &str) -> Option<Owner> {
    world.owners.get(id).filter(|owner| matches!(owner.kind, OwnerKind::Group(_))).cloned()
}

fn services(world: &World, call: &Call) -> Reply {
    let services = world.owners.values().filter(|owner| matches!(owner.kind, OwnerKind::Service(_)));
    let entries = services
        .filter(|owner| is_selected(owner, call))
        .map(|owner| (owner.id.clone(), json!({ "service": world.service_json(owner) })));
    page(world, call, entries.collect())
}

/// Unlike other lists, this one has no cursors in its entries.
fn groups(world: &World, call: &Call) -> Reply {
    let groups = world.owners.values().filter(|owner| matches!(owner.kind, OwnerKind::Group(_)));
    let groups = groups.filter(|owner| is_selected(owner, call)).map(|owner| world.group_meta(owner));
    Reply::json(200, &groups.take(limit(call)).collect())
}

fn is_selected(owner: &Owner, call: &Call) -> bool {
    call.query("name").is_none_or(|name| owner.name == name)
        && call.query("ownerId").is_none_or(|workspace| owner.workspace == workspace)
}

fn variables(world: &World, id: &str, call: &Call) -> Reply {
    let Some(owner) = service(world, id) else { return error(404, "service not found") };
    let entries =
        owner.variables.iter().map(|(key, value)| (key.clone(), json!({ "envVar": { "key": key, "value": value } })));
    page(world, call, entries.collect())
}

/// One page of a list that is sorted by key. The cursor of an entry encodes its key, so that it stays valid if the entry is
/// removed.
fn page(world: &World, call: &Call, entries: Vec<(String, Value)>) -> Reply {
    let after = match call.query("cursor").map(|cursor| key_of(&cursor)) {
        None => None,
        Some(Some(key)) => Some(key),
        Some(None) => return error(400, "invalid cursor"),
    };
    let rest = entries.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let page = rest.take(limit(call).min(world.page_size)).map(|(key, mut entry)| {
        entry["cursor"] = json!(cursor_of(&key));
        entry
    });
    Reply::json(200, &page.collect())
}

fn limit(call: &Call) -> usize {
    call.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE)
}

fn cursor_of(key: &str) -> String {
    key.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn key_of(cursor: &str) -> Option<String> {
    let bytes = (0..cursor.len()).step_by(2).map(|at| u8::from_str_radix(cursor.get(at..at + 2)?, 16).ok());
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}

/// The request that loses variables: what is not in the list is deleted.
fn replace_all(world: &mut World, id: &str, call: &Call) -> Reply {
    world.full_replacements += 1;
    let Ok(Value::Array(entries)) = serde_json::from_slice(&call.body) else {
        return error(400, "the body must be a list");
    };
    let pairs = entries.iter().map(|entry| {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        (text("key"), text("value"))
    });
    let pairs = pairs.collect();
    match world.owners.get_mut(id) {
        Some(owner) => owner.variables = pairs,
        None => return error(404, "service not found"),
    }
    variables(world, id, call)
}

/// One variable of a service or a group that exists.
fn variable(world: &mut World, id: &str, key: &str, call: &Call) -> Reply {
    let document = |value: &str| json!({ "key": key, "value": value });
    match call.method.as_str() {
        "GET" => match world.owners.get(id).and_then(|owner| owner.variables.get(key)) {
            Some(value) => Reply::json(200, &document(value)),
            None => error(404, "environment variable not found"),
        },
        "PUT" => {
            let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
            let value = match (body["value"].as_str(), body["generateValue"].as_bool()) {
                (Some(value), None) => value.to_owned(),
                (None, Some(true)) => world.generated(),
                (Some(_), Some(_)) | (None, Some(false) | None) => return error(400, "invalid body"),
            };
            let Some(owner) = world.owners.get_mut(id) else { return error(404, "not found") };
            owner.variables.insert(key.to_owned(), value.clone());
            let owner = owner.clone();
            match owner.kind {
                OwnerKind::Service(_) => Reply::json(200, &document(&value)),
                OwnerKind::Group(_) => Reply::json(200, &world.group_json(&owner)),
            }
        }
        "DELETE" => match world.owners.get_mut(id).and_then(|owner| owner.variables.remove(key)) {
            Some(_) => Reply::new(204),
            None => error(404, "environment variable not found"),
        },
        _ => error(405, "method not allowed"),
    }
}

fn deploy(world: &mut World, id: &str) -> Reply {
    let is_queued = world.queues_deploys;
    match world.owners.get_mut(id) {
        Some(owner) if matches!(owner.kind, OwnerKind::Service(_)) => {
            owner.deploys += 1;
            if is_queued {
                return Reply::new(202);
            }
            let document = json!({ "id": format!("dep-{}-{}", id, owner.deploys), "status": "created" });
            Reply::json(201, &document)
        }
        Some(_) | None => error(404, "service not found"),
    }
}
