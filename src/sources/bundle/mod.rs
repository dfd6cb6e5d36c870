//! Bundles: one release in one file, for platforms without network access. Creating and reading one:
//!
//! 1. [`BundlePlan::compute`] turns the collected parts into the members of the archive, in canonical order.
//! 2. [`write`] writes the archive; equal members give equal bytes.
//! 3. [`Bundle::open`] reads the first three members (the metadata), [`Bundle::check`] reads all of them. An extracted file
//!    is accepted only if the whole bundle matches its manifest.
//!
//! ```text
//! bundle.json              the manifest: every other member with its size and digest
//! reproq.lock              the lockfile of the release
//! SHA256SUMS               all digests again, including the manifest's; for `sha256sum -c`
//! assets/NAME              the release's assets
//! release/NAME             the release's checksum files and signatures for them
//! source/PATH              the worker's source, buildable without a module proxy
//! ```
//!
//! This module makes no requests. A bundle is trusted as much as a checksum file. The format is described in `docs/bundle.md`.

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
pub(crate) use manifest::BundledAsset;
pub(crate) use manifest::BundledFile;
pub(crate) use manifest::BundledSource;
pub use manifest::Manifest;
pub(crate) use manifest::ManifestError;
pub(crate) use manifest::Member;
pub(crate) use manifest::SCHEMA;
pub(crate) use manifest::SourceFile;
pub use plan::BundlePlan;
pub(crate) use plan::MemberContent;
pub use plan::Parts;
pub(crate) use plan::PlannedMember;
pub(crate) use plan::SourceParts;
pub use read::Bundle;
pub(crate) use source::measured;
pub(crate) use write::WriteError;
pub(crate) use write::WrittenBundle;
pub use write::write;

use crate::worker::archive::Limits;

/// Limits of a bundle: room for the assets of every platform and a vendored source, several times over.
pub(crate) fn limits() -> Limits {
    Limits {
        max_entries: 100_000,
        max_unpacked: 4 * 1024 * 1024 * 1024,
        max_index: 16 * 1024 * 1024,
        ..Limits::default()
    }
}
