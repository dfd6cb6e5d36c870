//! The action's get.sh, run as on a runner: what it downloads, caches, refuses and builds.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::loopback::Answer;
use crate::loopback::Server;
use crate::loopback::hex;

const SCRIPT: &str = include_str!("../../../packaging/action/get.sh");
const NAME: &str = "reproq-cli-linux-amd64-musl";
/// Records its arguments; `verify` succeeds.
const PROGRAM: &[u8] = b"#!/bin/sh\nprintf '%s\\n' \"$*\" >> \"$RUNNER_TEMP/started\"\n";

struct Runner {
    directory: TempDir,
    server: Server,
}

struct Run {
    success: bool,
    shown: String,
    /// The output `path` of the step.
    path: Option<PathBuf>,
    built: bool,
}

impl Runner {
    /// A runner whose action names a release that exists on the server.
    fn new(program: &[u8]) -> Self {
        let runner = Self { directory: tempfile::tempdir().expect("a directory"), server: Server::start() };
        for name in ["action/packaging/action", "temp", "tools", "checkout", "bin"] {
            fs::create_dir_all(runner.at(name)).expect("made");
        }
        runner.write("action/packaging/action/get.sh", SCRIPT.as_bytes(), 0o755);
        runner.table(&format!("version 1.2.3\n{}  {NAME}\n", hex(program)));
        runner.write("bin/cargo", b"#!/bin/sh\ntouch \"$RUNNER_TEMP/built\"\n", 0o755);
        runner.server.serve(&format!("/v1.2.3/{NAME}"), Answer::ok(program));
        runner.server.serve(&format!("/v1.2.3/{NAME}.sigstore.json"), Answer::ok(b"{}"));
        runner
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8], mode: u32) {
        fs::write(self.at(name), bytes).expect("written");
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(mode)).expect("changed");
    }

    fn table(&self, text: &str) {
        self.write("action/packaging/action/digests.txt", text.as_bytes(), 0o644);
    }

    fn run(&self) -> Run {
        self.run_on("X64")
    }

    fn run_on(&self, arch: &str) -> Run {
        let _ = fs::remove_file(self.at("output"));
        let _ = fs::remove_file(self.at("temp/built"));
        let output = Command::new("bash")
            .args(["--noprofile", "--norc"])
            .arg(self.at("action/packaging/action/get.sh"))
            .current_dir(self.at("checkout"))
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.at("bin").display()))
            .env("RUNNER_OS", "Linux")
            .env("RUNNER_ARCH", arch)
            .env("RUNNER_TEMP", self.at("temp"))
            .env("RUNNER_TOOL_CACHE", self.at("tools"))
            .env("GITHUB_ACTION_PATH", self.at("action"))
            .env("GITHUB_OUTPUT", self.at("output"))
            .env("REPROQ_DOWNLOAD_URL", self.server.url())
            .output()
            .expect("bash starts");
        let outputs = fs::read_to_string(self.at("output")).unwrap_or_default();
        let shown = [output.stdout, output.stderr].concat();
        Run {
            success: output.status.success(),
            shown: String::from_utf8_lossy(&shown).into_owned(),
            path: outputs.trim().strip_prefix("path=").map(PathBuf::from),
            built: self.at("temp/built").exists(),
        }
    }

    fn kept(&self) -> PathBuf {
        self.at("tools/reproq/1.2.3/linux-amd64-musl/reproq")
    }

    fn assert_refused(&self, run: &Run, expected: &str) {
        assert!(!run.success && !run.built && run.path.is_none(), "{}", run.shown);
        assert!(run.shown.contains("::error::") && run.shown.contains(expected), "{}", run.shown);
        assert!(!self.kept().exists(), "{}", run.shown);
    }
}

fn started(runner: &Runner) -> String {
    fs::read_to_string(runner.at("temp/started")).unwrap_or_default()
}

#[test]
fn the_released_program_is_verified_and_kept() {
    let runner = Runner::new(PROGRAM);
    let run = runner.run();
    assert!(run.success && !run.built, "{}", run.shown);
    assert_eq!(run.path.as_deref(), Some(runner.kept().as_path()));
    assert_eq!(fs::read(runner.kept()).expect("kept"), PROGRAM);
    assert_eq!(fs::metadata(runner.kept()).expect("kept").permissions().mode() & 0o777, 0o755);
    let verified =
        "--kind build --repo adpena/reproq --tag v1.2.3 --require-tag-ref --asset reproq-cli-linux-amd64-musl";
    assert!(started(&runner).contains(verified), "{}", started(&runner));

    let requests = runner.server.requests().len();
    let again = runner.run();
    assert_eq!(again.path, run.path, "{}", again.shown);
    assert_eq!(runner.server.requests().len(), requests, "the second use makes no request");
}

#[test]
fn a_program_in_the_tool_cache_that_was_changed_is_not_used() {
    let runner = Runner::new(PROGRAM);
    runner.run();
    fs::write(runner.kept(), "#!/bin/sh\ntouch \"$RUNNER_TEMP/hostile\"\n").expect("written");
    let run = runner.run();
    assert!(run.success && !run.built, "{}", run.shown);
    assert_eq!(fs::read(runner.kept()).expect("kept"), PROGRAM);
    assert!(!runner.at("temp/hostile").exists());
}

#[test]
fn bytes_that_differ_from_the_release_fail_the_job_without_a_build() {
    let runner = Runner::new(PROGRAM);
    let hostile = b"#!/bin/sh\ntouch \"$RUNNER_TEMP/hostile\"\n";
    runner.server.serve(&format!("/v1.2.3/{NAME}"), Answer::ok(hostile));
    runner.assert_refused(&runner.run(), "the digest of ");
    assert!(!runner.at("temp/hostile").exists());
}

#[test]
fn a_missing_or_wrong_attestation_fails_the_job() {
    let runner = Runner::new(PROGRAM);
    let missing = Answer { status: 404, body: Vec::new(), sent: 0 };
    runner.server.serve(&format!("/v1.2.3/{NAME}.sigstore.json"), missing);
    runner.assert_refused(&runner.run(), "cannot be downloaded");

    let refuses = b"#!/bin/sh\nexit 5\n";
    let runner = Runner::new(refuses);
    runner.assert_refused(&runner.run(), "could not be verified");
}

#[test]
fn without_a_release_for_the_runner_it_builds() {
    let runner = Runner::new(PROGRAM);
    assert!(runner.run_on("RISCV64").built, "an architecture without a release");
    assert!(runner.run_on("ARM64").built, "a platform that the table does not name");
    runner.server.serve(&format!("/v1.2.3/{NAME}"), Answer { status: 404, body: Vec::new(), sent: 0 });
    assert!(runner.run().built, "a release that was deleted");
    runner.table("# no release yet\n");
    let run = runner.run();
    assert!(run.success && run.built, "{}", run.shown);
    assert_eq!(run.path.as_deref(), Some(Path::new(&runner.at("temp/reproq/bin/reproq"))));
}
