//! Commands do not read the whole history: the server counts its sequential scans.

use std::thread::sleep;
use std::time::Duration;

use super::rows::database;
use super::rows::project;
use crate::support::tmux::Terminal;

/// Finished tasks: enough that the table is not simply counted, and that an index is worth using.
pub const HISTORY: &str = "
alter table task_runs set (autovacuum_enabled = off);
insert into task_runs (result_id, backend_alias, queue_name, priority, spec_json, spec_hash, task_path, status, enqueued_at,
  attempts, max_attempts, timeout_seconds, concurrency_limit, wait_count, worker_ids, errors_json, metadata_json, created_at,
  updated_at, cancel_requested, finished_at, failed_at)
select 1000 + n, 'default', 'default', 0, '{\"args\": [], \"kwargs\": {}, \"v\": 1}', md5(n::text) || md5('h'), 'shop.tasks.old',
  case when n % 50 = 0 then 'FAILED' else 'SUCCESSFUL' end, now() - interval '30 days', 1, 3, 900, 0, 0, '[]', '[]', '{}',
  now(), now(), false, now() - interval '30 days', case when n % 50 = 0 then now() - interval '30 days' end
from generate_series(1, 40000) n;
analyze;";

const COMMANDS: &[&[&str]] = &[
    &["stats"],
    &["stats", "heatmap"],
    &["stats", "trend", "--rows", "1000"],
    &["task", "list"],
    &["task", "list", "--status", "ready"],
    &["task", "list", "--status", "running"],
    &["task", "list", "--status", "waiting"],
    &["task", "list", "--expired"],
    &["task", "show", "9"],
    &["task", "show", "17"],
    &["task", "why", "5"],
    &["task", "why", "8"],
    &["task", "why", "14"],
    &["queue", "list"],
    &["workers", "list"],
    &["periodic", "list"],
    &["periodic", "check"],
    &["limit", "list"],
    &["workflow", "list"],
    &["workflow", "show", "17"],
    &["workflow", "repair", "--all", "--dry-run"],
    &["workers", "prune", "--dry-run"],
    &["queue", "pause", "slow"],
    &["queue", "resume", "slow"],
    &["limit", "set", "queue:slow", "--rate", "2"],
    &["limit", "remove", "queue:slow"],
    &["periodic", "run", "nightly"],
];

#[test]
fn no_command_scans_the_tasks_where_the_indexes_exist() {
    for origin in ["b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        database.sql(HISTORY);
        let context = project(&database.url());
        let scans = || {
            // A session reports its statistics when it ends.
            sleep(Duration::from_millis(100));
            database.sql("select coalesce(seq_scan, 0) from pg_stat_user_tables where relname = 'task_runs'")
        };
        let mut before = scans();
        for arguments in COMMANDS {
            context.run(arguments);
            let after = scans();
            assert_eq!(after, before, "{origin}: {arguments:?} scanned the table");
            before = after;
        }
        let text = context.succeed(&["stats"]).stdout;
        assert!(text.contains("(estimated)"), "{text}");
        // The count is real: this reads everything.
        context.succeed(&["stats", "--format", "api"]);
        assert_ne!(scans(), before, "{origin}: the scans are not counted");
    }
}

/// It reads every second, with the history beside it.
#[test]
fn top_does_not_scan_the_tasks_where_the_indexes_exist() {
    for origin in ["b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        database.sql(HISTORY);
        let context = project(&database.url());
        let scans = || database.sql("select seq_scan from pg_stat_user_tables where relname = 'task_runs'");
        let before = scans();
        let Some(terminal) = Terminal::sized(&context, (120, 40), &["top", "--interval", "1s"]) else { return };
        terminal.wait_for("7 ready");
        // A session reports its statistics when it ends.
        terminal.press(&["5"]);
        terminal.wait_for("shop.tasks.charge");
        terminal.press(&["q"]);
        assert_eq!(terminal.ended().0, 0);
        sleep(Duration::from_millis(100));
        assert_eq!(scans(), before, "{origin}");
    }
}
