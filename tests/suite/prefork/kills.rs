//! Whichever process is killed, each task ends as the worker's rules say, and nothing is left.

use std::fs;

use serde_json::Value;
use serde_json::json;

use super::Prefork;
use super::is_alive;
use super::processes;
use super::spec;
use super::until;

pub(super) fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process ID");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("killed");
}

fn kill_if_there(pid: i32) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

/// A task that sleeps, with a child of its own: the client, and both processes.
fn sleeping(worker: &mut Prefork, name: &str) -> (Value, Vec<i32>) {
    let file = worker.context.root().join(name);
    let begin = json!({ "spec": spec("shop.tasks.sleep_with_child", &json!([file])), "wait_for_output": true });
    let client = worker.ask(&json!({ "begin": begin }));
    let pids = fs::read_to_string(file).expect("written");
    (client, pids.split(' ').map(|pid| pid.parse().expect("a number")).collect())
}

fn all_ended(pids: &[i32]) {
    until("the processes of the task have ended", || pids.iter().all(|pid| !is_alive(*pid)));
}

#[test]
fn a_killed_client_ends_the_task_with_what_it_started() {
    let Some(mut worker) = Prefork::start("") else { return };
    let (client, pids) = sleeping(&mut worker, "client");
    worker.ask(&json!({ "signal": 9, "pid": client }));
    all_ended(&pids);
    assert_eq!(worker.ask(&json!({ "end": client }))["code"], -9);
    assert!(worker.is_forking());
}

#[test]
fn a_killed_server_ends_its_tasks_and_is_started_again() {
    let Some(mut worker) = Prefork::start("") else { return };
    let server = worker.server().expect("it serves");
    let (client, pids) = sleeping(&mut worker, "server");
    kill(server);
    all_ended(&pids);
    let result = worker.ask(&json!({ "end": client }));
    assert!(
        result["stdout"].as_str().expect("a string").contains("the fork server ended while the task ran"),
        "{result}"
    );
    // Nothing is lost meanwhile: plain Python runs the tasks.
    assert_eq!(worker.value("shop.tasks.echo", &json!([1])), 1);
    worker.wait_until_forking();
    assert_ne!(worker.server(), Some(server));
}

#[test]
fn without_a_keeper_plain_python_runs_the_tasks() {
    let Some(mut worker) = Prefork::start("") else { return };
    let server = worker.server().expect("it serves");
    let slow = json!({ "spec": spec("shop.tasks.sleep", &json!([1])), "wait_for_output": true });
    let slow = worker.ask(&json!({ "begin": slow }));
    let directory = worker.directory();
    kill(worker.keeper());
    let result = worker.ask(&json!({ "end": slow }));
    assert!(result["stdout"].as_str().expect("a string").contains("slept"), "{result}");
    until("the server has ended", || !is_alive(server));
    assert!(!worker.is_forking());
    assert_eq!(worker.value("shop.tasks.echo", &json!([1])), 1);
    // Nobody is left to remove it; the next worker does.
    fs::remove_dir_all(directory).expect("removed");
}

#[test]
fn a_killed_worker_leaves_no_process() {
    let Some(mut worker) = Prefork::start("") else { return };
    let (server, keeper, directory) = (worker.server().expect("it serves"), worker.keeper(), worker.directory());
    let (_, pids) = sleeping(&mut worker, "worker");
    kill(worker.worker);
    all_ended(&pids);
    all_ended(&[server, keeper]);
    until("the directory is removed", || !directory.exists());
}

/// The processor time that a process has used, in ticks of 10 ms.
fn ticks(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = text.rsplit(')').next().expect("its fields").split_whitespace().collect();
    [fields[11], fields[12]].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

#[test]
fn a_server_that_finishes_its_tasks_costs_nothing_and_ends_with_the_worker() {
    let Some(mut worker) = Prefork::start("") else { return };
    let (old, keeper) = (worker.server().expect("it serves"), worker.keeper());
    let (_, pids) = sleeping(&mut worker, "slow");
    assert_eq!(worker.context.run(&["prefork", "reload"]).code, 0);
    assert_ne!(worker.server(), Some(old));
    let before = ticks(keeper) + ticks(old);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let used = ticks(keeper) + ticks(old) - before;
    assert!(is_alive(old) && used < 100, "{used} of 200 ticks");
    kill(worker.worker);
    all_ended(&pids);
    all_ended(&[old]);
}

#[test]
fn a_server_that_can_open_no_file_leaves_the_tasks_to_plain_python() {
    use rustix::process::Resource;
    use rustix::process::Rlimit;

    let Some(mut worker) = Prefork::start("") else { return };
    let server = worker.server().expect("it serves");
    let pid = rustix::process::Pid::from_raw(server);
    let set = |limit: Rlimit| rustix::process::prlimit(pid, Resource::Nofile, limit).expect("the limit is set");
    let before = rustix::process::getrlimit(Resource::Nofile);
    let open: Vec<u64> = fs::read_dir(format!("/proc/{server}/fd"))
        .expect("its descriptors")
        .map(|it| it.expect("a descriptor").file_name().to_string_lossy().parse().expect("a number"))
        .collect();
    let free: Vec<u64> = (0..).filter(|number| !open.contains(number)).take(6).collect();
    for (room, limit) in free.into_iter().enumerate() {
        set(Rlimit { current: Some(limit), ..before });
        let forked = worker.is_forking();
        assert!(room > 0 || !forked, "the limit works");
        assert_eq!(worker.value("shop.tasks.echo", &json!([room])), room);
    }
    set(before);
    assert!(worker.is_forking());
    assert_eq!(worker.server(), Some(server));
}

/// How many tasks run while processes are killed. `REPROQ_TEST_KILLED_TASKS` sets another number.
const TASKS: usize = 72;

/// How many run at a time.
const AT_A_TIME: usize = 6;

#[test]
fn many_tasks_and_random_kills_leave_nothing_behind() {
    let Some(mut worker) = Prefork::start("") else { return };
    let tasks = std::env::var("REPROQ_TEST_KILLED_TASKS").ok().and_then(|number| number.parse().ok()).unwrap_or(TASKS);
    fastrand::seed(17);
    // A server that has served for less than 10 s is started again after a pause that doubles: in a long run that would be most of
    // the time.
    let rounds_of_a_server = if tasks > TASKS { 96 } else { 8 };
    let mut ends = std::collections::BTreeMap::<String, usize>::new();
    for round in 0..tasks.div_ceil(AT_A_TIME) {
        let (server, keeper) = (worker.server(), worker.keeper());
        let started: Vec<Value> = (0..AT_A_TIME)
            .map(|_| {
                let task = spec("shop.tasks.sleep", &json!([fastrand::f64() / 20.0]));
                worker.ask(&json!({ "begin": { "spec": task, "wait_for_output": false } }))
            })
            .collect();
        std::thread::sleep(std::time::Duration::from_micros(fastrand::u64(..60_000)));
        // A client, a child, and the server; one round in four is left alone, and servers are killed less often.
        match round % 8 {
            0 | 3 => drop(worker.ask(&json!({ "signal": 9, "pid": started[fastrand::usize(..started.len())] }))),
            1 | 4 => {
                let children = processes().into_iter().filter(|it| Some(it.parent) == server && !it.is_zombie);
                if let Some(child) = fastrand::choice(children.map(|it| it.pid).collect::<Vec<_>>()) {
                    kill_if_there(child);
                }
            }
            6 if round % rounds_of_a_server == 6 => server.into_iter().for_each(kill_if_there),
            _ => {}
        }
        for client in started {
            let result = worker.ask(&json!({ "end": client }));
            let stdout = result["stdout"].as_str().expect("a string");
            let envelope: Option<Value> = serde_json::from_str(stdout).ok();
            // Killed by the worker, or one result: of the task, or why there is none.
            let end = match envelope {
                Some(envelope) if envelope["ok"] == true => "successful".to_owned(),
                Some(envelope) if envelope["ok"] == false => envelope["message"].to_string(),
                _ if result["code"] == -9 => "killed by the worker".to_owned(),
                _ => panic!("{result}"),
            };
            *ends.entry(end).or_default() += 1;
        }
        assert!(is_alive(keeper));
        if round % rounds_of_a_server == 6 {
            worker.wait_until_forking();
        }
    }
    eprintln!("{ends:#?}");
    let (server, keeper) = (worker.server().expect("it serves"), worker.keeper());
    until("no child is left", || {
        !processes()
            .iter()
            .any(|process| process.parent == server || (process.parent == keeper && process.pid != server))
    });
    let open = |pid: i32| fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors").count();
    let before = (open(server), open(keeper));
    for _ in 0..20 {
        assert!(worker.is_forking());
    }
    // The last client may just have left.
    until("descriptors are not leaked", || (open(server), open(keeper)) <= before);
}
