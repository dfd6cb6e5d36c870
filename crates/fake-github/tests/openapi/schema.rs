//! The part of OpenAPI 3.0 schemas needed to validate a JSON value.

use serde_json::Value;

pub struct Description {
    document: Value,
}

impl Description {
    pub fn read(text: &str) -> Description {
        Description { document: serde_json::from_str(text).expect("the description is JSON") }
    }

    /// A schema of the components.
    pub fn named(&self, name: &str) -> Value {
        let schema = self.document.pointer(&format!("/components/schemas/{name}"));
        schema.expect("the description has the schema").clone()
    }

    /// The schema of a route's JSON response for a status; `None` if it declares none.
    pub fn response(&self, route: &str, method: &str, status: u16) -> Option<Value> {
        let operation = self.document["paths"].get(route).and_then(|path| path.get(method));
        let operation = operation.unwrap_or_else(|| panic!("the description has no {method} {route}"));
        let response = self.resolved(operation["responses"].get(status.to_string())?);
        response["content"].get("application/json").map(|content| content["schema"].clone())
    }

    fn resolved<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
            Some(pointer) => self.resolved(self.document.pointer(pointer).expect("references lead somewhere")),
            None => value,
        }
    }

    /// All errors of a value, each with its location.
    pub fn problems(&self, value: &Value, schema: &Value, at: &str) -> Vec<String> {
        let schema = self.resolved(schema);
        if value.is_null() && schema["nullable"] == true {
            return Vec::new();
        }
        let mut problems = Vec::new();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            problems.extend(self.problems(value, part, at));
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(choices) = schema[key].as_array() {
                let fits = |choice: &Value| self.problems(value, choice, at).is_empty();
                if !choices.iter().any(fits) {
                    problems.push(format!("{at}: none of {key} fits {value}"));
                }
            }
        }
        if let Some(wrong) = wrong_kind(value, schema) {
            problems.push(format!("{at}: {value} is {wrong}"));
            return problems;
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if value.get(name).is_none() {
                problems.push(format!("{at}: {name} is missing"));
            }
        }
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(value) = value.get(name) {
                problems.extend(self.problems(value, schema, &format!("{at}.{name}")));
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            problems.extend(self.problems(item, &schema["items"], &format!("{at}[{index}]")));
        }
        problems
    }
}

/// Errors of a value's kind.
fn wrong_kind(value: &Value, schema: &Value) -> Option<String> {
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !fits {
        return Some(format!("no {}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|choices| !choices.contains(value)) {
        return Some(format!("none of {}", schema["enum"]));
    }
    let text = value.as_str()?;
    let fits = match schema["format"].as_str() {
        Some("uri") => text.contains("://"),
        Some("date-time") => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
        _ => true,
    };
    if fits { None } else { Some(format!("no {}", schema["format"])) }
}
