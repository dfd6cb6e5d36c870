//! The signer in a certificate: the claims that Fulcio copies from the token of a workflow run.

use crate::model::RepoSlug;

use super::workflow::GITHUB;
use super::workflow::Workflow;

/// The claims of a certificate, by Fulcio's extensions below 1.3.6.1.4.1.57264.1
/// (<https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md>). Meaningful only after the chain is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CertificateClaims {
    /// The subject alternative name.
    pub(super) name: Option<String>,
    /// `.8`: the issuer of the token.
    pub(super) issuer: Option<String>,
    /// `.11`: `github-hosted` or `self-hosted`.
    pub(super) runner: Option<String>,
    /// `.12`: the URL of the source repository.
    pub(super) repository: Option<String>,
    /// `.13`: the commit of the source.
    pub(super) commit: Option<String>,
    /// `.14`: the full ref of the source, a branch or a tag.
    pub(super) git_ref: Option<String>,
    /// `.15`: GitHub's ID of the repository; it does not change with a rename and is never reused.
    pub(super) repository_id: Option<String>,
    /// `.17`: GitHub's ID of the owner.
    pub(super) owner_id: Option<String>,
    /// `.21`: the URL of the run.
    pub(super) run: Option<String>,
}

impl CertificateClaims {
    /// The name of the source repository.
    pub(super) fn slug(&self) -> Option<RepoSlug> {
        self.repository.as_deref()?.strip_prefix(GITHUB)?.parse().ok()
    }

    /// The workflow that signed, if it was a workflow.
    pub(super) fn workflow(&self) -> Option<Workflow> {
        Workflow::from_address(self.name.as_deref()?)
    }
}
