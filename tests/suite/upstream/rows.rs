//! Rows that this program inserts are those of the real package: column by column, for its duplicates, its results, its admin.

use std::time::Duration;

use reproq_queue::pg::ChannelBinding;
use reproq_queue::pg::Encryption;
use reproq_queue::pg::Host;
use reproq_queue::pg::Limits;
use reproq_queue::pg::Password;
use reproq_queue::pg::Session;
use reproq_queue::pg::SessionKind;
use reproq_queue::pg::Target;
use reproq_queue::spec::TaskSpec;
use reproq_queue::spec::Value;
use reproq_queue::spec::read_json;
use reproq_queue::tasks::NewTask;
use reproq_queue::write::InsertOutcome;
use reproq_queue::write::insert_task;
use serde_json::json;
use test_postgres::Database;
use test_postgres::OWNER;

use super::shop::Shop;

/// Inserts a task as the commands do.
fn insert(database: &Database, task: &NewTask) -> InsertOutcome {
    let host = Host::Tcp {
        name: "127.0.0.1".to_owned(),
        address: None,
        port: database.cluster.port,
        password: Some(Password::new(OWNER.1.to_owned())),
    };
    let target = Target {
        hosts: vec![host],
        user: OWNER.0.to_owned(),
        database: database.name.clone(),
        encryption: Encryption::Preferred,
        channel_binding: ChannelBinding::Preferred,
        session: SessionKind::Any,
        application_name: "reproq-suite".to_owned(),
        options: None,
        connect_timeout: Duration::from_secs(10),
        keepalive: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let session = Session::open(&target, || false).await.expect("a connection");
        let outcome = session.write(Limits::default(), async |tx| insert_task(tx, task).await).await;
        session.close().await;
        outcome.expect("an outcome")
    })
}

fn add(args: &str) -> TaskSpec {
    let Value::List(args) = read_json(args).expect("JSON") else { panic!("{args}") };
    TaskSpec { args, ..TaskSpec::new("shop.tasks.add") }
}

/// A call in Python, and the specification that it must give.
fn calls() -> Vec<(&'static str, TaskSpec)> {
    vec![
        ("add.enqueue(1, 2)", add("[1, 2]")),
        ("add.enqueue(1.0, 10**30)", add("[1.0, 1000000000000000000000000000000]")),
        ("add.enqueue('é\\u2028😀</b>', [None, True, {'b': 1e16, 'a': -0.0}])", {
            add("[\"é\\u2028😀</b>\", [null, true, {\"b\": 1e16, \"a\": -0.0}]]")
        }),
        (
            "add.using(priority=-7, queue_name='mail').enqueue(1, 2)",
            TaskSpec { priority: -7, queue_name: "mail".to_owned(), ..add("[1, 2]") },
        ),
        (
            "add.enqueue(1, 2, lock_key='user:1', concurrency_key='acct:é', concurrency_limit=5, \
             run_after=datetime.fromisoformat('2030-03-29T01:30:00.000005+02:00'))",
            TaskSpec {
                lock_key: Some("user:1".to_owned()),
                concurrency_key: Some("acct:é".to_owned()),
                concurrency_limit: 5,
                run_after: Some("2030-03-29T01:30:00.000005+02:00".parse().expect("a time")),
                ..add("[1, 2]")
            },
        ),
    ]
}

/// Everything but the id and the times of the insertion; whether these times are equal.
const ROW: &str =
    "select (to_jsonb(t) - array['result_id', 'enqueued_at', 'created_at', 'updated_at'])::text from task_runs t";

#[test]
fn rows_of_this_program_and_of_the_real_package_are_the_same() {
    for origin in ["a", "c"] {
        let Some(shop) = Shop::without_tables() else { return };
        if origin == "c" {
            shop.manage(&["reproq", "migrate-worker"]);
            shop.manage(&["migrate", "--fake-initial", "--verbosity=0"]);
        } else {
            shop.manage(&["migrate", "--verbosity=0"]);
        }
        shop.context.succeed(&["db", "migrate", "--yes"]);
        let calls = calls();
        let ours: Vec<(i64, String)> = calls
            .iter()
            .map(|(call, spec)| {
                let task = NewTask::of_spec(spec, "default", None).expect("canonical");
                let outcome = insert(&shop.database, &task);
                assert!(matches!(outcome, InsertOutcome::Inserted(_)), "{call}: {outcome:?}");
                let row = format!("{ROW} where result_id = {}", outcome.id());
                (outcome.id(), shop.database.sql(&row))
            })
            .collect();
        // The real package finds them as its own.
        let enqueue: Vec<String> = calls.iter().map(|(call, _)| format!("int({call}.id)")).collect();
        let enqueue = format!("[{}]", enqueue.join(", "));
        let imports = "import json\nfrom datetime import datetime\nfrom shop.tasks import add\n";
        let ids: Vec<i64> = ours.iter().map(|(id, _)| *id).collect();
        assert_eq!(shop.python(&format!("{imports}print(json.dumps({enqueue}))")), json!(ids), "{origin}");
        let seen = shop.python(&format!("id = {}\n{SEEN}", ids[1]));
        let expected = json!({
            "status": "READY", "args": [1.0, 1_000_000_000_000_000_000_000_000_000_000_u128 as f64], "attempts": 0, "wait": "READY",
            "listed": 5, "changelist": 200, "detail": 200, "duplicate": ids[0],
        });
        assert_eq!(seen, expected, "{origin}");
        // Its own rows are the same, and this program finds them.
        shop.database.sql("delete from task_runs");
        let theirs = shop.python(&format!("{imports}print(json.dumps({enqueue}))"));
        let theirs: Vec<i64> = serde_json::from_value(theirs).expect("ids");
        for (((call, spec), (_, row)), id) in calls.iter().zip(&ours).zip(theirs) {
            assert_eq!(shop.database.sql(&format!("{ROW} where result_id = {id}")), *row, "{origin}: {call}");
            let task = NewTask::of_spec(spec, "default", None).expect("canonical");
            assert_eq!(insert(&shop.database, &task), InsertOutcome::Duplicate(id), "{origin}: {call}");
            let shown = shop.context.succeed(&["task", "show", &id.to_string(), "--json"]).stdout;
            assert!(shown.contains(&task.spec_hash), "{shown}");
        }
        shop.manage(&["migrate", "--check"]);
        shop.manage(&["makemigrations", "--check", "--dry-run"]);
    }
}

/// The result, the model, the admin and a bulk insertion in the real package.
const SEEN: &str = "
import json
from django.contrib.auth import get_user_model
from django.tasks import task_backends
from django.test import Client
from django.test.utils import setup_test_environment
from reproq_django.models import TaskRun
from shop.tasks import add
setup_test_environment()
backend = task_backends['default']
result = backend.get_result(id)
row = TaskRun.objects.get(pk=id)
admin = Client()
admin.force_login(get_user_model().objects.create_superuser('admin', 'a@example.com', 'p'))
changelist = admin.get('/admin/reproq_django/taskrun/')
detail = admin.get(f'/admin/reproq_django/taskrun/{id}/change/')
listed = changelist.context['cl'].result_count
assert row.spec_hash in detail.content.decode()
print(json.dumps({
    'status': result.status.value, 'args': [row.spec_json['args'][0], float(row.spec_json['args'][1])],
    'attempts': result.attempts, 'wait': result.raw_status, 'listed': listed, 'changelist': changelist.status_code,
    'detail': detail.status_code, 'duplicate': int(backend.bulk_enqueue([(add, (1, 2), {})])[0].id),
}))
";
