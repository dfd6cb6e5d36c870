//! A process that holds the lock is named; a dead process holds nothing.

use std::fs;
use std::process::Child;
use std::sync::mpsc;
use std::thread::sleep;
use std::time::Duration;

use fake_github::Matcher;

use crate::support::Context;
use crate::support::context::wait;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::fault_table::record_as;
use crate::support::store::assert_tidy;
use crate::support::workers;

const NO_PATIENCE: [&str; 3] = ["install", "--lock-timeout", "0"];

/// Blocks the next download until the returned value is dropped.
pub(super) fn gate(context: &Context) -> mpsc::Sender<()> {
    let (gate, opened) = mpsc::channel();
    context.github.before(Matcher::objects(), move |_| {
        let _ = opened.recv();
    });
    gate
}

/// An install that has started its download and is blocked.
pub(super) fn held(context: &Context, arguments: &[&str]) -> (Child, mpsc::Sender<()>) {
    let before = context.github.requests_to(&Matcher::objects()).len();
    let gate = gate(context);
    let child = context.spawn(arguments);
    let begun = context.github.wait_for(&Matcher::objects(), before + 1, Duration::from_secs(30));
    assert!(begun, "the download begins");
    (child, gate)
}

#[test]
fn a_held_lock_is_named_and_given_up() {
    let context = Context::released();
    let (first, gate) = held(&context, &["install"]);
    let refused = context.run(&NO_PATIENCE);
    let name = format!("by process {}\n", first.id());
    assert!(refused.stderr.contains(&name), "{refused:#?} does not name {name}");
    insta::assert_snapshot!(context.shown(&NO_PATIENCE));
    let waiting = context.spawn(&["install"]);
    let reader = std::thread::spawn(move || wait(waiting));
    // After a second it reports that it waits, and for which process.
    sleep(Duration::from_millis(1500));
    drop(gate);
    let waited = reader.join().expect("waited for");
    assert_eq!(waited.code, 0, "{waited:#?}");
    let name = format!("waiting for another installation in this project (process {})", first.id());
    assert!(waited.stderr.contains(&name), "{waited:#?}");
    assert!(waited.stdout.contains("already installed"), "{waited:#?}");
    assert_eq!(wait(first).code, 0);
    let left = left(&context, None, &workers::bytes("0.0.144"));
    record(Part::Race, "lock: held by a running installation, not waited for", &context, &refused, &left);
}

#[test]
fn of_fifty_that_do_not_wait_one_works_and_the_others_name_it() {
    let context = Context::released();
    let gate = gate(&context);
    let mut children: Vec<Child> = (0..50).map(|_| context.spawn(&NO_PATIENCE)).collect();
    let mut refused = Vec::new();
    while children.len() > 1 {
        let is_done = |child: &mut Child| child.try_wait().expect("a child").is_some();
        match children.iter_mut().position(is_done) {
            Some(index) => refused.push(wait(children.swap_remove(index))),
            None => sleep(Duration::from_millis(5)),
        }
    }
    drop(gate);
    let winner = children.remove(0);
    let name = format!("by process {}\n", winner.id());
    for output in &refused {
        assert_eq!(output.code, 8, "{output:#?}");
        assert!(output.stderr.contains(&name), "{output:#?} does not name {name}");
    }
    let output = wait(winner);
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(context.github.requests_to(&Matcher::objects()).len(), 1);
    assert_tidy(&context, "0.0.144", "afterwards");
    let seen = "one installs; 49 name it by its process and end at once";
    record_as(
        Part::Race,
        "50 installs at once that do not wait",
        "0 once, 8",
        seen,
        "the new binary, nothing in staging",
    );
}

#[test]
fn a_lock_whose_holder_died_does_not_block() {
    let context = Context::released();
    let (mut dead, gate) = held(&context, &["install"]);
    dead.kill().expect("killed");
    dead.wait().expect("ended");
    drop(gate);
    let text = fs::read_to_string(context.project().join(".reproq/lock")).expect("a lock");
    assert_eq!(text, format!("process {}\n", dead.id()), "it still names the dead one");
    let output = context.succeed(&NO_PATIENCE);
    assert_tidy(&context, "0.0.144", "afterwards");
    let left = left(&context, None, &workers::bytes("0.0.144"));
    record(Part::Race, "lock: left by a process that died", &context, &output, &left);
}
