//! Concurrent installs in one project: one does the work, the others wait and find it done.

mod locked;
mod removed;
mod which;

use std::fs;
use std::process::Child;

use fake_github::Matcher;

use crate::support::Context;
use crate::support::Output;
use crate::support::context::wait;
use crate::support::fault_table::Part;
use crate::support::fault_table::record_as;
use crate::support::store::assert_tidy;
use crate::support::workers;

/// Waits for all and expects success.
fn succeed(children: Vec<Child>) -> Vec<Output> {
    let outputs: Vec<_> = children.into_iter().map(wait).collect();
    assert!(outputs.iter().all(|output| output.code == 0), "{:#?}", outputs.iter().find(|output| output.code != 0));
    outputs
}

/// Fifty concurrent installs make one download, and one of them reports the change.
fn fifty(context: &Context, change: &str, fault: &str) {
    workers::bytes("0.0.145");
    context.github.clear_log();
    let children = (0..50).map(|_| context.spawn(&["install", "--tag", "v0.0.145", "--json"])).collect();
    let outputs = succeed(children);
    let said = |change: &str| {
        let change = format!("\"change\": \"{change}\"");
        outputs.iter().filter(|output| output.stdout.contains(&change)).count()
    };
    assert_eq!((said(change), said("unchanged")), (1, 49), "{:#?}", outputs[0]);
    assert_eq!(context.github.requests_to(&Matcher::objects()).len(), 1);
    assert_tidy(context, "0.0.145", fault);
    let seen = "one says what it did, 49 that it is already installed; one download";
    record_as(Part::Race, fault, "0", seen, "the new binary, its receipt and state, nothing in staging");
}

fn released() -> Context {
    let mut context = Context::released();
    context.release("v0.0.145");
    // A cached asset would not be downloaded at all.
    context.without_cache();
    context
}

#[test]
fn fifty_first_installs_make_one_download() {
    fifty(&released(), "installed", "50 installs at once where nothing is");
}

#[test]
fn fifty_replacements_make_one_download() {
    let context = released();
    context.succeed(&["install", "--tag", "v0.0.144"]);
    fifty(&context, "installed", "50 installs at once of another version");
}

#[test]
fn fifty_repairs_make_one_download() {
    let context = released();
    context.succeed(&["install", "--tag", "v0.0.145"]);
    fs::write(context.binary(), "half a worker").expect("broken");
    fifty(&context, "repaired", "50 installs at once over a broken binary");
}

#[test]
fn installs_of_different_tags_end_in_one_consistent_state() {
    let context = released();
    context.release("v0.0.146");
    let tags = ["v0.0.144", "v0.0.145", "v0.0.146"];
    for round in 0..3 {
        succeed(tags.iter().cycle().take(12).map(|tag| context.spawn(&["install", "--tag", tag])).collect());
        let installed = fs::read(context.binary()).expect("installed");
        let version = tags.map(|tag| tag.trim_start_matches('v')).into_iter();
        let version = version.into_iter().find(|version| workers::bytes(version) == installed).expect("one of them");
        assert_tidy(&context, version, &format!("round {round}"));
        crate::support::store::assert_runs(&context, version, &format!("round {round}"));
    }
    let left = "one version: binary, receipt, state and `which` agree, nothing in staging";
    record_as(Part::Race, "installs of different versions at once", "0", "each says what it did", left);
}
