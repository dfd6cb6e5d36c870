//! Where a release's files come from: GitHub, a mirror, a bundle, the cache; and `source`, which tries them in order.

pub mod bundle;
pub mod cache;
pub mod github;
pub mod mirror;
pub mod source;
