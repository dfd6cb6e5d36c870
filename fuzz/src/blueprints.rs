//! Blueprints: a `render.yaml` is read or refused, and neither the result nor a message shows a value.

use reproq::internals::render::Blueprint;

/// A value in seeds.
const VALUE: &str = "hunter2";

/// A blueprint, whole and as the entries of a service.
pub fn blueprint(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    judge(text);
    let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
    judge(&format!("services:\n- type: web\n  name: a\n  envVars:\n{indented}"));
}

fn judge(text: &str) {
    let shown = match Blueprint::read(text) {
        Ok(blueprint) => {
            let variables = blueprint.services.iter().map(|service| &service.variables);
            for variable in variables.chain(blueprint.groups.iter().map(|group| &group.variables)).flatten() {
                // Such a key would name another resource in a URL.
                assert!(!variable.key.as_str().contains('/') && !matches!(variable.key.as_str(), "" | "." | ".."));
            }
            format!("{blueprint:?}")
        }
        Err(error) => error.to_string(),
    };
    // A variation may make a name of it, and names are shown.
    let is_always_a_value =
        text.match_indices(VALUE).all(|(index, _)| text[..index].trim_end_matches('"').ends_with("value: "));
    assert!(!is_always_a_value || !shown.contains(VALUE), "{shown}");
}
