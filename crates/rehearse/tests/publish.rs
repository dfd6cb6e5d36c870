//! `packaging/release/publish.py` against a GitHub on loopback: what it uploads, keeps, repeats and refuses.
#![expect(clippy::disallowed_methods, reason = "a script is run and files are created here")]

#[path = "../../../tests/suite/support/skip.rs"]
mod skip;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use fake_github::AssetSpec;
use fake_github::Digest;
use fake_github::FakeGitHub;
use fake_github::Fault;
use fake_github::GitHub;
use fake_github::Matcher;
use fake_github::ReleaseSpec;
use fake_github::RetryAfter;
use fake_github::Snapshot;
use fake_github::TagSpec;
use fake_github::TokenKind;
use sha2::Digest as _;
use sha2::Sha256;
use tempfile::TempDir;

const REPOSITORY: &str = "acme/tool";
const TAG: &str = "v1.2.3";
const FILES: [&str; 3] = ["install.sh", "tool-linux-amd64", "tool.cdx.json"];

struct World {
    github: FakeGitHub,
    directory: TempDir,
}

struct Run {
    success: bool,
    shown: String,
}

impl World {
    /// A tag without a release, and a directory with three files, SHA256SUMS and the attestations. `None` without Python.
    fn new() -> Option<Self> {
        let python = Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !python.is_ok_and(|status| status.success()) {
            skip::record("publishing a release", "install Python 3");
            return None;
        }
        let github = FakeGitHub::start();
        github.token("writer", TokenKind::Write);
        github.token("reader", TokenKind::Read);
        github.repo(REPOSITORY).add_tag(TagSpec::new(TAG));
        let directory = tempfile::Builder::new().prefix("reproq-publish-").tempdir().expect("a directory");
        let world = Self { github, directory };
        let mut sums = String::new();
        for name in FILES {
            world.write(name, name.as_bytes());
            world.write(&format!("{name}.sigstore.json"), b"{}");
            let digest: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
            sums.push_str(&format!("{digest}  {name}\n"));
        }
        world.write("SHA256SUMS", sums.as_bytes());
        world.write("SHA256SUMS.sigstore.json", b"{}");
        Some(world)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.at(name), bytes).expect("written");
    }

    fn run(&self) -> Run {
        self.run_as("writer")
    }

    fn run_as(&self, token: &str) -> Run {
        let output = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/release/publish.py"))
            .arg(self.directory.path())
            .env("GITHUB_API_URL", self.github.api_url())
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("GH_TOKEN", token)
            .env("TAG", TAG)
            .env("no_proxy", "127.0.0.1")
            .stdin(Stdio::null())
            .output()
            .expect("Python starts");
        let shown = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Run { success: output.status.success(), shown }
    }

    fn snapshot(&self) -> Snapshot {
        self.github.snapshot(REPOSITORY)
    }

    fn assert_published(&self, run: &Run) {
        assert!(run.success, "{}", run.shown);
        let after = self.snapshot();
        assert_eq!((after.published(), after.drafts()), (vec![TAG], Vec::new()), "{}", run.shown);
        let mut assets = after.releases[0].assets.clone();
        assets.sort();
        let mut files: Vec<String> = fs::read_dir(self.directory.path())
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect();
        files.sort();
        assert_eq!(assets, files);
        for name in &files {
            let state = self.stated(name);
            let digest: String =
                Sha256::digest(fs::read(self.at(name)).expect("read")).iter().map(|b| format!("{b:02x}")).collect();
            assert!(state.contains(&digest), "{name}: {state}");
        }
    }

    /// What the release's listing states about an asset, from the last one that was requested.
    fn stated(&self, name: &str) -> String {
        let url = format!("{}/repos/{REPOSITORY}/releases/tags/{TAG}", self.github.api_url());
        let output = Command::new("curl").args(["-s", "--noproxy", "*", &url]).output().expect("curl starts");
        let release: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let assets = release["assets"].as_array().expect("assets");
        assets.iter().find(|asset| asset["name"] == name).expect("the asset").to_string()
    }

    fn assert_refused(&self, run: &Run, expected: &str) {
        assert!(!run.success && run.shown.contains("::error::"), "{}", run.shown);
        assert!(run.shown.contains(expected), "no `{expected}` in: {}", run.shown);
        assert!(self.snapshot().published().is_empty(), "{}", run.shown);
    }
}

fn uploads() -> Matcher {
    Matcher::api().method("POST").path("/uploads/")
}

#[test]
fn files_are_published_together_and_only_once() {
    let Some(world) = World::new() else { return };
    // Nothing can be downloaded while files are still missing.
    let (before, page) = (world.github.handle(), format!("/releases/tags/{TAG}"));
    world
        .github
        .before(uploads().nth(8), move |_| assert!(before.snapshot(REPOSITORY).published().is_empty(), "{page}"));
    world.assert_published(&world.run());
    assert_eq!(world.github.requests_to(&uploads().always()).len(), 8);
    let changes = world.github.mutations();
    let again = world.run();
    assert!(again.success && again.shown.contains("already published"), "{}", again.shown);
    assert_eq!(world.github.mutations(), changes);
}

#[test]
fn an_interrupted_upload_is_replaced_within_a_run() {
    let Some(world) = World::new() else { return };
    world.github.before(uploads().nth(2), |github| {
        let draft = github.snapshot(REPOSITORY).releases[0].id;
        github.repo(REPOSITORY).add_asset(draft, AssetSpec::starter("SHA256SUMS.sigstore.json"));
    });
    world.github.fault(uploads().nth(2), Fault::status(502));
    world.github.fault(uploads().nth(4), Fault::TruncateAfterProcessing);
    let run = world.run();
    world.assert_published(&run);
    assert!(run.shown.contains("its upload was not finished (state `starter`)"), "{}", run.shown);
    // Eight files and the one that failed; the one whose response was lost had arrived.
    assert_eq!(world.github.requests_to(&uploads().always()).len(), 9, "{}", run.shown);
}

#[test]
fn a_digest_that_is_stated_late_is_waited_for_and_a_wrong_one_is_refused() {
    let Some(world) = World::new() else { return };
    let listing = || Matcher::api().method("GET").path("/assets?per_page");
    let state = |digest: Digest| move |github: &GitHub| github.repo(REPOSITORY).state_digest(TAG, "install.sh", digest);
    world.github.before(listing().nth(2), state(Digest::Absent));
    world.github.before(listing().nth(3), state(Digest::Right));
    let run = world.run();
    world.assert_published(&run);
    assert_eq!(world.github.requests_to(&uploads().always()).len(), 8, "{}", run.shown);

    let Some(world) = World::new() else { return };
    for listed in 2..=5 {
        world.github.before(listing().nth(listed), state(Digest::Wrong("sha256:00".to_owned())));
    }
    world.assert_refused(&world.run(), "GitHub states the digest sha256:00");
    assert_eq!(world.snapshot().drafts(), [TAG]);
}

#[test]
fn the_draft_of_an_earlier_run_is_finished() {
    let Some(world) = World::new() else { return };
    let draft = ReleaseSpec::new(TAG)
        .draft()
        .asset(AssetSpec::starter("install.sh"))
        .file("tool.cdx.json", b"tool.cdx.json".to_vec())
        .file("tool.cdx.json.sigstore.json", b"{\"of\":\"the earlier run\"}".to_vec());
    let id = world.github.repo(REPOSITORY).add(draft);
    world.assert_published(&world.run());
    assert_eq!(world.snapshot().releases[0].id, id);
    assert_eq!(world.github.requests_to(&uploads().always()).len(), 7, "the file that is there is not uploaded again");
}

#[test]
fn a_lost_response_to_publishing_is_no_failure_and_limits_are_waited_for() {
    let Some(world) = World::new() else { return };
    world.github.fault(Matcher::api().method("PATCH"), Fault::TruncateAfterProcessing);
    let limit = Fault::RateLimitSecondary { status: 403, retry_after: RetryAfter::Seconds(1) };
    world.github.fault(uploads().nth(3), limit);
    let run = world.run();
    world.assert_published(&run);
    assert!(run.shown.contains("wait 1 seconds"), "{}", run.shown);
}

#[test]
fn a_directory_that_is_not_what_was_attested_is_refused_before_a_request() {
    for (name, bytes, expected) in [
        ("install.sh", Some("other"), "but SHA256SUMS states"),
        ("install.sh", None, "which SHA256SUMS lists"),
        ("install.sh.sigstore.json", None, "has no attestation"),
        ("SHA256SUMS.sigstore.json", None, "has no attestation"),
        ("SHA256SUMS", None, "has no SHA256SUMS"),
        ("extra", Some("x"), "does not list extra"),
        ("tool.cdx.json", Some(""), "is empty"),
    ] {
        let Some(world) = World::new() else { return };
        match bytes {
            Some(bytes) => world.write(name, bytes.as_bytes()),
            None => fs::remove_file(world.at(name)).expect("removed"),
        }
        world.assert_refused(&world.run(), expected);
        assert!(world.github.requests().is_empty(), "{expected}");
    }
}

#[test]
fn a_repository_that_is_not_ready_is_refused() {
    let Some(world) = World::new() else { return };
    world.assert_refused(&world.run_as("reader"), "403");
    world.github.repo(REPOSITORY).delete_tag(TAG);
    world.assert_refused(&world.run(), "the tag v1.2.3 does not exist");

    let Some(world) = World::new() else { return };
    world.github.repo(REPOSITORY).add(ReleaseSpec::new(TAG).draft().file("notes.pdf", b"x".to_vec()));
    world.assert_refused(&world.run(), "notes.pdf, which this build did not make");
    assert_eq!(world.snapshot().releases[0].assets, ["notes.pdf"], "somebody else's file is not deleted");
    world.github.repo(REPOSITORY).add(ReleaseSpec::new(TAG).draft());
    world.assert_refused(&world.run(), "has 2 drafts");
}

#[test]
fn another_published_release_of_the_tag_is_not_changed() {
    let Some(world) = World::new() else { return };
    world.github.repo(REPOSITORY).add(ReleaseSpec::new(TAG).file("install.sh", b"older".to_vec()));
    let run = world.run();
    assert!(!run.success && run.shown.contains("published with other files"), "{}", run.shown);
    assert_eq!(world.github.mutations(), 0);

    let Some(world) = World::new() else { return };
    world.assert_published(&world.run());
    world.github.repo(REPOSITORY).replace_bytes(TAG, "install.sh", b"other bytes".to_vec());
    let run = world.run();
    assert!(!run.success && run.shown.contains("Publish the next version instead"), "{}", run.shown);
}
