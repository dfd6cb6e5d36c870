//! SIGINT: with `--json` there is one document on stdout, and a command that has changed something elsewhere does not
//! report that its changes were discarded.

use std::time::Duration;

use fake_github::Fault;
use fake_github::Hold;
use fake_github::Matcher;
use serde_json::Value;

use crate::render::world::RenderWorld;
use crate::support::Context;
use crate::support::Output;
use crate::support::context::send;
use crate::support::context::wait;
use crate::support::releases::repo;
use crate::support::releases::with_versions;

const DISCARDED: &str = "interrupted; unfinished changes were discarded";
const KEPT: &str = "interrupted; the changes that were made are kept; run the same command again to continue";
const PATIENCE: Duration = Duration::from_secs(30);

/// Interrupts a command when GitHub has received a request that it does not respond to.
fn interrupted(context: &Context, arguments: &[&str], matcher: &Matcher) -> Output {
    context.github.clear_log();
    context.github.fault(matcher.clone(), Fault::StallAfterProcessing { hold: Hold::UntilDropped });
    let child = context.spawn(arguments);
    assert!(context.github.wait_for(matcher, 1, PATIENCE), "the request never came");
    send("INT", &child);
    let output = wait(child);
    assert_eq!(output.code, 130, "{output:#?}");
    context.github.clear_faults();
    output
}

/// The document of the interruption is the whole of stdout.
fn is_document(output: &Output, text: &str) {
    let document: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("no document: {output:#?}"));
    assert_eq!(document["schema"], "reproq.error/1");
    assert_eq!(document["status"], "interrupted");
    assert_eq!(document["exit_code"], 130);
    assert_eq!(document["error"], text);
    assert!(output.stderr.ends_with(&format!("error: {text}\n")), "{output:#?}");
}

#[test]
fn an_interrupted_command_prints_its_document() {
    let context = Context::released();
    let install = ["install", "--no-django"];
    let output = interrupted(&context, &[&install[..], &["--json"]].concat(), &Matcher::objects());
    is_document(&output, DISCARDED);
    let output = interrupted(&context, &install, &Matcher::objects());
    assert_eq!((output.stdout.as_str(), output.stderr.ends_with(&format!("error: {DISCARDED}\n"))), ("", true));
    let output =
        interrupted(&context, &[&install[..], &["--json", "--progress", "json"]].concat(), &Matcher::objects());
    let document: Value = serde_json::from_str(&output.stdout).expect("a document");
    assert_eq!(document["error"], DISCARDED);
    assert!(output.stderr.lines().all(|line| line.starts_with('{')), "{output:#?}");
    assert!(output.stderr.contains(DISCARDED), "{output:#?}");
}

#[test]
fn an_interrupted_prune_and_restore_keep_their_changes() {
    let context = with_versions(5);
    let prune = ["release", "prune", "--keep", "3", "--audit", "record.jsonl"];
    let deletion = Matcher::api().method("DELETE");
    is_document(&interrupted(&context, &[&prune[..], &["--json"]].concat(), &deletion), KEPT);
    assert_eq!(repo(&context).snapshot().published().len(), 4, "one of two is deleted");
    context.succeed(&["release", "prune", "--keep", "3", "--audit", "next.jsonl"]);
    assert_eq!(repo(&context).snapshot().tags.len(), 3);
    let restore = ["release", "restore", "--tags-only", "--from", "next.jsonl"];
    let creation = Matcher::graphql().body("updateRefs");
    is_document(&interrupted(&context, &[&restore[..], &["--json"]].concat(), &creation), KEPT);
    context.succeed(&restore);
    assert_eq!(repo(&context).snapshot().tags.len(), 5);
}

#[test]
fn an_interrupted_change_on_render_is_kept() {
    for json in [&[][..], &["--json"]] {
        let world = RenderWorld::new();
        let second = fake_render::Matcher::any().method("PUT").nth(2);
        world.render.fault(second, fake_render::Fault::StallAfter(Hold::UntilDropped));
        let child = world.context.spawn(&[&["render", "env", "apply", "--yes"][..], json].concat());
        let is_there = || world.render.variables(&world.shop).iter().any(|(key, _)| key == "ADDED");
        for _ in 0..3000 {
            if is_there() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(is_there(), "the second change never came");
        send("INT", &child);
        let output = wait(child);
        assert_eq!(output.code, 130, "{output:#?}");
        match json {
            [] => assert_eq!(output.stdout, ""),
            _ => is_document(&output, KEPT),
        }
        assert!(output.stderr.ends_with(&format!("error: {KEPT}\n")), "{output:#?}");
        world.render.clear_faults();
        world.succeed(&["render", "env", "apply", "--yes"]);
        world.assert_done();
    }
}

#[test]
fn a_run_on_render_without_changes_does_not_report_changes() {
    let world = RenderWorld::new();
    world.succeed(&["render", "env", "apply", "--yes"]);
    world.render.fault(fake_render::Matcher::any().method("POST"), fake_render::Fault::Stall(Hold::UntilDropped));
    let child = world.context.spawn(&["render", "env", "apply", "--yes", "--deploy=always"]);
    let has_arrived = || world.render.requests().iter().any(|request| request.method == "POST");
    for _ in 0..3000 {
        if has_arrived() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    send("INT", &child);
    let output = wait(child);
    assert_eq!(output.code, 130, "{output:#?}");
    assert!(output.stderr.ends_with(&format!("error: {DISCARDED}\n")), "{output:#?}");
}
