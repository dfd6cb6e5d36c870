//! `which` without Django: the order, the reasons, and never this command itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::Context;
use crate::support::context::program_under_test;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::skip;
use crate::support::workers;

fn place(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::write(path, bytes).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}

#[test]
fn nothing_found_is_4_and_lists_the_searched_locations() {
    let context = Context::new();
    insta::assert_snapshot!(context.shown(&["which"]));
    insta::assert_snapshot!(context.shown(&["which", "--json"]));
}

#[test]
fn an_installed_worker_wins_and_its_receipt_is_known() {
    let context = Context::released();
    context.succeed(&["install"]);
    context.github.clear_log();
    insta::assert_snapshot!(context.shown(&["which"]));
    insta::assert_snapshot!(context.shown(&["which", "--all", "--no-django"]));
    insta::assert_snapshot!(context.shown(&["which", "--json"]));
    let quiet = context.succeed(&["which", "-q"]);
    assert_eq!(quiet.stdout.trim_end(), context.binary().to_str().expect("UTF-8"));
    assert_eq!(context.github.requests().len(), 0);
}

#[test]
fn the_variable_wins_over_what_was_just_installed() {
    let mut context = Context::released();
    let mine = context.root().join("mine/worker");
    place(&mine, &workers::bytes("0.0.143"));
    context.set("REPROQ_WORKER_BIN", mine.to_str().expect("UTF-8"));
    insta::assert_snapshot!(context.shown(&["install"]));
    let quiet = context.succeed(&["which", "-q"]);
    assert_eq!(quiet.stdout.trim_end(), mine.to_str().expect("UTF-8"));
}

#[test]
fn a_variable_that_leads_nowhere_is_what_will_be_used() {
    let mut context = Context::released();
    context.succeed(&["install"]);
    context.set("REPROQ_WORKER_BIN", "/nowhere/worker");
    insta::assert_snapshot!(context.shown(&["which"]));
}

#[test]
fn path_never_leads_to_this_command() {
    let mut context = Context::new();
    let ours = Path::new(program_under_test());
    let (linked, copied, other, worker) = (
        context.root().join("linked"),
        context.root().join("copied"),
        context.root().join("other"),
        context.root().join("worker"),
    );
    fs::create_dir(&linked).expect("made");
    symlink(ours, linked.join("reproq")).expect("linked");
    place(&copied.join("reproq"), &fs::read(ours).expect("readable"));
    place(&other.join("reproq"), &fs::read("/bin/sh").expect("readable"));
    place(&worker.join("reproq"), &workers::bytes("0.0.144"));
    let path = [&linked, &copied, &other, &worker].map(|directory| directory.to_str().expect("UTF-8")).join(":");
    context.set("PATH", path);
    let output = context.succeed(&["which", "-q"]);
    assert_eq!(output.stdout.trim_end(), worker.join("reproq").to_str().expect("UTF-8"));
    let output = context.succeed(&["which"]);
    assert_eq!(output.stdout.matches("it is this command").count(), 2, "{output:#?}");
    assert!(output.stdout.contains("it is not the worker"), "{output:#?}");
    assert!(output.stderr.contains("hint: "), "upstream would take this command: {output:#?}");
}

#[test]
fn the_setting_of_django_wins_and_a_broken_setting_is_a_warning() {
    let Some(python) = std::env::var_os("REPROQ_TEST_DJANGO_PYTHON").map(std::path::PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none(), "no Python with Django; run the tests with `cargo xtask test`");
        skip::record("the settings of a real Django", "run `cargo xtask test`, with a Python of 3.10 or newer");
        return;
    };
    let mut context = Context::released();
    let environment = python.parent().and_then(Path::parent).expect("a virtual environment");
    context.set("VIRTUAL_ENV", environment.to_str().expect("UTF-8"));
    let manage = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop')\nfrom django.core.management import execute_from_command_line\n";
    fs::write(context.project().join("manage.py"), manage).expect("written");
    let mine = context.root().join("mine/worker");
    place(&mine, &workers::bytes("0.0.143"));
    let settings = context.project().join("shop.py");
    fs::write(&settings, format!("print('noise')\nREPROQ_WORKER_BIN = {:?}\n", mine.display())).expect("written");
    insta::assert_snapshot!(context.shown(&["install"]));
    let quiet = context.succeed(&["which", "-q"]);
    assert_eq!(quiet.stdout.trim_end(), mine.to_str().expect("UTF-8"));
    let ours = context.succeed(&["which", "-q", "--no-django"]);
    assert_eq!(ours.stdout.trim_end(), context.binary().to_str().expect("UTF-8"));
    fs::write(&settings, "import nothing_of_this_name\n").expect("written");
    let broken = context.succeed(&["which"]);
    assert!(broken.stderr.contains("warning: settings.REPROQ_WORKER_BIN is unknown"), "{broken:#?}");
    assert!(broken.stderr.contains("nothing_of_this_name"), "{broken:#?}");
}

#[test]
fn no_candidate_is_ever_started() {
    let mut context = Context::new();
    let directory = context.root().join("trap");
    let mark = context.root().join("started");
    place(&directory.join("reproq"), format!("#!/bin/sh\ntouch {}\n", mark.display()).as_bytes());
    context.set("PATH", directory.to_str().expect("UTF-8"));
    let _ = context.run(&["which"]);
    assert!(!mark.exists());
}

#[test]
fn a_directory_deeper_in_the_project_finds_its_root() {
    let context = Context::released();
    context.succeed(&["install"]);
    let deep = context.project().join("app/migrations");
    fs::create_dir_all(&deep).expect("made");
    let mut command = context.command(&["which", "-q"]);
    command.current_dir(&deep);
    let output = context.output(command);
    assert_eq!(output.stdout.trim_end(), context.binary().to_str().expect("UTF-8"), "{output:#?}");
}

/// A receipt applies only to bytes with its digest.
#[test]
fn a_receipt_speaks_for_its_bytes_alone() {
    let mut context = Context::released();
    context.succeed(&["install"]);
    let claimed = |output: &crate::support::Output| output.stdout.contains("verified as `digest`");
    assert!(claimed(&context.succeed(&["which", "--no-django"])));

    context.set("REPROQ_WORKER_BIN", "/bin/true");
    let output = context.succeed(&["which", "--no-django"]);
    assert!(!claimed(&output), "{output:#?}");
    let document = context.succeed(&["which", "--no-django", "--json"]);
    assert!(!document.stdout.contains("\"installed\""), "{document:#?}");
    record(Part::Machine, "which: another program than the installed worker wins", &context, &output, "the old binary");

    // The receipt applies to the same bytes at another path.
    let copy = context.root().join("copy/reproq");
    place(&copy, &fs::read(context.binary()).expect("installed"));
    context.set("REPROQ_WORKER_BIN", copy.to_str().expect("UTF-8"));
    assert!(claimed(&context.succeed(&["which", "--no-django"])));
    context.set("REPROQ_WORKER_BIN", "");

    let mut bytes = fs::read(context.binary()).expect("installed");
    bytes.push(0);
    fs::write(context.binary(), bytes).expect("changed");
    let output = context.succeed(&["which", "--no-django"]);
    assert!(!claimed(&output) && output.stdout.contains("changed since v0.0.144 was installed"), "{output:#?}");
    record(Part::Machine, "which: the installed worker was changed", &context, &output, "the changed binary");
    fs::remove_dir_all(context.project().join(".reproq/receipts")).expect("removed");
    let output = context.succeed(&["which", "--no-django"]);
    assert!(output.stdout.contains("not installed by this program"), "{output:#?}");
    record(Part::Machine, "which: a worker without a receipt", &context, &output, "that binary");
}

#[test]
fn what_will_run_says_when_it_is_not_known() {
    let mut context = Context::released();
    let manage = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'nowhere')\nfrom django.core.management import execute_from_command_line\n";
    fs::write(context.project().join("manage.py"), manage).expect("written");
    let output = context.succeed(&["install"]);
    let says = ", unless settings.REPROQ_WORKER_BIN selects another binary: ";
    assert!(output.stdout.contains(says), "{output:#?}");
    context.set("REPROQ_WORKER_BIN", "/nowhere/worker");
    let output = context.succeed(&["install", "--force", "--no-django"]);
    assert!(output.stdout.contains("What will run: nothing, because /nowhere/worker does not exist"), "{output:#?}");
}
