//! Carries out a plan: the oldest unit completely first, then every release by ID, then the tags in batches. A new
//! listing resolves ambiguous responses, can only remove deletions, and verifies the result.

use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use crate::model::progress::Progress;
use crate::model::text::count;
use crate::releases::prune::Action;
use crate::releases::prune::Audit;
use crate::releases::prune::AuditEvent;
use crate::releases::prune::ChangeSincePlan;
use crate::releases::prune::Clock;
use crate::releases::prune::Delete;
use crate::releases::prune::DropReason;
use crate::releases::prune::Inventory;
use crate::releases::prune::Pace;
use crate::releases::prune::PrunePlan;
use crate::releases::prune::ReleaseRecord;
use crate::releases::prune::Stop;
use crate::releases::prune::TagRecord;
use crate::releases::prune::UnitReason;
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
use crate::sources::github::TagAt;
use crate::sources::github::Writer;

/// Tags per request: well below any known limit, and few enough to bisect for a rejected tag.
const BATCH: usize = 50;

/// Deletions between two listings.
const RELIST_EVERY: usize = 50;

/// The maximum time between two listings.
const RELIST_AFTER: Duration = Duration::from_secs(60);

/// API requests of the hour reserved for other jobs, such as the one that publishes.
const RESERVE: u64 = 50;

/// How often a request is retried after its outcome was unknown and turned out to be no change.
const TRIES: u32 = 3;

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
    let mut work = ApplyState {
        writer: Writer::new(context.github),
        latest: LatestRelease::new(context.github),
        is_fresh: context.is_fresh,
        listed_at: context.clock.elapsed(),
        context,
        plan,
        since_listing: 0,
        waited: Duration::ZERO,
        remaining: None,
        tags_alone: false,
    };
    work.tags_alone = !work.context.lister.speaks_graphql() || plan.repository().node_id.is_none();
    let mut stop = work.begin(&tasks).err();
    if stop.is_none() {
        stop = work.all(&mut tasks).await.err();
    }
    let proof = if stop.as_ref().is_none_or(Stop::can_relist) { work.verify_result(&mut tasks).await } else { None };
    if let Err(error) = work.end(&tasks, stop.as_ref()) {
        stop = stop.or(Some(error));
    }
    Applied { units: tasks.iter().map(result_of).collect(), stop, proof }
}

/// Which of GitHub's two rate limits a request counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Budget {
    Rest,
    GraphQl,
}

struct ApplyState<'a, 'p> {
    context: PruneContext<'a>,
    writer: Writer<'a>,
    latest: LatestRelease<'a>,
    /// Whether nothing was sent since the last listing.
    is_fresh: bool,
    plan: &'p PrunePlan,
    listed_at: Duration,
    since_listing: usize,
    waited: Duration,
    /// The remaining requests of the hour, and when the limit resets.
    remaining: Option<(u64, Duration)>,
    tags_alone: bool,
}

impl ApplyState<'_, '_> {
    fn begin(&mut self, tasks: &[Task]) -> Result<(), Stop> {
        let event = AuditEvent::Begin {
            schema: crate::releases::prune::AUDIT_SCHEMA.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            command: "prune".to_owned(),
            repository: crate::releases::prune::PlannedRepository {
                id: self.plan.repository().id,
                full_name: self.plan.repository().full_name.clone(),
            },
            plan_digest: Some(self.plan.digest().to_string()),
            units: tasks.iter().map(|task| task.unit.name.clone()).collect(),
        };
        self.record(event)
    }

    async fn all(&mut self, tasks: &mut [Task]) -> Result<(), Stop> {
        let Some((first, rest)) = tasks.split_first_mut() else { return Ok(()) };
        let first = std::slice::from_mut(first);
        self.canary(first).await?;
        if rest.is_empty() {
            return Ok(());
        }
        if first[0].is_done() {
            let (name, others) = (&first[0].unit.name, count(rest.len(), "version"));
            self.context
                .progress
                .note(&format!("deleted the release and tag {name}; continuing with the other {others}"));
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
            let is_stale = self.context.clock.elapsed().saturating_sub(self.listed_at) >= RELIST_AFTER;
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
            self.ready(Budget::Rest).await?;
            let request = self.intent(action)?;
            let response = self.writer.delete_release(ReleaseId::new(release.id)).await;
            self.record_response(request, &response)?;
            self.since_listing += 1;
            self.is_fresh = false;
            match response.outcome {
                Ok(()) => tasks[index].pieces[place] = UnitPart::Gone,
                Err(MutationRefusal::Gone) => tasks[index].pieces[place] = UnitPart::Unsure,
                Err(MutationRefusal::Limited { wait }) => self.wait(wait, "GitHub limits requests").await?,
                Err(MutationRefusal::Busy) => self.again(&mut tries, "another change is in progress").await?,
                Err(MutationRefusal::Unknown { reason }) => {
                    tasks[index].pieces[place] = UnitPart::Asked;
                    self.again(&mut tries, &reason).await?;
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
                Err(MutationRefusal::Limited { wait }) => self.wait(wait, "GitHub limits requests").await?,
                Err(refusal @ (MutationRefusal::Unknown { .. } | MutationRefusal::Busy)) => {
                    self.again(tries, &refusal.to_string()).await?;
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
            self.context.clock.sleep(Duration::from_secs(wait)).await;
            self.relist(tasks).await?;
            for index in 0..tasks.len() {
                if tasks[index].retry_once() {
                    self.releases(tasks, index).await?;
                }
            }
        }
        Ok(())
    }

    /// Deletes every tag that is due.
    async fn tags(&mut self, tasks: &mut [Task]) -> Result<(), Stop> {
        let due: Vec<usize> = (0..tasks.len()).filter(|index| tasks[*index].tag_is_due()).collect();
        for part in due.chunks(BATCH) {
            self.batch(tasks, part).await?;
        }
        Ok(())
    }

    /// Deletes a batch of tags atomically; if GitHub refuses, bisects to find the rejected tag.
    async fn batch(&mut self, tasks: &mut [Task], part: &[usize]) -> Result<(), Stop> {
        let mut parts = vec![part.to_vec()];
        let mut tries = 0;
        while let Some(part) = parts.pop() {
            let part: Vec<usize> = part.into_iter().filter(|index| tasks[*index].tag_is_due()).collect();
            if part.is_empty() {
                continue;
            }
            if self.tags_alone && part.len() > 1 {
                parts.extend(part.iter().rev().map(|index| vec![*index]));
                continue;
            }
            let response = self.delete_tags(tasks, &part).await?;
            match response.outcome {
                Ok(()) => part.iter().for_each(|index| tasks[*index].tag = TagOutcome::Gone),
                Err(MutationRefusal::Limited { wait }) => {
                    self.wait(wait, "GitHub limits requests").await?;
                    parts.push(part);
                }
                Err(MutationRefusal::Unsupported | MutationRefusal::Forbidden { .. }) if !self.tags_alone => {
                    // The REST API reports the missing permission more precisely.
                    self.tags_alone = true;
                    parts.push(part);
                }
                Err(
                    refusal @ (MutationRefusal::Moved { .. }
                    | MutationRefusal::Forbidden { .. }
                    | MutationRefusal::Unsupported),
                ) => {
                    return Err(Stop::of(&tasks[part[0]].unit.name, refusal));
                }
                Err(MutationRefusal::Busy) => {
                    self.again(&mut tries, "another change is in progress").await?;
                    parts.push(part);
                }
                Err(MutationRefusal::Unknown { reason }) => {
                    self.again(&mut tries, &reason).await?;
                    self.relist(tasks).await?;
                    part.iter().try_for_each(|index| self.decided(&tasks[*index]))?;
                    parts.push(part);
                }
                Err(
                    MutationRefusal::Gone
                    | MutationRefusal::Rule { .. }
                    | MutationRefusal::Immutable { .. }
                    | MutationRefusal::Rejected { .. },
                ) if part.len() > 1 => {
                    let (one, other) = part.split_at(part.len() / 2);
                    parts.extend([other.to_vec(), one.to_vec()]);
                }
                Err(refusal @ (MutationRefusal::Rule { .. } | MutationRefusal::Immutable { .. })) => {
                    let reason = self.explained(&tasks[part[0]].unit.name, &refusal).await;
                    tasks[part[0]].tag = TagOutcome::Blocked(reason);
                }
                Err(refusal @ (MutationRefusal::Gone | MutationRefusal::Rejected { .. })) => {
                    self.relist(tasks).await?;
                    if refusal == MutationRefusal::Gone && tasks[part[0]].retry_tag_once() {
                        parts.push(part);
                        continue;
                    }
                    self.resolve_tag(tasks, part[0], &refusal).await?;
                }
            }
        }
        Ok(())
    }

    async fn delete_tags(&mut self, tasks: &[Task], part: &[usize]) -> Result<MutationResponse, Stop> {
        let records: Vec<TagRecord> = part.iter().filter_map(|index| tasks[*index].planned_tag().cloned()).collect();
        let tags = records.iter().map(tag_at).collect::<Result<Vec<_>, _>>()?;
        self.ready(if self.tags_alone { Budget::Rest } else { Budget::GraphQl }).await?;
        let request = self.intent(Action::DeleteTags { tags: records })?;
        let response = match (self.tags_alone, &self.plan.repository().node_id) {
            (false, Some(repository)) => self.writer.delete_tags(repository, &tags).await,
            (true, _) | (false, None) => self.writer.delete_tag_alone(&tags[0]).await,
        };
        self.record_response(request, &response)?;
        Ok(response)
    }

    /// Resolves a single tag that GitHub reports as missing or changed, with a listing.
    async fn resolve_tag(&mut self, tasks: &mut [Task], index: usize, refusal: &MutationRefusal) -> Result<(), Stop> {
        // Only `not found` can be caused by a listing that lags.
        for wait in LAG.into_iter().filter(|_| *refusal == MutationRefusal::Gone) {
            if !tasks[index].tag_is_due() {
                break;
            }
            self.context.clock.sleep(Duration::from_secs(wait)).await;
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
        match self.context.github.rulesets_against_deleting(name).await {
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
        self.listed_at = self.context.clock.elapsed();
        Ok(inventory)
    }

    async fn list(&mut self) -> Result<Inventory, Stop> {
        let listed = loop {
            match self.context.lister.list().await {
                Ok(listed) => break listed,
                Err(ApiError::RateLimited { wait, .. }) => self.wait(wait, "GitHub limits queries").await?,
                Err(ApiError::Net(error)) => return Err(Stop::Lost { reason: error.to_string() }),
                Err(error) => return Err(Stop::World { why: error.to_string() }),
            }
        };
        let inventory = Inventory::of(listed).map_err(|error| Stop::World { why: error.to_string() })?;
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
            self.context.clock.sleep(Duration::from_secs(wait)).await;
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

    /// Waits until the next change may be sent, and keeps the reserve.
    async fn ready(&mut self, budget: Budget) -> Result<(), Stop> {
        let scarce = self.remaining.filter(|(left, _)| budget == Budget::Rest && *left <= RESERVE);
        if let Some((left, whole_at)) = scarce {
            let wait = whole_at.saturating_sub(self.context.clock.elapsed());
            if self.waited + wait > self.context.max_wait {
                return Err(Stop::Reserve { left, wait });
            }
            self.wait(wait, &format!("{left} requests remain this hour")).await?;
            self.remaining = None;
        }
        let wait = self.context.pace.wait(self.context.clock.elapsed());
        if !wait.is_zero() {
            self.context.clock.sleep(wait).await;
        }
        self.context.pace.sent(self.context.clock.elapsed());
        Ok(())
    }

    /// Waits for GitHub, within the total wait limit.
    async fn wait(&mut self, wait: Duration, why: &str) -> Result<(), Stop> {
        if self.waited + wait > self.context.max_wait {
            return Err(Stop::Limited { wait });
        }
        self.waited += wait;
        self.context.progress.note(&format!("{why}; continuing in {} s", wait.as_secs().max(1)));
        self.context.clock.sleep(wait).await;
        Ok(())
    }

    /// Waits before another attempt, up to the maximum number of attempts.
    async fn again(&mut self, tries: &mut u32, reason: &str) -> Result<(), Stop> {
        *tries += 1;
        if *tries > TRIES {
            return Err(Stop::Lost { reason: reason.to_owned() });
        }
        self.context.progress.note(&format!("{reason}; checking again ({tries} of {TRIES})"));
        self.context.clock.sleep(Duration::from_millis(500 << *tries)).await;
        Ok(())
    }

    fn intent(&mut self, action: Action) -> Result<u64, Stop> {
        self.context.audit.intent(self.context.clock.now(), action).map_err(|error| Stop::Record { why: chain(&error) })
    }

    fn record_response(&mut self, request: u64, response: &MutationResponse) -> Result<(), Stop> {
        if let Some(left) = response.remaining {
            self.remaining = Some((left, self.context.clock.elapsed() + response.reset_in));
        }
        self.record(AuditEvent::Result {
            request,
            outcome: response.outcome.as_ref().map_or_else(MutationRefusal::code, |()| "done").to_owned(),
            status: response.status,
            request_id: response.request_id.clone(),
            message: response.outcome.as_ref().err().map(ToString::to_string),
        })
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
        self.record(AuditEvent::Decided { tag: task.unit.name.clone(), finding })
    }

    fn end(&mut self, tasks: &[Task], stop: Option<&Stop>) -> Result<(), Stop> {
        let status = stop.map_or_else(|| "finished".to_owned(), ToString::to_string);
        let deleted = tasks.iter().filter(|task| result_of(task).end == UnitEnd::Deleted).count();
        self.record(AuditEvent::End { status, deleted })
    }

    fn record(&mut self, event: AuditEvent) -> Result<(), Stop> {
        let time: DateTime<Utc> = self.context.clock.now();
        self.context.audit.write(time, event).map_err(|error| Stop::Record { why: chain(&error) })
    }
}

fn tag_at(record: &TagRecord) -> Result<TagAt, Stop> {
    match record.name.parse() {
        Ok(tag) => Ok(TagAt { tag, object_id: record.object_id.clone() }),
        Err(error) => Err(Stop::World { why: error.to_string() }),
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
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
