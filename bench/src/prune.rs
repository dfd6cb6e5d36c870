//! `cargo xtask bench --prune`: counts the requests of `release prune` with the loopback GitHub, compares them with the
//! formulas of other tools, and models the time that GitHub's limits allow.

use std::path::Path;
use std::process::Command;

use anyhow::ensure;
use fake_github::FakeGitHub;
use fake_github::ReleaseSpec;
use fake_github::TokenKind;
use reproq::internals::releases::prune::Pace;
use reproq::internals::releases::prune::PaceName;

const REPOSITORY: &str = "acme/worker";
const TOKEN: &str = "ghp_bench_token_of_nobody";

/// How long GitHub is assumed to take for one deletion.
const DELETE_SECONDS: f64 = 0.35;

/// Prunes repositories of several sizes to three versions.
pub fn run(program: &Path) -> anyhow::Result<()> {
    println!(
        "| to delete | of | reproq | bound | delete-older-releases | gh loop | delete-release-action, 5 assets | modelled s |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for deleted in [1_usize, 10, 47, 97] {
        let all = deleted + 3;
        let requests = requests_for(program, deleted, all)?;
        let pages = all.div_ceil(100);
        // One listing, the deletions, tags in batches of fifty, the final listing; with more than one deletion also the first
        // version's tag on its own, a check of it and a look at the latest version; and another check for every fifty deletions.
        let bound = pages + deleted + deleted.div_ceil(50) + 1 + usize::from(deleted > 1) * 3 + (deleted - 1) / 50;
        let others = [pages + 1 + 2 * deleted, 1 + 4 * deleted, pages + deleted * (5 + 2)];
        let [older, gh, action] = others;
        let modelled = modelled_seconds(deleted);
        println!("| {deleted} | {all} | {requests} | {bound} | {older} | {gh} | {action} | {modelled:.0} |");
        ensure!(requests <= bound, "{requests} requests to delete {deleted} of {all}; the bound is {bound}");
    }
    Ok(())
}

fn requests_for(program: &Path, deleted: usize, all: usize) -> anyhow::Result<usize> {
    let github = FakeGitHub::start();
    let repo = github.repo(REPOSITORY);
    github.token(TOKEN, TokenKind::Write);
    for patch in 0..all {
        let (day, minute) = (1 + patch / 60, patch % 60);
        let release = ReleaseSpec::new(&format!("v1.0.{patch}"))
            .published_at(&format!("2026-01-{day:02}T12:{minute:02}:00Z"))
            .file("reproq-linux-amd64", b"worker".to_vec());
        repo.add(release);
    }
    let directory = tempfile::tempdir()?;
    let output = Command::new(program)
        .args(["release", "prune", "--repo", REPOSITORY, "--keep", "3", "--pace", "fast", "--quiet", "--max-delete"])
        .arg(deleted.to_string())
        .current_dir(directory.path())
        .env_clear()
        .env("CI", "true")
        .env("GITHUB_API_URL", github.api_url())
        .env("GITHUB_SERVER_URL", github.web_url())
        .env("GH_TOKEN", TOKEN)
        .output()?;
    ensure!(output.status.success(), "prune failed: {}", String::from_utf8_lossy(&output.stderr));
    ensure!(github.snapshot(REPOSITORY).tag_names().len() == 3, "three tags stay");
    // GitHub does not charge for a 304, which answers whether a version became the latest one.
    Ok(github.requests().iter().filter(|request| request.status != Some(304)).count())
}

/// Serial deletions at the normal pace: as many at once as the bucket holds, then one a second.
fn modelled_seconds(deleted: usize) -> f64 {
    let mut pace = Pace::new(PaceName::Normal.rate());
    let mut now = std::time::Duration::ZERO;
    for _ in 0..deleted {
        now += pace.wait(now);
        pace.sent(now);
        now += std::time::Duration::from_secs_f64(DELETE_SECONDS);
    }
    now.as_secs_f64()
}
