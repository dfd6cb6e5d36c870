//! The real worker with `--prefork`: it finishes tasks whose results it cannot store with plain Python, and nothing is lost when
//! processes are killed.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use super::shop::Ended;
use super::shop::Shop;
use crate::prefork::is_alive;
use crate::prefork::processes;
use crate::prefork::until;
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

/// A project with the worker and more tasks, and the directory for the files of the fork server.
fn shop_with(tasks: &str) -> Option<(Shop, PathBuf)> {
    let mut shop = Shop::open()?;
    let temporary = shop.context.root().join("t");
    fs::create_dir(&temporary).expect("made");
    shop.context.set("TMPDIR", temporary.to_str().expect("UTF-8"));
    let path = shop.context.project().join("shop/tasks.py");
    let text = fs::read_to_string(&path).expect("the tasks");
    django::write(&path, &(text + tasks));
    shop.install_worker();
    shop.context.succeed(&["db", "migrate", "--yes"]);
    Some((shop, temporary))
}

#[test]
#[cfg(target_os = "linux")]
fn the_real_worker_stores_the_result_of_every_task() {
    let Some((shop, temporary)) = shop_with(POISONS) else { return };
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
        sleep(Duration::from_millis(700));
        // A task that was running has failed, as the worker's rules say; its next attempt is not awaited.
        shop.database.sql("update task_runs set run_after = null where status = 'READY'");
    }
    let deadline = Instant::now() + LIMIT;
    while shop.database.sql(done) != "200" {
        assert!(
            Instant::now() < deadline,
            "{}",
            shop.database.sql("select status, count(*) from task_runs group by 1")
        );
        shop.database.sql("update task_runs set run_after = null where status = 'READY'");
        sleep(Duration::from_millis(200));
    }
    assert_eq!(shop.database.sql("select count(*) from task_runs where status = 'RUNNING'"), "0");
    let sum = "select sum(return_json::int) from task_runs where spec_json->>'task_path' = 'shop.tasks.add'";
    assert_eq!(shop.database.sql(sum), (1..=200).sum::<u32>().to_string());
    send("TERM", &child.0);
    assert_eq!(child.0.wait().expect("it ends").code(), Some(0));
    until("the private directory is removed", || fs::read_dir(&temporary).expect("a directory").count() == 0);
}

/// A task that writes down when it begins and when it ends.
const NOTES: &str = "
@task()
def note(number):
    import os, random, time
    def write(text):
        file = os.open('notes', os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f'{text} {number}\\n'.encode())
        os.close(file)
    write('begin')
    time.sleep(random.random() / 20)
    write('end')
    return number
";

/// Leases end soon after their worker. Only workers give the tasks to others.
const SHORT_LEASES: &str = "worker:
  lease_seconds: 3
  heartbeat_seconds: 1
  reclaim_interval_seconds: 1
  poll_min_backoff: 10ms
  poll_max_backoff: 50ms
";

/// How many tasks run while processes are killed. `REPROQ_TEST_KILLED_TASKS` sets another number.
const KILLED_TASKS: usize = 150;

/// A worker with a fork server, and what can be killed of it.
struct Killable {
    worker: Ended,
    /// Every process that was seen below it.
    seen: Vec<i32>,
}

impl Killable {
    fn start(shop: &Shop) -> Self {
        let mut command = shop.context.command(&["worker", "--prefork", "--concurrency", "4"]);
        let log = fs::File::options().create(true).append(true).open(shop.context.root().join("log")).expect("made");
        let child = command.stdout(log.try_clone().expect("a file")).stderr(log).spawn().expect("it starts");
        Self { worker: Ended(child), seen: Vec::new() }
    }

    /// The clients, the children of the fork server, and the fork server.
    fn parts(&mut self, shop: &Shop) -> [Vec<i32>; 3] {
        let worker = i32::try_from(self.worker.0.id()).expect("a process ID");
        let servers = status(shop)["servers"].as_array().cloned().unwrap_or_default();
        let servers =
            servers.iter().filter_map(|server| server["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()));
        let servers: Vec<i32> = servers.collect();
        let all = processes();
        let below = |parents: &[i32]| -> Vec<i32> {
            let children = all.iter().filter(|process| parents.contains(&process.parent) && !process.is_zombie);
            children.map(|process| process.pid).collect()
        };
        let (children, keeper_and_clients) = (below(&servers), below(&[worker]));
        let keepers: Vec<i32> =
            all.iter().filter(|process| servers.contains(&process.pid)).map(|process| process.parent).collect();
        self.seen.extend(children.iter().chain(&keeper_and_clients).chain(&servers));
        // Without a fork server it starts, or its keeper cannot be told from a client.
        let clients = keeper_and_clients.into_iter().filter(|pid| !keepers.is_empty() && !keepers.contains(pid));
        [clients.collect(), children, servers]
    }
}

fn kill_one(of: &[i32]) {
    if let Some(pid) = fastrand::choice(of).and_then(|pid| rustix::process::Pid::from_raw(*pid)) {
        // It may just have ended.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn whatever_is_killed_no_task_is_lost_stuck_or_run_without_a_claim() {
    let Some((shop, temporary)) = shop_with(NOTES) else { return };
    fs::write(shop.context.project().join("reproq.yaml"), SHORT_LEASES).expect("written");
    let number = std::env::var("REPROQ_TEST_KILLED_TASKS").ok().and_then(|number| number.parse().ok());
    let number = number.unwrap_or(KILLED_TASKS);
    let script = format!("from shop.tasks import note\nprint(len([note.enqueue(i) for i in range({number})]))");
    assert_eq!(shop.python(&script), number);
    shop.database.sql("update task_runs set max_attempts = 1000");

    fastrand::seed(17);
    let mut killable = Killable::start(&shop);
    let mut seen = Vec::new();
    let deadline =
        Instant::now() + Duration::from_secs(60) + Duration::from_millis(200) * u32::try_from(number).expect("small");
    let left = "select count(*) from task_runs where status in ('READY', 'RUNNING')";
    for round in 0.. {
        let statuses = || shop.database.sql("select status, count(*), max(attempts) from task_runs group by 1");
        assert!(Instant::now() < deadline, "{}", statuses());
        if shop.database.sql(left) == "0" {
            break;
        }
        sleep(Duration::from_millis(fastrand::u64(..200)));
        let [clients, children, servers] = killable.parts(&shop);
        match round % 32 {
            15 => kill_one(&servers),
            31 => {
                seen.append(&mut killable.seen);
                // The process itself, as a machine that runs out of memory does.
                drop(std::mem::replace(&mut killable, Killable::start(&shop)));
            }
            odd if odd % 4 == 1 => kill_one(&clients),
            odd if odd % 4 == 3 => kill_one(&children),
            _ => {}
        }
        // A task that has failed would wait for its next attempt.
        shop.database.sql("update task_runs set run_after = null where status = 'READY'");
    }
    seen.append(&mut killable.seen);
    assert_eq!(
        shop.database.sql("select status, count(*), sum((return_json::text)::int) from task_runs group by 1"),
        format!("SUCCESSFUL|{number}|{}", number * (number - 1) / 2)
    );
    // Each claim but the last has left the reason for which it failed.
    let attempts = "select count(*) from task_runs where attempts <> 1 + jsonb_array_length(errors_json) \
                    or attempts <> jsonb_array_length(worker_ids)";
    assert_eq!(
        shop.database.sql(attempts),
        "0",
        "{}",
        shop.database.sql("select * from task_runs where attempts > 1 limit 3")
    );
    let claims: Vec<usize> = shop
        .database
        .sql("select attempts from task_runs order by (spec_json->'args'->>0)::int")
        .lines()
        .map(|attempts| attempts.parse().expect("a number"))
        .collect();
    let notes = fs::read_to_string(shop.context.project().join("notes")).expect("tasks ran");
    let (mut begun, mut ended) = (vec![0; number], vec![0; number]);
    for line in notes.lines() {
        let (what, number) = line.split_once(' ').expect("two words");
        let of = if what == "begin" { &mut begun } else { &mut ended };
        of[number.parse::<usize>().expect("a number")] += 1;
    }
    for number in 0..number {
        assert!(
            begun[number] <= claims[number] && ended[number] >= 1 && ended[number] <= begun[number],
            "task {number}"
        );
    }
    let failed: usize = claims.iter().sum::<usize>() - number;
    eprintln!(
        "{number} tasks, {failed} more attempts: {}",
        shop.database.sql("select e->>'kind', e->>'exception_class', left(e->>'message', 60), count(*) from task_runs, jsonb_array_elements(errors_json) e group by 1, 2, 3")
    );
    assert!(failed > 0, "nothing was killed in time");
    send("TERM", &killable.worker.0);
    assert_eq!(killable.worker.0.wait().expect("it ends").code(), Some(0));
    until("no process is left", || !seen.iter().any(|pid| is_alive(*pid)));
    until("the private directory is removed", || fs::read_dir(&temporary).expect("a directory").count() == 0);
}
