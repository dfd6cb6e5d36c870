//! What a release should have before it is announced: assets, checksums, attestations, and a version that matches the
//! source. [`judge`] decides over values; [`source_versions`], [`migrations`] and [`write_sums`] read and write files.

mod attested;
mod files;
mod judge;
mod python;
mod sums;

pub use attested::AttestationFinding;
pub use attested::Attested;
pub use files::migrations;
pub use files::source_versions;
pub use judge::Check;
pub use judge::ReleaseFacts;
pub use judge::Remark;
pub use judge::StatedSums;
pub use judge::complete_assets;
pub use judge::judge;
pub use python::SourceVersion;
pub use sums::LeftOut;
pub use sums::Sum;
pub use sums::Sums;
pub use sums::SumsError;
pub use sums::write_sums;
