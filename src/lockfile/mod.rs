//! `reproq.lock`: which worker a project runs, with a digest for each platform.
//!
//! [`Lockfile`] is the value; [`parse`] and [`render`] convert it from and to text (pure); [`read`] and [`path_in`]
//! find it in a project. Writing it is a step of the store's commit, because it changes together with the binary. What
//! each key means is in `docs/lockfile.md`.

mod file;
mod model;
mod text;

pub use file::LockfileError;
pub use file::MAX_BYTES;
pub use file::path_in;
pub use file::read;
pub use file::read_file;
pub use model::LockedAsset;
pub use model::Lockfile;
pub use model::Pin;
pub use model::Signer;
pub use model::changes;
pub use text::FORMAT;
pub use text::TextError;
pub use text::parse;
pub use text::render;
