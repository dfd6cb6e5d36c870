//! The real package starts the real worker, with this program as the only `reproq` on PATH; and this program starts it alone.

use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use super::shop::Ended;
use super::shop::Shop;
use super::shop::end;
use super::shop::is_running;
use crate::support::context::finished;
use crate::support::context::send;
use test_postgres::OWNER;

/// One task takes a second or two of a busy machine: a Python and a Django.
const LIMIT: Duration = Duration::from_secs(120);

const SUCCESSFUL: &str = "select count(*) from task_runs where status = 'SUCCESSFUL'";

/// The process of the only registered worker, which has its id in the worker's name.
fn worker_process(shop: &Shop) -> u32 {
    let id = shop.database.sql("select worker_id from reproq_workers");
    let (_, pid) = id.rsplit_once('-').unwrap_or_else(|| panic!("one worker, not {id}"));
    shop.database.sql("delete from reproq_workers");
    pid.parse().expect("a process id")
}

fn assert_is_installed_worker(shop: &Shop, pid: u32) {
    let executable = fs::read_link(format!("/proc/{pid}/exe")).expect("it runs");
    assert_eq!(executable, fs::canonicalize(shop.context.binary()).expect("installed"));
}

fn enqueue(shop: &Shop, from: u32, count: u32) {
    let to = from + count;
    let script = format!("from shop.tasks import add\nprint(len([add.enqueue(i, 1) for i in range({from}, {to})]))");
    assert_eq!(shop.python(&script), count);
}

#[test]
#[cfg(target_os = "linux")]
fn the_real_package_and_this_program_run_the_real_worker() {
    let Some(shop) = Shop::open() else { return };
    shop.install_worker();
    shop.context.succeed(&["db", "migrate", "--yes"]);

    // The package starts the installed worker itself.
    enqueue(&shop, 0, 10);
    let mut command = shop.manage_command(&["reproq", "worker", "--concurrency", "2"]);
    let mut manage = Ended(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"));
    shop.wait_for(SUCCESSFUL, "10", LIMIT);
    let pid = worker_process(&shop);
    assert_is_installed_worker(&shop, pid);
    send("TERM", &manage.0);
    assert_eq!(manage.0.wait().expect("it ends").signal(), Some(15));
    assert!(is_running(pid), "the package passes the signal on to its worker now: say so in docs/run.md");
    end(pid);
    let sum = "select sum(return_json::int), max(attempts), count(distinct result_id) from task_runs";
    assert_eq!(shop.database.sql(sum), "55|1|10");

    // In another directory it finds only this program on PATH, which finds the worker of the project.
    enqueue(&shop, 10, 3);
    let elsewhere = shop.context.project().join("shop");
    let mut command = shop.manage_command(&["reproq", "worker", "--concurrency", "2"]);
    command.current_dir(&elsewhere);
    let mut manage = Ended(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"));
    shop.wait_for(SUCCESSFUL, "13", LIMIT);
    let pid = worker_process(&shop);
    assert_is_installed_worker(&shop, pid);
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).expect("it runs");
    assert!(!String::from_utf8_lossy(&arguments).contains(OWNER.1), "the password is an argument of the worker");
    manage.0.kill().expect("it runs");
    end(pid);
    assert_beat_of_another_directory(&shop, &elsewhere);

    // This program alone: it becomes the worker, which finishes after SIGTERM.
    enqueue(&shop, 13, 3);
    let mut child = Ended(shop.context.spawn(&["worker", "--concurrency", "2"]));
    shop.wait_for(SUCCESSFUL, "16", LIMIT);
    assert_eq!(worker_process(&shop), child.0.id());
    assert_is_installed_worker(&shop, child.0.id());
    send("TERM", &child.0);
    assert_eq!(child.0.wait().expect("it ends").code(), Some(0));
    let mut log = String::new();
    child.0.stdout.take().expect("piped").read_to_string(&mut log).expect("UTF-8");
    assert!(log.contains("Shutdown requested"), "{log}");
    shop.manage(&["migrate", "--check"]);
}

/// The package's `beat` and `schedule` start this program's beat with the worker's flags.
fn assert_beat_of_another_directory(shop: &Shop, elsewhere: &Path) {
    shop.context.succeed(&["periodic", "set", "nightly", "--cron", "0 3 * * *", "--task", "shop.tasks.add"]);
    for (rows, arguments) in [(1, ["reproq", "beat", "--once"]), (2, ["reproq", "schedule", "--interval=5s"])] {
        shop.database.sql(&format!("update periodic_tasks set next_run_at = '2026-01-0{rows}T03:00:00Z'"));
        let output = finished(shop.manage_command(&arguments).current_dir(elsewhere).output().expect("Python starts"));
        assert!(output.code == 0 && format!("{output:?}").contains("nightly"), "{output:#?}");
        let enqueued = "select count(*) from task_runs where spec_json->>'periodic_name' = 'nightly'";
        assert_eq!(shop.database.sql(enqueued), rows.to_string(), "{arguments:?}: {output:#?}");
    }
    shop.database.sql("delete from task_runs where spec_json->>'periodic_name' = 'nightly'");
}

/// The list of task modules that the package computes is the one that this program passes to the worker.
#[test]
fn the_allow_list_is_that_of_the_real_package() {
    let Some(shop) = Shop::without_tables() else { return };
    let theirs = shop.manage(&["reproq", "allowlist", "--format", "plain"]).stdout;
    let shown = shop.context.succeed(&["config", "worker", "--json"]).stdout;
    let document: serde_json::Value = serde_json::from_str(&shown).expect("a document");
    let values = document["values"].as_array().expect("a list");
    let ours = values.iter().find(|value| value["name"] == "worker.allowed_task_modules").expect("a value");
    let ours: Vec<&str> =
        ours["value"].as_array().expect("a list").iter().filter_map(|module| module.as_str()).collect();
    assert_eq!(theirs.trim(), ours.join(","), "{document:#}");
    assert!(ours.contains(&"shop.tasks."), "{ours:?}");
}

/// The worker fails at once: `manage.py reproq worker` hides it, this program does not.
#[test]
fn the_status_of_a_worker_that_cannot_start_is_reported() {
    let Some(shop) = Shop::without_tables() else { return };
    shop.install_worker();
    let with_url = |mut command: Command| {
        command.env("DATABASE_URL", "postgres://shop:hunter2secret@127.0.0.1:1/none");
        finished(command.output().expect("it starts"))
    };
    let ours = with_url(shop.context.command(&["worker"]));
    assert_eq!(ours.code, 1, "{ours:#?}");
    assert!(format!("{ours:?}").contains("failed to ping database"), "{ours:#?}");
    let theirs = with_url(shop.manage_command(&["reproq", "worker"]));
    assert_eq!(theirs.code, 0, "upstream reports the status now: {theirs:#?}");
    // Its own message has the whole command line.
    assert!(format!("{theirs:?}").contains("hunter2secret"), "upstream hides the password now: {theirs:#?}");
    assert!(!format!("{ours:?}").contains("hunter2secret"), "{ours:#?}");
}
