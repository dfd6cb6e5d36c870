//! One database: reads it every interval, answers requests in between, and tries again while it is away.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;
use std::time::Instant;

use futures_util::future::Either;
use futures_util::future::select;
use reproq_queue::pg;
use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::UnboundedSender;

use crate::commands::database::Database;
use crate::commands::database::DatabaseAddress;
use crate::commands::hints;
use crate::commands::queue::QueuePausePlan;
use crate::commands::queue::SingleTaskPlan;
use crate::commands::queue::single_cancel;
use crate::commands::queue::single_retry;
use crate::commands::session::Session;
use crate::commands::top::model::TopQuestion;
use crate::commands::top::model::TopSnapshot;
use crate::commands::top::read;
use crate::commands::top::update::TopAnswer;
use crate::commands::top::update::TopEvent;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

/// What the user wants of a database, with the number of the request.
#[derive(Debug)]
pub(super) enum FeedRequest {
    /// Read it now.
    Read,
    Ask(u64, TopQuestion),
    /// Carry out the plan of this number.
    Apply(u64),
    /// Forget it.
    Discard(u64),
}

/// A change that was shown and is not confirmed yet.
enum TopPlan {
    Task(Box<SingleTaskPlan>),
    Queue(QueuePausePlan),
}

/// A database.
pub(super) struct Feed<'a> {
    pub(super) number: usize,
    /// How it is reached, or why that is unknown.
    pub(super) address: Result<DatabaseAddress, String>,
    pub(super) interval: Duration,
    pub(super) began: Instant,
    pub(super) interrupted: pg::Interrupted,
    pub(super) session: &'a Session<'a>,
    pub(super) events: UnboundedSender<TopEvent>,
}

/// What a feed keeps between two requests.
#[derive(Default)]
struct FeedState {
    connection: Option<Database>,
    plans: BTreeMap<u64, TopPlan>,
}

impl Feed<'_> {
    /// Runs until nothing can be requested any more.
    pub(super) async fn run(self, mut requests: UnboundedReceiver<FeedRequest>) {
        let mut state = FeedState::default();
        loop {
            let result = self.read(&mut state).await;
            self.tell(TopEvent::Read { database: self.number, at: self.began.elapsed(), result });
            if !self.serve(&mut requests, &mut state).await {
                break;
            }
        }
        if let Some(connection) = state.connection {
            connection.session.close().await;
        }
    }

    /// Serves requests until it is time to read again; `false` at the end.
    async fn serve(&self, requests: &mut UnboundedReceiver<FeedRequest>, state: &mut FeedState) -> bool {
        let mut sleep = pin!(tokio::time::sleep(self.interval));
        loop {
            let request = match select(sleep.as_mut(), pin!(requests.recv())).await {
                Either::Left(_) => return true,
                Either::Right((None, _)) => return false,
                Either::Right((Some(request), _)) => request,
            };
            match request {
                FeedRequest::Read => return true,
                FeedRequest::Discard(number) => drop(state.plans.remove(&number)),
                FeedRequest::Ask(number, question) => {
                    let answer = self.ask(state, number, question).await.unwrap_or_else(failed);
                    self.tell(TopEvent::Answer { number, answer });
                }
                FeedRequest::Apply(number) => {
                    let answer = self.apply(state, number).await.unwrap_or_else(failed);
                    self.tell(TopEvent::Answer { number, answer });
                    // What has changed is shown at once.
                    return true;
                }
            }
        }
    }

    /// After the end nobody listens.
    fn tell(&self, event: TopEvent) {
        let _ = self.events.send(event);
    }

    async fn read(&self, state: &mut FeedState) -> Result<Box<TopSnapshot>, String> {
        let result = async {
            let database = self.connected(state).await?;
            let reading = database.session.read(Limits::default(), async |tx| read::snapshot(tx).await);
            reading.await.map_err(hints::database)
        };
        let result = result.await;
        result.map(Box::new).map_err(|error| {
            // The next try is made on a new connection.
            state.connection = None;
            sentence(&error)
        })
    }

    async fn connected<'s>(&self, state: &'s mut FeedState) -> Result<&'s Database, CommandError> {
        let connection = match state.connection.take() {
            Some(connection) => connection,
            None => match &self.address {
                Ok(address) => address.open(self.interrupted).await?,
                Err(reason) => return Err(CommandError::message(ExitStatus::Usage, reason.clone())),
            },
        };
        Ok(state.connection.insert(connection))
    }

    async fn ask(&self, state: &mut FeedState, number: u64, question: TopQuestion) -> Result<TopAnswer, CommandError> {
        let database = self.connected(state).await?;
        let plan = match question {
            TopQuestion::Details(id) => {
                let reading =
                    database.session.read(Limits::default(), async |tx| read::details(tx, id, self.session).await);
                let lines = reading.await.map_err(|error: PgError| hints::database(error))?;
                let gone = || vec!["It no longer exists: finished tasks may be deleted.".to_owned()];
                return Ok(TopAnswer::Text(lines.unwrap_or_else(gone)));
            }
            TopQuestion::Retry(id) => TopPlan::Task(Box::new(single_retry(database, id).await?)),
            TopQuestion::Cancel(id) => TopPlan::Task(Box::new(single_cancel(database, id).await?)),
            TopQuestion::Pause(queue, pauses) => TopPlan::Queue(QueuePausePlan::read(database, &queue, pauses).await?),
        };
        let (lines, is_empty) = match &plan {
            TopPlan::Task(plan) => (plan.lines(), plan.is_empty()),
            TopPlan::Queue(plan) => (plan.lines(), plan.is_empty()),
        };
        if is_empty {
            return Ok(TopAnswer::NoChange(lines));
        }
        state.plans.insert(number, plan);
        Ok(TopAnswer::Plan(lines))
    }

    async fn apply(&self, state: &mut FeedState, number: u64) -> Result<TopAnswer, CommandError> {
        let Some(plan) = state.plans.remove(&number) else {
            return Err(CommandError::message(ExitStatus::Conflict, "there is no plan to carry out"));
        };
        let database = self.connected(state).await?;
        let lines = match plan {
            TopPlan::Task(plan) => plan.apply(database, self.session).await?,
            TopPlan::Queue(plan) => plan.apply(database, self.session).await?,
        };
        Ok(TopAnswer::Done(lines))
    }
}

/// An error on one line.
pub(super) fn sentence(error: &CommandError) -> String {
    let mut text = error.lines().join(": ");
    if let Some(hint) = error.hints.first() {
        text.push_str(&format!("; {hint}"));
    }
    text
}

fn failed(error: CommandError) -> TopAnswer {
    let lines = error.lines().into_iter().chain(error.details);
    TopAnswer::Failed(lines.chain(error.hints.into_iter().map(|hint| format!("hint: {hint}"))).collect())
}
