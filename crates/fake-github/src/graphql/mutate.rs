//! The two mutations that pruning needs: many tags at once with compare-and-swap, and one tag without.

use graphql_parser::query::Field;
use graphql_parser::query::Selection;
use graphql_parser::query::SelectionSet;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::effects::Refusal;
use crate::effects::TagUpdate;
use crate::graphql::check::Context;
use crate::graphql::run::Trouble;
use crate::rest::Permission;
use crate::rest::Viewer;
use crate::rest::json;
use crate::rest::problems;
use crate::world::World;

const ZEROS: &str = "0000000000000000000000000000000000000000";

/// Executes the fields of a mutation one after another.
pub(crate) fn carry_out(
    world: &mut World,
    viewer: Viewer,
    context: &Context<'_>,
    set: &SelectionSet<'static, String>,
) -> (Value, Vec<Value>) {
    let (mut data, mut errors) = (Map::new(), Vec::new());
    for selection in &set.items {
        // Fragments on `Mutation` are legal but never used.
        let Selection::Field(field) = selection else { continue };
        let key = field.alias.as_ref().unwrap_or(&field.name).clone();
        let value = match one(world, viewer, context, field) {
            Ok(payload) => payload,
            Err(trouble) => {
                errors.push(trouble.to_json(&[json!(key)], field.position));
                Value::Null
            }
        };
        data.insert(key, value);
    }
    (Value::Object(data), errors)
}

fn one(
    world: &mut World,
    viewer: Viewer,
    context: &Context<'_>,
    field: &Field<'static, String>,
) -> Result<Value, Trouble> {
    if field.name == "__typename" {
        return Ok(json!("Mutation"));
    }
    let arguments = context
        .arguments(field, "Mutation")
        .map_err(|error| Trouble::new("INVALID", error["message"].as_str().unwrap_or_default()))?;
    let input = arguments.get("input").cloned().unwrap_or_default();
    let type_name = if field.name == "updateRefs" {
        update_refs(world, viewer, &input)?;
        "UpdateRefsPayload"
    } else {
        delete_ref(world, viewer, &input)?;
        "DeleteRefPayload"
    };
    world.mutations += 1;
    Ok(payload(field, type_name, &input["clientMutationId"]))
}

fn payload(field: &Field<'static, String>, type_name: &str, client_mutation_id: &Value) -> Value {
    let mut fields = Map::new();
    for selection in &field.selection_set.items {
        let Selection::Field(wanted) = selection else { continue };
        let key = wanted.alias.as_ref().unwrap_or(&wanted.name).clone();
        let value = if wanted.name == "__typename" { json!(type_name) } else { client_mutation_id.clone() };
        fields.insert(key, value);
    }
    Value::Object(fields)
}

/// The repository, if it can be seen and changed.
fn writable(world: &World, viewer: Viewer, repo: Option<usize>, id: &str) -> Result<usize, Trouble> {
    let unknown = || Trouble::new("NOT_FOUND", format!("Could not resolve to a node with the global id of '{id}'"));
    let index = repo.ok_or_else(unknown)?;
    let permission = viewer.permission(world.repos[index].private);
    match permission {
        Permission::None => Err(unknown()),
        Permission::Read => Err(Trouble::new("FORBIDDEN", "Resource not accessible by integration")),
        Permission::Write if world.repos[index].archived => {
            Err(Trouble::new("FORBIDDEN", "Repository was archived so is read-only."))
        }
        Permission::Write => Ok(index),
    }
}

fn update_refs(world: &mut World, viewer: Viewer, input: &Value) -> Result<(), Trouble> {
    let id = input["repositoryId"].as_str().unwrap_or_default();
    let found = world.repos.iter().position(|repo| json::repo_node_id(repo.id) == id);
    let repo = writable(world, viewer, found, id)?;
    let wishes = input["refUpdates"].as_array().map(Vec::as_slice).unwrap_or_default();
    let updates = wishes.iter().map(tag_update).collect::<Result<Vec<_>, _>>()?;
    world.repos[repo].update_tags(&updates).map_err(|(index, refusal)| {
        let name = wishes[index]["name"].as_str().unwrap_or_default();
        refused(name, &refusal)
    })
}

fn tag_update(wish: &Value) -> Result<TagUpdate, Trouble> {
    let name = wish["name"].as_str().unwrap_or_default();
    let Some(tag) = name.strip_prefix("refs/tags/").filter(|tag| !tag.is_empty()) else {
        return Err(Trouble::new("UNPROCESSABLE", format!("{name} is not a tag")));
    };
    let oid = |value: &Value| value.as_str().filter(|oid| *oid != ZEROS).map(str::to_owned);
    Ok(TagUpdate {
        tag: tag.to_owned(),
        before: (!wish["beforeOid"].is_null()).then(|| oid(&wish["beforeOid"])),
        after: oid(&wish["afterOid"]),
        force: wish["force"] == true,
    })
}

fn delete_ref(world: &mut World, viewer: Viewer, input: &Value) -> Result<(), Trouble> {
    let id = input["refId"].as_str().unwrap_or_default();
    let named = json::ref_of_node_id(id);
    let exists = |index: &usize| named.as_ref().is_some_and(|(_, tag)| world.repos[*index].tags.contains_key(tag));
    let found = named.as_ref().and_then(|(repo, _)| world.repo_by_id(*repo)).filter(exists);
    let repo = writable(world, viewer, found, id)?;
    let tag = named.map(|(_, tag)| tag).unwrap_or_default();
    world.repos[repo].delete_tag(&tag).map_err(|refusal| refused(&format!("refs/tags/{tag}"), &refusal))
}

/// GitHub's messages for a refused update of many refs are not published; these name the ref and the reason.
fn refused(name: &str, refusal: &Refusal) -> Trouble {
    Trouble::new("UNPROCESSABLE", format!("{name}: {}", problems::refusal_text(refusal)))
}
