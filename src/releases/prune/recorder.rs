//! Sends changes with a record before and after each; for pruning and restoring alike.

use crate::change::AUDIT_SCHEMA;
use crate::change::Audit;
use crate::change::RequestLimit;
use crate::change::Throttle;
use crate::releases::prune::Action;
use crate::releases::prune::AuditEvent;
use crate::releases::prune::ChangedRepository;
use crate::releases::prune::PlannedRepository;
use crate::releases::prune::RepoFacts;
use crate::releases::prune::Stop;
use crate::releases::prune::TagRecord;
use crate::sources::github::MutationRefusal;
use crate::sources::github::MutationResponse;
use crate::sources::github::TagAt;

/// Tags per request: well below any known limit, and few enough to bisect for a rejected tag.
pub(super) const BATCH: usize = 50;

/// API requests of the hour reserved for other jobs, such as the one that publishes.
pub(super) const RESERVE: u64 = 50;

/// Which of GitHub's two rate limits a request counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RateBudget {
    Rest,
    GraphQl,
}

/// The record and the waits of one run.
pub(super) struct Recorder<'a> {
    pub(super) audit: &'a mut Audit,
    pub(super) throttle: Throttle<'a>,
}

impl Recorder<'_> {
    /// Records the beginning of a run.
    pub(super) fn begin(
        &mut self,
        command: &str,
        repository: &RepoFacts,
        plan_digest: Option<String>,
        units: Vec<String>,
    ) -> Result<(), Stop> {
        let repository = PlannedRepository { id: repository.id, full_name: repository.full_name.clone() };
        self.record(AuditEvent::Begin {
            schema: AUDIT_SCHEMA.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            command: command.to_owned(),
            subject: ChangedRepository { repository },
            plan_digest,
            units,
        })
    }

    /// Waits for its turn, records the request, sends it and records the response.
    pub(super) async fn send(
        &mut self,
        budget: RateBudget,
        action: Action,
        request: impl Future<Output = MutationResponse>,
    ) -> Result<MutationResponse, Stop> {
        self.throttle.ready(budget == RateBudget::Rest).await?;
        let number = self.audit.intent(self.throttle.clock().now(), action)?;
        let response = request.await;
        if let Some(left) = response.remaining {
            self.throttle.observe(RequestLimit { left, reset_in: response.reset_in });
        }
        self.record(AuditEvent::Result {
            request: number,
            outcome: response.outcome.as_ref().map_or_else(MutationRefusal::code, |()| "done").to_owned(),
            status: response.status,
            request_id: response.request_id.clone(),
            message: response.outcome.as_ref().err().map(ToString::to_string),
        })?;
        Ok(response)
    }

    /// Records the end of a run.
    pub(super) fn end(&mut self, stop: Option<&Stop>, changed: usize) -> Result<(), Stop> {
        let status = stop.map_or_else(|| "finished".to_owned(), ToString::to_string);
        self.record(AuditEvent::End { status, changed })
    }

    pub(super) fn record(&mut self, event: AuditEvent) -> Result<(), Stop> {
        Ok(self.audit.write(self.throttle.clock().now(), event)?)
    }
}

/// The tags of a batch, as they are sent.
pub(super) fn tags_at(records: &[TagRecord]) -> Result<Vec<TagAt>, Stop> {
    let at = |record: &TagRecord| match record.name.parse() {
        Ok(tag) => Ok(TagAt { tag, object_id: record.object_id.clone() }),
        Err(error) => Err(Stop::World { why: format!("the tag {} has an invalid name: {error}", record.name) }),
    };
    records.iter().map(at).collect()
}
