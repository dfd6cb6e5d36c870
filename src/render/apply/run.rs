//! The run: read, compare, change one variable, and so on; then a last reading.

use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::change::Audit;
use crate::change::AuditError;
use crate::change::ChangeEvent;
use crate::change::Clock;
use crate::io::net::Backoff;
use crate::model::progress::Progress;
use crate::model::text::count;
use crate::render::EnvChange;
use crate::render::EnvKey;
use crate::render::EnvOwner;
use crate::render::EnvPlan;
use crate::render::LiveVariables;
use crate::render::api::ChangeError;
use crate::render::api::RenderApi;
use crate::render::api::RenderApiError;
use crate::render::apply::MovedVariable;
use crate::render::apply::expected::ExpectedVariables;

/// The longest wait for Render's rate limit, which is per minute.
const MAX_LIMIT_WAIT: Duration = Duration::from_secs(90);

/// The wait if Render does not say how long.
const LIMIT_WAIT: Duration = Duration::from_secs(5);

/// How often a change waits for the rate limit.
const MAX_LIMIT_WAITS: u32 = 4;

/// What a run needs.
pub(crate) struct ApplyEnv<'a> {
    pub(crate) api: &'a RenderApi<'a>,
    /// The audit record. If it cannot be written, nothing more is changed.
    pub(crate) audit: &'a mut Audit,
    pub(crate) clock: &'a Clock,
    pub(crate) progress: &'a dyn Progress,
}

/// An event of the audit record. It contains keys and no values.
pub(crate) type EnvEvent = ChangeEvent<ChangedOwners, EnvStep>;

/// What a run changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ChangedOwners {
    pub(crate) owners: Vec<EnvOwner>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct EnvStep {
    /// `set`, `generate` or `remove`.
    action: &'static str,
    key: EnvKey,
    owner: EnvOwner,
}

/// The result of one plan.
#[derive(Debug)]
pub(crate) struct AppliedEnv {
    pub(crate) owner: EnvOwner,
    /// Every change of the plan.
    pub(crate) results: Vec<ChangeResult>,
    /// Why the run stopped early.
    pub(crate) stop: Option<EnvStop>,
    /// The last reading; `None` if it failed.
    pub(crate) read: Option<FinalRead>,
}

/// The result of one change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ChangeResult {
    pub(crate) key: String,
    /// `set`, `generate` or `remove`.
    pub(crate) action: &'static str,
    pub(crate) end: ChangeEnd,
}

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ChangeEnd {
    /// It was made.
    Made,
    /// It was requested, and it is not known whether it was made.
    Unknown,
    /// It was not made.
    NotMade,
}

/// The comparison of the last reading with what is expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FinalRead {
    /// The number of variables.
    pub(crate) variables: usize,
    /// How they differ from what is expected.
    pub(crate) differences: Vec<String>,
}

/// Why a run stopped.
#[derive(Debug, Error)]
pub(crate) enum EnvStop {
    /// Somebody else changed variables.
    #[error("the variables of {owner} changed in the meantime: {}", joined(.moved))]
    Moved {
        /// The service or group.
        owner: EnvOwner,
        /// What changed.
        moved: Vec<MovedVariable>,
    },
    /// The variables could not be read.
    #[error("failed to read the variables of {owner}")]
    Read {
        /// The service or group.
        owner: EnvOwner,
        /// Why.
        source: RenderApiError,
    },
    /// A change failed.
    #[error("failed to {change} of {owner}: {error}")]
    Change {
        /// The service or group.
        owner: EnvOwner,
        /// The change, without its value.
        change: String,
        /// Why.
        error: ChangeError,
    },
    /// The audit record cannot be written.
    #[error(transparent)]
    Record(#[from] AuditError),
}

impl ApplyEnv<'_> {
    /// Carries out a plan that was computed from `live`.
    pub(crate) async fn run(&mut self, plan: &EnvPlan, live: LiveVariables) -> AppliedEnv {
        let mut expected = ExpectedVariables::new(live);
        let mut ends = vec![ChangeEnd::NotMade; plan.changes().len()];
        let mut stop = None;
        for (change, end) in plan.changes().iter().zip(&mut ends) {
            match self.make(plan.owner(), change, &mut expected, end).await {
                Ok(()) => *end = ChangeEnd::Made,
                Err(why) => {
                    stop = Some(why);
                    break;
                }
            }
        }
        let read = self.read_again(plan, &mut expected, &mut ends, &mut stop).await;
        let results = plan.changes().iter().zip(ends);
        let results = results.map(|(change, end)| ChangeResult {
            key: change.key.to_string(),
            action: change.action.word(),
            end,
        });
        AppliedEnv { owner: plan.owner().clone(), results: results.collect(), stop, read }
    }

    /// Makes one change. `end` becomes unknown when it is requested and there is no response.
    async fn make(
        &mut self,
        owner: &EnvOwner,
        change: &EnvChange,
        expected: &mut ExpectedVariables,
        end: &mut ChangeEnd,
    ) -> Result<(), EnvStop> {
        let mut backoff = Backoff::new();
        let mut limit_waits = 0;
        let mut was_missing = false;
        loop {
            if self.compare(owner, change, expected).await? {
                return Ok(());
            }
            *end = ChangeEnd::NotMade;
            let step = EnvStep { action: change.action.word(), key: change.key.clone(), owner: owner.clone() };
            let request = self.audit.intent(self.clock.now(), step)?;
            let response = self.api.change(owner, change).await;
            let outcome = response.as_ref().err().map_or_else(|| "done".to_owned(), ToString::to_string);
            let error = match response {
                Ok(digest) => {
                    expected.set_made(change, digest);
                    *end = ChangeEnd::Made;
                    return self.record_result(request, outcome);
                }
                Err(error) => error,
            };
            if let ChangeError::Unknown { .. } = error {
                *end = ChangeEnd::Unknown;
                expected.set_unknown(change);
            }
            self.record_result(request, outcome)?;
            let wait = match &error {
                ChangeError::Unknown { .. } => match backoff.next(None) {
                    Some(wait) => Some(wait),
                    None if self.compare(owner, change, expected).await? => return Ok(()),
                    None => None,
                },
                // A variable that is not there is removed already, which the next reading shows.
                ChangeError::NotFound => {
                    expected.set_unknown(change);
                    let is_first = !was_missing;
                    was_missing = true;
                    is_first.then_some(Duration::ZERO)
                }
                ChangeError::Limited { wait } => {
                    limit_waits += 1;
                    Some(wait.unwrap_or(LIMIT_WAIT))
                        .filter(|wait| *wait <= MAX_LIMIT_WAIT && limit_waits <= MAX_LIMIT_WAITS)
                }
                ChangeError::Unauthorized | ChangeError::Forbidden | ChangeError::Refused { .. } => None,
            };
            let Some(wait) = wait else {
                return Err(EnvStop::Change { owner: owner.clone(), change: change.to_string(), error });
            };
            self.progress.note(&format!("{change}: {error}; reading again{}", after(wait)));
            self.clock.sleep(wait).await;
        }
    }

    /// Reads the variables and compares them. Returns whether the change was made by an earlier request.
    async fn compare(
        &mut self,
        owner: &EnvOwner,
        change: &EnvChange,
        expected: &mut ExpectedVariables,
    ) -> Result<bool, EnvStop> {
        let found = self.api.variables(owner).await;
        let found = found.map_err(|source| EnvStop::Read { owner: owner.clone(), source })?;
        let decided = expected.compare(&found).map_err(|moved| EnvStop::Moved { owner: owner.clone(), moved })?;
        if let Some(made) = decided {
            self.record_finding(change, made)?;
        }
        Ok(decided == Some(true))
    }

    /// The last reading. It also decides about a change without a response.
    async fn read_again(
        &mut self,
        plan: &EnvPlan,
        expected: &mut ExpectedVariables,
        ends: &mut [ChangeEnd],
        stop: &mut Option<EnvStop>,
    ) -> Option<FinalRead> {
        let found = match self.api.variables(plan.owner()).await {
            Ok(found) => found,
            Err(source) => {
                stop.get_or_insert(EnvStop::Read { owner: plan.owner().clone(), source });
                return None;
            }
        };
        let variables = found.0.len();
        let differences = match expected.compare(&found) {
            Ok(decided) => {
                for (end, change) in ends.iter_mut().zip(plan.changes()) {
                    let Some(made) = decided.filter(|_| *end == ChangeEnd::Unknown) else { continue };
                    *end = if made { ChangeEnd::Made } else { ChangeEnd::NotMade };
                    if let Err(why) = self.record_finding(change, made) {
                        stop.get_or_insert(why);
                    }
                }
                Vec::new()
            }
            Err(moved) => {
                let differences = moved.iter().map(ToString::to_string).collect();
                stop.get_or_insert(EnvStop::Moved { owner: plan.owner().clone(), moved });
                differences
            }
        };
        Some(FinalRead { variables, differences })
    }

    /// Records the response to a request: `done`, or why not.
    fn record_result(&mut self, request: u64, outcome: String) -> Result<(), EnvStop> {
        self.record(EnvEvent::Result { request, outcome, status: None, request_id: None, message: None })
    }

    /// Records what a listing shows about a request without a response.
    fn record_finding(&mut self, change: &EnvChange, made: bool) -> Result<(), EnvStop> {
        let finding = if made { "made" } else { "not made" };
        self.record(EnvEvent::Decided { unit: change.to_string(), finding: finding.to_owned() })
    }

    fn record(&mut self, event: EnvEvent) -> Result<(), EnvStop> {
        Ok(self.audit.write(self.clock.now(), event)?)
    }
}

impl AppliedEnv {
    /// The number of changes that were made.
    pub(crate) fn made(&self) -> usize {
        self.results.iter().filter(|result| result.end == ChangeEnd::Made).count()
    }
}

/// How long a wait is, in a sentence.
fn after(wait: Duration) -> String {
    if wait.is_zero() { String::new() } else { format!(" in {:.0} s", wait.as_secs_f64().ceil()) }
}

fn joined(moved: &[MovedVariable]) -> String {
    const SHOWN: usize = 5;
    let mut shown: Vec<String> = moved.iter().take(SHOWN).map(ToString::to_string).collect();
    if moved.len() > SHOWN {
        shown.push(count(moved.len() - SHOWN, "more change"));
    }
    shown.join(", ")
}
