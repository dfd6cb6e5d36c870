//! The complete inventory of a repository, read to the last page. One GraphQL query pages through releases and tags together;
//! the REST API is used where GraphQL is unavailable or there is no token.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::collections::HashSet;

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde_json::json;

use crate::io::net::api::at_most;
use crate::model::AssetState;
use crate::model::RepoSlug;
use crate::model::RepoSlugError;
use crate::model::inventory::AssetRecord;
use crate::model::inventory::Completeness;
use crate::model::inventory::Inventory;
use crate::model::inventory::ReleaseRecord;
use crate::model::inventory::RepoFacts;
use crate::model::inventory::TagKind;
use crate::model::inventory::TagRecord;
use crate::model::progress::Progress;
use crate::sources::github::ApiError;
use crate::sources::github::GitHub;
use crate::sources::github::graphql::GraphQlError;
use crate::sources::github::graphql::Problem;

/// The most releases GitHub lists for any repository.
pub(super) const MOST_RELEASES: usize = 1000;

/// More pages than any repository needs; stops a server whose pages never end.
const MOST_PAGES: usize = 1000;

/// The limit for all pages together; a thousand releases with a hundred assets each take half of it.
const MOST_BYTES: usize = 48 << 20;

/// How often a list that changes while it is read is read again.
const TRIES: usize = 3;

/// Fields that older servers lack; they are omitted there.
const YOUNG_FIELDS: [&str; 2] = ["immutable", "digest"];

/// The API used for listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListingMethod {
    GraphQl,
    Rest,
}

/// Lists the same repository repeatedly in the same way, so that two listings differ only if the repository did.
pub struct Lister<'a> {
    pub(super) github: &'a GitHub,
    pub(super) progress: &'a dyn Progress,
    way: Cell<ListingMethod>,
    omitted: RefCell<BTreeSet<&'static str>>,
    /// Assets that the REST API reported as uploaded; GraphQL does not report that, and they never become incomplete again.
    whole: RefCell<HashSet<(u64, String)>>,
}

impl<'a> Lister<'a> {
    /// Makes no request yet.
    pub fn new(github: &'a GitHub, progress: &'a dyn Progress) -> Self {
        let way = if github.has_token() { ListingMethod::GraphQl } else { ListingMethod::Rest };
        Self {
            github,
            progress,
            way: Cell::new(way),
            omitted: RefCell::new(BTreeSet::new()),
            whole: RefCell::new(HashSet::new()),
        }
    }

    /// Whether mutations can be sent through GraphQL as well.
    pub fn speaks_graphql(&self) -> bool {
        self.way.get() == ListingMethod::GraphQl
    }

    /// Why the token was not used, if it was refused; the listing then shows only what is public.
    pub fn refused_token(&self) -> Option<ApiError> {
        self.github.tokens.refusal()
    }

    /// Lists everything. A listing whose totals do not match is read again; if they still do not match, it has a gap.
    pub async fn list(&self) -> Result<Inventory, ApiError> {
        let mut listed = self.list_once().await?;
        for _ in 1..TRIES {
            if !matches!(listed.complete, Completeness::Incomplete { is_final: false, .. }) {
                break;
            }
            self.progress.note("the list changed while it was read; reading it again");
            listed = self.list_once().await?;
        }
        Ok(listed)
    }

    async fn list_once(&self) -> Result<Inventory, ApiError> {
        while self.way.get() == ListingMethod::GraphQl {
            match self.list_by_graphql().await {
                Ok(listed) => return self.with_states(listed).await,
                Err(GraphQlError::UnknownField { field }) => match YOUNG_FIELDS.iter().find(|known| **known == field) {
                    Some(known) if self.omitted.borrow_mut().insert(known) => {}
                    Some(_) | None => self.way.set(ListingMethod::Rest),
                },
                Err(GraphQlError::Off) => self.way.set(ListingMethod::Rest),
                // If the token is refused, the REST API reports it and tries the next one.
                Err(GraphQlError::Refused(problems)) if problems.first().is_some_and(Problem::is_forbidden) => {
                    self.way.set(ListingMethod::Rest);
                }
                Err(error) => return Err(error.into_api(&self.what(), self.github.server())),
            }
        }
        self.list_by_rest().await
    }

    pub(super) fn what(&self) -> String {
        format!("repository {}", self.github.repo())
    }

    async fn list_by_graphql(&self) -> Result<Inventory, GraphQlError> {
        let document = self.document();
        let (mut releases, mut tags) = (Pages::default(), Pages::default());
        let mut facts = None;
        let (mut pages, mut bytes) = (0, 0);
        while !(releases.done && tags.done) {
            pages += 1;
            if pages > MOST_PAGES || bytes > MOST_BYTES {
                return Err(GraphQlError::Api(self.endless()));
            }
            let variables = json!({
                "owner": self.github.repo().owner(),
                "name": self.github.repo().name(),
                "releases": !releases.done,
                "tags": !tags.done,
                "r": releases.cursor,
                "t": tags.cursor,
            });
            let page = self.github.graphql_query::<Data>(&document, &variables, &self.what(), self.progress).await;
            let page = match page {
                Ok((page, length)) => {
                    bytes += length;
                    page
                }
                // GitHub's response beyond its limit on releases; at least one page has been read by then.
                Err(GraphQlError::Refused(problems)) if releases.total >= MOST_RELEASES && !problems.is_empty() => {
                    releases.done = true;
                    releases.moved = true;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Some(mut repository) = page.repository else {
                let server = Box::new(self.github.server().clone());
                return Err(GraphQlError::Api(ApiError::NotFound { what: self.what(), server }));
            };
            releases.take(repository.releases.take(), "releases")?;
            tags.take(repository.refs.take(), "tags")?;
            facts = Some(repository);
        }
        let facts = facts.expect("the first request asks for it");
        let astray = tags.nodes.iter().find(|tag| tag.target.is_none());
        let astray = astray.map(|tag| format!("the tag {} has no target", tag.name));
        let changed = releases.gap("releases").or_else(|| tags.gap("tags")).or(astray);
        let changed = changed.map(|why| Completeness::Incomplete { why, is_final: false });
        let complete = too_many(releases.total).or(changed).unwrap_or(Completeness::Complete);
        Ok(Inventory {
            latest: facts.latest_release.as_ref().map(|latest| latest.database_id),
            repository: facts.into_record().map_err(GraphQlError::Api)?,
            releases: releases.nodes.into_iter().map(ReleaseNode::into_record).collect(),
            tags: tags.nodes.into_iter().filter_map(RefNode::into_record).collect(),
            complete,
        })
    }

    fn endless(&self) -> ApiError {
        let reason = format!("the list does not end: more than {MOST_PAGES} pages or {MOST_BYTES} bytes");
        ApiError::Shape { what: self.what(), reason }
    }

    /// GraphQL reports neither the state of an upload nor more than 100 assets of a release. An asset with a digest is complete,
    /// because GitHub computes it from all bytes. For the others the REST API is queried, once for all of them.
    async fn with_states(&self, mut listed: Inventory) -> Result<Inventory, ApiError> {
        let is_known = |id: u64, asset: &AssetRecord| {
            (asset.digest.is_some() && asset.size > 0) || self.whole.borrow().contains(&(id, asset.name.clone()))
        };
        let is_open = |release: &ReleaseRecord| {
            release.assets.iter().any(|asset| asset.name.is_empty() || !is_known(release.id, asset))
        };
        if !listed.releases.iter().any(is_open) {
            return Ok(listed);
        }
        let (told, _) = self.releases_by_rest().await?;
        for release in &mut listed.releases {
            let Some(told) = told.iter().find(|told| told.id == release.id) else { continue };
            if release.assets.iter().any(|asset| asset.name.is_empty()) {
                release.assets.clone_from(&told.assets);
            }
            for asset in &mut release.assets {
                let found = told.assets.iter().find(|told| told.name == asset.name);
                asset.state = found.map_or(AssetState::Incomplete, |told| told.state);
                if asset.state == AssetState::Uploaded {
                    self.whole.borrow_mut().insert((release.id, asset.name.clone()));
                }
            }
        }
        for release in &mut listed.releases {
            for asset in &mut release.assets {
                let known = is_known(release.id, asset);
                asset.state = if known { AssetState::Uploaded } else { AssetState::Incomplete };
            }
        }
        Ok(listed)
    }

    fn document(&self) -> String {
        let omitted = self.omitted.borrow();
        let field = |name: &'static str| if omitted.contains(name) { "" } else { name };
        format!(
            "query($owner: String!, $name: String!, $releases: Boolean!, $tags: Boolean!, $r: String, $t: String) {{
  repository(owner: $owner, name: $name) {{
    id databaseId nameWithOwner isArchived viewerPermission
    latestRelease {{ databaseId }}
    releases(first: 100, after: $r) @include(if: $releases) {{
      totalCount pageInfo {{ hasNextPage endCursor }}
      nodes {{
        id databaseId tagName name isDraft isPrerelease {immutable} createdAt publishedAt updatedAt
        releaseAssets(first: 100) {{ totalCount nodes {{ name size {digest} downloadCount }} }}
      }}
    }}
    refs(refPrefix: \"refs/tags/\", first: 100, after: $t) @include(if: $tags) {{
      totalCount pageInfo {{ hasNextPage endCursor }}
      nodes {{
        name
        target {{ oid __typename ... on Tag {{ tagger {{ date }} }} ... on Commit {{ committedDate }} }}
      }}
    }}
  }}
}}",
            immutable = field("immutable"),
            digest = field("digest"),
        )
    }
}

/// The name of a repository, as GitHub spells it.
pub(super) fn slug_of(name: &str) -> Result<RepoSlug, ApiError> {
    name.parse().map_err(|error: RepoSlugError| ApiError::Shape {
        what: "the repository".to_owned(),
        reason: error.to_string(),
    })
}

/// Why GitHub may have more releases than it lists.
pub(super) fn too_many(releases: usize) -> Option<Completeness> {
    (releases >= MOST_RELEASES).then(|| Completeness::Incomplete {
        why: format!("GitHub shows at most {MOST_RELEASES} releases, and the repository has that many or more"),
        is_final: true,
    })
}

/// The pages of one list, so far.
struct Pages<N> {
    nodes: Vec<N>,
    cursor: Option<String>,
    total: usize,
    moved: bool,
    done: bool,
}

impl<N> Default for Pages<N> {
    fn default() -> Self {
        Self { nodes: Vec::new(), cursor: None, total: 0, moved: false, done: false }
    }
}

impl<N> Pages<N> {
    fn take(&mut self, page: Option<Connection<N>>, what: &str) -> Result<(), GraphQlError> {
        if self.done {
            return Ok(());
        }
        let shape = |reason: &str| {
            GraphQlError::Api(ApiError::Shape { what: format!("the {what}"), reason: reason.to_owned() })
        };
        let page = page.ok_or_else(|| shape("a page is missing"))?;
        self.moved |= self.cursor.is_some() && self.total != page.total_count;
        self.total = page.total_count;
        let before = self.nodes.len();
        for node in page.nodes {
            self.nodes.push(node.ok_or_else(|| shape("an entry is missing"))?);
        }
        self.done = !page.page_info.has_next_page;
        if !self.done && (self.nodes.len() == before || page.page_info.end_cursor.is_none()) {
            return Err(shape("an empty page is not the last one"));
        }
        if !self.done && page.page_info.end_cursor == self.cursor {
            return Err(shape("a page links to itself"));
        }
        self.cursor = page.page_info.end_cursor.or(self.cursor.take());
        Ok(())
    }

    fn gap(&self, what: &str) -> Option<String> {
        let found = self.nodes.len();
        if found != self.total {
            return Some(format!("only {found} of {} {what} were listed", self.total));
        }
        self.moved.then(|| format!("the number of {what} changed while they were listed"))
    }
}

#[derive(Debug, Deserialize)]
struct Data {
    repository: Option<RepositoryNode>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RepositoryNode {
    id: String,
    database_id: u64,
    name_with_owner: String,
    is_archived: bool,
    viewer_permission: Option<String>,
    latest_release: Option<LatestNode>,
    #[serde(default = "Option::default")]
    releases: Option<Connection<ReleaseNode>>,
    #[serde(default = "Option::default")]
    refs: Option<Connection<RefNode>>,
}

impl RepositoryNode {
    fn into_record(self) -> Result<RepoFacts, ApiError> {
        // GitHub does not state it for apps, and a workflow's own token is one. Their first deletion shows it.
        let may_push = self.viewer_permission.map(|may| matches!(may.as_str(), "WRITE" | "MAINTAIN" | "ADMIN"));
        Ok(RepoFacts {
            id: self.database_id,
            node_id: Some(self.id),
            full_name: slug_of(&self.name_with_owner)?,
            archived: self.is_archived,
            may_push,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LatestNode {
    database_id: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound = "N: Deserialize<'de>")]
struct Connection<N> {
    total_count: usize,
    page_info: PageInfo,
    #[serde(deserialize_with = "at_most::<100, _, _>")]
    nodes: Vec<Option<N>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReleaseNode {
    id: String,
    database_id: u64,
    tag_name: String,
    name: Option<String>,
    is_draft: bool,
    is_prerelease: bool,
    #[serde(default)]
    immutable: Option<bool>,
    created_at: Option<DateTime<Utc>>,
    published_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
    release_assets: Assets,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assets {
    total_count: usize,
    #[serde(deserialize_with = "at_most::<100, _, _>")]
    nodes: Vec<AssetNode>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssetNode {
    name: String,
    size: u64,
    #[serde(default)]
    digest: Option<String>,
    download_count: u64,
}

impl ReleaseNode {
    fn into_record(self) -> ReleaseRecord {
        let is_cut = self.release_assets.total_count > self.release_assets.nodes.len();
        let mut assets: Vec<AssetRecord> = self
            .release_assets
            .nodes
            .into_iter()
            .map(|asset| AssetRecord {
                id: None,
                name: asset.name,
                size: asset.size,
                state: AssetState::Uploaded,
                digest: asset.digest.filter(|digest| !digest.is_empty()),
                downloads: asset.download_count,
            })
            .collect();
        if is_cut {
            // A placeholder for the rest, which the REST API then lists; no real asset has an empty name.
            assets.push(AssetRecord {
                id: None,
                name: String::new(),
                size: 0,
                state: AssetState::Incomplete,
                digest: None,
                downloads: 0,
            });
        }
        ReleaseRecord {
            id: self.database_id,
            node_id: Some(self.id),
            tag: self.tag_name,
            name: self.name,
            draft: self.is_draft,
            prerelease: self.is_prerelease,
            immutable: self.immutable,
            created_at: self.created_at,
            published_at: self.published_at,
            updated_at: self.updated_at,
            assets,
        }
    }
}

#[derive(Debug, Deserialize)]
struct RefNode {
    name: String,
    target: Option<TargetNode>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TargetNode {
    oid: String,
    #[serde(rename = "__typename")]
    kind: String,
    #[serde(default)]
    tagger: Option<Tagger>,
    #[serde(default)]
    committed_date: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
struct Tagger {
    date: Option<DateTime<Utc>>,
}

impl RefNode {
    /// `None` for a ref without a target, which was reported as a gap before.
    fn into_record(self) -> Option<TagRecord> {
        let target = self.target?;
        let kind = if target.kind == "Tag" { TagKind::Annotated } else { TagKind::Lightweight };
        let dated = target.committed_date.or_else(|| target.tagger.as_ref().and_then(|tagger| tagger.date));
        Some(TagRecord { name: self.name, object_id: target.oid, kind, dated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_that_github_hides_from_apps_is_unknown() {
        for (permission, may_push) in [
            ("null", None),
            ("\"READ\"", Some(false)),
            ("\"TRIAGE\"", Some(false)),
            ("\"WRITE\"", Some(true)),
            ("\"ADMIN\"", Some(true)),
        ] {
            let text = format!(
                "{{\"id\":\"R_1\",\"databaseId\":1,\"nameWithOwner\":\"a/b\",\"isArchived\":false,\"viewerPermission\":{permission},\"latestRelease\":null}}"
            );
            let node: RepositoryNode = serde_json::from_str(&text).expect("a repository");
            assert_eq!(node.into_record().expect("a name").may_push, may_push, "{permission}");
        }
    }

    #[test]
    fn pages_that_do_not_match_the_total_are_a_gap() {
        let page = |nodes: usize, total_count, has_next_page| {
            let page_info = PageInfo { has_next_page, end_cursor: Some("x".to_owned()) };
            Some(Connection { total_count, page_info, nodes: (0..nodes).map(Some).collect() })
        };
        let mut pages = Pages::default();
        pages.take(page(2, 3, true), "tags").expect("a page");
        pages.take(page(1, 3, false), "tags").expect("a page");
        assert_eq!(pages.gap("tags"), None);
        let mut pages = Pages::default();
        pages.take(page(2, 3, false), "tags").expect("a page");
        assert_eq!(pages.gap("tags").as_deref(), Some("only 2 of 3 tags were listed"));
        let mut pages = Pages::default();
        pages.take(page(2, 4, true), "tags").expect("a page");
        pages.take(page(1, 3, false), "tags").expect("a page");
        assert!(pages.gap("tags").expect("a gap").contains("changed while"));
        let mut pages = Pages::<usize>::default();
        assert!(pages.take(None, "tags").is_err());
        assert!(pages.take(page(0, 3, true), "tags").is_err(), "it would never end");
    }
}
