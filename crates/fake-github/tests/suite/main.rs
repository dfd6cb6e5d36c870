//! The fake against a raw client: every guarantee that other tests rely on.

mod attestations;
mod client;
mod deletes;
mod faults;
mod graphql;
mod reads;
mod transport;
mod uploads;

use fake_github::FakeGitHub;
use fake_github::ReleaseSpec;
use fake_github::TokenKind;

const REPO: &str = "adpena/reproq-worker";

/// Three releases with a file each, and a token that may write.
fn three_releases() -> FakeGitHub {
    let github = FakeGitHub::start();
    fill(&github);
    github
}

fn fill(github: &FakeGitHub) {
    github.token("writer", TokenKind::Write);
    github.token("reader", TokenKind::Read);
    let repo = github.repo(REPO);
    for tag in ["v1.0.0", "v1.1.0", "v1.2.0"] {
        repo.add(ReleaseSpec::new(tag).file("reproq-linux-amd64", format!("worker {tag}").into_bytes()));
    }
}

fn rest(github: &FakeGitHub, path: &str) -> String {
    format!("{}/repos/{REPO}{path}", github.api_url())
}
