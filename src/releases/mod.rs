//! A repository's own releases: delete old ones, restore tags, check what was published.

pub(crate) mod check;
pub(crate) mod prune;
