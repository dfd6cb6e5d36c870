//! Installing from a release: first install, repeat, repair, other versions, other platforms, other paths.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use fake_github::AssetSpec;
use fake_github::Matcher;
use fake_github::ReleaseSpec;

use crate::support::Context;
use crate::support::context::asset_name;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::samples;
use crate::support::workers;

#[test]
fn a_fresh_install_requests_the_release_and_attestations_and_makes_one_download() {
    let context = Context::released();
    insta::assert_snapshot!(context.shown(&["install"]));
    let requests = context.github.requests();
    let shown: Vec<String> =
        requests.iter().map(|request| format!("{:?} {}", request.origin, request.method)).collect();
    assert_eq!(shown, ["Api GET", "Api GET", "Web GET", "Objects GET"], "{requests:#?}");
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.144"));
    let mode = fs::metadata(context.binary()).expect("installed").permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
    assert!(context.staged().is_empty());
    let ignored = fs::read_to_string(context.project().join(".reproq/.gitignore")).expect("written");
    assert!(ignored.lines().any(|line| line == "*"));
}

#[test]
fn a_second_install_makes_no_request_and_writes_nothing() {
    let context = Context::released();
    context.succeed(&["install"]);
    let before = context.inventory();
    context.github.clear_log();
    insta::assert_snapshot!(context.shown(&["install"]));
    assert_eq!(context.github.requests().len(), 0);
    assert_eq!(context.inventory(), before);
}

#[test]
fn the_json_report_is_one_document() {
    let context = Context::released();
    insta::assert_snapshot!(context.shown(&["install", "--json"]));
    let again = context.succeed(&["install", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&again.stdout).expect("one document");
    assert_eq!(document["schema"], "reproq.install/2");
    assert_eq!(document["change"], "unchanged");
}

#[test]
fn quiet_prints_nothing() {
    let context = Context::released();
    let output = context.succeed(&["install", "-q"]);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
}

#[test]
fn a_changed_binary_is_repaired_with_the_same_release() {
    let context = Context::released();
    context.succeed(&["install"]);
    context.release("v0.0.145");
    let mut bytes = fs::read(context.binary()).expect("installed");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(context.binary(), bytes).expect("written");
    insta::assert_snapshot!(context.shown(&["install"]));
    assert_eq!(fs::read(context.binary()).expect("repaired"), workers::bytes("0.0.144"));
}

#[test]
fn a_change_that_sets_the_clock_back_is_noticed() {
    let context = Context::released();
    context.succeed(&["install"]);
    let binary = context.binary();
    let before = fs::metadata(&binary).expect("installed").modified().expect("a time");
    let mut bytes = fs::read(&binary).expect("installed");
    bytes[1000] ^= 1;
    fs::write(&binary, bytes).expect("written");
    fs::File::options().write(true).open(&binary).expect("open").set_modified(before).expect("set back");
    let output = context.succeed(&["install", "--json"]);
    assert!(output.stdout.contains("\"change\": \"repaired\""), "{output:#?}");
}

#[test]
fn a_removed_binary_is_restored() {
    let context = Context::released();
    context.succeed(&["install"]);
    fs::remove_file(context.binary()).expect("removed");
    insta::assert_snapshot!(context.shown(&["install"]));
}

#[test]
fn a_binary_that_was_not_installed_by_us_is_replaced_and_kept() {
    let context = Context::released();
    fs::create_dir_all(context.binary().parent().expect("a directory")).expect("made");
    fs::write(context.binary(), "placed by hand").expect("written");
    let output = context.succeed(&["install"]);
    assert!(output.stdout.contains("was not installed by this program"), "{output:#?}");
    let kept: Vec<_> = walk(&context.project().join(".reproq/previous"));
    assert_eq!(kept.len(), 1);
    assert_eq!(fs::read_to_string(&kept[0]).expect("kept"), "placed by hand");
}

#[test]
fn another_tag_replaces_the_binary_and_keeps_the_one_before() {
    let context = Context::released();
    context.succeed(&["install"]);
    context.release("v0.0.145");
    let plain = context.succeed(&["install"]);
    assert!(plain.stdout.contains("v0.0.144 is already installed"), "{plain:#?}");
    insta::assert_snapshot!(context.shown(&["install", "--tag", "latest"]));
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.145"));
    let kept = walk(&context.project().join(".reproq/previous"));
    assert_eq!(fs::read(&kept[0]).expect("kept"), workers::bytes("0.0.144"));
    // A bare version means its tag, and an older version may be selected.
    let back = context.succeed(&["install", "--tag", "0.0.144"]);
    assert!(back.stdout.contains("v0.0.145 is installed, but v0.0.144 is requested"), "{back:#?}");
    assert_eq!(walk(&context.project().join(".reproq/receipts")).len(), 4, "current and previous, each with its lock");
}

#[test]
fn requesting_the_newest_release_again_is_one_call() {
    let context = Context::released();
    context.succeed(&["install", "--tag", "latest"]);
    let before = context.inventory();
    context.github.clear_log();
    let output = context.succeed(&["install", "--tag", "latest"]);
    assert!(output.stdout.contains("already installed"), "{output:#?}");
    assert_eq!(context.github.requests().len(), 1);
    let after = context.inventory();
    let kept = |inventory: Vec<(std::path::PathBuf, u64, std::time::SystemTime)>| -> Vec<_> {
        inventory
            .into_iter()
            .filter(|(path, ..)| !path.to_string_lossy().contains("staging") && path.is_file())
            .collect()
    };
    let ours = |inventory| kept(inventory).into_iter().filter(|(path, ..)| !path.ends_with("lock")).collect::<Vec<_>>();
    assert_eq!(ours(after), ours(before));
}

#[test]
fn force_installs_again() {
    let mut context = Context::released();
    context.without_cache().succeed(&["install"]);
    context.github.clear_log();
    let output = context.succeed(&["install", "--force", "--json"]);
    assert!(output.stdout.contains("\"change\": \"installed\""), "{output:#?}");
    assert_eq!(context.github.requests_to(&Matcher::objects()).len(), 1);
}

#[test]
fn archives_are_unpacked_after_they_are_verified() {
    for form in ["tar.gz", "zip"] {
        let context = Context::new();
        let worker = workers::bytes("0.0.144");
        let archive = match form {
            "zip" => samples::zip("reproq", &worker),
            _ => samples::tar_gz("reproq", &worker),
        };
        let name = format!("{}.{form}", asset_name());
        context.repo().add(ReleaseSpec::new("v0.0.144").file(&name, archive));
        let output = context.succeed(&["install", "--json"]);
        assert_eq!(fs::read(context.binary()).expect("installed"), worker, "{form}");
        assert!(output.stdout.contains("\"member\": \"reproq\""), "{output:#?}");
        assert!(context.staged().is_empty());
    }
}

#[test]
fn another_platforms_worker_is_installed_without_being_started() {
    let context = Context::new();
    let worker = workers::bytes_for("0.0.144", "windows-amd64");
    context.repo().add(ReleaseSpec::new("v0.0.144").file("reproq-windows-amd64.exe", worker));
    insta::assert_snapshot!(context.shown(&["install", "--target", "windows-amd64", "--to", "windows/"]));
    assert!(context.project().join("windows/reproq.exe").is_file());
}

#[test]
fn another_platforms_worker_does_not_replace_this_ones() {
    let context = Context::released();
    context.succeed(&["install"]);
    let before = context.inventory();
    let output = context.run(&["install", "--target", "windows-amd64"]);
    assert_eq!(output.code, 2, "{output:#?}");
    assert!(
        output.stderr.contains("`reproq install --target windows-amd64 --to windows-amd64/reproq.exe`"),
        "{output:#?}"
    );
    assert_eq!(context.inventory(), before);
    record(
        Part::Machine,
        "install: for another platform, in the place of this one's",
        &context,
        &output,
        "the old binary",
    );
    context.succeed(&["install", "--target", &workers::host()]);
}

#[test]
fn the_binary_is_placed_at_to() {
    let context = Context::released();
    let place = context.root().join("elsewhere/worker");
    fs::create_dir_all(place.parent().expect("a directory")).expect("made");
    context.succeed(&["install", "--to", place.to_str().expect("UTF-8")]);
    assert_eq!(fs::read(&place).expect("placed"), workers::bytes("0.0.144"));
    assert!(!context.project().join(".reproq").exists());
    context.github.clear_log();
    let again = context.succeed(&["install", "--to", place.to_str().expect("UTF-8")]);
    assert!(again.stdout.contains("already installed"), "{again:#?}");
    assert_eq!(context.github.requests().len(), 0);
}

#[test]
fn a_dry_run_shows_the_plan_and_writes_nothing() {
    let context = Context::released();
    insta::assert_snapshot!(context.shown(&["install", "--dry-run"]));
    assert!(!context.project().join(".reproq").exists());
    assert_eq!(context.github.requests().len(), 2, "the release and its proofs are asked for, nothing is downloaded");
    let pending = context.run(&["install", "--dry-run", "--exit-code"]);
    assert_eq!(pending.code, 3);
    insta::assert_snapshot!(context.shown(&["install", "--dry-run", "--json"]));
    context.succeed(&["install"]);
    let done = context.run(&["install", "--dry-run", "--exit-code"]);
    assert_eq!((done.code, done.stdout.contains("Nothing to do")), (0, true));
}

#[test]
fn a_running_worker_keeps_its_old_file() {
    let context = Context::released();
    context.succeed(&["install"]);
    let mut worker = workers::start(&context.binary(), "worker");
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(worker.stdout.take().expect("piped"));
    std::io::BufRead::read_line(&mut stdout, &mut line).expect("it says hello");
    context.release("v0.0.145");
    context.succeed(&["install", "--tag", "v0.0.145"]);
    assert!(worker.try_wait().expect("watched").is_none(), "the old worker still runs");
    worker.kill().expect("ended");
    worker.wait().expect("ended");
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.145"));
}

#[test]
fn a_link_in_place_is_replaced_and_its_target_left_alone() {
    let context = Context::released();
    let precious = context.root().join("precious");
    fs::write(&precious, "precious").expect("written");
    fs::create_dir_all(context.binary().parent().expect("a directory")).expect("made");
    std::os::unix::fs::symlink(&precious, context.binary()).expect("linked");
    context.succeed(&["install"]);
    assert_eq!(fs::read_to_string(&precious).expect("there"), "precious");
    assert!(fs::symlink_metadata(context.binary()).expect("installed").is_file());
}

#[test]
fn a_directory_in_place_is_refused() {
    let context = Context::released();
    fs::create_dir_all(context.binary().join("mine")).expect("made");
    insta::assert_snapshot!(context.shown(&["install"]));
    assert!(context.binary().join("mine").is_dir());
}

#[test]
fn settings_come_from_pyproject_and_unknown_keys_are_named() {
    let context = Context::new();
    context
        .github
        .repo("acme/worker")
        .add(ReleaseSpec::new("v1.0.0").asset(AssetSpec::new(&asset_name(), workers::bytes("1.0.0"))));
    fs::write(
        context.project().join("pyproject.toml"),
        "[tool.reproq]\nrepository = \"acme/worker\"\ncolour = \"red\"\n",
    )
    .expect("written");
    insta::assert_snapshot!(context.shown(&["install", "--dry-run"]));
}

#[test]
fn a_mistyped_setting_is_refused_even_if_quiet() {
    let context = Context::released();
    let settings = context.project().join("pyproject.toml");
    for (name, text, says) in [
        (
            "settings: `required` for `require`",
            "required = \"attested\"",
            "`required`, which does not exist; did you mean `require`?",
        ),
        ("settings: `protect` outside of its table", "protect = [\"v1.*\"]", "did you mean `release.protect`?"),
    ] {
        fs::write(&settings, format!("[tool.reproq]\n{text}\n")).expect("written");
        let output = context.run(&["install", "-q"]);
        assert!(output.code == 2 && output.stderr.contains(says), "{output:#?}");
        record(Part::Machine, name, &context, &output, "no binary");
    }
    fs::remove_file(&settings).expect("removed");
    assert!(!context.binary().exists());
}

#[test]
fn a_boolean_variable_that_cannot_be_read_is_refused() {
    let mut context = Context::released();
    for variable in ["REPROQ_OFFLINE", "CI"] {
        context.set(variable, "maybe");
        let output = context.run(&["install", "-q"]);
        assert!(output.code == 2 && output.stderr.contains(variable), "{output:#?}");
        record(Part::Machine, &format!("variables: {variable}=maybe"), &context, &output, "no binary");
        context.set(variable, "");
    }
    assert!(context.github.requests().is_empty());
}

#[test]
fn a_lockfile_and_settings_apply_in_every_directory_below_them() {
    let context = Context::released();
    context.succeed(&["install"]);
    context.release("v0.0.145");
    let below = context.project().join("docs/guide");
    fs::create_dir_all(&below).expect("made");
    fs::create_dir(context.project().join(".git")).expect("made");
    // A prune in that directory left audit files, which do not make it a project.
    fs::create_dir_all(below.join(".reproq/audit")).expect("made");
    fs::remove_dir_all(context.project().join(".reproq")).expect("removed");
    let run = |arguments: &[&str]| {
        let mut command = context.command(arguments);
        command.current_dir(&below);
        context.output(command)
    };
    let output = run(&["install"]);
    assert!(output.code == 0 && context.binary().exists(), "{output:#?}");
    assert!(output.stdout.contains("v0.0.144") && output.stderr.contains("(it contains reproq.lock)"), "{output:#?}");
    record(
        Part::Machine,
        "project: a directory below the one with reproq.lock",
        &context,
        &output,
        "the locked binary",
    );
    fs::write(context.project().join("pyproject.toml"), "[tool]\nreproq = { require = \"attested\" }\n")
        .expect("written");
    fs::remove_file(context.lockfile()).expect("removed");
    fs::remove_dir_all(context.project().join(".reproq")).expect("removed");
    let output = run(&["install"]);
    assert_eq!(output.code, 5, "{output:#?}");
    record(Part::Machine, "project: settings in an inline table of a directory above", &context, &output, "no binary");
}

fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(directory) else { return files };
    for entry in entries.flatten() {
        if entry.file_type().expect("a type").is_dir() {
            files.extend(walk(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}
