//! The anchor of trust in an instance's TUF repository: the metadata root that is embedded in this program.

use crate::trust::attestation::Instance;

/// The TUF repository of an instance and its initial root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub instance: Instance,
    /// The URL of its repository.
    pub address: &'static str,
    /// The initial root metadata, as sigstore-trust-root 0.15.1 contains it: the only part that is trusted without
    /// verification. Every later root must be signed by the keys of the previous one.
    pub(super) root: &'static str,
}

impl Anchor {
    /// The anchors of all instances with a repository.
    pub(crate) const ALL: [Self; 2] = [
        Self {
            instance: Instance::PublicGood,
            address: "https://tuf-repo-cdn.sigstore.dev",
            root: include_str!("anchors/public_good.json"),
        },
        Self {
            instance: Instance::GitHub,
            address: "https://tuf-repo.github.com",
            root: include_str!("anchors/github.json"),
        },
    ];

    /// Its name on the command line and in the directories of a copy.
    pub(crate) const fn name(self) -> &'static str {
        match self.instance {
            Instance::PublicGood => "public-good",
            Instance::GitHub => "github",
            Instance::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use sha2::Digest;
    use sha2::Sha256;

    use super::*;
    use crate::model::Sha256Digest;

    #[test]
    fn anchors_do_not_change_unnoticed() {
        let digest = |anchor: Anchor| Sha256Digest::from_bytes(Sha256::digest(anchor.root).into()).to_string();
        assert_eq!(
            Anchor::ALL.map(digest),
            [
                "27aea7e372aa7864065174f0661784fcf8b0e28b1dbfebeada31a0f1fb19167f",
                "eb303461e0109458144b6ebcbfd62aaa6f6d7481e9ca77504b85f17761661462",
            ]
        );
    }
}
