//! Who starts, watches and ends the fork server, and when plain Python runs a task instead.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use serde_json::json;

use super::Prefork;
use super::processes;
use super::small_project;
use super::spec;
use super::until;
use crate::support::django;

/// Why plain Python ran a task.
fn reason(result: &Value) -> String {
    let stderr = result["stderr"].as_str().expect("a string");
    let first = stderr.lines().next().unwrap_or_default();
    first.strip_prefix("[reproq] plain Python runs this task: ").unwrap_or_else(|| panic!("{result}")).to_owned()
}

#[test]
fn the_exit_status_of_the_worker_is_that_of_the_command() {
    let Some(worker) = Prefork::start("") else { return };
    let (directory, server) = (worker.directory(), worker.server().expect("it serves"));
    assert_eq!(fs::metadata(&directory).expect("a directory").permissions().mode() & 0o777, 0o700);
    for file in ["worker.yaml", "project.json", "server.py"] {
        let mode = fs::metadata(directory.join(file)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert_eq!(worker.end(3), 3);
    until("the directory is removed", || !directory.exists());
    until("the server has ended", || !super::is_alive(server));
}

#[test]
fn the_configuration_of_the_user_is_kept_and_not_changed() {
    let Some(worker) = Prefork::start("") else { return };
    let text = fs::read_to_string(worker.directory().join("worker.yaml")).expect("a file");
    let config: Value = serde_json::from_str(&text).expect("JSON, which is YAML");
    assert_eq!(config["worker"]["concurrency"], 3);
    assert_eq!(config["worker"]["executor_module"], "test_executor");
    assert_eq!(config["worker"]["python_bin"], worker.python.to_str().expect("UTF-8"));
    let own = fs::read_to_string(worker.context.project().join("reproq.yaml")).expect("a file");
    assert!(!own.contains("python_bin"), "{own}");
}

#[test]
fn what_would_be_imported_is_shown() {
    let Some(context) = small_project("") else { return };
    let output = context.succeed(&["worker", "--prefork", "--dry-run", "--json"]);
    let report: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(report["fork_server"]["settings"], "shop.settings");
    assert_eq!(report["fork_server"]["executor"], "test_executor");
    assert_eq!(report["fork_server"]["imports"], json!(["shop.tasks."]));
    let config = report["argv"].as_array().and_then(|argv| argv.last()).and_then(Value::as_str).expect("a flag");
    assert!(config.starts_with("--config=") && config.ends_with("/worker.yaml"), "{config}");
    assert_eq!(fs::read_dir(context.root().join("t")).expect("a directory").count(), 0, "nothing is made");
}

#[test]
fn neither_a_payload_nor_a_variable_chooses_what_runs() {
    let Some(mut worker) = Prefork::start("") else { return };
    django::write(&worker.context.project().join("evil.py"), "from shop.settings import *\n");
    let mut payload = spec("shop.tasks.echo", &json!([1]));
    payload["django"] = json!({ "settings_module": "evil" });
    let other_directory = worker.context.root().to_str().expect("UTF-8").to_owned();
    let cases = [
        json!({ "spec": payload }),
        json!({ "spec": spec("shop.tasks.echo", &json!([1])), "environment": { "DJANGO_SETTINGS_MODULE": "evil" } }),
        json!({ "spec": spec("shop.tasks.echo", &json!([1])), "environment": { "REPROQ_PREFORK": "0" } }),
        json!({ "spec": spec("shop.tasks.echo", &json!([1])), "executor": "json.tool" }),
        json!({ "spec": spec("shop.tasks.echo", &json!([1])), "directory": other_directory }),
        json!({ "arguments": ["-c", "print(1)"] }),
        json!({ "payload": "nonsense" }),
        json!({ "payload": "[]" }),
    ];
    let reasons: Vec<String> = cases.into_iter().map(|case| reason(&worker.ask(&json!({ "run": case })))).collect();
    insta::assert_snapshot!(reasons.join("\n"));
    assert!(worker.is_forking());
}

#[test]
fn new_code_is_served_before_the_old_process_stops() {
    let Some(mut worker) = Prefork::start("") else { return };
    let tasks = worker.context.project().join("shop/tasks.py");
    let text = fs::read_to_string(&tasks).expect("the tasks");
    assert_eq!(worker.value("shop.tasks.version", &json!([])), "first");
    let slow =
        worker.ask(&json!({ "begin": { "spec": spec("shop.tasks.sleep", &json!([3])), "wait_for_output": true } }));
    fs::write(&tasks, text.replace("\"first\"", "\"second\"")).expect("written");
    // Nobody asks for it: the change is noticed.
    until("the new code is imported", || worker.value("shop.tasks.version", &json!([])) == "second");
    let result = worker.ask(&json!({ "end": slow }));
    assert!(result["stdout"].as_str().expect("a string").contains("slept"), "{result}");
    // Broken code leaves the process that serves.
    let serving = worker.server();
    fs::write(&tasks, "broken(").expect("written");
    let output = worker.context.run(&["prefork", "reload"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stdout.contains("SyntaxError"), "{}", output.stdout);
    assert_eq!(worker.value("shop.tasks.version", &json!([])), "second");
    assert_eq!(worker.server(), serving);
    // And the next change is noticed too.
    fs::write(&tasks, text.replace("\"first\"", "\"third\"")).expect("written");
    until("the mended code is imported", || worker.value("shop.tasks.version", &json!([])) == "third");
}

#[test]
fn code_that_must_not_be_forked_is_named_and_plain_python_runs() {
    let thread = "import threading, time\n\
                  threading.Thread(target=time.sleep, args=(60,), name='poller', daemon=True).start()\n";
    let waited_for = "import threading, time\n\
                      threading.Thread(target=time.sleep, args=(60,), name='uploader').start()\n";
    let socket = "import socket\nlistening = socket.create_server(('127.0.0.1', 0))\n\
                  held = socket.create_connection(listening.getsockname())\n";
    let loop_of_events = "import asyncio\nrunning = asyncio.new_event_loop()\n";
    let database = "from django.db import connection\n\
                    def query():\n    connection.ensure_connection()\nquery()\n";
    let mut shown = String::new();
    for (name, code) in [
        ("a thread", thread),
        ("a thread that Python waits for", waited_for),
        ("a connection", socket),
        ("an event loop", loop_of_events),
        ("a database connection", database),
        ("a broken module", "import nothing_like_this\n"),
        ("a module that exits", "import sys\nsys.exit('no')\n"),
    ] {
        let settings = "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}";
        let Some(context) = small_project(settings) else { return };
        let tasks = context.project().join("shop/tasks.py");
        let text = fs::read_to_string(&tasks).expect("the tasks");
        fs::write(&tasks, format!("{code}\n{text}")).expect("written");
        let mut worker = Prefork::start_in(context);
        assert_eq!(worker.server(), None);
        let status = worker.status();
        let problem = status["servers"][0]["problems"][0].as_str().expect("a problem").to_owned();
        let port = problem.rsplit("127.0.0.1:").next().and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        shown.push_str(&format!("{name}: {}\n", problem.replace(&format!(":{port} "), ":PORT ")));
        assert!(worker.stderr().contains("tasks are not forked"), "{}", worker.stderr());
        let keeper = worker.keeper();
        // The next attempt is seconds away by the time this one is gone.
        until("the refused server has ended", || !processes().iter().any(|process| process.parent == keeper));
        if name == "a thread" {
            assert_eq!(worker.value("shop.tasks.echo", &json!([5])), 5);
            // Once it is mended, tasks are forked without a restart of the worker.
            fs::write(&tasks, &text).expect("written");
            worker.wait_until_forking();
        }
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn output_of_the_imported_code_is_printed_once() {
    let Some(context) = small_project("print('imported', end='')") else { return };
    let mut worker = Prefork::start_in(context);
    let results = [worker.run("shop.tasks.echo", &json!([1])), worker.run("shop.tasks.echo", &json!([2]))];
    assert!(results.iter().all(|result| !result.to_string().contains("imported")), "{results:?}");
    assert_eq!(worker.stderr().matches("imported").count(), 1, "{}", worker.stderr());
}

#[test]
fn another_user_cannot_connect() {
    let Some(mut worker) = Prefork::start("") else { return };
    if !rustix::process::geteuid().is_root() {
        crate::support::skip::record("a client of another user", "run the tests as root");
        return;
    }
    // As if the directory were open: the server itself tells users apart.
    let directory = worker.directory();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("opened");
    fs::set_permissions(directory.join("socket"), fs::Permissions::from_mode(0o777)).expect("opened");
    let script = "import os, socket, sys\nos.setgid(65534)\nos.setuid(65534)\n\
                  s = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\ns.settimeout(10)\nprint(s.recv(1))\n";
    let python = django::python().expect("there is one");
    let mut command = std::process::Command::new(python);
    let output = command.args(["-c", script]).arg(directory.join("socket")).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "b''\n", "{output:?}");
    assert!(worker.is_forking());
}

#[test]
fn the_user_is_told_if_there_is_no_fork_server() {
    let Some(context) = small_project("") else { return };
    let output = context.run(&["prefork", "status"]);
    insta::assert_snapshot!(context.redact(&output));
    assert_eq!(output.code, 4);
}

#[test]
fn doctor_imports_the_project_and_names_what_must_not_be_forked() {
    let settings = "LOGGING = {'version': 1, 'handlers': {'file': {'class': 'logging.FileHandler', 'filename': 'log', 'mode': 'w'}},\n\
                    'root': {'handlers': ['file']}}\n\
                    DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'x', 'OPTIONS': {'pool': True}}}";
    let Some(context) = small_project(settings) else { return };
    let findings = || {
        let output = context.run(&["doctor", "--prefork", "--json"]);
        let report: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let all = report["findings"].as_array().expect("a list").clone();
        let of_prefork = all.into_iter().filter(|finding| finding["area"] == "prefork");
        of_prefork
            .map(|it| {
                format!("{}: {}", it["grade"].as_str().unwrap_or_default(), it["sentence"].as_str().unwrap_or_default())
            })
            .collect::<Vec<_>>()
    };
    let found = findings();
    assert!(found[0].starts_with("fine: the tasks can be forked ("), "{found:?}");
    assert!(found[1].contains("opened with the mode `w`"), "{found:?}");
    assert!(found[2].contains("the database `default` has a connection pool"), "{found:?}");
    let tasks = context.project().join("shop/tasks.py");
    let text = fs::read_to_string(&tasks).expect("the tasks");
    fs::write(&tasks, format!("print('noise')\nimport threading, time\nthreading.Thread(target=time.sleep, args=(9,), name='poller', daemon=True).start()\n{text}")).expect("written");
    assert_eq!(findings()[0], "problem: the thread `poller` was started while the code was imported");
}
