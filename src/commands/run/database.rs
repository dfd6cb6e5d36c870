//! The database of the worker and of the beat: an alias, or what the worker itself finds in its flags, its environment or its
//! file, or a systemd credential.

use std::path::Path;

use crate::commands::hints;
use crate::commands::session::Session;
use crate::config::DatabaseUrl;
use crate::config::NoDatabaseUrl;
use crate::config::database_url;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::fs::bounded_read;
use crate::model::secret::Secret;
use crate::model::secret::passwords_in;
use crate::worker::config::ConfigFile;
use crate::worker::config::ConfigSource;
use crate::worker::config::EffectiveConfig;

/// The name of a systemd credential with the URL of the database.
const CREDENTIAL: &str = "dsn";

/// No URL is longer.
const MAX_CREDENTIAL: u64 = 64 * 1024;

/// A database, and who finds it.
#[derive(Debug)]
pub(in crate::commands) struct ServiceDatabase {
    pub(in crate::commands) found: DatabaseUrl,
    /// Whether the worker finds it too, if it is not told.
    pub(super) is_known_to_worker: bool,
}

/// The database of an alias, or of a configuration.
pub(in crate::commands) fn find(
    alias: Option<&str>,
    config: &EffectiveConfig,
    file: Option<&ConfigFile>,
    session: &Session<'_>,
) -> Result<ServiceDatabase, CommandError> {
    let database = match alias {
        Some(_) => told(named(alias, session).map_err(hints::no_database)?),
        None => match configured(config, file) {
            Some(found) => ServiceDatabase { found, is_known_to_worker: true },
            None => told(elsewhere(session)?),
        },
    };
    passwords_in(database.found.url.expose()).iter().for_each(|password| session.ui.redact(password));
    session.ui.debug(&format!("the URL of the database is from {}", database.found.from));
    Ok(database)
}

const fn told(found: DatabaseUrl) -> ServiceDatabase {
    ServiceDatabase { found, is_known_to_worker: false }
}

fn configured(config: &EffectiveConfig, file: Option<&ConfigFile>) -> Option<DatabaseUrl> {
    let dsn = config.value("dsn")?;
    let url = dsn.value.to_string();
    let from = match &dsn.source {
        ConfigSource::File { line, .. } => {
            format!("{}, line {line}", file.map(|file| file.path.display().to_string()).unwrap_or_default())
        }
        ConfigSource::Variable { name } => format!("the variable {name}"),
        ConfigSource::Flag { name } => format!("the flag --{name}"),
        ConfigSource::Default => String::new(),
    };
    (!url.is_empty()).then(|| DatabaseUrl { url: Secret::new(url), from })
}

fn elsewhere(session: &Session<'_>) -> Result<DatabaseUrl, CommandError> {
    let found = match credential(session)? {
        Some(credential) => Some(credential),
        None => named_by_default(session)?,
    };
    found.ok_or_else(|| {
        CommandError::message(ExitStatus::Usage, "no database is configured")
            .hint("set DATABASE_URL, or `dsn` in the worker's configuration")
            .hint("`reproq config worker` shows what the worker reads")
    })
}

fn named(alias: Option<&str>, session: &Session<'_>) -> Result<DatabaseUrl, NoDatabaseUrl> {
    database_url(alias, &session.settings.databases, &session.env)
}

/// The database `default` of the project's settings, if there is one.
fn named_by_default(session: &Session<'_>) -> Result<Option<DatabaseUrl>, CommandError> {
    match named(None, session) {
        Ok(found) => Ok(Some(found)),
        Err(NoDatabaseUrl::Nothing) => Ok(None),
        Err(error @ (NoDatabaseUrl::UnknownAlias { .. } | NoDatabaseUrl::Unset { .. })) => {
            Err(hints::no_database(error))
        }
    }
}

/// The URL in a systemd credential (`LoadCredential=dsn:FILE`).
fn credential(session: &Session<'_>) -> Result<Option<DatabaseUrl>, CommandError> {
    let Some(directory) = session.env.var_os("CREDENTIALS_DIRECTORY") else { return Ok(None) };
    let path = Path::new(directory).join(CREDENTIAL);
    match bounded_read::read_text(&path, MAX_CREDENTIAL) {
        Ok(text) if text.trim().is_empty() => {
            let message = format!("the credential `{CREDENTIAL}` is empty");
            Err(CommandError::message(ExitStatus::Usage, message)
                .hint("write the URL of the database to the file that `LoadCredential` names"))
        }
        Ok(text) => {
            let (url, from) = (Secret::new(text.trim().to_owned()), format!("the credential `{CREDENTIAL}`"));
            Ok(Some(DatabaseUrl { url, from }))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CommandError::io("read", &path, error)),
    }
}
