//! Several installations at once in one project: one works, the others wait and find it done.

use std::fs;
use std::time::Duration;

use fake_github::Fault;
use fake_github::Hold;
use fake_github::Matcher;

use crate::support::Context;
use crate::support::context::wait;
use crate::support::workers;

#[test]
fn fifty_installs_make_one_download() {
    let context = Context::released();
    workers::bytes("0.0.144");
    let children: Vec<_> = (0..50).map(|_| context.spawn(&["install", "--json"])).collect();
    let outputs: Vec<_> = children.into_iter().map(wait).collect();
    assert!(outputs.iter().all(|output| output.code == 0), "{:#?}", outputs.iter().find(|output| output.code != 0));
    let worked = outputs.iter().filter(|output| output.stdout.contains("\"change\": \"installed\"")).count();
    assert_eq!(worked, 1);
    assert_eq!(context.github.requests_to(&Matcher::objects()).len(), 1);
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.144"));
    assert!(context.staged().is_empty());
}

#[test]
fn installs_of_different_tags_end_in_one_consistent_state() {
    let context = Context::released();
    context.release("v0.0.145");
    let children: Vec<_> = (0..8)
        .map(|number| context.spawn(&["install", "--tag", if number % 2 == 0 { "v0.0.144" } else { "v0.0.145" }]))
        .collect();
    for output in children.into_iter().map(wait) {
        assert_eq!(output.code, 0, "{output:#?}");
    }
    let installed = fs::read(context.binary()).expect("installed");
    let version = if installed == workers::bytes("0.0.144") { "v0.0.144" } else { "v0.0.145" };
    let which = context.succeed(&["which", "--json"]);
    assert!(which.stdout.contains(&format!("\"label\": \"{version}\"")), "{which:#?}");
}

#[test]
fn a_held_lock_is_named_and_given_up() {
    let context = Context::released();
    workers::bytes("0.0.144");
    context.github.fault(Matcher::objects(), Fault::StallBody { after: 1000, hold: Hold::For(Duration::from_secs(6)) });
    let first = context.spawn(&["install"]);
    assert!(context.github.wait_for(&Matcher::objects(), 1, Duration::from_secs(20)), "the first one downloads");
    insta::assert_snapshot!(context.shown(&["install", "--lock-timeout", "0"]));
    let waiting = context.run(&["install"]);
    assert_eq!(waiting.code, 0, "{waiting:#?}");
    assert!(waiting.stderr.contains("waiting for another installation in this project (process "), "{waiting:#?}");
    assert!(waiting.stdout.contains("already installed"), "{waiting:#?}");
    assert_eq!(wait(first).code, 0);
}

#[test]
fn a_lock_file_left_by_a_dead_process_does_not_block() {
    let context = Context::released();
    fs::create_dir_all(context.project().join(".reproq/staging/install-dead")).expect("made");
    fs::write(context.project().join(".reproq/staging/install-dead/download"), "half").expect("written");
    fs::write(context.project().join(".reproq/lock"), "process 999999\n").expect("written");
    context.succeed(&["install", "--lock-timeout", "0"]);
    assert!(context.staged().is_empty(), "what a dead installation left is gone");
}
