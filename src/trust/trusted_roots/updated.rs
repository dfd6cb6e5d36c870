//! The stored update of an instance: one file, so that one rename replaces all of it.

use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use crate::model::Sha256Digest;
use crate::trust::attestation::Instance;
use crate::trust::attestation::Root;
use crate::trust::attestation::RootSource;

/// The schema of the file.
const SCHEMA: &str = "reproq.updated-root/1";

/// The versions of an instance's metadata. They only increase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Versions {
    /// Of the root, which lists the keys of everything else.
    pub root: u64,
    /// Of the timestamp, which is renewed every few days.
    pub timestamp: u64,
    /// Of the snapshot, which lists the metadata.
    pub snapshot: u64,
    /// Of the targets, which list the files.
    pub targets: u64,
}

/// A fetched and verified root with the metadata it was verified by.
///
/// It is not verified again when it is read: a user who can write this file could also accept their own root, and a
/// newer program, whose embedded keys have moved on, would reject a valid record. The digest detects damage.
/// The metadata is stored to detect a rollback in the next update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Updated {
    schema: String,
    pub instance: Instance,
    pub fetched_at: DateTime<Utc>,
    /// The versions of its metadata.
    pub versions: Versions,
    sha256: Sha256Digest,
    root: String,
    /// Its metadata, by file name.
    pub metadata: BTreeMap<String, String>,
}

impl Updated {
    /// A root that was verified by this metadata at this time.
    #[cfg(feature = "attestation")]
    pub(super) fn new(
        root: &Root,
        fetched_at: DateTime<Utc>,
        versions: Versions,
        metadata: BTreeMap<String, String>,
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            instance: root.instance,
            fetched_at,
            versions,
            sha256: root.sha256,
            root: root.text().to_owned(),
            metadata,
        }
    }

    /// The digest of the root.
    pub(crate) const fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// The root's text.
    pub(super) fn root_text(&self) -> &str {
        &self.root
    }

    /// The root; an error if it is damaged.
    pub(super) fn root(&self, name: &str) -> Result<Root, String> {
        if self.schema != SCHEMA {
            return Err(format!("its format is `{}`, but this version supports `{SCHEMA}`", self.schema));
        }
        let source = RootSource::Updated { on: self.fetched_at.date_naive(), version: self.versions.targets };
        let root = Root::read(&self.root, source, name).map_err(|error| error.reason)?;
        if root.sha256 != self.sha256 {
            return Err(format!("its sha256 is {}, but {} was stored", root.sha256, self.sha256));
        }
        if root.instance != self.instance {
            return Err(format!("it belongs to {}, not to {}", root.instance, self.instance));
        }
        Ok(root)
    }
}
