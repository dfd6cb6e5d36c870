//! Every JSON document that the program prints in a test is valid by its schema in `docs/schemas`, and has no member that
//! the schema does not name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

static SCHEMAS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(read);

/// The name and version of every schema, such as `install-2`.
pub fn names() -> Vec<String> {
    SCHEMAS.keys().cloned().collect()
}

/// Checks an output and returns the name of its schema; `None` if it is not a document of the program.
pub fn check(stdout: &str) -> Option<String> {
    let document: Value = serde_json::from_str(stdout).ok()?;
    let name = document.get("schema")?.as_str()?.strip_prefix("reproq.")?.replace('/', "-");
    let validator = SCHEMAS.get(&name).unwrap_or_else(|| panic!("docs/schemas/{name}.json is missing"));
    let problems: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "not valid by docs/schemas/{name}.json:\n{}\n{document:#}", problems.join("\n"));
    Some(name)
}

fn read() -> BTreeMap<String, Validator> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
    let files = fs::read_dir(directory).expect("docs/schemas").flatten().map(|entry| entry.path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let mut schema = serde_json::from_slice(&fs::read(&path).expect("readable")).expect("JSON");
            close(&mut schema);
            (name, jsonschema::validator_for(&schema).expect("a schema"))
        })
        .collect()
}

/// The published schemas allow members that a later version adds; the tests do not. The alternatives of a `oneOf` have no
/// `type` and stay open, so that the object around them may have more members.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            let is_object = match members.get("type") {
                Some(Value::Array(types)) => types.iter().any(|kind| kind == "object"),
                Some(kind) => kind == "object",
                None => false,
            };
            if is_object {
                members.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
