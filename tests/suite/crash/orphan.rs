//! Killed during a build: the compiler keeps running, and must neither block the next run nor leave files behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::support::Context;
use crate::support::fault_table::Part;
use crate::support::fault_table::record_as;
use crate::support::store::assert_settled;
use crate::support::workers;

/// Waits for a condition that another process fulfills.
fn eventually<Seen>(mut look: impl FnMut() -> Option<Seen>) -> Option<Seen> {
    (0..1200).find_map(|_| {
        sleep(Duration::from_millis(25));
        look()
    })
}

/// A toolchain that writes its process ID, waits for a signal, and only then writes its output.
fn slow_go(directory: &Path) {
    let script = format!(
        "#!/bin/sh\n\
         if [ \"$1\" != build ]; then exec {go} \"$@\"; fi\n\
         while [ \"$1\" != -o ]; do shift; done\n\
         echo $$ > {directory}/begun.new; mv {directory}/begun.new {directory}/begun\n\
         while [ ! -e {directory}/go-on ]; do sleep 0.05; done\n\
         echo half > \"$2\"\n",
        go = workers::go().display(),
        directory = directory.display()
    );
    fs::create_dir(directory).expect("made");
    fs::write(directory.join("go"), script).expect("written");
    fs::set_permissions(directory.join("go"), PermissionsExt::from_mode(0o755)).expect("executable");
}

#[test]
fn killed_during_a_build_the_orphan_does_not_affect_the_next_one() {
    let mut context = Context::released();
    let checkout = context.sibling_checkout();
    let build = ["install", "--build", "--source", checkout.to_str().expect("UTF-8")];
    let tools = context.root().join("tools");
    slow_go(&tools);
    context.set("PATH", format!("{}:/usr/bin:/bin", tools.display()));
    let mut child = context.spawn(&build);
    let orphan = eventually(|| fs::read_to_string(tools.join("begun")).ok()).expect("the build begins");
    child.kill().expect("killed");
    child.wait().expect("ended");
    context.with_go();
    let output = context.succeed(&build);
    assert!(output.stdout.starts_with("Installed "), "{output:#?}");
    assert_settled(&context, "while the orphan lives");
    fs::write(tools.join("go-on"), "").expect("written");
    let process = format!("/proc/{}", orphan.trim());
    eventually(|| (!Path::new(&process).exists()).then_some(())).expect("the orphan ends");
    assert_settled(&context, "after the orphan's end");
    let left = "what was there before; the next run builds and clears away, whatever the orphaned compiler does";
    record_as(Part::Crash, "SIGKILL during a local build", "137", "nothing", left);
}
