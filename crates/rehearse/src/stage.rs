//! The GitHub of a rehearsal: a repository with older releases, the authority that signs attestations, and a token.

use std::fs;
use std::path::Path;
use std::rc::Rc;

use anyhow::Context;
use anyhow::Result;
use fake_github::FakeGitHub;
use fake_github::ReleaseSpec;
use fake_github::Snapshot;
use fake_github::TagSpec;
use fake_github::TokenKind;
use fake_sigstore::Claims;
use fake_sigstore::How;
use fake_sigstore::Instance;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

/// The repository, which the action and the installers name too.
pub const REPOSITORY: &str = "adpena/reproq";

/// A token that may write, and exists only here.
pub const TOKEN: &str = "ghs_token_of_the_rehearsal";

/// Versions that are older than every version of this project.
pub const OLDER: [&str; 4] = ["v0.0.1", "v0.0.2", "v0.0.3", "v0.0.4"];

/// A GitHub and its authority.
pub struct Stage {
    /// The server.
    pub github: FakeGitHub,
    authority: Rc<Instance>,
}

impl Stage {
    /// A repository with older releases, and the tag that starts the workflow.
    #[must_use]
    pub fn new(tag: &str) -> Self {
        Self::with(tag, Rc::new(Instance::new("rehearsal", "rehearsal authority")))
    }

    /// Another repository, as before the release; the authority is the same, so that what it has signed is still valid.
    #[must_use]
    pub fn before(&self, tag: &str) -> Self {
        Self::with(tag, Rc::clone(&self.authority))
    }

    fn with(tag: &str, authority: Rc<Instance>) -> Self {
        let github = FakeGitHub::start();
        github.token(TOKEN, TokenKind::Write);
        let repository = github.repo(REPOSITORY);
        // As the project's own repository is configured (CONTRIBUTING.md).
        repository.immutable_releases();
        for (tag, day) in OLDER.iter().zip(1..) {
            let time = format!("2026-01-0{day}T12:00:00Z");
            repository.add(ReleaseSpec::new(tag).immutable().created_at(&time).file("SHA256SUMS", b"older".to_vec()));
        }
        repository.add_tag(TagSpec::new(tag).committed_at("2026-03-01T12:00:00Z"));
        Self { github, authority }
    }

    /// The authority's trusted root, for `reproq trust accept`.
    #[must_use]
    pub fn root(&self) -> Value {
        self.authority.root(true)
    }

    /// What GitHub's action does: one bundle over all files, signed as release.yml of this tag, and stored for each digest.
    pub fn attest(&self, tag: &str, subjects: &[(String, String)], sbom: Option<&Value>) -> Value {
        let named: Vec<(&str, String)> =
            subjects.iter().map(|(name, sha256)| (name.as_str(), sha256.clone())).collect();
        let mut statement = fake_sigstore::provenance_of_all(&named);
        if let Some(sbom) = sbom {
            statement["predicateType"] = Value::from("https://cyclonedx.org/bom");
            statement["predicate"] = sbom.clone();
        }
        let bundle = self.authority.bundle(&Claims::build_of(REPOSITORY, tag), &statement, How::default());
        for (_, sha256) in subjects {
            self.github.repo(REPOSITORY).attest(sha256, bundle.clone());
        }
        bundle
    }

    /// The releases and tags.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.github.snapshot(REPOSITORY)
    }
}

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// If it cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
