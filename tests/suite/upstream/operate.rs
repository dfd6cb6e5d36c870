//! The queue is operated while the real worker works through it: a task runs as often as it is claimed, none is lost, and this
//! program changes no task that a worker has.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use test_postgres::Database;

use super::shop::Ended;
use super::shop::real_worker;
use crate::support::Context;
use crate::support::context::send;

const TASKS: u32 = 500;

/// Two queues; a task is attempted once.
const ENQUEUE: &str = "
insert into task_runs (queue_name, spec_json, spec_hash, task_path, max_attempts)
select case when n % 3 = 0 then 'mail' else 'default' end,
    json_build_object('task_path', 'jobs.run', 'args', json_build_array(n), 'kwargs', json_build_object()),
    md5(n::text) || md5(n::text), 'jobs.run', 1
from generate_series(1, 500) n;
create table changes (id bigserial, task bigint, before text, after text, program text);
create function note_change() returns trigger language plpgsql as $$
begin
    insert into changes (task, before, after, program)
    values (new.result_id, old.status, new.status, current_setting('application_name'));
    return null;
end $$;
create trigger note_change after update on task_runs for each row when (old.status is distinct from new.status)
execute function note_change();
";

/// In place of Python: notes the task, and fails the first run of each ninth one.
const EXECUTOR: &str = "#!/bin/sh
echo \"$4\" >> runs
cat > payload
sleep 0.1
if [ $(($4 % 9)) = 0 ] && mkdir \"failed-$4\" 2> error; then
    echo '{\"ok\": false, \"exception_class\": \"E\", \"message\": \"the first time\", \"traceback\": \"\"}'
else
    echo '{\"ok\": true, \"return\": null}'
fi
";

fn config(directory: &Path, more: &str) -> String {
    format!(
        "worker:\n  python_bin: {}\n  queues: [default, mail]\n  concurrency: 4\n  allowed_task_modules: ['*']\n  \
         poll_min_backoff: 10ms\n  poll_max_backoff: 30ms\n  heartbeat_seconds: 1\n{more}",
        directory.join("executor").display()
    )
}

/// A sequence that differs from run to run only with its seed, which a failure prints.
pub(super) struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(limit)).expect("below the limit")
    }
}

/// A queue, its worker, and a project.
struct Operated {
    worker: PathBuf,
    database: Database,
    context: Context,
}

impl Operated {
    fn open(config: &str) -> Option<Self> {
        let worker = real_worker()?;
        let database = Database::of_origin("c")?;
        let mut context = Context::new();
        context.set("DATABASE_URL", database.url());
        let directory = context.project();
        fs::write(directory.join("executor"), EXECUTOR).expect("written");
        fs::set_permissions(directory.join("executor"), fs::Permissions::from_mode(0o755)).expect("executable");
        fs::write(directory.join("reproq.yaml"), self::config(&directory, config)).expect("written");
        database.sql(ENQUEUE);
        Some(Self { worker, database, context })
    }

    fn worker(&self) -> Ended {
        let mut command = Command::new(&self.worker);
        command.arg("worker").current_dir(self.context.project()).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("DATABASE_URL", self.database.url()).stdin(Stdio::null()).stdout(Stdio::null());
        Ended(command.stderr(Stdio::null()).spawn().expect("it starts"))
    }

    /// How many tasks are not done.
    fn left(&self) -> u32 {
        let left = "select count(*) from task_runs where status in ('READY', 'RUNNING')";
        self.database.sql(left).parse().expect("a number")
    }
}

#[test]
fn five_hundred_tasks_run_once_each_while_the_queue_is_operated() {
    let Some(queue) = Operated::open("  reclaim_interval_seconds: 1\n") else { return };
    let (database, context) = (&queue.database, &queue.context);
    let mut workers = [queue.worker(), queue.worker()];

    let seed = u64::from(std::process::id());
    let used = operate(&queue, &mut Random(seed));
    for queue in ["default", "mail"] {
        context.succeed(&["queue", "resume", queue]);
    }
    let begin = Instant::now();
    while queue.left() > 0 {
        assert!(begin.elapsed() < Duration::from_secs(60), "seed {seed}: tasks are left: {}", statuses(database));
        sleep(Duration::from_millis(100));
    }
    // What failed the first time succeeds the second time.
    context.run(&["task", "retry", "--all", "--yes"]);
    while queue.left() > 0 {
        assert!(begin.elapsed() < Duration::from_secs(90), "seed {seed}: tasks are left: {}", statuses(database));
        sleep(Duration::from_millis(100));
    }
    for worker in &mut workers {
        send("TERM", &worker.0);
        assert_eq!(worker.0.wait().expect("it ends").code(), Some(0));
    }
    let what = format!("seed {seed}, commands {used:?}: {}", statuses(database));
    every_run_is_explained(database, &context.project(), &what);
}

fn statuses(database: &Database) -> String {
    database.sql("select status, count(*) from task_runs group by status order by status").replace('\n', ", ")
}

/// Commands at random until most of the tasks are done. Returns how often each was run.
fn operate(queue: &Operated, random: &mut Random) -> BTreeMap<&'static str, u32> {
    let mut used = BTreeMap::new();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(40) && queue.left() > 20 {
        let name = ["default", "mail"][random.below(2) as usize];
        let id = (1 + random.below(TASKS)).to_string();
        let (command, arguments): (_, Vec<&str>) = match random.below(8) {
            0 => ("pause", vec!["queue", "pause", name]),
            1..=3 => ("resume", vec!["queue", "resume", name]),
            4 => ("cancel", vec!["task", "cancel", &id]),
            5 => ("retry", vec!["task", "retry", &id]),
            6 => ("retry --all", vec!["task", "retry", "--all", "--yes"]),
            _ => ("reclaim", vec!["task", "reclaim", "--all", "--yes"]),
        };
        let output = queue.context.run(&arguments);
        // A worker was faster, or the task is in no state for it: 8 for one task, 7 for one of several.
        let is_skipped = output.code == 7 || (output.code == 8 && output.stderr.contains("was not"));
        assert!(output.code == 0 || is_skipped, "{arguments:?}: {output:#?}");
        *used.entry(command).or_default() += 1;
    }
    used
}

/// Workers are killed, and nothing but this program gives their tasks to others: not before the lease has ended, and once.
#[test]
fn tasks_of_killed_workers_are_reclaimed_and_run_to_their_end() {
    let Some(queue) = Operated::open("  lease_seconds: 2\n  reclaim_interval_seconds: 0\n") else { return };
    let (database, context) = (&queue.database, &queue.context);
    database.sql(
        "delete from task_runs where result_id > 200;
         update task_runs set max_attempts = 20;
         alter table changes add lease interval;
         create or replace function note_change() returns trigger language plpgsql as $$
         begin
             insert into changes (task, before, after, program, lease) values (new.result_id, old.status, new.status,
                 current_setting('application_name'), old.leased_until - clock_timestamp());
             return null;
         end $$",
    );
    let begin = Instant::now();
    let mut kills = 0;
    let mut workers = vec![queue.worker(), queue.worker()];
    while queue.left() > 0 {
        assert!(begin.elapsed() < Duration::from_secs(90), "tasks are left: {}", statuses(database));
        let output = context.run(&["task", "reclaim", "--all", "--yes"]);
        assert!([0, 7].contains(&output.code), "{output:#?}");
        // Asked for by its id, a task of a worker that lives is not taken either.
        let running =
            database.sql("select result_id from task_runs where status = 'RUNNING' order by random() limit 1");
        if !running.is_empty() {
            let output = context.run(&["task", "reclaim", &running]);
            assert!([0, 8].contains(&output.code), "{output:#?}");
        }
        sleep(Duration::from_millis(200));
        if kills < 3 {
            kills += 1;
            // At once, as a machine that loses its power.
            drop(workers.remove(0));
            workers.push(queue.worker());
        }
        if begin.elapsed() > Duration::from_secs(10) {
            // What failed the first time waits for half a minute.
            database.sql("update task_runs set run_after = now() where status = 'READY' and run_after > now()");
        }
    }
    drop(workers);
    assert_eq!(statuses(database), "SUCCESSFUL|200");
    let count = |condition: &str| database.sql(&format!("select count(*) from changes where {condition}"));
    let number = |condition: &str| count(condition).parse::<u32>().expect("a number");
    let ours = "program like 'reproq-cli%'";
    assert_eq!(count(&format!("{ours} and (before, after) <> ('RUNNING', 'READY')")), "0");
    assert_eq!(
        count(&format!("{ours} and (lease is null or lease > interval '0')")),
        "0",
        "{}",
        database.sql("table changes")
    );
    assert!(number(ours) >= 4, "{} reclaimed after {kills} kills", number(ours));
    // Each time a task was taken from a worker it was given back, or it is the last time.
    assert_eq!(number("after = 'RUNNING'"), 200 + number("before = 'RUNNING' and after = 'READY'"));
    assert_eq!(count("after = 'SUCCESSFUL'"), "200");
}

fn every_run_is_explained(database: &Database, directory: &Path, what: &str) {
    let runs = fs::read_to_string(directory.join("runs")).expect("tasks ran");
    let mut runs_of: BTreeMap<&str, usize> = BTreeMap::new();
    for id in runs.lines() {
        *runs_of.entry(id).or_default() += 1;
    }
    let tasks = database.sql(
        "select result_id, status, jsonb_array_length(worker_ids), (select count(*) from changes where task = result_id and \
         after = 'RUNNING'), (select count(*) from changes where task = result_id and after = 'SUCCESSFUL'), (select count(*) \
         from changes where task = result_id and before = 'FAILED' and after = 'READY') from task_runs order by result_id",
    );
    assert_eq!(tasks.lines().count(), TASKS as usize, "{what}");
    for line in tasks.lines() {
        let columns: Vec<&str> = line.split('|').collect();
        let [id, status, claims, started, succeeded, retried] = columns[..] else { panic!("{line}") };
        let number = |text: &str| text.parse::<usize>().expect("a number");
        let runs = runs_of.get(id).copied().unwrap_or(0);
        assert_eq!((runs, runs), (number(claims), number(started)), "{line}: {what}");
        assert_eq!(succeeded, if status == "SUCCESSFUL" { "1" } else { "0" }, "{line}: {what}");
        assert!(runs <= 1 + number(retried), "{line}: {what}");
        match status {
            "SUCCESSFUL" => assert_eq!(runs, 1 + number(retried), "{line}: {what}"),
            // A worker saw the request before the task had ended.
            "CANCELLED" | "FAILED" => {
                assert_eq!(runs, number(retried) + usize::from(status == "FAILED"), "{line}: {what}");
            }
            _ => panic!("{line}: {what}"),
        }
    }
    // This program has touched only tasks that no worker had.
    let ours = database.sql(
        "select distinct before || ' ' || after from changes where program like 'reproq-cli%' \
         and (before, after) not in (('FAILED', 'READY'), ('READY', 'CANCELLED'))",
    );
    assert_eq!(ours, "", "{what}");
    let retried = database.sql("select count(*) from changes where program like 'reproq-cli%' and after = 'READY'");
    assert!(retried.parse::<usize>().is_ok_and(|retried| retried > 20), "{retried} retried: {what}");
}
