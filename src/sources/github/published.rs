//! Every published release, for those who look for the newest by version and not for the one GitHub calls the latest.

use crate::model::Release;
use crate::model::progress::Progress;
use crate::sources::github::ApiError;
use crate::sources::github::GitHub;
use crate::sources::github::releases::ReleaseAnswer;

/// How many releases one page has: the most the API gives.
const PER_PAGE: usize = 100;

/// Nobody keeps more releases than these pages hold, and somebody who pretends to is not followed further.
const MAX_PAGES: usize = 10;

impl GitHub {
    /// Lists the releases, drafts the token may see included. Upstream keeps three, so this is one call.
    pub async fn published(&self, progress: &dyn Progress) -> Result<Vec<Release>, ApiError> {
        let what = format!("releases of {}", self.repo);
        let mut releases = Vec::new();
        for page in 1..=MAX_PAGES {
            let route = format!("{}?per_page={PER_PAGE}&page={page}", self.route(&["releases"]));
            let answers: Vec<ReleaseAnswer> = self.get_json(&route, &what, progress).await?;
            let is_last = answers.len() < PER_PAGE;
            // A release whose tag is none cannot be installed, and must not hide the others.
            releases.extend(answers.into_iter().filter_map(|answer| answer.into_release().ok()));
            if is_last {
                break;
            }
        }
        Ok(releases)
    }
}
