//! The plan and the findings, for one change of a complete database after another.

use super::catalog::Activity;
use super::catalog::CatalogColumn;
use super::catalog::CatalogConstraint;
use super::catalog::CatalogIndex;
use super::catalog::CatalogTable;
use super::catalog::Connection;
use super::catalog::DatabaseCatalog;
use super::catalog::Duplicate;
use super::catalog::OldTransaction;
use super::catalog::Privileges;
use super::catalog::SchemaSnapshot;
use super::catalog::ServerFacts;
use super::catalog::TableData;
use super::compare::findings;
use super::expected::CHECK;
use super::expected::INDEXES;
use super::expected::TABLES;
use super::expected::TASK_RUNS;
use super::expected::TRIGGER;
use super::finding::Severity;
use super::migration::MigrationPlan;
use super::migration::StepKind;
use super::origin::SchemaOrigin;

/// A database that has everything.
fn complete() -> SchemaSnapshot {
    let tables = TABLES.iter().map(|table| CatalogTable {
        name: table.name.to_owned(),
        schema: "public".to_owned(),
        kind: "r".to_owned(),
        rows: 10.0,
        bytes: 8192,
        index_bytes: 8192,
        live_rows: Some(10),
        dead_rows: Some(0),
        vacuumed: None,
        owned: true,
        may_create: true,
        privileges: Privileges { select: true, insert: true, update: true, delete: true },
        columns: table
            .columns
            .iter()
            .map(|column| CatalogColumn {
                name: column.name.to_owned(),
                sql_type: column.accepted[0].to_owned(),
                not_null: column.not_null,
                default: column.default.map(str::to_owned),
                generated: false,
            })
            .collect(),
        indexes: INDEXES
            .iter()
            .filter(|index| index.table == table.name)
            .map(|index| CatalogIndex {
                name: index.name.to_owned(),
                definition: format!("CREATE INDEX x ON public.t USING btree {}", index.definition),
                unique: index.unique,
                valid: true,
                building: false,
                bytes: 8192,
            })
            .collect(),
        constraints: Vec::new(),
        triggers: Vec::new(),
    });
    let mut tables: Vec<CatalogTable> = tables.collect();
    tables[0].triggers.push(TRIGGER.to_owned());
    tables[0].constraints.push(CatalogConstraint { name: CHECK.to_owned(), definition: "CHECK (…)".to_owned() });
    SchemaSnapshot {
        catalog: DatabaseCatalog {
            server: ServerFacts {
                version: "15.18".to_owned(),
                number: 150_018,
                database: "shop".to_owned(),
                user: "shop".to_owned(),
                schema: Some("public".to_owned()),
                in_recovery: false,
                read_only: false,
                may_create: true,
                database_bytes: Some(1 << 20),
            },
            connection: Connection { client_port: Some(40_000), backend_seconds: Some(0.1), tls: Some(false) },
            activity: Activity { sees_all: true, old: Vec::new(), prepared: 0 },
            tables,
            function: Some("\n            BEGIN\n            END;\n".to_owned()),
            django_migrations: false,
            depth_history: false,
        },
        data: TableData::default(),
        local_port: Some(40_000),
    }
}

fn tasks(snapshot: &mut SchemaSnapshot) -> &mut CatalogTable {
    let tables = &mut snapshot.catalog.tables;
    tables.iter_mut().find(|table| table.name == TASK_RUNS).expect("there is one")
}

fn column<'a>(snapshot: &'a mut SchemaSnapshot, name: &str) -> &'a mut CatalogColumn {
    tasks(snapshot).columns.iter_mut().find(|column| column.name == name).expect("there is one")
}

fn index<'a>(snapshot: &'a mut SchemaSnapshot, name: &str) -> &'a mut CatalogIndex {
    tasks(snapshot).indexes.iter_mut().find(|index| index.name == name).expect("there is one")
}

type Change = fn(&mut SchemaSnapshot);

/// What is changed, the findings as their kinds, the statements as their summaries, the changes that are blocked.
type Case = (&'static str, Change, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

const TABLE: &[Case] = &[
    ("nothing", |_| {}, &[], &[], &[]),
    (
        "a table is missing",
        |s| s.catalog.tables.retain(|table| table.name != "workflow_runs"),
        &["table_missing"],
        &["create table workflow_runs", "build index idx_workflow_runs_callback"],
        &[],
    ),
    (
        "a column with a constant default is missing",
        |s| tasks(s).columns.retain(|column| column.name != "concurrency_limit"),
        &["column_missing"],
        &["add column task_runs.concurrency_limit"],
        &[],
    ),
    (
        "a column whose values must be computed is missing",
        |s| tasks(s).columns.retain(|column| column.name != "task_path"),
        &["schema_too_old"],
        &[],
        &["add column task_runs.task_path"],
    ),
    (
        "defaults are missing",
        |s| {
            column(s, "status").default = None;
            column(s, "priority").default = None;
        },
        &["defaults_missing"],
        &["set the default of 2 columns of task_runs"],
        &[],
    ),
    (
        "an index is missing",
        |s| tasks(s).indexes.retain(|index| index.name != "idx_task_runs_claim"),
        &["index_missing"],
        &["build index idx_task_runs_claim"],
        &[],
    ),
    ("an index has another name", |s| index(s, "idx_task_runs_claim").name = "their_own".to_owned(), &[], &[], &[]),
    (
        "an index is invalid",
        |s| index(s, "idx_task_runs_lock_key").valid = false,
        &["index_invalid"],
        &["build index idx_task_runs_lock_key again"],
        &[],
    ),
    (
        "an index is being built",
        |s| {
            index(s, "idx_task_runs_lock_key").valid = false;
            index(s, "idx_task_runs_lock_key").building = true;
        },
        &["index_building"],
        &[],
        &[],
    ),
    (
        "an index of the name has another definition",
        |s| index(s, "idx_task_runs_claim").definition = "CREATE INDEX x ON t USING btree (status)".to_owned(),
        &["index_differs"],
        &[],
        &["build index idx_task_runs_claim"],
    ),
    (
        "an index of another method",
        |s| {
            let index = index(s, "idx_task_runs_task_path");
            index.definition = "CREATE INDEX x ON t USING hash (task_path)".to_owned();
            index.name = "theirs".to_owned();
        },
        &["index_missing"],
        &["build index idx_task_runs_task_path"],
        &[],
    ),
    (
        "a rebuild was interrupted",
        |s| {
            let mut copy = index(s, "idx_task_runs_claim").clone();
            copy.name = "idx_task_runs_claim_ccnew1".to_owned();
            copy.valid = false;
            tasks(s).indexes.push(copy);
        },
        &["index_left_over"],
        &[],
        &[],
    ),
    (
        "the unique index is missing",
        |s| {
            tasks(s).indexes.retain(|index| !index.unique);
            s.data.duplicates = Some(Vec::new());
        },
        &["index_missing"],
        &["build index idx_task_runs_spec_unique"],
        &[],
    ),
    (
        "duplicates forbid the unique index",
        |s| {
            tasks(s).indexes.retain(|index| !index.unique);
            s.data.duplicates = Some(vec![Duplicate { spec_hash: "ab".repeat(32), tasks: 2, first: 7 }]);
        },
        &["duplicates"],
        &[],
        &["create unique index idx_task_runs_spec_unique"],
    ),
    (
        "duplicates left the unique index invalid",
        |s| {
            index(s, "idx_task_runs_spec_unique").valid = false;
            s.data.duplicates = Some(vec![Duplicate { spec_hash: "ab".repeat(32), tasks: 2, first: 7 }]);
        },
        &["duplicates"],
        &[],
        &["create unique index idx_task_runs_spec_unique"],
    ),
    (
        "no index serves deletions",
        |s| tasks(s).indexes.retain(|index| index.name != "idx_task_runs_parent"),
        &["parent_index_missing"],
        &["build index idx_task_runs_parent"],
        &[],
    ),
    (
        "Django's index serves deletions",
        |s| {
            let index = index(s, "idx_task_runs_parent");
            index.name = "task_runs_parent_id_866fda04".to_owned();
            index.definition = "CREATE INDEX x ON public.task_runs USING btree (parent_id)".to_owned();
        },
        &[],
        &[],
        &[],
    ),
    (
        "the function and the trigger are missing",
        |s| {
            s.catalog.function = None;
            tasks(s).triggers.clear();
        },
        &["function_missing", "trigger_missing"],
        &["create function reproq_task_path_from_spec", "create trigger trg_task_runs_task_path"],
        &[],
    ),
    (
        "the constraint is missing",
        |s| {
            tasks(s).constraints.clear();
            s.data.has_empty_task_path = Some(false);
        },
        &["check_missing"],
        &["add constraint task_runs_task_path_not_empty"],
        &[],
    ),
    (
        "rows forbid the constraint",
        |s| {
            tasks(s).constraints.clear();
            s.data.has_empty_task_path = Some(true);
        },
        &["empty_task_paths"],
        &[],
        &["add constraint task_runs_task_path_not_empty"],
    ),
    (
        "a newer version added a required column",
        |s| {
            let mut column = column(s, "status").clone();
            column.name = "tenant".to_owned();
            column.default = None;
            tasks(s).columns.push(column);
        },
        &["unknown_required_column"],
        &[],
        &[],
    ),
    ("a column has another type", |s| column(s, "priority").sql_type = "text".to_owned(), &["column_type"], &[], &[]),
    (
        "a view has the name of the table",
        |s| tasks(s).kind = "v".to_owned(),
        &["not_a_table"],
        &[],
        &["complete task_runs"],
    ),
    ("the user may not delete", |s| tasks(s).privileges.delete = false, &["permission_missing"], &[], &[]),
    ("the user is not the owner", |s| tasks(s).owned = false, &["not_owner"], &[], &[]),
    ("vacuum falls behind", |s| tasks(s).dead_rows = Some(20_000), &["dead_rows"], &[], &[]),
    (
        "many dead rows among many more",
        |s| {
            tasks(s).dead_rows = Some(20_000);
            tasks(s).live_rows = Some(1_000_000);
        },
        &[],
        &[],
        &[],
    ),
    ("a standby", |s| s.catalog.server.in_recovery = true, &["standby"], &[], &[]),
    ("read-only by default", |s| s.catalog.server.read_only = true, &["read_only"], &[], &[]),
    ("a server of the future", |s| s.catalog.server.number = 190_000, &["untested_server"], &[], &[]),
    ("the newest server", |s| s.catalog.server.number = 180_006, &[], &[], &[]),
    ("another port on the way", |s| s.local_port = Some(40_001), &["pooler"], &[], &[]),
    ("a socket here, TCP there", |s| s.local_port = None, &["pooler"], &[], &[]),
    ("an old process of the server", |s| s.catalog.connection.backend_seconds = Some(3_600.0), &["pooler"], &[], &[]),
    (
        "an old transaction",
        |s| {
            s.catalog.activity.old.push(OldTransaction {
                pid: 1,
                user: Some("shop".to_owned()),
                application: Some(String::new()),
                state: Some("idle in transaction".to_owned()),
                seconds: 7_200.0,
            });
        },
        &["old_transactions"],
        &[],
        &[],
    ),
    ("prepared transactions", |s| s.catalog.activity.prepared = 1, &["prepared_transactions"], &[], &[]),
    ("sessions are hidden", |s| s.catalog.activity.sees_all = false, &["activity_hidden"], &[], &[]),
];

#[test]
fn each_change_has_its_findings_and_its_statements() {
    for (name, change, kinds, summaries, blocked) in TABLE {
        let mut snapshot = complete();
        change(&mut snapshot);
        let found = findings(&snapshot);
        let found_kinds: Vec<String> = found
            .iter()
            .map(|finding| serde_json::to_value(finding).expect("JSON")["kind"].as_str().expect("a kind").to_owned())
            .collect();
        assert_eq!(found_kinds, *kinds, "{name}");
        assert!(found.iter().all(|finding| !finding.to_string().is_empty()));
        let plan = MigrationPlan::compute(&snapshot);
        let steps: Vec<&str> = plan.steps.iter().map(|step| step.summary.as_str()).collect();
        assert_eq!(steps, *summaries, "{name}");
        let refused: Vec<&str> = plan.blocked.iter().map(|blocked| blocked.change.as_str()).collect();
        assert_eq!(refused, *blocked, "{name}");
        // `check` announces a change exactly if `migrate` makes one.
        let is_pending = found.iter().any(|finding| finding.severity() == Severity::Pending);
        assert_eq!(is_pending, !plan.is_empty(), "{name}");
    }
}

#[test]
fn no_statement_drops_rewrites_or_blocks() {
    let mut every = Vec::new();
    for (_, change, ..) in TABLE {
        let mut snapshot = complete();
        change(&mut snapshot);
        every.extend(MigrationPlan::compute(&snapshot).steps);
    }
    let mut empty = complete();
    empty.catalog.tables.clear();
    empty.catalog.function = None;
    every.extend(MigrationPlan::compute(&empty).steps);
    assert!(every.len() > 30);
    for step in every {
        let sql = step.sql.to_uppercase();
        for word in ["DROP", "DELETE", "TRUNCATE", "UPDATE ", "RENAME", " TYPE "] {
            let is_trigger = word == "UPDATE " && step.kind == StepKind::CreateTrigger;
            let is_reference = sql.contains("ON DELETE SET NULL") && word == "DELETE";
            assert!(!sql.contains(word) || is_trigger || is_reference, "{sql}");
        }
        assert_eq!(sql.contains("INDEX"), sql.contains("CONCURRENTLY"), "{sql}");
        assert_eq!(sql.contains("CONCURRENTLY"), step.kind.is_concurrent(), "{sql}");
        assert!(!sql.contains("ADD CONSTRAINT") || sql.ends_with("NOT VALID"), "{sql}");
    }
}

#[test]
fn an_empty_database_gets_everything_in_order() {
    let mut empty = complete();
    empty.catalog.tables.clear();
    empty.catalog.function = None;
    empty.catalog.server.schema = Some("My Schema".to_owned());
    let plan = MigrationPlan::compute(&empty);
    let kinds: Vec<StepKind> = plan.steps.iter().map(|step| step.kind).collect();
    let tables = TABLES.len();
    assert!(kinds[..tables].iter().all(|kind| *kind == StepKind::CreateTable));
    assert_eq!(kinds[tables..tables + 3], [StepKind::CreateFunction, StepKind::CreateTrigger, StepKind::AddConstraint]);
    assert_eq!(kinds.len(), tables + 3 + INDEXES.len());
    assert!(plan.steps.iter().all(|step| step.sql.contains("\"My Schema\".")), "{:#?}", plan.steps);
    empty.catalog.server.schema = None;
    let plan = MigrationPlan::compute(&empty);
    assert!(plan.is_empty());
    assert_eq!(plan.blocked.len(), tables);
}

#[test]
fn origins() {
    let of = |change: Change| {
        let mut snapshot = complete();
        change(&mut snapshot);
        SchemaOrigin::of(&snapshot.catalog)
    };
    let django: Change = |s| column(s, "spec_hash").sql_type = "character varying(64)".to_owned();
    assert_eq!(of(|_| {}), SchemaOrigin::Worker);
    assert_eq!(of(|s| s.catalog.function = Some("\nBEGIN\nEND;\n".to_owned())), SchemaOrigin::WorkerBaseline);
    assert_eq!(of(django), SchemaOrigin::DjangoThenWorker);
    assert_eq!(
        of(|s| {
            column(s, "spec_hash").sql_type = "character varying(64)".to_owned();
            s.catalog.tables.retain(|table| table.name != "rate_limits");
        }),
        SchemaOrigin::Django
    );
    assert_eq!(of(|s| s.catalog.tables.clear()), SchemaOrigin::Empty);
}

#[test]
fn what_a_user_must_repair_comes_first() {
    let mut snapshot = complete();
    tasks(&mut snapshot).privileges.update = false;
    snapshot.catalog.activity.sees_all = false;
    tasks(&mut snapshot).indexes.retain(|index| index.name != "idx_task_runs_claim");
    let severities: Vec<Severity> = findings(&snapshot).iter().map(super::Finding::severity).collect();
    assert_eq!(severities, [Severity::Problem, Severity::Pending, Severity::Note]);
}

#[test]
fn the_table_for_samples_is_only_created_when_it_is_asked_for() {
    let mut snapshot = complete();
    let mut plan = MigrationPlan::compute(&snapshot);
    assert!(plan.is_empty());
    plan.add_depth_history(&snapshot.catalog);
    assert_eq!(plan.steps.len(), 1);
    assert!(plan.steps[0].sql.starts_with("CREATE TABLE IF NOT EXISTS public.reproq_depth_history (\n"), "{plan:?}");
    snapshot.catalog.depth_history = true;
    let mut plan = MigrationPlan::compute(&snapshot);
    plan.add_depth_history(&snapshot.catalog);
    assert!(plan.is_empty());
}
