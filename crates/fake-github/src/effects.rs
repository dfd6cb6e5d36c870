//! The effects of publishing, deleting and moving, and the rules that prevent them.

use crate::spec::AssetSpec;
use crate::spec::MakeLatest;
use crate::spec::ReleaseSpec;
use crate::spec::TagSpec;
use crate::world::Asset;
use crate::world::Blob;
use crate::world::GitObject;
use crate::world::Release;
use crate::world::Repo;
use crate::world::World;
use crate::world::made_up_oid;

/// Why a ref is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    Exists,
    UnknownObject,
    Rule,
    Immutable,
    Burned,
    Moved { actual: Option<String> },
    NeedsForce,
}

/// One update of `updateRefs`; without `after` it deletes, and `before` of `Some(None)` requires that the tag does not exist.
#[derive(Debug, Clone)]
pub(crate) struct TagUpdate {
    pub(crate) tag: String,
    pub(crate) before: Option<Option<String>>,
    pub(crate) after: Option<String>,
    pub(crate) force: bool,
}

impl World {
    pub(crate) fn add_release(&mut self, repo: usize, spec: ReleaseSpec) -> u64 {
        let id = self.next_id();
        let assets = spec.assets.iter().cloned().map(|asset| (self.next_id(), asset)).collect::<Vec<_>>();
        let repo = &mut self.repos[repo];
        let created_at = spec.created_at.clone().unwrap_or_else(|| repo.next_default_date());
        if !spec.draft && !spec.without_tag && !repo.tags.contains_key(&spec.tag) {
            repo.add_tag(TagSpec {
                name: spec.tag.clone(),
                target: spec.target,
                committed_at: Some(created_at.clone()),
                annotated: spec.annotated,
            });
        }
        let published_at = (!spec.draft).then(|| spec.published_at.unwrap_or_else(|| created_at.clone()));
        let updated_at = published_at.clone().unwrap_or_else(|| created_at.clone());
        repo.releases.push(Release {
            id,
            name: spec.name.unwrap_or_else(|| spec.tag.clone()),
            tag: spec.tag,
            body: spec.body,
            draft: spec.draft,
            prerelease: spec.prerelease,
            immutable: spec.immutable,
            created_at,
            published_at,
            make_latest: spec.make_latest,
            assets: assets.into_iter().map(|(id, asset)| asset_of(id, asset, &updated_at)).collect(),
            updated_at,
        });
        if spec.make_latest == MakeLatest::True {
            repo.chosen_latest = Some(id);
        }
        id
    }

    pub(crate) fn add_asset(&mut self, repo: usize, release: u64, spec: AssetSpec) -> u64 {
        let id = self.next_id();
        let release = self.repos[repo].releases.iter_mut().find(|candidate| candidate.id == release);
        let release = release.expect("an asset is added to a release that exists");
        release.assets.retain(|asset| asset.name != spec.name);
        let updated_at = release.updated_at.clone();
        release.assets.push(asset_of(id, spec, &updated_at));
        id
    }
}

fn asset_of(id: u64, spec: AssetSpec, updated_at: &str) -> Asset {
    Asset {
        id,
        name: spec.name,
        blob: Blob::new(spec.bytes),
        state: spec.state,
        digest: spec.digest,
        downloads: spec.downloads,
        stated_size: spec.size,
        content_type: spec.content_type,
        updated_at: updated_at.to_owned(),
    }
}

impl Repo {
    /// Creates a tag and the objects it needs; returns the object id of the ref.
    pub(crate) fn add_tag(&mut self, spec: TagSpec) -> String {
        let date = spec.committed_at.unwrap_or_else(|| self.next_default_date());
        let commit = spec.target.unwrap_or_else(|| made_up_oid(&format!("commit {}", spec.name)));
        self.objects.entry(commit.clone()).or_insert(GitObject::Commit { date });
        let oid = match spec.annotated {
            None => commit,
            Some(date) => {
                let oid = made_up_oid(&format!("tag {} {commit} {date}", spec.name));
                let object = GitObject::Tag { name: spec.name.clone(), date, target: commit };
                self.objects.insert(oid.clone(), object);
                oid
            }
        };
        self.tags.insert(spec.name, oid.clone());
        oid
    }

    /// Deletes a release with its assets, but not its tag. False if it does not exist.
    pub(crate) fn delete_release(&mut self, id: u64) -> bool {
        let Some(index) = self.releases.iter().position(|release| release.id == id) else { return false };
        let release = self.releases.remove(index);
        if release.immutable {
            self.burned.insert(release.tag.clone());
        }
        if self.lag > 0 {
            self.ghost_releases.push((release, self.lag));
        }
        true
    }

    /// Publishes a draft at a time, and creates its tag if it does not exist.
    pub(crate) fn publish(&mut self, id: u64, time: &str) {
        let release = self.releases.iter_mut().find(|release| release.id == id);
        let release = release.expect("only a release that exists is published");
        release.draft = false;
        release.immutable |= self.immutable_releases;
        release.published_at = Some(time.to_owned());
        let tag = release.tag.clone();
        if !self.tags.contains_key(&tag) {
            self.add_tag(TagSpec::new(&tag));
        }
    }

    /// Whether a tag may be deleted.
    ///
    /// # Errors
    /// The first rule that forbids it.
    pub(crate) fn may_delete_tag(&self, tag: &str) -> Result<(), Refusal> {
        if !self.tags.contains_key(tag) {
            return Err(Refusal::Missing);
        }
        if self.releases.iter().any(|release| release.immutable && !release.draft && release.tag == tag) {
            return Err(Refusal::Immutable);
        }
        if self.has_rule_against_deleting(tag) { Err(Refusal::Rule) } else { Ok(()) }
    }

    /// Deletes a tag; a published release of it becomes a draft.
    pub(crate) fn delete_tag(&mut self, tag: &str) -> Result<(), Refusal> {
        self.may_delete_tag(tag)?;
        let oid = self.tags.remove(tag).ok_or(Refusal::Missing)?;
        for release in self.releases.iter_mut().filter(|release| release.tag == tag) {
            release.draft = true;
            release.published_at = None;
        }
        if self.lag > 0 {
            self.ghost_tags.push((tag.to_owned(), oid, self.lag));
        }
        Ok(())
    }

    /// Whether a tag may be created at an object.
    pub(crate) fn may_create_tag(&self, tag: &str, oid: &str) -> Result<(), Refusal> {
        if self.tags.contains_key(tag) {
            Err(Refusal::Exists)
        } else if self.burned.contains(tag) {
            Err(Refusal::Burned)
        } else if !self.objects.contains_key(oid) {
            Err(Refusal::UnknownObject)
        } else {
            Ok(())
        }
    }

    pub(crate) fn create_tag(&mut self, tag: &str, oid: &str) -> Result<(), Refusal> {
        self.may_create_tag(tag, oid)?;
        self.tags.insert(tag.to_owned(), oid.to_owned());
        Ok(())
    }

    /// Applies all updates, or none of them.
    ///
    /// # Errors
    /// The index of the first update that is refused, and why.
    pub(crate) fn update_tags(&mut self, updates: &[TagUpdate]) -> Result<(), (usize, Refusal)> {
        for (index, update) in updates.iter().enumerate() {
            self.may_update(update).map_err(|refusal| (index, refusal))?;
            if updates[..index].iter().any(|earlier| earlier.tag == update.tag) {
                return Err((index, Refusal::Exists));
            }
        }
        for (index, update) in updates.iter().enumerate() {
            match &update.after {
                None => self.delete_tag(&update.tag).map_err(|refusal| (index, refusal))?,
                Some(oid) => {
                    self.tags.insert(update.tag.clone(), oid.clone());
                }
            }
        }
        Ok(())
    }

    fn may_update(&self, update: &TagUpdate) -> Result<(), Refusal> {
        let actual = self.tags.get(&update.tag);
        if update.before.as_ref().is_some_and(|before| before.as_ref() != actual) {
            return Err(Refusal::Moved { actual: actual.cloned() });
        }
        match (&update.after, actual) {
            (None, _) => self.may_delete_tag(&update.tag),
            (Some(oid), None) => self.may_create_tag(&update.tag, oid),
            (Some(oid), Some(_)) if !self.objects.contains_key(oid) => Err(Refusal::UnknownObject),
            (Some(oid), Some(actual)) if oid != actual && !update.force => Err(Refusal::NeedsForce),
            (Some(_), Some(_)) => Ok(()),
        }
    }
}
