//! The GraphQL API: a document is parsed, validated against the schema and executed field by field.

mod check;
mod mutate;
mod objects;
mod run;
pub(crate) mod schema;

use graphql_parser::query::Definition;
use graphql_parser::query::Document;
use graphql_parser::query::OperationDefinition;
use graphql_parser::query::SelectionSet;
use graphql_parser::query::VariableDefinition;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::graphql::check::Context;
use crate::graphql::check::Findings;
use crate::graphql::check::Fragments;
use crate::http::Call;
use crate::http::Reply;
use crate::listing;
use crate::rest::Viewer;
use crate::rest::problems;
use crate::world::World;

/// Handles `POST /graphql`.
pub(crate) fn answer(world: &mut World, call: &Call, viewer: &Viewer) -> Reply {
    if !world.switches.graphql {
        return problems::not_found();
    }
    if !viewer.is_authenticated() {
        return problems::problem(401, "This endpoint requires you to be authenticated.");
    }
    if call.method != "POST" {
        return problems::not_found();
    }
    let Ok(request) = serde_json::from_slice::<Value>(&call.body) else {
        return problems::problem(400, "Problems parsing JSON");
    };
    let Some(text) = request["query"].as_str() else {
        return refused(&[json!({ "message": "A query attribute must be specified and must be a string." })]);
    };
    let document = match graphql_parser::parse_query::<String>(text) {
        Ok(document) => document.into_static(),
        Err(error) => return refused(&[json!({ "message": format!("Parse error: {error}") })]),
    };
    match carried_out(world, *viewer, &request, &document) {
        Ok((data, errors)) if errors.is_empty() => Reply::json(200, &json!({ "data": data })),
        Ok((data, errors)) => Reply::json(200, &json!({ "data": data, "errors": errors })),
        Err(errors) => refused(&errors),
    }
}

fn refused(errors: &[Value]) -> Reply {
    Reply::json(200, &json!({ "errors": errors }))
}

type Answer = (Value, Vec<Value>);

fn carried_out(
    world: &mut World,
    viewer: Viewer,
    request: &Value,
    document: &Document<'static, String>,
) -> Result<Answer, Vec<Value>> {
    let operation = operation_of(document, request["operationName"].as_str())
        .ok_or_else(|| vec![json!({ "message": "An operation name is required" })])?;
    let (root, variables, set) = parts_of(operation);
    // The world is mutated while its switches are read, so the few names are copied.
    let hidden = world.switches.hidden_fields.clone();
    let context = Context {
        fragments: fragments_of(document),
        variables: variables_of(variables, &request["variables"]).map_err(|error| vec![error])?,
        hidden: &hidden,
    };
    let mut findings = Findings::default();
    context.check(set, root, &mut findings);
    if !findings.errors.is_empty() {
        return Err(findings.errors);
    }
    for repo in &mut world.repos {
        if findings.begins_releases {
            listing::releases_begin(repo);
        }
        if findings.begins_refs {
            listing::tags_begin(repo);
        }
    }
    Ok(if root == "Mutation" {
        mutate::carry_out(world, viewer, &context, set)
    } else {
        run::query(world, viewer, &context, set)
    })
}

fn operation_of<'q>(
    document: &'q Document<'static, String>,
    name: Option<&str>,
) -> Option<&'q OperationDefinition<'static, String>> {
    let mut operations = document.definitions.iter().filter_map(|definition| match definition {
        Definition::Operation(operation) => Some(operation),
        Definition::Fragment(_) => None,
    });
    match name {
        None => operations.next(),
        Some(wanted) => operations.find(|operation| name_of(operation) == Some(wanted)),
    }
}

fn name_of<'q>(operation: &'q OperationDefinition<'static, String>) -> Option<&'q str> {
    match operation {
        OperationDefinition::SelectionSet(_) => None,
        OperationDefinition::Query(query) => query.name.as_deref(),
        OperationDefinition::Mutation(mutation) => mutation.name.as_deref(),
        OperationDefinition::Subscription(subscription) => subscription.name.as_deref(),
    }
}

type Parts<'q> = (&'static str, &'q [VariableDefinition<'static, String>], &'q SelectionSet<'static, String>);

fn parts_of<'q>(operation: &'q OperationDefinition<'static, String>) -> Parts<'q> {
    match operation {
        OperationDefinition::SelectionSet(set) => ("Query", &[], set),
        OperationDefinition::Query(query) => ("Query", &query.variable_definitions, &query.selection_set),
        OperationDefinition::Mutation(mutation) => {
            ("Mutation", &mutation.variable_definitions, &mutation.selection_set)
        }
        OperationDefinition::Subscription(subscription) => {
            ("Subscription", &subscription.variable_definitions, &subscription.selection_set)
        }
    }
}

fn fragments_of<'q>(document: &'q Document<'static, String>) -> Fragments<'q> {
    let fragments = document.definitions.iter().filter_map(|definition| match definition {
        Definition::Fragment(fragment) => Some((fragment.name.as_str(), fragment)),
        Definition::Operation(_) => None,
    });
    fragments.collect()
}

fn variables_of(declared: &[VariableDefinition<'static, String>], given: &Value) -> Result<Map<String, Value>, Value> {
    let mut variables = Map::new();
    for variable in declared {
        let value = match (given.get(&variable.name), &variable.default_value) {
            (Some(value), _) => value.clone(),
            (None, Some(default)) => default_value(default),
            (None, None) => Value::Null,
        };
        let value = check::coerced(value, &variable.var_type).map_err(|problem| {
            let message = format!("Variable ${} of type {} {problem}", variable.name, variable.var_type);
            check::error(&message, variable.position, &json!({ "value": null }))
        })?;
        variables.insert(variable.name.clone(), value);
    }
    Ok(variables)
}

fn default_value(literal: &graphql_parser::query::Value<'static, String>) -> Value {
    use graphql_parser::query::Value as Literal;
    match literal {
        Literal::Int(number) => json!(number.as_i64()),
        Literal::Float(number) => json!(number),
        Literal::String(text) | Literal::Enum(text) => json!(text),
        Literal::Boolean(truth) => json!(truth),
        Literal::List(items) => items.iter().map(default_value).collect(),
        Literal::Variable(_) | Literal::Null | Literal::Object(_) => Value::Null,
    }
}
