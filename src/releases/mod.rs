//! A repository's own releases: delete old ones, restore tags, check what was published.

pub mod check;
pub mod prune;
