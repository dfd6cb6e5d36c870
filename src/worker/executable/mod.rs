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
pub use goinfo::GoSettings;
pub use goinfo::NoGoInfo;
pub use host::LoaderHost;
pub use identity::ExecutableIdentity;
pub use identity::is_worker;
pub use inspect::InspectError;
pub use inspect::inspect;
pub use inspect::read_inspection;
pub use inspection::ExecutableKind;
pub use inspection::FileContent;
pub use inspection::Format;
pub use inspection::GlibcVersion;
pub use inspection::Inspection;
pub use inspection::Linkage;
pub use inspection::Machine;
pub use inspection::NotProgram;
pub use inspection::Program;
pub use inspection::Slice;
pub use libc::Glibc;
pub use libc::Libc;
pub use libc::Musl;
pub use libc::detect_libc;
pub use libc::existing_loader;
pub use preflight::Note;
pub use preflight::PreflightError;
pub use preflight::preflight;
pub use smoke::SmokeError;
pub use smoke::SmokeOutput;
pub use smoke::VersionCheck;
pub use smoke::VersionMismatch;
pub use smoke::check_version;
pub use smoke::smoke_check;
