//! Who a certificate says signed: the claims Fulcio copies from the token of a workflow run.

use crate::model::RepoSlug;

use super::workflow::GITHUB;
use super::workflow::Workflow;

/// The claims of a certificate, by Fulcio's extensions below 1.3.6.1.4.1.57264.1
/// (<https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md>). Worth something only once its chain is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CertificateClaims {
    /// The subject alternative name.
    pub(super) name: Option<String>,
    /// `.8`: who vouched for the signer.
    pub(super) issuer: Option<String>,
    /// `.11`: `github-hosted` or `self-hosted`.
    pub(super) runner: Option<String>,
    /// `.12`: the repository that was built, as an address.
    pub(super) repository: Option<String>,
    /// `.13`: the commit that was built.
    pub(super) commit: Option<String>,
    /// `.14`: the branch or tag that was built, in full.
    pub(super) git_ref: Option<String>,
    /// `.15`: GitHub's number of the repository; it outlives a rename and is never given again.
    pub(super) repository_id: Option<String>,
    /// `.17`: GitHub's number of the owner.
    pub(super) owner_id: Option<String>,
    /// `.21`: the address of the run.
    pub(super) run: Option<String>,
}

impl CertificateClaims {
    /// The repository that was built, as its name.
    pub(super) fn slug(&self) -> Option<RepoSlug> {
        self.repository.as_deref()?.strip_prefix(GITHUB)?.parse().ok()
    }

    /// The workflow that signed, if a workflow did.
    pub(super) fn workflow(&self) -> Option<Workflow> {
        Workflow::from_address(self.name.as_deref()?)
    }
}
