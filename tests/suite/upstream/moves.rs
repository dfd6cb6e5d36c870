//! A queue moves from one real worker to another one while both work.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use test_postgres::Database;

use super::shop::Ended;
use super::shop::real_worker;
use crate::queue::moves;
use crate::support::context::send;

const ENQUEUE: &str = "
insert into task_runs (queue_name, spec_json, spec_hash, task_path, max_attempts, lock_key)
select 'mail', json_build_object('task_path', 'jobs.run', 'args', json_build_array(n), 'kwargs', json_build_object()),
    md5(n::text) || md5(n::text), 'jobs.run', 1, case when n % 10 = 0 then 'lock' end
from generate_series(1, 300) n;";

/// In place of Python: notes what it was given.
const EXECUTOR: &str = "#!/bin/sh
payload=$(cat)
echo \"$payload\" >> runs
sleep 0.05
echo '{\"ok\": true, \"return\": null}'
";

fn worker(program: &Path, directory: &Path, url: &str) -> Ended {
    let mut command = Command::new(program);
    command.arg("worker").current_dir(directory).env_clear().env("PATH", "/usr/bin:/bin").env("DATABASE_URL", url);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ended(command.spawn().expect("it starts"))
}

#[test]
fn each_task_runs_once_in_one_of_the_databases() {
    let Some(program) = real_worker() else { return };
    let (Some(source), Some(target)) = (Database::of_origin("c"), Database::of_origin("d")) else { return };
    let context = moves::project(&source.url(), &target.url());
    let directory = context.project();
    let executor = directory.join("executor");
    fs::write(&executor, EXECUTOR).expect("written");
    fs::set_permissions(&executor, fs::Permissions::from_mode(0o755)).expect("executable");
    let config = format!(
        "worker:\n  python_bin: {}\n  queues: [mail]\n  concurrency: 4\n  allowed_task_modules: ['*']\n  poll_min_backoff: 10ms\n  \
         poll_max_backoff: 30ms\n",
        executor.display()
    );
    fs::write(directory.join("reproq.yaml"), config).expect("written");
    source.sql(ENQUEUE);
    let mut workers = [worker(&program, &directory, &source.url()), worker(&program, &directory, &target.url())];
    let successful = |database: &Database| -> u32 {
        database.sql("select count(*) from task_runs where status = 'SUCCESSFUL'").parse().expect("a number")
    };
    (0..600).find(|_| {
        sleep(Duration::from_millis(20));
        successful(&source) >= 30
    });
    context.succeed(&["queue", "move", "mail", "--to", "big", "--yes"]);
    let before = successful(&source);
    sleep(Duration::from_millis(300));
    assert_eq!((successful(&source), successful(&target)), (before, 0), "a task ran while both queues were paused");
    context.succeed(&["queue", "move", "mail", "--to", "big", "--finish", "--unchecked", "--yes"]);
    let is_done = (0..600).any(|_| {
        sleep(Duration::from_millis(50));
        successful(&source) + successful(&target) == 300
    });
    assert!(is_done, "{} and {}", successful(&source), successful(&target));
    assert!(before < 300 && successful(&source) == before, "{before}");
    for worker in &mut workers {
        send("TERM", &worker.0);
        assert_eq!(worker.0.wait().expect("it ends").code(), Some(0));
    }
    let mut runs: BTreeMap<String, u32> = BTreeMap::new();
    for line in fs::read_to_string(directory.join("runs")).expect("runs").lines() {
        let payload: serde_json::Value = serde_json::from_str(line).expect("JSON");
        *runs.entry(payload["args"][0].to_string()).or_default() += 1;
    }
    assert!(runs.len() == 300 && runs.values().all(|times| *times == 1), "{runs:?}");
}
