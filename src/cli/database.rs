//! The commands about the database of the queue.

use std::time::Duration;

use clap::Args;
use clap::Subcommand;

use crate::cli::examples;
use crate::cli::groups::ConfirmArgs;
use crate::model::units::parse_duration;

/// The commands of `reproq db`.
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Show the database: who created its tables, versions, sizes
    #[command(after_long_help = examples::DB_STATUS)]
    Status(DatabaseArgs),
    /// Compare the database with what the queue needs; exit with 3 if `db migrate` would change something
    #[command(after_long_help = examples::DB_CHECK)]
    Check(DatabaseArgs),
    /// Add what is missing: tables, columns, defaults and indexes; nothing is dropped
    #[command(after_long_help = examples::DB_MIGRATE)]
    Migrate(DbMigrateArgs),
}

/// Which database is used.
#[derive(Debug, Clone, Args)]
pub(crate) struct DatabaseArgs {
    /// Use this alias of [tool.reproq.databases], or of Django's DATABASES [env: DATABASE_URL]
    #[arg(long, value_name = "ALIAS")]
    pub database: Option<String>,
}

/// Options of `db migrate`.
#[derive(Debug, Args)]
pub(crate) struct DbMigrateArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Give up waiting for a table lock after this time, so that other sessions are not blocked; then retry
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    pub lock_timeout: Duration,
    /// Stop building an index after this time; the next run continues
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub index_timeout: Duration,
    /// Also create a table in which `reproq serve` keeps the depth of the queues for 30 days
    #[arg(long)]
    pub history: bool,
    #[command(flatten)]
    pub confirm: ConfirmArgs,
}
