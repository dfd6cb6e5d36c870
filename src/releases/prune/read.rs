//! Converts GitHub's listing to an inventory.

use crate::model::RepoSlugError;
use crate::releases::prune::AssetRecord;
use crate::releases::prune::Completeness;
use crate::releases::prune::Inventory;
use crate::releases::prune::ReleaseRecord;
use crate::releases::prune::RepoFacts;
use crate::releases::prune::TagKind;
use crate::releases::prune::TagRecord;
use crate::sources::github::ListedAsset;
use crate::sources::github::ListedRelease;
use crate::sources::github::ListedTag;
use crate::sources::github::RepositoryListing;

/// One API returns asset IDs and the other does not, so IDs are dropped to make both listings equal.
const UNNUMBERED: u64 = 0;

impl Inventory {
    /// The inventory of a listing. If the listing is incomplete, so is the inventory, and no plan is computed from it.
    pub fn of(listed: RepositoryListing) -> Result<Self, RepoSlugError> {
        Ok(Self {
            repository: RepoFacts {
                id: listed.repository.id,
                node_id: listed.repository.node_id,
                full_name: listed.repository.full_name.parse()?,
                archived: listed.repository.archived,
                may_push: listed.repository.may_push,
            },
            releases: listed.releases.into_iter().map(release).collect(),
            tags: listed.tags.into_iter().map(tag).collect(),
            latest: listed.latest,
            complete: listed.gap.map_or(Completeness::Complete, |gap| Completeness::Incomplete {
                why: gap.why,
                is_final: gap.is_final,
            }),
        })
    }
}

fn release(release: ListedRelease) -> ReleaseRecord {
    ReleaseRecord {
        id: release.id,
        node_id: release.node_id,
        tag: release.tag,
        name: release.name,
        draft: release.draft,
        prerelease: release.prerelease,
        immutable: release.immutable,
        created_at: release.created_at,
        published_at: release.published_at,
        updated_at: release.updated_at,
        assets: release.assets.into_iter().map(asset).collect(),
    }
}

fn asset(asset: ListedAsset) -> AssetRecord {
    AssetRecord {
        id: UNNUMBERED,
        name: asset.name,
        size: asset.size,
        state: asset.state,
        digest: asset.digest,
        downloads: asset.downloads,
    }
}

fn tag(tag: ListedTag) -> TagRecord {
    let kind = if tag.annotated { TagKind::Annotated } else { TagKind::Lightweight };
    TagRecord { name: tag.name, object_id: tag.object_id, kind, dated: tag.dated }
}
