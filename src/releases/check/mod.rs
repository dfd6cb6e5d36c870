//! What a release should have before it is announced: assets, checksums, attestations, and a version that matches the
//! source. [`judge`] decides over values; [`source_versions`], [`migrations`] and [`write_sums`] read and write files.

mod attested;
mod files;
mod judge;
mod python;
mod sums;

pub(crate) use attested::AttestationFinding;
pub(crate) use attested::Attested;
pub(crate) use files::migrations;
pub(crate) use files::source_versions;
pub(crate) use judge::Check;
pub(crate) use judge::ReleaseFacts;
pub(crate) use judge::Remark;
pub(crate) use judge::StatedSums;
pub(crate) use judge::complete_assets;
pub(crate) use judge::judge;
pub(crate) use python::SourceVersion;
pub(crate) use sums::LeftOut;
pub(crate) use sums::Sum;
pub(crate) use sums::Sums;
pub(crate) use sums::SumsError;
pub(crate) use sums::write_sums;
