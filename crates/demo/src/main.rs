//! The demo that `cargo xtask demo` builds and starts: it runs the real program against a release host on this machine, and fails
//! if any step has an unexpected result. `cargo xtask picture` starts it to record the pictures of the README.
#![expect(clippy::disallowed_methods, reason = "programs are run and files are created here")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for people at a terminal")]

mod picture;
mod queue;
mod recording;
mod screen;
mod svg;

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;

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

struct Demo {
    program: PathBuf,
    go: PathBuf,
    directory: tempfile::TempDir,
    github: FakeGitHub,
    project: PathBuf,
    /// Variables of the environment besides those of every run.
    more: Vec<(&'static str, String)>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["picture"] => picture::pictures(&xtask::root(), false),
        ["picture", "--check"] => picture::pictures(&xtask::root(), true),
        _ => run(&xtask::root()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(root: &Path) -> anyhow::Result<()> {
    println!("Building three releases of a sample worker …");
    let mut demo = Demo::prepare(root)?;
    println!("The release host listens at {}; the project is an empty directory.", demo.github.web_url());

    demo.scene("Nothing is installed yet", &["which"], 4, &["no worker was found", "reproq install"])?;
    demo.scene(
        "Install: find, download, verify, test and place the worker",
        &["install"],
        0,
        &["Installed v0.0.144", "digest"],
    )?;
    let requests = demo.github.requests().len();
    println!("   ({requests} requests: the release, the asset's attestations, the asset, its redirect)");
    ensure!(requests == 4, "an install takes four requests, it took {requests}");
    demo.github.clear_log();
    demo.scene("Install again: up to date, without a request", &["install"], 0, &["already installed"])?;
    ensure!(demo.github.requests().is_empty(), "a second install makes no request");
    demo.scene("Show which worker will run, and why", &["which"], 0, &["selected", "v0.0.144"])?;
    demo.scene("Install an older release", &["install", "--tag", "v0.0.143"], 0, &["Installed v0.0.143"])?;
    demo.scene("Upgrade to the newest release", &["upgrade"], 0, &["v0.0.144"])?;
    demo.scene("Roll back to the previous version, offline", &["rollback", "--offline"], 0, &["to v0.0.143"])?;
    demo.scene("Compare the installed worker with its receipt and the lockfile", &["verify"], 0, &["v0.0.143"])?;

    let other = vec![b'x'; demo.worker_size("v0.0.142")?];
    demo.github.fault(Matcher::objects(), Fault::ChangedBytes(other.into()));
    let before = fs::read(demo.binary())?;
    demo.scene(
        "The asset is modified during the download: refused, without a fallback to a build",
        &["install", "--tag", "v0.0.142"],
        5,
        &["verification failed for", "GitHub's asset digest states"],
    )?;
    ensure!(fs::read(demo.binary())? == before, "the installed binary must be unchanged");

    fs::remove_dir_all(demo.project().join(".reproq"))?;
    demo.scene(
        "Install the locked release offline, from the cache",
        &["install", "--locked", "--offline"],
        0,
        &["Installed v0.0.143", "equals the digest in reproq.lock"],
    )?;
    demo.scene(
        "Mirror every release to a directory that any web server can serve",
        &["mirror", "sync", "../mirror"],
        0,
        &["has 3 releases", "v0.0.142  added"],
    )?;
    demo.scene(
        "Install from the mirror, offline",
        &["install", "--mirror", "../mirror", "--tag", "v0.0.144", "--offline"],
        0,
        &["Installed v0.0.144", "the mirror's index agrees"],
    )?;
    fs::remove_dir_all(demo.project().join(".reproq"))?;
    fs::remove_file(demo.project().join("reproq.lock"))?;
    demo.scene(
        "Offline, without a cache or mirror: build from the checkout next to the project",
        &["install", "--offline"],
        0,
        &["built locally from a checkout"],
    )?;
    demo.prune()?;
    queue::acts(&mut demo, root)?;
    println!("\nAll steps succeeded.");
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
            program: env::current_exe()?.with_file_name(format!("reproq{}", env::consts::EXE_SUFFIX)),
            go,
            project: directory.path().join("work/project"),
            directory,
            github,
            more: Vec::new(),
        };
        fs::create_dir_all(demo.project())?;
        copy_directory(&fixture, &demo.directory.path().join("work/reproq-worker"))?;
        Ok(demo)
    }

    /// Prunes another repository from five releases to three.
    fn prune(&self) -> anyhow::Result<()> {
        self.release_five_versions();
        let prune = ["release", "prune", "--repo", LARGE, "--keep", "3"];
        self.scene(
            "Show what pruning a repository to three versions would delete",
            &[&prune[..], &["--dry-run"]].concat(),
            0,
            &["v1.1.0"],
        )?;
        self.scene("Prune the repository", &[&prune[..], &["--yes"]].concat(), 0, &["v1.1.0"])?;
        let snapshot = self.github.snapshot(LARGE);
        let left = snapshot.tag_names();
        ensure!(left == ["v1.3.0", "v1.4.0", "v1.5.0"], "three versions must remain, found {left:?}");
        Ok(())
    }

    fn release_five_versions(&self) {
        for number in 1..=5 {
            let release = ReleaseSpec::new(&format!("v1.{number}.0"))
                .published_at(&format!("2026-0{number}-01T12:00:00Z"))
                .file("shop.tar.gz", vec![b'x'; 300_000]);
            self.github.repo(LARGE).add(release);
        }
    }

    fn project(&self) -> &Path {
        &self.project
    }

    /// Continues in another, empty directory.
    fn move_to(&mut self, name: &str) -> anyhow::Result<()> {
        self.project = self.directory.path().join("work").join(name);
        Ok(fs::create_dir_all(&self.project)?)
    }

    fn binary(&self) -> PathBuf {
        self.project().join(".reproq/bin/reproq")
    }

    fn worker_size(&self, tag: &str) -> anyhow::Result<usize> {
        Ok(fs::metadata(self.directory.path().join(tag.trim_start_matches('v')))?.len().try_into()?)
    }

    /// The whole environment of the program.
    fn variables(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let go = self.go.parent().context("go is in a directory")?;
        let (api, web) = (self.github.api_url(), self.github.web_url());
        let mut variables = vec![
            ("PATH", format!("{}:/usr/bin:/bin", go.display())),
            ("HOME", self.directory.path().display().to_string()),
            ("REPROQ_GITHUB_API_URL", api.clone()),
            ("REPROQ_GITHUB_SERVER_URL", web.clone()),
            ("GITHUB_API_URL", api),
            ("GITHUB_SERVER_URL", web),
            ("GH_TOKEN", TOKEN.to_owned()),
        ];
        variables.extend(self.more.iter().cloned());
        Ok(variables)
    }

    /// A run of the program in the project.
    fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.project()).env_clear().envs(self.variables()?).stdin(Stdio::null());
        Ok(command)
    }

    /// Runs one command that succeeds, without printing anything.
    fn quietly(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = self.command(arguments)?.output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`reproq {}` ended with {}: {text}", arguments.join(" "), output.status);
        Ok(())
    }

    /// Runs one command, prints its output, and checks exit code and output.
    fn scene(&self, title: &str, arguments: &[&str], code: i32, expected: &[&str]) -> anyhow::Result<()> {
        println!("\n── {title}\n$ reproq {}", arguments.join(" "));
        let output = self.command(arguments)?.output()?;
        let text = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        print!("{}", text.lines().map(|line| format!("   {line}\n")).collect::<String>());
        if output.status.code() != Some(code) {
            bail!("`reproq {}` should exit with {code}, but exited with {}", arguments.join(" "), output.status);
        }
        for part in expected {
            ensure!(text.contains(part), "`reproq {}` should print `{part}`", arguments.join(" "));
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
