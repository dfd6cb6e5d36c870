//! What a task prints, returns and sees is the same as with plain Python.

use std::fs;

use serde_json::Value;
use serde_json::json;

use super::Prefork;
use super::is_alive;
use super::small_project;
use super::until;

#[test]
fn a_task_is_a_child_of_one_process_that_has_imported_its_module() {
    let Some(mut worker) = Prefork::start("") else { return };
    let first = worker.value("shop.tasks.loaded", &json!([]));
    let second = worker.value("shop.tasks.loaded", &json!([]));
    assert_eq!(first, second, "imported once, by one process");
    assert_eq!(first[1].as_i64(), worker.server().map(i64::from));
    let plain = worker.plain("shop.tasks.loaded", &json!([]));
    assert!(!plain.to_string().contains(&first[0].to_string()), "{plain}");
}

#[test]
fn what_a_task_does_cannot_be_told_from_plain_python() {
    let Some(mut worker) = Prefork::start("") else { return };
    let cases = [
        ("process", json!([])),
        ("echo", json!([[null, true, 1.5, "\u{e9}\u{1f600}", 12345678901234567890_u64, {"a": []}]])),
        ("large", json!([200_000])),
        ("fail", json!([])),
        ("missing", json!([])),
        ("leave", json!([0])),
        ("interrupted", json!([])),
        ("text", json!(["x".repeat(1024)])),
    ];
    for (task, arguments) in cases {
        let task = format!("shop.tasks.{task}");
        let (forked, plain) = (worker.run(&task, &arguments), worker.plain(&task, &arguments));
        if task.ends_with("leave") || task.ends_with("interrupted") {
            // There is no result, which is told below.
            assert_eq!((&forked["code"], &forked["stderr"]), (&plain["code"], &plain["stderr"]), "{task}");
        } else {
            assert_eq!(forked, plain, "{task}");
        }
    }
}

#[test]
fn the_exit_status_is_that_of_the_task() {
    let Some(mut worker) = Prefork::start("") else { return };
    for code in [json!(0), json!(3), json!(300), json!(-1), json!("words"), json!(true), json!(null), json!([1])] {
        let arguments = json!([code]);
        let (forked, plain) =
            (worker.run("shop.tasks.leave", &arguments), worker.plain("shop.tasks.leave", &arguments));
        assert_eq!((&forked["code"], &forked["stderr"]), (&plain["code"], &plain["stderr"]), "{code}");
    }
    for number in [1, 2, 6, 9, 11, 15] {
        let arguments = json!([number]);
        let (forked, plain) =
            (worker.run("shop.tasks.by_signal", &arguments), worker.plain("shop.tasks.by_signal", &arguments));
        assert_eq!(forked["code"], plain["code"], "signal {number}");
    }
    assert_eq!(worker.run("shop.tasks.vanish", &json!([7]))["code"], 7);
}

#[test]
fn signals_that_are_ignored_stay_ignored() {
    let Some(mut worker) = Prefork::start("") else { return };
    // Hangup, as under `nohup`; interrupt and quit, as in the background of a shell.
    let ignored = [1, 2, 3];
    for (task, arguments) in [("process", json!([])), ("by_signal", json!([1])), ("by_signal", json!([3]))] {
        let request = |plain: bool| {
            let spec = super::spec(&format!("shop.tasks.{task}"), &arguments);
            json!({ "run": { "spec": spec, "plain": plain, "ignored": ignored } })
        };
        let (forked, plain) = (worker.ask(&request(false)), worker.ask(&request(true)));
        assert_eq!(forked, plain, "{task} {arguments}");
    }
    assert_eq!(worker.run("shop.tasks.by_signal", &json!([1]))["code"], -1, "the next task does not ignore it");
}

#[test]
fn handlers_of_the_imported_code_are_those_of_the_task() {
    let Some(context) = small_project("") else { return };
    let tasks = context.project().join("shop/tasks.py");
    let code = "for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1):\n\
                \x20   signal.signal(number, lambda number, frame: sys.exit(number))\n\
                signal.signal(signal.SIGUSR2, signal.SIG_IGN)\n";
    let text = fs::read_to_string(&tasks).expect("the tasks") + code;
    fs::write(&tasks, text).expect("written");
    let mut worker = Prefork::start_in(context);
    for number in [10, 12, 15, 17] {
        let arguments = json!([number]);
        let (forked, plain) =
            (worker.run("shop.tasks.by_signal", &arguments), worker.plain("shop.tasks.by_signal", &arguments));
        assert_eq!((&forked["code"], &forked["stderr"]), (&plain["code"], &plain["stderr"]), "signal {number}");
    }
}

#[test]
fn exit_handlers_run_and_open_files_are_written() {
    let Some(mut worker) = Prefork::start("") else { return };
    let file = worker.context.root().join("written");
    let read = |suffix: &str| fs::read_to_string(format!("{}{suffix}", file.display())).expect("written");
    assert_eq!(worker.run("shop.tasks.at_exit", &json!([file]))["code"], 0);
    assert_eq!([read(""), read(".unclosed"), read(".global")], ["done", "kept", "kept too"]);
}

#[test]
fn random_numbers_differ_between_tasks() {
    let Some(mut worker) = Prefork::start("") else { return };
    let (one, other) = (worker.value("shop.tasks.numbers", &json!([])), worker.value("shop.tasks.numbers", &json!([])));
    assert_ne!(one[0], other[0]);
    assert_ne!(one[1], other[1]);
}

#[test]
fn what_the_worker_could_not_store_is_a_failure_with_its_reason() {
    let Some(mut worker) = Prefork::start("") else { return };
    let mut shown = String::new();
    let cases = [
        ("echo", json!(["a\u{0}b"])),
        ("fail_with_nul", json!([])),
        ("printed", json!([5])),
        ("printed", json!([2_000_000])),
        ("large", json!([2_000_000])),
        ("leave", json!([3])),
        ("vanish", json!([7])),
        ("by_signal", json!([9])),
        ("half", json!([])),
        ("not_a_number", json!([])),
    ];
    let more = "\n\ndef fail_with_nul():\n    raise ValueError('a\\0b')\n\ndef half():\n    return '\\ud800'\n\n\
                def not_a_number():\n    return float('nan')\n";
    let tasks = worker.context.project().join("shop/tasks.py");
    let text = fs::read_to_string(&tasks).expect("the tasks") + more;
    fs::write(tasks, text).expect("written");
    assert_eq!(worker.context.run(&["prefork", "reload"]).code, 0, "{}", worker.stderr());
    for (task, arguments) in cases {
        let result = worker.run(&format!("shop.tasks.{task}"), &arguments);
        let stdout = result["stdout"].as_str().expect("a string");
        let envelope: Value = serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{task}: {error}: {stdout}"));
        let arguments = arguments.to_string();
        shown.push_str(&format!(
            "{task} {arguments}: {} {} {} {}, {} bytes on stderr\n",
            result["code"],
            envelope["ok"],
            envelope["exception_class"],
            envelope["message"],
            result["stderr"].as_str().expect("a string").len()
        ));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_task_ends_at_its_time_limit() {
    let Some(mut worker) = Prefork::start("") else { return };
    let spec = json!({ "task_path": "shop.tasks.sleep", "args": [60], "exec": { "timeout_seconds": 0.5 } });
    let result = worker.ask(&json!({ "run": { "spec": spec } }));
    let envelope: Value = serde_json::from_str(result["stdout"].as_str().expect("a string")).expect("JSON");
    assert_eq!(envelope["message"], "the task ran longer than its time limit of 0.5 s");
}

#[test]
fn what_a_task_leaves_behind_does_not_hold_its_result() {
    let Some(mut worker) = Prefork::start("") else { return };
    let file = worker.context.root().join("left");
    assert_eq!(worker.value("shop.tasks.daemon", &json!([file])), "left");
    let left: i32 = fs::read_to_string(file).expect("written").parse().expect("a number");
    until("the process has ended", || !is_alive(left));
}

#[test]
fn a_signal_to_the_client_reaches_the_task() {
    let Some(mut worker) = Prefork::start("") else { return };
    for number in [1, 2, 3, 10, 12, 15] {
        let begin = |plain: bool| json!({ "begin": { "spec": super::spec("shop.tasks.sleep", &json!([60])), "plain": plain, "wait_for_output": true } });
        let codes: Vec<Value> = [false, true]
            .into_iter()
            .map(|plain| {
                let pid = worker.ask(&begin(plain));
                worker.ask(&json!({ "signal": true, "pid": pid, "signal": number }));
                worker.ask(&json!({ "end": pid }))["code"].clone()
            })
            .collect();
        assert_eq!(codes[0], codes[1], "signal {number}");
    }
}
