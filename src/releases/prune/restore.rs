//! Restores tags from an audit record at their old objects, and never overwrites a tag. What GitHub deletes with a
//! release (its assets, notes and counts) cannot be restored; the plan reports that before anything is done.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::change::AUDIT_SCHEMA;
use crate::change::Audit;
use crate::change::AuditError;
use crate::change::BatchStep;
use crate::change::Batches;
use crate::change::Clock;
use crate::change::Pace;
use crate::change::Throttle;
use crate::change::read_audit_lines;
use crate::model::Tag;
use crate::model::progress::Progress;
use crate::releases::prune::Action;
use crate::releases::prune::AuditEvent;
use crate::releases::prune::ChangedRepository;
use crate::releases::prune::Inventory;
use crate::releases::prune::PaceName;
use crate::releases::prune::PlanRefusal;
use crate::releases::prune::PlannedRepository;
use crate::releases::prune::Stop;
use crate::releases::prune::TagRecord;
use crate::releases::prune::recorder::BATCH;
use crate::releases::prune::recorder::RateBudget;
use crate::releases::prune::recorder::Recorder;
use crate::releases::prune::recorder::tags_at;
use crate::releases::prune::refusal::is_object_id;
use crate::releases::prune::stop::cause_of;
use crate::releases::prune::stop::response_of;
use crate::sources::github::GitHub;
use crate::sources::github::MutationRefusal;
use crate::sources::github::MutationResponse;
use crate::sources::github::Writer;

/// The longest total wait for GitHub's limits.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// What can be restored and what cannot. Pure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(crate) struct RestorePlan {
    /// The repositories in the record.
    pub repositories: Vec<PlannedRepository>,
    /// The tags to create.
    pub create: Vec<TagRecord>,
    /// The tags that exist or cannot be created.
    pub settled: Vec<TagResult>,
    /// The releases that are permanently lost: tag and number of assets.
    pub lost_releases: Vec<(String, usize)>,
}

/// The result of one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TagResult {
    /// Its name.
    pub name: String,
    /// The object it pointed at.
    pub object_id: String,
    /// The outcome.
    pub end: TagEnd,
    /// An explanation, if there is one.
    pub note: Option<String>,
}

/// The outcome of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TagEnd {
    /// Restored.
    Restored,
    /// It exists, because it was never deleted or is already restored.
    AlreadyThere,
    /// Another tag has its name; it is kept.
    Taken,
    /// It belonged to an immutable release, so its name is permanently unusable.
    Burned,
    /// GitHub refuses to create it.
    Refused,
}

/// The result of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restored {
    /// Every tag of the record.
    pub tags: Vec<TagResult>,
    /// Why it stopped early.
    pub stop: Option<Stop>,
}

/// More than any record contains; a bound for untrusted input.
const MOST_DELETED: usize = 100_000;

/// Git does not allow longer tag names on most file systems.
const LONGEST_NAME: usize = 255;

/// The deletions in a record: of each line only what a restore needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deleted {
    repositories: Vec<PlannedRepository>,
    tags: BTreeMap<String, TagRecord>,
    releases: BTreeMap<u64, DeletedRelease>,
}

#[derive(Debug, Clone)]
struct DeletedRelease {
    tag: String,
    assets: usize,
    is_immutable: bool,
}

impl Deleted {
    /// Reads a record. Every line must belong to a repository: a record without the first line of a run is rejected,
    /// because its tags could be created in the wrong repository.
    pub(crate) fn read(path: &Path) -> Result<Self, AuditError> {
        let mut deleted = Self::default();
        read_audit_lines(path, &mut |number, line| {
            let is_begin = matches!(line.event, AuditEvent::Begin { .. });
            if deleted.repositories.is_empty() && !is_begin {
                return Err(AuditError::Unbound { path: path.to_owned(), line: number });
            }
            let wrong = |reason| AuditError::Line { path: path.to_owned(), line: number, reason };
            deleted.take(line.event).map_err(wrong)
        })?;
        if deleted.repositories.is_empty() {
            return Err(AuditError::Unbound { path: path.to_owned(), line: 1 });
        }
        Ok(deleted)
    }

    fn take(&mut self, event: AuditEvent) -> Result<(), String> {
        match event {
            AuditEvent::Begin { schema, .. } if schema != AUDIT_SCHEMA => {
                return Err(format!("expected an audit record with the schema {AUDIT_SCHEMA}, found `{schema}`"));
            }
            AuditEvent::Begin { subject: ChangedRepository { repository }, .. } => {
                if !self.repositories.contains(&repository) {
                    self.repositories.push(repository);
                }
            }
            AuditEvent::Intent { action: Action::DeleteRelease { release, tag }, .. } => {
                if release.tag.len() > LONGEST_NAME {
                    return Err(format!("a tag name is longer than {LONGEST_NAME} bytes"));
                }
                let kept = DeletedRelease {
                    tag: release.tag,
                    assets: release.assets.len(),
                    is_immutable: release.immutable == Some(true),
                };
                self.releases.insert(release.id, kept);
                tag.into_iter().try_for_each(|tag| self.take_tag(tag))?;
            }
            AuditEvent::Intent { action: Action::DeleteTags { tags }, .. } => {
                tags.into_iter().try_for_each(|tag| self.take_tag(tag))?;
            }
            AuditEvent::Intent { action: Action::CreateTags { .. }, .. }
            | AuditEvent::Result { .. }
            | AuditEvent::Decided { .. }
            | AuditEvent::End { .. }
            | AuditEvent::Unknown => {}
        }
        let deleted = self.tags.len() + self.releases.len() + self.repositories.len();
        if deleted > MOST_DELETED { Err(format!("more than {MOST_DELETED} releases and tags")) } else { Ok(()) }
    }

    /// A tag name that git or GitHub would reject is rejected here, before anything is reported or done.
    fn take_tag(&mut self, tag: TagRecord) -> Result<(), String> {
        if tag.name.len() > LONGEST_NAME {
            return Err(format!("a tag name is longer than {LONGEST_NAME} bytes"));
        }
        tag.name.parse::<Tag>().map_err(|error| format!("it has an invalid tag name: {error}"))?;
        if !is_object_id(&tag.object_id) {
            return Err(format!("the tag {} points at something that is not an object ID", tag.name));
        }
        self.tags.insert(tag.name.clone(), tag);
        Ok(())
    }
}

impl RestorePlan {
    /// Why GitHub would refuse to create tags, if that is known in advance.
    pub(crate) fn refusal(&self, inventory: &Inventory) -> Option<PlanRefusal> {
        let repository = &inventory.repository;
        let named = || repository.full_name.clone();
        match (repository.archived, repository.may_push) {
            _ if self.create.is_empty() => None,
            (true, _) => Some(PlanRefusal::Archived { repository: named() }),
            (false, Some(false)) => Some(PlanRefusal::NoPush { repository: named() }),
            (false, Some(true) | None) => None,
        }
    }

    /// Compares a record with the current state of the repository.
    pub(crate) fn compute(record: &Deleted, inventory: &Inventory) -> Self {
        let Deleted { repositories, tags, releases, .. } = record;
        let is_there = |id: u64| inventory.releases.iter().any(|listed| listed.id == id);
        let lost: Vec<_> = releases.iter().filter(|(id, _)| !is_there(**id)).map(|(_, release)| release).collect();
        let mut plan = Self {
            repositories: repositories.clone(),
            create: Vec::new(),
            settled: Vec::new(),
            lost_releases: lost.iter().map(|release| (release.tag.clone(), release.assets)).collect(),
        };
        for tag in tags.values() {
            let burned = lost.iter().any(|release| release.tag == tag.name && release.is_immutable);
            match inventory.tags.iter().find(|listed| listed.name == tag.name) {
                Some(listed) if listed.object_id == tag.object_id => {
                    plan.settled.push(result(tag, TagEnd::AlreadyThere, None));
                }
                Some(listed) => {
                    let note = format!("it now points at {}", listed.object_id);
                    plan.settled.push(result(tag, TagEnd::Taken, Some(note)));
                }
                None if burned => {
                    let note = "its release was immutable, so its name can never be used again".to_owned();
                    plan.settled.push(result(tag, TagEnd::Burned, Some(note)));
                }
                None => plan.create.push(tag.clone()),
            }
        }
        plan
    }
}

fn result(tag: &TagRecord, end: TagEnd, note: Option<String>) -> TagResult {
    TagResult { name: tag.name.clone(), object_id: tag.object_id.clone(), end, note }
}

/// Creates the tags.
pub(crate) async fn restore(
    plan: RestorePlan,
    inventory: &Inventory,
    github: &GitHub,
    audit: &mut Audit,
    clock: &Clock,
    progress: &dyn Progress,
) -> Restored {
    let pace = Pace::new(PaceName::Normal.rate());
    let mut work = RestoreState {
        writer: Writer::new(github),
        recorder: Recorder { audit, throttle: Throttle::new(clock, progress, pace, MAX_WAIT, 0) },
        repository: inventory.repository.node_id.as_deref(),
        tags: plan.settled,
    };
    let units = plan.create.iter().map(|tag| tag.name.clone()).collect();
    let mut stop = work.recorder.begin("restore", &inventory.repository, None, units).err();
    if stop.is_none() {
        stop = work.all(&plan.create).await.err();
    }
    let ended = work.recorder.end(stop.as_ref(), 0);
    work.tags.sort_by(|one, other| one.name.cmp(&other.name));
    Restored { tags: work.tags, stop: stop.or(ended.err()) }
}

struct RestoreState<'a> {
    writer: Writer<'a>,
    recorder: Recorder<'a>,
    /// GraphQL's ID of the repository; without one, tags are created one by one.
    repository: Option<&'a str>,
    tags: Vec<TagResult>,
}

impl RestoreState<'_> {
    async fn all(&mut self, create: &[TagRecord]) -> Result<(), Stop> {
        let mut batches = Batches::new(create, BATCH, self.repository.is_none());
        let mut tries = 0;
        while let Some(batch) = batches.next(|_| true) {
            let is_batch = !batches.is_one_by_one();
            let response = self.create(&batch, is_batch).await?;
            match batches.after(batch, response_of(response.outcome)) {
                BatchStep::Done(batch) => {
                    self.tags.extend(batch.iter().map(|tag| result(tag, TagEnd::Restored, None)));
                }
                BatchStep::Wait(_, MutationRefusal::Limited { wait }) => {
                    self.recorder.throttle.wait(wait, "GitHub limits requests").await?;
                }
                // Creating a tag twice is rejected, so repeating the request is safe.
                BatchStep::Wait(_, why) => self.recorder.throttle.again(&mut tries, &cause_of(&why)).await?,
                BatchStep::Continue => {}
                BatchStep::Refused(tag, refusal) => {
                    let is_immutable = matches!(refusal, MutationRefusal::Immutable { .. });
                    let end = if is_immutable { TagEnd::Burned } else { TagEnd::Refused };
                    self.tags.push(result(&tag, end, Some(refusal.to_string())));
                }
                BatchStep::Stop(tag, refusal) => return Err(Stop::of(&tag.name, refusal)),
            }
        }
        Ok(())
    }

    async fn create(&mut self, batch: &[TagRecord], is_batch: bool) -> Result<MutationResponse, Stop> {
        let tags = tags_at(batch)?;
        let action = Action::CreateTags { tags: batch.to_vec() };
        match self.repository.filter(|_| is_batch) {
            Some(repository) => {
                let request = self.writer.create_tags(repository, &tags);
                self.recorder.send(RateBudget::GraphQl, action, request).await
            }
            None => self.recorder.send(RateBudget::Rest, action, self.writer.create_tag_alone(&tags[0])).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::releases::prune::testing::keeping;
    use crate::releases::prune::testing::plan;
    use crate::releases::prune::testing::released;
    use crate::releases::prune::testing::world;

    use super::*;

    #[test]
    fn only_deleted_and_restorable_tags_are_restored() {
        let mut before = world([
            released(1, "v1.0.0", 1),
            released(2, "v1.1.0", 2),
            released(3, "v1.2.0", 3),
            released(4, "v1.3.0", 4),
            released(5, "v2.0.0", 5),
        ]);
        before.releases[3].immutable = Some(true);
        let mut policy = keeping(1);
        policy.allow_immutable = true;
        let mut record = Deleted::default();
        for unit in plan(&before, &policy).delete() {
            let release = Box::new(unit.releases[0].clone());
            let action = Action::DeleteRelease { release, tag: unit.tag.clone() };
            record.take(AuditEvent::Intent { request: 1, action }).expect("a line");
        }
        let mut after = before.clone();
        after.releases.retain(|release| release.id > 4);
        after.tags.retain(|tag| tag.name != "v1.0.0" && tag.name != "v1.3.0");
        after.tags[1].object_id = "f".repeat(40);
        let plan = RestorePlan::compute(&record, &after);
        assert_eq!(plan.create.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["v1.0.0"]);
        let ends: Vec<_> = plan.settled.iter().map(|tag| (tag.name.as_str(), tag.end)).collect();
        assert_eq!(ends, [("v1.1.0", TagEnd::AlreadyThere), ("v1.2.0", TagEnd::Taken), ("v1.3.0", TagEnd::Burned)]);
        assert_eq!(plan.lost_releases.len(), 4);
    }
}
