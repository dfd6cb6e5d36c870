//! The demonstration that `cargo xtask demo` builds and starts: the real program against a release host on this machine, for
//! a newcomer to watch. Fails if any step does not do what it should.
#![expect(clippy::disallowed_methods, reason = "programs are run and files are made here")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for people at a terminal")]

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;
use fake_github::FakeGitHub;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;
use fake_github::TokenKind;
use xtask::host;
use xtask::toolchain;

const REPOSITORY: &str = "adpena/reproq-worker";

/// A repository whose releases are pruned, and a token that may delete them.
const LARGE: &str = "acme/shop";
const TOKEN: &str = "ghp_token_of_the_demonstration";

/// One demonstration: a directory, a release host, the program.
struct Demo {
    program: PathBuf,
    go: PathBuf,
    directory: tempfile::TempDir,
    github: FakeGitHub,
}

fn main() -> ExitCode {
    match run(&xtask::root()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(root: &Path) -> anyhow::Result<()> {
    println!("Building three releases of a sample worker …");
    let demo = Demo::prepare(root)?;
    println!("A release host listens at {}; the project is an empty directory.", demo.github.web_url());

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
    demo.scene("Which worker will run, and why", &["which"], 0, &["selected", "v0.0.144"])?;
    demo.scene("An older release", &["install", "--tag", "v0.0.143"], 0, &["Installed v0.0.143"])?;
    demo.scene("Upgrade to the newest one", &["upgrade"], 0, &["v0.0.144"])?;
    demo.scene("Back to the one before, without a network", &["rollback", "--offline"], 0, &["to v0.0.143"])?;
    demo.scene("Compare what is installed with its receipt and the lock", &["verify"], 0, &["v0.0.143"])?;

    let other = vec![b'x'; demo.worker_size("v0.0.142")?];
    demo.github.fault(Matcher::objects(), Fault::ChangedBytes(other.into()));
    let before = fs::read(demo.binary())?;
    demo.scene(
        "Somebody changes the bytes on the way: refused, and no build in their place",
        &["install", "--tag", "v0.0.142"],
        5,
        &["verification failed for", "GitHub's asset digest states"],
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
        "A mirror of your own: every release, in a directory any web server can serve",
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
        &["built locally from a checkout"],
    )?;
    demo.prune()?;
    println!("\nEverything did what it should.");
    Ok(())
}

impl Demo {
    fn prepare(root: &Path) -> anyhow::Result<Self> {
        let go = toolchain::go()?;
        let directory = tempfile::tempdir()?;
        let fixture = root.join("tests/fixtures/reproq-worker");
        let github = FakeGitHub::start();
        github.token(TOKEN, TokenKind::Write);
        let target = host();
        for (version, day) in [("0.0.142", 1), ("0.0.143", 2), ("0.0.144", 3)] {
            let file = directory.path().join(version);
            toolchain::build_worker(&go, &fixture, version, &target, &file)?;
            let release = ReleaseSpec::new(&format!("v{version}"))
                .published_at(&format!("2026-11-0{day}T12:00:00Z"))
                .file(&format!("reproq-{target}"), fs::read(&file)?);
            github.repo(REPOSITORY).add(release);
        }
        let demo = Self {
            program: std::env::current_exe()?.with_file_name(format!("reproq{}", std::env::consts::EXE_SUFFIX)),
            go,
            directory,
            github,
        };
        fs::create_dir_all(demo.project())?;
        copy_directory(&fixture, &demo.directory.path().join("work/reproq-worker"))?;
        Ok(demo)
    }

    /// Five releases of another repository become three.
    fn prune(&self) -> anyhow::Result<()> {
        for number in 1..=5 {
            let release = ReleaseSpec::new(&format!("v1.{number}.0"))
                .published_at(&format!("2026-0{number}-01T12:00:00Z"))
                .file("shop.tar.gz", vec![b'x'; 300_000]);
            self.github.repo(LARGE).add(release);
        }
        let prune = ["release", "prune", "--repo", LARGE, "--keep", "3"];
        self.scene(
            "What pruning a repository to three versions would delete",
            &[&prune[..], &["--dry-run"]].concat(),
            0,
            &["v1.1.0"],
        )?;
        self.scene("The same, done", &[&prune[..], &["--yes"]].concat(), 0, &["v1.1.0"])?;
        let snapshot = self.github.snapshot(LARGE);
        let left = snapshot.tag_names();
        ensure!(left == ["v1.3.0", "v1.4.0", "v1.5.0"], "three versions stay, found {left:?}");
        Ok(())
    }

    fn project(&self) -> PathBuf {
        self.directory.path().join("work/project")
    }

    fn binary(&self) -> PathBuf {
        self.project().join(".reproq/bin/reproq")
    }

    fn worker_size(&self, tag: &str) -> anyhow::Result<usize> {
        Ok(fs::metadata(self.directory.path().join(tag.trim_start_matches('v')))?.len().try_into()?)
    }

    /// Shows one command with all it says, and checks that.
    fn scene(&self, title: &str, arguments: &[&str], code: i32, says: &[&str]) -> anyhow::Result<()> {
        println!("\n── {title}\n$ reproq {}", arguments.join(" "));
        let go = self.go.parent().context("go lies in a directory")?;
        let output = Command::new(&self.program)
            .args(arguments)
            .current_dir(self.project())
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", go.display()))
            .env("HOME", self.directory.path())
            .env("REPROQ_GITHUB_API_URL", self.github.api_url())
            .env("REPROQ_GITHUB_SERVER_URL", self.github.web_url())
            .env("GITHUB_API_URL", self.github.api_url())
            .env("GITHUB_SERVER_URL", self.github.web_url())
            .env("GH_TOKEN", TOKEN)
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

fn copy_directory(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
