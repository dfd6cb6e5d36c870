//! The entries of `envVars`: exactly one source each, of six kinds.

use std::collections::HashMap;

use crate::model::secret::Secret;
use crate::model::yaml::ScalarType;
use crate::model::yaml::YamlEntry;
use crate::model::yaml::YamlError;
use crate::model::yaml::YamlNode;
use crate::model::yaml::YamlScalar;
use crate::render::EnvKey;
use crate::render::FileVariable;
use crate::render::GroupUse;
use crate::render::VariableSource;
use crate::render::blueprint::read::field;
use crate::render::blueprint::read::required;

/// The fields that say where a value comes from.
const SOURCES: [&str; 6] = ["value", "generateValue", "sync", "fromDatabase", "fromService", "fromGroup"];

/// The properties of a database that a variable can have.
const DATABASE_PROPERTIES: [&str; 6] = ["connectionString", "host", "port", "user", "password", "database"];

/// The properties of a service that a variable can have.
const SERVICE_PROPERTIES: [&str; 4] = ["host", "port", "hostport", "connectionString"];

/// The entries of one list.
pub(super) struct Entries {
    pub(super) variables: Vec<FileVariable>,
    pub(super) groups: Vec<GroupUse>,
}

pub(super) fn entries(nodes: &[YamlNode]) -> Result<Entries, YamlError> {
    let mut entries = Entries { variables: Vec::new(), groups: Vec::new() };
    let mut lines: HashMap<EnvKey, usize> = HashMap::new();
    for node in nodes {
        let fields = node.as_map("an entry of `envVars`")?;
        let (source, value) = source_of(node, fields)?;
        if source == "fromGroup" {
            if let Some(key) = field(fields, "key") {
                return Err(YamlError::new(key.at, "an entry with `fromGroup` has no `key`"));
            }
            let name = value.as_name("`fromGroup`")?.to_owned();
            entries.groups.push(GroupUse { name, at: node.at });
            continue;
        }
        let key = key_of(node, fields)?;
        if let Some(first) = lines.insert(key.clone(), node.at.line) {
            return Err(YamlError::new(node.at, format!("the variable `{key}` is already in line {first}")));
        }
        let source = parse_source(source, value)?;
        entries.variables.push(FileVariable { key, at: node.at, source });
    }
    Ok(entries)
}

/// The one field that says where the value comes from.
fn source_of<'a>(node: &YamlNode, fields: &'a [YamlEntry]) -> Result<(&'a str, &'a YamlNode), YamlError> {
    let mut found: Option<(&str, &YamlNode)> = None;
    for entry in fields {
        match entry.key.as_str() {
            "key" | "previewValue" => {}
            name if SOURCES.contains(&name) => {
                if let Some((first, _)) = found.replace((name, &entry.value)) {
                    let problem = format!("an entry has one source, but this one has `{first}` and `{name}`");
                    return Err(YamlError::new(entry.at, problem));
                }
            }
            name => return Err(YamlError::new(entry.at, format!("an entry of `envVars` has no field `{name}`"))),
        }
    }
    found.ok_or_else(|| YamlError::new(node.at, format!("an entry needs one of {}", listed(&SOURCES))))
}

fn key_of(node: &YamlNode, fields: &[YamlEntry]) -> Result<EnvKey, YamlError> {
    let key = required(node, fields, "key", "an entry")?;
    key.as_name("`key`")?.parse().map_err(|error: crate::render::EnvKeyError| YamlError::new(key.at, error.to_string()))
}

fn parse_source(name: &str, node: &YamlNode) -> Result<VariableSource, YamlError> {
    match name {
        "value" => Ok(VariableSource::Value(value(node)?)),
        "generateValue" => only(node, "generateValue", true).map(|()| VariableSource::Generated),
        "sync" => only(node, "sync", false).map(|()| VariableSource::Dashboard),
        "fromDatabase" => {
            let fields = node.as_map("`fromDatabase`")?;
            let name = required(node, fields, "name", "`fromDatabase`")?.as_name("the name of a database")?.to_owned();
            let property = required(node, fields, "property", "`fromDatabase`")?;
            one_of(property, &DATABASE_PROPERTIES, "the property of a database")?;
            Ok(VariableSource::Database { name })
        }
        _ => {
            let fields = node.as_map("`fromService`")?;
            let name = required(node, fields, "name", "`fromService`")?.as_name("the name of a service")?.to_owned();
            required(node, fields, "type", "`fromService`")?.as_name("the type of a service")?;
            match (field(fields, "property"), field(fields, "envVarKey")) {
                (Some(property), None) => one_of(property, &SERVICE_PROPERTIES, "the property of a service")?,
                (None, Some(key)) => drop(key.as_name("`envVarKey`")?),
                (Some(_), Some(_)) | (None, None) => {
                    return Err(YamlError::new(node.at, "`fromService` needs either `property` or `envVarKey`"));
                }
            }
            Ok(VariableSource::Service { name })
        }
    }
}

/// A value is a string. A whole number is one too, because it can be written in one way only; for all other types it is
/// unclear which string is meant (`3.10`, `yes`, nothing).
fn value(node: &YamlNode) -> Result<Secret<String>, YamlError> {
    let scalar = node.as_scalar("`value`")?;
    match scalar.kind() {
        ScalarType::Text => {}
        ScalarType::Integer if is_canonical(scalar) => {}
        ScalarType::Integer | ScalarType::Float | ScalarType::Flag | ScalarType::Nothing => {
            return Err(YamlError::new(node.at, "`value` must be a string; put it in quotes"));
        }
    }
    if scalar.text().contains('\0') {
        return Err(YamlError::new(node.at, "`value` contains a null character"));
    }
    Ok(Secret::new(scalar.text().to_owned()))
}

fn is_canonical(scalar: &YamlScalar) -> bool {
    scalar.text().parse::<i64>().is_ok_and(|number| number.to_string() == scalar.text())
}

fn only(node: &YamlNode, name: &str, allowed: bool) -> Result<(), YamlError> {
    if node.as_flag(&format!("`{name}`"))? == allowed {
        Ok(())
    } else {
        Err(YamlError::new(node.at, format!("`{name}` can only be {allowed}")))
    }
}

fn one_of(node: &YamlNode, allowed: &[&str], what: &str) -> Result<(), YamlError> {
    if allowed.contains(&node.as_name(what)?) {
        Ok(())
    } else {
        Err(YamlError::new(node.at, format!("{what} must be one of {}", listed(allowed))))
    }
}

fn listed(names: &[&str]) -> String {
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Entries, YamlError> {
        entries(YamlNode::read(text)?.as_list("entries")?)
    }

    #[test]
    fn the_six_kinds_are_read() {
        let text = "\
- {key: DEBUG, value: 'false', previewValue: 'true'}
- {key: WEB_CONCURRENCY, value: 4}
- {key: EMPTY, value: ''}
- {key: SECRET_KEY, generateValue: true}
- {key: STRIPE, sync: false}
- {key: DATABASE_URL, fromDatabase: {name: db, property: connectionString}}
- {key: CACHE, fromService: {type: keyvalue, name: cache, property: connectionString}}
- {key: PEER, fromService: {type: web, name: api, envVarKey: PEER}}
- fromGroup: shared
";
        let Entries { variables, groups } = read(text).expect("entries");
        let of = |key: &str| &variables.iter().find(|variable| variable.key.as_str() == key).expect(key).source;
        let value = |text: &str| VariableSource::Value(Secret::new(text.to_owned()));
        assert_eq!(*of("DEBUG"), value("false"));
        assert_eq!(*of("WEB_CONCURRENCY"), value("4"));
        assert_eq!(*of("EMPTY"), value(""));
        assert_eq!(*of("SECRET_KEY"), VariableSource::Generated);
        assert_eq!(*of("STRIPE"), VariableSource::Dashboard);
        assert_eq!(*of("DATABASE_URL"), VariableSource::Database { name: "db".to_owned() });
        assert_eq!(*of("CACHE"), VariableSource::Service { name: "cache".to_owned() });
        assert_eq!(*of("PEER"), VariableSource::Service { name: "api".to_owned() });
        assert_eq!(groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["shared"]);
        assert_eq!((variables[1].at.line, variables[1].at.column), (2, 3));
    }

    #[test]
    fn mistakes_are_located_and_values_are_not_repeated() {
        let cases = [
            ("- x", "line 1, column 3: an entry of `envVars` must be a map"),
            ("- {value: hunter2}", "line 1, column 3: an entry needs `key`"),
            (
                "- {key: A}",
                "line 1, column 3: an entry needs one of value, generateValue, sync, fromDatabase, fromService, fromGroup",
            ),
            (
                "- {key: A, value: hunter2, sync: false}",
                "line 1, column 28: an entry has one source, but this one has `value` and `sync`",
            ),
            ("- {key: A, text: hunter2}", "line 1, column 12: an entry of `envVars` has no field `text`"),
            ("- {key: A, value: 3.10}", "line 1, column 19: `value` must be a string; put it in quotes"),
            ("- {key: A, value: 007}", "line 1, column 19: `value` must be a string; put it in quotes"),
            ("- {key: A, value: true}", "line 1, column 19: `value` must be a string; put it in quotes"),
            ("- {key: A, value: }", "line 1, column 17: `value` must be a string; put it in quotes"),
            ("- {key: A, value: [hunter2]}", "line 1, column 19: `value` must be a single value"),
            ("- {key: A, value: \"hunter2\\0\"}", "line 1, column 19: `value` contains a null character"),
            ("- {key: .., value: hunter2}", "line 1, column 9: a key needs a letter, a digit, `_` or `-`"),
            (
                "- {key: A/B, value: x}",
                "line 1, column 9: a key has only letters, digits, `_`, `-` and `.`, and does not start with a digit",
            ),
            ("- {key: A, generateValue: false}", "line 1, column 27: `generateValue` can only be true"),
            ("- {key: A, sync: true}", "line 1, column 18: `sync` can only be false"),
            ("- {key: A, sync: x}", "line 1, column 18: `sync` must be true or false"),
            (
                "- {key: A, fromDatabase: {name: db, property: x}}",
                "line 1, column 47: the property of a database must be one of connectionString, host, port, user, password, database",
            ),
            (
                "- {key: A, fromService: {type: web, name: a}}",
                "line 1, column 25: `fromService` needs either `property` or `envVarKey`",
            ),
            ("- {key: A, fromGroup: b}", "line 1, column 9: an entry with `fromGroup` has no `key`"),
            (
                "- {key: A, value: x}\n- {key: A, sync: false}",
                "line 2, column 3: the variable `A` is already in line 1",
            ),
        ];
        for (text, expected) in cases {
            let Err(error) = read(text) else { panic!("{text} was read") };
            assert_eq!(error.to_string(), expected, "{text}");
        }
    }
}
