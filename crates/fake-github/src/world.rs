//! The state of this GitHub: repositories, tokens, budgets, signed URLs.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use sha2::Digest as _;
use sha2::Sha256;

use crate::attestations::Attestation;
use crate::dates::rfc3339;
use crate::spec::AssetDelivery;
use crate::spec::AssetState;
use crate::spec::BudgetSpec;
use crate::spec::BundleDelivery;
use crate::spec::Digest;
use crate::spec::MakeLatest;
use crate::spec::NoAttestations;
use crate::spec::RulesetSpec;
use crate::spec::TokenKind;

/// Seconds of 2024-01-01T00:00:00Z, where the default dates begin.
const EPOCH_OF_DEFAULTS: u64 = 1_704_067_200;

/// The default ID of an owner.
const DEFAULT_OWNER: u64 = 2;

#[derive(Debug, Clone, Default)]
pub(crate) struct Urls {
    pub(crate) api: String,
    pub(crate) web: String,
    pub(crate) objects: String,
    /// The asset host without TLS.
    pub(crate) plain: String,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) urls: Urls,
    pub(crate) repos: Vec<Repo>,
    pub(crate) tokens: BTreeMap<String, TokenKind>,
    pub(crate) switches: Switches,
    pub(crate) core: Budget,
    pub(crate) graphql: Budget,
    pub(crate) signed: BTreeMap<String, Signed>,
    pub(crate) mutations: u64,
    pub(crate) answered: u64,
    pub(crate) last_id: u64,
}

#[derive(Debug)]
pub(crate) struct Switches {
    pub(crate) graphql: bool,
    /// Type and field that this server does not support.
    pub(crate) hidden_fields: BTreeSet<(String, String)>,
    pub(crate) asset_delivery: AssetDelivery,
    pub(crate) bundle_delivery: BundleDelivery,
    pub(crate) no_attestations: NoAttestations,
    pub(crate) signed_uses: u64,
    pub(crate) signed_lifetime: Duration,
    pub(crate) moved_status: u16,
    pub(crate) matching_refs_page: Option<usize>,
    /// How far this server's clock is ahead of the clients', in seconds; negative when it is behind.
    pub(crate) clock_ahead: i64,
    /// The delay of every response, like on a distant network.
    pub(crate) latency: Duration,
}

#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) repo: u64,
    pub(crate) what: SignedFor,
    pub(crate) uses_left: u64,
    pub(crate) expires: SystemTime,
}

/// The target of a signed URL, by its number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SignedFor {
    Asset(u64),
    Attestation(u64),
}

#[derive(Debug, Clone)]
pub(crate) struct Budget {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    pub(crate) reset: SystemTime,
    pub(crate) status: u16,
}

#[derive(Debug)]
pub(crate) struct Repo {
    /// The internal ID by which handles find it.
    pub(crate) key: u64,
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) owner_id: u64,
    pub(crate) name: String,
    pub(crate) former: Vec<String>,
    pub(crate) private: bool,
    pub(crate) archived: bool,
    pub(crate) releases: Vec<Release>,
    /// Tag name to object id.
    pub(crate) tags: BTreeMap<String, String>,
    /// Every object ever made; deleting a tag leaves its object.
    pub(crate) objects: BTreeMap<String, GitObject>,
    pub(crate) rulesets: Vec<Ruleset>,
    pub(crate) attestations: Vec<Attestation>,
    pub(crate) burned: BTreeSet<String>,
    pub(crate) chosen_latest: Option<u64>,
    /// Whether releases become immutable when they are published.
    pub(crate) immutable_releases: bool,
    pub(crate) lag: u64,
    pub(crate) ghost_releases: Vec<(Release, u64)>,
    pub(crate) ghost_tags: Vec<(String, String, u64)>,
    pub(crate) hours: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Release {
    pub(crate) id: u64,
    pub(crate) tag: String,
    pub(crate) name: String,
    pub(crate) body: String,
    pub(crate) draft: bool,
    pub(crate) prerelease: bool,
    pub(crate) immutable: bool,
    pub(crate) created_at: String,
    pub(crate) published_at: Option<String>,
    pub(crate) updated_at: String,
    pub(crate) make_latest: MakeLatest,
    pub(crate) assets: Vec<Asset>,
}

#[derive(Debug, Clone)]
pub(crate) struct Asset {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) blob: Arc<Blob>,
    pub(crate) state: AssetState,
    pub(crate) digest: Digest,
    pub(crate) downloads: u64,
    pub(crate) stated_size: Option<u64>,
    pub(crate) content_type: String,
    pub(crate) updated_at: String,
}

/// Bytes with a lazily computed digest.
#[derive(Debug)]
pub(crate) struct Blob {
    pub(crate) bytes: Bytes,
    sha256: OnceLock<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum GitObject {
    Commit { date: String },
    Tag { name: String, date: String, target: String },
}

#[derive(Debug, Clone)]
pub(crate) struct Ruleset {
    pub(crate) id: u64,
    pub(crate) spec: RulesetSpec,
}

impl World {
    pub(crate) fn new() -> World {
        let budget = Budget::new(BudgetSpec::remaining(5000));
        World {
            urls: Urls::default(),
            repos: Vec::new(),
            tokens: BTreeMap::new(),
            switches: Switches {
                graphql: true,
                hidden_fields: BTreeSet::new(),
                asset_delivery: AssetDelivery::Redirect,
                bundle_delivery: BundleDelivery::Inline,
                no_attestations: NoAttestations::NotFound,
                signed_uses: u64::MAX,
                signed_lifetime: Duration::from_secs(3600),
                moved_status: 301,
                matching_refs_page: None,
                clock_ahead: 0,
                latency: Duration::ZERO,
            },
            core: budget.clone(),
            graphql: budget,
            signed: BTreeMap::new(),
            mutations: 0,
            answered: 0,
            last_id: 1000,
        }
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The repository of this full name, and whether it is a former name.
    pub(crate) fn repo_index(&self, full_name: &str) -> Option<(usize, bool)> {
        let is = |name: &str| name.eq_ignore_ascii_case(full_name);
        let current = self.repos.iter().position(|repo| is(&repo.full_name()));
        let former = || self.repos.iter().position(|repo| repo.former.iter().any(|name| is(name)));
        current.map(|index| (index, false)).or_else(|| former().map(|index| (index, true)))
    }

    pub(crate) fn repo_by_id(&self, id: u64) -> Option<usize> {
        self.repos.iter().position(|repo| repo.id == id)
    }

    pub(crate) fn repo_by_key(&self, key: u64) -> Option<usize> {
        self.repos.iter().position(|repo| repo.key == key)
    }

    /// The repository of this name, created if new.
    pub(crate) fn repo_or_new(&mut self, full_name: &str) -> usize {
        if let Some((index, _)) = self.repo_index(full_name) {
            return index;
        }
        let (owner, name) = full_name.split_once('/').expect("a repository is named owner/name");
        let id = self.next_id();
        self.repos.push(Repo {
            key: id,
            id,
            owner: owner.to_owned(),
            owner_id: DEFAULT_OWNER,
            name: name.to_owned(),
            former: Vec::new(),
            private: false,
            archived: false,
            releases: Vec::new(),
            tags: BTreeMap::new(),
            objects: BTreeMap::new(),
            rulesets: Vec::new(),
            attestations: Vec::new(),
            burned: BTreeSet::new(),
            chosen_latest: None,
            immutable_releases: false,
            lag: 0,
            ghost_releases: Vec::new(),
            ghost_tags: Vec::new(),
            hours: 0,
        });
        self.repos.len() - 1
    }
}

impl World {
    /// The time on this server's clock.
    pub(crate) fn clock(&self) -> SystemTime {
        let seconds = Duration::from_secs(self.switches.clock_ahead.unsigned_abs());
        if self.switches.clock_ahead < 0 { SystemTime::now() - seconds } else { SystemTime::now() + seconds }
    }
}

impl Budget {
    pub(crate) fn new(spec: BudgetSpec) -> Budget {
        let reset = SystemTime::now() + spec.reset_in;
        Budget { limit: spec.limit, remaining: spec.remaining, reset, status: spec.status }
    }

    /// Fills the budget again when its hour is over.
    pub(crate) fn refresh(&mut self, now: SystemTime) {
        if now >= self.reset {
            self.remaining = self.limit;
            self.reset = now + Duration::from_secs(3600);
        }
    }

    /// Charges one request; false if the budget is exhausted.
    pub(crate) fn pay(&mut self) -> bool {
        let paid = self.remaining > 0;
        self.remaining = self.remaining.saturating_sub(1);
        paid
    }
}

impl Repo {
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    pub(crate) fn release(&self, id: u64) -> Option<&Release> {
        self.releases.iter().find(|release| release.id == id)
    }

    /// The published release of a tag; of two, the one published last.
    pub(crate) fn published(&self, tag: &str) -> Option<&Release> {
        self.releases.iter().filter(|release| !release.draft && release.tag == tag).max_by_key(|release| release.id)
    }

    pub(crate) fn asset(&self, id: u64) -> Option<&Asset> {
        self.releases.iter().flat_map(|release| &release.assets).find(|asset| asset.id == id)
    }

    /// The latest release: the one marked so, or else the newest by commit date, then version.
    pub(crate) fn latest(&self) -> Option<&Release> {
        let chosen = self.chosen_latest.and_then(|id| self.release(id)).filter(|release| release.may_be_latest());
        chosen.or_else(|| {
            self.releases
                .iter()
                .filter(|release| release.may_be_latest() && release.make_latest != MakeLatest::False)
                .max_by_key(|release| (release.created_at.clone(), release.version(), release.id))
        })
    }

    /// An hour after the previous result.
    pub(crate) fn next_default_date(&mut self) -> String {
        self.hours += 1;
        rfc3339(UNIX_EPOCH + Duration::from_secs(EPOCH_OF_DEFAULTS + self.hours * 3600))
    }

    /// The commit an object leads to, with its date.
    pub(crate) fn commit_of(&self, oid: &str) -> Option<(&str, &str)> {
        match self.objects.get_key_value(oid)? {
            (oid, GitObject::Commit { date }) => Some((oid, date)),
            (_, GitObject::Tag { target, .. }) => self.commit_of(target),
        }
    }

    pub(crate) fn has_rule_against_deleting(&self, tag: &str) -> bool {
        self.rulesets.iter().any(|ruleset| glob_matches(&ruleset.spec.pattern, tag))
    }
}

impl Release {
    fn may_be_latest(&self) -> bool {
        !self.draft && !self.prerelease
    }

    fn version(&self) -> Option<semver::Version> {
        semver::Version::parse(self.tag.strip_prefix('v').unwrap_or(&self.tag)).ok()
    }
}

impl Asset {
    pub(crate) fn size(&self) -> u64 {
        let uploaded = match self.state {
            AssetState::Uploaded => self.blob.bytes.len() as u64,
            AssetState::Open | AssetState::Starter => 0,
        };
        self.stated_size.unwrap_or(uploaded)
    }

    /// `None`: there is no such field; `Some(None)`: the field is null.
    pub(crate) fn stated_digest(&self) -> Option<Option<String>> {
        match (&self.digest, self.state) {
            (Digest::Missing, _) => None,
            (Digest::Absent, _) | (Digest::Right, AssetState::Open | AssetState::Starter) => Some(None),
            (Digest::Right, AssetState::Uploaded) => Some(Some(format!("sha256:{}", self.blob.sha256()))),
            (Digest::Wrong(text), _) => Some(Some(text.clone())),
        }
    }
}

impl Blob {
    pub(crate) fn new(bytes: Bytes) -> Arc<Blob> {
        Arc::new(Blob { bytes, sha256: OnceLock::new() })
    }

    pub(crate) fn sha256(&self) -> &str {
        self.sha256.get_or_init(|| hex_sha256(&self.bytes))
    }
}

/// Lower-case hexadecimal SHA-256.
pub(crate) fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An invented object id, the same for the same input.
pub(crate) fn made_up_oid(words: &str) -> String {
    hex_sha256(words.as_bytes())[..40].to_owned()
}

/// `*` for any run of characters, `?` for one.
pub(crate) fn glob_matches(pattern: &str, text: &str) -> bool {
    let mut pattern_rest = pattern.chars();
    match pattern_rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern_rest.as_str();
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| glob_matches(rest, &text[at..]))
        }
        Some(wanted) => {
            let mut text_rest = text.chars();
            let found = text_rest.next();
            found.is_some_and(|found| wanted == '?' || wanted == found)
                && glob_matches(pattern_rest.as_str(), text_rest.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("v*", "v1.0.0", true),
            ("v*", "w1", false),
            ("*", "", true),
            ("v1.?.0", "v1.2.0", true),
            ("v1.?.0", "v1.22.0", false),
            ("*é*", "résumé", true),
        ] {
            assert_eq!(glob_matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
