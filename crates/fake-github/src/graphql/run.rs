//! Executes a query: combines fields, fragments and aliases into one response, and pages connections.

use graphql_parser::Pos;
use graphql_parser::query::Field;
use graphql_parser::query::Selection;
use graphql_parser::query::SelectionSet;
use graphql_parser::query::TypeCondition;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::graphql::check::Arguments;
use crate::graphql::check::Context;
use crate::graphql::objects::Given;
use crate::graphql::objects::Object;
use crate::graphql::objects::listed_refs;
use crate::graphql::objects::listed_releases;
use crate::graphql::objects::ref_of;
use crate::graphql::schema::Schema;
use crate::listing::MOST_RESULTS;
use crate::rest::Permission;
use crate::rest::Viewer;
use crate::rest::json;
use crate::world::Release;
use crate::world::Repo;
use crate::world::World;

const MOST_PER_PAGE: usize = 100;

/// An error that GitHub reports next to the data.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) kind: &'static str,
    pub(crate) message: String,
}

impl Trouble {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Trouble {
        Trouble { kind, message: message.into() }
    }

    pub(crate) fn to_json(&self, path: &[Value], at: Pos) -> Value {
        let locations = json!([{ "line": at.line, "column": at.column }]);
        json!({ "type": self.kind, "path": path, "locations": locations, "message": self.message })
    }
}

/// Executes a query on the current world.
pub(crate) fn query(
    world: &World,
    viewer: Viewer,
    context: &Context<'_>,
    set: &SelectionSet<'static, String>,
) -> (Value, Vec<Value>) {
    let run = Run { world, viewer, context };
    let mut errors = Vec::new();
    let data = run.select(&Object::Query, set, &mut Vec::new(), &mut errors);
    (data, errors)
}

pub(crate) struct Run<'w, 'q> {
    pub(crate) world: &'w World,
    pub(crate) viewer: Viewer,
    context: &'q Context<'q>,
}

impl<'w> Run<'w, '_> {
    fn select(
        &self,
        object: &Object<'w>,
        set: &SelectionSet<'static, String>,
        path: &mut Vec<Value>,
        errors: &mut Vec<Value>,
    ) -> Value {
        let mut fields = Map::new();
        self.select_into(object, set, path, errors, &mut fields);
        Value::Object(fields)
    }

    fn select_into(
        &self,
        object: &Object<'w>,
        set: &SelectionSet<'static, String>,
        path: &mut Vec<Value>,
        errors: &mut Vec<Value>,
        fields: &mut Map<String, Value>,
    ) {
        for selection in &set.items {
            match selection {
                Selection::Field(field) if self.context.is_included(&field.directives) => {
                    let key = field.alias.as_ref().unwrap_or(&field.name).clone();
                    path.push(json!(key));
                    let value = self.field(object, field, path, errors);
                    path.pop();
                    merge(fields.entry(key).or_insert(Value::Null), value);
                }
                Selection::InlineFragment(fragment) if self.context.is_included(&fragment.directives) => {
                    let applies = fragment
                        .type_condition
                        .as_ref()
                        .is_none_or(|TypeCondition::On(name)| Schema::known().is(object.type_name(), name));
                    if applies {
                        self.select_into(object, &fragment.selection_set, path, errors, fields);
                    }
                }
                Selection::FragmentSpread(spread) if self.context.is_included(&spread.directives) => {
                    let Some(fragment) = self.context.fragments.get(spread.fragment_name.as_str()) else { continue };
                    let TypeCondition::On(name) = &fragment.type_condition;
                    if Schema::known().is(object.type_name(), name) {
                        self.select_into(object, &fragment.selection_set, path, errors, fields);
                    }
                }
                Selection::Field(_) | Selection::InlineFragment(_) | Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn field(
        &self,
        object: &Object<'w>,
        field: &Field<'static, String>,
        path: &mut Vec<Value>,
        errors: &mut Vec<Value>,
    ) -> Value {
        if field.name == "__typename" {
            return json!(object.type_name());
        }
        let arguments = match self.context.arguments(field, object.type_name()) {
            Ok(arguments) => arguments,
            Err(error) => {
                errors.push(error);
                return Value::Null;
            }
        };
        match object.field(self, &field.name, &arguments) {
            Ok(Given::Leaf(value)) => value,
            Ok(Given::One(None)) => Value::Null,
            Ok(Given::One(Some(object))) => self.select(&object, &field.selection_set, path, errors),
            Ok(Given::Many(objects)) => {
                let mut items = Vec::new();
                for (index, object) in objects.into_iter().enumerate() {
                    path.push(json!(index));
                    let item = object.map(|object| self.select(&object, &field.selection_set, path, errors));
                    items.push(item.unwrap_or_default());
                    path.pop();
                }
                Value::Array(items)
            }
            Err(trouble) => {
                errors.push(trouble.to_json(path, field.position));
                Value::Null
            }
        }
    }

    pub(crate) fn repository(&self, owner: &str, name: &str) -> Result<Object<'w>, Trouble> {
        let full_name = format!("{owner}/{name}");
        let found = self.world.repo_index(&full_name).map(|(index, _)| &self.world.repos[index]);
        found
            .filter(|repo| self.viewer.permission(repo.private) != Permission::None)
            .map(Object::Repository)
            .ok_or_else(|| {
                Trouble::new("NOT_FOUND", format!("Could not resolve to a Repository with the name '{full_name}'."))
            })
    }

    pub(crate) fn node(&self, id: &str) -> Result<Object<'w>, Trouble> {
        let unknown = || Trouble::new("NOT_FOUND", format!("Could not resolve to a node with the global id of '{id}'"));
        let permitted = |repo: &&Repo| self.viewer.permission(repo.private) != Permission::None;
        self.world.repos.iter().filter(permitted).find_map(|repo| node_in(repo, id)).ok_or_else(unknown)
    }

    pub(crate) fn releases(
        &self,
        repo: &'w Repo,
        sees_drafts: bool,
        arguments: &Arguments,
    ) -> Result<Given<'w>, Trouble> {
        let kind = Kind { connection: "ReleaseConnection", edge: "ReleaseEdge", field: "releases", most: MOST_RESULTS };
        connection(kind, listed_releases(repo, sees_drafts, arguments), arguments)
    }

    pub(crate) fn refs(&self, repo: &'w Repo, arguments: &Arguments) -> Result<Given<'w>, Trouble> {
        let kind = Kind { connection: "RefConnection", edge: "RefEdge", field: "refs", most: usize::MAX };
        connection(kind, listed_refs(repo, arguments), arguments)
    }

    pub(crate) fn assets(
        &self,
        repo: &'w Repo,
        release: &'w Release,
        arguments: &Arguments,
    ) -> Result<Given<'w>, Trouble> {
        let kind = Kind {
            connection: "ReleaseAssetConnection",
            edge: "ReleaseAssetEdge",
            field: "releaseAssets",
            most: MOST_RESULTS,
        };
        let name = arguments.get("name").and_then(Value::as_str);
        let assets = release.assets.iter().filter(|asset| name.is_none_or(|name| name == asset.name));
        connection(kind, assets.map(|asset| Object::Asset(repo, release, asset)).collect(), arguments)
    }
}

fn node_in<'w>(repo: &'w Repo, id: &str) -> Option<Object<'w>> {
    if json::repo_node_id(repo.id) == id {
        return Some(Object::Repository(repo));
    }
    if let Some((owner, tag)) = json::ref_of_node_id(id) {
        return if owner == repo.id { ref_of(repo, &tag) } else { None };
    }
    repo.releases.iter().find_map(|release| {
        if json::release_node_id(release.id) == id {
            return Some(Object::Release(repo, release));
        }
        let asset = release.assets.iter().find(|asset| json::asset_node_id(asset.id) == id);
        asset.map(|asset| Object::Asset(repo, release, asset))
    })
}

/// Merges the results of two mentions of one field.
fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(more)) if into.len() == more.len() => {
            for (into, more) in into.iter_mut().zip(more) {
                merge(into, more);
            }
        }
        (into, more) => *into = more,
    }
}

/// Which list a connection is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) connection: &'static str,
    edge: &'static str,
    field: &'static str,
    /// GitHub counts and returns at most this many.
    most: usize,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub(crate) struct Connection<'w> {
    pub(crate) kind: Kind,
    items: Vec<(String, Object<'w>)>,
    total: usize,
    has_next: bool,
    has_previous: bool,
}

fn connection<'w>(kind: Kind, all: Vec<Object<'w>>, arguments: &Arguments) -> Result<Given<'w>, Trouble> {
    let number = |key: &str| arguments.get(key).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    let Some(size) = number("first").or(number("last")) else {
        let message =
            format!("You must provide a `first` or `last` value to properly paginate the `{}` connection.", kind.field);
        return Err(Trouble::new("MISSING_PAGINATION_BOUNDARIES", message));
    };
    if size > MOST_PER_PAGE {
        let message = format!(
            "Requesting {size} records on the `{}` connection exceeds the `first` limit of 100 records.",
            kind.field
        );
        return Err(Trouble::new("EXCESSIVE_PAGINATION", message));
    }
    let total = all.len();
    let keyed: Vec<(String, Object<'w>)> =
        all.into_iter().enumerate().map(|(index, object)| (cursor(index, &object), object)).collect();
    let place = |key: &str| arguments.get(key).and_then(Value::as_str).map(|cursor| place_of(cursor, &keyed));
    let after = place("after").map_or(0, |place| place + 1);
    let before = place("before").unwrap_or(total);
    let (start, end) = match number("first") {
        Some(first) => (after, (after + first).min(before)),
        None => (before.saturating_sub(size).max(after), before),
    };
    if start >= kind.most {
        return Err(Trouble::new("UNPROCESSABLE", "Only the first 1000 results are available."));
    }
    let items = keyed.into_iter().skip(start).take(end.saturating_sub(start)).collect();
    let page = Connection { kind, items, total: total.min(kind.most), has_next: end < total, has_previous: start > 0 };
    Ok(Given::One(Some(Object::Connection(page))))
}

/// A position and a name: the name locates the page if the list has become shorter, the position if the name is gone.
fn cursor(index: usize, object: &Object<'_>) -> String {
    match object {
        Object::Release(_, release) => format!("{index}:{}", release.id),
        Object::Asset(_, _, asset) => format!("{index}:{}", asset.id),
        Object::Ref { name, .. } => format!("{index}:{name}"),
        Object::Query
        | Object::Repository(_)
        | Object::Git { .. }
        | Object::Actor { .. }
        | Object::User { .. }
        | Object::RateLimit
        | Object::Connection(_)
        | Object::PageInfo(_)
        | Object::Edge { .. } => index.to_string(),
    }
}

fn place_of(cursor: &str, all: &[(String, Object<'_>)]) -> usize {
    let (position, name) = cursor.split_once(':').unwrap_or((cursor, ""));
    let same = |known: &str| known.split_once(':').is_some_and(|(_, known)| known == name);
    let named = all.iter().position(|(known, _)| same(known));
    named.unwrap_or_else(|| position.parse::<usize>().unwrap_or(0).saturating_sub(1))
}

impl<'w> Connection<'w> {
    pub(crate) fn field(&self, name: &str) -> Result<Given<'w>, Trouble> {
        Ok(match name {
            "totalCount" => Given::Leaf(json!(self.total)),
            "pageInfo" => Given::One(Some(Object::PageInfo(self.clone()))),
            "nodes" => Given::Many(self.items.iter().map(|(_, object)| Some(object.clone())).collect()),
            _ => {
                let edge = |(cursor, node): &(String, Object<'w>)| Object::Edge {
                    kind: self.kind.edge,
                    cursor: cursor.clone(),
                    node: Box::new(node.clone()),
                };
                Given::Many(self.items.iter().map(edge).map(Some).collect())
            }
        })
    }

    pub(crate) fn page_info(&self, name: &str) -> Value {
        match name {
            "endCursor" => json!(self.items.last().map(|(cursor, _)| cursor)),
            "startCursor" => json!(self.items.first().map(|(cursor, _)| cursor)),
            "hasNextPage" => json!(self.has_next),
            _ => json!(self.has_previous),
        }
    }
}
