//! The real worker with `--prefork`: it finishes tasks whose results it cannot store with plain Python, and nothing is lost when
//! processes are killed.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::shop::Ended;
use super::shop::Shop;
use crate::support::context::send;
use crate::support::django;

const LIMIT: Duration = Duration::from_secs(120);

/// Tasks whose results the worker cannot store.
const POISONS: &str = "
@task()
def with_nul():
    return 'a\\0b'

@task()
def fails_with_nul():
    raise ValueError('a\\0b')

@task()
def half():
    return '\\ud800'

@task()
def cut():
    raise ValueError('a' * 1023 + '\\u00e9')

@task()
def not_a_number():
    return float('nan')

@task()
def leaves():
    raise SystemExit(3)

@task()
def writes():
    import os
    os.write(1, b'noise')
    return 5
";

fn status(shop: &Shop) -> Value {
    serde_json::from_str(&shop.context.run(&["prefork", "status", "--json"]).stdout).expect("JSON")
}

#[test]
#[cfg(target_os = "linux")]
fn the_real_worker_stores_the_result_of_every_task() {
    let Some(mut shop) = Shop::open() else { return };
    let temporary = shop.context.root().join("t");
    fs::create_dir(&temporary).expect("made");
    shop.context.set("TMPDIR", temporary.to_str().expect("UTF-8"));
    let tasks = shop.context.project().join("shop/tasks.py");
    let text = fs::read_to_string(&tasks).expect("the tasks");
    django::write(&tasks, &(text + POISONS));
    shop.install_worker();
    shop.context.succeed(&["db", "migrate", "--yes"]);
    let script = "from shop.tasks import *\n\
                  print(len([task.enqueue() for task in (with_nul, fails_with_nul, half, cut, not_a_number, leaves, writes)]))";
    assert_eq!(shop.python(script), 7);
    shop.database.sql("update task_runs set max_attempts = 1");
    // Its log is longer than a pipe.
    let mut command = shop.context.command(&["worker", "--prefork", "--concurrency", "2"]);
    let log = fs::File::create(shop.context.root().join("log")).expect("made");
    let mut child = Ended(command.stdout(log.try_clone().expect("a file")).stderr(log).spawn().expect("it starts"));
    shop.wait_for("select count(*) from task_runs where status in ('SUCCESSFUL', 'FAILED')", "7", LIMIT);
    let rows = shop.database.sql(
        "select string_agg(substr(spec_json->>'task_path', 12) || ' ' || status || ' ' || \
         coalesce(return_json::text, '') || ' ' || coalesce(errors_json->0->>'exception_class', '') || ': ' || \
         left(coalesce(errors_json->0->>'message', ''), 90), chr(10) order by result_id) from task_runs",
    );
    insta::assert_snapshot!(rows);
    assert_eq!(status(&shop)["servers"][0]["problems"], serde_json::json!([]));

    // Many tasks, while the process that runs them is killed again and again.
    let script = "from shop.tasks import add\nprint(len([add.enqueue(i, 1) for i in range(200)]))";
    assert_eq!(shop.python(script), 200);
    let done =
        "select count(*) from task_runs where status = 'SUCCESSFUL' and spec_json->>'task_path' = 'shop.tasks.add'";
    for _ in 0..5 {
        let server = status(&shop)["servers"][0]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = server.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(700));
        // A task that was running has failed, as the worker's rules say; its next attempt is not awaited.
        shop.database.sql("update task_runs set run_after = null where status = 'READY'");
    }
    let deadline = std::time::Instant::now() + LIMIT;
    while shop.database.sql(done) != "200" {
        assert!(
            std::time::Instant::now() < deadline,
            "{}",
            shop.database.sql("select status, count(*) from task_runs group by 1")
        );
        shop.database.sql("update task_runs set run_after = null where status = 'READY'");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(shop.database.sql("select count(*) from task_runs where status = 'RUNNING'"), "0");
    let sum = "select sum(return_json::int) from task_runs where spec_json->>'task_path' = 'shop.tasks.add'";
    assert_eq!(shop.database.sql(sum), (1..=200).sum::<u32>().to_string());
    send("TERM", &child.0);
    assert_eq!(child.0.wait().expect("it ends").code(), Some(0));
    crate::prefork::until("the private directory is removed", || {
        fs::read_dir(&temporary).expect("a directory").count() == 0
    });
}
