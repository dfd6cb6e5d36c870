//! The requirements for an attestation, as values.

use serde::Deserialize;
use serde::Serialize;

use crate::model::RepoSlug;
use crate::model::Tag;

use super::verified::AttestationKind;
use super::workflow::Workflow;

/// The OIDC issuer of GitHub Actions on github.com.
pub(crate) const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The identity that signs GitHub's release attestations.
pub(crate) const RELEASES_IDENTITY: &str = "https://dotcom.releases.github.com";

/// The required kind of attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WantedAttestation {
    /// Build provenance.
    Build,
    /// A release attestation by GitHub.
    Release,
    /// Any signature over the bytes; the result reports the kind.
    #[default]
    Any,
}

impl WantedAttestation {
    /// Whether an attestation of this kind is accepted.
    pub const fn accepts(self, kind: AttestationKind) -> bool {
        match self {
            Self::Build => matches!(kind, AttestationKind::Build),
            Self::Release => matches!(kind, AttestationKind::Release),
            Self::Any => true,
        }
    }

    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Build => "build provenance",
            Self::Release => "a release attestation",
            Self::Any => "any attestation",
        }
    }
}

/// The requirements for an attestation. Created by [`Policy::of_repository`], [`Policy::of_identity`] or
/// [`Policy::of_key`], so that a signer is always required; the other fields narrow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The repository of the build or release.
    pub(super) repository: Option<RepoSlug>,
    /// The exact identity in the certificate.
    pub(super) identity: Option<String>,
    /// The key that must have signed, in PEM.
    pub(super) key: Option<String>,
    /// The required issuer.
    pub issuer: String,
    /// The required kind.
    pub wanted: WantedAttestation,
    /// GitHub's ID of the repository.
    pub repository_id: Option<u64>,
    /// GitHub's ID of its owner.
    pub owner_id: Option<u64>,
    /// The workflow that must have signed. If `None`, any workflow of the repository, but of no other.
    pub workflow: Option<Workflow>,
    /// The tag of the release. A build for another tag is rejected; one for a branch is not.
    pub tag: Option<Tag>,
    /// Whether a build must be for exactly that tag.
    pub require_tag_ref: bool,
    /// Whether a build must be for exactly that tag, while a statement of another kind need not contain a build.
    pub builds_need_tag_ref: bool,
    /// The commit that must have been built.
    pub commit: Option<String>,
    /// The required file name.
    pub asset: Option<String>,
    /// Whether [`Self::asset`] does not apply to a bare signature, which has no file name.
    pub allow_nameless: bool,
    /// Whether the workflow may run on self-hosted runners.
    pub allow_self_hosted: bool,
}

impl Policy {
    /// Signed by a workflow of this repository for a build of it, or by GitHub's release attestation for it.
    pub fn of_repository(repository: RepoSlug) -> Self {
        Self { repository: Some(repository), ..Self::unrestricted(GITHUB_ISSUER.to_owned()) }
    }

    /// The same for an asset of this release, as installers require it: a build must be for exactly its tag, unless
    /// builds for branches are allowed, and a bare signature needs no file name.
    #[must_use]
    pub fn of_release(mut self, tag: Tag, allow_branch: bool) -> Self {
        self.tag = Some(tag);
        self.builds_need_tag_ref = !allow_branch;
        self.allow_nameless = true;
        self
    }

    /// Signed by exactly this identity, with exactly this issuer.
    pub fn of_identity(identity: impl Into<String>, issuer: impl Into<String>) -> Self {
        Self { identity: Some(identity.into()), ..Self::unrestricted(issuer.into()) }
    }

    /// Signed with this public key, in PEM.
    pub fn of_key(pem: impl Into<String>) -> Self {
        Self { key: Some(pem.into()), ..Self::unrestricted(String::new()) }
    }

    /// Also requires exactly this identity.
    #[must_use]
    pub fn and_identity(mut self, identity: impl Into<String>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// The required repository.
    pub const fn repository(&self) -> Option<&RepoSlug> {
        self.repository.as_ref()
    }

    const fn unrestricted(issuer: String) -> Self {
        Self {
            repository: None,
            identity: None,
            key: None,
            issuer,
            wanted: WantedAttestation::Any,
            repository_id: None,
            owner_id: None,
            workflow: None,
            tag: None,
            require_tag_ref: false,
            builds_need_tag_ref: false,
            commit: None,
            asset: None,
            allow_nameless: false,
            allow_self_hosted: false,
        }
    }
}
