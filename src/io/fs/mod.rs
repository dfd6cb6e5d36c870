//! Low-level file access: directories that are used through open handles, without following links.

pub mod bounded_read;
mod dir;
mod error;
#[cfg_attr(unix, path = "handle_unix.rs")]
#[cfg_attr(not(unix), path = "handle_windows.rs")]
mod handle;
pub mod hashing_writer;
mod lock;
mod output;
mod stat;
mod temporary;
mod trusted;

pub use dir::Dir;
pub use dir::UNFINISHED;
pub use dir::set_mode;
pub use dir::stat_of;
pub use error::FileError;
pub use error::FileKind;
pub use lock::Lock;
pub use lock::LockError;
pub use output::OutputFile;
pub use output::check_output;
pub use output::finished;
pub use output::move_into_place;
pub use output::new_record;
pub use output::open_record;
pub use output::sweep_beside;
pub use output::write_file;
pub use output::write_private_file;
pub use output::write_through_link;
pub use stat::FileId;
pub use stat::Stat;
pub use temporary::TemporaryDirectory;
pub use temporary::TemporaryFile;
pub use temporary::sweep;
pub use trusted::Distrust;
pub use trusted::Purpose;
pub use trusted::distrusted;
