//! Killed at any moment: either the old binary or the new one is in place, complete; and a plain re-run finishes the job.

mod orphan;
#[cfg(unix)]
mod outputs;
mod random;
mod steps;
mod world;

use std::fs;
use std::time::Duration;

use fake_github::Fault;
use fake_github::Hold;
use fake_github::Matcher;
use reproq::internals::worker::store;
use reproq::internals::worker::store::Layout;
use reproq::internals::worker::store::Receipt;
use reproq::internals::worker::store::Step;

use crate::support::Context;
use crate::support::context::wait;
use crate::support::fault_table::Part;
use crate::support::fault_table::record_as;
use crate::support::store::assert_runs;
use crate::support::store::assert_tidy;
use crate::support::store::layout;
use crate::support::workers;

#[test]
fn killed_while_downloading_the_old_binary_stays() {
    let context = Context::released();
    context.succeed(&["install"]);
    context.release("v0.0.145");
    workers::bytes("0.0.145");
    context
        .github
        .fault(Matcher::objects(), Fault::StallBody { after: 50_000, hold: Hold::For(Duration::from_secs(60)) });
    let mut child = context.spawn(&["install", "--tag", "v0.0.145"]);
    assert!(context.github.wait_for(&Matcher::objects(), 2, Duration::from_secs(20)), "the download began");
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!(fs::read(context.binary()).expect("there"), workers::bytes("0.0.144"));
    assert_eq!(context.staged().len(), 1, "a killed process cleans nothing");
    context.succeed(&["install", "--tag", "v0.0.145"]);
    assert_tidy(&context, "0.0.145", "the next one does");
    let left = "the old binary, and the half download until the next run clears it away";
    record_as(Part::Crash, "SIGKILL in the middle of the download", "137", "nothing", left);
}

#[test]
fn interrupted_it_leaves_nothing_behind_and_exits_with_130() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let context = Context::released();
        workers::bytes("0.0.144");
        context
            .github
            .fault(Matcher::objects(), Fault::StallBody { after: 50_000, hold: Hold::For(Duration::from_secs(60)) });
        let child = context.spawn(&["install"]);
        assert!(context.github.wait_for(&Matcher::objects(), 1, Duration::from_secs(20)), "the download began");
        let sent =
            std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
        let output = wait(child);
        assert_eq!(output.code, 130, "{output:#?}");
        assert!(context.staged().is_empty(), "{signal}: {:?}", context.staged());
        assert!(!context.binary().exists());
    }
}

#[test]
fn an_interrupted_build_ends_the_compiler_too() {
    let mut context = Context::released();
    context.with_go();
    let checkout = context.sibling_checkout();
    // A toolchain that never finishes, and writes its process ID.
    let tools = context.root().join("tools");
    fs::create_dir(&tools).expect("made");
    let mark = context.root().join("pid");
    let real = workers::go();
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = build ]; then echo $$ > {}; exec sleep 600; fi\nexec {} \"$@\"\n",
        mark.display(),
        real.display()
    );
    fs::write(tools.join("go"), script).expect("written");
    fs::set_permissions(tools.join("go"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
    context.set("PATH", format!("{}:/usr/bin:/bin", tools.display()));
    let child = context.spawn(&["install", "--build", "--source", checkout.to_str().expect("UTF-8")]);
    let compiler = (0..400)
        .find_map(|_| {
            std::thread::sleep(Duration::from_millis(25));
            fs::read_to_string(&mark).ok()?.trim().parse::<u32>().ok()
        })
        .expect("the build began");
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
    assert_eq!(wait(child).code, 130);
    let gone = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        !std::path::Path::new(&format!("/proc/{compiler}")).exists()
    });
    assert!(gone, "the compiler still runs");
    assert!(context.staged().is_empty());
}

/// The commit is a list of steps. After every prefix of it the old or the new binary is in place, `which` names it, and the
/// next run cleans up or finishes.
#[test]
fn after_every_step_of_the_commit_the_store_is_consistent() {
    for prefix in 0..=8 {
        let context = Context::released();
        context.succeed(&["install"]);
        context.release("v0.0.145");
        let layout = layout(&context);
        let (steps, staged) = planned(&context, &layout);
        assert_eq!(steps.len(), 8);
        for step in &steps[..prefix] {
            store::apply(&layout, step).expect("applied");
            // Repeating a step changes nothing, except that a moved file cannot be moved twice.
            if !matches!(step, Step::Place { .. }) {
                store::apply(&layout, step).expect("applied again");
            }
        }
        let placed = steps[..prefix].iter().any(|step| matches!(step, Step::Place { .. }));
        let (expected, name) = (if placed { "0.0.145" } else { "0.0.144" }, format!("after {prefix} steps"));
        assert!(fs::read(context.binary()).expect("there") == workers::bytes(expected), "{name}");
        assert_runs(&context, expected, &name);
        // A killed process does not clean up.
        let _ = staged.keep();
        // The lockfile is written first, and a plain run installs what it names.
        let locked = steps[..prefix].iter().any(|step| matches!(step, Step::WriteLock(_)));
        context.succeed(&["install"]);
        assert_tidy(&context, if locked { "0.0.145" } else { expected }, &name);
        context.succeed(&["install", "--tag", "v0.0.145"]);
        assert_tidy(&context, "0.0.145", &name);
        let (_, state) = store::scan(&layout).expect("readable");
        assert!(layout.kept(&state.previous.expect("the one before is known")).is_file(), "{name}");
    }
}

fn planned(context: &Context, layout: &Layout) -> (Vec<Step>, tempfile::TempDir) {
    let (installed, state) = store::scan(layout).expect("readable");
    let store::Installed::Intact { receipt } = installed else { panic!("an intact binary, found {installed:?}") };
    let staged = tempfile::tempdir_in(layout.staging()).expect("a directory");
    let file = staged.path().join("reproq");
    fs::write(&file, workers::bytes("0.0.145")).expect("written");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
    let sha256 = reproq::internals::io::fs::hashing_writer::hash_file(&file).expect("readable");
    let text = serde_json::to_string(&receipt).expect("serialised");
    let text = text.replace("v0.0.144", "v0.0.145").replace(&receipt.sha256.to_string(), &sha256.to_string());
    let new: Receipt = serde_json::from_str(&text).expect("a receipt");
    assert_eq!(context.binary(), layout.binary);
    let path = context.project().join("reproq.lock");
    let lock = fs::read_to_string(&path).expect("a lock").replace("0.0.144", "0.0.145");
    let lock = lock.replace(&receipt.sha256.to_string(), &sha256.to_string());
    let written = store::WrittenLock { path, text: lock.clone() };
    let commit = store::Commit {
        staged: store::Staged { path: file, id: None },
        receipt: new,
        found: Some(receipt.sha256),
        state: &state,
        keep: &[],
        named_by: Some(lock),
        lock: Some(written),
        proofs: Some("{\"attestations\":[]}\n".to_owned()),
    };
    (store::steps(commit), staged)
}
