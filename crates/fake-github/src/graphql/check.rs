//! The validation of a document before it runs: unknown fields, wrong arguments, missing variables.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use graphql_parser::Pos;
use graphql_parser::query::Directive;
use graphql_parser::query::Field;
use graphql_parser::query::FragmentDefinition;
use graphql_parser::query::Selection;
use graphql_parser::query::SelectionSet;
use graphql_parser::query::TypeCondition;
use graphql_parser::query::Value as Literal;
use graphql_parser::schema::Type;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::graphql::schema::Schema;
use crate::graphql::schema::inner_name;

pub(crate) type Arguments = Map<String, Value>;
pub(crate) type Fragments<'q> = BTreeMap<&'q str, &'q FragmentDefinition<'static, String>>;

/// The context of a document.
pub(crate) struct Context<'q> {
    pub(crate) fragments: Fragments<'q>,
    pub(crate) variables: Map<String, Value>,
    pub(crate) hidden: &'q BTreeSet<(String, String)>,
}

/// The errors of a document, and the lists it starts to read.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<Value>,
    pub(crate) begins_releases: bool,
    pub(crate) begins_refs: bool,
}

impl Context<'_> {
    pub(crate) fn check(&self, set: &SelectionSet<'static, String>, parent: &str, findings: &mut Findings) {
        for selection in &set.items {
            match selection {
                Selection::Field(field) => self.check_field(field, parent, findings),
                Selection::InlineFragment(fragment) => {
                    let condition = match &fragment.type_condition {
                        Some(TypeCondition::On(name)) => name.as_str(),
                        None => parent,
                    };
                    self.check_on(condition, &fragment.selection_set, fragment.position, findings);
                }
                Selection::FragmentSpread(spread) => match self.fragments.get(spread.fragment_name.as_str()) {
                    Some(fragment) => {
                        let TypeCondition::On(condition) = &fragment.type_condition;
                        self.check_on(condition, &fragment.selection_set, fragment.position, findings);
                    }
                    None => {
                        let message = format!("Fragment {} was used, but not defined", spread.fragment_name);
                        findings.errors.push(error(
                            &message,
                            spread.position,
                            &json!({ "code": "useAndDefineFragment" }),
                        ));
                    }
                },
            }
        }
    }

    fn check_on(&self, name: &str, set: &SelectionSet<'static, String>, at: Pos, findings: &mut Findings) {
        if Schema::known().is_composite(name) {
            self.check(set, name, findings);
        } else {
            let message = format!("No such type {name}, so it can't be a fragment condition");
            findings.errors.push(error(&message, at, &json!({ "code": "undefinedType", "typeName": name })));
        }
    }

    fn check_field(&self, field: &Field<'static, String>, parent: &str, findings: &mut Findings) {
        if field.name == "__typename" {
            return;
        }
        let is_hidden = self.hidden.contains(&(parent.to_owned(), field.name.clone()));
        let Some(known) = Schema::known().field(parent, &field.name).filter(|_| !is_hidden) else {
            let message = format!("Field '{}' doesn't exist on type '{parent}'", field.name);
            let extensions = &json!({ "code": "undefinedField", "typeName": parent, "fieldName": field.name });
            findings.errors.push(error(&message, field.position, extensions));
            return;
        };
        match self.arguments(field, parent) {
            Ok(arguments) => note_listing(field, parent, &arguments, findings),
            Err(problem) => findings.errors.push(problem),
        }
        let result = inner_name(&known.field_type);
        let (is_composite, is_empty) = (Schema::known().is_composite(result), field.selection_set.items.is_empty());
        if is_composite == is_empty {
            let message = if is_composite {
                format!("Field must have selections (field '{}' returns {result} but has no selections)", field.name)
            } else {
                format!("Selections can't be made on scalars (field '{}' returns {result})", field.name)
            };
            findings.errors.push(error(&message, field.position, &json!({ "code": "selectionMismatch" })));
        } else if is_composite {
            self.check(&field.selection_set, result, findings);
        }
    }

    /// The arguments of a field as values, with defaults and variables resolved.
    ///
    /// # Errors
    /// GitHub's error object for an argument that is unknown, missing or of the wrong type.
    pub(crate) fn arguments(&self, field: &Field<'static, String>, parent: &str) -> Result<Arguments, Value> {
        let known = Schema::known().field(parent, &field.name).map(|known| known.arguments.as_slice());
        let known = known.unwrap_or_default();
        if let Some((name, _)) = field.arguments.iter().find(|(name, _)| known.iter().all(|one| one.name != *name)) {
            let message = format!("Field '{}' doesn't accept argument '{name}'", field.name);
            return Err(error(
                &message,
                field.position,
                &json!({ "code": "argumentNotAccepted", "argumentName": name }),
            ));
        }
        let mut arguments = Arguments::new();
        for wanted in known {
            let given = field.arguments.iter().find(|(name, _)| *name == wanted.name).map(|(_, value)| value);
            let value = match given.or(wanted.default_value.as_ref()) {
                Some(literal) => self.literal(literal, &wanted.value_type),
                None => coerced(Value::Null, &wanted.value_type),
            };
            let value = value.map_err(|problem| {
                let message = format!("Argument '{}' on Field '{}' {problem}", wanted.name, field.name);
                error(&message, field.position, &json!({ "code": "argumentLiteralsIncompatible" }))
            })?;
            arguments.insert(wanted.name.clone(), value);
        }
        Ok(arguments)
    }

    fn literal(&self, literal: &Literal<'static, String>, wanted: &Type<'static, String>) -> Result<Value, String> {
        coerced(self.value_of(literal)?, wanted)
    }

    /// A literal as JSON, regardless of the expected type.
    fn value_of(&self, literal: &Literal<'static, String>) -> Result<Value, String> {
        Ok(match literal {
            Literal::Variable(name) => {
                self.variables.get(name).cloned().ok_or(format!("uses ${name}, not declared"))?
            }
            Literal::Int(number) => json!(number.as_i64()),
            Literal::Float(number) => json!(number),
            Literal::String(text) | Literal::Enum(text) => json!(text),
            Literal::Boolean(truth) => json!(truth),
            Literal::Null => Value::Null,
            Literal::List(items) => {
                Value::Array(items.iter().map(|item| self.value_of(item)).collect::<Result<_, _>>()?)
            }
            Literal::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| Ok((name.clone(), self.value_of(value)?)));
                Value::Object(fields.collect::<Result<_, String>>()?)
            }
        })
    }

    /// Evaluates `@include` and `@skip`.
    pub(crate) fn is_included(&self, directives: &[Directive<'static, String>]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive.arguments.iter().find(|(name, _)| name == "if");
            let holds = condition.and_then(|(_, value)| self.value_of(value).ok()).is_some_and(|value| value == true);
            match directive.name.as_str() {
                "include" => holds,
                "skip" => !holds,
                _ => true,
            }
        })
    }
}

fn note_listing(field: &Field<'static, String>, parent: &str, arguments: &Arguments, findings: &mut Findings) {
    let begins = parent == "Repository" && arguments.get("after").is_none_or(Value::is_null);
    findings.begins_releases |= begins && field.name == "releases";
    findings.begins_refs |= begins && field.name == "refs";
}

/// Coerces a value to a type: input objects get their defaults, and every kind is checked.
pub(crate) fn coerced(value: Value, wanted: &Type<'static, String>) -> Result<Value, String> {
    match wanted {
        Type::NonNullType(inner) if value.is_null() => Err(format!("must not be null (expected {inner}!)")),
        Type::NonNullType(inner) => coerced(value, inner),
        _ if value.is_null() => Ok(Value::Null),
        Type::ListType(inner) => {
            // A single value where a list is expected is a list of one.
            let items = if let Value::Array(items) = value { items } else { vec![value] };
            Ok(Value::Array(items.into_iter().map(|item| coerced(item, inner)).collect::<Result<_, _>>()?))
        }
        Type::NamedType(name) => coerced_named(value, name),
    }
}

fn coerced_named(value: Value, name: &str) -> Result<Value, String> {
    let schema = Schema::known();
    if let Some(fields) = schema.input(name) {
        let Value::Object(mut given) = value else { return Err(format!("is no {name}")) };
        if let Some(unknown) = given.keys().find(|key| fields.iter().all(|field| field.name != **key)) {
            return Err(format!("has a field '{unknown}' that {name} does not accept"));
        }
        let mut object = Map::new();
        for field in fields {
            let default = match &field.default_value {
                Some(Literal::Boolean(truth)) => json!(truth),
                _ => Value::Null,
            };
            let value = given.remove(&field.name).unwrap_or(default);
            let value = coerced(value, &field.value_type).map_err(|problem| format!("{}: {problem}", field.name))?;
            object.insert(field.name.clone(), value);
        }
        return Ok(Value::Object(object));
    }
    if let Some(values) = schema.values_of(name) {
        let is_one = value.as_str().is_some_and(|text| values.contains(text));
        return if is_one {
            Ok(value)
        } else {
            Err(format!("has an invalid value ({value}). Expected type '{name}'."))
        };
    }
    let fits = match name {
        "Int" => value.is_i64() || value.is_u64(),
        "Boolean" => value.is_boolean(),
        "GitObjectID" => value.as_str().is_some_and(is_object_id),
        "ID" => value.is_string() || value.is_u64(),
        _ => value.is_string(),
    };
    if fits { Ok(value) } else { Err(format!("has an invalid value ({value}). Expected type '{name}'.")) }
}

fn is_object_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// One entry of `errors`.
pub(crate) fn error(message: &str, at: Pos, extensions: &Value) -> Value {
    json!({
        "message": message,
        "locations": [{ "line": at.line, "column": at.column }],
        "extensions": extensions,
    })
}
