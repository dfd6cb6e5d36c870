//! The types and fields that the fake supports, read from its own schema.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::OnceLock;

use graphql_parser::schema::Definition;
use graphql_parser::schema::Field;
use graphql_parser::schema::InputValue;
use graphql_parser::schema::Type;
use graphql_parser::schema::TypeDefinition;

/// The schema's text, to compare it with GitHub's.
pub(crate) const TEXT: &str = include_str!("schema.graphql");

#[derive(Debug)]
pub(crate) struct Schema {
    /// Objects and interfaces with their fields.
    composites: BTreeMap<String, BTreeMap<String, Field<'static, String>>>,
    implements: BTreeMap<String, Vec<String>>,
    inputs: BTreeMap<String, Vec<InputValue<'static, String>>>,
    enums: BTreeMap<String, BTreeSet<String>>,
}

impl Schema {
    pub(crate) fn known() -> &'static Schema {
        static KNOWN: OnceLock<Schema> = OnceLock::new();
        KNOWN.get_or_init(Schema::read)
    }

    fn read() -> Schema {
        let document = graphql_parser::parse_schema::<String>(TEXT).expect("the fake's own schema is well-formed");
        let mut schema = Schema {
            composites: BTreeMap::new(),
            implements: BTreeMap::new(),
            inputs: BTreeMap::new(),
            enums: BTreeMap::new(),
        };
        for definition in document.into_static().definitions {
            if let Definition::TypeDefinition(definition) = definition {
                schema.take(definition);
            }
        }
        schema
    }

    fn take(&mut self, definition: TypeDefinition<'static, String>) {
        let by_name = |fields: Vec<Field<'static, String>>| {
            fields.into_iter().map(|field| (field.name.clone(), field)).collect::<BTreeMap<_, _>>()
        };
        match definition {
            TypeDefinition::Object(object) => {
                self.implements.insert(object.name.clone(), object.implements_interfaces);
                self.composites.insert(object.name, by_name(object.fields));
            }
            TypeDefinition::Interface(interface) => {
                self.composites.insert(interface.name, by_name(interface.fields));
            }
            TypeDefinition::InputObject(input) => {
                self.inputs.insert(input.name, input.fields);
            }
            TypeDefinition::Enum(choice) => {
                let names = choice.values.into_iter().map(|value| value.name).collect();
                self.enums.insert(choice.name, names);
            }
            TypeDefinition::Scalar(_) | TypeDefinition::Union(_) => {}
        }
    }

    pub(crate) fn is_composite(&self, name: &str) -> bool {
        self.composites.contains_key(name)
    }

    pub(crate) fn field(&self, type_name: &str, field: &str) -> Option<&Field<'static, String>> {
        self.composites.get(type_name)?.get(field)
    }

    pub(crate) fn input(&self, name: &str) -> Option<&[InputValue<'static, String>]> {
        self.inputs.get(name).map(Vec::as_slice)
    }

    pub(crate) fn values_of(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.enums.get(name)
    }

    /// Whether a value of the object type is one of the wanted type, which may be an interface.
    pub(crate) fn is(&self, object: &str, wanted: &str) -> bool {
        object == wanted
            || self.implements.get(object).is_some_and(|interfaces| interfaces.iter().any(|name| name == wanted))
    }
}

/// The name without list brackets and exclamation marks.
pub(crate) fn inner_name<'a>(of: &'a Type<'static, String>) -> &'a str {
    match of {
        Type::NamedType(name) => name,
        Type::ListType(inner) | Type::NonNullType(inner) => inner_name(inner),
    }
}
