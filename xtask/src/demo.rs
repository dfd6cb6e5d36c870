//! `cargo xtask demo`: the real program against a release host on this machine, for a newcomer to watch. Fails if any step
//! does not do what it should.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;
use fake_github::FakeGitHub;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;

use crate::cargo;
use crate::run as run_command;
use crate::toolchain;

const REPOSITORY: &str = "adpena/reproq-worker";

/// One demonstration: a folder, a release host, the program.
struct Demo {
    program: PathBuf,
    go: PathBuf,
    folder: tempfile::TempDir,
    github: FakeGitHub,
}

/// Runs the demonstration.
pub fn run(root: &Path) -> anyhow::Result<()> {
    println!("Building the program and three releases of a sample worker …");
    run_command(&mut cargo(&["build", "--quiet"]))?;
    let demo = Demo::prepare(root)?;
    println!("A release host listens at {}; the project is an empty folder.", demo.github.web_url());

    demo.scene("Nothing is installed yet", &["which"], 4, &["no worker was found", "reproq install"])?;
    demo.scene(
        "Install: found, downloaded, verified, tried, placed",
        &["install"],
        0,
        &["Installed v0.0.144", "digest"],
    )?;
    let requests = demo.github.requests().len();
    println!("   ({requests} requests: the release, who signed for the asset, the asset, its redirect)");
    ensure!(requests == 4, "an installation takes four requests, it took {requests}");
    demo.github.clear_log();
    demo.scene("Again: nothing to do, and nobody is asked", &["install"], 0, &["already installed"])?;
    ensure!(demo.github.requests().is_empty(), "a second installation asks nobody");
    demo.scene("Which worker will run, and why", &["which"], 0, &["this one runs", "v0.0.144"])?;
    demo.scene("An older release", &["install", "--tag", "v0.0.143"], 0, &["Installed v0.0.143"])?;

    let other = vec![b'x'; demo.worker_size("v0.0.142")?];
    demo.github.fault(Matcher::objects(), Fault::ChangedBytes(other.into()));
    let before = fs::read(demo.binary())?;
    demo.scene(
        "Somebody changes the bytes on the way: refused, and no build in their place",
        &["install", "--tag", "v0.0.142"],
        5,
        &["was not accepted", "GitHub's asset digest states"],
    )?;
    ensure!(fs::read(demo.binary())? == before, "the installed binary must be untouched");

    fs::remove_dir_all(demo.project().join(".reproq"))?;
    demo.scene(
        "The locked release, without a network: from the cache",
        &["install", "--locked", "--offline"],
        0,
        &["Installed v0.0.143", "equals the digest in reproq.lock"],
    )?;
    demo.scene(
        "A mirror of your own: every release, in a folder any web server can serve",
        &["mirror", "sync", "../mirror"],
        0,
        &["has 3 releases", "v0.0.142  added"],
    )?;
    demo.scene(
        "Installed from it, without a network",
        &["install", "--mirror", "../mirror", "--tag", "v0.0.144", "--offline"],
        0,
        &["Installed v0.0.144", "the mirror's index agrees"],
    )?;
    fs::remove_dir_all(demo.project().join(".reproq"))?;
    fs::remove_file(demo.project().join("reproq.lock"))?;
    demo.scene(
        "A machine without a network builds from the checkout beside the project",
        &["install", "--offline"],
        0,
        &["built here from a checkout"],
    )?;
    println!("\nEverything did what it should.");
    Ok(())
}

impl Demo {
    fn prepare(root: &Path) -> anyhow::Result<Self> {
        let go = toolchain::go(root)?;
        let folder = tempfile::tempdir()?;
        let fixture = root.join("tests/fixtures/reproq-worker");
        let github = FakeGitHub::start();
        let target = host();
        for (version, day) in [("0.0.142", 1), ("0.0.143", 2), ("0.0.144", 3)] {
            let file = folder.path().join(version);
            toolchain::build_worker(&go, &fixture, version, &target, &file)?;
            let release = ReleaseSpec::new(&format!("v{version}"))
                .published_at(&format!("2026-11-0{day}T12:00:00Z"))
                .file(&format!("reproq-{target}"), fs::read(&file)?);
            github.repo(REPOSITORY).add(release);
        }
        let demo = Self { program: root.join("target/debug/reproq"), go, folder, github };
        fs::create_dir_all(demo.project())?;
        copy_folder(&fixture, &demo.folder.path().join("work/reproq-worker"))?;
        Ok(demo)
    }

    fn project(&self) -> PathBuf {
        self.folder.path().join("work/project")
    }

    fn binary(&self) -> PathBuf {
        self.project().join(".reproq/bin/reproq")
    }

    fn worker_size(&self, tag: &str) -> anyhow::Result<usize> {
        Ok(fs::metadata(self.folder.path().join(tag.trim_start_matches('v')))?.len().try_into()?)
    }

    /// Shows one command with all it says, and checks that.
    fn scene(&self, title: &str, arguments: &[&str], code: i32, says: &[&str]) -> anyhow::Result<()> {
        println!("\n── {title}\n$ reproq {}", arguments.join(" "));
        let go = self.go.parent().context("go lies in a folder")?;
        let output = Command::new(&self.program)
            .args(arguments)
            .current_dir(self.project())
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", go.display()))
            .env("HOME", self.folder.path())
            .env("GITHUB_API_URL", self.github.api_url())
            .env("GITHUB_SERVER_URL", self.github.web_url())
            .output()?;
        let text = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        print!("{}", text.lines().map(|line| format!("   {line}\n")).collect::<String>());
        if output.status.code() != Some(code) {
            bail!("`reproq {}` should exit with {code}, and exited with {}", arguments.join(" "), output.status);
        }
        for part in says {
            ensure!(text.contains(part), "`reproq {}` should say `{part}`", arguments.join(" "));
        }
        Ok(())
    }
}

/// This machine, as asset names have it.
pub fn host() -> String {
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    format!("{os}-{arch}")
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
