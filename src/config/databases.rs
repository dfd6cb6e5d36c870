//! Which database a command uses: an alias of `[tool.reproq.databases]`, else `DATABASE_URL`. Pure.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::config::Env;
use crate::model::secret::Secret;

/// The alias that is used if none is named and `DATABASE_URL` is not set.
const DEFAULT_ALIAS: &str = "default";

/// The variable that is used if no alias is named.
const VARIABLE: &str = "DATABASE_URL";

/// Where the URL of a database is to be found. A URL itself has no place in `pyproject.toml`: it contains a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseReference {
    /// In this variable: `env:NAME`.
    Variable(String),
}

impl DatabaseReference {
    /// The valid forms, for errors.
    pub const EXPECTED: &str = "\"env:NAME\"";

    /// Parses a value of `[tool.reproq.databases]`.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("env:")?;
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty();
        is_name.then(|| Self::Variable(name.to_owned()))
    }
}

/// The URL of a database, or a string of keywords, as the worker accepts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// The URL.
    pub url: Secret<String>,
    /// Where it was found.
    pub from: String,
}

/// Why there is no database.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoDatabaseUrl {
    /// The alias is not defined.
    #[error("no database `{alias}` in [tool.reproq.databases]; {}", defined(.known))]
    UnknownAlias {
        /// The alias.
        alias: String,
        /// Those that are defined.
        known: Vec<String>,
    },
    /// The variable is not set.
    #[error("the variable {variable} is not set, and [tool.reproq.databases] names it for `{alias}`")]
    Unset {
        /// The variable.
        variable: String,
        /// The alias.
        alias: String,
    },
    /// Nothing names a database.
    #[error("no database is configured")]
    Nothing,
}

fn defined(known: &[String]) -> String {
    if known.is_empty() { "the table is empty or missing".to_owned() } else { format!("known: {}", known.join(", ")) }
}

/// Finds the URL for an alias, or for the default database.
pub fn database_url(
    alias: Option<&str>,
    databases: &BTreeMap<String, DatabaseReference>,
    env: &Env,
) -> Result<DatabaseUrl, NoDatabaseUrl> {
    if let Some(alias) = alias {
        let Some(reference) = databases.get(alias) else {
            let known = databases.keys().cloned().collect();
            return Err(NoDatabaseUrl::UnknownAlias { alias: alias.to_owned(), known });
        };
        return referenced(alias, reference, env);
    }
    if let Some(url) = env.var(VARIABLE) {
        return Ok(DatabaseUrl { url: Secret::new(url), from: VARIABLE.to_owned() });
    }
    match databases.get(DEFAULT_ALIAS) {
        Some(reference) => referenced(DEFAULT_ALIAS, reference, env),
        None => Err(NoDatabaseUrl::Nothing),
    }
}

fn referenced(alias: &str, reference: &DatabaseReference, env: &Env) -> Result<DatabaseUrl, NoDatabaseUrl> {
    let DatabaseReference::Variable(variable) = reference;
    match env.var(variable) {
        Some(url) => Ok(DatabaseUrl {
            url: Secret::new(url),
            from: format!("{variable}, as [tool.reproq.databases] has it for `{alias}`"),
        }),
        None => Err(NoDatabaseUrl::Unset { variable: variable.clone(), alias: alias.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn an_alias_then_the_variable_then_the_default_alias() {
        let env =
            |set: &[&'static str]| Env::built(Path::new("/"), set.iter().map(|name| (*name, format!("url of {name}"))));
        let table = |names: &[(&str, &str)]| -> BTreeMap<String, DatabaseReference> {
            let parsed = names.iter().map(|(alias, text)| ((*alias).to_owned(), DatabaseReference::parse(text)));
            parsed.map(|(alias, reference)| (alias, reference.expect("valid"))).collect()
        };
        let both = table(&[("default", "env:MAIN"), ("reports", "env:REPORTS")]);
        let found = |alias: Option<&str>, table: &_, set: &[&'static str]| {
            database_url(alias, table, &env(set))
                .map(|found| found.url.expose().clone())
                .map_err(|error| error.to_string())
        };
        let every = ["DATABASE_URL", "MAIN", "REPORTS"];
        assert_eq!(found(Some("reports"), &both, &every).as_deref(), Ok("url of REPORTS"));
        assert_eq!(found(None, &both, &every).as_deref(), Ok("url of DATABASE_URL"));
        assert_eq!(found(None, &both, &["MAIN"]).as_deref(), Ok("url of MAIN"));
        assert_eq!(found(None, &table(&[]), &["MAIN"]), Err("no database is configured".to_owned()));
        assert_eq!(
            found(Some("x"), &both, &every),
            Err("no database `x` in [tool.reproq.databases]; known: default, reports".to_owned())
        );
        assert_eq!(
            found(Some("reports"), &both, &["MAIN"]),
            Err("the variable REPORTS is not set, and [tool.reproq.databases] names it for `reports`".to_owned())
        );
    }

    #[test]
    fn only_references_are_accepted() {
        for text in ["postgres://u:secret@h/d", "env:", "env:A B", "ENV:A", ""] {
            assert_eq!(DatabaseReference::parse(text), None, "{text}");
        }
    }
}
