//! One repository, which a test sets up and changes without a request.

use bytes::Bytes;

use crate::attestations::Attestation;
use crate::attestations::Content;
use crate::github::GitHub;
use crate::snapshot::Snapshot;
use crate::spec::AssetSpec;
use crate::spec::Digest;
use crate::spec::MakeLatest;
use crate::spec::ReleaseSpec;
use crate::spec::RulesetSpec;
use crate::spec::TagSpec;
use crate::world::Asset;
use crate::world::Blob;
use crate::world::Repo;
use crate::world::Ruleset;
use crate::world::World;
use crate::world::made_up_oid;

/// A handle to a repository; its changes take effect immediately and are not requests.
#[derive(Debug, Clone)]
pub struct RepoHandle {
    github: GitHub,
    key: u64,
}

impl RepoHandle {
    pub(crate) fn new(github: GitHub, key: u64) -> RepoHandle {
        RepoHandle { github, key }
    }

    fn change<T>(&self, change: impl FnOnce(&mut World, usize) -> T) -> T {
        let mut world = self.github.world();
        let index = world.repo_by_key(self.key).expect("repositories are never removed");
        change(&mut world, index)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Repo) -> T) -> T {
        self.change(|world, index| change(&mut world.repos[index]))
    }

    /// The numeric id.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.with(|repo| repo.id)
    }

    /// The owner's numeric id.
    #[must_use]
    pub fn owner_id(&self) -> u64 {
        self.with(|repo| repo.owner_id)
    }

    /// Changes the IDs of the repository and its owner, as if another user had taken over the name.
    pub fn renumber(&self, id: u64, owner_id: u64) -> &Self {
        self.with(|repo| (repo.id, repo.owner_id) = (id, owner_id));
        self
    }

    /// Adds a release with its tag and assets; returns its id.
    pub fn add(&self, release: ReleaseSpec) -> u64 {
        self.change(|world, index| world.add_release(index, release))
    }

    /// Adds a tag without a release; returns the object id of its ref.
    pub fn add_tag(&self, tag: TagSpec) -> String {
        self.with(|repo| repo.add_tag(tag))
    }

    /// Adds an asset to a release, replacing one of the same name; returns its id.
    ///
    /// # Panics
    /// If the release does not exist.
    pub fn add_asset(&self, release: u64, asset: AssetSpec) -> u64 {
        self.change(|world, index| world.add_asset(index, release, asset))
    }

    /// Replaces the bytes of an asset, keeping its name and id; the stated digest follows the same rule as before.
    pub fn replace_bytes(&self, tag: &str, asset: &str, bytes: impl Into<Bytes>) {
        let blob = Blob::new(bytes.into());
        // A new date each time, so that ETag and Last-Modified change even if the length does not.
        let date = self.with(Repo::next_default_date);
        self.change_asset(tag, asset, |asset| {
            asset.blob = blob;
            asset.updated_at = date;
        });
    }

    /// Changes what the API states as an asset's digest.
    pub fn state_digest(&self, tag: &str, asset: &str, digest: Digest) {
        self.change_asset(tag, asset, |asset| asset.digest = digest);
    }

    fn change_asset(&self, tag: &str, name: &str, change: impl FnOnce(&mut Asset)) {
        self.with(|repo| {
            let releases = repo.releases.iter_mut().filter(|release| release.tag == tag);
            let asset = releases.flat_map(|release| &mut release.assets).find(|asset| asset.name == name);
            change(asset.expect("only an asset that exists is changed"));
        });
    }

    /// Publishes a draft at a time in RFC 3339.
    ///
    /// # Panics
    /// If the release does not exist.
    pub fn publish(&self, release: u64, time: &str) {
        self.with(|repo| repo.publish(release, time));
    }

    /// Releases that are published from now on are immutable.
    pub fn immutable_releases(&self) -> &Self {
        self.with(|repo| repo.immutable_releases = true);
        self
    }

    /// Marks a release as the latest.
    pub fn make_latest(&self, release: u64) {
        self.with(|repo| {
            repo.chosen_latest = Some(release);
            for candidate in repo.releases.iter_mut().filter(|candidate| candidate.id == release) {
                candidate.make_latest = MakeLatest::True;
            }
        });
    }

    /// Moves a tag to another commit, derived from the string; returns the new object id.
    pub fn move_tag(&self, tag: &str, words: &str) -> String {
        let commit = made_up_oid(words);
        self.with(|repo| repo.add_tag(TagSpec::new(tag).target(&commit)))
    }

    /// Removes a release as its owner would on the web.
    pub fn delete_release(&self, release: u64) {
        self.with(|repo| repo.delete_release(release));
    }

    /// Removes a tag as its owner would; a published release of it becomes a draft. Rules do not apply.
    pub fn delete_tag(&self, tag: &str) {
        self.with(|repo| {
            let rules = std::mem::take(&mut repo.rulesets);
            let _ = repo.delete_tag(tag);
            repo.rulesets = rules;
        });
    }

    /// Makes the repository private.
    pub fn private(&self) -> &Self {
        self.with(|repo| repo.private = true);
        self
    }

    /// Makes the repository read-only.
    pub fn archive(&self) -> &Self {
        self.with(|repo| repo.archived = true);
        self
    }

    /// Renames the repository (`owner/name`); the former name redirects.
    ///
    /// # Panics
    /// If the name has no slash.
    pub fn rename(&self, full_name: &str) -> &Self {
        let (owner, name) = full_name.split_once('/').expect("a repository is named owner/name");
        self.with(|repo| {
            repo.former.push(repo.full_name());
            (repo.owner, repo.name) = (owner.to_owned(), name.to_owned());
        });
        self
    }

    /// Adds a ruleset.
    pub fn ruleset(&self, ruleset: RulesetSpec) -> &Self {
        self.change(|world, index| {
            let id = world.next_id();
            world.repos[index].rulesets.push(Ruleset { id, spec: ruleset });
        });
        self
    }

    /// Adds an attestation about the bytes of this SHA-256, in hexadecimal.
    #[expect(clippy::needless_pass_by_value, reason = "most callers make the bundle for this alone")]
    pub fn attest(&self, sha256_hex: &str, bundle: serde_json::Value) -> &Self {
        self.attest_text(sha256_hex, &bundle.to_string())
    }

    /// As [`RepoHandle::attest`], with the bundle's exact bytes, even if they are not a bundle.
    pub fn attest_text(&self, sha256_hex: &str, bundle: &str) -> &Self {
        self.add_attestation(sha256_hex, Content::Bundle(bundle.to_owned()))
    }

    /// Adds an attestation whose bundle is only at this URL.
    pub fn attest_at(&self, sha256_hex: &str, bundle_url: &str) -> &Self {
        self.add_attestation(sha256_hex, Content::Elsewhere(bundle_url.to_owned()))
    }

    fn add_attestation(&self, sha256_hex: &str, content: Content) -> &Self {
        let digest = format!("sha256:{}", sha256_hex.to_ascii_lowercase());
        self.change(|world, index| {
            let id = world.next_id();
            world.repos[index].attestations.push(Attestation { id, digest, content });
        });
        self
    }

    /// Removes all attestations.
    pub fn forget_attestations(&self) -> &Self {
        self.with(|repo| repo.attestations.clear());
        self
    }

    /// Anything deleted from now on still appears in this many subsequent listings.
    pub fn lag(&self, listings: u64) -> &Self {
        self.with(|repo| repo.lag = listings);
        self
    }

    /// The current content.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.with(|repo| Snapshot::of(repo))
    }
}
