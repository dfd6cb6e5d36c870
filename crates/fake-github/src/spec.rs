//! Specifications of releases, assets, tags, tokens and rules for test setup.

use bytes::Bytes;

/// A release to be added; by default published and with a tag.
#[derive(Debug, Clone)]
#[must_use]
pub struct ReleaseSpec {
    pub(crate) tag: String,
    pub(crate) name: Option<String>,
    pub(crate) body: String,
    pub(crate) draft: bool,
    pub(crate) prerelease: bool,
    pub(crate) immutable: bool,
    pub(crate) created_at: Option<String>,
    pub(crate) published_at: Option<String>,
    pub(crate) make_latest: MakeLatest,
    pub(crate) target: Option<String>,
    pub(crate) annotated: Option<String>,
    pub(crate) without_tag: bool,
    pub(crate) assets: Vec<AssetSpec>,
}

impl ReleaseSpec {
    /// A published release of this tag. A lightweight tag is created with it, unless the tag exists.
    pub fn new(tag: &str) -> ReleaseSpec {
        ReleaseSpec {
            tag: tag.to_owned(),
            name: None,
            body: String::new(),
            draft: false,
            prerelease: false,
            immutable: false,
            created_at: None,
            published_at: None,
            make_latest: MakeLatest::Legacy,
            target: None,
            annotated: None,
            without_tag: false,
            assets: Vec::new(),
        }
    }

    /// The title; the tag when unset.
    pub fn name(mut self, name: &str) -> ReleaseSpec {
        self.name = Some(name.to_owned());
        self
    }

    /// The notes.
    pub fn body(mut self, body: &str) -> ReleaseSpec {
        self.body = body.to_owned();
        self
    }

    /// A draft, without creating a tag.
    pub fn draft(mut self) -> ReleaseSpec {
        self.draft = true;
        self
    }

    /// Marked as a prerelease: never latest.
    pub fn prerelease(mut self) -> ReleaseSpec {
        self.prerelease = true;
        self
    }

    /// Its tag cannot be deleted while it exists, and can never be created again afterwards.
    pub fn immutable(mut self) -> ReleaseSpec {
        self.immutable = true;
        self
    }

    /// The commit's date in RFC 3339 and UTC. Unset: an hour after the one added before, from 2024-01-01 on.
    pub fn created_at(mut self, time: &str) -> ReleaseSpec {
        self.created_at = Some(time.to_owned());
        self
    }

    /// If it was published, in RFC 3339 and UTC. Unset: as `created_at`.
    pub fn published_at(mut self, time: &str) -> ReleaseSpec {
        self.published_at = Some(time.to_owned());
        self
    }

    /// GitHub's `make_latest`.
    pub fn make_latest(mut self, make_latest: MakeLatest) -> ReleaseSpec {
        self.make_latest = make_latest;
        self
    }

    /// The commit's object id, 40 hexadecimal digits. Unset: derived from the tag.
    pub fn target(mut self, oid: &str) -> ReleaseSpec {
        self.target = Some(oid.to_owned());
        self
    }

    /// Its tag is an annotated one, made at this time.
    pub fn annotated(mut self, time: &str) -> ReleaseSpec {
        self.annotated = Some(time.to_owned());
        self
    }

    /// Its tag does not exist.
    pub fn without_tag(mut self) -> ReleaseSpec {
        self.without_tag = true;
        self
    }

    /// One more asset.
    pub fn asset(mut self, asset: AssetSpec) -> ReleaseSpec {
        self.assets.push(asset);
        self
    }

    /// One more asset, uploaded and with the right digest.
    pub fn file(self, name: &str, bytes: impl Into<Bytes>) -> ReleaseSpec {
        self.asset(AssetSpec::new(name, bytes))
    }
}

/// GitHub's `make_latest` of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MakeLatest {
    /// Becomes the latest.
    True,
    /// Does not become the latest.
    False,
    /// By creation date, then semantic version.
    Legacy,
}

/// A file of a release.
#[derive(Debug, Clone)]
#[must_use]
pub struct AssetSpec {
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
    pub(crate) state: AssetState,
    pub(crate) digest: Digest,
    pub(crate) downloads: u64,
    pub(crate) size: Option<u64>,
    pub(crate) content_type: String,
}

impl AssetSpec {
    /// A complete upload with the correct digest.
    pub fn new(name: &str, bytes: impl Into<Bytes>) -> AssetSpec {
        AssetSpec {
            name: name.to_owned(),
            bytes: bytes.into(),
            state: AssetState::Uploaded,
            digest: Digest::Right,
            downloads: 0,
            size: None,
            content_type: "application/octet-stream".to_owned(),
        }
    }

    /// An unfinished upload.
    pub fn open(mut self) -> AssetSpec {
        self.state = AssetState::Open;
        self
    }

    /// What an upload that failed leaves behind.
    pub fn starter(name: &str) -> AssetSpec {
        AssetSpec { state: AssetState::Starter, ..AssetSpec::new(name, Bytes::new()) }
    }

    /// The digest that the API states.
    pub fn digest(mut self, digest: Digest) -> AssetSpec {
        self.digest = digest;
        self
    }

    /// The download count.
    pub fn downloads(mut self, count: u64) -> AssetSpec {
        self.downloads = count;
        self
    }

    /// States this size instead of the true one.
    pub fn stated_size(mut self, size: u64) -> AssetSpec {
        self.size = Some(size);
        self
    }

    /// The content type; `application/octet-stream` when unset.
    pub fn content_type(mut self, content_type: &str) -> AssetSpec {
        self.content_type = content_type.to_owned();
        self
    }
}

/// GitHub's `state` of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetState {
    /// Complete.
    Uploaded,
    /// Not complete.
    Open,
    /// Left behind by an upload that failed; empty.
    Starter,
}

/// The digest that the API states for an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Digest {
    /// The correct `sha256:` digest.
    Right,
    /// `null`, as for assets older than June 2025.
    Absent,
    /// No such field, as on older Enterprise servers.
    Missing,
    /// This string.
    Wrong(String),
}

/// A tag to be added without a release.
#[derive(Debug, Clone)]
#[must_use]
pub struct TagSpec {
    pub(crate) name: String,
    pub(crate) target: Option<String>,
    pub(crate) committed_at: Option<String>,
    pub(crate) annotated: Option<String>,
}

impl TagSpec {
    /// A lightweight tag.
    pub fn new(name: &str) -> TagSpec {
        TagSpec { name: name.to_owned(), target: None, committed_at: None, annotated: None }
    }

    /// The commit's object id, 40 hexadecimal digits. Unset: derived from the name.
    pub fn target(mut self, oid: &str) -> TagSpec {
        self.target = Some(oid.to_owned());
        self
    }

    /// The commit's date in RFC 3339 and UTC.
    pub fn committed_at(mut self, time: &str) -> TagSpec {
        self.committed_at = Some(time.to_owned());
        self
    }

    /// An annotated tag made at this time.
    pub fn annotated(mut self, time: &str) -> TagSpec {
        self.annotated = Some(time.to_owned());
        self
    }
}

/// The permissions of a token. Any other token is refused with 401 and `Bad credentials`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Can read private repositories, and change nothing.
    Read,
    /// Can read and change everything.
    Write,
    /// Valid, but without permission for any repository: private ones are 404.
    NoAccess,
    /// 401 `Bad credentials`.
    Expired,
    /// 403 with `X-GitHub-SSO`.
    SsoRequired,
}

/// A ruleset that forbids to delete tags.
#[derive(Debug, Clone)]
#[must_use]
pub struct RulesetSpec {
    pub(crate) name: String,
    pub(crate) pattern: String,
    pub(crate) hidden: bool,
}

impl RulesetSpec {
    /// Protects the tags that match the glob (`*` and `?`) from deletion.
    pub fn forbids_deletion(name: &str, pattern: &str) -> RulesetSpec {
        RulesetSpec { name: name.to_owned(), pattern: pattern.to_owned(), hidden: false }
    }

    /// An organisation's ruleset, which the listing does not show.
    pub fn hidden(mut self) -> RulesetSpec {
        self.hidden = true;
        self
    }
}

/// The hourly budget of requests, for REST and GraphQL each.
#[derive(Debug, Clone, Copy)]
pub struct BudgetSpec {
    /// The whole budget.
    pub limit: u64,
    /// The remaining requests.
    pub remaining: u64,
    /// The time until the reset.
    pub reset_in: std::time::Duration,
    /// The status of a refusal: 403 or 429.
    pub status: u16,
}

impl BudgetSpec {
    /// A budget of 5,000 with this many requests left and an hour to go.
    #[must_use]
    pub fn remaining(remaining: u64) -> BudgetSpec {
        BudgetSpec { limit: 5000, remaining, reset_in: std::time::Duration::from_secs(3600), status: 403 }
    }
}

/// How `GET /repos/{o}/{r}/attestations/{digest}` returns the bundles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleDelivery {
    /// Inline, and also by URL.
    Inline,
    /// By URL only; the asset host returns raw Snappy.
    Address,
    /// By URL only; the asset host returns plain JSON.
    PlainAddress,
}

/// How the API reports that a digest has no attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAttestations {
    /// 404 `Not Found`.
    NotFound,
    /// 200 and an empty list.
    EmptyList,
}

/// How `GET /repos/{o}/{r}/releases/assets/{id}` returns the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetDelivery {
    /// 302 to the asset host.
    Redirect,
    /// 200 with the bytes.
    Body,
}
