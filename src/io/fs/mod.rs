//! Low-level file access: directories that are used through open handles, without following links.

pub(crate) mod bounded_read;
mod dir;
mod error;
#[cfg_attr(unix, path = "handle_unix.rs")]
#[cfg_attr(not(unix), path = "handle_windows.rs")]
mod handle;
pub(crate) mod hashing_writer;
mod lock;
mod output;
mod stat;
mod temporary;
mod trusted;

pub(crate) use dir::Dir;
pub(crate) use dir::UNFINISHED;
pub(crate) use dir::set_mode;
pub(crate) use dir::stat_of;
pub(crate) use error::FileError;
pub(crate) use error::FileKind;
pub(crate) use lock::Lock;
pub(crate) use lock::LockError;
pub use output::OutputFile;
pub(crate) use output::check_output;
pub(crate) use output::finished;
pub(crate) use output::move_into_place;
pub(crate) use output::new_record;
pub(crate) use output::open_record;
pub(crate) use output::sweep_beside;
pub(crate) use output::write_file;
pub(crate) use output::write_private_file;
pub(crate) use output::write_through_link;
pub(crate) use stat::FileId;
pub(crate) use stat::Stat;
pub(crate) use temporary::TemporaryDirectory;
pub(crate) use temporary::TemporaryFile;
pub(crate) use temporary::sweep;
pub(crate) use trusted::Distrust;
pub(crate) use trusted::Purpose;
pub(crate) use trusted::distrusted;
