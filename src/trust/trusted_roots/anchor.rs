//! Where the trust in an instance's repository begins: the root of its metadata that is part of this program.

use crate::trust::attestation::Instance;

/// Where an instance keeps its newest root, and by whose keys it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Whose it is.
    pub instance: Instance,
    /// The address of its repository.
    pub address: &'static str,
    /// The root of its metadata, as sigstore-trust-root 0.15.1 carries it: the one thing that is believed unseen. Every
    /// later one must be signed by the keys of the one before.
    pub(super) root: &'static str,
}

impl Anchor {
    /// Of each instance that has a repository.
    pub const ALL: [Self; 2] = [
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

    /// What the command line and the directories of a copy call it.
    pub const fn name(self) -> &'static str {
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
    fn nobody_changes_an_anchor_unseen() {
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
