//! Where a release's files come from: GitHub, a mirror, a bundle or the cache. [`source`] tries them in order.

pub(crate) mod bundle;
pub(crate) mod cache;
pub(crate) mod github;
pub(crate) mod mirror;
pub(crate) mod source;
