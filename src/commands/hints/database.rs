//! Errors of the database, and what to do about findings in it.

use reproq_queue::pg::PgError;
use reproq_queue::schema::Finding;

use crate::config::NoDatabaseUrl;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

/// The form of a URL. What would stand before its host is named separately, because it is redacted in all output.
pub(in crate::commands) const FORM: &str = "postgres://HOST:PORT/DATABASE, with USER:PASSWORD@ before the host";

/// Converts an error of the database.
pub(in crate::commands) fn database(error: PgError) -> CommandError {
    let (status, hint) = advice(&error);
    let details = details(&error);
    let failure = CommandError::new(status, error).details(details);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Converts a missing configuration.
pub(in crate::commands) fn no_database(error: NoDatabaseUrl) -> CommandError {
    let hint = match &error {
        NoDatabaseUrl::UnknownAlias { alias, .. } => {
            format!("add `{alias} = \"env:NAME\"` to [tool.reproq.databases] in pyproject.toml")
        }
        NoDatabaseUrl::Unset { variable, .. } => {
            format!("set {variable} to {FORM}")
        }
        NoDatabaseUrl::NotInWorkerConfig { .. } => {
            "add `dsn` to the file, or name another source; `reproq config worker` shows what the worker reads"
                .to_owned()
        }
        NoDatabaseUrl::NotInDjango { alias, .. } => {
            format!("run it in the Django project, or set `{alias} = \"env:NAME\"` in [tool.reproq.databases]")
        }
        NoDatabaseUrl::Nothing => {
            format!("set DATABASE_URL to {FORM}, or add a table [tool.reproq.databases] to pyproject.toml")
        }
    };
    CommandError::new(ExitStatus::Usage, error).hint(hint)
}

fn details(error: &PgError) -> Vec<String> {
    if let PgError::NoneUsable { failures } = error {
        let each = failures.iter().map(|failure| {
            let cause = std::error::Error::source(failure).map(|cause| format!(": {cause}"));
            format!("{failure}{}", cause.unwrap_or_default())
        });
        return each.collect();
    }
    if let PgError::Lost { reason: Some(reason), .. } = error { vec![reason.clone()] } else { Vec::new() }
}

fn advice(error: &PgError) -> (ExitStatus, Option<String>) {
    // What every host refuses for the same reason is not solved by another try.
    if let PgError::NoneUsable { failures } = error
        && let [first, others @ ..] = &failures[..]
        && others.iter().all(|other| advice(other).0 == advice(first).0)
    {
        return advice(first);
    }
    let (status, hint) = match error {
        PgError::Unreachable { .. } => {
            (ExitStatus::Unavailable, "check that the server is running, and that the URL has the right host and port")
        }
        PgError::NoAnswer { .. } => {
            (ExitStatus::Unavailable, "check the host and port, or wait longer with `connect_timeout` in the URL")
        }
        PgError::NoneUsable { .. } => (ExitStatus::Unavailable, "check the hosts of the URL"),
        PgError::WrongKind { .. } => (ExitStatus::Unavailable, "check `target_session_attrs` and the hosts of the URL"),
        PgError::TlsRefused { .. } => (
            ExitStatus::Unavailable,
            "turn on `ssl` on the server, or use `sslmode=disable` if the network between is trusted",
        ),
        PgError::Certificate { .. } => (
            ExitStatus::Unverified,
            "set `sslrootcert` in the URL to the certificate of the authority, and connect by the name in the certificate",
        ),
        PgError::Tls { .. } => (ExitStatus::Unavailable, "check `sslmode` and the TLS settings of the server"),
        PgError::CertificateFile { .. } => {
            (ExitStatus::Usage, "the file must contain unencrypted PEM; check `sslrootcert`, `sslcert` and `sslkey`")
        }
        PgError::Password { given: true, .. } => {
            (ExitStatus::NotPermitted, "check the user and the password of the URL")
        }
        PgError::Password { given: false, .. } => {
            (ExitStatus::NotPermitted, "add the password to the URL, or to a password file that only you can read")
        }
        PgError::NotAdmitted { .. } => {
            (ExitStatus::NotPermitted, "check the user and `sslmode` of the URL, and pg_hba.conf of the server")
        }
        PgError::NoDatabase { .. } => {
            (ExitStatus::NotFound, "check the name in the URL, or create the database with `createdb`")
        }
        PgError::NotNow { .. } => (ExitStatus::Unavailable, "run the same command again later"),
        PgError::TooOld { .. } => (ExitStatus::Failure, "upgrade the server"),
        PgError::Authentication { .. } => (
            ExitStatus::NotPermitted,
            "only passwords (SCRAM, MD5) and client certificates are supported; check `channel_binding`",
        ),
        PgError::ReadOnly { .. } => (
            ExitStatus::Unavailable,
            "connect to the primary, for example with `target_session_attrs=read-write` and several hosts in the URL",
        ),
        PgError::Lost { committing: false, .. } => {
            (ExitStatus::Unavailable, "nothing was changed in the last transaction; run the same command again")
        }
        PgError::Lost { committing: true, .. } => {
            (ExitStatus::Unavailable, "run the same command again: it changes only what is still to be changed")
        }
        PgError::StatementTimeout { .. } => {
            (ExitStatus::Unavailable, "run the same command again when the database is less busy")
        }
        PgError::LockTimeout { .. } => (
            ExitStatus::Conflict,
            "run the same command again later; `reproq db check` shows transactions that have been open for long",
        ),
        PgError::Interrupted => return (ExitStatus::Interrupted, None),
        PgError::MissingTable { .. } => {
            (ExitStatus::NotFound, "run `reproq db check` to see what is missing, and `reproq db migrate` to create it")
        }
        PgError::UnknownColumn { .. } => (
            ExitStatus::Conflict,
            "upgrade this command (`reproq self version` shows how), or give the column a default",
        ),
        PgError::SequenceBehind { repair, .. } => {
            return (ExitStatus::Conflict, Some(format!("run as the owner of the tables: {repair};")));
        }
        PgError::NotPermitted { .. } => (
            ExitStatus::NotPermitted,
            "use a database user with this privilege; `reproq db check` shows what is missing",
        ),
        PgError::Conflict { .. } => (ExitStatus::Conflict, "run the same command again"),
        PgError::Server { .. } | PgError::Answer { .. } => return (ExitStatus::Failure, None),
    };
    (status, Some(hint.to_owned()))
}

/// What to do about a finding that a migration does not repair.
pub(in crate::commands) const fn finding(finding: &Finding) -> Option<&'static str> {
    match finding {
        Finding::SchemaTooOld { .. } | Finding::EmptyTaskPaths => {
            Some("run `python manage.py reproq migrate-worker`, which fills the column")
        }
        Finding::UnknownRequiredColumn { .. } => Some("upgrade this command: a newer version may know the column"),
        Finding::IndexDiffers { .. } => Some("rename the index with ALTER INDEX, then run `reproq db migrate`"),
        Finding::Duplicates { .. } => Some("let the tasks finish, or cancel all but one of each"),
        Finding::PermissionMissing { .. } => Some("grant the privileges, or use another database user"),
        Finding::IndexLeftOver { .. } => Some("drop it with DROP INDEX CONCURRENTLY"),
        Finding::OldTransactions { .. } => Some("end the session, or see what it waits for in pg_stat_activity"),
        Finding::PreparedTransactions { .. } => Some("commit or roll them back; see pg_prepared_xacts"),
        Finding::DeadRows { .. } => Some("run VACUUM, and look for old transactions"),
        Finding::NotOwner { .. } | Finding::MayNotCreate { .. } => {
            Some("run `reproq db migrate` as the owner of the tables")
        }
        Finding::Pooler => {
            Some("the worker's named statements fail in transaction mode; add default_query_exec_mode=exec to its URL")
        }
        Finding::MigrationNotRecorded => Some("run `python manage.py migrate --fake-initial`"),
        Finding::ActivityHidden => Some("grant pg_read_all_stats to see them"),
        Finding::TableMissing { .. }
        | Finding::NotATable { .. }
        | Finding::ColumnMissing { .. }
        | Finding::ColumnType { .. }
        | Finding::DefaultsMissing { .. }
        | Finding::IndexMissing { .. }
        | Finding::IndexInvalid { .. }
        | Finding::IndexBuilding { .. }
        | Finding::FunctionMissing
        | Finding::TriggerMissing
        | Finding::CheckMissing
        | Finding::ParentIndexMissing
        | Finding::UntestedServer { .. }
        | Finding::Standby
        | Finding::ReadOnly => None,
    }
}
