//! The six tables with their columns, defaults and indexes, as the worker's own schema has them.

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// The type in `CREATE TABLE`.
    pub(super) sql_type: &'static str,
    /// The types a database may have, as `format_type` prints them. Django and the worker differ in some.
    pub(super) accepted: &'static [&'static str],
    pub(super) not_null: bool,
    pub(super) default: Option<&'static str>,
}

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) primary_key: &'static str,
    pub(super) columns: &'static [Column],
}

/// An index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) name: &'static str,
    pub(super) table: &'static str,
    pub(super) unique: bool,
    /// What follows `ON table`.
    pub(super) definition: &'static str,
}

const TEXT: &[&str] = &["text"];
const INTEGER: &[&str] = &["integer"];
const BIGINT: &[&str] = &["bigint"];
const BOOLEAN: &[&str] = &["boolean"];
const JSONB: &[&str] = &["jsonb"];
const UUID: &[&str] = &["uuid"];
const REAL: &[&str] = &["real", "double precision"];
const HASH: &[&str] = &["character(64)", "character varying(64)"];
const TIME: &[&str] = &["timestamp with time zone"];

const fn column(
    name: &'static str,
    sql_type: &'static str,
    accepted: &'static [&'static str],
    not_null: bool,
    default: Option<&'static str>,
) -> Column {
    Column { name, sql_type, accepted, not_null, default }
}

const fn text(name: &'static str) -> Column {
    column(name, "text", TEXT, false, None)
}

const fn text_required(name: &'static str, default: Option<&'static str>) -> Column {
    column(name, "text", TEXT, true, default)
}

const fn number(name: &'static str, default: Option<&'static str>) -> Column {
    column(name, "integer", INTEGER, true, default)
}

const fn json(name: &'static str, default: Option<&'static str>) -> Column {
    column(name, "jsonb", JSONB, true, default)
}

const fn time(name: &'static str) -> Column {
    column(name, "timestamptz", TIME, false, None)
}

const fn now(name: &'static str) -> Column {
    column(name, "timestamptz", TIME, true, Some("now()"))
}

const fn boolean(name: &'static str, default: &'static str) -> Column {
    column(name, "boolean", BOOLEAN, true, Some(default))
}

/// The table of tasks.
pub(super) const TASK_RUNS: &str = "task_runs";

/// Every table, in the order they are created.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: TASK_RUNS,
        primary_key: "result_id",
        columns: &[
            column("result_id", "bigserial", BIGINT, true, None),
            text_required("backend_alias", Some("'default'")),
            text_required("queue_name", Some("'default'")),
            number("priority", Some("0")),
            time("run_after"),
            json("spec_json", None),
            column("spec_hash", "char(64)", HASH, true, None),
            text("task_path"),
            text_required("status", Some("'READY'")),
            now("enqueued_at"),
            time("started_at"),
            time("last_attempted_at"),
            time("finished_at"),
            number("attempts", Some("0")),
            number("max_attempts", Some("3")),
            number("timeout_seconds", Some("900")),
            text("lock_key"),
            text("concurrency_key"),
            number("concurrency_limit", Some("0")),
            json("worker_ids", Some("'[]'")),
            column("return_json", "jsonb", JSONB, false, None),
            json("errors_json", Some("'[]'")),
            json("metadata_json", Some("'{}'")),
            text("last_error"),
            time("failed_at"),
            time("leased_until"),
            text("leased_by"),
            text("logs_uri"),
            text("artifacts_uri"),
            time("expires_at"),
            column("parent_id", "bigint", BIGINT, false, None),
            column("workflow_id", "uuid", UUID, false, None),
            number("wait_count", Some("0")),
            now("created_at"),
            now("updated_at"),
            boolean("cancel_requested", "false"),
        ],
    },
    Table {
        name: "periodic_tasks",
        primary_key: "name",
        columns: &[
            text_required("name", None),
            text_required("cron_expr", None),
            text_required("task_path", None),
            json("payload_json", Some("'{}'")),
            text_required("queue_name", Some("'default'")),
            number("priority", Some("0")),
            number("max_attempts", Some("3")),
            text("concurrency_key"),
            number("concurrency_limit", Some("0")),
            time("last_run_at"),
            column("next_run_at", "timestamptz", TIME, true, None),
            boolean("enabled", "true"),
            now("created_at"),
            now("updated_at"),
        ],
    },
    Table {
        name: "reproq_queue_controls",
        primary_key: "queue_name",
        columns: &[
            text_required("queue_name", None),
            boolean("paused", "false"),
            time("paused_at"),
            text("reason"),
            now("created_at"),
            now("updated_at"),
        ],
    },
    Table {
        name: "reproq_workers",
        primary_key: "worker_id",
        columns: &[
            text_required("worker_id", None),
            text("hostname"),
            column("concurrency", "integer", INTEGER, false, None),
            json("queues", Some("'[]'")),
            now("started_at"),
            now("last_seen_at"),
            text("version"),
        ],
    },
    Table {
        name: "rate_limits",
        primary_key: "key",
        columns: &[
            text_required("key", None),
            column("tokens_per_second", "real", REAL, true, None),
            number("burst_size", None),
            column("current_tokens", "real", REAL, true, None),
            now("last_refilled_at"),
        ],
    },
    Table {
        name: "workflow_runs",
        primary_key: "workflow_id",
        columns: &[
            column("workflow_id", "uuid", UUID, true, None),
            number("expected_count", None),
            number("success_count", Some("0")),
            number("failure_count", Some("0")),
            column("callback_result_id", "bigint", BIGINT, false, None),
            text_required("status", Some("'RUNNING'")),
            now("created_at"),
            now("updated_at"),
        ],
    },
];

/// The names of the tables.
pub const TABLE_NAMES: [&str; 6] =
    ["task_runs", "periodic_tasks", "reproq_queue_controls", "reproq_workers", "rate_limits", "workflow_runs"];

/// The index that keeps two active tasks with the same specification apart.
pub(super) const SPEC_UNIQUE: &str = "idx_task_runs_spec_unique";

/// The index on parents that deletions need. It is not part of the worker's own schema.
pub(super) const PARENT: &str = "idx_task_runs_parent";

/// Every index but those of the primary keys. The unique one is last, because existing rows can prevent it.
pub(super) const INDEXES: &[Index] = &[
    plain("idx_task_runs_claim", "(queue_name, status, priority DESC, enqueued_at) WHERE status = 'READY'"),
    plain(
        "idx_task_runs_claim_due",
        "(queue_name, COALESCE(run_after, '-infinity'::timestamptz), priority DESC, enqueued_at) WHERE status = 'READY'",
    ),
    plain("idx_task_runs_lock_key", "(lock_key) WHERE status = 'RUNNING'"),
    plain(
        "idx_task_runs_concurrency_active",
        "(concurrency_key, leased_until) WHERE status = 'RUNNING' AND concurrency_key IS NOT NULL",
    ),
    plain("idx_task_runs_parent_id", "(parent_id) WHERE status = 'WAITING'"),
    plain("idx_task_runs_workflow_id", "(workflow_id)"),
    plain("idx_task_runs_failed_at", "(failed_at) WHERE status = 'FAILED'"),
    plain("idx_task_runs_task_path", "(task_path)"),
    plain(PARENT, "(parent_id) WHERE parent_id IS NOT NULL"),
    Index {
        name: "idx_periodic_tasks_next_run",
        table: "periodic_tasks",
        unique: false,
        definition: "(next_run_at) WHERE enabled = true",
    },
    Index {
        name: "idx_workflow_runs_callback",
        table: "workflow_runs",
        unique: false,
        definition: "(callback_result_id)",
    },
    Index {
        name: SPEC_UNIQUE,
        table: TASK_RUNS,
        unique: true,
        definition: "(spec_hash) WHERE status IN ('READY', 'RUNNING')",
    },
];

const fn plain(name: &'static str, definition: &'static str) -> Index {
    Index { name, table: TASK_RUNS, unique: false, definition }
}

/// The constraint and the trigger that keep `task_path` filled.
pub(super) const CHECK: &str = "task_runs_task_path_not_empty";
pub(super) const TRIGGER: &str = "trg_task_runs_task_path";

/// The function of the trigger that fills `task_path`.
pub const FUNCTION: &str = "reproq_task_path_from_spec";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_tables() {
        let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        assert_eq!(names, TABLE_NAMES);
    }

    #[test]
    fn every_key_is_a_column_and_every_index_belongs_to_a_table() {
        for table in TABLES {
            assert!(table.columns.iter().any(|column| column.name == table.primary_key), "{}", table.name);
        }
        assert!(INDEXES.iter().all(|index| TABLE_NAMES.contains(&index.table)));
    }
}
