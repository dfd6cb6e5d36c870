//! Which database a command uses: an alias of `[tool.reproq.databases]`, else `DATABASE_URL`, else the alias `default`, else the
//! worker's configuration, else Django's settings. Pure: it says where to look next.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::config::Env;
use crate::model::secret::Secret;

/// The alias that is used if none is named and `DATABASE_URL` is not set.
const DEFAULT_ALIAS: &str = "default";

/// The variable that is used if no alias is named.
pub(crate) const DATABASE_VARIABLE: &str = "DATABASE_URL";

/// Where the URL of a database is to be found. A URL itself has no place in `pyproject.toml`: it contains a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseReference {
    /// In this variable: `env:NAME`.
    Variable(String),
    /// In Django's `DATABASES`, under the same alias.
    Django,
    /// In the worker's configuration file.
    WorkerConfig,
}

impl DatabaseReference {
    /// The valid forms, for errors.
    pub const EXPECTED: &str = "\"env:NAME\", \"django\" or \"config\"";

    /// Parses a value of `[tool.reproq.databases]`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "django" => return Some(Self::Django),
            "config" => return Some(Self::WorkerConfig),
            _ => {}
        }
        let name = text.strip_prefix("env:")?;
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty();
        is_name.then(|| Self::Variable(name.to_owned()))
    }
}

/// The URL of a database, or a string of keywords, as the worker accepts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseUrl {
    /// The URL.
    pub url: Secret<String>,
    /// Where it was found.
    pub from: String,
}

/// What the command line, the variables and `[tool.reproq.databases]` say about the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DatabasePlace {
    /// This is its URL.
    Found(DatabaseUrl),
    /// `[tool.reproq.databases]` refers to the worker's configuration file.
    WorkerConfig {
        /// The alias.
        alias: String,
    },
    /// `[tool.reproq.databases]` refers to Django.
    Django {
        /// The alias; `None` is the queue's default one.
        alias: Option<String>,
    },
    /// The alias is not in `[tool.reproq.databases]`; Django may have it.
    Undeclared {
        /// The alias.
        alias: String,
        /// Those that are declared.
        known: Vec<String>,
    },
    /// They say nothing: the worker's configuration is next, then Django.
    Unnamed,
}

/// Why there is no database.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum NoDatabaseUrl {
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
    /// The worker's configuration has no URL.
    #[error("the worker's configuration has no `dsn`, and [tool.reproq.databases] names it for `{alias}`")]
    NotInWorkerConfig {
        /// The alias.
        alias: String,
    },
    /// Django has no such database, or is not there.
    #[error("{reason}, and [tool.reproq.databases] names Django for `{alias}`")]
    NotInDjango {
        /// The alias.
        alias: String,
        /// What is missing.
        reason: String,
    },
    /// Nothing names a database.
    #[error("no database is configured")]
    Nothing,
}

fn defined(known: &[String]) -> String {
    if known.is_empty() { "the table is empty or missing".to_owned() } else { format!("known: {}", known.join(", ")) }
}

/// Where the URL is, for an alias or for the default database.
pub(crate) fn database_place(
    alias: Option<&str>,
    databases: &BTreeMap<String, DatabaseReference>,
    env: &Env,
) -> Result<DatabasePlace, NoDatabaseUrl> {
    let Some(alias) = alias else {
        if let Some(url) = env.var(DATABASE_VARIABLE) {
            let from = DATABASE_VARIABLE.to_owned();
            return Ok(DatabasePlace::Found(DatabaseUrl { url: Secret::new(url), from }));
        }
        return match databases.get(DEFAULT_ALIAS) {
            Some(DatabaseReference::Django) => Ok(DatabasePlace::Django { alias: None }),
            Some(reference) => referenced(DEFAULT_ALIAS, reference, env),
            None => Ok(DatabasePlace::Unnamed),
        };
    };
    match databases.get(alias) {
        Some(reference) => referenced(alias, reference, env),
        None => Ok(DatabasePlace::Undeclared { alias: alias.to_owned(), known: databases.keys().cloned().collect() }),
    }
}

fn referenced(alias: &str, reference: &DatabaseReference, env: &Env) -> Result<DatabasePlace, NoDatabaseUrl> {
    let variable = match reference {
        DatabaseReference::Variable(variable) => variable,
        DatabaseReference::Django => return Ok(DatabasePlace::Django { alias: Some(alias.to_owned()) }),
        DatabaseReference::WorkerConfig => return Ok(DatabasePlace::WorkerConfig { alias: alias.to_owned() }),
    };
    match env.var(variable) {
        Some(url) => Ok(DatabasePlace::Found(DatabaseUrl {
            url: Secret::new(url),
            from: format!("{variable}, as [tool.reproq.databases] has it for `{alias}`"),
        })),
        None => Err(NoDatabaseUrl::Unset { variable: variable.clone(), alias: alias.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn an_alias_then_the_variable_then_the_default_alias_then_the_rest() {
        let env =
            |set: &[&'static str]| Env::built(Path::new("/"), set.iter().map(|name| (*name, format!("url of {name}"))));
        let table = |names: &[(&str, &str)]| -> BTreeMap<String, DatabaseReference> {
            let parsed = names.iter().map(|(alias, text)| ((*alias).to_owned(), DatabaseReference::parse(text)));
            parsed.map(|(alias, reference)| (alias, reference.expect("valid"))).collect()
        };
        let both = table(&[("default", "env:MAIN"), ("reports", "env:REPORTS"), ("d", "django"), ("c", "config")]);
        let found = |alias: Option<&str>, table: &_, set: &[&'static str]| {
            let place = database_place(alias, table, &env(set)).map_err(|error| error.to_string())?;
            Ok(match place {
                DatabasePlace::Found(found) => found.url.expose().clone(),
                other @ (DatabasePlace::WorkerConfig { .. }
                | DatabasePlace::Django { .. }
                | DatabasePlace::Undeclared { .. }
                | DatabasePlace::Unnamed) => format!("{other:?}"),
            })
        };
        let ok = |text: &str| Ok::<_, String>(text.to_owned());
        let every = ["DATABASE_URL", "MAIN", "REPORTS"];
        assert_eq!(found(Some("reports"), &both, &every), ok("url of REPORTS"));
        assert_eq!(found(None, &both, &every), ok("url of DATABASE_URL"));
        assert_eq!(found(None, &both, &["MAIN"]), ok("url of MAIN"));
        assert_eq!(found(None, &table(&[]), &["MAIN"]), ok("Unnamed"));
        assert_eq!(found(None, &table(&[("default", "django")]), &[]), ok("Django { alias: None }"));
        assert_eq!(
            found(Some("default"), &table(&[("default", "django")]), &every),
            ok("Django { alias: Some(\"default\") }")
        );
        assert_eq!(found(Some("c"), &both, &every), ok("WorkerConfig { alias: \"c\" }"));
        let undeclared = "Undeclared { alias: \"x\", known: [\"c\", \"d\", \"default\", \"reports\"] }";
        assert_eq!(found(Some("x"), &both, &every), ok(undeclared));
        assert_eq!(
            found(Some("reports"), &both, &["MAIN"]),
            Err("the variable REPORTS is not set, and [tool.reproq.databases] names it for `reports`".to_owned())
        );
    }

    #[test]
    fn only_references_are_accepted() {
        for text in ["postgres://u:secret@h/d", "env:", "env:A B", "ENV:A", "Django", "config.yaml", ""] {
            assert_eq!(DatabaseReference::parse(text), None, "{text}");
        }
    }
}
