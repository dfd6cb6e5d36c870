//! Where a release's files come from: GitHub, a mirror, a bundle or the cache. [`source`] tries them in order.

pub mod bundle;
pub mod cache;
pub mod github;
pub mod mirror;
pub mod source;
