//! File systems inside the store: volumes mounted at its directories, and mounted files.

use std::fs;
use std::path::Path;

use super::INSTALL;
use super::NEW;
use super::OLD;
use super::files;
use super::project;
use super::volume::Volume;
use super::volume::bound;
use crate::support::Context;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::fault_table::skipped;
use crate::support::workers;

const NO_MOUNT: &str = "run as root, or where user namespaces may mount a file system";

/// The names of all unfinished files.
fn unfinished(root: &Path) -> Vec<String> {
    let names = files(root).into_keys().map(|path| path.to_string_lossy().into_owned());
    names.filter(|name| name.contains(".reproq-new") || name.contains("staging/")).collect()
}

#[test]
fn a_directory_of_the_store_may_be_a_volume() {
    for directory in ["bin", "previous", "receipts", "staging"] {
        let name = format!("volume: at `.reproq/{directory}`");
        let context = project();
        let path = context.project().join(".reproq").join(directory);
        fs::create_dir_all(&path).expect("made");
        let Some(volume) = Volume::mount(&path, "size=32m,mode=755") else {
            skipped(Part::Machine, &name, NO_MOUNT);
            continue;
        };
        let run = |arguments: &[&str]| {
            let there = context.project();
            let arguments = [&["-C", there.to_str().expect("UTF-8")], arguments].concat();
            let output = context.output(volume.command(&context, &arguments));
            assert_eq!(output.code, 0, "{name}: {arguments:?}: {output:#?}");
            output
        };
        // The volume hides the directory's previous content.
        run(&["install", "--tag", "v0.0.144"]);
        context.release("v0.0.145");
        let output = run(&["install", "--tag", "v0.0.145"]);
        let inside = |path: &str| volume.path().join("../..").join(path);
        assert_eq!(fs::read(inside(".reproq/bin/reproq")).expect("there"), workers::bytes("0.0.145"), "{name}");
        run(&["verify"]);
        let doctor = run(&["doctor", "--no-django"]);
        let finding = format!(".reproq/{directory} is on another file system than the project");
        assert!(doctor.stdout.contains(&finding) && !doctor.stdout.contains("No problems."), "{doctor:#?}");
        run(&["rollback"]);
        assert_eq!(fs::read(inside(".reproq/bin/reproq")).expect("there"), workers::bytes(NEW), "{name}");
        run(&["verify"]);
        assert_eq!(unfinished(&inside(".reproq")), Vec::<String>::new(), "{name}");
        record(Part::Machine, &name, &context, &output, "the new binary, the old one kept, nothing in staging");
    }
}

/// A directory that is bind-mounted onto itself is one file system with two mounts, and rename does not cross mounts.
#[test]
fn a_directory_of_the_store_may_be_a_bind_mount() {
    let name = "bind mount: `.reproq/bin`";
    let context = project();
    let bin = context.project().join(".reproq/bin");
    let Some(command) = bound(&context, &bin, &bin, INSTALL) else { return skipped(Part::Machine, name, NO_MOUNT) };
    let output = context.output(command);
    assert_eq!(output.code, 0, "{output:#?}");
    super::whole(&context);
    record(Part::Machine, name, &context, &output, "the new binary, nothing in staging");
}

/// A mounted file cannot be replaced; its directory can be mounted instead.
#[test]
fn a_file_that_is_mounted_by_itself() {
    for (name, file) in
        [("bind mount: the binary alone", ".reproq/bin/reproq"), ("bind mount: reproq.lock alone", "reproq.lock")]
    {
        let context = project();
        let path = context.project().join(file);
        let elsewhere = context.root().join("mounted");
        fs::copy(&path, &elsewhere).expect("copied");
        let before = files(&context.project());
        let Some(command) = bound(&context, &elsewhere, &path, INSTALL) else {
            skipped(Part::Machine, name, NO_MOUNT);
            continue;
        };
        let output = context.output(command);
        assert_eq!(output.code, 1, "{name}: {output:#?}");
        assert!(output.stderr.contains("mount `"), "{name}: {output:#?}");
        let kept = |path: &&std::path::PathBuf| path.ends_with("reproq.lock") || path.ends_with("bin/reproq");
        let after = files(&context.project());
        for path in before.keys().filter(kept) {
            assert_eq!(after.get(path), before.get(path), "{name}: {}", path.display());
        }
        assert_eq!(unfinished(&context.project()), Vec::<String>::new(), "{name}");
        record(Part::Machine, name, &context, &output, "the old binary and the old reproq.lock");
        super::recovers(&context, INSTALL);
    }
}

/// Unfinished files of a killed process next to the target are removed by the next command, even if it has nothing else to do.
#[test]
fn unfinished_files_next_to_their_target_are_removed() {
    let context = Context::new();
    context.release(&format!("v{OLD}"));
    context.succeed(&["install"]);
    let home = context.project().join(".reproq");
    for directory in ["", "bin", "receipts", "staging"] {
        fs::write(home.join(directory).join(".reproq-new"), "half").expect("written");
        let output = context.succeed(&["install"]);
        assert!(output.stdout.contains("already installed"), "{output:#?}");
        assert_eq!(unfinished(&home), Vec::<String>::new(), "{directory}");
    }
    crate::support::store::assert_tidy(&context, OLD, "cleared");
}
