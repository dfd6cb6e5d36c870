//! What is expected of a proof, as values.

use serde::Deserialize;
use serde::Serialize;

use crate::model::RepoSlug;
use crate::model::Tag;

use super::verified::AttestationKind;
use super::workflow::Workflow;

/// Who vouches for the workflows of github.com.
pub const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The name under which GitHub signs its statements about releases.
pub const RELEASES_IDENTITY: &str = "https://dotcom.releases.github.com";

/// Which kind of proof is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WantedAttestation {
    /// Build provenance and nothing less.
    Build,
    /// GitHub's statement about a release.
    Release,
    /// Whatever is signed about the bytes; the proof says what.
    #[default]
    Any,
}

impl WantedAttestation {
    /// Whether a proof of this kind is what is wanted.
    pub const fn accepts(self, kind: AttestationKind) -> bool {
        match self {
            Self::Build => matches!(kind, AttestationKind::Build),
            Self::Release => matches!(kind, AttestationKind::Release),
            Self::Any => true,
        }
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Build => "build provenance",
            Self::Release => "a release attestation",
            Self::Any => "any attestation",
        }
    }
}

/// What a proof must say. Made by [`Policy::of_repository`], [`Policy::of_identity`] or [`Policy::of_key`], so that there is
/// none that asks for nobody; the other fields narrow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The repository that was built or released.
    pub(super) repository: Option<RepoSlug>,
    /// The exact name in the certificate.
    pub(super) identity: Option<String>,
    /// The key that must have signed, in PEM.
    pub(super) key: Option<String>,
    /// Who must have vouched for the signer.
    pub issuer: String,
    /// The kind of proof.
    pub wanted: WantedAttestation,
    /// GitHub's number of the repository.
    pub repository_id: Option<u64>,
    /// GitHub's number of its owner.
    pub owner_id: Option<u64>,
    /// The workflow that must have signed. Without one: any workflow of the repository, and none of another.
    pub workflow: Option<Workflow>,
    /// The tag of the release. A build that ran for another tag is refused; one that ran for a branch is not.
    pub tag: Option<Tag>,
    /// Whether a build must have run for exactly that tag.
    pub require_tag_ref: bool,
    /// Whether a build must have run for exactly that tag, while a statement of another kind need not speak of a build.
    pub builds_need_tag_ref: bool,
    /// The commit that must have been built.
    pub commit: Option<String>,
    /// The name the bytes must have.
    pub asset: Option<String>,
    /// Whether a bare signature, which gives the bytes no name, may go without [`Self::asset`].
    pub allow_nameless: bool,
    /// Whether the owner's own machines may have run the workflow.
    pub allow_self_hosted: bool,
}

impl Policy {
    /// Signed by a workflow of this repository, about something built from it; or GitHub's release attestation for it.
    pub fn of_repository(repository: RepoSlug) -> Self {
        Self { repository: Some(repository), ..Self::nobody(GITHUB_ISSUER.to_owned()) }
    }

    /// The same about an asset of this release, as installers ask it: a build must have run for exactly its tag, unless those
    /// for branches are accepted, and a bare signature need not name the file.
    #[must_use]
    pub fn of_release(mut self, tag: Tag, allow_branch: bool) -> Self {
        self.tag = Some(tag);
        self.builds_need_tag_ref = !allow_branch;
        self.allow_nameless = true;
        self
    }

    /// Signed by exactly this name, vouched for by exactly this issuer.
    pub fn of_identity(identity: impl Into<String>, issuer: impl Into<String>) -> Self {
        Self { identity: Some(identity.into()), ..Self::nobody(issuer.into()) }
    }

    /// Signed with this public key, in PEM.
    pub fn of_key(pem: impl Into<String>) -> Self {
        Self { key: Some(pem.into()), ..Self::nobody(String::new()) }
    }

    /// Also signed by exactly this name.
    #[must_use]
    pub fn and_identity(mut self, identity: impl Into<String>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// The repository that is expected.
    pub const fn repository(&self) -> Option<&RepoSlug> {
        self.repository.as_ref()
    }

    const fn nobody(issuer: String) -> Self {
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
