//! Runs the scripts of `action.yml` as a runner does, with a stub for cargo and for the program it builds.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// The scripts of the action's steps, in their order.
fn scripts() -> Vec<String> {
    let mut scripts: Vec<String> = Vec::new();
    let mut is_script = false;
    for line in action().lines() {
        match line.strip_prefix("        ") {
            _ if line.starts_with("      run: |") => {
                is_script = true;
                scripts.push(String::new());
            }
            Some(text) if is_script => scripts.last_mut().expect("one").extend([text, "\n"]),
            _ => is_script = false,
        }
    }
    scripts
}

fn action() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).expect("action.yml")
}

/// A runner: a checkout, a directory for temporary files, and programs that record how they were started.
struct Runner {
    directory: TempDir,
}

impl Runner {
    fn new() -> Self {
        let runner = Self { directory: tempfile::tempdir().expect("a directory") };
        for name in ["checkout", "temp/reproq/bin", "action/packaging/action", "bin"] {
            fs::create_dir_all(runner.at(name)).expect("made");
        }
        for name in ["get.sh", "digests.txt"] {
            let file = Path::new("packaging/action").join(name);
            fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file), runner.at("action").join(&file))
                .expect("copied");
        }
        fs::write(runner.at("checkout/rust-toolchain.toml"), "[toolchain]\npath = \"hostile\"\n").expect("written");
        for name in ["bin/cargo", "temp/reproq/bin/reproq"] {
            let log = runner.at("log");
            let script = format!("#!/bin/sh\n{{ pwd -P; printf '%s\\n' \"$@\"; }} > '{}'\n", log.display());
            fs::write(runner.at(name), script).expect("written");
            fs::set_permissions(runner.at(name), fs::Permissions::from_mode(0o755)).expect("executable");
        }
        runner
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a script as the runner does and returns what the started program recorded: its directory and arguments.
    fn run(&self, script: &str, inputs: &[(&str, &str)]) -> (bool, Vec<String>) {
        let output = Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(self.at("checkout"))
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.at("bin").display()))
            .env("RUNNER_TEMP", self.at("temp"))
            .env("GITHUB_OUTPUT", self.at("output"))
            .env("PROGRAM", self.at("temp/reproq/bin/reproq"))
            .env("GITHUB_ACTION_PATH", self.at("action"))
            .envs(inputs.iter().copied())
            .output()
            .expect("bash starts");
        let log = fs::read_to_string(self.at("log")).unwrap_or_default();
        (output.status.success(), log.lines().map(str::to_owned).collect())
    }
}

#[test]
fn a_toolchain_file_in_the_checkout_does_not_choose_the_compiler() {
    let runner = Runner::new();
    let (ok, log) = runner.run(&scripts()[0], &[]);
    assert!(ok, "{log:?}");
    let real = |name: &str| fs::canonicalize(runner.at(name)).expect("there");
    assert!(!Path::new(&log[0]).starts_with(real("checkout")), "cargo is started in the checkout: {log:?}");
    let action = runner.at("action").display().to_string();
    assert!(log.contains(&"--locked".to_owned()) && log.contains(&action), "{log:?}");
    let output = fs::read_to_string(runner.at("output")).expect("the step's outputs");
    assert_eq!(output.trim_end(), format!("path={}", runner.at("temp/reproq/bin/reproq").display()));
}

#[test]
fn paths_inside_a_container_are_used() {
    assert!(!action().contains("github.action_path") && !action().contains("runner.temp"), "wrong in container jobs");
}

#[test]
fn every_command_of_the_action_runs_the_programs_command() {
    let runner = Runner::new();
    let inputs = [("KEEP", "3"), ("MAX_DELETE", "10"), ("REPOSITORY", "acme/shop")];
    for (command, more, expected) in [
        ("prune", ("ALLOW_IMMUTABLE", "false"), "release prune --repo acme/shop --keep 3 --max-delete 10"),
        (
            "prune",
            ("ALLOW_IMMUTABLE", "true"),
            "release prune --repo acme/shop --keep 3 --max-delete 10 --allow-immutable",
        ),
        ("check", ("REQUIRE_ATTESTED", "true"), "release check --repo acme/shop --require-attested"),
        ("install", ("ALLOW_IMMUTABLE", ""), "install"),
    ] {
        let (ok, log) = runner.run(&scripts()[1], &[&inputs[..], &[("COMMAND", command), more]].concat());
        assert!(ok && log[1..].join(" ") == expected, "{log:?}");
    }
    assert!(!runner.run(&scripts()[1], &[("COMMAND", "delete everything")]).0);
}

/// An output of the action that the program does not set would be empty in every job.
#[test]
fn every_output_of_the_action_is_set_by_prune() {
    const OUTPUTS: &str =
        "tests/suite/snapshots/suite__release_prune__the_document_the_summary_and_the_outputs_of_a_job-3.snap";
    let set = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(OUTPUTS)).expect("the snapshot");
    let action = action();
    let outputs: Vec<&str> = action.split("steps.run.outputs.").skip(1).collect();
    assert!(outputs.len() > 3);
    for output in outputs {
        let name = output.split(' ').next().expect("a name");
        assert!(set.lines().any(|line| line.starts_with(&format!("{name}="))), "`{name}` is not set");
    }
}
