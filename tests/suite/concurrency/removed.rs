//! The store, or a part of it, is removed during an install: a clear error or success, and the next run succeeds.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use super::locked::held;
use crate::support::Context;
use crate::support::Output;
use crate::support::context::wait;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::store::assert_tidy;
use crate::support::workers;

fn assert_clear(output: &Output) {
    let is_clear = match output.code {
        0 => true,
        1 | 8 => output.stderr.starts_with("error: ") || output.stderr.contains("\nerror: "),
        _ => false,
    };
    assert!(is_clear && !output.stderr.contains("panicked"), "{output:#?}");
}

#[test]
fn the_store_is_removed_during_a_download() {
    let parts = [(".reproq/staging", "staging"), (".reproq", "the whole store"), (".reproq/lock", "the lock")];
    for (part, name) in parts {
        let context = Context::released();
        let (child, gate) = held(&context, &["install"]);
        let path = context.project().join(part);
        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.expect("removed");
        drop(gate);
        let output = wait(child);
        assert_eq!(output.code, 8, "{output:#?}");
        assert_clear(&output);
        let left = left(&context, None, &workers::bytes("0.0.144"));
        record(Part::Race, &format!("{name} removed under a running install"), &context, &output, &left);
        context.succeed(&["install"]);
        assert_tidy(&context, "0.0.144", name);
    }
}

#[test]
fn the_store_is_removed_at_any_moment() {
    let context = Context::released();
    for round in 0..60_u32 {
        let part = if round % 2 == 0 { ".reproq/staging" } else { ".reproq" };
        let child = context.spawn(&["install", "--force"]);
        sleep(Duration::from_millis(u64::from(round * 37 % 50)));
        let _ = fs::remove_dir_all(context.project().join(part));
        assert_clear(&wait(child));
        context.succeed(&["install"]);
        assert_tidy(&context, "0.0.144", &format!("round {round}"));
    }
}

/// Two installs that each hold a lock because the first one's lock file was removed: the second one's store is the valid one.
#[test]
fn who_lost_the_lock_places_nothing() {
    let context = Context::released();
    context.release("v0.0.145");
    let (first, gate) = held(&context, &["install", "--tag", "v0.0.144"]);
    fs::remove_dir_all(context.project().join(".reproq")).expect("removed");
    context.succeed(&["install", "--tag", "v0.0.145"]);
    drop(gate);
    let output = wait(first);
    assert_eq!(output.code, 8, "{output:#?}");
    assert_tidy(&context, "0.0.145", "afterwards");
}
