//! A repository with versions to prune, and helpers for such tests.

use fake_github::ReleaseSpec;
use fake_github::RepoHandle;
use fake_github::Request;
use fake_github::TokenKind;

use super::Context;

/// The token with write access.
pub const TOKEN: &str = "ghp_writetoken0";

/// The repository of every pruning test: never the worker's default.
pub const PRUNED: &str = "acme/tool";

/// A context whose environment is CI, with the repository and a token with write access.
pub fn pruning() -> Context {
    let mut context = Context::new();
    context.github.token(TOKEN, TokenKind::Write);
    context.set("GH_TOKEN", TOKEN).set("GITHUB_REPOSITORY", PRUNED).set("CI", "true");
    context
}

/// The repository.
pub fn repo(context: &Context) -> RepoHandle {
    context.github.repo(PRUNED)
}

/// A context with the releases `v1.1.0` to `v1.N.0`, each a day after the one before, with two assets each.
pub fn with_versions(count: u32) -> Context {
    let context = pruning();
    for number in 1..=count {
        repo(&context).add(version(number));
    }
    context
}

/// The release `v1.N.0`.
pub fn version(number: u32) -> ReleaseSpec {
    let time = time(number);
    ReleaseSpec::new(&format!("v1.{number}.0"))
        .created_at(&time)
        .published_at(&time)
        .file("tool.bin", format!("binary of {number}").into_bytes())
        .file("SHA256SUMS", b"sums".to_vec())
}

/// Noon of the nth day of 2024.
pub fn time(day: u32) -> String {
    let date = chrono::NaiveDate::from_yo_opt(2024, 1).expect("a date") + chrono::Days::new(u64::from(day - 1));
    format!("{date}T12:00:00Z")
}

/// The write requests, as strings: `DELETE /repos/…` or `updateRefs`.
pub fn mutations(context: &Context) -> Vec<String> {
    let shown = |request: &Request| {
        if request.is_graphql() { "updateRefs".to_owned() } else { format!("{} {}", request.method, request.path) }
    };
    context.github.requests().iter().filter(|request| request.is_mutation()).map(shown).collect()
}
