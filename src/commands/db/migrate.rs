//! `reproq db migrate`: plan, show, confirm, apply statement by statement, read back.

use std::time::Duration;

use reproq_queue::pg;
use reproq_queue::pg::IndexBuild;
use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::schema::Blocked;
use reproq_queue::schema::Finding;
use reproq_queue::schema::MigrationPlan;
use reproq_queue::schema::MigrationStep;
use reproq_queue::schema::SchemaOrigin;
use reproq_queue::schema::SchemaSnapshot;
use reproq_queue::schema::findings;
use reproq_queue::schema::has_pooler;
use serde::Serialize;

use super::report::DatabaseFacts;
use crate::change::Proposal;
use crate::cli::ConfirmArgs;
use crate::cli::DatabaseArgs;
use crate::cli::DbMigrateArgs;
use crate::commands::consent::confirm as confirm_change;
use crate::commands::database::Database;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::ui::Report;
use crate::ui::TextReport;

/// The defaults of the options.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
const INDEX_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Settings of a session would reach other clients of the pooler.
const THROUGH_A_POOLER: &str = "through a pooler or a proxy, the time limits of the database role apply: connect to the server \
                                directly, or set `statement_timeout` and `lock_timeout` to 0 for a role that runs migrations";

/// How often an index that another session builds is checked.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize)]
struct DbMigrateReport {
    database: DatabaseFacts,
    dry_run: bool,
    statements: Vec<StatementRow>,
    blocked: Vec<Blocked>,
    /// Whether the database was read again and lacks nothing that a migration can add.
    complete: bool,
}

#[derive(Debug, Serialize)]
struct StatementRow {
    state: StatementState,
    #[serde(flatten)]
    step: MigrationStep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum StatementState {
    Planned,
    Applied,
    Failed,
}

pub(super) fn migrate(arguments: &DbMigrateArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let (report, failure) =
        Database::with(&arguments.database, session, async |database| migrate_in(database, arguments, session).await)?;
    session.ui.report(&report)?;
    let applied = report.number(StatementState::Applied);
    if let Some(failure) = failure {
        session.ui.error_after_report(&failure);
        let is_interrupt = failure.status == ExitStatus::Interrupted;
        return Ok(if applied > 0 && !is_interrupt { ExitStatus::Partial } else { failure.status });
    }
    let planned = report.number(StatementState::Planned);
    Ok(match () {
        () if report.dry_run && arguments.confirm.exit_code && planned > 0 => ExitStatus::Pending,
        () if report.dry_run => ExitStatus::Success,
        () if !report.blocked.is_empty() => ExitStatus::Partial,
        () => ExitStatus::Success,
    })
}

/// Applies everything that the project's database lacks, without a question. Returns how many statements were applied, and what is
/// blocked.
pub(in crate::commands) fn apply_all(session: &Session<'_>) -> Result<(usize, Vec<Blocked>), CommandError> {
    let arguments = DbMigrateArgs {
        database: DatabaseArgs { database: None },
        lock_timeout: LOCK_TIMEOUT,
        index_timeout: INDEX_TIMEOUT,
        history: false,
        confirm: ConfirmArgs { yes: true, dry_run: false, exit_code: false },
    };
    let migrated =
        Database::with(&arguments.database, session, async |database| migrate_in(database, &arguments, session).await);
    match migrated? {
        (report, None) => Ok((report.number(StatementState::Applied), report.blocked)),
        (_, Some(failure)) => Err(failure),
    }
}

async fn migrate_in(
    database: &Database,
    arguments: &DbMigrateArgs,
    session: &Session<'_>,
) -> Result<(DbMigrateReport, Option<CommandError>), CommandError> {
    let mut snapshot = inspect(database).await?;
    if !arguments.confirm.dry_run {
        snapshot = wait_for_others(database, snapshot, arguments.index_timeout, session).await?;
    }
    let planned = plan(&snapshot, arguments);
    let mut report = DbMigrateReport::new(DatabaseFacts::new(database, &snapshot), &planned, arguments.confirm.dry_run);
    if SchemaOrigin::of(&snapshot.catalog) == SchemaOrigin::Empty {
        session.ui.warn("the database has no tables of the queue");
        session.ui.hint(
            "in a Django project, run `python manage.py migrate` first; if you already created them here, add `--fake-initial`",
        );
    }
    if arguments.confirm.dry_run || planned.is_empty() {
        return Ok((report, None));
    }
    may_change(&snapshot)?;
    confirm(&report, planned.steps.len(), arguments, session)?;
    let build = IndexBuild { limit: arguments.index_timeout, is_pooled: has_pooler(&snapshot) };
    let failure = apply(database, arguments.lock_timeout, build, session, &mut report).await;
    if failure.is_none() {
        let left = plan(&inspect(database).await?, arguments);
        report.complete = left.is_empty();
        if !report.complete {
            let names: Vec<String> = left.steps.into_iter().map(|step| step.summary).collect();
            let message = "the database still lacks something after the migration";
            let failure = CommandError::message(ExitStatus::Conflict, message).details(names);
            return Ok((report, Some(failure.hint("another migration may run now; run the same command again"))));
        }
    }
    Ok((report, failure))
}

fn plan(snapshot: &SchemaSnapshot, arguments: &DbMigrateArgs) -> MigrationPlan {
    let mut plan = MigrationPlan::compute(snapshot);
    if arguments.history {
        plan.add_depth_history(&snapshot.catalog);
    }
    plan
}

async fn inspect(database: &Database) -> Result<SchemaSnapshot, CommandError> {
    pg::inspect(&database.session, Limits::default()).await.map_err(hints::database)
}

/// A killed run leaves its index build running on the server, which completes it.
async fn wait_for_others(
    database: &Database,
    mut snapshot: SchemaSnapshot,
    limit: Duration,
    session: &Session<'_>,
) -> Result<SchemaSnapshot, CommandError> {
    let mut waited = Duration::ZERO;
    loop {
        let building = MigrationPlan::compute(&snapshot).building;
        if building.is_empty() {
            return Ok(snapshot);
        }
        if waited.is_zero() {
            session.ui.status(&format!("Waiting for another session that builds {}", building.join(", ")));
        }
        if waited >= limit {
            let message = format!("another session still builds {}", building.join(", "));
            return Err(CommandError::message(ExitStatus::Conflict, message)
                .hint("run the same command again later, or wait longer with `--index-timeout`"));
        }
        database.session.pause(LOOK).await.map_err(hints::database)?;
        waited += LOOK;
        snapshot = inspect(database).await?;
    }
}

/// Checks what would make a statement in the middle fail.
fn may_change(snapshot: &SchemaSnapshot) -> Result<(), CommandError> {
    for finding in findings(snapshot) {
        let error = if matches!(finding, Finding::Standby | Finding::ReadOnly) {
            PgError::ReadOnly { message: finding.to_string() }
        } else if matches!(finding, Finding::NotOwner { .. } | Finding::MayNotCreate { .. }) {
            PgError::NotPermitted { message: finding.to_string() }
        } else {
            continue;
        };
        return Err(hints::database(error));
    }
    Ok(())
}

fn confirm(
    report: &DbMigrateReport,
    number: usize,
    arguments: &DbMigrateArgs,
    session: &Session<'_>,
) -> Result<(), CommandError> {
    let place = report.database.place();
    let question = |number| format!("Type {number} to apply {} to {place}:", count(number, "statement"));
    let proposal = Proposal { number, thing: "statement", done: "applied" };
    confirm_change(&proposal, question, || session.ui.preview(report), arguments.confirm.yes, session).map(|_| ())
}

/// Applies one statement after another until one fails.
async fn apply(
    database: &Database,
    lock_timeout: Duration,
    build: IndexBuild,
    session: &Session<'_>,
    report: &mut DbMigrateReport,
) -> Option<CommandError> {
    let limits = Limits { lock: lock_timeout, ..Limits::default() };
    for row in &mut report.statements {
        session.ui.status(&row.step.summary);
        if let Err(error) = pg::apply(&database.session, &row.step, limits, build).await {
            row.state = StatementState::Failed;
            let is_late = matches!(error, PgError::StatementTimeout { .. } | PgError::LockTimeout { .. });
            let failure = hints::database(error).context(format!("failed to {}", row.step.summary));
            let is_limited_by_role = is_late && build.is_pooled && row.step.kind.is_concurrent();
            return Some(if is_limited_by_role { failure.hint(THROUGH_A_POOLER) } else { failure });
        }
        row.state = StatementState::Applied;
    }
    None
}

impl DbMigrateReport {
    fn new(database: DatabaseFacts, plan: &MigrationPlan, dry_run: bool) -> Self {
        let planned = |step: &MigrationStep| StatementRow { state: StatementState::Planned, step: step.clone() };
        Self {
            database,
            dry_run,
            statements: plan.steps.iter().map(planned).collect(),
            blocked: plan.blocked.clone(),
            complete: plan.is_empty(),
        }
    }

    fn number(&self, state: StatementState) -> usize {
        self.statements.iter().filter(|row| row.state == state).count()
    }
}

impl Report for DbMigrateReport {
    const SCHEMA: &'static str = "reproq.db-migrate/1";

    fn human(&self, out: &mut TextReport) {
        self.database.human(out);
        let is_applied = self.number(StatementState::Planned) < self.statements.len();
        for row in &self.statements {
            if is_applied {
                let state = match row.state {
                    StatementState::Planned => "not done",
                    StatementState::Applied => "done",
                    StatementState::Failed => "failed",
                };
                out.line(&format!("{state:<8} {}", row.step.summary));
            } else {
                out.faint(&format!("-- {}", row.step.summary));
                // Line by line: a name in it may contain anything.
                for line in format!("{};", row.step.sql).lines() {
                    out.line(line);
                }
            }
        }
        for blocked in &self.blocked {
            out.line(&format!("blocked  {}: {}", blocked.change, blocked.reason));
        }
        match (self.statements.len(), self.complete) {
            (0, _) => {
                if self.blocked.is_empty() {
                    out.line("Nothing to do: the database has everything the queue needs.");
                }
            }
            (number, true) => {
                out.blank();
                out.line(&format!("Verified: {} applied, nothing is left to do.", count(number, "statement")));
            }
            (number, false) if self.dry_run => {
                out.blank();
                out.line(&format!("{} would be applied; nothing was changed.", count(number, "statement")));
            }
            (_, false) => {}
        }
    }
}
