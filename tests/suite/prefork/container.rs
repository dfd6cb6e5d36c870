//! The worker as the first process of a container: it has process ID 1, and processes that lose their parent become its children.

use std::fs;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::json;

use super::Prefork;
use super::Process;
use super::is_alive;
use super::processes;
use super::small_project;
use super::until;
use crate::support::skip;

/// A program in namespaces of its own, in which it has process ID 1, as in a container.
fn contained(command: &Command) -> Command {
    let mut contained = Command::new("unshare");
    contained.args(["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    contained.arg(command.get_program()).args(command.get_args());
    contained.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = command.get_current_dir() {
        contained.current_dir(directory);
    }
    contained.stdin(Stdio::piped()).stdout(Stdio::piped());
    contained
}

/// All processes below this one, as the machine sees them.
fn below(pid: i32) -> Vec<Process> {
    let all = processes();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for child in all.iter().filter(|process| process.parent == parent) {
            parents.push(child.pid);
            found.push(child.clone());
        }
    }
    found
}

#[test]
fn as_the_first_process_of_a_container_it_leaves_no_process_and_no_zombie() {
    let Some(context) = small_project("") else { return };
    let context = Arc::new(context);
    let mut tried = contained(&Command::new("true"));
    if !tried.stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        skip::record("the worker with process ID 1", "allow user namespaces (`unshare --user --pid`)");
        return;
    }
    let command = contained(&context.command(&["worker", "--prefork"]));
    let mut worker = Prefork::start_with(Arc::clone(&context), command);
    assert_eq!(worker.worker, 1);
    let unshare = worker.child.as_ref().map(|child| i32::try_from(child.id()).expect("a process ID")).expect("it runs");
    assert!(worker.is_forking());

    until("only the worker, the keeper and the fork server are left", || below(unshare).len() == 3);
    let server = below(unshare).pop().expect("the last one has no child").pid;

    // What a task leaves behind, in a session of its own, ends with it, and its parent is gone by then.
    let left = context.root().join("left");
    assert_eq!(worker.value("shop.tasks.daemon", &json!([left])), "left");
    until("nothing is left of the task", || below(unshare).len() == 3);

    // A killed fork server leaves its tasks to the keeper.
    let sleeping =
        json!({ "spec": super::spec("shop.tasks.sleep_with_child", &json!([left])), "wait_for_output": true });
    let client = worker.ask(&json!({ "begin": sleeping }));
    super::kills::kill(server);
    let ended = worker.ask(&json!({ "end": client }));
    assert!(ended["stdout"].as_str().expect("a string").contains("the fork server ended"), "{ended}");
    worker.wait_until_forking();
    until("no zombie is left", || below(unshare).iter().all(|process| !process.is_zombie));
    until("the new fork server is alone", || below(unshare).len() == 3);

    // The system ends all processes of a container with its first one.
    let all = below(unshare);
    fs::remove_dir_all(worker.directory()).expect("removed");
    assert_eq!(worker.end(5), 5);
    until("every process has ended", || !all.iter().any(|process| is_alive(process.pid)));
}
