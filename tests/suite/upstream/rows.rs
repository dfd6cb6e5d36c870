//! Rows that this program inserts are those of the real package: column by column, for its duplicates, its results, its admin.

use serde_json::Value;
use serde_json::json;

use super::shop::Shop;

/// A call in Python, and the arguments of this program that mean the same.
const CALLS: [(&str, &[&str]); 5] = [
    ("add.enqueue(1, 2)", &["--args", "[1, 2]"]),
    ("add.enqueue(1.0, 10**30)", &["--args", "[1.0, 1000000000000000000000000000000]"]),
    (
        "add.enqueue('é\\u2028😀</b>', [None, True, {'b': 1e16, 'a': -0.0}])",
        &["--args", "[\"é\\u2028😀</b>\", [null, true, {\"b\": 1e16, \"a\": -0.0}]]"],
    ),
    (
        "add.using(priority=-7, queue_name='mail').enqueue(left=1, right=2)",
        &["--kwargs", "{\"right\": 2, \"left\": 1}", "--priority=-7", "--queue", "mail"],
    ),
    (
        "add.enqueue(1, 2, lock_key='user:1', concurrency_key='acct:é', concurrency_limit=5, \
         run_after=datetime.fromisoformat('2030-03-29T01:30:00.000005+02:00'))",
        &[
            "--args",
            "[1, 2]",
            "--lock-key=user:1",
            "--concurrency-key=acct:é",
            "--concurrency-limit=5",
            "--run-after=2030-03-29T01:30:00.000005+02:00",
        ],
    ),
];

/// Enqueues a task with this program: its id, its hash, and whether there was none like it.
fn enqueue(shop: &Shop, arguments: &[&str]) -> (i64, String, bool) {
    let arguments = [&["task", "enqueue", "--json", "--task", "shop.tasks.add"], arguments].concat();
    let document: Value = serde_json::from_str(&shop.context.succeed(&arguments).stdout).expect("a document");
    let id = document["id"].as_i64().expect("an id");
    (id, document["spec_hash"].as_str().expect("a hash").to_owned(), document["enqueued"] == true)
}

/// Everything but the id and the times of the insertion.
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
        let ours: Vec<(i64, String)> = CALLS
            .iter()
            .map(|(call, arguments)| {
                let (id, _, is_new) = enqueue(&shop, arguments);
                assert!(is_new, "{call}");
                (id, shop.database.sql(&format!("{ROW} where result_id = {id}")))
            })
            .collect();
        // The real package finds them as its own.
        let all: Vec<String> = CALLS.iter().map(|(call, _)| format!("int({call}.id)")).collect();
        let all = format!("[{}]", all.join(", "));
        let imports = "import json\nfrom datetime import datetime\nfrom shop.tasks import add\n";
        let ids: Vec<i64> = ours.iter().map(|(id, _)| *id).collect();
        assert_eq!(shop.python(&format!("{imports}print(json.dumps({all}))")), json!(ids), "{origin}");
        let seen = shop.python(&format!("id = {}\n{SEEN}", ids[1]));
        let expected = json!({
            "status": "READY", "args": [1.0, 1e30], "attempts": 0, "raw": "READY",
            "listed": 5, "changelist": 200, "detail": 200, "duplicate": ids[0],
        });
        assert_eq!(seen, expected, "{origin}");
        // Its own rows are the same, and this program finds them.
        shop.database.sql("delete from task_runs");
        let theirs = shop.python(&format!("{imports}print(json.dumps({all}))"));
        let theirs: Vec<i64> = serde_json::from_value(theirs).expect("ids");
        for (((call, arguments), (_, row)), id) in CALLS.iter().zip(&ours).zip(theirs) {
            assert_eq!(shop.database.sql(&format!("{ROW} where result_id = {id}")), *row, "{origin}: {call}");
            let (found, hash, is_new) = enqueue(&shop, arguments);
            assert_eq!((found, is_new), (id, false), "{origin}: {call}");
            let shown = shop.context.succeed(&["task", "show", &id.to_string(), "--json"]).stdout;
            assert!(shown.contains(&hash), "{shown}");
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
    'attempts': result.attempts, 'raw': result.raw_status, 'listed': listed, 'changelist': changelist.status_code,
    'detail': detail.status_code, 'duplicate': int(backend.bulk_enqueue([(add, (1, 2), {})])[0].id),
}))
";
