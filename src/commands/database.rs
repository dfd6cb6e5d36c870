//! Finds the database, reads its URL with everything that belongs to it, connects, and closes the connection.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use reproq_queue::dsn::Dsn;
use reproq_queue::dsn::DsnError;
use reproq_queue::dsn::FileContent;
use reproq_queue::dsn::SOCKET_DIRECTORIES;
use reproq_queue::dsn::Surroundings;
use reproq_queue::pg;
use reproq_queue::pg::Host;
use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::task_ref::TaskRef;

use crate::cli::DatabaseArgs;
use crate::commands::database_url;
use crate::commands::database_url::FoundDatabase;
use crate::commands::django;
use crate::commands::django::AskDjango;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::config::DatabaseUrl;
use crate::django::DjangoFacts;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::fs::bounded_read;
use crate::io::net::runtime;
use crate::platform;

/// The name in `pg_stat_activity`.
const APPLICATION: &str = concat!("reproq-cli/", env!("CARGO_PKG_VERSION"));

/// Larger files are no password files, service files or certificates.
const MAX_FILE: u64 = 1024 * 1024;

/// How a database is reached, and where its URL was found.
pub(super) struct DatabaseAddress {
    target: pg::Target,
    from: String,
}

/// A connected database.
pub(super) struct Database {
    pub(super) session: pg::Session,
    /// Where its URL was found.
    pub(super) from: String,
}

impl Database {
    /// Connects, works, and closes the connection.
    pub(super) fn with<T>(
        arguments: &DatabaseArgs,
        session: &Session<'_>,
        work: impl AsyncFnOnce(&Self) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let address = DatabaseAddress::find(arguments, session)?;
        within_runtime(async {
            let database = Self::open(address).await?;
            let result = work(&database).await;
            database.session.close().await;
            result
        })
    }

    /// Connects to two databases, works, and closes the connections.
    pub(super) fn with_two<T>(
        arguments: [&DatabaseArgs; 2],
        session: &Session<'_>,
        work: impl AsyncFnOnce(&Self, &Self) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let [one, other] = arguments.map(|arguments| DatabaseAddress::find(arguments, session));
        let (one, other) = (one?, other?);
        within_runtime(async {
            let one = Self::open(one).await?;
            let result = match Self::open(other).await {
                Ok(other) => {
                    let result = work(&one, &other).await;
                    other.session.close().await;
                    result
                }
                Err(error) => Err(error),
            };
            one.session.close().await;
            result
        })
    }

    async fn open(address: DatabaseAddress) -> Result<Self, CommandError> {
        address.open(platform::is_interrupted).await
    }

    /// Connects, reads in one transaction, and closes the connection.
    pub(super) fn read<T>(
        arguments: &DatabaseArgs,
        session: &Session<'_>,
        work: impl AsyncFnOnce(&pg::Transaction<'_>) -> Result<T, PgError>,
    ) -> Result<T, CommandError> {
        Self::with(arguments, session, async |database| {
            database.session.read(Limits::default(), work).await.map_err(hints::database)
        })
    }

    /// Connects, changes in one transaction, and closes the connection.
    pub(super) fn write<T>(
        arguments: &DatabaseArgs,
        session: &Session<'_>,
        work: impl AsyncFnOnce(&pg::Transaction<'_>) -> Result<T, PgError>,
    ) -> Result<T, CommandError> {
        Self::with(arguments, session, async |database| {
            database.session.write(Limits::default(), work).await.map_err(hints::database)
        })
    }

    /// Every database of the project: the aliases of `[tool.reproq.databases]`, else those that Django's settings route queues
    /// to, or the only one.
    pub(super) fn all(session: &Session<'_>) -> Vec<DatabaseArgs> {
        let declared: Vec<String> = session.settings.databases.keys().cloned().collect();
        let aliases = if declared.is_empty() {
            let answer = django::answer(session, AskDjango::Settings(django::LIMIT));
            answer.facts().map(DjangoFacts::queue_aliases).filter(|aliases| aliases.len() > 1).unwrap_or_default()
        } else {
            declared
        };
        let mut all: Vec<_> = aliases.into_iter().map(|alias| DatabaseArgs { database: Some(alias) }).collect();
        if all.is_empty() {
            all.push(DatabaseArgs { database: None });
        }
        all
    }

    /// The database of a task: the alias before its id, else the one of the options.
    pub(super) fn of_task(task: &TaskRef, arguments: &DatabaseArgs) -> Result<DatabaseArgs, CommandError> {
        match (task.alias(), arguments.database.as_deref()) {
            (Some(alias), Some(other)) if alias != other => Err(CommandError::message(
                ExitStatus::Usage,
                format!("task {task} is in database `{alias}`, and --database is `{other}`"),
            )),
            (Some(alias), _) => Ok(DatabaseArgs { database: Some(alias.to_owned()) }),
            (None, other) => Ok(DatabaseArgs { database: other.map(str::to_owned) }),
        }
    }
}

/// How a database is reached, and where its URL was found.
pub(super) fn place(arguments: &DatabaseArgs, session: &Session<'_>) -> Result<(pg::Target, String), CommandError> {
    let worker_file = || database_url::worker_file(session);
    let ask = AskDjango::Settings(django::LIMIT);
    let lookup = database_url::own(arguments.database.as_deref(), ask, &worker_file);
    let FoundDatabase { found, .. } = database_url::require(&lookup, session)?;
    Ok((target(&found, session)?, found.from))
}

impl DatabaseAddress {
    /// Finds it, without a connection.
    pub(super) fn find(arguments: &DatabaseArgs, session: &Session<'_>) -> Result<Self, CommandError> {
        let (target, from) = place(arguments, session)?;
        Ok(Self { target, from })
    }

    /// Connects, within the runtime, unless the command is to stop.
    pub(super) async fn open(&self, interrupted: pg::Interrupted) -> Result<Database, CommandError> {
        let session = pg::Session::open(&self.target, interrupted).await.map_err(hints::database)?;
        Ok(Database { session, from: self.from.clone() })
    }
}

/// Runs something that uses connections.
pub(super) fn within_runtime<T>(work: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    platform::watch_signals();
    // A signal ends the process only after the statement is cancelled.
    let _hold = platform::hold_exit();
    let runtime = runtime().map_err(|error| CommandError::system("start the network runtime", error))?;
    runtime.block_on(work)
}

/// How the server of a URL is reached. Its passwords are redacted from now on.
pub(super) fn target(found: &DatabaseUrl, session: &Session<'_>) -> Result<pg::Target, CommandError> {
    let dsn = dsn(found, session)?;
    refuse_offline(&dsn, session)?;
    let target = dsn.target(APPLICATION);
    for host in &target.hosts {
        if let Host::Tcp { password: Some(password), .. } | Host::Unix { password: Some(password), .. } = host {
            session.ui.redact(password.expose());
        }
    }
    session.ui.debug(&format!("database {dsn} (from {})", found.from));
    for note in dsn.notes() {
        session.ui.debug(&note.to_string());
    }
    Ok(target)
}

/// A database on this machine is not reached by the network.
pub(super) fn refuse_offline(dsn: &Dsn, session: &Session<'_>) -> Result<(), CommandError> {
    let offline = &session.settings.offline;
    if !offline.value || dsn.is_local() {
        return Ok(());
    }
    let message = format!("network access is disabled ({}), and the database is not on this machine", offline.from);
    Err(CommandError::message(ExitStatus::Usage, message).hint("remove `--offline`"))
}

/// Reads the URL, with the variables and files that belong to it.
pub(super) fn dsn(found: &DatabaseUrl, session: &Session<'_>) -> Result<Dsn, CommandError> {
    let env = &session.env;
    let variables: BTreeMap<String, String> = env
        .variables()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned())))
        .collect();
    let home = env.home().map(|home| home.to_string_lossy().into_owned());
    let user = env.var("USER").or_else(|| env.var("LOGNAME")).or_else(|| env.var("USERNAME"));
    let socket_directory = SOCKET_DIRECTORIES.into_iter().find(|directory| Path::new(directory).is_dir());
    let files = |path: &str| content(&env.cwd.join(path));
    let surroundings = Surroundings {
        variables: &variables,
        system_user: user.as_deref(),
        home: home.as_deref(),
        socket_directory,
        files: &files,
    };
    Dsn::read(found.url.expose(), &surroundings).map_err(|error: DsnError| {
        let hint = match &error {
            // What stands before the host in an example would be redacted.
            DsnError::Scheme | DsnError::Url { .. } => {
                format!("a URL has the form {}; encode special characters as %XX", hints::FORM)
            }
            DsnError::Pairs(_) | DsnError::Setting { .. } | DsnError::File { .. } | DsnError::NoService => {
                error.hint().to_owned()
            }
        };
        CommandError::new(ExitStatus::Usage, error)
            .context(format!("the database URL from {} is not valid", found.from))
            .hint(hint)
    })
}

fn content(path: &Path) -> FileContent {
    match bounded_read::read_with_metadata(path, MAX_FILE) {
        Ok((bytes, metadata)) => FileContent::Present { bytes, is_private: is_private(&metadata) },
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileContent::Missing,
        Err(error) => FileContent::Unreadable(error.to_string()),
    }
}

#[cfg(unix)]
fn is_private(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o077 == 0
}

/// Windows keeps the files of a user's profile private.
#[cfg(not(unix))]
const fn is_private(_: &std::fs::Metadata) -> bool {
    true
}
