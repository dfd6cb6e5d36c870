//! All published releases, for choosing the newest by version instead of the one GitHub marks as latest.

use crate::model::Release;
use crate::model::progress::Progress;
use crate::sources::github::ApiError;
use crate::sources::github::GitHub;
use crate::sources::github::releases::ReleaseAnswer;

/// The page size: the API's maximum.
const PER_PAGE: usize = 100;

/// A limit on pages; far more releases than anyone keeps.
const MAX_PAGES: usize = 10;

impl GitHub {
    /// Lists the releases, including drafts visible to the token. Upstream keeps three, so this is one call.
    pub async fn published(&self, progress: &dyn Progress) -> Result<Vec<Release>, ApiError> {
        let what = format!("releases of {}", self.repo);
        let mut releases = Vec::new();
        for page in 1..=MAX_PAGES {
            let route = format!("{}?per_page={PER_PAGE}&page={page}", self.route(&["releases"]));
            let answers: Vec<ReleaseAnswer> = self.get_json(&route, &what, progress).await?;
            let is_last = answers.len() < PER_PAGE;
            // A release with an invalid tag cannot be installed, and must not hide the others.
            releases.extend(answers.into_iter().filter_map(|answer| answer.into_release().ok()));
            if is_last {
                break;
            }
        }
        Ok(releases)
    }
}
