//! Carries out a plan: the oldest unit completely first, then every release by ID, then the tags in batches. A new
//! listing resolves ambiguous responses, can only remove deletions, and verifies the result.

use std::time::Duration;

use serde::Serialize;

use crate::change::Audit;
use crate::change::BatchStep;
use crate::change::Batches;
use crate::change::Clock;
use crate::change::DropReason;
use crate::change::Pace;
use crate::change::Throttle;
use crate::model::progress::Progress;
use crate::model::text::count;
use crate::releases::prune::Action;
use crate::releases::prune::AuditEvent;
use crate::releases::prune::ChangeSincePlan;
use crate::releases::prune::Delete;
use crate::releases::prune::Inventory;
use crate::releases::prune::PrunePlan;
use crate::releases::prune::ReleaseRecord;
use crate::releases::prune::Stop;
use crate::releases::prune::TagRecord;
use crate::releases::prune::UnitReason;
use crate::releases::prune::recorder::BATCH;
use crate::releases::prune::recorder::RESERVE;
use crate::releases::prune::recorder::RateBudget;
use crate::releases::prune::recorder::Recorder;
use crate::releases::prune::recorder::tags_at;
use crate::releases::prune::stop::cause_of;
use crate::releases::prune::stop::response_of;
use crate::releases::prune::unit_state::TagOutcome;
use crate::releases::prune::unit_state::Task;
use crate::releases::prune::unit_state::UnitPart;
use crate::releases::prune::unit_state::losses;
use crate::releases::prune::unit_state::still_listed;
use crate::releases::prune::unit_state::update_tasks;
use crate::sources::github::ApiError;
use crate::sources::github::GitHub;
use crate::sources::github::LatestRelease;
use crate::sources::github::Lister;
use crate::sources::github::MutationRefusal;
use crate::sources::github::MutationResponse;
use crate::sources::github::ReleaseId;
use crate::sources::github::Writer;

/// Deletions between two listings.
const RELIST_EVERY: usize = 50;

/// The maximum time between two listings.
const RELIST_AFTER: Duration = Duration::from_secs(60);

/// How long GitHub may still list what it deleted.
const LAG: [u64; 4] = [1, 2, 4, 8];

/// The dependencies of a run.
pub struct PruneContext<'a> {
    /// The GitHub client.
    pub github: &'a GitHub,
    /// Lists the repository, in the same way as for the plan.
    pub lister: &'a Lister<'a>,
    /// The audit record.
    pub audit: &'a mut Audit,
    /// The clock.
    pub clock: &'a Clock,
    /// The pace of changes.
    pub pace: Pace,
    /// The maximum total wait for GitHub's rate limits.
    pub max_wait: Duration,
    /// Whether the plan was computed just now, so that little can have changed since.
    pub is_fresh: bool,
    /// Receives the progress.
    pub progress: &'a dyn Progress,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Every planned unit with its result, oldest first.
    pub units: Vec<UnitResult>,
    /// Why the run stopped early.
    pub stop: Option<Stop>,
    /// The final listing; `None` if it failed.
    pub proof: Option<FinalListing>,
}

/// The result of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnitResult {
    /// The name of the tag.
    pub name: String,
    /// The outcome.
    pub end: UnitEnd,
    /// An explanation, if there is one.
    pub note: Option<String>,
    /// The deleted releases.
    pub releases_deleted: Vec<u64>,
    /// The size of their assets in bytes.
    pub bytes_freed: u64,
}

/// The outcome of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitEnd {
    /// Deleted, release and tag.
    Deleted,
    /// Deleted by another process.
    AlreadyGone,
    /// Kept, because it changed since the plan.
    Changed,
    /// The tag is kept, because GitHub refuses to delete it.
    Blocked,
    /// Partly deleted; the next run deletes the rest.
    Half,
    /// GitHub reports that it does not exist, but still lists it.
    Hidden,
    /// Not started.
    Left,
}

/// The comparison of the final listing with the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FinalListing {
    /// What is deleted but still listed.
    pub still_listed: Vec<String>,
    /// How the kept versions differ from the plan.
    pub losses: Vec<String>,
    /// The ID of the latest release before and after, if they differ.
    pub latest_changed: Option<(Option<u64>, Option<u64>)>,
    /// The number of remaining versions.
    pub remaining: usize,
}

/// Carries out a plan, limited to `deletes`.
pub async fn apply(plan: &PrunePlan, deletes: Vec<Delete>, context: PruneContext<'_>) -> Applied {
    let mut tasks: Vec<Task> = deletes.into_iter().map(Task::new).collect();
    let PruneContext { github, lister, audit, clock, pace, max_wait, is_fresh, progress } = context;
    let mut work = ApplyState {
        github,
        lister,
        clock,
        progress,
        writer: Writer::new(github),
        latest: LatestRelease::new(github),
        recorder: Recorder { audit, throttle: Throttle::new(clock, progress, pace, max_wait, RESERVE) },
        is_fresh,
        listed_at: clock.elapsed(),
        plan,
        since_listing: 0,
        tags_alone: !lister.speaks_graphql() || plan.repository().node_id.is_none(),
    };
    let units = tasks.iter().map(|task| task.unit.name.clone()).collect();
    let mut stop = work.recorder.begin("prune", plan.repository(), Some(plan.digest().to_string()), units).err();
    if stop.is_none() {
        stop = work.all(&mut tasks).await.err();
    }
    let proof = if stop.as_ref().is_none_or(Stop::can_relist) { work.verify_result(&mut tasks).await } else { None };
    let deleted = tasks.iter().filter(|task| result_of(task).end == UnitEnd::Deleted).count();
    if let Err(error) = work.recorder.end(stop.as_ref(), deleted) {
        stop = stop.or(Some(error));
    }
    Applied { units: tasks.iter().map(result_of).collect(), stop, proof }
}

struct ApplyState<'a, 'p> {
    github: &'a GitHub,
    lister: &'a Lister<'a>,
    clock: &'a Clock,
    progress: &'a dyn Progress,
    recorder: Recorder<'a>,
    writer: Writer<'a>,
    latest: LatestRelease<'a>,
    /// Whether nothing was sent since the last listing.
    is_fresh: bool,
    plan: &'p PrunePlan,
    listed_at: Duration,
    since_listing: usize,
    tags_alone: bool,
}

impl ApplyState<'_, '_> {
    async fn all(&mut self, tasks: &mut [Task]) -> Result<(), Stop> {
        let Some((first, rest)) = tasks.split_first_mut() else { return Ok(()) };
        let first = std::slice::from_mut(first);
        self.canary(first).await?;
        if rest.is_empty() {
            return Ok(());
        }
        if first[0].is_done() {
            let (name, others) = (&first[0].unit.name, count(rest.len(), "version"));
            self.progress.note(&format!("deleted the release and tag {name}; continuing with the other {others}"));
        }
        self.relist(rest).await?;
        let outcome = self.releases_of_all(rest).await;
        // What stopped the releases often does not stop the tags, whose requests have a separate rate limit.
        if outcome.as_ref().err().is_none_or(Stop::allows_tag_deletion) {
            self.resolve_missing(rest).await?;
            self.tags(rest).await?;
        }
        outcome
    }

    /// Deletes the first unit completely, so that a ruleset or a missing permission costs one release and not all.
    async fn canary(&mut self, first: &mut [Task]) -> Result<(), Stop> {
        self.releases(first, 0).await?;
        self.resolve_missing(first).await?;
        if first[0].is_ambiguous() {
            return Err(Stop::Hidden { name: first[0].unit.name.clone() });
        }
        self.tags(first).await?;
        match &first[0].tag {
            TagOutcome::Blocked(message) => {
                Err(Stop::Blocked { name: first[0].unit.name.clone(), message: message.clone() })
            }
            TagOutcome::None | TagOutcome::Waiting | TagOutcome::Gone | TagOutcome::Changed(_) => Ok(()),
        }
    }

    async fn releases_of_all(&mut self, tasks: &mut [Task]) -> Result<(), Stop> {
        for index in 0..tasks.len() {
            let is_stale = self.clock.elapsed().saturating_sub(self.listed_at) >= RELIST_AFTER;
            if self.since_listing >= RELIST_EVERY || is_stale {
                self.relist(tasks).await?;
                self.tags(tasks).await?;
            }
            self.releases(tasks, index).await?;
        }
        Ok(())
    }

    /// Deletes the releases of one unit.
    async fn releases(&mut self, tasks: &mut [Task], index: usize) -> Result<(), Stop> {
        let mut tries = 0;
        loop {
            let task = &mut tasks[index];
            if task.dropped.is_some() {
                return Ok(());
            }
            let Some(place) = task.next_release() else { return Ok(()) };
            let release = task.unit.releases[place].clone();
            if self.became_latest(&release, &mut tries).await? {
                self.keep_latest(tasks, index).await?;
                continue;
            }
            let action = Action::DeleteRelease { release: Box::new(release.clone()), tag: task.unit.tag.clone() };
            let request = self.writer.delete_release(ReleaseId::new(release.id));
            let response = self.recorder.send(RateBudget::Rest, action, request).await?;
            self.since_listing += 1;
            self.is_fresh = false;
            match response.outcome {
                Ok(()) => tasks[index].pieces[place] = UnitPart::Gone,
                Err(MutationRefusal::Gone) => tasks[index].pieces[place] = UnitPart::Unsure,
                Err(MutationRefusal::Limited { wait }) => {
                    self.recorder.throttle.wait(wait, "GitHub limits requests").await?;
                }
                Err(MutationRefusal::Busy) => {
                    self.recorder.throttle.again(&mut tries, "another change is in progress").await?;
                }
                Err(MutationRefusal::Unknown { reason }) => {
                    tasks[index].pieces[place] = UnitPart::Asked;
                    self.recorder.throttle.again(&mut tries, &reason).await?;
                    self.relist(tasks).await?;
                    self.decided(&tasks[index])?;
                }
                Err(refusal) => return Err(Stop::of(&tasks[index].unit.name, refusal)),
            }
        }
    }

    /// Whether a release that is about to be deleted is now GitHub's latest. Any release that is not a prerelease can
    /// become the latest, so each is checked immediately before it is deleted, unless the last listing has just been
    /// read.
    async fn became_latest(&mut self, release: &ReleaseRecord, tries: &mut u32) -> Result<bool, Stop> {
        while !release.prerelease && !release.draft && !self.is_fresh {
            match self.latest.now().await {
                Ok(latest) => return Ok(latest == Some(release.id)),
                Err(MutationRefusal::Limited { wait }) => {
                    self.recorder.throttle.wait(wait, "GitHub limits requests").await?;
                }
                Err(refusal @ (MutationRefusal::Unknown { .. } | MutationRefusal::Busy)) => {
                    self.recorder.throttle.again(tries, &refusal.to_string()).await?;
                }
                Err(refusal) => return Err(Stop::World { why: format!("the latest release: {refusal}") }),
            }
        }
        Ok(false)
    }

    /// Keeps the release that became the latest, and whatever a new listing keeps as a consequence.
    async fn keep_latest(&mut self, tasks: &mut [Task], index: usize) -> Result<(), Stop> {
        self.relist(tasks).await?;
        let task = &mut tasks[index];
        if task.dropped.is_none() {
            // The listing may lag behind the response about this release.
            let kept =
                ChangeSincePlan::NowKept { name: task.unit.name.clone(), reason: UnitReason::Latest.to_string() };
            task.dropped = Some(DropReason::Changed(vec![kept]));
        }
        self.decided(&tasks[index])
    }

    /// Resolves `not found` responses with listings; several, because they may lag.
    async fn resolve_missing(&mut self, tasks: &mut [Task]) -> Result<(), Stop> {
        for wait in [0].into_iter().chain(LAG) {
            if !tasks.iter().any(Task::is_ambiguous) {
                break;
            }
            self.clock.sleep(Duration::from_secs(wait)).await;
            self.relist(tasks).await?;
            for index in 0..tasks.len() {
                if tasks[index].retry_once() {
                    self.releases(tasks, index).await?;
                }
            }
        }
        Ok(())
    }

    /// Deletes every tag that is due, in batches: all of a batch or none.
    async fn tags(&mut self, tasks: &mut [Task]) -> Result<(), Stop> {
        let due: Vec<usize> = (0..tasks.len()).filter(|index| tasks[*index].tag_is_due()).collect();
        let mut batches = Batches::new(&due, BATCH, self.tags_alone);
        let mut tries = 0;
        while let Some(batch) = batches.next(|index| tasks[*index].tag_is_due()) {
            let is_batch = !batches.is_one_by_one();
            let response = self.delete_tags(tasks, &batch, is_batch).await?;
            let has_succeeded = response.outcome.is_ok();
            match batches.after(batch, response_of(response.outcome)) {
                BatchStep::Done(batch) => batch.iter().for_each(|index| tasks[*index].tag = TagOutcome::Gone),
                BatchStep::Wait(batch, why) => self.wait_for(tasks, &batch, why, &mut tries).await?,
                BatchStep::Continue => self.tags_alone = batches.is_one_by_one(),
                BatchStep::Refused(index, refusal) => {
                    if self.refused(tasks, index, &refusal).await? {
                        batches.again(index);
                    }
                }
                BatchStep::Stop(index, refusal) => return Err(Stop::of(&tasks[index].unit.name, refusal)),
            }
            // Each batch has its own attempts.
            if has_succeeded {
                tries = 0;
            }
        }
        Ok(())
    }

    /// Waits before a batch is sent again. After a lost response a new listing shows what is left of it.
    async fn wait_for(
        &mut self,
        tasks: &mut [Task],
        batch: &[usize],
        why: MutationRefusal,
        tries: &mut u32,
    ) -> Result<(), Stop> {
        if let MutationRefusal::Limited { wait } = why {
            self.recorder.throttle.wait(wait, "GitHub limits requests").await?;
            return Ok(());
        }
        self.recorder.throttle.again(tries, &cause_of(&why)).await?;
        if why == MutationRefusal::Busy {
            return Ok(());
        }
        self.relist(tasks).await?;
        batch.iter().try_for_each(|index| self.decided(&tasks[*index]))
    }

    /// Settles a tag that GitHub refuses to delete. Returns whether its request is repeated.
    async fn refused(&mut self, tasks: &mut [Task], index: usize, refusal: &MutationRefusal) -> Result<bool, Stop> {
        if matches!(refusal, MutationRefusal::Rule { .. } | MutationRefusal::Immutable { .. }) {
            let reason = self.explained(&tasks[index].unit.name, refusal).await;
            tasks[index].tag = TagOutcome::Blocked(reason);
            return Ok(false);
        }
        self.relist(tasks).await?;
        if *refusal == MutationRefusal::Gone && tasks[index].retry_tag_once() {
            return Ok(true);
        }
        self.resolve_tag(tasks, index, refusal).await?;
        Ok(false)
    }

    async fn delete_tags(&mut self, tasks: &[Task], batch: &[usize], is_batch: bool) -> Result<MutationResponse, Stop> {
        let records: Vec<TagRecord> = batch.iter().filter_map(|index| tasks[*index].planned_tag().cloned()).collect();
        let tags = tags_at(&records)?;
        let action = Action::DeleteTags { tags: records };
        match self.plan.repository().node_id.as_deref().filter(|_| is_batch) {
            Some(repository) => {
                let request = self.writer.delete_tags(repository, &tags);
                self.recorder.send(RateBudget::GraphQl, action, request).await
            }
            None => self.recorder.send(RateBudget::Rest, action, self.writer.delete_tag_alone(&tags[0])).await,
        }
    }

    /// Resolves a single tag that GitHub reports as missing or changed, with a listing.
    async fn resolve_tag(&mut self, tasks: &mut [Task], index: usize, refusal: &MutationRefusal) -> Result<(), Stop> {
        // Only `not found` can be caused by a listing that lags.
        for wait in LAG.into_iter().filter(|_| *refusal == MutationRefusal::Gone) {
            if !tasks[index].tag_is_due() {
                break;
            }
            self.clock.sleep(Duration::from_secs(wait)).await;
            self.relist(tasks).await?;
        }
        let task = &mut tasks[index];
        if task.dropped.is_none() && task.tag == TagOutcome::Waiting {
            task.tag = TagOutcome::Blocked(refusal.to_string());
        }
        self.decided(&tasks[index])
    }

    /// Why a tag cannot be deleted, with the names of the rulesets if they are visible.
    async fn explained(&self, name: &str, refusal: &MutationRefusal) -> String {
        let MutationRefusal::Rule { .. } = refusal else { return refusal.to_string() };
        match self.github.rulesets_against_deleting(name).await {
            Ok(rules) if !rules.is_empty() => {
                let rules: Vec<String> = rules.iter().map(|rule| format!("`{rule}`")).collect();
                format!("{refusal} (ruleset {})", rules.join(", "))
            }
            Ok(_) => format!("{refusal} (by a ruleset this token cannot see, possibly the organization's)"),
            Err(_) => refusal.to_string(),
        }
    }

    /// Lists the repository again. The remaining work can only shrink.
    async fn relist(&mut self, tasks: &mut [Task]) -> Result<Inventory, Stop> {
        let inventory = self.list().await?;
        let plan = PrunePlan::compute(&inventory, self.plan.policy(), self.plan.computed_at())
            .map_err(|refusal| Stop::World { why: refusal.to_string() })?;
        update_tasks(tasks, &inventory, &plan);
        self.since_listing = 0;
        self.is_fresh = true;
        self.listed_at = self.clock.elapsed();
        Ok(inventory)
    }

    async fn list(&mut self) -> Result<Inventory, Stop> {
        let inventory = loop {
            match self.lister.list().await {
                Ok(inventory) => break inventory,
                Err(ApiError::RateLimited { wait, .. }) => {
                    self.recorder.throttle.wait(wait, "GitHub limits queries").await?;
                }
                Err(ApiError::Net(error)) => return Err(Stop::Lost { reason: error.to_string() }),
                Err(error) => return Err(Stop::World { why: error.to_string() }),
            }
        };
        let (then, now) = (self.plan.repository(), &inventory.repository);
        if then.id != now.id || !then.full_name.is_same(&now.full_name) {
            return Err(Stop::Moved { to: Some(now.full_name.to_string()) });
        }
        Ok(inventory)
    }

    /// Lists until no deleted release or tag is listed, or until the time limit; compares the rest with the plan.
    async fn verify_result(&mut self, tasks: &mut [Task]) -> Option<FinalListing> {
        let mut last = None;
        for wait in [0].into_iter().chain(LAG) {
            self.clock.sleep(Duration::from_secs(wait)).await;
            let Ok(inventory) = self.list().await else { break };
            let still_listed = still_listed(tasks, &inventory);
            let is_clean = still_listed.is_empty();
            last = Some(FinalListing {
                still_listed,
                losses: losses(self.plan, &inventory),
                latest_changed: (self.plan.latest() != inventory.latest)
                    .then_some((self.plan.latest(), inventory.latest)),
                remaining: remaining(&inventory),
            });
            if is_clean {
                break;
            }
        }
        last
    }

    fn decided(&mut self, task: &Task) -> Result<(), Stop> {
        let finding = match (&task.dropped, &task.tag) {
            (Some(why), _) => why.to_string(),
            _ if task.is_done() => "gone".to_owned(),
            (None, TagOutcome::Blocked(why) | TagOutcome::Changed(why)) => why.clone(),
            (None, TagOutcome::Gone) => "the tag is gone, but a release is still listed".to_owned(),
            (None, TagOutcome::None | TagOutcome::Waiting) if task.releases_are_gone() => {
                "the releases are gone".to_owned()
            }
            (None, TagOutcome::None | TagOutcome::Waiting) => "still listed".to_owned(),
        };
        self.recorder.record(AuditEvent::Decided { unit: task.unit.name.clone(), finding })
    }
}

/// The number of versions in an inventory.
fn remaining(inventory: &Inventory) -> usize {
    crate::releases::prune::units(inventory).iter().filter(|unit| unit.version().is_some()).count()
}

fn result_of(task: &Task) -> UnitResult {
    let gone = task.unit.releases.iter().zip(&task.pieces).filter(|(_, piece)| **piece == UnitPart::Gone);
    let gone: Vec<_> = gone.map(|(release, _)| release).collect();
    let (end, note) = match (&task.dropped, &task.tag) {
        (Some(DropReason::Gone), _) => (UnitEnd::AlreadyGone, None),
        (Some(why), _) => (UnitEnd::Changed, Some(why.to_string())),
        _ if task.is_done() => (UnitEnd::Deleted, None),
        (None, TagOutcome::Blocked(why)) => (UnitEnd::Blocked, Some(why.clone())),
        (None, TagOutcome::Changed(why)) => (UnitEnd::Changed, Some(why.clone())),
        _ if task.is_ambiguous() => {
            (UnitEnd::Hidden, Some("GitHub reports that it does not exist, but still lists it".to_owned()))
        }
        (None, TagOutcome::None | TagOutcome::Waiting | TagOutcome::Gone) if task.has_begun() => {
            (UnitEnd::Half, Some("the next run deletes the rest".to_owned()))
        }
        (None, TagOutcome::None | TagOutcome::Waiting | TagOutcome::Gone) => (UnitEnd::Left, None),
    };
    let bytes =
        gone.iter().flat_map(|release| &release.assets).fold(0_u64, |sum, asset| sum.saturating_add(asset.size));
    UnitResult {
        name: task.unit.name.clone(),
        end,
        note,
        releases_deleted: gone.iter().map(|release| release.id).collect(),
        bytes_freed: if end == UnitEnd::AlreadyGone { 0 } else { bytes },
    }
}
