//! The process is killed at every request of a prune, before and after GitHub executed it. The next run always ends in the same
//! state, the order of requests never creates a draft, and the audit file records every request.

mod instants;

use std::fs;
use std::time::Duration;

use fake_github::Fault;
use fake_github::Hold;
use fake_github::Matcher;

use crate::support::Context;
use crate::support::fault_table::Part;
use crate::support::fault_table::record_as;
use crate::support::releases::mutations;
use crate::support::releases::repo;
use crate::support::releases::with_versions;

const PRUNE: [&str; 4] = ["release", "prune", "--keep", "3"];

/// The lines of audit files that announce a request.
fn intents(context: &Context) -> usize {
    let Ok(directory) = fs::read_dir(context.project().join(".reproq/audit")) else { return 0 };
    let text =
        |entry: std::io::Result<fs::DirEntry>| fs::read_to_string(entry.expect("an entry").path()).expect("text");
    directory.map(text).map(|text| text.matches("\"event\":\"intent\"").count()).sum()
}

/// Kills the program while the fake delays the nth request.
fn killed(context: &Context, nth: usize, fault: Fault) {
    context.github.fault(Matcher::api().nth(nth as u64), fault);
    let mut child = context.spawn(&PRUNE);
    let arrived = context.github.wait_for(&Matcher::api(), nth, Duration::from_secs(30));
    assert!(arrived, "request {nth} never came");
    // Requests executed before the delay have been executed by now.
    std::thread::sleep(Duration::from_millis(20));
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn killed_at_any_request_the_next_run_ends_in_the_same_state() {
    let whole = with_versions(13);
    whole.succeed(&PRUNE);
    let requests = whole.github.requests().len();
    let all =
        "a list, the first end to end, a list, nine releases, before eight of them the latest, their tags, a list";
    assert_eq!(requests, 23, "{all}");
    let wanted = repo(&whole).snapshot().tag_names().join(" ");
    for nth in 1..=requests {
        for is_done in [false, true] {
            let hold = Hold::UntilDropped;
            let fault = if is_done { Fault::StallAfterProcessing { hold } } else { Fault::StallHeaders { hold } };
            let context = with_versions(13);
            killed(&context, nth, fault);
            let snapshot = repo(&context).snapshot();
            let name = format!("request {nth}, carried out: {is_done}");
            assert!(snapshot.drafts().is_empty(), "{name}");
            assert!(snapshot.published().len() >= 3 && snapshot.tags.len() >= snapshot.published().len(), "{name}");
            assert!(intents(&context) >= mutations(&context).len(), "{name}: a request without a record");
            context.github.clear_faults();
            let output = context.succeed(&PRUNE);
            let snapshot = repo(&context).snapshot();
            assert_eq!(snapshot.tag_names().join(" "), wanted, "{name}: {output:#?}");
            assert_eq!(snapshot.published().len(), 3, "{name}");
            assert!(snapshot.drafts().is_empty(), "{name}");
        }
    }
    let left =
        "every version that was to stay, no draft; the record tells what was asked; the next run deletes the rest";
    record_as(Part::Crash, "SIGKILL at any request of a prune, carried out or not", "137", "nothing", left);
}

#[test]
fn killed_without_graphql_the_next_run_ends_in_the_same_state() {
    for nth in [6, 9, 12, 14, 16] {
        let context = with_versions(6);
        context.github.graphql(false);
        killed(&context, nth, Fault::StallAfterProcessing { hold: Hold::UntilDropped });
        assert!(repo(&context).snapshot().drafts().is_empty(), "{nth}");
        context.github.clear_faults();
        let output = context.succeed(&PRUNE);
        assert_eq!(repo(&context).snapshot().tag_names(), ["v1.4.0", "v1.5.0", "v1.6.0"], "{nth}: {output:#?}");
    }
}

#[test]
fn the_audit_file_of_a_killed_run_restores_its_tags() {
    let context = with_versions(6);
    let before = repo(&context).snapshot().tags;
    // The last batch of tags was deleted, but the response was lost.
    let nth = 8;
    killed(&context, nth, Fault::StallAfterProcessing { hold: Hold::UntilDropped });
    context.github.clear_faults();
    assert_eq!(repo(&context).snapshot().tags.len(), 3);
    let audit = fs::read_dir(context.project().join(".reproq/audit")).expect("a directory").flatten().next();
    let audit = audit.expect("a record").path();
    context.succeed(&["release", "restore", "--tags-only", "--from", audit.to_str().expect("UTF-8")]);
    assert_eq!(repo(&context).snapshot().tags, before);
}
