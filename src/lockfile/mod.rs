//! `reproq.lock`: which worker a project runs, with a digest for each platform.
//!
//! [`Lockfile`] is the value; [`parse`] and [`render`] convert it from and to text (pure); [`read`] and [`path_in`]
//! find it in a project. Writing it is a step of the store's commit, because it changes together with the binary. What
//! each key means is in `docs/lockfile.md`.

mod file;
mod model;
mod text;

pub(crate) use file::LockfileError;
pub(crate) use file::MAX_BYTES;
pub(crate) use file::path_in;
pub(crate) use file::read;
pub(crate) use file::read_file;
pub use model::LockedAsset;
pub use model::Lockfile;
pub(crate) use model::Pin;
pub(crate) use model::Signer;
pub(crate) use model::changes;
pub(crate) use text::TextError;
pub use text::parse;
pub use text::render;
