//! Files below everything else: directories that are used through an open handle, without following a link.

mod dir;
mod error;
#[cfg_attr(unix, path = "handle_unix.rs")]
#[cfg_attr(not(unix), path = "handle_windows.rs")]
mod handle;
mod lock;
mod stat;
mod trusted;

pub use dir::Dir;
pub use dir::UNFINISHED;
pub use dir::set_mode;
pub use dir::stat_of;
pub use error::FileError;
pub use error::FileKind;
pub use lock::Lock;
pub use lock::LockError;
pub use stat::FileId;
pub use stat::Stat;
pub use trusted::Distrust;
pub use trusted::Purpose;
pub use trusted::distrusted;
