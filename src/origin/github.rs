//! GitHub as an origin.

use crate::github::GitHub;
use crate::release::Tag;
use crate::secret::SafeUrl;

pub(super) fn address(github: &GitHub, tag: &Tag, name: &str) -> String {
    SafeUrl(&github.asset_page_url(tag, name)).to_string()
}
