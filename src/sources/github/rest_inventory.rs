//! The inventory through the REST API: more requests and no totals, but works without a token and on old servers.

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::io::net::NetError;
use crate::io::net::api::ApiPage;
use crate::io::net::api::Page;
use crate::io::net::api::PageLimits;
use crate::io::net::api::all_pages;
use crate::io::net::api::at_most;
use crate::io::net::api::has_next_page;
use crate::model::AssetState;
use crate::model::Tag;
use crate::model::inventory::AssetRecord;
use crate::model::inventory::Completeness;
use crate::model::inventory::Inventory;
use crate::model::inventory::ReleaseRecord;
use crate::model::inventory::RepoFacts;
use crate::model::inventory::TagKind;
use crate::model::inventory::TagRecord;
use crate::sources::github::ApiError;
use crate::sources::github::api::read_json;
use crate::sources::github::inventory::Lister;
use crate::sources::github::inventory::MOST_RELEASES;
use crate::sources::github::inventory::slug_of;
use crate::sources::github::inventory::too_many;
use crate::sources::github::releases::MAX_ASSETS;

/// More pages than any list of GitHub has; stops a server whose pages never end.
const MOST_PAGES: usize = 1000;

/// The limit for all pages of a list together, including release notes, which are discarded.
const MOST_BYTES: usize = 128 << 20;

/// The requested page size.
const PAGE: usize = 100;

/// `matching-refs` returns all of them at once.
const MOST_TAGS: usize = 30_000;

/// The most tags without a release to look up dates for, at one request each; the rest stay undated and are kept.
const MOST_DATES: usize = 200;

#[derive(Debug, Deserialize)]
struct RepositoryAnswer {
    id: u64,
    #[serde(default)]
    node_id: Option<String>,
    full_name: String,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    permissions: Option<Permissions>,
}

#[derive(Debug, Deserialize)]
struct Permissions {
    #[serde(default)]
    push: bool,
}

#[derive(Debug, Deserialize)]
struct ReleaseAnswer {
    id: u64,
    #[serde(default)]
    node_id: Option<String>,
    tag_name: String,
    name: Option<String>,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    prerelease: bool,
    #[serde(default)]
    immutable: Option<bool>,
    created_at: Option<DateTime<Utc>>,
    published_at: Option<DateTime<Utc>>,
    #[serde(default)]
    updated_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "at_most::<MAX_ASSETS, _, _>")]
    assets: Vec<AssetAnswer>,
}

#[derive(Debug, Deserialize)]
struct AssetAnswer {
    name: String,
    size: u64,
    state: String,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    download_count: u64,
}

#[derive(Debug, Deserialize)]
struct RefAnswer {
    #[serde(rename = "ref")]
    name: String,
    object: ObjectAnswer,
}

#[derive(Debug, Deserialize)]
struct ObjectAnswer {
    sha: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct IdAnswer {
    id: u64,
}

#[derive(Debug, Deserialize)]
struct DatedAnswer {
    #[serde(default)]
    tagger: Option<Signature>,
    #[serde(default)]
    committer: Option<Signature>,
}

#[derive(Debug, Deserialize)]
struct Signature {
    date: Option<DateTime<Utc>>,
}

impl Lister<'_> {
    pub(super) async fn list_by_rest(&self) -> Result<Inventory, ApiError> {
        self.github.take_read_without_token();
        let repository: RepositoryAnswer =
            self.github.get_json(&self.github.route(&[]), &self.what(), self.progress).await?;
        let (releases, gap) = self.releases_by_rest().await?;
        let mut tags = self.tags_by_rest().await?;
        self.date_bare_tags(&mut tags, &releases).await?;
        let latest = match self.latest_by_rest().await {
            Ok(latest) => Some(latest),
            Err(ApiError::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        // Without a token no one may push, and drafts are not listed; with one, GitHub may not state it.
        let may_push = if self.github.take_read_without_token() || !self.github.has_token() {
            Some(false)
        } else {
            repository.permissions.map(|may| may.push)
        };
        Ok(Inventory {
            repository: RepoFacts {
                id: repository.id,
                node_id: repository.node_id,
                full_name: slug_of(&repository.full_name)?,
                archived: repository.archived,
                may_push,
            },
            complete: gap.or_else(|| too_many(releases.len())).unwrap_or(Completeness::Complete),
            releases,
            tags,
            latest,
        })
    }

    /// Every release with the state of its assets, and why the list is incomplete, if it is.
    pub(super) async fn releases_by_rest(&self) -> Result<(Vec<ReleaseRecord>, Option<Completeness>), ApiError> {
        let route = self.github.route(&["releases"]);
        match self.pages::<ReleaseAnswer, PAGE>(&route, "releases").await {
            Ok(all) => Ok((all.into_iter().map(ReleaseAnswer::into_record).collect(), None)),
            // GitHub's response beyond its limit on releases.
            Err(ApiError::Net(NetError::Status { status: 422, .. })) => Ok((Vec::new(), too_many(MOST_RELEASES))),
            Err(error) => Err(error),
        }
    }

    async fn tags_by_rest(&self) -> Result<Vec<TagRecord>, ApiError> {
        let route = format!("{}/", self.github.route(&["git", "matching-refs", "tags"]));
        let all = self.pages::<RefAnswer, MOST_TAGS>(&route, "tags").await?;
        Ok(all.into_iter().filter_map(RefAnswer::into_record).collect())
    }

    async fn latest_by_rest(&self) -> Result<u64, ApiError> {
        let what = format!("latest release of {}", self.github.repo());
        let route = self.github.route(&["releases", "latest"]);
        let latest: IdAnswer = self.github.get_json(&route, &what, self.progress).await?;
        Ok(latest.id)
    }

    /// Looks up the dates of tags without a release; this API returns them one by one.
    async fn date_bare_tags(&self, tags: &mut [TagRecord], releases: &[ReleaseRecord]) -> Result<(), ApiError> {
        let is_bare = |tag: &&mut TagRecord| {
            let versioned = tag.name.parse::<Tag>().is_ok_and(|name| name.version().is_some());
            versioned && !releases.iter().any(|release| !release.draft && release.tag == tag.name)
        };
        for tag in tags.iter_mut().filter(is_bare).take(MOST_DATES) {
            let directory = match tag.kind {
                TagKind::Annotated => "tags",
                TagKind::Lightweight => "commits",
            };
            let route = self.github.route(&["git", directory, &tag.object_id]);
            let what = format!("date of the tag {}", tag.name);
            match self.github.get_json::<DatedAnswer>(&route, &what, self.progress).await {
                Ok(told) => tag.dated = told.tagger.or(told.committer).and_then(|signature| signature.date),
                Err(ApiError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// All pages of a list, by number, until there is no `Link` to a next page.
    async fn pages<T: DeserializeOwned, const MOST: usize>(&self, route: &str, what: &str) -> Result<Vec<T>, ApiError> {
        let what = format!("{what} of {}", self.github.repo());
        let page = async |number: usize| {
            let route = format!("{route}?per_page=100&page={number}");
            let answer = self.github.get_answer(&route, &what, self.progress).await?;
            let Page(entries): Page<T, MOST> = read_json(&answer.body, &what)?;
            let leads_on = answer.header("link").is_some_and(has_next_page);
            Ok::<_, ApiError>(ApiPage { entries, bytes: answer.body.len(), next: leads_on.then_some(number + 1) })
        };
        let limits = PageLimits { pages: MOST_PAGES, bytes: MOST_BYTES };
        let all = all_pages(limits, 1, page).await?;
        all.ok_or_else(|| ApiError::Shape { what: what.clone(), reason: "the list does not end".to_owned() })
    }
}

impl ReleaseAnswer {
    fn into_record(self) -> ReleaseRecord {
        let asset = |asset: AssetAnswer| AssetRecord {
            id: None,
            name: asset.name,
            size: asset.size,
            state: if asset.state == "uploaded" { AssetState::Uploaded } else { AssetState::Incomplete },
            digest: asset.digest.filter(|digest| !digest.is_empty()),
            downloads: asset.download_count,
        };
        ReleaseRecord {
            id: self.id,
            node_id: self.node_id,
            tag: self.tag_name,
            name: self.name,
            draft: self.draft,
            prerelease: self.prerelease,
            immutable: self.immutable,
            created_at: self.created_at,
            published_at: self.published_at,
            updated_at: self.updated_at,
            assets: self.assets.into_iter().map(asset).collect(),
        }
    }
}

impl RefAnswer {
    fn into_record(self) -> Option<TagRecord> {
        let name = self.name.strip_prefix("refs/tags/")?.to_owned();
        let kind = if self.object.kind == "tag" { TagKind::Annotated } else { TagKind::Lightweight };
        Some(TagRecord { name, object_id: self.object.sha, kind, dated: None })
    }
}
