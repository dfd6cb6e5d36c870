//! Installing attested releases: verified at install, held to the locked signer, and verified again later.

mod attacked;
mod carried;
mod held;
mod proven;
mod refused;

use std::fs;

use fake_github::AssetSpec;
use fake_github::Matcher;
use fake_github::ReleaseSpec;
use fake_sigstore::Claims;
use fake_sigstore::How;
use fake_sigstore::Instance;
use fake_sigstore::provenance_of_all;
use fake_sigstore::released_of;
use serde_json::Value;

use crate::support::Context;
use crate::support::Output;
use crate::support::context::REPOSITORY;
use crate::support::context::asset_name;
use crate::support::workers;

/// The assets of other platforms, which cannot run here.
const ELSEWHERE: [&str; 2] = ["reproq-darwin-arm64", "reproq-windows-amd64.exe"];

/// A project, a GitHub, and a trusted authority.
struct World {
    context: Context,
    acme: Instance,
}

impl World {
    fn new() -> Self {
        let acme = Instance::new("acme", "acme authority");
        let context = Context::new();
        let root = context.root().join("root.json");
        fs::write(&root, acme.root(true).to_string()).expect("written");
        context.succeed(&["trust", "accept", root.to_str().expect("UTF-8")]);
        Self { context, acme }
    }

    /// A project whose first release is attested.
    fn attested() -> Self {
        let world = Self::new();
        world.release("v0.0.144");
        world.attest("v0.0.144", &Claims::build_of(REPOSITORY, "v0.0.144"));
        world
    }

    /// Adds an unattested release for three platforms.
    fn release(&self, tag: &str) {
        let files = files(tag);
        let spec = files.into_iter().fold(ReleaseSpec::new(tag), |spec, (name, bytes)| spec.file(&name, bytes));
        self.context.repo().add(spec);
    }

    /// Attests all assets of a release at once, with these claims.
    fn attest(&self, tag: &str, claims: &Claims) {
        let bundle = self.bundle(tag, claims);
        for (_, sha256) in digests(tag) {
            self.context.repo().attest(&sha256, bundle.clone());
        }
    }

    fn bundle(&self, tag: &str, claims: &Claims) -> Value {
        let digests = digests(tag);
        let subjects: Vec<(&str, String)> =
            digests.iter().map(|(name, sha256)| (name.as_str(), sha256.clone())).collect();
        self.acme.bundle(claims, &provenance_of_all(&subjects), How::default())
    }

    /// GitHub's release attestation for an asset.
    fn attest_release(&self, tag: &str) {
        for (name, sha256) in digests(tag) {
            let statement = released_of(REPOSITORY, tag, &name, &sha256);
            self.context.repo().attest(&sha256, self.acme.bundle(&Claims::release(), &statement, How::default()));
        }
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.context.lockfile()).expect("a lock")
    }

    /// The number of requests for attestations.
    fn questions(&self) -> usize {
        self.context.github.requests_to(&Matcher::api().path("/attestations/")).len()
    }

    /// A teammate's machine: only the lockfile and the trusted root.
    fn forget_all_but_the_lock(&self) {
        for directory in ["work/project/.reproq", "home/.cache"] {
            let directory = self.context.root().join(directory);
            if directory.exists() {
                fs::remove_dir_all(directory).expect("removed");
            }
        }
        self.context.github.clear_log();
    }

    /// Runs a command, and checks the exit code and that nothing was changed.
    fn refused(&self, code: i32, arguments: &[&str]) -> Output {
        let before = binary_and_lock(&self.context);
        let output = self.context.run(arguments);
        assert_eq!(output.code, code, "{arguments:?}: {output:#?}");
        assert_eq!(binary_and_lock(&self.context), before, "{arguments:?} changed something");
        assert!(self.context.staged().is_empty());
        output
    }
}

fn binary_and_lock(context: &Context) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    (fs::read(context.binary()).ok(), fs::read(context.lockfile()).ok())
}

/// A project for other tests that need an attested release.
pub fn attested_project() -> Context {
    World::attested().context
}

/// The assets of a release.
fn files(tag: &str) -> Vec<(String, Vec<u8>)> {
    let version = tag.trim_start_matches('v');
    let others = ELSEWHERE.iter().map(|name| ((*name).to_owned(), format!("{name} {version}").into_bytes()));
    std::iter::once((asset_name(), workers::bytes(version))).chain(others).collect()
}

fn digests(tag: &str) -> Vec<(String, String)> {
    files(tag).into_iter().map(|(name, bytes)| (name, workers::sha256(&bytes))).collect()
}

/// The attestation file of an asset.
fn proof_file(asset: &str, bundle: &Value) -> AssetSpec {
    AssetSpec::new(&format!("{asset}.sigstore.json"), bundle.to_string().into_bytes())
}
