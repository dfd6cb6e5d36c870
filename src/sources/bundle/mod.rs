//! Bundles: one release as one file, for machines without a network. The order of a bundle:
//!
//! 1. [`BundlePlan::compute`] turns what was collected into the members of the archive, in the only order there is.
//! 2. [`write`] makes the archive: the same members always give the same bytes.
//! 3. [`Bundle::open`] reads the three members that say what is in it, [`Bundle::check`] all of them, and what is taken out
//!    is accepted only when the whole bundle is as it says.
//!
//! ```text
//! bundle.json              the manifest: every other member with its size and digest
//! reproq.lock              the lock of the release
//! SHA256SUMS               all digests once more, the manifest's too; `sha256sum -c` reads it
//! assets/NAME              the release's assets
//! release/NAME             checksum files and signatures the release has for them
//! source/PATH              the worker's source, buildable without a module proxy
//! ```
//!
//! Nothing in here asks anybody, and a bundle is trusted as far as a checksum file. The format is in `docs/bundle.md`.

mod error;
mod head;
#[cfg(test)]
mod laws;
mod manifest;
mod plan;
mod read;
mod source;
mod write;

pub use error::BundleError;
pub use manifest::BundledAsset;
pub use manifest::BundledFile;
pub use manifest::BundledSource;
pub use manifest::Manifest;
pub use manifest::ManifestError;
pub use manifest::Member;
pub use manifest::SCHEMA;
pub use manifest::SourceFile;
pub use plan::BundlePlan;
pub use plan::MemberContent;
pub use plan::Parts;
pub use plan::PlannedMember;
pub use plan::SourceParts;
pub use read::Bundle;
pub use source::measured;
pub use write::WriteError;
pub use write::WrittenBundle;
pub use write::write;

use crate::worker::archive::Limits;

/// How much a bundle may hold: the assets of every machine and a vendored source many times over.
pub fn limits() -> Limits {
    Limits {
        max_entries: 100_000,
        max_unpacked: 4 * 1024 * 1024 * 1024,
        max_index: 16 * 1024 * 1024,
        ..Limits::default()
    }
}
