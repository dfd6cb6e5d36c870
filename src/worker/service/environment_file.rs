//! A file of variables as systemd and `sh` read it.

use crate::model::secret::Secret;
use crate::worker::service::ServiceError;

/// The lines `NAME="value"`. In double quotes `\`, `"`, `` ` `` and `$` need a backslash, and nothing else does.
pub(crate) fn environment_file(variables: &[(&str, &Secret<String>)]) -> Result<String, ServiceError> {
    let mut text = String::from("# Variables of the Reproq worker. This file contains secrets.\n");
    if !variables.iter().any(|(name, _)| *name == "DATABASE_URL") {
        text.push_str("# DATABASE_URL=\"postgres://USER:PASSWORD@HOST:5432/DATABASE\"\n");
    }
    for (name, value) in variables {
        let value = value.expose();
        if value.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            let what = "a variable";
            return Err(ServiceError::Unwritable { what, value: (*name).to_owned(), format: "an environment file" });
        }
        let mut quoted = String::new();
        for c in value.chars() {
            if matches!(c, '\\' | '"' | '`' | '$') {
                quoted.push('\\');
            }
            quoted.push(c);
        }
        text.push_str(&format!("{name}=\"{quoted}\"\n"));
    }
    Ok(text)
}
