//! Reads everything that is shown of a database, in one transaction.

use std::collections::BTreeSet;

use futures_util::future::try_join5;
use reproq_queue::pg::PgError;
use reproq_queue::pg::Transaction;
use reproq_queue::read;
use reproq_queue::state::TaskStatus;
use reproq_queue::stats::queue_depths;
use reproq_queue::tasks::TaskFilter;

use crate::commands::queue;
use crate::commands::session::Session;
use crate::commands::stats::FAILURE_WINDOW;
use crate::commands::top::model::TopSnapshot;
use crate::ui::Report;
use crate::ui::TextReport;

/// The tasks that are listed: those that run, and the newest of all; and the failures.
const TASKS: i64 = 200;

/// The schedules that are listed.
const SCHEDULES: i64 = 1000;

pub(super) async fn snapshot(tx: &Transaction<'_>) -> Result<TopSnapshot, PgError> {
    let running = TaskFilter { statuses: vec![TaskStatus::Running], ..TaskFilter::default() };
    let any = TaskFilter::default();
    let (state, mut tasks, newest, failures, schedules) = try_join5(
        read::snapshot(tx, FAILURE_WINDOW),
        read::list(tx, &running, TASKS),
        read::list(tx, &any, TASKS),
        read::latest_failures(tx, TASKS),
        read::schedules(tx, None, SCHEDULES),
    )
    .await?;
    let listed: BTreeSet<i64> = tasks.iter().map(|task| task.result_id).collect();
    tasks.extend(newest.into_iter().filter(|task| !listed.contains(&task.result_id)));
    Ok(TopSnapshot {
        now: state.server.now,
        is_standby: state.server.standby,
        queues: queue_depths(&state),
        tasks,
        failed: state.failures,
        workers: state.workers,
        schedules,
        failures,
    })
}

/// What `task why` and `task show` print about a task; `None` if it does not exist.
pub(super) async fn details(
    tx: &Transaction<'_>,
    id: i64,
    session: &Session<'_>,
) -> Result<Option<Vec<String>>, PgError> {
    let Some(causes) = queue::task_causes(tx, id, session).await? else { return Ok(None) };
    let Some(task) = queue::whole_task(tx, id).await? else { return Ok(None) };
    // Without the heading, which the other report has too.
    let mut lines = text(&causes, true);
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.extend(text(&task, false));
    Ok(Some(lines))
}

fn text(report: &impl Report, is_quiet: bool) -> Vec<String> {
    let mut text = TextReport::new(false, is_quiet);
    report.human(&mut text);
    text.into_text().lines().map(str::to_owned).collect()
}
