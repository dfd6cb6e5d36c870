//! Determines what a file on disk is by reading it, checks it before it is installed, and starts it only to get its version.
//!
//! During an installation, [`inspect`] reads the header, [`preflight`] decides whether the file can run here, and
//! [`smoke_check`] starts it once for its version, which [`check_version`] compares with the tag. `which` uses only [`inspect`]
//! and [`is_worker`], so it never starts an unknown program.

mod elf;
mod elf_dynamic;
mod go_blob;
mod goinfo;
mod host;
mod identity;
mod inspect;
mod inspection;
mod libc;
mod macho;
mod pe;
mod preflight;
#[cfg(test)]
mod real_go;
#[cfg(test)]
mod samples;
mod smoke;
mod sniff;
mod window;
mod words;

pub use goinfo::GoBuildInfo;
pub use host::LoaderHost;
pub use identity::ExecutableIdentity;
pub use identity::is_worker;
pub(crate) use inspect::InspectError;
pub(crate) use inspect::inspect;
pub use inspect::read_inspection;
pub use inspection::ExecutableKind;
pub(crate) use inspection::FileContent;
#[cfg(test)]
pub(crate) use inspection::Format;
pub use inspection::GlibcVersion;
pub use inspection::Inspection;
pub use libc::Glibc;
pub use libc::Libc;
pub(crate) use libc::detect_libc;
#[cfg(test)]
pub(crate) use preflight::Note;
pub use preflight::PreflightError;
pub use preflight::preflight;
pub(crate) use smoke::SmokeError;
pub(crate) use smoke::VersionCheck;
pub(crate) use smoke::VersionMismatch;
pub(crate) use smoke::check_version;
pub(crate) use smoke::smoke_check;
