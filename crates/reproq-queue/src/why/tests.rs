//! A row for each cause.

use chrono::DateTime;
use chrono::Duration;
use chrono::Utc;

use super::*;
use crate::stats::QueueControl;
use crate::stats::RateLimitRow;
use crate::stats::WorkerRow;
use crate::workflow::WorkflowRun;

fn now() -> DateTime<Utc> {
    "2026-01-31T12:00:00Z".parse().expect("a time")
}

fn seconds(number: i64) -> DateTime<Utc> {
    now() + Duration::seconds(number)
}

fn worker(id: &str, queues: &str, seconds: f64) -> WorkerRow {
    WorkerRow {
        worker_id: id.to_owned(),
        known: true,
        hostname: None,
        concurrency: Some(1),
        queues: Some(queues.to_owned()),
        started_at: None,
        last_seen_at: None,
        version: None,
        seconds: Some(seconds),
        running: 0,
        expired: 0,
    }
}

/// A task that nothing keeps.
fn facts() -> WhyFacts {
    WhyFacts {
        now: now(),
        task: TaskFacts {
            result_id: 7,
            status: "READY".to_owned(),
            queue_name: "mail".to_owned(),
            task_path: "shop.tasks.send".to_owned(),
            run_after: None,
            attempts: 0,
            max_attempts: 3,
            lock_key: None,
            concurrency_key: None,
            concurrency_limit: 0,
            leased_by: None,
            leased_until: None,
            last_attempted_at: None,
            finished_at: None,
            cancel_requested: false,
            expires_at: None,
            parent_id: None,
            workflow_id: None,
            error: None,
            error_kind: None,
        },
        control: None,
        lock_holders: Vec::new(),
        concurrent: 0,
        limits: Vec::new(),
        workers: vec![worker("w1", r#"["mail"]"#, 5.0)],
        parent_status: None,
        callback_of: None,
        duplicates: Vec::new(),
        ahead: 0,
        allowed_modules: None,
    }
}

fn active(id: i64, status: &str, expired: Option<bool>) -> ActiveTask {
    let leased_by = (status == "RUNNING").then(|| "w2".to_owned());
    ActiveTask { result_id: id, status: status.to_owned(), leased_by, leased_until: None, expired }
}

fn limit(key: &str, rate: f64, tokens: f64) -> RateLimitRow {
    RateLimitRow { key: key.to_owned(), rate, burst: 5, tokens, last_refilled_at: now(), elapsed: 1.0 }
}

fn run(success: i32, failure: i32) -> WorkflowRun {
    WorkflowRun {
        workflow_id: "w".to_owned(),
        expected_count: 2,
        success_count: success,
        failure_count: failure,
        callback_result_id: Some(7),
        callback_status: Some("WAITING".to_owned()),
        status: "RUNNING".to_owned(),
        created_at: now(),
        updated_at: now(),
    }
}

/// The causes after a change to the facts.
fn after(change: impl Fn(&mut WhyFacts)) -> Vec<String> {
    let mut facts = facts();
    change(&mut facts);
    causes(&facts).iter().map(|cause| format!("{}{cause}", if cause.blocks() { "! " } else { "" })).collect()
}

#[test]
fn a_ready_task_waits_for_what_keeps_it() {
    assert_eq!(after(|_| ()), ["it is not blocked: a worker should claim it within seconds"]);
    let control = |paused, reason: &str| QueueControl {
        queue_name: "mail".to_owned(),
        paused,
        paused_at: Some(seconds(-60)),
        reason: Some(reason.to_owned()),
        updated_at: now(),
    };
    assert_eq!(
        after(|it| it.control = Some(control(true, "provider down"))),
        ["! queue mail is paused since 2026-01-31T11:59:00Z: provider down"]
    );
    assert_eq!(after(|it| it.control = Some(control(true, ""))), ["! queue mail is paused since 2026-01-31T11:59:00Z"]);
    assert_eq!(after(|it| it.control = Some(control(false, ""))).len(), 1);
    assert_eq!(
        after(|it| it.task.run_after = Some(seconds(90))),
        ["! it must not run before 2026-01-31T12:01:30Z (in 90 s)"]
    );
    // Exactly now is due.
    assert!(
        !causes(&{
            let mut facts = facts();
            facts.task.run_after = Some(now());
            facts
        })[0]
            .blocks()
    );
    assert_eq!(
        after(|it| {
            it.task.run_after = Some(seconds(30));
            it.task.attempts = 1;
            it.task.error = Some("boom".to_owned());
        }),
        ["! attempt 1 of 3 failed: boom; the next is at 2026-01-31T12:00:30Z (in 30 s)"]
    );
}

#[test]
fn a_ready_task_waits_for_keys_and_limits() {
    assert_eq!(
        after(|it| {
            it.task.lock_key = Some("user:1".to_owned());
            it.lock_holders = vec![active(5, "RUNNING", Some(false)), active(6, "RUNNING", None)];
        }),
        ["! lock key user:1 is held by task 5 (worker w2), task 6 (worker w2, whose lease has expired or is missing)"]
    );
    assert_eq!(after(|it| it.task.lock_key = Some(String::new())).len(), 1);
    let concurrent = |limit, running| {
        after(|it| {
            it.task.concurrency_key = Some("acct".to_owned());
            (it.task.concurrency_limit, it.concurrent) = (limit, running);
        })
    };
    assert_eq!(concurrent(2, 2), ["! 2 tasks with concurrency key acct run, and 2 may"]);
    assert!(concurrent(2, 1)[0].starts_with("it is not blocked"));
    assert!(concurrent(0, 9)[0].starts_with("it is not blocked"));
    assert_eq!(
        after(|it| it.limits = vec![limit("global", 0.5, 0.0)]),
        ["! rate limit global (0.5 per second) has no token; the next is available in 1.0 s"]
    );
    // The limit of the task decides, although it limits nothing.
    let exempt = after(|it| it.limits = vec![limit("global", 0.5, 0.0), limit("task:shop.tasks.send", 0.0, 0.0)]);
    assert!(exempt[0].starts_with("it is not blocked"), "{exempt:?}");
    let queue = after(|it| it.limits = vec![limit("global", 9.0, 5.0), limit("queue:mail", 0.1, 0.0)]);
    assert!(queue[0].starts_with("! rate limit queue:mail"), "{queue:?}");
}

#[test]
fn a_ready_task_waits_for_workers() {
    assert_eq!(
        after(|it| it.workers = vec![worker("w1", r#"["mail"]"#, 300.0), worker("w2", r#"["default"]"#, 1.0)]),
        ["! no live worker serves queue mail; 1 that did stopped reporting; 1 serve other queues"]
    );
    assert_eq!(after(|it| it.workers.clear()), ["! no live worker serves queue mail"]);
    // A worker without a list serves `default`.
    let default = after(|it| {
        it.task.queue_name = "default".to_owned();
        it.workers = vec![worker("w1", "[]", 1.0)];
    });
    assert!(default[0].starts_with("it is not blocked"), "{default:?}");
    let allowed = |list: &[&str]| {
        let list: Vec<String> = list.iter().map(|text| (*text).to_owned()).collect();
        after(|it| it.allowed_modules = Some(list.clone()))
    };
    assert_eq!(
        allowed(&["other.tasks.", "more."]),
        ["! a worker with this environment does not run shop.tasks.send: ALLOWED_TASK_MODULES is other.tasks.,more."]
    );
    assert!(allowed(&["shop.tasks."])[0].starts_with("it is not blocked"));
    assert!(allowed(&["*"])[0].starts_with("it is not blocked"));
}

#[test]
fn what_blocks_comes_first() {
    let all = after(|it| {
        it.ahead = COUNTED + 1;
        it.duplicates = vec![active(3, "RUNNING", Some(true))];
        it.task.cancel_requested = true;
        it.task.expires_at = Some(seconds(-1));
        it.workers.clear();
    });
    assert_eq!(
        all,
        [
            "! no live worker serves queue mail",
            "at least 10000 due tasks of queue mail come first",
            "task 3 has the same specification and is RUNNING with an expired or missing lease",
            "cancellation was requested; a worker that claims it ends it at the first heartbeat",
            "it expired at 2026-01-31T11:59:59Z; it still runs if it is claimed",
        ]
    );
    assert_eq!(after(|it| it.ahead = 3), ["3 due tasks of queue mail come first"]);
}

#[test]
fn a_running_task_has_a_lease_or_not() {
    let running = |until: Option<DateTime<Utc>>, attempts, by: &str| {
        after(|it| {
            it.task.status = "RUNNING".to_owned();
            it.task.leased_by = Some(by.to_owned());
            it.task.leased_until = until;
            it.task.attempts = attempts;
        })
    };
    assert_eq!(
        running(Some(seconds(60)), 1, "w1"),
        ["worker w1 runs it; the lease lasts until 2026-01-31T12:01:00Z (in 60 s)"]
    );
    assert_eq!(
        running(Some(seconds(-60)), 1, "w1"),
        [
            "! its lease expired at 2026-01-31T11:59:00Z (60 s ago); worker w1 still reports itself; the worker that reclaims it runs it again"
        ]
    );
    assert_eq!(
        running(Some(seconds(-60)), 3, "gone"),
        [
            "! its lease expired at 2026-01-31T11:59:00Z (60 s ago); worker gone does not report itself; the worker that reclaims it marks it FAILED: no attempts are left"
        ]
    );
    assert_eq!(running(None, 1, "w1"), ["! it is RUNNING without a lease (worker w1), so no worker reclaims it"]);
    let cancelled = after(|it| {
        it.task.status = "RUNNING".to_owned();
        it.task.leased_until = Some(seconds(1));
        it.task.cancel_requested = true;
    });
    assert_eq!(cancelled[1], "cancellation was requested; its worker ends it at the next heartbeat");
}

#[test]
fn a_waiting_task_waits_for_its_parent_or_its_workflow() {
    let parent = |status: Option<&str>, id: Option<i64>| {
        after(|it| {
            it.task.status = "WAITING".to_owned();
            it.task.parent_id = id;
            it.parent_status = status.map(str::to_owned);
        })
    };
    assert_eq!(parent(Some("RUNNING"), Some(5)), ["! it waits for task 5, which is RUNNING"]);
    assert_eq!(
        parent(Some("FAILED"), Some(5)),
        ["! it waits for task 5, which is FAILED: it never runs unless that task is retried"]
    );
    assert_eq!(
        parent(Some("SUCCESSFUL"), Some(5)),
        ["! it waits for task 5, which is SUCCESSFUL and did not release it"]
    );
    assert_eq!(parent(None, Some(5)), ["! it waits for task 5, which no longer exists"]);
    assert_eq!(parent(None, None), ["! it is WAITING, but has no parent and is not a callback"]);
    let callback = |success, failure| {
        after(|it| {
            it.task.status = "WAITING".to_owned();
            it.callback_of = Some(run(success, failure));
        })
    };
    assert_eq!(callback(1, 0), ["! it is the callback of workflow w: 1 of 2 tasks have succeeded"]);
    assert_eq!(callback(1, 1), ["! it is the callback of workflow w, of which 1 tasks failed"]);
    assert_eq!(callback(2, 0), ["! it is the callback of workflow w, whose tasks have succeeded; it was not released"]);
}

#[test]
fn a_finished_task_says_how_it_ended() {
    let finished = |status: &str| {
        after(|it| {
            it.task.status = status.to_owned();
            it.task.finished_at = Some(seconds(-5));
            it.task.error = Some("module is not allowed".to_owned());
            it.task.error_kind = Some("security_violation".to_owned());
            it.duplicates = vec![active(9, "READY", None)];
        })
    };
    assert_eq!(
        finished("FAILED"),
        [
            "it has been FAILED since 2026-01-31T11:59:55Z (security_violation): module is not allowed",
            "task 9 has the same specification and is READY",
        ]
    );
    assert_eq!(finished("SUCCESSFUL"), ["it has been SUCCESSFUL since 2026-01-31T11:59:55Z"]);
    assert_eq!(finished("CANCELLED"), ["it has been CANCELLED since 2026-01-31T11:59:55Z: module is not allowed"]);
}

#[test]
fn a_copy_waits_for_the_end_of_the_move() {
    let mut it = facts();
    it.task.status = "WAITING".to_owned();
    it.task.leased_by = Some("reproq-move/7301.5/17/abc".to_owned());
    let held = Cause::Held { queue: "mail".to_owned(), origin: 17 };
    assert!(held.blocks());
    assert_eq!(causes(&it), [held]);
}
